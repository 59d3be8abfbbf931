#include "cli/table.h"
#include "study/schema.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct column {
    char *name, *unit;
    size_t width;
    bool text; /* set to the left; numbers to the right */
};

/* The cells are 0-terminated strings, one after another. */
struct dam_table {
    bool csv, failed;
    char *strings;
    size_t size, capacity;
    size_t column_count, cell_count;
    struct column *columns;
};

struct dam_table *dam_table_new(bool csv) {
    struct dam_table *table = calloc(1, sizeof *table);
    if (table)
        table->csv = csv;
    return table;
}

void dam_table_destroy(struct dam_table *table) {
    if (!table)
        return;
    for (size_t c = 0; c < table->column_count; c++) {
        free(table->columns[c].name);
        free(table->columns[c].unit);
    }
    free(table->columns);
    free(table->strings);
    free(table);
}

static void append(struct dam_table *table, const char *text, size_t length) {
    if (table->failed)
        return;
    if (table->capacity - table->size <= length) {
        size_t capacity = 2 * table->capacity + length + 1024;
        char *strings = realloc(table->strings, capacity);
        if (!strings) {
            table->failed = true;
            return;
        }
        table->strings = strings;
        table->capacity = capacity;
    }
    char *copy = table->strings + table->size;
    memcpy(copy, text, length);
    copy[length] = '\0';
    dam_printable(copy);
    table->size += length + 1;
}

void dam_table_column(struct dam_table *table, const char *name, const char *unit) {
    assert(table->cell_count == 0);
    if (table->failed)
        return;
    const char *shown = strcmp(unit, "1") == 0 ? "" : unit;
    struct column column = {.name = strdup(name), .unit = strdup(shown)};
    struct column *columns = realloc(table->columns, (table->column_count + 1) * sizeof *columns);
    if (columns)
        table->columns = columns;
    if (!columns || !column.name || !column.unit) {
        free(column.name);
        free(column.unit);
        table->failed = true;
        return;
    }
    dam_printable(column.name);
    dam_printable(column.unit);
    column.width = strlen(name) > strlen(shown) ? strlen(name) : strlen(shown);
    columns[table->column_count++] = column;
}

static void add_cell(struct dam_table *table, const char *text, size_t length, bool is_text) {
    if (table->failed)
        return;
    struct column *column = &table->columns[table->cell_count++ % table->column_count];
    column->text = column->text || is_text;
    if (column->width < length)
        column->width = length;
    append(table, text, length);
}

void dam_table_integer(struct dam_table *table, int64_t value) {
    char text[32];
    int length = snprintf(text, sizeof text, "%" PRId64, value);
    add_cell(table, text, (size_t)length, false);
}

void dam_table_real(struct dam_table *table, double value) {
    char text[64];
    int length;
    if (isnan(value))
        length = snprintf(text, sizeof text, table->csv ? "nan" : "-");
    else if (isinf(value) || !table->csv)
        length = snprintf(text, sizeof text, "%.6g", value);
    else
        length =
            dam_value_print(text, sizeof text, DAM_REAL, NULL, (union dam_value){.real = value});
    add_cell(table, text, (size_t)length, false);
}

void dam_table_text(struct dam_table *table, const char *text, size_t length) {
    add_cell(table, text, length, true);
}

/* A CSV field, in quotes where it needs them (RFC 4180). */
static void print_field(FILE *out, const char *text) {
    if (!strpbrk(text, ",\"")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* *owed: spaces to print before the next cell that is not empty, so that none end a line. */
static void print_aligned(FILE *out, const struct column *column, const char *text, size_t *owed) {
    size_t fill = column->width - strlen(text);
    if (text[0] == '\0') {
        *owed += fill + 2;
        return;
    }
    fprintf(out, "%*s%s", (int)(*owed + (column->text ? 0 : fill)), "", text);
    *owed = (column->text ? fill : 0) + 2;
}

static void print_cell(const struct dam_table *table, FILE *out, size_t c, const char *text,
                       size_t *owed) {
    if (table->csv) {
        fputs(c > 0 ? "," : "", out);
        print_field(out, text);
    } else {
        print_aligned(out, &table->columns[c], text, owed);
    }
    if (c + 1 == table->column_count)
        fputc('\n', out);
}

static void print_header(const struct dam_table *table, FILE *out) {
    size_t owed = 0;
    bool units = false;
    for (size_t c = 0; c < table->column_count; c++) {
        print_cell(table, out, c, table->columns[c].name, &owed);
        units = units || table->columns[c].unit[0] != '\0';
    }
    owed = 0;
    for (size_t c = 0; units && !table->csv && c < table->column_count; c++)
        print_cell(table, out, c, table->columns[c].unit, &owed);
}

enum dam_status dam_table_print(const struct dam_table *table, FILE *out, struct dam_error *error) {
    if (table->failed)
        return dam_fail(error, DAM_MEMORY, "out of memory for the table");
    if (table->column_count == 0)
        return DAM_OK;
    assert(table->cell_count % table->column_count == 0);
    print_header(table, out);
    const char *text = table->strings;
    for (size_t cell = 0, owed = 0; cell < table->cell_count; cell++) {
        size_t c = cell % table->column_count;
        if (c == 0)
            owed = 0;
        print_cell(table, out, c, text, &owed);
        text += strlen(text) + 1;
    }
    return DAM_OK;
}
