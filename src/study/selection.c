#include "study/selection.h"

#include "study/axis.h"
#include "study/scalar.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct dam_parameter best_parameter = {
    .name = "best", .type = DAM_INTEGER, .low.integer = 1, .high.integer = DAM_DOCUMENT_NODES_MAX};

/* The longer of two that begin alike stands first. */
static const struct {
    const char *text;
    enum dam_comparison comparison;
} comparisons[] = {
    {"<=", DAM_LESS_OR_EQUAL}, {"<", DAM_LESS},   {">=", DAM_GREATER_OR_EQUAL},
    {">", DAM_GREATER},        {"==", DAM_EQUAL},
};

static enum dam_status fail_memory(struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "out of memory while reading the study");
}

static enum dam_status fail_condition(const struct dam_node *node, struct dam_error *error) {
    char excerpt[DAM_EXCERPT_LENGTH];
    return dam_fail_at(error, node->place,
                       "where: %s%sallowed: a column, one of < <= > >= ==, and a value, such as "
                       "validation_error < 2; or a list of such",
                       node->type == DAM_NODE_SCALAR ? dam_scalar_excerpt(excerpt, node->text) : "",
                       node->type == DAM_NODE_SCALAR && node->text[0] != '\0'
                           ? " is no comparison; "
                           : "no comparison is given; ");
}

/* A text without the blanks around it, a fresh string. */
static char *trimmed(const char *begin, const char *end) {
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    return strndup(begin, (size_t)(end - begin));
}

/* "column < value". */
static enum dam_status read_condition(struct dam_condition *condition, const struct dam_node *node,
                                      struct dam_error *error) {
    if (node->type != DAM_NODE_SCALAR)
        return fail_condition(node, error);
    const char *sign = node->text + strcspn(node->text, "<>=");
    size_t c = 0, count = sizeof comparisons / sizeof *comparisons;
    while (c < count && strncmp(sign, comparisons[c].text, strlen(comparisons[c].text)) != 0)
        c++;
    if (c == count)
        return fail_condition(node, error);
    const char *value = sign + strlen(comparisons[c].text);
    condition->place = node->place;
    condition->comparison = comparisons[c].comparison;
    condition->column = trimmed(node->text, sign);
    condition->text = trimmed(value, value + strlen(value));
    if (condition->column == NULL || condition->text == NULL)
        return fail_memory(error);
    if (condition->column[0] == '\0' || condition->text[0] == '\0' ||
        strpbrk(condition->text, "<>=") != NULL)
        return fail_condition(node, error);
    condition->is_number = dam_scalar_real(condition->text, &condition->number) == NULL;
    return DAM_OK;
}

static enum dam_status read_conditions(struct dam_selection *selection,
                                       const struct dam_node *where, struct dam_error *error) {
    bool list = where->type == DAM_NODE_SEQUENCE;
    size_t count = list ? where->count : 1;
    if (count == 0)
        return fail_condition(where, error);
    selection->conditions = calloc(count, sizeof *selection->conditions);
    if (selection->conditions == NULL)
        return fail_memory(error);
    selection->condition_count = count;
    const struct dam_node *node = list ? where->first : where;
    enum dam_status status = DAM_OK;
    for (size_t i = 0; i < count && status == DAM_OK; i++, node = node->next)
        status = read_condition(&selection->conditions[i], node, error);
    return status;
}

static enum dam_status check_text(const struct dam_node *node, const char *key, const char *allowed,
                                  struct dam_error *error) {
    if (node->type == DAM_NODE_SCALAR && node->text[0] != '\0')
        return DAM_OK;
    return dam_fail_at(error, node->place, "%s: allowed: %s", key, allowed);
}

enum dam_status dam_selection_read(struct dam_selection *selection, const struct dam_node *from,
                                   const struct dam_node *where, const struct dam_node *best,
                                   const struct dam_node *by, const struct dam_node *each,
                                   struct dam_error *error) {
    enum dam_status status = check_text(from, "from", "the name of a result file, FILE.h5", error);
    selection->path = from->text;
    selection->place = from->place;
    if (status == DAM_OK && where != NULL)
        status = read_conditions(selection, where, error);
    if (status == DAM_OK && best != NULL) {
        union dam_value value;
        status = dam_value_read(&best_parameter, best, &value, error);
        selection->best = status == DAM_OK ? (uint64_t)value.integer : 0;
    }
    if (status == DAM_OK && by != NULL) {
        status = check_text(by, "by", "the name of a column of /results", error);
        selection->by = by->text;
        selection->by_place = by->place;
    }
    if (status == DAM_OK && each != NULL) {
        status = check_text(each, "each", "the name of a column of /results", error);
        selection->each = each->text;
        selection->each_place = each->place;
    }
    if (status == DAM_OK && each != NULL && best == NULL)
        status = dam_fail_at(error, each->key_place, "each: has no effect without best");
    return status;
}

void dam_selection_destroy(struct dam_selection *selection) {
    if (selection == NULL)
        return;
    for (size_t i = 0; i < selection->condition_count; i++) {
        free(selection->conditions[i].column);
        free(selection->conditions[i].text);
    }
    free(selection->conditions);
    dam_documents_destroy(&selection->documents);
    free(selection);
}

bool dam_condition_holds(const struct dam_condition *condition, double value) {
    assert(condition->is_number);
    switch (condition->comparison) {
    case DAM_LESS:
        return value < condition->number;
    case DAM_LESS_OR_EQUAL:
        return value <= condition->number;
    case DAM_GREATER:
        return value > condition->number;
    case DAM_GREATER_OR_EQUAL:
        return value >= condition->number;
    case DAM_EQUAL:
        return value == condition->number;
    }
    assert(!"a comparison of the enum");
    return false;
}
