#include "kinds/kind.h"
#include "study/describe.h"
#include <stdlib.h>
#include <string.h>

const struct dam_kind *dam_kinds_find(const struct dam_kinds *kinds, const char *name) {
    for (size_t k = 0; k < kinds->count; k++)
        if (strcmp(kinds->list[k]->schema.name, name) == 0)
            return kinds->list[k];
    return NULL;
}

/* "array of reals", "array of reals: replica, epoch" */
static void print_array_type(char *text, size_t size, const struct dam_column *column,
                             const char *number) {
    size_t length = (size_t)snprintf(text, size, "array of %ss", number);
    for (int d = 0; d < DAM_DIMENSIONS_MAX && column->dimensions[d] != NULL && length < size; d++)
        length += (size_t)snprintf(text + length, size - length, "%s %s", d == 0 ? ":" : ",",
                                   column->dimensions[d]);
}

static void print_type(char *text, size_t size, const struct dam_column *column) {
    const char *number = column->type == DAM_INTEGER ? "integer" : "real";
    size_t length = 0;
    if (column->shape == DAM_ARRAY) {
        print_array_type(text, size, column, number);
        return;
    }
    if (column->type != DAM_CHOICE) {
        snprintf(text, size, "%s", number);
        return;
    }
    for (const char *const *choice = column->choices; *choice != NULL && length < size; choice++)
        length += (size_t)snprintf(text + length, size - length, "%s%s",
                                   choice == column->choices ? "" : " | ", *choice);
}

const struct dam_column dam_cell_column = {
    .name = "cell", .type = DAM_INTEGER, .unit = "1", .doc = "row of /results"};

static void describe_column(struct dam_describe_line *line, const struct dam_column *column) {
    snprintf(line->cells[0], sizeof line->cells[0], "%s", column->name);
    print_type(line->cells[1], sizeof line->cells[1], column);
    snprintf(line->cells[2], sizeof line->cells[2], "%s", column->unit);
    line->doc = column->doc;
}

/* `first`, if there is one, and then all of `columns`, below a heading. */
static void describe_columns(FILE *out, struct dam_describe_line heading,
                             const struct dam_column *first, const struct dam_column *columns,
                             size_t column_count) {
    struct dam_describe_line *lines = calloc(column_count + 2, sizeof *lines);
    if (lines == NULL)
        return;
    size_t count = 0;
    lines[count++] = heading;
    if (first != NULL)
        describe_column(&lines[count++], first);
    for (size_t c = 0; c < column_count; c++)
        describe_column(&lines[count++], &columns[c]);
    dam_describe_lines(out, lines, count);
    free(lines);
}

void dam_kind_describe(FILE *out, const struct dam_kind *kind) {
    dam_schema_describe(out, &kind->schema);
    fputc('\n', out);
    describe_columns(
        out, (struct dam_describe_line){.cells = {"result", "type", "unit"}, .doc = "meaning"},
        NULL, kind->columns, kind->column_count);
    for (size_t t = 0; t < kind->table_count; t++) {
        const struct dam_kind_table *table = &kind->tables[t];
        int indent = fprintf(out, "\ntable /%s: ", table->name) - 1;
        dam_describe_text(out, table->doc, indent);
        describe_columns(
            out, (struct dam_describe_line){.cells = {"column", "type", "unit"}, .doc = "meaning"},
            &dam_cell_column, table->columns, table->column_count);
    }
}
