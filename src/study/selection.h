/* What a study takes over from another result: which of its rows become blocks of parameters.
 *
 *     from: window.h5                  # the complete rows of its /results ...
 *     where: validation_error < 2      # ... that satisfy a comparison, or each of a list ...
 *     best: 8                          # ... the first so many of them ...
 *     by: validation_error             # ... in ascending order of a column; else as they lie
 *     each: n                          # ... of each value of another
 *
 * The file itself is read elsewhere: whoever reads it gives the study one more override,
 * "selected=[{...}, ...]", so that ranks and stored texts need no file.
 */
#ifndef DAM_STUDY_SELECTION_H
#define DAM_STUDY_SELECTION_H

#include "study/document.h"
#include "study/schema.h"

enum dam_comparison { DAM_LESS, DAM_LESS_OR_EQUAL, DAM_GREATER, DAM_GREATER_OR_EQUAL, DAM_EQUAL };

/* One comparison: a column, and what its value is compared with. */
struct dam_condition {
    char *column;
    enum dam_comparison comparison;
    char *text; /* as written */
    bool is_number;
    double number; /* where it is one */
    struct dam_place place;
};

struct dam_selection {
    const struct dam_schema *schema; /* of the study's kind */
    bool given[DAM_PARAMETERS_MAX];  /* the study's top level gives it: a row's value is not used */
    uint64_t replicas;               /* the study's own; 0: it gives none */
    struct dam_place replicas_place;
    const char *path;       /* of the result file, as written */
    struct dam_place place; /* of the path */
    struct dam_condition *conditions;
    size_t condition_count;
    uint64_t best;  /* 0: all */
    const char *by; /* NULL: as they lie in the file */
    struct dam_place by_place;
    const char *each; /* NULL: of all rows together */
    struct dam_place each_place;
    struct dam_document *documents; /* which texts and places belong to */
};

/* The key that the chosen rows are given to the study by. */
#define DAM_SELECTED_KEY "selected"

/* Fill in path, conditions, best, by and each from the values of these keys, NULL where there is
 * none (`from` is there). Fails with DAM_INPUT, DAM_MEMORY; destroy the selection in any case. */
enum dam_status dam_selection_read(struct dam_selection *selection, const struct dam_node *from,
                                   const struct dam_node *where, const struct dam_node *best,
                                   const struct dam_node *by, const struct dam_node *each,
                                   struct dam_error *error) DAM_CHECKED;

/* NULL is allowed. */
void dam_selection_destroy(struct dam_selection *selection);

/* Does a number satisfy it? NaN never does. The condition's is_number must be set. */
bool dam_condition_holds(const struct dam_condition *condition, double value);

#endif
