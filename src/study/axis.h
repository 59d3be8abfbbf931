/* What a study says of one parameter: a value, a list, a range, or a range to sample from.
 *
 * Whatever enters a value is exact or correctly rounded (128 bits of MPFR, then 12 significant
 * digits), so that values, and with them cell hashes, are the same on every machine. */
#ifndef DAM_STUDY_AXIS_H
#define DAM_STUDY_AXIS_H

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

/* Read one value of a parameter. On failure the message is "place: name: what was read; what is
 * allowed". */
enum dam_status dam_value_read(const struct dam_parameter *parameter, const struct dam_node *node,
                               union dam_value *value, struct dam_error *error) DAM_CHECKED;

/* Read what a study gives for a parameter: a value, a list or a range; a range without step and
 * count when `sampled` allows it. The axis is put at the head of the list *axes, also
 * after a failure; free each with dam_axis_destroy. */
enum dam_status dam_axis_read(struct dam_axis **axes, const struct dam_parameter *parameter,
                              const struct dam_node *node, bool sampled,
                              const struct dam_axis **axis, struct dam_error *error) DAM_CHECKED;

/* Write the axis as YAML in flow style, a range as a range. */
void dam_axis_print(FILE *out, const struct dam_axis *axis);

/* Make the values of a range, joining equal neighbours (integers that round to the same). */
enum dam_status dam_axis_expand(struct dam_axis *axis, struct dam_error *error) DAM_CHECKED;

/* Draw number `draw`: a pure function of (seed, draw, parameter's name). Lists and expanded ranges
 * are drawn from uniformly. */
union dam_value dam_axis_draw(const struct dam_axis *axis, uint64_t seed, uint64_t draw);

void dam_axis_destroy(struct dam_axis *axis);

#endif
