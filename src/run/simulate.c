#include "run/simulate.h"
#include "run/deal.h"
#include "run/grow.h"
#include "run/open.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A task that a rank is at. */
struct running {
    double end;
    struct dam_item item;
};

struct run {
    const struct dam_simulation *simulation;
    struct dam_simulated *simulated;
    struct dam_dealer *dealer;
    bool imagines;  /* finished tasks leave records, by which further rounds are asked for */
    double now;     /* s */
    uint64_t ranks; /* that are free */

    struct running *heap; /* binary, the earliest end first */
    size_t count, capacity;

    struct dam_cell cell; /* of the last task; index SIZE_MAX: none */
    double row_bytes, factor;
    void *record; /* [room] */
    size_t record_size, room;
};

static enum dam_status no_memory(const struct run *run, struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "no memory to simulate %zu tasks at a time", run->count + 1);
}

static enum dam_status push(struct run *run, struct running task, struct dam_error *error) {
    struct running *heap = dam_grow(run->heap, run->count, &run->capacity, sizeof *heap);
    if (heap == NULL)
        return no_memory(run, error);
    run->heap = heap;
    size_t at = run->count++;
    for (; at > 0 && task.end < run->heap[(at - 1) / 2].end; at = (at - 1) / 2)
        run->heap[at] = run->heap[(at - 1) / 2];
    run->heap[at] = task;
    return DAM_OK;
}

static struct running pop(struct run *run) {
    struct running first = run->heap[0], last = run->heap[--run->count];
    size_t at = 0;
    for (size_t child = 1; child < run->count; child = 2 * at + 1) {
        if (child + 1 < run->count && run->heap[child + 1].end < run->heap[child].end)
            child++;
        if (run->heap[child].end >= last.end)
            break;
        run->heap[at] = run->heap[child];
        at = child;
    }
    run->heap[at] = last;
    return first;
}

/* Make `index` the cell at hand. */
static enum dam_status look_at(struct run *run, uint32_t index, struct dam_error *error) {
    const struct dam_simulation *simulation = run->simulation;
    if (run->cell.index == index)
        return DAM_OK;
    dam_study_cell(simulation->study, index, &run->cell);
    run->row_bytes = dam_open_row_bytes(simulation->kind, &run->cell);
    run->factor = simulation->factor == NULL ? 1 : simulation->factor(simulation->context, index);
    run->record_size = simulation->kind->record_size(&run->cell);
    if (run->record_size > run->room) {
        void *record = realloc(run->record, run->record_size);
        if (record == NULL)
            return no_memory(run, error);
        run->record = record;
        run->room = run->record_size;
    }
    return DAM_OK;
}

/* A rank that is free takes the next task. *taken: there was one. */
static enum dam_status take(struct run *run, bool *taken, struct dam_error *error) {
    struct dam_item item;
    struct dam_round plan;
    const struct dam_suspect *none;
    *taken = dam_dealer_take(run->dealer, 0, 1, &item, &plan, &none) == 1;
    if (!*taken)
        return DAM_OK;
    enum dam_status status = look_at(run, item.cell, error);
    if (status != DAM_OK)
        return status;
    double seconds = run->factor * dam_dealer_seconds(run->dealer, &item);
    struct dam_simulated *simulated = run->simulated;
    simulated->tasks++;
    simulated->core_seconds += seconds;
    simulated->longest_seconds = fmax(simulated->longest_seconds, seconds);
    simulated->seconds = fmax(simulated->seconds, run->now + seconds);
    simulated->journal_bytes += run->row_bytes;
    run->ranks--;
    return push(run, (struct running){run->now + seconds, item}, error);
}

/* The next rank is free again. A kind that does not ask needs no records, and one that does not
 * imagine has none: its rounds stay open. */
static enum dam_status finish(struct run *run, struct dam_error *error) {
    struct running task = pop(run);
    run->now = task.end;
    run->ranks++;
    if (!run->imagines)
        return DAM_OK;
    enum dam_status status = look_at(run, task.item.cell, error);
    if (status != DAM_OK)
        return status;
    const struct dam_round plan = *dam_dealer_round(run->dealer, task.item.cell);
    const struct dam_task typical = {.cell = &run->cell,
                                     .seed = run->simulation->study->seed,
                                     .round = task.item.round,
                                     .replica = task.item.replica,
                                     .start_begin = task.item.start_begin,
                                     .start_end = task.item.start_end,
                                     .plan = &plan};
    memset(run->record, 0, run->record_size);
    run->simulation->kind->imagine(&typical, run->record);
    return dam_dealer_finish(run->dealer, &task.item, run->record, error);
}

static enum dam_status go_through(struct run *run, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (;;) {
        bool taken = true;
        while (status == DAM_OK && run->ranks > 0 && taken)
            status = take(run, &taken, error);
        if (status != DAM_OK || run->count == 0)
            return status;
        status = finish(run, error);
    }
}

enum dam_status dam_simulate(const struct dam_simulation *simulation,
                             struct dam_simulated *simulated, struct dam_error *error) {
    const struct dam_kind *kind = simulation->kind;
    struct run run = {.simulation = simulation,
                      .simulated = simulated,
                      .imagines = kind->more != NULL && kind->imagine != NULL,
                      .ranks = simulation->ranks,
                      .cell.index = SIZE_MAX};
    *simulated = (struct dam_simulated){0};
    enum dam_status status =
        dam_dealer_new(&run.dealer, simulation->study, kind, NULL, NULL, error);
    if (status != DAM_OK)
        return status;
    status = go_through(&run, error);
    dam_dealer_destroy(run.dealer);
    free(run.heap);
    free(run.record);
    return status;
}
