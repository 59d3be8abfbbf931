/* Plans of kinds whose prediction is wrong by a known factor: they are for what is measured. The
 * clock is the test's own, on which nothing takes time but what these kinds do. */
#include "costs.h"
#include "run/plan.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static double now = 1000; /* s */

/* In place of the C library's, for the whole program. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    *time = (struct timespec){(time_t)now, (long)((now - floor(now)) * 1e9)};
    return 0;
}

/* ---- kinds ---- */

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return 8;
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    (void)cell;
    (void)history;
    (void)output;
    (void)error;
    return DAM_OK;
}

static size_t runs, parts; /* calls */

static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    const union dam_value *values = task->cell->values;
    (void)record;
    runs++;
    for (uint64_t start = task->start_begin; start < task->start_end; start++) {
        now += values[SECONDS].real * values[FACTOR].real;
        if (task->poll.call(task->poll.context))
            return dam_fail(error, DAM_STOPPED, "stopped");
    }
    return DAM_OK;
}

enum { SETTING_UP = 7 }; /* s */
static const double piece = 0.125;
static size_t pieces; /* of the last part */

static enum dam_status part(const struct dam_task *task, double *share, struct dam_error *error) {
    const union dam_value *values = task->cell->values;
    (void)error;
    assert_int_equal(task->round, 0);
    assert_int_equal(task->replica, 0);
    assert_int_equal(task->start_end - task->start_begin, 1);
    parts++;
    pieces = 0;
    now += SETTING_UP;
    task->poll.call(task->poll.context);
    do {
        now += piece;
        pieces++;
    } while (!task->poll.call(task->poll.context));
    *share = (double)pieces * piece / (values[SECONDS].real * values[FACTOR].real);
    now += SETTING_UP;
    return DAM_OK;
}

static enum dam_status failing_part(const struct dam_task *task, double *share,
                                    struct dam_error *error) {
    (void)part(task, share, error);
    return dam_fail(error, DAM_MEMORY, "no memory");
}

#define KIND(called, ...)                                                                          \
    {                                                                                              \
        .schema = COSTS_SCHEMA(called), .cost = cost, .starts = starts_of,                         \
        .record_size = record_size, .run = run, .reduce = reduce, __VA_ARGS__                      \
    }
static const struct dam_kind whole = KIND("whole", .part = NULL),
                             parted = KIND("parted", .part = part),
                             failing = KIND("failing", .part = failing_part);

/* ---- planning ---- */

static struct dam_plan plan_of(const struct dam_kind *kind, const char *keys, double seconds) {
    const struct dam_schema *schemas[] = {&kind->schema};
    struct dam_study *study;
    struct dam_plan plan;
    struct dam_forecast forecast = {.ranks = 1};
    struct dam_error error;
    char text[300];
    snprintf(text, sizeof text, "{kind: %s, %s}\n", kind->schema.name, keys);
    runs = parts = 0;
    if (dam_study_parse(&study, "study", text, strlen(text), NULL, 0, schemas, 1, &error) !=
            DAM_OK ||
        dam_plan_make(study, kind, seconds, &plan, &forecast, 1, &error) != DAM_OK)
        fail_msg("%s", error.text);
    dam_study_destroy(study);
    assert_true(forecast.seconds >= plan.core_seconds);
    return plan;
}

static void assert_near(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-6 * expected))
        fail_msg("%.12g is not %.12g", got, expected);
}

static void short_starts_are_measured_whole(void **state) {
    (void)state;
    struct dam_plan plan = plan_of(&whole, "seconds: 0.01, factor: 3, starts: 40", 2);
    assert_near(plan.core_seconds, 0.01 * 3 * 40);
    assert_int_equal(plan.measured_cells, 1);
    assert_false(plan.by_parts);
    assert_true(runs > 0);
}

static void what_does_not_end_is_guessed(void **state) {
    (void)state;
    struct dam_plan plan = plan_of(&whole, "seconds: 30, factor: 3", 2);
    assert_near(plan.core_seconds, 30);
    assert_int_equal(plan.measured_cells, 0);
}

/* However long a start is said to take and takes; set-up is no part of it. */
static void long_starts_are_measured_by_parts(void **state) {
    (void)state;
    struct dam_plan plan = plan_of(&parted, "seconds: 1000, factor: 2.5, replicas: 3", 1);
    assert_near(plan.core_seconds, 3 * 2500);
    assert_near(plan.longest_seconds, 2500);
    assert_int_equal(plan.measured_cells, 1);
    assert_true(plan.by_parts);
    assert_int_equal(runs, 0);
    assert_int_equal(parts, 1);
    assert_int_equal(pieces, 1 / piece + 1); /* until more than a second is over */
    plan = plan_of(&parted, "seconds: 1000, factor: 0.01", 1);
    assert_near(plan.core_seconds, 10);
    plan = plan_of(&parted, "seconds: 1000, factor: 0.01", 0.001); /* at least a piece */
    assert_near(plan.core_seconds, 10);
    assert_int_equal(pieces, 1);
}

static void each_length_has_its_factor(void **state) {
    (void)state;
    struct dam_plan plan =
        plan_of(&parted, "grids: [{seconds: 100, factor: 2}, {seconds: 1000, factor: 0.5}]", 1);
    assert_near(plan.core_seconds, 100 * 2 + 1000 * 0.5);
    assert_int_equal(plan.measured_cells, 2);
}

/* Nothing tells cells apart that are predicted to take the same: all of them count. */
static void cells_of_a_length_are_measured_together(void **state) {
    (void)state;
    struct dam_plan plan = plan_of(&parted, "seconds: 100, factor: [1, 3]", 1);
    assert_near(plan.core_seconds, 2 * 100 * 2 / (1 + 1. / 3));
    assert_int_equal(plan.measured_cells, 2);
}

/* Setting up takes time beside that of measuring. */
static void few_cells_of_long_starts_are_measured(void **state) {
    (void)state;
    struct dam_plan plan = plan_of(&parted, "seconds: {from: 100, to: 199, step: 1}, factor: 7", 1);
    assert_near(plan.core_seconds, 100 * (100 + 199) / 2.0 * 7);
    assert_true(plan.measured_cells > 1 && plan.measured_cells <= 4);
    assert_int_equal(parts, plan.measured_cells);
}

static void parts_that_fail_are_not_measured(void **state) {
    (void)state;
    struct dam_plan plan = plan_of(&failing, "seconds: 1000, factor: 2", 1);
    assert_near(plan.core_seconds, 1000);
    assert_int_equal(plan.measured_cells, 0);
    assert_int_equal(parts, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_starts_are_measured_whole),
        cmocka_unit_test(what_does_not_end_is_guessed),
        cmocka_unit_test(long_starts_are_measured_by_parts),
        cmocka_unit_test(each_length_has_its_factor),
        cmocka_unit_test(cells_of_a_length_are_measured_together),
        cmocka_unit_test(few_cells_of_long_starts_are_measured),
        cmocka_unit_test(parts_that_fail_are_not_measured),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
