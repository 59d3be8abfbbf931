#include "kinds/kind.h"
#include "study/describe.h"
#include <stdlib.h>
#include <string.h>

enum { DOC_LENGTH = 1024 };

const struct dam_kind *dam_kinds_find(const struct dam_kinds *kinds, const char *name) {
    for (size_t k = 0; k < kinds->count; k++)
        if (strcmp(kinds->list[k]->schema.name, name) == 0)
            return kinds->list[k];
    return NULL;
}

static void print_type(char *text, size_t size, const struct dam_column *column) {
    const char *shape = column->shape == DAM_ARRAY ? "array of " : "";
    const char *plural = column->shape == DAM_ARRAY ? "s" : "";
    size_t length = 0;
    if (column->type != DAM_CHOICE) {
        snprintf(text, size, "%s%s%s", shape, column->type == DAM_INTEGER ? "integer" : "real",
                 plural);
        return;
    }
    for (const char *const *choice = column->choices; *choice != NULL && length < size; choice++)
        length += (size_t)snprintf(text + length, size - length, "%s%s",
                                   choice == column->choices ? "" : " | ", *choice);
}

const struct dam_column dam_cell_column = {
    .name = "cell", .type = DAM_INTEGER, .unit = "1", .doc = "row of /results"};

/* What it means, and the dimensions that have names: "...; by replica, epoch". */
static void describe_meaning(char doc[DOC_LENGTH], const struct dam_column *column) {
    size_t length = (size_t)snprintf(doc, DOC_LENGTH, "%s", column->doc);
    for (int d = 0; d < DAM_DIMENSIONS_MAX && column->dimensions[d] != NULL; d++)
        if (length < DOC_LENGTH)
            length += (size_t)snprintf(doc + length, DOC_LENGTH - length, "%s %s",
                                       d == 0 ? "; by" : ",", column->dimensions[d]);
}

/* The doc is written to `doc`, which the line refers to. */
static void describe_column(struct dam_describe_line *line, char doc[DOC_LENGTH],
                            const struct dam_column *column) {
    snprintf(line->cells[0], sizeof line->cells[0], "%s", column->name);
    print_type(line->cells[1], sizeof line->cells[1], column);
    snprintf(line->cells[2], sizeof line->cells[2], "%s", column->unit);
    describe_meaning(doc, column);
    line->doc = doc;
}

/* `first`, if there is one, and then all of `columns`, below a heading. */
static void describe_columns(FILE *out, struct dam_describe_line heading,
                             const struct dam_column *first, const struct dam_column *columns,
                             size_t column_count) {
    struct dam_describe_line *lines = calloc(column_count + 2, sizeof *lines);
    char(*docs)[DOC_LENGTH] = calloc(column_count + 2, sizeof *docs);
    size_t count = 0;
    if (lines != NULL && docs != NULL) {
        lines[count++] = heading;
        if (first != NULL) {
            describe_column(&lines[count], docs[count], first);
            count++;
        }
        for (size_t c = 0; c < column_count; c++, count++)
            describe_column(&lines[count], docs[count], &columns[c]);
        dam_describe_lines(out, lines, count);
    }
    free(docs);
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
