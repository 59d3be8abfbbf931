/* The study that rank 0 reads, on every rank. */
#ifndef DAM_RUN_SHARE_H
#define DAM_RUN_SHARE_H

#include "run/run.h"

/* Rank 0 reads the file and finds its faults; the others get its text and the overrides, which
 * parse to the same study, and need no file. Collective; the same status on every rank. Options
 * need only be valid on rank 0. *study, which must be NULL and may be set even after a failure, is
 * the caller's, to be freed with dam_study_destroy. Fails with DAM_INPUT, DAM_MEMORY. */
enum dam_status dam_share_study(MPI_Comm comm, const struct dam_kinds *kinds,
                                const struct dam_run_options *options, struct dam_study **study,
                                const struct dam_kind **kind, struct dam_error *error) DAM_CHECKED;

#endif
