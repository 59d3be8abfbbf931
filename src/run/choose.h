/* Which rows of several sources make a merged file, and in what order.
 *
 * A cell is the same in two sources when its science and its seed are: then one row stands for all.
 * Rows follow each other by study, in the order of the sources, and within a study as its cells
 * do; where a source is not one study's, as they lie in it. */
#ifndef DAM_RUN_CHOOSE_H
#define DAM_RUN_CHOOSE_H

#include "run/source.h"

/* Row `row` of source `source`. */
struct dam_choice {
    uint64_t seed;
    uint32_t source;
    size_t row;
};

/* Choose among the rows of all sources; studies[s] is the first source of the same study as s. Of
 * one cell a complete row stands for those that are not, equal ones for each other. Fails with
 * DAM_INPUT where a cell has several results. *choices, in the order of the output, is the
 * caller's, NULL after a failure to make it. */
enum dam_status dam_choose(const struct dam_source *sources, size_t source_count,
                           const uint32_t *studies, const struct dam_kinds *kinds,
                           struct dam_choice **choices, size_t *count,
                           struct dam_error *error) DAM_CHECKED;

#endif
