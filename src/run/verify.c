#include "run/verify.h"
#include "run/array.h"
#include "run/checksum.h"
#include "run/layout.h"
#include "run/result_study.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct check {
    const struct dam_result *result;
    struct dam_verification *verification;
    void (*report)(void *context, const char *line);
    void *context;
    size_t unreadable; /* datasets; what the file should hold is then not compared */
};

static void problem(const struct check *check, const char *format, ...) DAM_PRINTF(2, 3);
static void problem(const struct check *check, const char *format, ...) {
    char text[DAM_ERROR_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* The names of columns are the file's: dam_fail makes them printable. */
    struct dam_error line;
    dam_fail(&line, DAM_DAMAGED, "%s: %s", check->result->name, text);
    check->verification->problems++;
    check->report(check->context, line.text);
}

static void report_unreadable(struct check *check, const struct dam_error *error) {
    check->unreadable++;
    check->verification->problems++;
    check->report(check->context, error->text);
}

/* Read one dataset, or report why not; NULL then. */
static struct dam_result_dataset *read_or_report(struct check *check, const char *path) {
    struct dam_result_dataset *dataset;
    struct dam_error error;
    if (dam_result_read(check->result, path, &dataset, &error) == DAM_OK)
        return dataset;
    report_unreadable(check, &error);
    return NULL;
}

/* The same without the bytes, which may be more than memory. */
static struct dam_result_dataset *describe_or_report(struct check *check, const char *path) {
    struct dam_result_dataset *dataset;
    struct dam_error error;
    if (dam_result_describe(check->result, path, &dataset, &error) == DAM_OK)
        return dataset;
    report_unreadable(check, &error);
    return NULL;
}

/* Every column of a table says what it is. */
static void check_columns(const struct check *check, const char *path,
                          const struct dam_result_dataset *table) {
    for (size_t c = 0; c < table->column_count; c++) {
        const struct dam_result_column *column = &table->columns[c];
        if (column->unit[0] == '\0')
            problem(check, "%s: column %s has no unit attribute", path, column->name);
        if (column->doc[0] == '\0')
            problem(check, "%s: column %s has no doc attribute", path, column->name);
    }
}

static void add_to_checksum(void *context, const unsigned char *bytes, size_t size) {
    uint32_t *checksum = context;
    *checksum = dam_checksum(*checksum, bytes, size);
}

static void check_bytes(struct check *check, const char *path,
                        const struct dam_result_dataset *dataset) {
    uint32_t checksum = 0;
    struct dam_error error;
    if (dam_result_scan(check->result, path, 0, dataset->rank == 0 ? 1 : dataset->extent[0],
                        add_to_checksum, &checksum, &error) != DAM_OK)
        report_unreadable(check, &error);
    else if (!dataset->has_checksum)
        problem(check, "%s: has no crc32c attribute", path);
    else if (dataset->checksum != checksum)
        problem(check, "%s: damaged: its bytes have CRC-32C %08x, written were %08x", path,
                checksum, dataset->checksum);
}

static void check_dataset(struct check *check, const char *path) {
    struct dam_result_dataset *dataset = describe_or_report(check, path);
    if (!dataset)
        return;
    check_bytes(check, path, dataset);
    if (dataset->unit[0] == '\0')
        problem(check, "%s: has no unit attribute", path);
    if (dataset->doc[0] == '\0')
        problem(check, "%s: has no doc attribute", path);
    if (dataset->compound)
        check_columns(check, path, dataset);
    dam_result_dataset_destroy(dataset);
}

/* The next column of a table must be this one. */
static void expect_column(const struct check *check, const char *path,
                          const struct dam_result_dataset *table, size_t position,
                          const struct dam_field *field) {
    if (position >= table->column_count) {
        problem(check, "%s: column %s is missing", path, field->name);
        return;
    }
    const struct dam_result_column *column = &table->columns[position];
    const char *role = dam_field_role_name(field->role);
    if (strcmp(column->name, field->name) != 0)
        problem(check, "%s: column %zu is %s and should be %s", path, position + 1, column->name,
                field->name);
    else if (!dam_result_stores(column, field->type))
        problem(check, "%s: column %s has another type than the kind's", path, field->name);
    else if (role != NULL && strcmp(column->role, role) != 0)
        problem(check, "%s: column %s has the role '%s' and should have '%s'", path, field->name,
                column->role, role);
}

/* All columns must be those of a layout, which is destroyed. `made`: was there memory for it? */
static void expect_columns(struct check *check, const char *path,
                           const struct dam_result_dataset *table, struct dam_layout *layout,
                           enum dam_status made) {
    if (made != DAM_OK)
        problem(check, "%s: no memory to check its columns", path);
    for (size_t f = 0; f < layout->count; f++)
        expect_column(check, path, table, f, &layout->fields[f]);
    for (size_t c = layout->count; made == DAM_OK && c < table->column_count; c++)
        problem(check, "%s: column %s is not the kind's", path, table->columns[c].name);
    dam_layout_destroy(layout);
}

static void check_status(const struct check *check, const struct dam_result_dataset *results) {
    const struct dam_result_column *status = dam_result_find(results, "status");
    if (!status || status->type != DAM_STORED_TEXT)
        return; /* reported as a column already */
    for (size_t row = 0; row < results->row_count; row++)
        if (!dam_result_text_is(results, row, status, "complete") &&
            !dam_result_text_is(results, row, status, "partial") &&
            !dam_result_text_is(results, row, status, "failed")) {
            problem(check, "/results: the status of row %zu is none of complete, partial, failed",
                    row + 1);
            return;
        }
}

static void check_array(struct check *check, const struct dam_column *column, uint64_t cells) {
    char path[256];
    snprintf(path, sizeof path, "/%s", column->name);
    if (column->optional && !dam_result_has(check->result, path))
        return;
    struct dam_result_dataset *dataset = describe_or_report(check, path);
    if (!dataset)
        return;
    const int rank = 1 + dam_array_rank(column);
    if (dataset->rank != rank)
        problem(check, "%s: has %d dimensions and should have %d", path, dataset->rank, rank);
    else if (dataset->extent[0] != cells)
        problem(check, "%s: its first dimension should be the %llu cells of /results", path,
                (unsigned long long)cells);
    if (dataset->compound || !dam_result_stores(&dataset->columns[0], column->type) ||
        dataset->row_size != dam_array_element_size(column))
        problem(check, "%s: has another type than the kind's", path);
    dam_result_dataset_destroy(dataset);
}

/* The cells of a table's rows follow each other, and are all there. */
static void check_cells(const struct check *check, const char *path,
                        const struct dam_result_dataset *table, uint64_t cells) {
    const struct dam_result_column *column = dam_result_find(table, dam_cell_column.name);
    if (!column || column->type != DAM_STORED_INTEGER)
        return; /* reported as a column already */
    int64_t before = 0;
    for (size_t row = 0; row < table->row_count; row++) {
        int64_t cell = dam_result_integer(table, row, column);
        if (cell < before || (uint64_t)cell >= cells) {
            problem(check, "%s: the cell of row %zu is out of order, or no row of /results", path,
                    row + 1);
            return;
        }
        before = cell;
    }
}

static void check_table(struct check *check, const struct dam_kind_table *table, uint64_t cells) {
    char path[256];
    snprintf(path, sizeof path, "/%s", table->name);
    struct dam_result_dataset *dataset = read_or_report(check, path);
    if (!dataset)
        return;
    struct dam_layout layout;
    struct dam_error error;
    if (!dataset->compound || dataset->rank != 1) {
        problem(check, "%s: is not a table", path);
    } else {
        enum dam_status made = dam_layout_new_of_table(&layout, table, &error);
        expect_columns(check, path, dataset, &layout, made);
        check_cells(check, path, dataset, cells);
    }
    dam_result_dataset_destroy(dataset);
}

static int compare_seeds(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Where several seeds share a file, a column says whose each row is. */
static void check_seeds(const struct check *check, const struct dam_result_study *study,
                        const struct dam_result_dataset *results) {
    const struct dam_result_column *column = dam_result_find(results, dam_seed_column);
    if (!column || column->type != DAM_STORED_INTEGER)
        return; /* reported as a column already */
    for (size_t row = 0; row < results->row_count; row++) {
        uint64_t seed = (uint64_t)dam_result_integer(results, row, column);
        if (!bsearch(&seed, study->seeds, study->seed_count, sizeof seed, compare_seeds)) {
            problem(check, "/results: the seed of row %zu is none of /study/seed", row + 1);
            return;
        }
    }
}

static void check_kind(struct check *check, const struct dam_kind *kind,
                       const struct dam_result_study *study,
                       const struct dam_result_dataset *results) {
    struct dam_layout layout;
    struct dam_error error;
    const bool seeds = study->seed_count > 1;
    enum dam_status made = seeds ? dam_layout_new_with_seed(&layout, kind, &error)
                                 : dam_layout_new(&layout, kind, &error);
    expect_columns(check, "/results", results, &layout, made);
    if (seeds)
        check_seeds(check, study, results);
    check_status(check, results);
    for (size_t c = 0; c < kind->column_count; c++)
        if (kind->columns[c].shape == DAM_ARRAY)
            check_array(check, &kind->columns[c], results->row_count);
    for (size_t t = 0; t < kind->table_count; t++)
        check_table(check, &kind->tables[t], results->row_count);
}

static void check_schema(struct check *check, const struct dam_kinds *kinds) {
    struct dam_result_study study;
    struct dam_error error;
    if (dam_result_study_read(check->result, &study, &error) != DAM_OK) {
        check->verification->problems++;
        check->report(check->context, error.text);
        return;
    }
    const struct dam_kind *kind = dam_kinds_find(kinds, study.kind);
    bool known = kind && kind->schema.version == study.version;
    struct dam_result_dataset *results = read_or_report(check, "/results");
    if (!results) {
        dam_result_study_destroy(&study);
        return;
    }
    bool table = results->compound && results->rank == 1;
    if (!table)
        problem(check, "/results: is not a table with one row a cell");
    if (table && known)
        check_kind(check, kind, &study, results);
    dam_result_study_destroy(&study);
    check->verification->kind_compared = known;
    dam_result_dataset_destroy(results);
    dam_result_dataset_destroy(read_or_report(check, "/failures"));
}

enum dam_status dam_verify(const char *file, const struct dam_kinds *kinds,
                           void (*report)(void *context, const char *line), void *context,
                           struct dam_verification *verification, struct dam_error *error) {
    *verification = (struct dam_verification){0};
    struct dam_result *result;
    enum dam_status status = dam_result_open(&result, file, error);
    if (status != DAM_OK)
        return status;
    struct check check = {
        .result = result, .verification = verification, .report = report, .context = context};
    verification->datasets = result->path_count;
    verification->bytes = result->file_size;
    for (size_t p = 0; p < result->path_count; p++)
        check_dataset(&check, result->paths[p]);
    if (check.unreadable == 0)
        check_schema(&check, kinds);
    dam_result_close(result);
    if (verification->problems == 0)
        return DAM_OK;
    if (error)
        *error = (struct dam_error){.status = DAM_DAMAGED};
    return DAM_DAMAGED;
}
