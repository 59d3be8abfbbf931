/* Rows of a table that grows: `width` numbers each, one after the other. */
#ifndef DAM_KINDS_ROWS_H
#define DAM_KINDS_ROWS_H

#include "study/schema.h"

/* Begins as {.width = numbers of a row}. Owns the values. */
struct dam_rows {
    size_t width;
    size_t count, capacity;  /* rows */
    union dam_value *values; /* [capacity][width] */
};

/* Add a copy of `width` values. On failure (DAM_MEMORY) the rows stay as they were. */
enum dam_status dam_rows_add(struct dam_rows *rows, const union dam_value *values,
                             struct dam_error *error) DAM_CHECKED;

/* Append a row for the caller to fill: *row, valid as of dam_rows_row. Fails likewise. */
enum dam_status dam_rows_append(struct dam_rows *rows, union dam_value **row,
                                struct dam_error *error) DAM_CHECKED;

/* One row; valid until the next is added. */
union dam_value *dam_rows_row(const struct dam_rows *rows, size_t row);

/* Free the values and begin anew, with the same width. */
void dam_rows_destroy(struct dam_rows *rows);

#endif
