/* The values of datasets that were read: columns by name, numbers and texts by row. */
#include "run/result.h"
#include <assert.h>
#include <endian.h>
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
