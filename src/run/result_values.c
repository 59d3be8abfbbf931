/* The values of datasets: columns by name, numbers and texts by row, and single ones by path. */
#include "run/result.h"
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

const struct dam_result_column *dam_result_find(const struct dam_result_dataset *dataset,
                                                const char *name) {
    for (size_t c = 0; c < dataset->column_count; c++)
        if (strcmp(dataset->columns[c].name, name) == 0)
            return &dataset->columns[c];
    return NULL;
}

bool dam_result_stores(const struct dam_result_column *column, enum dam_type type) {
    static const enum dam_stored stored[] = {
        [DAM_INTEGER] = DAM_STORED_INTEGER,
        [DAM_REAL] = DAM_STORED_REAL,
        [DAM_CHOICE] = DAM_STORED_TEXT,
    };
    return column->type == stored[type];
}

static const unsigned char *value_bytes(const struct dam_result_dataset *dataset, size_t row,
                                        const struct dam_result_column *column) {
    assert(row < dataset->row_count);
    return dataset->bytes + row * dataset->row_size + column->offset;
}

uint64_t dam_result_unsigned(const struct dam_result_dataset *dataset, size_t row,
                             const struct dam_result_column *column) {
    assert(column->type == DAM_STORED_UNSIGNED);
    const unsigned char *bytes = value_bytes(dataset, row, column);
    uint64_t value = 0;
    memcpy(&value, bytes, column->size);
    return le64toh(value);
}

int64_t dam_result_integer(const struct dam_result_dataset *dataset, size_t row,
                           const struct dam_result_column *column) {
    assert(column->type == DAM_STORED_INTEGER);
    const unsigned char *bytes = value_bytes(dataset, row, column);
    if (column->size == sizeof(uint32_t)) {
        uint32_t value;
        memcpy(&value, bytes, sizeof value);
        return (int32_t)le32toh(value);
    }
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return (int64_t)le64toh(value);
}

double dam_result_real(const struct dam_result_dataset *dataset, size_t row,
                       const struct dam_result_column *column) {
    assert(column->type == DAM_STORED_REAL);
    if (column->size == sizeof(float)) {
        uint32_t bits;
        float value;
        memcpy(&bits, value_bytes(dataset, row, column), sizeof bits);
        bits = le32toh(bits);
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    uint64_t bits;
    memcpy(&bits, value_bytes(dataset, row, column), sizeof bits);
    bits = le64toh(bits);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

const char *dam_result_text(const struct dam_result_dataset *dataset, size_t row,
                            const struct dam_result_column *column, size_t *length) {
    assert(column->type == DAM_STORED_TEXT);
    const char *text = (const char *)value_bytes(dataset, row, column);
    *length = strnlen(text, column->size);
    return text;
}

bool dam_result_text_is(const struct dam_result_dataset *dataset, size_t row,
                        const struct dam_result_column *column, const char *expected) {
    size_t length;
    const char *text = dam_result_text(dataset, row, column, &length);
    return length == strlen(expected) && memcmp(text, expected, length) == 0;
}

/* Read a dataset that must hold one value of a type. */
static enum dam_status read_scalar(const struct dam_result *result, const char *path,
                                   enum dam_stored type, struct dam_result_dataset **dataset,
                                   struct dam_error *error) {
    enum dam_status status = dam_result_read(result, path, dataset, error);
    if (status != DAM_OK)
        return status;
    if ((*dataset)->row_count == 1 && !(*dataset)->compound && (*dataset)->columns[0].type == type)
        return DAM_OK;
    dam_result_dataset_destroy(*dataset);
    *dataset = NULL;
    return dam_fail(error, DAM_DAMAGED, "%s: %s: is not the single %s it should be", result->name,
                    path, type == DAM_STORED_TEXT ? "text" : "number");
}

enum dam_status dam_result_text_read(const struct dam_result *result, const char *path, char **text,
                                     struct dam_error *error) {
    struct dam_result_dataset *dataset;
    enum dam_status status = read_scalar(result, path, DAM_STORED_TEXT, &dataset, error);
    if (status != DAM_OK)
        return status;
    size_t length;
    const char *stored = dam_result_text(dataset, 0, &dataset->columns[0], &length);
    *text = strndup(stored, length);
    dam_result_dataset_destroy(dataset);
    if (*text == NULL)
        return dam_fail(error, DAM_MEMORY, "%s: out of memory while reading", result->name);
    return DAM_OK;
}

enum dam_status dam_result_number_read(const struct dam_result *result, const char *path,
                                       uint64_t *number, struct dam_error *error) {
    struct dam_result_dataset *dataset;
    enum dam_status status = read_scalar(result, path, DAM_STORED_UNSIGNED, &dataset, error);
    if (status != DAM_OK)
        return status;
    *number = dam_result_unsigned(dataset, 0, &dataset->columns[0]);
    dam_result_dataset_destroy(dataset);
    return DAM_OK;
}
