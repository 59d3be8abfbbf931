/* The loops over memories that take nearly all of a retrieval's time, in a form for each
 * generation of CPUs. Decisions are exact, so results do not depend on which of them runs. Where
 * the CPU has AMX, the first call here asks the system to let the process use it.
 */
#ifndef DAM_KERNEL_H
#define DAM_KERNEL_H

#include <dam/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the kernels that this CPU can run, from the most portable to the fastest, NULL at the
 * end: "generic", ... Static strings. */
const char *const *dam_kernel_names(void);

/* The kernel in use: the fastest unless chosen otherwise. */
const char *dam_kernel_name(void);

/* Use this kernel for all networks made from now on, in the whole process; NULL is the fastest.
 * Not to be called while other threads make networks. Fails with DAM_INPUT when the name is not
 * one of dam_kernel_names; then nothing changes. */
enum dam_status dam_kernel_choose(const char *name, struct dam_error *error) DAM_CHECKED;

#ifdef __cplusplus
}
#endif

#endif
