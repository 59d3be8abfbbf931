#include "run/earlier.h"
#include "run/array.h"
#include "run/checksum.h"
#include "run/result_study.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum dam_status no_memory(const struct dam_earlier *earlier, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "%s: no memory to read it", earlier->paths->file);
}

/* ---- the file ---- */

/* What cannot be read now may be read later: publishing without it would destroy it. */
static enum dam_status not_read(const struct dam_earlier *earlier, enum dam_status status,
                                struct dam_error *error) {
    if (status == DAM_MEMORY)
        return status;
    return dam_fail(error, DAM_FILE,
                    "%s: cannot be read, but may hold what is lost with states: another program "
                    "has it open, it may not be read, or it is damaged; start again when it can be "
                    "read, or remove it to go on without",
                    earlier->paths->file);
}

static bool is_there(const struct dam_earlier *earlier) {
    return access(earlier->paths->file, F_OK) == 0 || errno != ENOENT;
}

static enum dam_status is_of_study(const struct dam_earlier *earlier, bool *same,
                                   struct dam_error *error) {
    const struct dam_schema *schema = &earlier->kind->schema;
    struct dam_result_study study;
    *same = false;
    enum dam_status status = dam_result_study_read(earlier->result, &study, error);
    if (status != DAM_OK)
        return not_read(earlier, status, error);
    *same = strcmp(study.kind, schema->name) == 0 && study.version == schema->version &&
            study.seed_count == 1 && study.seed == earlier->study->seed;
    dam_result_study_destroy(&study);
    return DAM_OK;
}

static void add_to_checksum(void *context, const unsigned char *bytes, size_t size) {
    uint32_t *checksum = context;
    *checksum = dam_checksum(*checksum, bytes, size);
}

/* Read a dataset, or else (not `whole`) describe it and read it in passing. */
static enum dam_status read_dataset(const struct dam_earlier *earlier, const char *path, bool whole,
                                    struct dam_result_dataset **dataset, uint32_t *checksum,
                                    struct dam_error *error) {
    const struct dam_result *result = earlier->result;
    enum dam_status status = whole ? dam_result_read(result, path, dataset, error)
                                   : dam_result_describe(result, path, dataset, error);
    const struct dam_result_dataset *read = *dataset;
    *checksum = 0;
    if (status == DAM_OK && whole)
        add_to_checksum(checksum, read->bytes, read->row_count * read->row_size);
    else if (status == DAM_OK)
        status = dam_result_scan(result, path, 0, read->rank == 0 ? 1 : read->extent[0],
                                 add_to_checksum, checksum, error);
    return status == DAM_OK ? DAM_OK : not_read(earlier, status, error);
}

/* NULL where it is not there, or damaged. */
static enum dam_status read_sound(const struct dam_earlier *earlier, const char *path, bool whole,
                                  struct dam_result_dataset **dataset, struct dam_error *error) {
    uint32_t checksum;
    *dataset = NULL;
    if (!dam_result_has(earlier->result, path))
        return DAM_OK;
    enum dam_status status = read_dataset(earlier, path, whole, dataset, &checksum, error);
    if (status == DAM_OK && (*dataset)->has_checksum && (*dataset)->checksum == checksum)
        return DAM_OK;
    dam_result_dataset_destroy(*dataset);
    *dataset = NULL;
    return status;
}

static enum dam_status look(struct dam_earlier *earlier, struct dam_error *error) {
    bool same = false;
    earlier->looked = true;
    if (!is_there(earlier))
        return DAM_OK;
    enum dam_status status = earlier->paths->unreadable
                                 ? DAM_DAMAGED
                                 : dam_result_open(&earlier->result, earlier->paths->file, error);
    if (status != DAM_OK)
        return not_read(earlier, status, error);
    status = is_of_study(earlier, &same, error);
    if (status == DAM_OK && same)
        status = dam_layout_new(&earlier->layout, earlier->kind, error);
    if (status == DAM_OK && same)
        status = read_sound(earlier, "/results", true, &earlier->rows, error);
    earlier->arrays = calloc(earlier->kind->column_count + 1, sizeof *earlier->arrays);
    return status == DAM_OK && earlier->arrays == NULL ? no_memory(earlier, error) : status;
}

void dam_earlier_destroy(struct dam_earlier *earlier) {
    for (size_t c = 0; earlier->arrays != NULL && c < earlier->kind->column_count; c++)
        dam_result_dataset_destroy(earlier->arrays[c].dataset);
    free(earlier->arrays);
    dam_result_dataset_destroy(earlier->rows);
    dam_result_close(earlier->result);
    dam_layout_destroy(&earlier->layout);
    *earlier = (struct dam_earlier){0};
}

/* ---- the cell ---- */

static bool has_parameters(const struct dam_earlier *earlier, size_t row, const char *own) {
    const struct dam_result_dataset *rows = earlier->rows;
    for (size_t f = 0; f < earlier->layout.count; f++) {
        const struct dam_field *field = &earlier->layout.fields[f];
        if (field->role != DAM_FIELD_PARAMETER)
            continue;
        const struct dam_result_column *column = dam_result_find(rows, field->name);
        if (column == NULL || column->size != field->size ||
            memcmp(rows->bytes + row * rows->row_size + column->offset, own + field->offset,
                   field->size) != 0)
            return false;
    }
    return true;
}

/* *row: the cell's, or SIZE_MAX. */
static enum dam_status find_row(const struct dam_earlier *earlier, const struct dam_cell *cell,
                                const struct dam_reduction *reduction, size_t *row,
                                struct dam_error *error) {
    *row = SIZE_MAX;
    if (earlier->rows == NULL || !earlier->rows->compound)
        return DAM_OK;
    char *own = malloc(earlier->layout.row_size);
    if (own == NULL)
        return no_memory(earlier, error);
    dam_layout_fill(&earlier->layout, cell, reduction->scalars, DAM_CELL_COMPLETE, own);
    for (size_t r = 0; *row == SIZE_MAX && r < earlier->rows->row_count; r++)
        if (has_parameters(earlier, r, own))
            *row = r;
    free(own);
    return DAM_OK;
}

/* ---- the replica ---- */

/* A replica's elements of an array column; NULL: there are none. */
struct part {
    char *elements;
    struct dam_extent extent;
    void *owned; /* the elements, where they are not part of a whole */
};

/* The first dimension behind the cell is the replica. */
static bool is_by_replica(const struct dam_column *column) {
    return column->shape == DAM_ARRAY && column->dimensions[0] != NULL &&
           strcmp(column->dimensions[0], "replica") == 0 && dam_array_rank(column) > 1;
}

static struct dam_extent extent_of_part(const struct dam_extent *whole) {
    struct dam_extent extent = {.rank = whole->rank - 1};
    memcpy(extent.sizes, whole->sizes + 1, (DAM_DIMENSIONS_MAX - 1) * sizeof *whole->sizes);
    return extent;
}

static struct part part_at(const struct dam_column *column, char *elements,
                           const struct dam_extent *whole, uint32_t replica) {
    struct part part = {.extent = extent_of_part(whole)};
    size_t size = dam_array_size(column, &part.extent);
    if (replica < whole->sizes[0] && size > 0)
        part.elements = elements + replica * size;
    return part;
}

static struct part own_part(const struct dam_reduction *reduction, const struct dam_cell *cell,
                            size_t c, uint32_t replica) {
    const struct dam_extent whole = reduction->kind->extent(cell, c);
    return part_at(&reduction->kind->columns[c], reduction->arrays[c], &whole, replica);
}

static bool is_as_declared(const struct dam_earlier *earlier, const struct dam_column *column,
                           const struct dam_result_dataset *dataset) {
    return !dataset->compound && dataset->rank == 1 + dam_array_rank(column) &&
           dataset->extent[0] == earlier->rows->row_count &&
           dam_result_stores(&dataset->columns[0], column->type) &&
           dataset->row_size == dam_array_element_size(column);
}

static void path_of(const struct dam_column *column, char path[static 256]) {
    snprintf(path, 256, "/%s", column->name);
}

/* Last states are large: they are checked here, and read one by one. */
static enum dam_status look_at_array(struct dam_earlier *earlier, size_t c,
                                     struct dam_error *error) {
    const struct dam_column *column = &earlier->kind->columns[c];
    struct dam_earlier_array *array = &earlier->arrays[c];
    char path[256];
    path_of(column, path);
    array->looked = true;
    enum dam_status status = read_sound(earlier, path, !column->from_state, &array->dataset, error);
    if (array->dataset != NULL && !is_as_declared(earlier, column, array->dataset)) {
        dam_result_dataset_destroy(array->dataset);
        array->dataset = NULL;
    }
    return status;
}

static enum dam_status read_part(const struct dam_earlier *earlier, const struct dam_column *column,
                                 size_t row, const struct dam_extent *whole, uint32_t replica,
                                 struct part *part, struct dam_error *error) {
    struct dam_result_floats floats;
    char path[256];
    assert(column->single);
    path_of(column, path);
    part->extent = extent_of_part(whole);
    if (replica >= whole->sizes[0] || dam_array_size(column, &part->extent) == 0)
        return DAM_OK;
    enum dam_status status =
        dam_result_floats_part_read(earlier->result, path, row, replica, &floats, error);
    if (status != DAM_OK)
        return not_read(earlier, status, error);
    part->owned = floats.values;
    part->elements = part->owned;
    return DAM_OK;
}

/* part->owned is the caller's. */
static enum dam_status their_part(struct dam_earlier *earlier, size_t c, size_t row,
                                  uint32_t replica, struct part *part, struct dam_error *error) {
    const struct dam_column *column = &earlier->kind->columns[c];
    struct dam_earlier_array *array = &earlier->arrays[c];
    *part = (struct part){0};
    enum dam_status status = array->looked ? DAM_OK : look_at_array(earlier, c, error);
    const struct dam_result_dataset *dataset = array->dataset;
    if (status != DAM_OK || dataset == NULL)
        return status;
    struct dam_extent whole = {.rank = dataset->rank - 1};
    for (int d = 0; d < whole.rank; d++)
        whole.sizes[d] = dataset->extent[1 + d];
    if (column->from_state)
        return read_part(earlier, column, row, &whole, replica, part, error);
    *part = part_at(column, (char *)dataset->bytes + row * dam_array_size(column, &whole), &whole,
                    replica);
    return DAM_OK;
}

/* The reduction's NaNs are not the file's yet. */
static enum dam_status is_same(const struct dam_column *column, const struct part *own,
                               const struct part *theirs, bool *same, struct dam_error *error) {
    *same = false;
    if (own->elements == NULL || theirs->elements == NULL)
        return DAM_OK;
    void *as_in_file = malloc(dam_array_size(column, &own->extent));
    if (as_in_file == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to compare %s", column->name);
    dam_array_place(column, as_in_file, &own->extent, own->elements, &own->extent);
    *same = dam_array_same(column, as_in_file, &own->extent, theirs->elements, &theirs->extent);
    free(as_in_file);
    return DAM_OK;
}

/* Is it as large as the replica's own, and more than padding? */
static bool has_all(const struct dam_column *column, const struct part *own,
                    const struct part *theirs) {
    const struct dam_extent nothing = {.rank = theirs->extent.rank};
    for (int d = 0; d < own->extent.rank; d++)
        if (theirs->elements == NULL || theirs->extent.sizes[d] < own->extent.sizes[d])
            return false;
    return !dam_array_same(column, theirs->elements, &theirs->extent, theirs->elements, &nothing);
}

static void copy(const struct dam_column *column, const struct part *own,
                 const struct part *theirs) {
    static_assert(DAM_DIMENSIONS_MAX == 3, "a part has at most two dimensions");
    const int last = own->extent.rank - 1;
    size_t size = dam_array_element_size(column), rows = last > 0 ? own->extent.sizes[0] : 1;
    for (size_t i = 0; i < rows; i++)
        memcpy(own->elements + i * own->extent.sizes[last] * size,
               theirs->elements + i * theirs->extent.sizes[last] * size,
               own->extent.sizes[last] * size);
}

/* Go through the replica's columns: those that hold its last state must be there, and of the others
 * all be the same. Then, with `fill`, they are taken over. */
static enum dam_status go_through(struct dam_earlier *earlier, const struct dam_cell *cell,
                                  uint32_t replica, size_t row,
                                  const struct dam_reduction *reduction, bool fill, bool *found,
                                  struct dam_error *error) {
    size_t states = 0, others = 0;
    enum dam_status status = DAM_OK;
    bool good = true;
    for (size_t c = 0; status == DAM_OK && good && c < earlier->kind->column_count; c++) {
        const struct dam_column *column = &earlier->kind->columns[c];
        if (!is_by_replica(column))
            continue;
        const struct part own = own_part(reduction, cell, c, replica);
        if (column->from_state && own.elements == NULL)
            continue;
        struct part theirs;
        status = their_part(earlier, c, row, replica, &theirs, error);
        if (status == DAM_OK && !column->from_state)
            status = is_same(column, &own, &theirs, &good, error);
        else if (status == DAM_OK)
            good = has_all(column, &own, &theirs);
        if (status == DAM_OK && good && fill && column->from_state)
            copy(column, &own, &theirs);
        free(theirs.owned);
        states += column->from_state;
        others += !column->from_state;
    }
    *found = good && states > 0 && others > 0;
    return status;
}

enum dam_status dam_earlier_take(struct dam_earlier *earlier, const struct dam_cell *cell,
                                 uint32_t replica, struct dam_reduction *reduction, bool *taken,
                                 struct dam_error *error) {
    size_t row = SIZE_MAX;
    *taken = false;
    enum dam_status status = earlier->looked ? DAM_OK : look(earlier, error);
    if (status == DAM_OK)
        status = find_row(earlier, cell, reduction, &row, error);
    if (status == DAM_OK && row != SIZE_MAX)
        status = go_through(earlier, cell, replica, row, reduction, false, taken, error);
    if (status == DAM_OK && *taken)
        status = go_through(earlier, cell, replica, row, reduction, true, taken, error);
    return status;
}

/* ---- trying ---- */

static void try_dataset(const struct dam_earlier *earlier, const char *path, bool whole) {
    struct dam_result_dataset *dataset;
    struct dam_error ignored;
    if (read_sound(earlier, path, whole, &dataset, &ignored) == DAM_OK)
        dam_result_dataset_destroy(dataset);
}

void dam_earlier_try(struct dam_result *result, const struct dam_kind *kind) {
    const struct dam_output_paths paths = {.file = result->name};
    const struct dam_earlier earlier = {.paths = &paths, .kind = kind, .result = result};
    char path[256];
    bool has_states = false;
    for (size_t c = 0; c < kind->column_count; c++) {
        path_of(&kind->columns[c], path);
        has_states = has_states || (kind->columns[c].from_state && dam_result_has(result, path));
    }
    if (has_states)
        try_dataset(&earlier, "/results", true);
    for (size_t c = 0; has_states && c < kind->column_count; c++) {
        path_of(&kind->columns[c], path);
        if (is_by_replica(&kind->columns[c]))
            try_dataset(&earlier, path, !kind->columns[c].from_state);
    }
}
