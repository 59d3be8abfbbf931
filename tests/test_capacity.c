/* The kind `capacity`: its cells, and its counts against a simulation by definition. */
#include "simulation.h"
#include <dam/theory.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct dam_kind *const kind = &dam_kind_capacity;

/* ---- running and reducing ---- */

enum { SETS_MAX = 8, COLUMNS_MAX = 32 };

static void *run(const struct dam_cell *cell, uint32_t replica, uint64_t begin, uint64_t end) {
    struct dam_round plan = {.replicas = cell->replicas, .starts = kind->starts(cell)};
    struct dam_task task = {.cell = cell,
                            .seed = SEED,
                            .replica = replica,
                            .start_begin = begin,
                            .start_end = end,
                            .plan = &plan};
    void *record = calloc(1, kind->record_size(cell));
    assert_non_null(record);
    struct dam_error error;
    if (kind->run(&task, record, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return record;
}

struct reduced {
    union dam_value scalars[COLUMNS_MAX];
    int64_t *histogram; /* [N + 1] */
};

/* The results of whole sets 0 .. sets - 1. */
static struct reduced reduce(const struct dam_cell *cell, uint32_t sets) {
    uint32_t replicas[SETS_MAX];
    const void *records[SETS_MAX];
    assert_true(sets <= SETS_MAX && kind->column_count <= COLUMNS_MAX);
    for (uint32_t r = 0; r < sets; r++) {
        replicas[r] = r;
        records[r] = run(cell, r, 0, kind->starts(cell));
    }
    struct dam_round_rows rows = {.plan = {.replicas = sets, .starts = kind->starts(cell)},
                                  .count = sets,
                                  .replicas = replicas,
                                  .records = records};
    struct dam_history history = {.round_count = 1, .rounds = &rows};
    struct reduced reduced = {0};
    size_t bins = kind->extent(cell, column("overlap_histogram")).sizes[0];
    assert_int_equal(bins, value(cell, "N").integer + 1);
    reduced.histogram = calloc(bins, sizeof *reduced.histogram);
    void *arrays[COLUMNS_MAX] = {0};
    arrays[column("overlap_histogram")] = reduced.histogram;
    struct dam_output output = {.scalars = reduced.scalars, .arrays = arrays};
    struct dam_error error;
    assert_int_equal(kind->reduce(cell, &history, &output, &error), DAM_OK);
    for (uint32_t r = 0; r < sets; r++)
        free((void *)records[r]);
    return reduced;
}

static int64_t integer(const struct reduced *reduced, const char *name) {
    return reduced->scalars[column(name)].integer;
}

static double real(const struct reduced *reduced, const char *name) {
    return reduced->scalars[column(name)].real;
}

/* ---- the same by definition ---- */

struct tally {
    int64_t recovered, other, mirror, unconverged, overlap, unstable, sweeps, flips;
    int64_t *histogram; /* [N + 1] */
};

static void classify(const struct network *net, int memory, struct tally *tally) {
    bool own = false, any = false, mirror = false;
    int highest = -net->neurons;
    for (int mu = 0; mu < net->memories; mu++) {
        bool here = network_is(net, mu, 1);
        own = own || (here && (memory < 0 || mu == memory));
        any = any || here;
        mirror = mirror || network_is(net, mu, -1);
        highest = network_overlap(net, mu) > highest ? network_overlap(net, mu) : highest;
    }
    tally->recovered += own;
    tally->other += !own && any;
    tally->mirror += !own && !any && mirror;
    tally->overlap += memory < 0 ? highest : network_overlap(net, memory);
    tally->histogram[(highest + net->neurons) / 2]++;
}

static struct tally simulate(const struct dam_cell *cell, uint32_t sets) {
    struct tally tally = {0};
    tally.histogram = calloc((size_t)value(cell, "N").integer + 1, sizeof *tally.histogram);
    assert_non_null(tally.histogram);
    for (uint32_t replica = 0; replica < sets; replica++) {
        struct network net = network_new(cell, (int)value(cell, "K").integer, replica);
        for (uint64_t start = 0; start < kind->starts(cell); start++) {
            int memory = network_begin(&net, start);
            if (memory >= 0) {
                tally.unstable += network_unstable(&net);
                network_disturb(&net, start);
            }
            struct relaxation relaxation = network_relax(&net, start);
            tally.sweeps += relaxation.sweeps;
            tally.flips += relaxation.flips;
            tally.unconverged += !relaxation.quiet;
            classify(&net, memory, &tally);
        }
        network_destroy(&net);
    }
    return tally;
}

/* ---- counts ---- */

/* Small networks of every sort: odd N, K = 1, K that no word of 64 bits holds evenly, high powers,
 * all starts and orders, sweeps cut short. */
static const char *const cells[] = {
    "n: 3, N: 21, K: 33, starts: 60",
    "n: 3, N: 21, K: 33, starts: 30, energy: rectified",
    "n: 2, N: 16, K: 5, starts: 60",
    "n: 2, N: 17, K: 4, starts: 60, order: sequential",
    "n: 4, N: 15, K: 65, starts: 40",
    "n: 7, N: 13, K: 100, starts: 30",
    "n: 7, N: 13, K: 100, starts: 20, energy: rectified",
    "n: 10, N: 18, K: 70, starts: 20",
    "n: 30, N: 9, K: 129, starts: 20, energy: rectified",
    "n: 30, N: 23, K: 20, starts: 20",
    "n: 1, N: 7, K: 9, starts: 20",
    "n: 3, N: 1, K: 1, starts: 40",
    "n: 2, N: 2, K: 3, starts: 80",
    "n: 3, N: 17, K: 1, starts: 80, energy: rectified",
    "n: 2, N: 19, K: 1, starts: 40",
    "n: 3, N: 21, K: 30, starts: 40, start: memory, noise: 0.3",
    "n: 2, N: 20, K: 12, starts: 60, start: memory, noise: 0.1",
    "n: 2, N: 3, K: 6, starts: 60, start: memory",
    "n: 4, N: 15, K: 129, starts: 20, start: memory, energy: rectified",
    "n: 5, N: 11, K: 40, starts: 40, start: memory, noise: 1",
    "n: 3, N: 21, K: 64, starts: 40, start: memory, order: sequential, noise: 0.5",
    "n: 3, N: 25, K: 60, starts: 40, max_sweeps: 2",
};

static void check_cell(const char *text, struct tally *seen) {
    enum { SETS = 3 };
    struct dam_cell cell = cell_of(text);
    int64_t neurons = value(&cell, "N").integer;
    int64_t trials = SETS * (int64_t)kind->starts(&cell);
    struct reduced got = reduce(&cell, SETS);
    struct tally expected = simulate(&cell, SETS);
    assert_int_equal(integer(&got, "recovered"), expected.recovered);
    assert_int_equal(integer(&got, "recovered_other"), expected.other);
    assert_int_equal(integer(&got, "recovered_mirror"), expected.mirror);
    assert_int_equal(integer(&got, "trials"), trials);
    assert_int_equal(integer(&got, "unconverged"), expected.unconverged);
    double all = (double)trials, spins = all * (double)neurons;
    assert_near(real(&got, "mean_overlap"), (double)expected.overlap / spins, 1e-15);
    assert_near(real(&got, "mean_sweeps"), (double)expected.sweeps / all, 1e-12);
    assert_near(real(&got, "mean_flips"), (double)expected.flips / all, 1e-12);
    if (value(&cell, "start").integer == 0)
        assert_true(isnan(real(&got, "unstable_spins")));
    else
        assert_near(real(&got, "unstable_spins"), (double)expected.unstable / spins, 1e-15);
    int64_t sum = 0;
    for (int64_t b = 0; b <= neurons; b++) {
        assert_int_equal(got.histogram[b], expected.histogram[b]);
        sum += got.histogram[b];
    }
    assert_int_equal(sum, trials);
    assert_true(real(&got, "recovered_low") <= (double)expected.recovered / all &&
                (double)expected.recovered / all <= real(&got, "recovered_high"));
    seen->recovered += expected.recovered;
    seen->other += expected.other;
    seen->mirror += expected.mirror;
    seen->unconverged += expected.unconverged;
    seen->unstable += expected.unstable;
    free(got.histogram);
    free(expected.histogram);
}

static void counts_are_those_of_the_definition(void **state) {
    (void)state;
    struct tally seen = {0};
    for (size_t c = 0; c < sizeof cells / sizeof *cells; c++)
        check_cell(cells[c], &seen);
    /* The cells did show every outcome. */
    assert_true(seen.recovered > 100 && seen.other > 20 && seen.mirror > 50);
    assert_true(seen.unconverged > 10 && seen.unstable > 100);
}

/* Histograms, sums and unstable spins too: the record is the same byte for byte. */
static void the_division_of_the_starts_does_not_show(void **state) {
    (void)state;
    static const uint64_t cuts[][3] = {{0, 3, 10}, {0, 1, 10}, {0, 9, 10}};
    static const char *const texts[] = {
        "n: 3, N: 50, K: 130, starts: 10",
        "n: 4, N: 31, K: 1000, starts: 10, start: memory, noise: 0.2, order: sequential",
    };
    for (size_t t = 0; t < 2; t++) {
        struct dam_cell cell = cell_of(texts[t]);
        void *whole = run(&cell, 2, 0, 10);
        for (size_t c = 0; c < 3; c++) {
            void *first = run(&cell, 2, cuts[c][0], cuts[c][1]);
            void *second = run(&cell, 2, cuts[c][1], cuts[c][2]);
            kind->merge(&cell, second, first);
            assert_memory_equal(second, whole, kind->record_size(&cell));
            free(first);
            free(second);
        }
        free(whole);
    }
}

static void sets_and_starts_are_drawn_apart(void **state) {
    (void)state;
    struct dam_cell cell = cell_of("n: 3, N: 50, K: 130, starts: 20");
    void *records[] = {run(&cell, 0, 0, 20), run(&cell, 1, 0, 20), run(&cell, 0, 20, 40),
                       run(&cell, 0, 0, 20)};
    size_t size = kind->record_size(&cell);
    assert_memory_not_equal(records[0], records[1], size);
    assert_memory_not_equal(records[0], records[2], size);
    assert_memory_equal(records[0], records[3], size);
    for (int r = 0; r < 4; r++)
        free(records[r]);
}

static bool stop_at_once(void *context) {
    ++*(int *)context;
    return true;
}

static void a_task_ends_when_its_poll_says_so(void **state) {
    (void)state;
    struct dam_cell cell = cell_of("n: 3, N: 50, K: 130, starts: 100");
    struct dam_round plan = {.replicas = 1, .starts = 100};
    int calls = 0;
    struct dam_task task = {
        .cell = &cell, .start_end = 100, .plan = &plan, .poll = {stop_at_once, &calls}};
    void *record = calloc(1, kind->record_size(&cell));
    struct dam_error error;
    assert_int_equal(kind->run(&task, record, &error), DAM_STOPPED);
    assert_int_equal(calls, 1);
    free(record);
}

/* A stopped run may publish a cell without a single whole set. */
static void no_sets_give_no_numbers(void **state) {
    (void)state;
    struct dam_cell cell = cell_of("n: 3, N: 20, K: 30, start: memory");
    struct reduced none = reduce(&cell, 0);
    assert_int_equal(integer(&none, "trials"), 0);
    assert_int_equal(integer(&none, "recovered"), 0);
    assert_true(isnan(real(&none, "mean_overlap")) && isnan(real(&none, "unstable_spins")));
    assert_true(isnan(real(&none, "recovered_low")) && isnan(real(&none, "recovered_high")));
    assert_near(real(&none, "theory_k_max"), dam_theory_k_max(DAM_ENERGY_POWER, 3, 20), 0);
    free(none.histogram);
}

/* ---- cells ---- */

static void a_load_names_the_cell_of_its_number_of_memories(void **state) {
    (void)state;
    static const struct {
        const char *load, *memories;
        int64_t K;
    } table[] = {
        {"n: 2, N: 100, load: 0.14", "n: 2, N: 100, K: 14", 14},
        {"n: 3, N: 100, load: 0.0385", "n: 3, N: 100, K: 385", 385},
        {"n: 3, N: 99, load: 0.0385", "n: 3, N: 99, K: 377", 377}, /* 377.3385 */
        {"n: 2, N: 10, load: 0.25", "n: 2, N: 10, K: 3", 3},       /* 2.5 is rounded up */
        {"n: 2, N: 10, load: 0.2499", "n: 2, N: 10, K: 2", 2},
        {"n: 2, N: 10, load: 0.05", "n: 2, N: 10, K: 1", 1},
        {"n: 1, N: 10, load: 7", "n: 1, N: 10, K: 7", 7},
        {"n: 5, N: 1000, load: 1", "n: 5, N: 1000, K: 1000000000000", INT64_C(1000000000000)},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dam_cell cell = cell_of(table[i].load);
        assert_int_equal(value(&cell, "K").integer, table[i].K);
        assert_true(same_cell(table[i].load, table[i].memories));
        struct dam_cell named = cell_of(table[i].memories);
        assert_true(value(&named, "load").real == value(&cell, "load").real);
    }
    struct dam_cell cell = cell_of("n: 3, N: 20, K: 30");
    assert_near(value(&cell, "load").real, 30.0 / 400, 1e-16);
}

static void what_has_no_effect_names_no_other_cell(void **state) {
    (void)state;
    assert_true(same_cell("K: 9, noise: 0.3", "K: 9"));
    struct dam_cell cell = cell_of("K: 9, noise: 0.3");
    assert_true(value(&cell, "noise").real == 0);
    assert_true(same_cell("K: 9, starts: 7, replicas: 3", "K: 9"));
    assert_true(same_cell("K: 9, n: 3, N: 100, max_sweeps: 1000", "K: 9"));
    assert_false(same_cell("K: 9, start: memory, noise: 0.3", "K: 9, start: memory"));
    assert_false(same_cell("K: 9, start: memory", "K: 9"));
    assert_false(same_cell("K: 9, order: sequential", "K: 9"));
    assert_false(same_cell("K: 9, energy: rectified", "K: 9"));
}

static void a_number_of_memories_that_cannot_be_is_refused(void **state) {
    (void)state;
    assert_refused("N: 50", "give K or load");
    assert_refused("N: 50, K: 5, load: 0.1", "K is given too");
    assert_refused("n: 3, N: 10, load: 0.0049", "gives K = 0");
    assert_refused("n: 2, N: 10, load: 0", "load");
    assert_refused("n: 2, N: 10, K: 0", "K");
    assert_refused("n: 60, N: 32766, load: 1e12", "gives K = ");
    assert_refused("n: 3, N: 1000, load: 1000001", "gives K = 1.000001e+12");
}

/* ---- predicted cost ---- */

static struct dam_cost cost_of(const char *parameters, long long memories) {
    char text[200];
    snprintf(text, sizeof text, "%s, K: %lld", parameters, memories);
    struct dam_cell cell = cell_of(text);
    struct dam_cost cost;
    kind->cost(&cell, &cost);
    const double seconds[] = {cost.replica_seconds, cost.start_seconds};
    for (int i = 0; i < 2; i++)
        if (!(seconds[i] > 1e-9 && seconds[i] < 1e20))
            fail_msg("%s: predicted %g s", text, seconds[i]);
    assert_true(cost.bytes > 0);
    return cost;
}

/* From networks of one neuron to the largest: numbers, and more for four times the memories, unless
 * fewer steps make up for part of it. */
static void a_cost_is_a_time_and_grows_with_the_memories(void **state) {
    (void)state;
    static const char *const others[] = {
        "n: 2, N: 1",
        "n: 1, N: 100, energy: rectified",
        "n: 2, N: 100",
        "n: 3, N: 100, order: sequential",
        "n: 4, N: 100, start: memory, noise: 0.2",
        "n: 3, N: 255, energy: rectified",
        "n: 3, N: 256, starts: 1",
        "n: 6, N: 60, start: memory, order: sequential",
        "n: 30, N: 500",
        "n: 60, N: 32766, max_sweeps: 1",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct dam_cost last = cost_of(others[i], 1);
        for (long long memories = 4; memories <= 1000000000000; memories *= 4) {
            struct dam_cost cost = cost_of(others[i], memories);
            if (memories >= 256 && !(cost.start_seconds > last.start_seconds))
                fail_msg("%s: %g s with K = %lld, %g s with a quarter", others[i],
                         cost.start_seconds, memories, last.start_seconds);
            last = cost;
        }
    }
}

/* Each of these is more work. */
static void a_cost_grows_with_the_work_of_a_start(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"n: 3, N: 100, max_sweeps: 1", "n: 3, N: 100"},
        {"n: 3, N: 50", "n: 3, N: 200"},
        {"n: 30, N: 50", "n: 30, N: 200"},
        {"n: 3, N: 100, start: memory", "n: 3, N: 100, start: memory, noise: 0.2"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_true(cost_of(pairs[i][0], 2000).start_seconds <
                    cost_of(pairs[i][1], 2000).start_seconds);
}

/* Blocks of starts are cut by it: more starts must leave those that are done what they are. */
static void a_cost_does_not_depend_on_the_budget(void **state) {
    (void)state;
    struct dam_cost one = cost_of("n: 4, N: 100, starts: 1", 2000);
    struct dam_cost many = cost_of("n: 4, N: 100, starts: 1000000, replicas: 9", 2000);
    assert_true(one.start_seconds == many.start_seconds);
    assert_true(one.replica_seconds == many.replica_seconds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cost_is_a_time_and_grows_with_the_memories),
        cmocka_unit_test(a_cost_grows_with_the_work_of_a_start),
        cmocka_unit_test(a_cost_does_not_depend_on_the_budget),
        cmocka_unit_test(counts_are_those_of_the_definition),
        cmocka_unit_test(the_division_of_the_starts_does_not_show),
        cmocka_unit_test(sets_and_starts_are_drawn_apart),
        cmocka_unit_test(a_task_ends_when_its_poll_says_so),
        cmocka_unit_test(no_sets_give_no_numbers),
        cmocka_unit_test(a_load_names_the_cell_of_its_number_of_memories),
        cmocka_unit_test(what_has_no_effect_names_no_other_cell),
        cmocka_unit_test(a_number_of_memories_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
