#include "run/layout.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are written as they lie in memory");

const char *const dam_cell_status_names[] = {
    [DAM_CELL_COMPLETE] = "complete",
    [DAM_CELL_PARTIAL] = "partial",
    [DAM_CELL_FAILED] = "failed",
    NULL,
};

const char *const dam_seed_column = "seed";

static size_t field_size(enum dam_type type, const char *const *choices) {
    if (type != DAM_CHOICE)
        return sizeof(union dam_value);
    size_t size = 1;
    for (; *choices != NULL; choices++)
        size = strlen(*choices) > size ? strlen(*choices) : size;
    return size;
}

/* `fields` are the layout's own. */
static void append(struct dam_layout *layout, struct dam_field *fields, struct dam_field field) {
    field.size = field_size(field.type, field.choices);
    field.offset = layout->row_size;
    layout->row_size += field.size;
    fields[layout->count++] = field;
}

static void append_column(struct dam_layout *layout, struct dam_field *fields,
                          enum dam_field_role role, const struct dam_column *column,
                          size_t source) {
    append(layout, fields,
           (struct dam_field){.name = column->name,
                              .unit = column->unit,
                              .doc = column->doc,
                              .type = column->type,
                              .choices = column->choices,
                              .role = role,
                              .source = source});
}

static enum dam_status no_memory(const char *of, const char *name, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "no memory for the columns of %s %s", of, name);
}

static enum dam_status new_layout(struct dam_layout *layout, const struct dam_kind *kind, bool seed,
                                  struct dam_error *error) {
    const struct dam_schema *schema = &kind->schema;
    struct dam_field *fields =
        calloc(schema->parameter_count + kind->column_count + 2, sizeof *fields);
    *layout = (struct dam_layout){.fields = fields};
    if (fields == NULL)
        return no_memory("kind", schema->name, error);
    if (seed)
        append(layout, fields,
               (struct dam_field){.name = dam_seed_column,
                                  .unit = "1",
                                  .doc = "seed of every random stream of the row",
                                  .type = DAM_INTEGER,
                                  .role = DAM_FIELD_PARAMETER,
                                  .source = SIZE_MAX});
    for (size_t p = 0; p < schema->parameter_count; p++) {
        const struct dam_parameter *parameter = &schema->parameters[p];
        if (parameter->role == DAM_BUDGET)
            continue;
        append(layout, fields,
               (struct dam_field){.name = parameter->name,
                                  .unit = parameter->unit,
                                  .doc = parameter->doc,
                                  .type = parameter->type,
                                  .choices = parameter->choices,
                                  .role = DAM_FIELD_PARAMETER,
                                  .source = p});
    }
    for (size_t c = 0; c < kind->column_count; c++)
        if (kind->columns[c].shape == DAM_SCALAR)
            append_column(layout, fields, DAM_FIELD_RESULT, &kind->columns[c], c);
    append(layout, fields,
           (struct dam_field){.name = "status",
                              .unit = "1",
                              .doc = "complete, partial (not all replicas are in) or "
                                     "failed (a task failed: see /failures)",
                              .type = DAM_CHOICE,
                              .choices = dam_cell_status_names,
                              .role = DAM_FIELD_STATUS});
    return DAM_OK;
}

enum dam_status dam_layout_new(struct dam_layout *layout, const struct dam_kind *kind,
                               struct dam_error *error) {
    return new_layout(layout, kind, false, error);
}

enum dam_status dam_layout_new_with_seed(struct dam_layout *layout, const struct dam_kind *kind,
                                         struct dam_error *error) {
    return new_layout(layout, kind, true, error);
}

enum dam_status dam_layout_new_of_table(struct dam_layout *layout,
                                        const struct dam_kind_table *table,
                                        struct dam_error *error) {
    struct dam_field *fields = calloc(table->column_count + 1, sizeof *fields);
    *layout = (struct dam_layout){.fields = fields};
    if (fields == NULL)
        return no_memory("table", table->name, error);
    append_column(layout, fields, DAM_FIELD_PLAIN, &dam_cell_column, 0);
    for (size_t c = 0; c < table->column_count; c++) {
        assert(table->columns[c].type != DAM_CHOICE && table->columns[c].shape == DAM_SCALAR);
        append_column(layout, fields, DAM_FIELD_PLAIN, &table->columns[c], c);
    }
    return DAM_OK;
}

void dam_layout_destroy(struct dam_layout *layout) {
    free((void *)layout->fields);
    *layout = (struct dam_layout){0};
}

const char *dam_field_role_name(enum dam_field_role role) {
    static const char *const names[] = {
        [DAM_FIELD_PARAMETER] = "parameter",
        [DAM_FIELD_RESULT] = "result",
        [DAM_FIELD_STATUS] = "status",
    };
    return names[role];
}

hid_t dam_string_type(size_t size) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 &&
        (H5Tset_size(type, size == 0 ? 1 : size) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0)) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

hid_t dam_number_type(enum dam_type type, bool single) {
    assert(type != DAM_CHOICE && (type == DAM_REAL || !single));
    if (single)
        return H5T_IEEE_F32LE;
    return type == DAM_INTEGER ? H5T_STD_I64LE : H5T_IEEE_F64LE;
}

hid_t dam_layout_type(const struct dam_layout *layout) {
    hid_t row = H5Tcreate(H5T_COMPOUND, layout->row_size);
    for (size_t f = 0; row >= 0 && f < layout->count; f++) {
        const struct dam_field *field = &layout->fields[f];
        bool text = field->type == DAM_CHOICE;
        hid_t type = text ? dam_string_type(field->size) : dam_number_type(field->type, false);
        bool inserted = type >= 0 && H5Tinsert(row, field->name, field->offset, type) >= 0;
        if (text && type >= 0)
            H5Tclose(type);
        if (!inserted) {
            H5Tclose(row);
            row = -1;
        }
    }
    return row;
}

double dam_canonical(double x) {
    const uint64_t bits = UINT64_C(0x7ff8000000000000);
    double nan;
    memcpy(&nan, &bits, sizeof nan);
    return isnan(x) ? nan : x;
}

void dam_layout_fill(const struct dam_layout *layout, const struct dam_cell *cell,
                     const union dam_value *results, enum dam_cell_status status, void *row) {
    memset(row, 0, layout->row_size);
    for (size_t f = 0; f < layout->count; f++) {
        const struct dam_field *field = &layout->fields[f];
        union dam_value value = {.integer = status};
        assert(field->source != SIZE_MAX);
        if (field->role == DAM_FIELD_PARAMETER)
            value = cell->values[field->source];
        else if (field->role == DAM_FIELD_RESULT)
            value = results[field->source];
        if (field->type == DAM_REAL)
            value.real = dam_canonical(value.real);
        char *at = (char *)row + field->offset;
        if (field->type == DAM_CHOICE)
            memcpy(at, field->choices[value.integer], strlen(field->choices[value.integer]));
        else
            memcpy(at, &value, sizeof value);
    }
}

/* The choice that a 0-padded text names, or -1. */
static int64_t choice_of(const struct dam_field *field, const char *text) {
    size_t length = strnlen(text, field->size);
    for (int64_t choice = 0; field->choices[choice] != NULL; choice++)
        if (strlen(field->choices[choice]) == length &&
            memcmp(field->choices[choice], text, length) == 0)
            return choice;
    return -1;
}

bool dam_layout_parameters(const struct dam_layout *layout, const void *row,
                           union dam_value *values) {
    for (size_t f = 0; f < layout->count; f++) {
        const struct dam_field *field = &layout->fields[f];
        const char *at = (const char *)row + field->offset;
        if (field->role != DAM_FIELD_PARAMETER || field->source == SIZE_MAX)
            continue;
        union dam_value *value = &values[field->source];
        if (field->type != DAM_CHOICE)
            memcpy(value, at, sizeof *value);
        else if ((value->integer = choice_of(field, at)) < 0)
            return false;
    }
    return true;
}

int dam_layout_status(const struct dam_layout *layout, const void *row) {
    const struct dam_field *status = &layout->fields[layout->count - 1];
    return (int)choice_of(status, (const char *)row + status->offset);
}
