/* From what a study says of each parameter to cells: axes, blocks of axes, and their unrolling.
 *
 * Cells are not stored: each keeps its raw number among all combinations of all blocks and its
 * hash, and its values are made again on demand.
 */
#ifndef DAM_STUDY_GRID_H
#define DAM_STUDY_GRID_H

#include "study/axis.h"

/* One entry of `grids`, or the whole study. */
struct dam_block {
    struct dam_place place;
    const struct dam_axis *axes[DAM_PARAMETERS_MAX]; /* NULL: not given, the default holds */
    uint32_t replicas;
    uint64_t first, count; /* its raw cells: first .. first + count - 1 */
};

struct dam_grid {
    const struct dam_schema *schema;
    uint64_t seed;
    /* With search: random, cells of each block: sampled ranges are drawn from their scale, lists
     * and other ranges uniformly from their values. Blocks share their draws. 0: every combination.
     */
    uint64_t draws;
    struct dam_block *blocks;
    size_t block_count;
    struct dam_axis *axes;
    struct dam_document *documents; /* which the axes' nodes belong to */
    uint32_t *raw;                  /* [cell_count] raw numbers, increasing */
    struct dam_hash *hashes;        /* [cell_count] */
    size_t cell_count;
};

/* Make the cells of a grid whose blocks are filled in. Fails with DAM_INPUT when there are too
 * many, before allocating anything for them, or when resolve() refuses one; DAM_MEMORY. */
enum dam_status dam_grid_unroll(struct dam_grid *grid, struct dam_error *error) DAM_CHECKED;

/* Leave only the cells first, first + step, first + 2 step ... */
void dam_grid_keep(struct dam_grid *grid, size_t first, size_t step);

/* As dam_study_cell. */
void dam_grid_cell(const struct dam_grid *grid, size_t index, struct dam_cell *cell);

/* Free the grid with its blocks, axes and documents; NULL is allowed. */
void dam_grid_destroy(struct dam_grid *grid);

#endif
