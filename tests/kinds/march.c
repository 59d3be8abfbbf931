/* A long way of so many steps, a few of them a round, as a training is of epochs. A replica goes on
 * from where its state stands: raising the steps adds rounds, which find nothing to do where a
 * replica is there already. The results are those of the steps, and do not show the rounds. */
#include "kinds_test.h"
#include <stdlib.h>
#include <string.h>

enum { STRIDE_MAX = 16 };
enum { SPOT, STRIDE, MILLISECONDS, STEPS };

static const struct dam_parameter parameters[] = {
    [SPOT] = DAM_TEST_PARAMETER_SPOT,
    [STRIDE] = {.name = "stride",
                .type = DAM_INTEGER,
                .standard.integer = 5,
                .low.integer = 1,
                .high.integer = STRIDE_MAX,
                .unit = "steps",
                .doc = "steps of a round"},
    [MILLISECONDS] = {.name = "milliseconds",
                      .type = DAM_REAL,
                      .role = DAM_BUDGET,
                      .standard.real = 0,
                      .low.real = 0,
                      .high.real = 1e5,
                      .unit = "ms",
                      .doc = "time a task takes"},
    [STEPS] = {.name = "steps",
               .type = DAM_INTEGER,
               .role = DAM_BUDGET,
               .standard.integer = 10,
               .low.integer = 1,
               .high.integer = 1000,
               .unit = "steps",
               .doc = "steps of each replica"},
};

enum { LAST, STANDS };

static const struct dam_column columns[] = {
    [LAST] = {.name = "last", .unit = "1", .doc = "sum of where the replicas stand in the end"},
    [STANDS] = {.name = "stands",
                .type = DAM_REAL,
                .shape = DAM_ARRAY,
                .unit = "1",
                .doc = "where a replica stands after each step; NaN: not there yet",
                .dimensions = {"replica", "step"}},
};

/* Where a replica stands after `steps` steps. */
struct stand {
    int64_t steps;
    uint64_t place;
};

/* A round's steps: begin .. end - 1. */
struct record {
    int64_t begin, end;
    uint64_t places[STRIDE_MAX];
};

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    *cost = (struct dam_cost){.start_seconds = 1e-6 + cell->values[MILLISECONDS].real / 1000,
                              .bytes = sizeof(struct record)};
}

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(struct record);
}

static enum dam_status run(const struct dam_task *task, void *data, struct dam_error *error) {
    const union dam_value *values = task->cell->values;
    struct record *record = data;
    struct stand *stand = calloc(1, sizeof *stand);
    if (stand == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a state");
    if (task->state_size == sizeof *stand)
        memcpy(stand, task->state, sizeof *stand);
    record->begin = stand->steps;
    while (stand->steps < values[STEPS].integer &&
           stand->steps < record->begin + values[STRIDE].integer) {
        struct dam_stream stream = dam_stream_open(task->seed, DAM_PURPOSE_TEST, &task->cell->hash,
                                                   task->replica, (uint32_t)stand->steps);
        stand->place = stand->place * 3 + dam_stream_next(&stream);
        record->places[stand->steps++ - record->begin] = stand->place;
    }
    record->end = stand->steps;
    enum dam_status status = dam_test_spin(task, values[MILLISECONDS].real / 1000, error);
    if (status != DAM_OK) {
        free(stand);
        return status;
    }
    *task->next_state = stand;
    *task->next_state_size = sizeof *stand;
    return DAM_OK;
}

/* Until every replica has all steps behind it. */
static bool more(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next) {
    *next = (struct dam_round){.replicas = cell->replicas, .starts = 1};
    if (history->round_count == 0)
        return true;
    const struct dam_round_rows *rows = &history->rounds[history->round_count - 1];
    for (size_t r = 0; r < rows->count; r++) {
        const struct record *record = rows->records[r];
        if (record->end < cell->values[STEPS].integer)
            return true;
    }
    return false;
}

static struct dam_extent extent(const struct dam_cell *cell, size_t column) {
    (void)column;
    return (struct dam_extent){2, {cell->replicas, (size_t)cell->values[STEPS].integer}};
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    const int64_t steps = cell->values[STEPS].integer;
    double *stands = output->arrays[STANDS];
    uint64_t sum = 0;
    (void)error;
    for (int64_t e = 0; e < steps * cell->replicas; e++)
        stands[e] = __builtin_nan("");
    for (size_t round = 0; round < history->round_count; round++) {
        const struct dam_round_rows *rows = &history->rounds[round];
        for (size_t r = 0; r < rows->count; r++) {
            const struct record *record = rows->records[r];
            for (int64_t s = record->begin; s < record->end && s < steps; s++) {
                uint64_t place = record->places[s - record->begin];
                stands[rows->replicas[r] * steps + s] = (double)place;
                sum += s == steps - 1 ? place : 0;
            }
        }
    }
    output->scalars[LAST].integer = (int64_t)(sum & INT64_MAX);
    return DAM_OK;
}

const struct dam_kind dam_test_kind_march = {
    DAM_TEST_KIND("march", "a long way, a few steps a round"),
    .extent = extent,
    .more = more,
    .keeps_state = true,
};
