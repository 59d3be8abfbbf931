#include "run/source.h"
#include "run/array.h"
#include "run/contents.h"
#include "run/result_study.h"
#include "run/verify.h"
#include <stdlib.h>
#include <string.h>

static enum dam_status no_memory(const char *name, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "%s: no memory to read it", name);
}

static enum dam_status damaged(const char *name, const char *path, const char *what,
                               struct dam_error *error) {
    return dam_fail(error, DAM_DAMAGED, "%s: %s: %s", name, path, what);
}

/* Of the lines about a damaged file, the first says enough. */
struct complaint {
    struct dam_error first;
    size_t count;
};

static void note_complaint(void *context, const char *line) {
    struct complaint *complaint = context;
    if (complaint->count++ == 0)
        dam_fail(&complaint->first, DAM_DAMAGED, "%s", line);
}

static enum dam_status verify(const char *name, const struct dam_kinds *kinds,
                              struct dam_error *error) {
    struct complaint complaint = {0};
    struct dam_verification verification;
    enum dam_status status =
        dam_verify(name, kinds, note_complaint, &complaint, &verification, error);
    if (status == DAM_OK || complaint.count == 0)
        return status;
    return dam_fail(error, status, "%.700s; nothing was merged ('dam verify' tells all)",
                    complaint.first.text);
}

/* ---- /study ---- */

static enum dam_status read_study(struct dam_source *source, const struct dam_result *result,
                                  const struct dam_kinds *kinds, const struct dam_source *first,
                                  struct dam_error *error) {
    struct dam_result_study study;
    enum dam_status status = dam_result_study_read(result, &study, error);
    if (status != DAM_OK)
        return status;
    const struct dam_kind *kind = dam_kinds_find(kinds, study.kind);
    const struct dam_schema *expected = first == NULL ? NULL : &first->results.kind->schema;
    if (expected != NULL &&
        (strcmp(study.kind, expected->name) != 0 || study.version != expected->version))
        status = dam_fail(error, DAM_INPUT,
                          "%s holds results of kind %s, schema %u, and %s of kind %s, schema %u: "
                          "only files of one kind and schema can be merged",
                          first->name, expected->name, expected->version, source->name, study.kind,
                          study.version);
    else if (kind == NULL || kind->schema.version != study.version)
        status = dam_fail(error, DAM_INPUT,
                          "%s: kind %s, schema %u is none of this program's; merge it with the dam "
                          "that wrote it",
                          source->name, study.kind, study.version);
    source->results.kind = status == DAM_OK ? kind : NULL;
    source->text = study.text;
    source->resolved = study.resolved;
    source->seeds = study.seeds;
    source->seed_count = study.seed_count;
    study.text = study.resolved = NULL;
    study.seeds = NULL;
    dam_result_study_destroy(&study);
    return status;
}

/* Files of before it was told have none: theirs is "unknown". */
static enum dam_status read_version(struct dam_source *source, const struct dam_result *result,
                                    const struct dam_source *first, struct dam_error *error) {
    static const char path[] = "/provenance/" DAM_PROVENANCE_BLAS_VERSION;
    enum dam_status status = DAM_OK;
    if (dam_result_has(result, path))
        status = dam_result_text_read(result, path, &source->blas_version, error);
    else if ((source->blas_version = strdup("unknown")) == NULL)
        status = dam_fail(error, DAM_MEMORY, "%s: out of memory while reading", source->name);
    if (status != DAM_OK || first == NULL || strcmp(first->blas_version, source->blas_version) == 0)
        return status;
    return dam_fail(error, DAM_INPUT,
                    "%s was computed with OpenBLAS's version %s, and %s with %s, whose last digits "
                    "may differ: run one of them again with the other's version",
                    first->name, first->blas_version, source->name, source->blas_version);
}

static enum dam_status read_core(struct dam_source *source, const struct dam_result *result,
                                 const struct dam_source *first, struct dam_error *error) {
    if (!source->results.kind->blas)
        return DAM_OK;
    enum dam_status status =
        dam_result_text_read(result, "/provenance/" DAM_PROVENANCE_BLAS, &source->blas_core, error);
    if (status != DAM_OK)
        return status;
    if (first == NULL || strcmp(first->blas_core, source->blas_core) == 0)
        return read_version(source, result, first, error);
    return dam_fail(error, DAM_INPUT,
                    "%s was computed with OpenBLAS's core type %s, and %s with %s, whose last "
                    "digits differ: run one of them again with the other's OPENBLAS_CORETYPE",
                    first->name, first->blas_core, source->name, source->blas_core);
}

/* ---- /results and the arrays ---- */

/* Do the column's values lie in the file as they do in memory? */
static bool has_values_of(const struct dam_result_column *column, enum dam_type type) {
    return dam_result_stores(column, type) &&
           (type == DAM_CHOICE || column->size == sizeof(union dam_value));
}

/* Do the rows lie in the file as the layout has them in memory? */
static bool has_layout(const struct dam_result_dataset *table, const struct dam_layout *layout) {
    bool same = table->compound && table->rank == 1 && table->row_size == layout->row_size &&
                table->column_count == layout->count;
    for (size_t f = 0; same && f < layout->count; f++) {
        const struct dam_result_column *column = &table->columns[f];
        const struct dam_field *field = &layout->fields[f];
        same = strcmp(column->name, field->name) == 0 && has_values_of(column, field->type) &&
               column->offset == field->offset && column->size == field->size;
    }
    return same;
}

/* *checksum: of the rows, as the file has it. */
static enum dam_status read_rows(struct dam_source *source, const struct dam_result *result,
                                 uint32_t *checksum, struct dam_error *error) {
    struct dam_results *results = &source->results;
    enum dam_status status = source->seed_count > 1
                                 ? dam_layout_new_with_seed(&results->layout, results->kind, error)
                                 : dam_layout_new(&results->layout, results->kind, error);
    if (status != DAM_OK)
        return status;
    struct dam_result_dataset *table;
    status = dam_result_read(result, "/results", &table, error);
    if (status != DAM_OK)
        return status;
    if (has_layout(table, &results->layout)) {
        results->count = table->row_count;
        results->rows = table->bytes;
        table->bytes = NULL;
        *checksum = table->checksum;
    } else {
        status = dam_fail(error, DAM_INPUT,
                          "%s: /results: is laid out by another version of dam; run its study "
                          "again with this one, or merge with that one",
                          source->name);
    }
    dam_result_dataset_destroy(table);
    return status;
}

static enum dam_status read_array(struct dam_source *source, const struct dam_result *result,
                                  size_t column, struct dam_error *error) {
    struct dam_results *results = &source->results;
    char path[256];
    snprintf(path, sizeof path, "/%s", results->kind->columns[column].name);
    const struct dam_column *declared = &results->kind->columns[column];
    struct dam_extent *extent = &results->extents[column];
    *extent = dam_array_least(declared);
    if (declared->optional && !dam_result_has(result, path))
        return DAM_OK;
    struct dam_result_dataset *array;
    enum dam_status status = dam_result_read(result, path, &array, error);
    if (status != DAM_OK)
        return status;
    if (array->rank == 1 + extent->rank && array->extent[0] == results->count && !array->compound &&
        dam_result_stores(&array->columns[0], declared->type) &&
        array->row_size == dam_array_element_size(declared)) {
        for (int d = 0; d < extent->rank; d++)
            extent->sizes[d] = array->extent[1 + d];
        results->arrays[column] = array->bytes;
        array->bytes = NULL;
    } else {
        status = damaged(source->name, path, "is not the kind's array", error);
    }
    dam_result_dataset_destroy(array);
    return status;
}

static enum dam_status read_arrays(struct dam_source *source, const struct dam_result *result,
                                   struct dam_error *error) {
    struct dam_results *results = &source->results;
    const struct dam_kind *kind = results->kind;
    results->extents = calloc(kind->column_count + 1, sizeof *results->extents);
    results->arrays = calloc(kind->column_count + 1, sizeof *results->arrays);
    if (results->extents == NULL || results->arrays == NULL)
        return no_memory(source->name, error);
    enum dam_status status = DAM_OK;
    for (size_t c = 0; status == DAM_OK && c < kind->column_count; c++)
        if (kind->columns[c].shape == DAM_ARRAY)
            status = read_array(source, result, c, error);
    return status;
}

/* ---- the kind's tables ---- */

/* Cells in their order, as verify has found them. */
static enum dam_status read_kind_table(struct dam_source *source, const struct dam_result *result,
                                       size_t t, struct dam_error *error) {
    const struct dam_kind_table *table = &source->results.kind->tables[t];
    struct dam_rows *rows = &source->results.tables[t];
    char path[256];
    snprintf(path, sizeof path, "/%s", table->name);
    struct dam_layout layout;
    struct dam_result_dataset *dataset = NULL;
    enum dam_status status = dam_layout_new_of_table(&layout, table, error);
    if (status == DAM_OK)
        status = dam_result_read(result, path, &dataset, error);
    if (status == DAM_OK && !has_layout(dataset, &layout))
        status = damaged(source->name, path, "is not the kind's table", error);
    if (status == DAM_OK) {
        rows->values = (union dam_value *)dataset->bytes;
        rows->count = rows->capacity = dataset->row_count;
        dataset->bytes = NULL;
    }
    dam_result_dataset_destroy(dataset);
    dam_layout_destroy(&layout);
    return status;
}

static enum dam_status read_kind_tables(struct dam_source *source, const struct dam_result *result,
                                        struct dam_error *error) {
    struct dam_results *results = &source->results;
    results->tables = dam_tables_new(results->kind);
    enum dam_status status = results->tables == NULL ? no_memory(source->name, error) : DAM_OK;
    for (size_t t = 0; status == DAM_OK && t < results->kind->table_count; t++)
        status = read_kind_table(source, result, t, error);
    return status;
}

/* ---- tables of structs ---- */

static void copy_column(const struct dam_result_dataset *dataset,
                        const struct dam_result_column *found, const struct dam_field *field,
                        size_t row_size, char *rows) {
    size_t size = found->size < field->size ? found->size : field->size;
    for (size_t row = 0; row < dataset->row_count; row++)
        memcpy(rows + row * row_size + field->offset,
               dataset->bytes + row * dataset->row_size + found->offset, size);
}

/* A table's rows as its structs, in a fresh array. Columns are found by name. */
static enum dam_status read_table(const struct dam_result *result, const struct dam_table *table,
                                  void **rows, size_t *count, struct dam_error *error) {
    struct dam_result_dataset *dataset;
    enum dam_status status = dam_result_read(result, table->path, &dataset, error);
    if (status != DAM_OK)
        return status;
    *count = dataset->row_count;
    const struct dam_layout *layout = &table->layout;
    *rows = calloc(dataset->row_count + 1, layout->row_size);
    if (*rows == NULL)
        status = no_memory(result->name, error);
    for (size_t f = 0; status == DAM_OK && f < layout->count; f++) {
        const struct dam_field *field = &layout->fields[f];
        const struct dam_result_column *found = dam_result_find(dataset, field->name);
        if (found == NULL || !has_values_of(found, field->type) || dataset->rank != 1)
            status = damaged(result->name, table->path, "is not the table that dam writes", error);
        else
            copy_column(dataset, found, field, layout->row_size, *rows);
    }
    dam_result_dataset_destroy(dataset);
    return status;
}

static enum dam_status read_failures(struct dam_source *source, const struct dam_result *result,
                                     struct dam_error *error) {
    struct dam_results *results = &source->results;
    void *rows = NULL;
    enum dam_status status =
        read_table(result, &dam_failure_table, &rows, &results->failure_count, error);
    results->failures = rows;
    for (size_t f = 0; status == DAM_OK && f < results->failure_count; f++)
        if ((uint64_t)results->failures[f].cell >= results->count)
            status = damaged(source->name, "/failures", "names a row that is not there", error);
    return status;
}

static enum dam_status read_timings(struct dam_source *source, const struct dam_result *result,
                                    struct dam_error *error) {
    struct dam_results *results = &source->results;
    void *rows = NULL;
    size_t count = 0;
    enum dam_status status = read_table(result, &dam_timing_table, &rows, &count, error);
    results->timings = rows;
    bool ordered = status == DAM_OK && count == results->count;
    for (size_t i = 0; ordered && i < count; i++)
        ordered = results->timings[i].cell == (int64_t)i;
    if (status == DAM_OK && !ordered)
        status = damaged(source->name, dam_timing_table.path, "has not one row a cell", error);
    return status;
}

/* ---- where the rows came from ---- */

/* A text of /provenance that the table has a column for, where the file has it. */
static enum dam_status read_item(const struct dam_result *result, const struct dam_field *field,
                                 struct dam_origin *origin, struct dam_error *error) {
    char path[128], *text;
    snprintf(path, sizeof path, "/provenance/%s", field->name);
    if (field->type != DAM_CHOICE || !dam_result_has(result, path))
        return DAM_OK;
    enum dam_status status = dam_result_text_read(result, path, &text, error);
    if (status != DAM_OK)
        return status;
    memcpy((char *)origin + field->offset, text, strnlen(text, field->size));
    free(text);
    return DAM_OK;
}

static enum dam_status read_origins(struct dam_source *source, const struct dam_result *result,
                                    uint32_t checksum, struct dam_error *error) {
    if (dam_result_has(result, dam_origin_table.path)) {
        void *rows = NULL;
        enum dam_status status =
            read_table(result, &dam_origin_table, &rows, &source->origin_count, error);
        source->origins = rows;
        return status;
    }
    struct dam_origin *origin = source->origins = calloc(1, sizeof *origin);
    if (origin == NULL)
        return no_memory(source->name, error);
    source->origin_count = 1;
    origin->results_crc32c = checksum;
    origin->cells = (int64_t)source->results.count;
    memcpy(origin->file, source->name, strnlen(source->name, sizeof origin->file));
    enum dam_status status = DAM_OK;
    for (size_t f = 0; status == DAM_OK && f < dam_origin_table.layout.count; f++)
        status = read_item(result, &dam_origin_table.layout.fields[f], origin, error);
    return status;
}

enum dam_status dam_source_read(struct dam_source *source, const char *name,
                                const struct dam_kinds *kinds, const struct dam_source *first,
                                struct dam_error *error) {
    *source = (struct dam_source){.name = strdup(name)};
    if (source->name == NULL)
        return no_memory(name, error);
    struct dam_result *result;
    uint32_t checksum = 0;
    enum dam_status status = verify(name, kinds, error);
    if (status == DAM_OK)
        status = dam_result_open(&result, name, error);
    if (status != DAM_OK)
        return status;
    status = read_study(source, result, kinds, first, error);
    if (status == DAM_OK)
        status = read_core(source, result, first, error);
    if (status == DAM_OK)
        status = read_rows(source, result, &checksum, error);
    if (status == DAM_OK)
        status = read_arrays(source, result, error);
    if (status == DAM_OK)
        status = read_kind_tables(source, result, error);
    if (status == DAM_OK)
        status = read_failures(source, result, error);
    if (status == DAM_OK)
        status = read_timings(source, result, error);
    if (status == DAM_OK)
        status = read_origins(source, result, checksum, error);
    dam_result_close(result);
    return status;
}

void dam_source_destroy(struct dam_source *source) {
    dam_results_destroy(&source->results);
    free(source->name);
    free(source->text);
    free(source->resolved);
    free(source->seeds);
    free(source->blas_core);
    free(source->blas_version);
    free(source->origins);
    *source = (struct dam_source){0};
}

const unsigned char *dam_source_row(const struct dam_source *source, size_t row) {
    return source->results.rows + row * source->results.layout.row_size;
}

/* The first row of a table whose cell is not below `cell`. */
static size_t first_row(const struct dam_rows *rows, int64_t cell) {
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (dam_rows_row(rows, middle)[0].integer < cell)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t dam_source_table(const struct dam_source *source, size_t t, size_t row, size_t *count) {
    const struct dam_rows *rows = &source->results.tables[t];
    size_t first = first_row(rows, (int64_t)row);
    *count = first_row(rows, (int64_t)row + 1) - first;
    return first;
}

size_t dam_seed_bytes(size_t seed_count) {
    return seed_count > 1 ? sizeof(int64_t) : 0;
}
