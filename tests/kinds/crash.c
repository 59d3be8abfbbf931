/* Tasks that take their rank with them where they are told to, each in its manner. Where and how
 * are budgets: they can be mended between two runs of one study. */
#include "kinds_test.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { SPOT, CRASH_AT, MANNER, MILLISECONDS };
enum { SEGFAULT, OVERFLOW, ABORT, KILL };

static const char *const manners[] = {
    [SEGFAULT] = "segfault", [OVERFLOW] = "overflow", [ABORT] = "abort", [KILL] = "kill", NULL,
};

static const struct dam_parameter parameters[] = {
    [SPOT] = DAM_TEST_PARAMETER_SPOT,
    [CRASH_AT] = {.name = "crash_at",
                  .type = DAM_INTEGER,
                  .role = DAM_BUDGET,
                  .standard.integer = -1,
                  .low.integer = -1,
                  .high.integer = 1000000,
                  .unit = "1",
                  .doc = "the cell whose last replica crashes; -1: none"},
    [MANNER] = {.name = "manner",
                .type = DAM_CHOICE,
                .role = DAM_BUDGET,
                .choices = manners,
                .unit = "1",
                .doc = "a stray pointer, a stack that overflows, abort(), or SIGKILL"},
    [MILLISECONDS] = {.name = "milliseconds",
                      .type = DAM_REAL,
                      .role = DAM_BUDGET,
                      .standard.real = 1,
                      .low.real = 0,
                      .high.real = 1e5,
                      .unit = "ms",
                      .doc = "time a task takes"},
};

enum { SUM };

static const struct dam_column columns[] = {
    [SUM] = {.name = "sum", .unit = "1", .doc = "sum of 1000 spot + replica"},
};

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    *cost = (struct dam_cost){.start_seconds = 1e-6 + cell->values[MILLISECONDS].real / 1000,
                              .bytes = 64};
}

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(int64_t);
}

/* No compiler may see where this ends. */
static int deepen(volatile char *above, int depth) {
    volatile char here[4096];
    memset((void *)here, depth, sizeof here);
    return depth < 0 ? above[0] : deepen(here, depth + 1) + here[7];
}

/* Sanitizers would be faster than the processor. */
__attribute__((no_sanitize("undefined", "address"))) static void crash(int64_t manner) {
    if (manner == SEGFAULT)
        *(volatile char *volatile *)NULL = NULL;
    if (manner == OVERFLOW) {
        char above = 0;
        exit(deepen(&above, 1));
    }
    if (manner == ABORT)
        abort();
    raise(SIGKILL);
}

static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    const union dam_value *values = task->cell->values;
    enum dam_status status = dam_test_spin(task, values[MILLISECONDS].real / 1000, error);
    if (status != DAM_OK)
        return status;
    int64_t spot = values[SPOT].integer;
    if (spot == values[CRASH_AT].integer && task->replica + 1 == task->cell->replicas)
        crash(values[MANNER].integer);
    *(int64_t *)record = 1000 * spot + task->replica;
    return DAM_OK;
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    (void)cell;
    (void)error;
    const struct dam_round_rows *rows = &history->rounds[0];
    for (size_t r = 0; r < rows->count; r++)
        output->scalars[SUM].integer += *(const int64_t *)rows->records[r];
    return DAM_OK;
}

const struct dam_kind dam_test_kind_crash = {
    DAM_TEST_KIND("crash", "tasks that take their rank with them"),
};
