#include "kinds/rows.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum dam_status grow(struct dam_rows *rows, struct dam_error *error) {
    size_t capacity, size;
    union dam_value *values = NULL;
    if (!__builtin_mul_overflow(rows->capacity, 2, &capacity) &&
        !__builtin_add_overflow(capacity, 16, &capacity) &&
        !__builtin_mul_overflow(capacity, rows->width, &size) &&
        !__builtin_mul_overflow(size, sizeof *values, &size))
        values = realloc(rows->values, size);
    if (values == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for more than %zu rows of a table",
                        rows->count);
    rows->values = values;
    rows->capacity = capacity;
    return DAM_OK;
}

enum dam_status dam_rows_append(struct dam_rows *rows, union dam_value **row,
                                struct dam_error *error) {
    assert(rows->width > 0);
    if (rows->count == rows->capacity) {
        enum dam_status status = grow(rows, error);
        if (status != DAM_OK)
            return status;
    }
    *row = rows->values + rows->count++ * rows->width;
    return DAM_OK;
}

enum dam_status dam_rows_add(struct dam_rows *rows, const union dam_value *values,
                             struct dam_error *error) {
    union dam_value *row;
    enum dam_status status = dam_rows_append(rows, &row, error);
    if (status == DAM_OK)
        memcpy(row, values, rows->width * sizeof *values);
    return status;
}

union dam_value *dam_rows_row(const struct dam_rows *rows, size_t row) {
    assert(row < rows->count);
    return rows->values + row * rows->width;
}

void dam_rows_destroy(struct dam_rows *rows) {
    free(rows->values);
    *rows = (struct dam_rows){.width = rows->width};
}
