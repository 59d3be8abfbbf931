#include "study/describe.h"
#include <assert.h>
#include <string.h>

enum { PAGE_WIDTH = 100, COLUMN_GAP = 2, COLUMNS = DAM_DESCRIBE_COLUMNS };

static const int width_max[COLUMNS] = {24, 24, 12, 12};

static void make_line(struct dam_describe_line *line, const struct dam_parameter *parameter) {
    snprintf(line->cells[0], DAM_DESCRIBE_LENGTH, "%s", parameter->name);
    dam_parameter_allowed(line->cells[1], DAM_DESCRIBE_LENGTH, parameter);
    if (parameter->role == DAM_DERIVED)
        strcpy(line->cells[2], "derived");
    else if (parameter->required)
        strcpy(line->cells[2], "required");
    else
        dam_value_print(line->cells[2], DAM_DESCRIBE_LENGTH, parameter->type, parameter->choices,
                        parameter->standard);
    snprintf(line->cells[3], DAM_DESCRIBE_LENGTH, "%s", parameter->unit);
    line->doc = parameter->doc;
}

void dam_describe_text(FILE *out, const char *text, int indent) {
    int column = indent;
    while (*text != '\0') {
        int word = (int)strcspn(text, " ");
        if (column > indent && column + 1 + word > PAGE_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        column += fprintf(out, "%s%.*s", column > indent ? " " : "", word, text);
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* A cell wider than its column pushes what follows to the right, and the doc to the next line. */
static void print_line(FILE *out, const struct dam_describe_line *line, const int *widths) {
    int column = 0, indent = 0;
    for (int c = 0; c < COLUMNS; c++) {
        int gap = indent - column > COLUMN_GAP || c == 0 ? indent - column : COLUMN_GAP;
        column += fprintf(out, "%*s%s", gap, "", line->cells[c]);
        indent += widths[c] + COLUMN_GAP;
    }
    if (column + COLUMN_GAP > indent) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", indent - column, "");
    dam_describe_text(out, line->doc, indent);
}

void dam_describe_lines(FILE *out, const struct dam_describe_line *lines, size_t count) {
    int widths[COLUMNS] = {0};
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < COLUMNS; c++) {
            int length = (int)strlen(lines[i].cells[c]);
            if (length > widths[c] && length <= width_max[c])
                widths[c] = length;
        }
    for (size_t i = 0; i < count; i++) {
        if (lines[i].cells[0][0] == '\0')
            fprintf(out, "\n%s\n", lines[i].doc);
        else
            print_line(out, &lines[i], widths);
    }
}

/* The keys of study/selection.h. */
static const struct dam_describe_line selection_lines[] = {
    {.doc = "blocks from another result's rows, instead of grids"},
    {{"from", "FILE.h5", "none", "1"},
     "each complete row of its /results is a block of parameters; values, lists and ranges that "
     "the study gives itself replace the row's; rows follow one another as they are chosen"},
    {{"where", "COLUMN < VALUE", "all rows", "1"},
     "one comparison or a list of them, by < <= > >= or ==; names by == alone"},
    {{"best", "integer 1..1000000", "all rows", "1"}, "the first so many rows"},
    {{"by", "COLUMN", "none", "1"}, "their order, ascending; else as they lie in the file"},
    {{"each", "COLUMN", "none", "1"}, "so many of each of its values, instead of all together"},
};
enum { SELECTION_LINES = sizeof selection_lines / sizeof *selection_lines };

void dam_schema_describe(FILE *out, const struct dam_schema *schema) {
    assert(schema->parameter_count <= DAM_PARAMETERS_MAX);
    struct dam_describe_line lines[2 + DAM_PARAMETERS_MAX + 2 + SELECTION_LINES] = {
        {.cells = {"parameter", "allowed", "default", "unit"}, .doc = "meaning"}};
    size_t count = 1;
    for (size_t p = 0; p < schema->parameter_count; p++)
        if (schema->parameters[p].role != DAM_BUDGET)
            make_line(&lines[count++], &schema->parameters[p]);
    lines[count++].doc = "budget and seed: one value each; raising a budget keeps all that is done";
    for (size_t p = 0; p < schema->parameter_count; p++)
        if (schema->parameters[p].role == DAM_BUDGET)
            make_line(&lines[count++], &schema->parameters[p]);
    for (size_t p = 0; p < dam_common_parameter_count; p++)
        if (p != DAM_COMMON_REPLICAS || schema->replicas_by == NULL)
            make_line(&lines[count++], &dam_common_parameters[p]);
    for (size_t s = 0; s < SELECTION_LINES; s++)
        lines[count++] = selection_lines[s];

    fprintf(out, "%s: ", schema->name);
    dam_describe_text(out, schema->summary, (int)strlen(schema->name) + 2);
    dam_describe_text(out, schema->reference, 0);
    fputc('\n', out);
    dam_describe_lines(out, lines, count);
}
