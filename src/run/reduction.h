/* Room for what a kind's reduce() makes of one cell, used for one cell after the other. */
#ifndef DAM_RUN_REDUCTION_H
#define DAM_RUN_REDUCTION_H

#include "kinds/kind.h"

/* All is owned but the kind. */
struct dam_reduction {
    const struct dam_kind *kind;
    union dam_value *scalars;
    void **arrays;
    size_t *room;            /* bytes that arrays[c] has room for */
    struct dam_rows *tables; /* without the column `cell` */
};

/* *reduction is the caller's, also after a failure (DAM_MEMORY). */
enum dam_status dam_reduction_new(struct dam_reduction *reduction, const struct dam_kind *kind,
                                  struct dam_error *error) DAM_CHECKED;
void dam_reduction_destroy(struct dam_reduction *reduction);

/* Reduce a cell; what the one before left is gone. Fails as the kind does, or with DAM_MEMORY. */
enum dam_status dam_reduction_make(struct dam_reduction *reduction, const struct dam_cell *cell,
                                   const struct dam_history *history,
                                   struct dam_error *error) DAM_CHECKED;

#endif
