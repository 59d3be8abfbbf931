/* Tables for people (aligned columns, a header with units) and for programs (CSV: bare names,
 * numbers in full). Cells are added row by row; memory failures are kept until the table is
 * printed. */
#ifndef DAM_CLI_TABLE_H
#define DAM_CLI_TABLE_H

#include <dam/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct dam_table;

/* Free with dam_table_destroy; NULL when out of memory. */
struct dam_table *dam_table_new(bool csv);
void dam_table_destroy(struct dam_table *table);

/* Declare a column, before any cell. The unit "1" is not shown. Both are copied, and
 * printable (dam_printable). */
void dam_table_column(struct dam_table *table, const char *name, const char *unit);

/* The next cell of the current row. Reals: six digits for people and "-" for NaN; in CSV the
 * fewest digits that read back to the same number, nan, inf and -inf. Text is copied, and printable
 * (dam_printable). */
void dam_table_integer(struct dam_table *table, int64_t value);
void dam_table_real(struct dam_table *table, double value);
void dam_table_text(struct dam_table *table, const char *text, size_t length);

/* Fails with DAM_MEMORY when a cell could not be kept; prints nothing then. */
enum dam_status dam_table_print(const struct dam_table *table, FILE *out,
                                struct dam_error *error) DAM_CHECKED;

#endif
