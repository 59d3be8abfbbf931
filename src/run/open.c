#include "run/open.h"
#include "run/array.h"
#include "run/deal.h"
#include "run/history.h"
#include "run/journal.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The kinds' schemas, in a fresh array; NULL when out of memory. */
static const struct dam_schema **schemas_of(const struct dam_kinds *kinds,
                                            struct dam_error *error) {
    const struct dam_schema **schemas = calloc(kinds->count + 1, sizeof *schemas);
    for (size_t k = 0; schemas != NULL && k < kinds->count; k++)
        schemas[k] = &kinds->list[k]->schema;
    if (schemas == NULL)
        dam_fail(error, DAM_MEMORY, "no memory for the kinds");
    return schemas;
}

enum dam_status dam_open_selection(const struct dam_kinds *kinds, const char *name,
                                   const char *text, size_t length, const char *const *overrides,
                                   size_t override_count, struct dam_selection **selection,
                                   struct dam_error *error) {
    const struct dam_schema **schemas = schemas_of(kinds, error);
    if (schemas == NULL)
        return DAM_MEMORY;
    enum dam_status status = dam_study_selection(selection, name, text, length, overrides,
                                                 override_count, schemas, kinds->count, error);
    free(schemas);
    return status;
}

/* What the study layer cannot know. */
static enum dam_status check(const char *name, const struct dam_study *study,
                             const struct dam_kind *kind, struct dam_error *error) {
    if (kind->reads != NULL && study->from == NULL)
        return dam_fail(error, DAM_INPUT,
                        "%s: from: missing; kind %s reads %s of a result: from: FILE.h5", name,
                        kind->schema.name, kind->reads);
    if (study->cell_count < UINT32_MAX)
        return DAM_OK;
    return dam_fail(error, DAM_INPUT, "%s: %zu cells; allowed: below 2^32 - 1", name,
                    study->cell_count);
}

enum dam_status dam_open_text(const struct dam_kinds *kinds, const char *name, const char *text,
                              size_t length, const char *const *overrides, size_t override_count,
                              struct dam_study **study, const struct dam_kind **kind,
                              struct dam_error *error) {
    const struct dam_schema **schemas = schemas_of(kinds, error);
    if (schemas == NULL)
        return DAM_MEMORY;
    enum dam_status status = dam_study_parse(study, name, text, length, overrides, override_count,
                                             schemas, kinds->count, error);
    free(schemas);
    if (status != DAM_OK)
        return status;
    *kind = dam_kinds_find(kinds, (*study)->schema->name);
    status = check(name, *study, *kind, error);
    if (status == DAM_OK)
        return DAM_OK;
    dam_study_destroy(*study);
    *study = NULL;
    return status;
}

double dam_open_row_bytes(const struct dam_kind *kind, const struct dam_cell *cell) {
    return (double)(kind->record_size(cell) + sizeof(struct dam_row) + 16);
}

enum dam_status dam_open_prepare(const struct dam_study *study, const struct dam_kind *kind,
                                 struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t c = 0; kind->prepare != NULL && status == DAM_OK && c < study->cell_count; c++) {
        struct dam_cell cell;
        dam_study_cell(study, c, &cell);
        status = kind->prepare(&cell, error);
    }
    return status;
}

/* Add what one cell takes. */
static void add_cell(const struct dam_kind *kind, const struct dam_cell *cell,
                     struct dam_sizes *sizes) {
    struct dam_cost cost;
    kind->cost(cell, &cost);
    struct dam_round round = dam_first_round(kind, cell);
    uint64_t tasks = dam_round_items(&cost, &round);
    sizes->tasks += tasks;
    sizes->journal_bytes += (double)tasks * dam_open_row_bytes(kind, cell);
    sizes->state_bytes += round.replicas * cost.state_bytes;
    if (cost.bytes > sizes->task_bytes) {
        sizes->task_bytes = cost.bytes;
        dam_cell_identity(&kind->schema, cell->values, sizes->largest);
    }
}

/* Of one cell's result: all cells take as much, however small their arrays are. Notes the longest
 * row on the way. */
static double result_bytes(const struct dam_study *study, const struct dam_kind *kind,
                           struct dam_sizes *sizes) {
    double bytes = 8.0 * (double)(kind->schema.parameter_count + kind->column_count);
    for (size_t c = 0; c < kind->column_count; c++) {
        if (kind->columns[c].shape != DAM_ARRAY)
            continue;
        struct dam_extent widest = dam_array_widest(kind, c, study, 0, study->cell_count);
        double row = (double)dam_array_size(&kind->columns[c], &widest);
        bytes += row;
        if (row <= sizes->row_bytes)
            continue;
        sizes->row_bytes = row;
        sizes->longest_rows = kind->columns[c].name;
    }
    return bytes;
}

void dam_open_sizes(const struct dam_study *study, const struct dam_kind *kind,
                    struct dam_sizes *sizes) {
    struct dam_cell cell;
    *sizes = (struct dam_sizes){.tasks = 0};
    for (size_t c = 0; c < study->cell_count; c++) {
        dam_study_cell(study, c, &cell);
        add_cell(kind, &cell, sizes);
    }
    sizes->result_bytes = result_bytes(study, kind, sizes) * (double)study->cell_count;
}

double dam_physical_memory(void) {
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

const char *dam_bytes_text(char text[32], double bytes) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1000;
    snprintf(text, 32, "%.3g %s", bytes, units[unit]);
    return text;
}
