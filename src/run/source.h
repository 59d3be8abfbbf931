/* A result file as a source to merge from: verified, then read whole into plain memory. */
#ifndef DAM_RUN_SOURCE_H
#define DAM_RUN_SOURCE_H

#include "run/provenance.h"
#include "run/reduce.h"

/* All is owned. */
struct dam_source {
    char *name;
    char *text, *resolved; /* of its study */
    uint64_t *seeds;       /* ascending; more than one: the rows begin with theirs */
    size_t seed_count;
    struct dam_results results; /* kind, layout, rows, arrays, extents, tables, timings, failures */
    char *blas_core, *blas_version; /* of OpenBLAS, which the results belong to; NULL where they
                                       belong to none */
    struct dam_origin *origins;     /* itself, or the files it was merged from itself */
    size_t origin_count;
};

/* Read one file. It must be of the kind, schema and, where the kind depends on it, OpenBLAS's core
 * type and version of `first`, a source read before (NULL: none), and `kinds` must have them.
 * *source is the caller's, also after a failure. Fails with DAM_FILE, DAM_DAMAGED where dam_verify
 * finds a fault, DAM_INPUT where the file is of another kind, schema, core type, version of
 * OpenBLAS or of dam, DAM_MEMORY. Not collective. */
enum dam_status dam_source_read(struct dam_source *source, const char *name,
                                const struct dam_kinds *kinds, const struct dam_source *first,
                                struct dam_error *error) DAM_CHECKED;
void dam_source_destroy(struct dam_source *source);

/* One row of /results. */
const unsigned char *dam_source_row(const struct dam_source *source, size_t row);

/* The rows that a row of /results has in table t of the kind: the first of `count` in
 * results.tables[t]. */
size_t dam_source_table(const struct dam_source *source, size_t t, size_t row, size_t *count);

/* Bytes of the seed at the beginning of a row, in a file of so many seeds. */
size_t dam_seed_bytes(size_t seed_count);

#endif
