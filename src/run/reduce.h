/* Rows -> results: a rank's cells, each reduced from its rows in replica order. */
#ifndef DAM_RUN_REDUCE_H
#define DAM_RUN_REDUCE_H

#include "run/earlier.h"
#include "run/exchange.h"
#include "run/layout.h"
#include "run/output.h"
#include "run/reduction.h"
#include <mpi.h>

enum { DAM_MESSAGE_LENGTH = 240, DAM_STATUS_LENGTH = 40 };

/* Rows of /failures and /provenance/timing. */
struct dam_failure {
    int64_t cell, round, replica, start_begin, start_end;
    char status[DAM_STATUS_LENGTH], message[DAM_MESSAGE_LENGTH];
};
struct dam_timing {
    int64_t cell, tasks;
    double seconds, predicted;
};

/* What this rank makes of its cells first .. first + count - 1. */
struct dam_results {
    const struct dam_study *study;
    const struct dam_kind *kind;
    const char *folder;          /* of the journal, where states lie */
    struct dam_earlier *earlier; /* while the cells are reduced */
    struct dam_layout layout;
    size_t first, count;
    unsigned char *rows;        /* [count][layout.row_size] */
    void **arrays;              /* for each array column c: [count] of extents[c] */
    struct dam_extent *extents; /* [column_count], of all ranks */
    struct dam_rows *tables;    /* [table_count], each row behind its cell; in the cells' order */
    struct dam_reduction reduction;
    struct dam_timing *timings; /* [count] */
    struct dam_failure *failures;
    size_t failure_count, failure_capacity;
    uint64_t complete, partial, failed; /* cells by status */
};

/* Room for the arrays of `count` cells in results->arrays, by their extents; NULL for an optional
 * one that has no elements. False when out of memory. */
bool dam_results_room(struct dam_results *results, size_t c) DAM_CHECKED;

/* One cell's part of an array column; NULL where there is none. */
void *dam_results_elements(const struct dam_results *results, size_t c, size_t row);

/* No rows yet of each of the kind's tables, behind their cells: fresh, of the caller's; NULL when
 * out of memory. */
struct dam_rows *dam_tables_new(const struct dam_kind *kind);

/* Reduce the cells this rank owns from their rows, the states in the journal's folder, and where
 * these are lost, the result that is published. The paths are borrowed. Collective; the same status
 * on every rank.
 * *results is the caller's, also after a failure. */
enum dam_status dam_results_new(struct dam_results *results, MPI_Comm comm,
                                const struct dam_study *study, const struct dam_kind *kind,
                                const struct dam_output_paths *paths,
                                const struct dam_holding *holding,
                                struct dam_error *error) DAM_CHECKED;
void dam_results_destroy(struct dam_results *results);

#endif
