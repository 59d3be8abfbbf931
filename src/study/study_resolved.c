/* A study written out, every default filled in. */
#include "study/grid.h"
#include "study/scalar.h"
#include "study/study.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One block's lines: the first behind `first`, the others behind `indent`. */
static void print_block(FILE *out, const struct dam_grid *grid, const struct dam_block *block,
                        const char *first, const char *indent) {
    const struct dam_schema *schema = grid->schema;
    fprintf(out, "%sreplicas: %" PRIu32 "\n", first, block->replicas);
    for (size_t p = 0; p < schema->parameter_count; p++) {
        const struct dam_parameter *parameter = &schema->parameters[p];
        const struct dam_axis *axis = block->axes[p];
        /* What was not given and has not one default is resolve()'s to fill in, now as then. */
        if (axis == NULL &&
            (parameter->required || parameter->standard_varies || parameter->role == DAM_DERIVED))
            continue;
        fprintf(out, "%s%s: ", indent, parameter->name);
        if (axis != NULL) {
            dam_axis_print(out, axis);
        } else {
            char value[128];
            dam_value_print(value, sizeof value, parameter->type, parameter->choices,
                            parameter->standard);
            fputs(value, out);
        }
        fputc('\n', out);
    }
}

char *dam_study_resolved(const struct dam_study *study) {
    const struct dam_grid *grid = study->grid;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    fprintf(out, "kind: %s\nseed: %" PRIu64 "\n", study->schema->name, study->seed);
    if (grid->draws > 0)
        fprintf(out, "search: random\ndraws: %" PRIu64 "\n", grid->draws);
    if (study->from != NULL) {
        fputs("from: ", out);
        dam_scalar_quote(out, study->from);
        fputc('\n', out);
    }
    if (study->from == NULL && grid->block_count == 1) {
        print_block(out, grid, &grid->blocks[0], "", "");
    } else {
        fprintf(out, "%s:\n", study->from != NULL ? DAM_SELECTED_KEY : "grids");
        for (size_t b = 0; b < grid->block_count; b++)
            print_block(out, grid, &grid->blocks[b], "  - ", "    ");
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
