#include "cli/arguments.h"
#include "cli/isolate.h"
#include "cli/table.h"
#include "run/result.h"
#include <stdlib.h>
#include <string.h>

struct command {
    const char *file;
    const char *table;
    bool csv;
};

enum { KEY_CSV = 256, KEY_TABLE };

static const struct argp_option options[] = {
    {"table", KEY_TABLE, "NAME", 0,
     "another table of the file: one of its kind's (dam describe), failures, provenance/timing", 0},
    {"csv", KEY_CSV, NULL, 0,
     "comma-separated values: bare column names first, numbers in full precision", 0},
    {0},
};

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    (void)error;
    struct command *command = context;
    if (key == KEY_CSV)
        command->csv = true;
    else if (key == KEY_TABLE)
        command->table = value;
    else
        command->file = value;
    return DAM_OK;
}

static void add_cell(struct dam_table *table, const struct dam_result_dataset *results, size_t row,
                     const struct dam_result_column *column) {
    size_t length;
    const char *text;
    switch (column->type) {
    case DAM_STORED_INTEGER:
        dam_table_integer(table, dam_result_integer(results, row, column));
        break;
    case DAM_STORED_UNSIGNED:
        dam_table_integer(table, (int64_t)dam_result_unsigned(results, row, column));
        break;
    case DAM_STORED_REAL:
        dam_table_real(table, dam_result_real(results, row, column));
        break;
    case DAM_STORED_TEXT:
        text = dam_result_text(results, row, column, &length);
        dam_table_text(table, text, length);
        break;
    }
}

/* Is this a parameter with one value in all of several rows? */
static bool is_fixed(const struct dam_result_dataset *results,
                     const struct dam_result_column *column) {
    if (results->row_count < 2 || strcmp(column->role, "parameter") != 0)
        return false;
    const unsigned char *first = results->bytes + column->offset;
    for (size_t row = 1; row < results->row_count; row++)
        if (memcmp(first, first + row * results->row_size, column->size) != 0)
            return false;
    return true;
}

/* A table of the columns whose fixed[] is `which`; where they are fixed one row tells all. */
static enum dam_status print_columns(const struct dam_result_dataset *results, bool csv,
                                     const bool *fixed, bool which, struct dam_error *error) {
    struct dam_table *table = dam_table_new(csv);
    if (!table)
        return dam_fail(error, DAM_MEMORY, "show: out of memory");
    for (size_t c = 0; c < results->column_count; c++)
        if (fixed[c] == which)
            dam_table_column(table, results->columns[c].name, results->columns[c].unit);
    size_t row_count = which ? 1 : results->row_count;
    for (size_t row = 0; row < row_count; row++)
        for (size_t c = 0; c < results->column_count; c++)
            if (fixed[c] == which)
                add_cell(table, results, row, &results->columns[c]);
    enum dam_status status = dam_table_print(table, stdout, error);
    dam_table_destroy(table);
    return status;
}

/* For people, parameters that all cells share stand above the table, which is wide enough. */
static enum dam_status print_results(const struct dam_result_dataset *results, bool csv,
                                     struct dam_error *error) {
    bool *fixed = calloc(results->column_count, sizeof *fixed);
    if (!fixed)
        return dam_fail(error, DAM_MEMORY, "show: out of memory");
    bool any = false;
    for (size_t c = 0; c < results->column_count && !csv; c++) {
        fixed[c] = is_fixed(results, &results->columns[c]);
        any = any || fixed[c];
    }
    enum dam_status status = DAM_OK;
    if (any) {
        status = print_columns(results, csv, fixed, true, error);
        putchar('\n');
    }
    if (status == DAM_OK)
        status = print_columns(results, csv, fixed, false, error);
    free(fixed);
    return status;
}

/* On stderr, so that a table that is read by a program stays a table. */
static void warn_of_unfinished(const char *file, const struct dam_result_dataset *results) {
    const struct dam_result_column *status = dam_result_find(results, "status");
    if (!status || status->type != DAM_STORED_TEXT)
        return;
    size_t partial = 0, failed = 0;
    for (size_t row = 0; row < results->row_count; row++) {
        partial += dam_result_text_is(results, row, status, "partial");
        failed += dam_result_text_is(results, row, status, "failed");
    }
    if (partial + failed > 0)
        fprintf(stderr, "dam: %s: of %zu rows %zu are partial and %zu failed (column status)\n",
                file, results->row_count, partial, failed);
}

/* The table of that name, with or without its first "/". */
static enum dam_status read_table(const struct dam_result *result, const char *name,
                                  struct dam_result_dataset **table, struct dam_error *error) {
    char path[256];
    snprintf(path, sizeof path, "/%s", name + (name[0] == '/'));
    if (!dam_result_has(result, path)) {
        const char *nearest =
            dam_nearest(path, (const char *const *)result->paths, result->path_count);
        return dam_fail(error, DAM_INPUT, "%s: has no table '%.200s'%s%s", result->name, name,
                        nearest ? "; did you mean " : "", nearest ? nearest + 1 : "");
    }
    enum dam_status status = dam_result_read(result, path, table, error);
    if (status != DAM_OK || ((*table)->compound && (*table)->rank == 1))
        return status;
    dam_result_dataset_destroy(*table);
    return dam_fail(error, DAM_INPUT, "%s: %s is not a table", result->name, path);
}

static enum dam_status show(const char *file, const void *context, struct dam_error *error) {
    const struct command *command = context;
    struct dam_result *result;
    enum dam_status status = dam_result_open(&result, file, error);
    if (status != DAM_OK)
        return status;
    struct dam_result_dataset *table;
    if (command->table != NULL)
        status = read_table(result, command->table, &table, error);
    else
        status = dam_result_read(result, "/results", &table, error);
    if (status == DAM_OK) {
        status = print_results(table, command->csv, error);
        warn_of_unfinished(file, table);
        dam_result_dataset_destroy(table);
    }
    dam_result_close(result);
    return status;
}

enum dam_status dam_cli_show(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "FILE.h5", .least = 1, .most = 1, .options = options, .take = take};
    struct command command = {0};
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &command, &helped, error);
    if (status != DAM_OK || helped)
        return status;
    return dam_isolate(command.file, show, &command, error);
}
