/* What a result file contains: the one list of its datasets, for publishing and for merging. */
#ifndef DAM_RUN_CONTENTS_H
#define DAM_RUN_CONTENTS_H

#include "run/provenance.h"
#include "run/reduce.h"
#include <mpi.h>

/* The tables that every file has besides /results: their rows are structs dam_failure, dam_timing,
 * dam_origin. */
struct dam_table {
    const char *path; /* "/failures" */
    struct dam_layout layout;
    const char *unit, *doc;
};
extern const struct dam_table dam_failure_table, dam_timing_table, dam_origin_table;

/* All is borrowed. Every rank has its own cells in `results` and the same in the rest. */
struct dam_contents {
    const struct dam_results *results;
    const char *text, *resolved; /* of the study */
    const uint64_t *seeds;       /* ascending; more than one: the layout has the seed's column */
    size_t seed_count;
    const struct dam_provenance *provenance;
};

/* Write a result file: make it anew at `path` (what has that name is removed), check that there is
 * room, write, read back, bring to disk. Collective; the same status on every rank. On failure
 * there is no file; after DAM_PARALLEL HDF5 cannot be used any more. */
enum dam_status dam_contents_write(MPI_Comm comm, const struct dam_contents *contents,
                                   const char *path, struct dam_error *error) DAM_CHECKED;

#endif
