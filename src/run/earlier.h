/* The result that an earlier run published: what it holds of replicas whose last state is lost
 * since, so that publishing again loses none of it. */
#ifndef DAM_RUN_EARLIER_H
#define DAM_RUN_EARLIER_H

#include "run/layout.h"
#include "run/output.h"
#include "run/reduction.h"
#include "run/result.h"
#include "study/study.h"

/* What the file has of an array column: NULL, nothing that can be taken. Of those that hold last
 * states a description, without the bytes, which were found sound. */
struct dam_earlier_array {
    bool looked;
    struct dam_result_dataset *dataset;
};

/* Set up with the first three, all borrowed; the rest is owned, and comes with the first question.
 */
struct dam_earlier {
    const struct dam_output_paths *paths;
    const struct dam_study *study;
    const struct dam_kind *kind;

    bool looked;
    struct dam_layout layout;
    struct dam_result *result;        /* NULL: none, or of another study */
    struct dam_result_dataset *rows;  /* /results */
    struct dam_earlier_array *arrays; /* [column_count] */
};
void dam_earlier_destroy(struct dam_earlier *earlier);

/* Take a replica's part of the columns that hold last states over into a reduction of its cell.
 * *taken is false, and nothing changed, where the file has no such part, or where it is of another
 * moment: all else that the file has of the replica, in the other columns, must be the same. Only
 * datasets whose checksum is right count. Fails with DAM_FILE where there is a file that cannot be
 * read, which must then not be replaced, and DAM_MEMORY. Not collective. */
enum dam_status dam_earlier_take(struct dam_earlier *earlier, const struct dam_cell *cell,
                                 uint32_t replica, struct dam_reduction *reduction, bool *taken,
                                 struct dam_error *error) DAM_CHECKED;

/* Read what dam_earlier_take may read of an open result of this kind, all of it, and forget it:
 * what a damaged file does to the HDF5 library then shows where it does no harm. Nothing where the
 * file has no last states. */
void dam_earlier_try(struct dam_result *result, const struct dam_kind *kind);

#endif
