#include "kinds/kind.h"
#include <string.h>

const struct dam_kind *dam_kinds_find(const struct dam_kinds *kinds, const char *name) {
    for (size_t k = 0; k < kinds->count; k++)
        if (strcmp(kinds->list[k]->schema.name, name) == 0)
            return kinds->list[k];
    return NULL;
}

void dam_kind_describe(FILE *out, const struct dam_kind *kind) {
    dam_schema_describe(out, &kind->schema);
    fprintf(out, "\nresults\n");
    for (size_t c = 0; c < kind->column_count; c++) {
        const struct dam_column *column = &kind->columns[c];
        fprintf(out, "  %-26s %s%s%s\n", column->name, column->doc,
                strcmp(column->unit, "1") == 0 ? "" : " in ",
                strcmp(column->unit, "1") == 0 ? "" : column->unit);
    }
}
