/* From what a study says of each parameter to cells: axes, blocks of axes, and their unrolling.
 *
 * Cells are not stored: each keeps its raw number among all combinations of all blocks and its
 * hash, and its values are made again on demand. Whatever enters a value is exact or correctly
 * rounded (128 bits of MPFR, then 12 significant digits), so that values, and with them cell
 * hashes, are the same on every machine.
 */
#ifndef DAM_STUDY_GRID_H
#define DAM_STUDY_GRID_H

#include "study/document.h"
#include "study/schema.h"
#include <mpfr.h>

/* A study has fewer raw cells (before equal ones are joined) than this. */
#ifndef DAM_GRID_LIMIT
#define DAM_GRID_LIMIT 1000000000
#endif

enum dam_axis_form {
    DAM_AXIS_LIST,   /* one value, or a list as written */
    DAM_AXIS_STEPS,  /* {from, to, step} */
    DAM_AXIS_COUNT,  /* {from, to, count, scale} */
    DAM_AXIS_SAMPLED /* {from, to, scale}, with search: random */
};

/* The values one parameter takes. */
struct dam_axis {
    const struct dam_parameter *parameter;
    const struct dam_node *node; /* as written; borrowed from the document */
    enum dam_axis_form form;
    bool logarithmic;
    union dam_value from, to, step; /* ranges; step for DAM_AXIS_STEPS alone */
    uint64_t points;                /* ranges: values before equal ones are joined; lists: values */
    bool ends_at_to;                /* the last point is `to` itself */
    mpfr_t base, slope;             /* point i is base + slope i / (points - 1), steps: + slope i;
                                       logarithmic: the exponential of that */
    union dam_value *values;        /* NULL until expanded, and for sampled axes */
    size_t count;
    uint32_t stream;       /* names the random numbers of its draws: a hash of the parameter's name,
                              so that a parameter added to the table changes no draw */
    struct dam_axis *next; /* all axes of a grid */
};

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

/* Read one value of a parameter. On failure the message is "place: name: what was read; what is
 * allowed". */
enum dam_status dam_value_read(const struct dam_parameter *parameter, const struct dam_node *node,
                               union dam_value *value, struct dam_error *error) DAM_CHECKED;

/* Read what a study gives for a parameter: a value, a list or a range; a range without step and
 * count when `sampled` allows it. The axis joins grid->axes, which owns it. */
enum dam_status dam_axis_read(struct dam_grid *grid, const struct dam_parameter *parameter,
                              const struct dam_node *node, bool sampled,
                              const struct dam_axis **axis, struct dam_error *error) DAM_CHECKED;

/* Write the axis as YAML in flow style, a range as a range. */
void dam_axis_print(FILE *out, const struct dam_axis *axis);

/* Make the cells of a grid whose blocks are filled in. Fails with DAM_INPUT when there are too
 * many, before allocating anything for them, or when resolve() refuses one; DAM_MEMORY. */
enum dam_status dam_grid_unroll(struct dam_grid *grid, struct dam_error *error) DAM_CHECKED;

/* As dam_study_cell. */
void dam_grid_cell(const struct dam_grid *grid, size_t index, struct dam_cell *cell);

/* Free the grid with its blocks, axes and documents; NULL is allowed. */
void dam_grid_destroy(struct dam_grid *grid);

#endif
