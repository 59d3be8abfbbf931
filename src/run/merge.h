/* Joining result files of one kind and schema into one: the whole of `dam merge` below its command
 * line.
 *
 * A cell is the same in two files when its science and its seed are. Where files hold it twice, a
 * complete one stands for those that are partial or failed, equal ones for each other, and all else
 * is a contradiction. Files with the same study's text (its slices) give their rows in the study's
 * own order; other studies follow each other in the order of their files. */
#ifndef DAM_RUN_MERGE_H
#define DAM_RUN_MERGE_H

#include "kinds/kind.h"
#include <mpi.h>

struct dam_merge_options {
    const char *const *files;
    size_t file_count;  /* at least 1 */
    const char *output; /* must not exist */
};

struct dam_merged {
    uint64_t cells, partial, failed; /* of the output, by status */
    uint64_t repeated;               /* rows left out: their cell stands already */
    size_t seeds;
};

/* Read and verify all files, join them, write the output as carefully as publishing does.
 * Collective, but rank 0 does all of it; options and *merged matter there alone. The same status on
 * every rank: DAM_INPUT where files do not go together, contradict each other, or the output
 * exists; DAM_FILE, DAM_DAMAGED, DAM_LIBRARY, DAM_MEMORY. On failure nothing is left behind. */
enum dam_status dam_merge(MPI_Comm comm, const struct dam_kinds *kinds,
                          const struct dam_merge_options *options, struct dam_merged *merged,
                          struct dam_error *error) DAM_CHECKED;

#endif
