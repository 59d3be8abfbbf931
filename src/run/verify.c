#include "run/verify.h"
#include "run/checksum.h"
#include "run/layout.h"
#include "run/result.h"
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

/* Read one dataset, or report why not; NULL then. */
static struct dam_result_dataset *read_or_report(struct check *check, const char *path) {
    struct dam_result_dataset *dataset;
    struct dam_error error;
    if (dam_result_read(check->result, path, &dataset, &error) == DAM_OK)
        return dataset;
    check->unreadable++;
    check->verification->problems++;
    check->report(check->context, error.text);
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

static void check_dataset(struct check *check, const char *path) {
    struct dam_result_dataset *dataset = read_or_report(check, path);
    if (!dataset)
        return;
    uint32_t checksum = dam_checksum(0, dataset->bytes, dataset->row_count * dataset->row_size);
    if (!dataset->has_checksum)
        problem(check, "%s: has no crc32c attribute", path);
    else if (dataset->checksum != checksum)
        problem(check, "%s: damaged: its bytes have CRC-32C %08x, written were %08x", path,
                checksum, dataset->checksum);
    if (dataset->unit[0] == '\0')
        problem(check, "%s: has no unit attribute", path);
    if (dataset->doc[0] == '\0')
        problem(check, "%s: has no doc attribute", path);
    if (dataset->compound)
        check_columns(check, path, dataset);
    dam_result_dataset_destroy(dataset);
}

static enum dam_stored stored_as(enum dam_type type) {
    static const enum dam_stored stored[] = {
        [DAM_INTEGER] = DAM_STORED_INTEGER,
        [DAM_REAL] = DAM_STORED_REAL,
        [DAM_CHOICE] = DAM_STORED_TEXT,
    };
    return stored[type];
}

/* The next column of /results must be this one. */
static void expect_column(const struct check *check, const struct dam_result_dataset *results,
                          size_t *position, const char *name, enum dam_stored type,
                          const char *role) {
    size_t c = (*position)++;
    if (c >= results->column_count) {
        problem(check, "/results: column %s is missing", name);
        return;
    }
    const struct dam_result_column *column = &results->columns[c];
    if (strcmp(column->name, name) != 0)
        problem(check, "/results: column %zu is %s and should be %s", c + 1, column->name, name);
    else if (column->type != type)
        problem(check, "/results: column %s has another type than the kind's", name);
    else if (strcmp(column->role, role) != 0)
        problem(check, "/results: column %s has the role '%s' and should have '%s'", name,
                column->role, role);
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
    struct dam_result_dataset *dataset = read_or_report(check, path);
    if (!dataset)
        return;
    if (dataset->rank < 2 || dataset->extent[0] != cells)
        problem(check, "%s: its first dimension should be the %llu cells of /results", path,
                (unsigned long long)cells);
    if (dataset->compound || dataset->columns[0].type != stored_as(column->type))
        problem(check, "%s: has another type than the kind's", path);
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
    size_t position = 0;
    if (study->seed_count > 1) {
        expect_column(check, results, &position, dam_seed_column, DAM_STORED_INTEGER, "parameter");
        check_seeds(check, study, results);
    }
    for (size_t p = 0; p < kind->schema.parameter_count; p++) {
        const struct dam_parameter *parameter = &kind->schema.parameters[p];
        if (parameter->role != DAM_BUDGET)
            expect_column(check, results, &position, parameter->name, stored_as(parameter->type),
                          "parameter");
    }
    for (size_t c = 0; c < kind->column_count; c++)
        if (kind->columns[c].shape == DAM_SCALAR)
            expect_column(check, results, &position, kind->columns[c].name,
                          stored_as(kind->columns[c].type), "result");
    expect_column(check, results, &position, "status", DAM_STORED_TEXT, "status");
    for (; position < results->column_count; position++)
        problem(check, "/results: column %s is not the kind's", results->columns[position].name);
    check_status(check, results);
    for (size_t c = 0; c < kind->column_count; c++)
        if (kind->columns[c].shape == DAM_ARRAY)
            check_array(check, &kind->columns[c], results->row_count);
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
