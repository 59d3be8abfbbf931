/* Runs in imagined time: they last as long as theory says of ranks that take the next task when
 * they are free, rounds wait for those before them, and imagined records decide how many there
 * are. */
#include "costs.h"
#include "run/simulate.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- kinds that exist for their costs and rounds ---- */

static size_t record_size(const struct dam_cell *cell) {
    return 8 * (size_t)(1 + cell->index % 3);
}

static void merge(const struct dam_cell *cell, void *into, const void *record) {
    (void)cell;
    *(uint64_t *)into += *(const uint64_t *)record;
}

/* The starts of all rounds so far, as the records count them; each plan says how many rounds there
 * were. The search ends when `rounds` rounds' worth is in: its length is known by records alone. */
static bool more(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next) {
    uint64_t starts = 0, rounds = history->round_count;
    for (size_t round = 0; round < rounds; round++)
        for (size_t r = 0; r < history->rounds[round].count; r++)
            starts += *(const uint64_t *)history->rounds[round].records[r];
    *next = (struct dam_round){
        .replicas = cell->replicas, .starts = starts_of(cell), .plan_size = sizeof rounds};
    memcpy(next->plan, &rounds, sizeof rounds);
    return starts < cell->replicas * starts_of(cell) * (uint64_t)cell->values[ROUNDS].integer;
}

static uint64_t imagined_tasks;

static void imagine(const struct dam_task *task, void *record) {
    uint64_t round, *starts = record;
    assert_int_equal(task->plan->plan_size, sizeof round);
    memcpy(&round, task->plan->plan, sizeof round);
    assert_int_equal(round, task->round);
    assert_int_equal(task->seed, 42);
    assert_true(task->replica < task->cell->replicas);
    assert_true(task->start_begin < task->start_end && task->start_end <= starts_of(task->cell));
    for (size_t i = 0; i < record_size(task->cell) / sizeof *starts; i++)
        assert_int_equal(starts[i], 0);
    imagined_tasks++;
    memset(record, 0xff, record_size(task->cell));
    *starts = task->start_end - task->start_begin;
}

/* Twice as much as a task does. */
static void imagine_more(const struct dam_task *task, void *record) {
    *(uint64_t *)record = 2 * (task->start_end - task->start_begin);
}

#define KIND(called, ...)                                                                          \
    {                                                                                              \
        .schema = COSTS_SCHEMA(called), .cost = cost, .starts = starts_of,                         \
        .record_size = record_size, .merge = merge, __VA_ARGS__                                    \
    }
static const struct dam_kind plain = KIND("plain", .more = NULL),
                             search = KIND("search", .more = more, .imagine = imagine),
                             eager = KIND("eager", .more = more, .imagine = imagine_more),
                             dull = KIND("dull", .more = more);
static const struct dam_kind *const kinds[] = {&plain, &search, &eager, &dull};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- simulating ---- */

static double twice_the_second_cell(void *context, uint32_t cell) {
    ++*(int *)context;
    return cell == 1 ? 2 : 1;
}

/* A study of one of these kinds, named by its first key. */
static struct dam_simulated simulate_with(const char *text, uint64_t ranks,
                                          double (*factor)(void *, uint32_t), void *context) {
    const struct dam_schema *schemas[KINDS];
    const struct dam_kind *kind = NULL;
    struct dam_study *study;
    struct dam_error error;
    struct dam_simulated simulated;
    for (size_t k = 0; k < KINDS; k++)
        schemas[k] = &kinds[k]->schema;
    if (dam_study_parse(&study, "study", text, strlen(text), NULL, 0, schemas, KINDS, &error) !=
        DAM_OK)
        fail_msg("%s", error.text);
    for (size_t k = 0; k < KINDS; k++)
        if (study->schema == &kinds[k]->schema)
            kind = kinds[k];
    const struct dam_simulation simulation = {
        .study = study, .kind = kind, .ranks = ranks, .factor = factor, .context = context};
    if (dam_simulate(&simulation, &simulated, &error) != DAM_OK)
        fail_msg("%s", error.text);
    dam_study_destroy(study);
    return simulated;
}

static struct dam_simulated simulate(const char *text, uint64_t ranks) {
    return simulate_with(text, ranks, NULL, NULL);
}

static void assert_near(double left, double right) {
    if (!(fabs(left - right) <= 1e-9 * fabs(right)))
        fail_msg("%.17g is not %.17g", left, right);
}

/* ---- one round ---- */

static void equal_tasks_take_as_many_turns_as_ranks_need(void **state) {
    (void)state;
    for (uint64_t ranks = 1; ranks <= 12; ranks++) {
        struct dam_simulated simulated = simulate("kind: plain\nseconds: 3\nreplicas: 10\n", ranks);
        assert_int_equal(simulated.tasks, 10);
        assert_near(simulated.seconds, 3 * ceil(10.0 / (double)ranks));
        assert_near(simulated.core_seconds, 30);
        assert_near(simulated.longest_seconds, 3);
    }
}

static void more_ranks_than_could_ever_work(void **state) {
    (void)state;
    struct dam_simulated simulated = simulate("kind: plain\nseconds: [1, 5]\n", UINT64_MAX);
    assert_int_equal(simulated.tasks, 2);
    assert_near(simulated.seconds, 5);
}

static void the_longest_go_first(void **state) {
    (void)state;
    /* 8 beside 5 + 3, and then 2 beside 2; in the order of the study it would be longer. */
    struct dam_simulated simulated =
        simulate("kind: plain\ngrids: [{seconds: [3, 5, 8]}, {seconds: 2, replicas: 2}]\n", 2);
    assert_near(simulated.seconds, 10);
    assert_near(simulated.core_seconds, 20);
    assert_near(simulated.longest_seconds, 8);
}

static void factors_are_those_of_the_cells(void **state) {
    (void)state;
    int asked = 0;
    struct dam_simulated simulated = simulate_with("kind: plain\nseconds: [1, 4]\nreplicas: 50\n",
                                                   1, twice_the_second_cell, &asked);
    assert_near(simulated.core_seconds, 50 * (1 + 2 * 4));
    assert_near(simulated.longest_seconds, 8);
    assert_true(asked <= 4); /* not for every task */
}

/* ---- rounds ---- */

/* One cell: no rank can work ahead. */
static void a_round_waits_for_all_of_the_one_before(void **state) {
    (void)state;
    for (uint64_t ranks = 1; ranks <= 6; ranks++) {
        struct dam_simulated simulated =
            simulate("kind: search\nseed: 42\nseconds: 2\nrounds: 7\nreplicas: 4\n", ranks);
        assert_int_equal(simulated.tasks, 7 * 4);
        assert_near(simulated.seconds, 7 * 2 * ceil(4.0 / (double)ranks));
        assert_near(simulated.core_seconds, 7 * 4 * 2);
    }
}

static void ranks_work_on_other_cells_meanwhile(void **state) {
    (void)state;
    const char *study = "kind: search\nseed: 42\ngrids:\n"
                        "  - {seconds: 2, rounds: 3}\n  - {seconds: 1, rounds: 2, replicas: 3}\n";
    /* One chain of three, and on the other rank six one after the other. */
    assert_near(simulate(study, 2).seconds, 6);
    assert_near(simulate(study, 1).seconds, 12);
    /* With four ranks the second cell is through after two turns. */
    assert_near(simulate(study, 4).seconds, 6);
}

static void records_decide_how_many_rounds_there_are(void **state) {
    (void)state;
    for (int rounds = 0; rounds <= 9; rounds++) {
        char text[128];
        snprintf(text, sizeof text, "kind: search\nseed: 42\nseconds: 1\nrounds: %d\n", rounds);
        imagined_tasks = 0;
        assert_int_equal(simulate(text, 3).tasks, rounds);
        assert_int_equal(imagined_tasks, rounds);
        memcpy(text + sizeof "kind: " - 1, "eager ", sizeof "search" - 1);
        assert_int_equal(simulate(text, 3).tasks, (rounds + 1) / 2);
    }
}

static void a_kind_that_does_not_imagine_has_its_first_round(void **state) {
    (void)state;
    struct dam_simulated simulated =
        simulate("kind: dull\nseconds: 2\nrounds: [0, 1, 5]\nreplicas: 4\n", 2);
    assert_int_equal(simulated.tasks, 2 * 4);
    assert_near(simulated.seconds, 8);
}

static void nothing_takes_no_time(void **state) {
    (void)state;
    struct dam_simulated simulated = simulate("kind: search\nseconds: 2\nrounds: 0\n", 2);
    assert_int_equal(simulated.tasks, 0);
    assert_true(simulated.seconds == 0 && simulated.core_seconds == 0);
}

/* Blocks of starts are tasks too, whose records are merged before the kind sees them. */
static void replicas_in_several_blocks(void **state) {
    (void)state;
    imagined_tasks = 0;
    struct dam_simulated simulated =
        simulate("kind: search\nseed: 42\nseconds: 0.01\nrounds: 3\nstarts: 25\nreplicas: 2\n", 2);
    assert_int_equal(simulated.tasks, 3 * 2 * 3); /* blocks of 10, 10 and 5 */
    assert_int_equal(imagined_tasks, simulated.tasks);
    assert_near(simulated.core_seconds, 3 * 2 * 25 * 0.01);
    assert_near(simulated.longest_seconds, 0.1);
}

/* Graham (1969): whoever takes work when he is free, and waits for nothing but what must come
 * first, is done within core / p + (1 - 1 / p) path, the path being the longest chain; none is done
 * before core / p, or the path. */
static void no_study_leaves_the_bounds_of_list_scheduling(void **state) {
    (void)state;
    unsigned random = 12345;
    for (int study = 0; study < 300; study++) {
        char text[1024];
        size_t length = (size_t)snprintf(text, sizeof text, "kind: search\nseed: 42\ngrids:\n");
        double core = 0, path = 0, ranks = 1 + (double)((random >> 16) % 9);
        int tasks = 0;
        for (int cell = 0; cell < 6; cell++) {
            int drawn[3];
            for (int d = 0; d < 3; d++) {
                random = random * 1103515245u + 12345u;
                drawn[d] = (int)((random >> 16) % 7);
            }
            int seconds = 1 + drawn[0], rounds = drawn[1], replicas = 1 + drawn[2];
            /* Cells of other seconds are other cells. */
            double own = seconds + 0.001 * cell;
            length += (size_t)snprintf(text + length, sizeof text - length,
                                       "  - {seconds: %.3f, rounds: %d, replicas: %d}\n", own,
                                       rounds, replicas);
            tasks += rounds * replicas;
            core += rounds * replicas * own;
            path = fmax(path, rounds * own);
        }
        struct dam_simulated simulated = simulate(text, (uint64_t)ranks);
        assert_int_equal(simulated.tasks, tasks);
        assert_near(simulated.core_seconds, core);
        double least = fmax(core / ranks, path), most = core / ranks + (1 - 1 / ranks) * path;
        assert_true(simulated.seconds >= least * (1 - 1e-9));
        assert_true(simulated.seconds <= most * (1 + 1e-9));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_tasks_take_as_many_turns_as_ranks_need),
        cmocka_unit_test(more_ranks_than_could_ever_work),
        cmocka_unit_test(the_longest_go_first),
        cmocka_unit_test(factors_are_those_of_the_cells),
        cmocka_unit_test(a_round_waits_for_all_of_the_one_before),
        cmocka_unit_test(ranks_work_on_other_cells_meanwhile),
        cmocka_unit_test(records_decide_how_many_rounds_there_are),
        cmocka_unit_test(a_kind_that_does_not_imagine_has_its_first_round),
        cmocka_unit_test(nothing_takes_no_time),
        cmocka_unit_test(replicas_in_several_blocks),
        cmocka_unit_test(no_study_leaves_the_bounds_of_list_scheduling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
