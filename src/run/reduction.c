#include "run/reduction.h"
#include "run/array.h"
#include <stdlib.h>
#include <string.h>

static enum dam_status no_memory(const struct dam_kind *kind, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "no memory for the results of a cell of kind %s",
                    kind->schema.name);
}

enum dam_status dam_reduction_new(struct dam_reduction *reduction, const struct dam_kind *kind,
                                  struct dam_error *error) {
    size_t columns = kind->column_count, tables = kind->table_count;
    *reduction = (struct dam_reduction){.kind = kind};
    reduction->scalars = calloc(columns + 1, sizeof *reduction->scalars);
    reduction->arrays = calloc(columns + 1, sizeof *reduction->arrays);
    reduction->room = calloc(columns + 1, sizeof *reduction->room);
    reduction->tables = calloc(tables + 1, sizeof *reduction->tables);
    if (reduction->scalars == NULL || reduction->arrays == NULL || reduction->room == NULL ||
        reduction->tables == NULL)
        return no_memory(kind, error);
    for (size_t t = 0; t < tables; t++)
        reduction->tables[t].width = kind->tables[t].column_count;
    return DAM_OK;
}

void dam_reduction_destroy(struct dam_reduction *reduction) {
    for (size_t c = 0; reduction->arrays != NULL && c < reduction->kind->column_count; c++)
        free(reduction->arrays[c]);
    for (size_t t = 0; reduction->tables != NULL && t < reduction->kind->table_count; t++)
        dam_rows_destroy(&reduction->tables[t]);
    free(reduction->scalars);
    free(reduction->arrays);
    free(reduction->room);
    free(reduction->tables);
    *reduction = (struct dam_reduction){0};
}

/* An array of zeros, as long as the cell's is. */
static enum dam_status clear_array(struct dam_reduction *reduction, const struct dam_cell *cell,
                                   size_t c, struct dam_error *error) {
    struct dam_extent extent = reduction->kind->extent(cell, c);
    size_t size = dam_array_size(&reduction->kind->columns[c], &extent);
    if (reduction->arrays[c] == NULL || size > reduction->room[c]) {
        void *array = realloc(reduction->arrays[c], size > 0 ? size : 1);
        if (array == NULL)
            return no_memory(reduction->kind, error);
        reduction->arrays[c] = array;
        reduction->room[c] = size;
    }
    memset(reduction->arrays[c], 0, size);
    return DAM_OK;
}

enum dam_status dam_reduction_make(struct dam_reduction *reduction, const struct dam_cell *cell,
                                   const struct dam_history *history, struct dam_error *error) {
    const struct dam_kind *kind = reduction->kind;
    enum dam_status status = DAM_OK;
    memset(reduction->scalars, 0, kind->column_count * sizeof *reduction->scalars);
    for (size_t c = 0; status == DAM_OK && c < kind->column_count; c++)
        if (kind->columns[c].shape == DAM_ARRAY)
            status = clear_array(reduction, cell, c, error);
    for (size_t t = 0; t < kind->table_count; t++)
        reduction->tables[t].count = 0;
    const struct dam_output output = {reduction->scalars, reduction->arrays, reduction->tables};
    return status == DAM_OK ? kind->reduce(cell, history, &output, error) : status;
}
