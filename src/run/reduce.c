#include "run/reduce.h"
#include "run/agree.h"
#include "run/array.h"
#include "run/deal.h"
#include "run/grow.h"
#include "run/history.h"
#include "run/state.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum dam_status no_memory(const struct dam_results *results, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "no memory for the results of %zu cells; use more ranks",
                    results->count);
}

static bool is_array(const struct dam_kind *kind, size_t column) {
    return kind->columns[column].shape == DAM_ARRAY;
}

bool dam_results_room(struct dam_results *results, size_t c) {
    size_t size = dam_array_size(&results->kind->columns[c], &results->extents[c]);
    if (size > 0)
        results->arrays[c] = calloc(results->count + 1, size);
    return size == 0 || results->arrays[c] != NULL;
}

void *dam_results_elements(const struct dam_results *results, size_t c, size_t row) {
    if (results->arrays[c] == NULL)
        return NULL;
    return (char *)results->arrays[c] +
           row * dam_array_size(&results->kind->columns[c], &results->extents[c]);
}

/* The largest of all ranks' cells. */
static void agree_on_extent(struct dam_results *results, MPI_Comm comm, size_t c) {
    struct dam_extent widest =
        dam_array_widest(results->kind, c, results->study, results->first, results->count);
    uint64_t sizes[DAM_DIMENSIONS_MAX];
    for (int d = 0; d < DAM_DIMENSIONS_MAX; d++)
        sizes[d] = widest.sizes[d];
    MPI_Allreduce(MPI_IN_PLACE, sizes, DAM_DIMENSIONS_MAX, MPI_UINT64_T, MPI_MAX, comm);
    for (int d = 0; d < DAM_DIMENSIONS_MAX; d++)
        widest.sizes[d] = sizes[d];
    results->extents[c] = widest;
}

struct dam_rows *dam_tables_new(const struct dam_kind *kind) {
    struct dam_rows *tables = calloc(kind->table_count + 1, sizeof *tables);
    for (size_t t = 0; tables != NULL && t < kind->table_count; t++)
        tables[t].width = 1 + kind->tables[t].column_count;
    return tables;
}

static enum dam_status allocate(struct dam_results *results, MPI_Comm comm,
                                const struct dam_study *study, const struct dam_kind *kind,
                                struct dam_error *error) {
    int rank, size;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    size_t first = dam_first_cell(study->cell_count, rank, size), columns = kind->column_count;
    results->first = first;
    results->count = dam_first_cell(study->cell_count, rank + 1, size) - first;
    enum dam_status status = dam_layout_new(&results->layout, kind, error);
    results->extents = calloc(columns + 1, sizeof *results->extents);
    results->arrays = calloc(columns + 1, sizeof *results->arrays);
    results->tables = dam_tables_new(kind);
    results->rows = calloc(results->count + 1, results->layout.row_size + 1);
    results->timings = calloc(results->count + 1, sizeof *results->timings);
    if (status == DAM_OK &&
        (results->extents == NULL || results->arrays == NULL || results->tables == NULL ||
         results->rows == NULL || results->timings == NULL))
        status = no_memory(results, error);
    if (status == DAM_OK)
        status = dam_reduction_new(&results->reduction, kind, error);
    status = dam_agree(comm, status, error);
    if (status != DAM_OK)
        return status;
    for (size_t c = 0; c < columns; c++) {
        if (!is_array(kind, c))
            continue;
        agree_on_extent(results, comm, c);
        if (!dam_results_room(results, c))
            status = no_memory(results, error);
    }
    return dam_agree(comm, status, error);
}

void dam_results_destroy(struct dam_results *results) {
    if (results->kind == NULL)
        return;
    for (size_t c = 0; results->arrays != NULL && c < results->kind->column_count; c++)
        free(results->arrays[c]);
    for (size_t t = 0; results->tables != NULL && t < results->kind->table_count; t++)
        dam_rows_destroy(&results->tables[t]);
    dam_layout_destroy(&results->layout);
    dam_reduction_destroy(&results->reduction);
    free(results->arrays);
    free(results->tables);
    free(results->extents);
    free(results->rows);
    free(results->timings);
    free(results->failures);
}

/* A failure of an item, to be filled with a message: NULL when out of memory. */
static struct dam_failure *add_failure(struct dam_results *results, const struct dam_item *item,
                                       struct dam_error *error) {
    struct dam_failure *failures = dam_grow(results->failures, results->failure_count,
                                            &results->failure_capacity, sizeof *failures);
    if (failures == NULL) {
        no_memory(results, error);
        return NULL;
    }
    results->failures = failures;
    struct dam_failure *failure = &results->failures[results->failure_count++];
    *failure = (struct dam_failure){
        .cell = item->cell,
        .round = item->round,
        .replica = item->replica,
        .start_begin = (int64_t)item->start_begin,
        .start_end = (int64_t)item->start_end,
    };
    const char *name = "unknown";
    if (item->status < DAM_STATUS_COUNT)
        name = dam_status_text((enum dam_status)item->status);
    snprintf(failure->status, sizeof failure->status, "%s", name);
    return failure;
}

static enum dam_status add_failed_row(struct dam_results *results, const struct dam_held_row *row,
                                      struct dam_error *error) {
    struct dam_failure *failure = add_failure(results, &row->item, error);
    if (failure == NULL)
        return DAM_MEMORY;
    size_t length = row->size < DAM_MESSAGE_LENGTH ? row->size : DAM_MESSAGE_LENGTH;
    memcpy(failure->message, row->payload, length);
    return DAM_OK;
}

/* The held rows of one cell, and what is being made of them. */
struct gathering {
    struct dam_results *results;
    const struct dam_held_row *rows;
    size_t count;
    struct dam_filling filling;
    struct dam_timing *timing;
    struct lost *lost; /* growing: the replicas whose last state cannot be read */
    size_t lost_count, lost_capacity;
    bool failed;
};
struct lost {
    struct dam_item item;
    char why[DAM_ERROR_LENGTH];
};

/* Bring one replica's rows of the round at hand together. */
static enum dam_status gather_replica(struct gathering *gathering, const struct dam_held_row *rows,
                                      size_t count, uint64_t plan, uint64_t starts,
                                      struct dam_error *error) {
    uint64_t at = 0;
    while (at < starts) {
        const struct dam_held_row *row =
            (const void *)dam_cover(rows, count, sizeof *rows, plan, at, starts);
        if (row == NULL)
            return DAM_OK;
        at = row->item.start_end;
        gathering->timing->tasks++;
        gathering->timing->seconds += row->seconds;
        if (row->item.status != DAM_OK) {
            gathering->failed = true;
            enum dam_status status = add_failed_row(gathering->results, row, error);
            if (status != DAM_OK)
                return status;
        } else if (row->size != gathering->filling.record_size) {
            return dam_fail(error, DAM_DAMAGED,
                            "a row of cell %u has %zu bytes instead of %zu: it is from another "
                            "version of dam; discard with --fresh",
                            row->item.cell, row->size, gathering->filling.record_size);
        } else {
            dam_filling_add(&gathering->filling, row->item.round, row->item.replica,
                            row->item.start_end - row->item.start_begin, row->payload);
        }
    }
    return DAM_OK;
}

static enum dam_status gather_round(struct gathering *gathering, struct dam_error *error) {
    uint32_t round = (uint32_t)gathering->filling.round_count - 1;
    const struct dam_round *plan = &gathering->filling.rounds[round].plan;
    uint64_t hash = dam_plan_hash(plan);
    enum dam_status status = DAM_OK;
    for (size_t i = 0; status == DAM_OK && i < gathering->count;) {
        const struct dam_item *item = &gathering->rows[i].item;
        size_t end = i;
        while (end < gathering->count && gathering->rows[end].item.round == item->round &&
               gathering->rows[end].item.replica == item->replica)
            end++;
        if (item->round == round && item->replica < plan->replicas)
            status =
                gather_replica(gathering, &gathering->rows[i], end - i, hash, plan->starts, error);
        i = end;
    }
    return status;
}

/* All rounds there are; *complete when no further one is asked for. */
static enum dam_status gather(struct gathering *gathering, bool *complete,
                              struct dam_error *error) {
    *complete = false;
    for (;;) {
        bool more;
        enum dam_status status = dam_filling_next(&gathering->filling, &more, error);
        if (status != DAM_OK)
            return status;
        if (!more) {
            *complete = dam_filling_complete(&gathering->filling);
            return DAM_OK;
        }
        status = gather_round(gathering, error);
        if (status != DAM_OK || !dam_filling_complete(&gathering->filling))
            return status;
    }
}

/* Put one cell's arrays in their place, and fill up what its extent does not reach. */
static void place_arrays(struct dam_results *results, const struct dam_cell *cell) {
    for (size_t c = 0; c < results->kind->column_count; c++) {
        if (results->arrays[c] == NULL)
            continue;
        struct dam_extent extent = results->kind->extent(cell, c);
        dam_array_place(&results->kind->columns[c],
                        dam_results_elements(results, c, cell->index - results->first),
                        &results->extents[c], results->reduction.arrays[c], &extent);
    }
}

/* Add one cell's rows to a table, each behind the cell. */
static enum dam_status place_rows(struct dam_results *results, size_t t, size_t cell,
                                  struct dam_error *error) {
    const struct dam_kind_table *table = &results->kind->tables[t];
    const struct dam_rows *from = &results->reduction.tables[t];
    for (size_t i = 0; i < from->count; i++) {
        union dam_value *row;
        enum dam_status status = dam_rows_append(&results->tables[t], &row, error);
        if (status != DAM_OK)
            return status;
        row[0].integer = (int64_t)cell;
        memcpy(row + 1, dam_rows_row(from, i), from->width * sizeof *row);
        for (size_t c = 0; c < table->column_count; c++)
            if (table->columns[c].type == DAM_REAL)
                row[c + 1].real = dam_canonical(row[c + 1].real);
    }
    return DAM_OK;
}

static enum dam_status note_lost(struct gathering *gathering, uint32_t round, uint32_t replica,
                                 const struct dam_error *why, struct dam_error *error) {
    struct lost *lost =
        dam_grow(gathering->lost, gathering->lost_count, &gathering->lost_capacity, sizeof *lost);
    if (lost == NULL)
        return no_memory(gathering->results, error);
    gathering->lost = lost;
    lost += gathering->lost_count++;
    lost->item = (struct dam_item){.cell = (uint32_t)gathering->filling.cell.index,
                                   .round = round,
                                   .replica = replica,
                                   .start_end = 1,
                                   .status = why->status};
    memcpy(lost->why, why->text, sizeof lost->why);
    return DAM_OK;
}

/* The state that a replica left in the last round that it is whole in. */
static enum dam_status read_state(void *context, uint32_t replica, void **blob, size_t *size,
                                  struct dam_error *error) {
    struct gathering *gathering = context;
    const struct dam_filling *filling = &gathering->filling;
    *blob = NULL;
    *size = 0;
    size_t round = filling->round_count;
    while (round > 0 && !dam_filling_is_whole(filling, round - 1, replica))
        round--;
    if (round == 0)
        return DAM_OK;
    const struct dam_state state = {gathering->results->folder, &filling->cell.hash,
                                    (uint32_t)round - 1, replica};
    struct dam_error cause;
    enum dam_status status = dam_state_read(&state, blob, size, &cause);
    if (status == DAM_OK)
        return DAM_OK;
    if (status == DAM_MEMORY)
        return dam_fail(error, status, "%s", cause.text);
    return note_lost(gathering, (uint32_t)round - 1, replica, &cause, error);
}

/* What lost states held, from the published result; where that has it not the cell fails, alone. */
static enum dam_status replace_lost(struct gathering *gathering, struct dam_error *error) {
    struct dam_results *results = gathering->results;
    enum dam_status status = DAM_OK;
    for (size_t i = 0; status == DAM_OK && i < gathering->lost_count; i++) {
        const struct lost *lost = &gathering->lost[i];
        bool taken;
        status = dam_earlier_take(results->earlier, &gathering->filling.cell, lost->item.replica,
                                  &results->reduction, &taken, error);
        if (status != DAM_OK || taken)
            continue;
        struct dam_failure *failure = add_failure(results, &lost->item, error);
        if (failure == NULL)
            return DAM_MEMORY;
        gathering->failed = true;
        const char *slash = strrchr(lost->why, '/');
        snprintf(failure->message, sizeof failure->message,
                 "its last state: %.120s; with --retry-failed the replica begins anew",
                 slash == NULL ? lost->why : slash + 1);
    }
    return status;
}

/* What the kind cannot make of a cell that no start of a run could foresee, since a failed task
 * holds it up: the cell fails, alone. */
static enum dam_status add_refusal(struct gathering *gathering, const char *why,
                                   struct dam_error *error) {
    const struct dam_filling *filling = &gathering->filling;
    const size_t rounds = filling->round_count;
    const struct dam_item item = {.cell = (uint32_t)filling->cell.index,
                                  .round = (uint32_t)(rounds > 0 ? rounds - 1 : 0),
                                  .status = DAM_INPUT};
    struct dam_failure *failure = add_failure(gathering->results, &item, error);
    if (failure == NULL)
        return DAM_MEMORY;
    gathering->failed = true;
    snprintf(failure->message, sizeof failure->message, "%.*s", DAM_MESSAGE_LENGTH - 1, why);
    return DAM_OK;
}

static enum dam_status reduce_cell(struct gathering *gathering, bool complete,
                                   struct dam_error *error) {
    struct dam_results *results = gathering->results;
    const struct dam_cell *cell = &gathering->filling.cell;
    struct dam_history history = dam_filling_view(&gathering->filling);
    if (results->kind->keeps_state) {
        history.state = read_state;
        history.state_context = gathering;
    }
    enum dam_status status = dam_reduction_make(&results->reduction, cell, &history, error);
    if (status == DAM_INPUT)
        status = add_refusal(gathering, error->text, error);
    if (status == DAM_OK)
        status = replace_lost(gathering, error);
    for (size_t t = 0; status == DAM_OK && t < results->kind->table_count; t++)
        status = place_rows(results, t, cell->index, error);
    if (status != DAM_OK)
        return status;
    enum dam_cell_status state = gathering->failed ? DAM_CELL_FAILED
                                 : complete        ? DAM_CELL_COMPLETE
                                                   : DAM_CELL_PARTIAL;
    results->complete += state == DAM_CELL_COMPLETE;
    results->failed += state == DAM_CELL_FAILED;
    results->partial += state == DAM_CELL_PARTIAL;
    dam_layout_fill(&results->layout, cell, results->reduction.scalars, state,
                    results->rows + (cell->index - results->first) * results->layout.row_size);
    place_arrays(results, cell);
    return DAM_OK;
}

/* Of the rounds that are known: all of them, where no further one was to be asked for. */
static double predicted_seconds(const struct dam_filling *filling) {
    struct dam_cost cost;
    double seconds = 0;
    filling->kind->cost(&filling->cell, &cost);
    for (size_t r = 0; r < filling->round_count; r++)
        seconds += dam_round_seconds(&cost, &filling->rounds[r].plan);
    return seconds;
}

static enum dam_status make_cell(struct dam_results *results, size_t index,
                                 const struct dam_held_row *rows, size_t count,
                                 struct dam_error *error) {
    struct dam_cell cell;
    dam_study_cell(results->study, index, &cell);
    struct dam_timing *timing = &results->timings[index - results->first];
    *timing = (struct dam_timing){.cell = (int64_t)index};
    struct gathering gathering = {
        .results = results, .rows = rows, .count = count, .timing = timing};
    dam_filling_begin(&gathering.filling, results->kind, &cell);
    bool complete;
    enum dam_status status = gather(&gathering, &complete, error);
    timing->predicted = predicted_seconds(&gathering.filling);
    if (status == DAM_OK)
        status = reduce_cell(&gathering, complete, error);
    dam_filling_destroy(&gathering.filling);
    free(gathering.lost);
    return status;
}

static enum dam_status make_cells(struct dam_results *results, const struct dam_holding *holding,
                                  struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t i = 0, row = 0; status == DAM_OK && i < results->count; i++) {
        size_t index = results->first + i, begin = row;
        while (row < holding->count && holding->rows[row].item.cell == index)
            row++;
        status = make_cell(results, index, holding->rows + begin, row - begin, error);
    }
    return status;
}

enum dam_status dam_results_new(struct dam_results *results, MPI_Comm comm,
                                const struct dam_study *study, const struct dam_kind *kind,
                                const struct dam_output_paths *paths,
                                const struct dam_holding *holding, struct dam_error *error) {
    struct dam_earlier earlier = {.paths = paths, .study = study, .kind = kind};
    *results = (struct dam_results){
        .study = study, .kind = kind, .folder = paths->folder, .earlier = &earlier};
    enum dam_status status = allocate(results, comm, study, kind, error);
    if (status == DAM_OK)
        status = dam_agree(comm, make_cells(results, holding, error), error);
    dam_earlier_destroy(&earlier);
    results->earlier = NULL;
    return status;
}
