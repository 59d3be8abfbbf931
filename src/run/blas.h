/* OpenBLAS: which of its kernels a run uses.
 *
 * They differ in the last digits, and it picks them by the CPU as it is loaded, before main: an
 * older one takes a newer CPU for an old one, and is several times slower there. So the program
 * chooses, sets what OpenBLAS reads, and begins again. Results that pass through BLAS belong to the
 * core type and the version of OpenBLAS, which all ranks and all runs of one output share. */
#ifndef DAM_RUN_BLAS_H
#define DAM_RUN_BLAS_H

#include <dam/error.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

enum { DAM_BLAS_CORE_LENGTH = 16, DAM_BLAS_VERSION_LENGTH = 16 };

/* Set the variables that OpenBLAS reads as it is loaded: one thread, since a rank is one core, and
 * the best core type for this CPU unless the user has set one. True: they were not set so before,
 * and count in a new process only. */
bool dam_blas_prepare(void);

/* The core type in use, 0-padded. */
void dam_blas_core(char core[DAM_BLAS_CORE_LENGTH]);

/* The version in use, as a number; 0: not known. */
uint32_t dam_blas_version(void);
void dam_blas_version_print(uint32_t version, char text[DAM_BLAS_VERSION_LENGTH]);

/* Do all ranks use the same of both? Collective; DAM_INPUT on every rank where not. */
enum dam_status dam_blas_agree(MPI_Comm comm, struct dam_error *error) DAM_CHECKED;

#endif
