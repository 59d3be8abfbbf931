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

void dam_kind_describe(FILE *out, const struct dam_kind *kind) {
    dam_schema_describe(out, &kind->schema);
    struct dam_describe_line *lines = calloc(kind->column_count + 1, sizeof *lines);
    if (lines == NULL)
        return;
    lines[0] = (struct dam_describe_line){.cells = {"result", "type", "unit"}, .doc = "meaning"};
    for (size_t c = 0; c < kind->column_count; c++) {
        const struct dam_column *column = &kind->columns[c];
        struct dam_describe_line *line = &lines[c + 1];
        snprintf(line->cells[0], sizeof line->cells[0], "%s", column->name);
        print_type(line->cells[1], sizeof line->cells[1], column);
        snprintf(line->cells[2], sizeof line->cells[2], "%s", column->unit);
        line->doc = column->doc;
    }
    fputc('\n', out);
    dam_describe_lines(out, lines, kind->column_count + 1);
    free(lines);
}
