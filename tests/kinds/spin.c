/* Tasks of a chosen length, whose record is a pure function of the task: for dealing, draining and
 * killing. */
#include "kinds_test.h"
#include <time.h>

enum { SPOT, MILLISECONDS, HASTE, STARTS };

static const struct dam_parameter parameters[] = {
    [SPOT] = DAM_TEST_PARAMETER_SPOT,
    [MILLISECONDS] = {.name = "milliseconds",
                      .type = DAM_REAL,
                      .standard.real = 1,
                      .low.real = 0.001,
                      .high.real = 1e5,
                      .unit = "ms",
                      .doc = "time a start is predicted to take"},
    [HASTE] = {.name = "haste",
               .type = DAM_REAL,
               .role = DAM_BUDGET,
               .standard.real = 1,
               .low.real = 1,
               .high.real = 1e9,
               .unit = "1",
               .doc = "how many times faster a start is than predicted"},
    [STARTS] = {.name = "starts",
                .type = DAM_INTEGER,
                .role = DAM_BUDGET,
                .standard.integer = 1,
                .low.integer = 1,
                .high.integer = 1000000000,
                .unit = "starts",
                .doc = "starts of a replica"},
};

enum { TRIALS, TOTAL };

static const struct dam_column columns[] = {
    [TRIALS] = {.name = "trials", .unit = "starts", .doc = "starts of all replicas"},
    [TOTAL] = {.name = "total", .unit = "1", .doc = "sum of the starts' random numbers, mod 2^63"},
};

struct record {
    int64_t trials;
    uint64_t total;
};

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    *cost = (struct dam_cost){.start_seconds = cell->values[MILLISECONDS].real / 1000, .bytes = 64};
}

static uint64_t starts_of(const struct dam_cell *cell) {
    return (uint64_t)cell->values[STARTS].integer;
}

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(struct record);
}

static double clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

enum dam_status dam_test_spin(const struct dam_task *task, double seconds,
                              struct dam_error *error) {
    double end = clock_now() + seconds, look = clock_now() + 0.002;
    for (double now = clock_now(); now < end; now = clock_now()) {
        if (now < look || task->poll.call == NULL)
            continue;
        look = now + 0.002;
        if (task->poll.call(task->poll.context))
            return dam_fail(error, DAM_STOPPED, "stopped on request");
    }
    return DAM_OK;
}

static enum dam_status run(const struct dam_task *task, void *out, struct dam_error *error) {
    struct record *record = out;
    const union dam_value *values = task->cell->values;
    double seconds = values[MILLISECONDS].real / 1000 / values[HASTE].real;
    for (uint64_t start = task->start_begin; start < task->start_end; start++) {
        struct dam_stream stream =
            dam_stream_open(task->seed, DAM_PURPOSE_TEST, &task->cell->hash, task->replica, start);
        record->trials++;
        record->total += dam_stream_next64(&stream);
        enum dam_status status = dam_test_spin(task, seconds, error);
        if (status != DAM_OK)
            return status;
    }
    return DAM_OK;
}

static void merge(const struct dam_cell *cell, void *into, const void *from) {
    (void)cell;
    struct record *sum = into;
    const struct record *record = from;
    sum->trials += record->trials;
    sum->total += record->total;
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    (void)cell;
    (void)error;
    struct record sum = {0};
    for (size_t r = 0; r < history->rounds[0].count; r++)
        merge(cell, &sum, history->rounds[0].records[r]);
    output->scalars[TRIALS].integer = sum.trials;
    output->scalars[TOTAL].integer = (int64_t)(sum.total & INT64_MAX);
    return DAM_OK;
}

const struct dam_kind dam_test_kind_spin = {
    DAM_TEST_KIND("spin", "tasks of a chosen length"),
    .starts = starts_of,
    .merge = merge,
};
