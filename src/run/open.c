#include "run/open.h"
#include <stdio.h>
#include <stdlib.h>

enum dam_status dam_open_text(const struct dam_kinds *kinds, const char *name, const char *text,
                              size_t length, const char *const *overrides, size_t override_count,
                              struct dam_study **study, const struct dam_kind **kind,
                              struct dam_error *error) {
    const struct dam_schema **schemas = calloc(kinds->count + 1, sizeof *schemas);
    if (schemas == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for the kinds");
    for (size_t k = 0; k < kinds->count; k++)
        schemas[k] = &kinds->list[k]->schema;
    enum dam_status status = dam_study_parse(study, name, text, length, overrides, override_count,
                                             schemas, kinds->count, error);
    free(schemas);
    if (status != DAM_OK)
        return status;
    *kind = dam_kinds_find(kinds, (*study)->schema->name);
    if ((*study)->cell_count < UINT32_MAX)
        return DAM_OK;
    status = dam_fail(error, DAM_INPUT, "%s: %zu cells; allowed: below 2^32 - 1", name,
                      (*study)->cell_count);
    dam_study_destroy(*study);
    *study = NULL;
    return status;
}

double dam_open_largest(const struct dam_study *study, const struct dam_kind *kind,
                        char *identity) {
    double most = 0;
    size_t largest = 0;
    struct dam_cell cell;
    for (size_t c = 0; c < study->cell_count; c++) {
        struct dam_cost cost;
        dam_study_cell(study, c, &cell);
        kind->cost(&cell, &cost);
        if (cost.bytes > most) {
            most = cost.bytes;
            largest = c;
        }
    }
    dam_study_cell(study, largest, &cell);
    dam_cell_identity(study->schema, cell.values, identity);
    return most;
}

const char *dam_bytes_text(char text[32], double bytes) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1000;
    snprintf(text, 32, "%.3g %s", bytes, units[unit]);
    return text;
}
