/* The kind `threshold`: its cells, its counts against a simulation by definition, its rounds, what
 * it makes of them, and whole searches against the exact theory. */
#include "kinds/threshold_guess.h"
#include "simulation.h"
#include <dam/crossing.h>
#include <dam/theory.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct dam_kind *const kind = &dam_kind_threshold;

/* As the kind writes them. */
struct plan {
    int64_t memories[2]; /* of even and odd replicas */
    int64_t first_set;
};
struct record {
    int64_t trials, successes;
};

static struct plan plan_of(const struct dam_round *round) {
    struct plan plan;
    assert_int_equal(round->plan_size, sizeof plan);
    memcpy(&plan, round->plan, sizeof plan);
    return plan;
}

static enum dam_status try_run(const struct dam_cell *cell, const struct dam_round *round,
                               uint32_t replica, uint64_t begin, uint64_t end, struct dam_poll poll,
                               struct record *record) {
    struct dam_task task = {.cell = cell,
                            .seed = SEED,
                            .replica = replica,
                            .start_begin = begin,
                            .start_end = end,
                            .plan = round,
                            .poll = poll};
    struct dam_error error;
    assert_int_equal(kind->record_size(cell), sizeof *record);
    *record = (struct record){0};
    return kind->run(&task, record, &error);
}

static struct record run(const struct dam_cell *cell, const struct dam_round *round,
                         uint32_t replica, uint64_t begin, uint64_t end) {
    struct record record;
    assert_int_equal(try_run(cell, round, replica, begin, end, (struct dam_poll){0}, &record),
                     DAM_OK);
    return record;
}

/* ---- a search, by hand ---- */

enum { ROUNDS_MAX = 128, COLUMNS_MAX = 16 };

struct search {
    struct dam_cell cell;
    struct dam_round_rows rounds[ROUNDS_MAX];
    struct record *records[ROUNDS_MAX]; /* of each round by replica */
    size_t count;
    bool imagines; /* its records, instead of running */
};

static struct record make_record(const struct search *search, const struct dam_round *round,
                                 uint32_t replica) {
    if (!search->imagines)
        return run(&search->cell, round, replica, 0, round->starts);
    const struct dam_task task = {.cell = &search->cell,
                                  .seed = SEED,
                                  .round = (uint32_t)search->count,
                                  .replica = replica,
                                  .start_end = round->starts,
                                  .plan = round};
    struct record record = {0};
    kind->imagine(&task, &record);
    return record;
}

static struct dam_history history_of(const struct search *search) {
    return (struct dam_history){.round_count = search->count, .rounds = search->rounds};
}

/* Add the next round, if there is one. */
static bool step(struct search *search) {
    struct dam_history history = history_of(search);
    struct dam_round round;
    if (!kind->more(&search->cell, &history, &round))
        return false;
    assert_true(search->count < ROUNDS_MAX);
    struct record *records = calloc(round.replicas, sizeof *records);
    uint32_t *replicas = calloc(round.replicas, sizeof *replicas);
    const void **pointers = calloc(round.replicas, sizeof *pointers);
    assert_true(records != NULL && replicas != NULL && pointers != NULL);
    for (uint32_t r = 0; r < round.replicas; r++) {
        records[r] = make_record(search, &round, r);
        replicas[r] = r;
        pointers[r] = &records[r];
    }
    search->records[search->count] = records;
    search->rounds[search->count++] =
        (struct dam_round_rows){round, round.replicas, replicas, pointers};
    return true;
}

static struct search search_begin(const char *parameters) {
    return (struct search){.cell = cell_of(parameters)};
}

/* To its end. */
static struct search search_run(const char *parameters, bool imagines) {
    struct search search = search_begin(parameters);
    search.imagines = imagines;
    while (step(&search))
        ;
    return search;
}

static void search_destroy(struct search *search) {
    for (size_t round = 0; round < search->count; round++) {
        free(search->records[round]);
        free((void *)search->rounds[round].replicas);
        free((void *)search->rounds[round].records);
    }
}

/* ---- its results ---- */

struct reduced {
    union dam_value scalars[COLUMNS_MAX];
    struct dam_rows path;
};

enum { PATH_STEP, PATH_K, PATH_SETS, PATH_TRIALS, PATH_SUCCESSES, PATH_WIDTH };

/* Of the cell, which may have other budgets than that of the search. */
static struct reduced reduce_as(const struct dam_cell *cell, struct dam_history history) {
    struct reduced reduced = {.path = {.width = PATH_WIDTH}};
    struct dam_output output = {.scalars = reduced.scalars, .tables = &reduced.path};
    struct dam_error error;
    assert_true(kind->column_count <= COLUMNS_MAX);
    assert_int_equal(kind->table_count, 1);
    assert_int_equal(kind->tables[0].column_count, PATH_WIDTH);
    assert_int_equal(kind->reduce(cell, &history, &output, &error), DAM_OK);
    return reduced;
}

static struct reduced reduce(const struct search *search) {
    return reduce_as(&search->cell, history_of(search));
}

static int64_t integer(const struct reduced *reduced, const char *name) {
    return reduced->scalars[column(name)].integer;
}

static double real(const struct reduced *reduced, const char *name) {
    return reduced->scalars[column(name)].real;
}

static const char *const estimates[] = {"k_threshold", "k_low",         "k_high",
                                        "slope",       "design_effect", "ratio"};
enum { ESTIMATE_COUNT = sizeof estimates / sizeof *estimates };

static bool same_estimates(const struct reduced *one, const struct reduced *other) {
    bool same = integer(one, "outcome") == integer(other, "outcome");
    for (size_t e = 0; e < ESTIMATE_COUNT; e++)
        same = same && real(one, estimates[e]) == real(other, estimates[e]);
    return same;
}

static void assert_no_estimates(const struct reduced *reduced) {
    for (size_t e = 0; e < ESTIMATE_COUNT; e++)
        if (!isnan(real(reduced, estimates[e])))
            fail_msg("%s is %g", estimates[e], real(reduced, estimates[e]));
}

/* The rows of the table are the steps of the search, and their sums its columns. */
static void assert_path(const struct search *search, const struct reduced *reduced) {
    int64_t sets = 0, trials = 0;
    size_t row = 0;
    for (size_t round = 0; round < search->count; round++) {
        struct plan plan = plan_of(&search->rounds[round].plan);
        for (uint32_t side = 0; side < 2; side++) {
            struct record sum = {0};
            int64_t count = 0;
            for (size_t r = 0; r < search->rounds[round].count; r++) {
                uint32_t replica = search->rounds[round].replicas[r];
                if (replica % 2 != side)
                    continue;
                sum.trials += search->records[round][replica].trials;
                sum.successes += search->records[round][replica].successes;
                count++;
            }
            sets += count;
            trials += sum.trials;
            if (count == 0)
                continue;
            const union dam_value *values = dam_rows_row(&reduced->path, row++);
            assert_int_equal(values[PATH_STEP].integer, round);
            assert_int_equal(values[PATH_K].integer, plan.memories[side]);
            assert_int_equal(values[PATH_SETS].integer, count);
            assert_int_equal(values[PATH_TRIALS].integer, sum.trials);
            assert_int_equal(values[PATH_SUCCESSES].integer, sum.successes);
        }
    }
    assert_int_equal(reduced->path.count, row);
    assert_int_equal(integer(reduced, "pattern_sets"), sets);
    assert_int_equal(integer(reduced, "trials"), trials);
}

/* ---- counts ---- */

/* Does the state belong to the memory (-1: to any), or where mirrors count to its negative? */
static bool is_recovered(const struct network *net, int memory) {
    bool mirrors = value(net->cell, "mirrors").integer == 2, recovered = false;
    for (int mu = 0; mu < net->memories; mu++)
        if (memory < 0 || mu == memory)
            recovered = recovered || network_is(net, mu, 1) || (mirrors && network_is(net, mu, -1));
    return recovered;
}

static int64_t success(struct network *net, uint64_t start) {
    int memory = network_begin(net, start);
    switch (value(net->cell, "criterion").integer) {
    case DAM_RETAINED:
        return network_unstable(net) == 0;
    case DAM_UNSTABLE_SPINS:
        return network_unstable(net);
    }
    if (memory >= 0)
        network_disturb(net, start);
    network_relax(net, start);
    return is_recovered(net, memory);
}

/* The first memory with an unstable spin, or K. */
static int first_lost(struct network *net) {
    for (int mu = 0; mu < net->memories; mu++) {
        network_set(net, mu);
        if (network_unstable(net) > 0)
            return mu;
    }
    return net->memories;
}

static struct record simulate(const struct dam_cell *cell, int64_t memories, uint32_t set,
                              uint64_t starts) {
    struct network net = network_new(cell, (int)memories, set);
    struct record record = {(int64_t)starts, 0};
    if (value(cell, "criterion").integer == DAM_RETAINED_ALL)
        record.successes = first_lost(&net) == net.memories;
    else
        for (uint64_t start = 0; start < starts; start++)
            record.successes += success(&net, start);
    network_destroy(&net);
    return record;
}

static struct dam_round round_of(const struct plan *plan, uint32_t replicas, uint64_t starts) {
    struct dam_round round = {.replicas = replicas, .starts = starts, .plan_size = sizeof *plan};
    memcpy(round.plan, plan, sizeof *plan);
    return round;
}

/* Odd N, K = 1, all criteria, starts and orders, sweeps cut short, at K that succeed now and
 * then. */
static const struct {
    const char *parameters;
    int64_t memories[2];
} cells[] = {
    {"N: 21, n: 3", {14, 33}},
    {"N: 21, n: 3, energy: rectified, order: sequential", {20, 40}},
    {"N: 16, n: 2", {2, 5}},
    {"N: 16, n: 2, mirrors: no", {2, 5}},
    {"N: 15, n: 3, mirrors: yes", {5, 20}},
    {"N: 13, n: 4, max_sweeps: 1", {30, 65}},
    {"N: 1, n: 3", {1, 1}},
    {"N: 21, n: 3, start: memory, noise: 0.3", {10, 33}},
    {"N: 20, n: 2, start: memory, noise: 0.5", {1, 4}},
    {"N: 20, n: 2, start: memory, noise: 0.5, mirrors: no", {1, 4}},
    {"N: 21, n: 3, criterion: retained", {20, 50}},
    {"N: 17, n: 2, criterion: retained", {2, 4}},
    {"N: 15, n: 4, criterion: retained, energy: rectified", {65, 129}},
    {"N: 21, n: 3, criterion: retained_all", {5, 17}},
    {"N: 10, n: 2, criterion: retained_all", {1, 3}},
    {"N: 21, n: 3, criterion: unstable_spins", {33, 70}},
    {"N: 11, n: 5, criterion: unstable_spins, energy: rectified", {40, 90}},
};

static void counts_are_those_of_the_definition(void **state) {
    (void)state;
    enum { REPLICAS = 6, STARTS = 12, FIRST = 1000 };
    for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
        struct dam_cell cell = cell_of(cells[c].parameters);
        struct plan plan = {{cells[c].memories[0], cells[c].memories[1]}, FIRST};
        bool whole = value(&cell, "criterion").integer == DAM_RETAINED_ALL;
        struct dam_round round = round_of(&plan, REPLICAS, whole ? 1 : STARTS);
        int64_t successes = 0, trials = 0;
        for (uint32_t r = 0; r < REPLICAS; r++) {
            struct record got = run(&cell, &round, r, 0, round.starts);
            struct record expected = simulate(&cell, plan.memories[r % 2], FIRST + r, round.starts);
            if (memcmp(&got, &expected, sizeof got) != 0)
                fail_msg("{%s}, K = %lld: %lld of %lld, by definition %lld of %lld",
                         cells[c].parameters, (long long)plan.memories[r % 2],
                         (long long)got.successes, (long long)got.trials,
                         (long long)expected.successes, (long long)expected.trials);
            successes += got.successes;
            trials += got.trials;
        }
        bool always = value(&cell, "N").integer == 1;
        if (successes == 0 || (successes == trials && !always))
            fail_msg("{%s}: %lld of %lld tells nothing", cells[c].parameters, (long long)successes,
                     (long long)trials);
    }
}

/* Its memories are examined some at a time; the one that is lost may be among any of them. */
static void a_set_is_retained_when_the_last_memory_is(void **state) {
    (void)state;
    enum { MEMORIES = 320, SETS = 24, TOGETHER = 256 };
    struct dam_cell cell = cell_of("N: 20, n: 7, criterion: retained_all");
    struct plan plan = {{MEMORIES, MEMORIES}, 0};
    struct dam_round round = round_of(&plan, SETS, 1);
    int retained = 0, lost_late = 0;
    for (uint32_t set = 0; set < SETS; set++) {
        struct network net = network_new(&cell, MEMORIES, set);
        int lost = first_lost(&net);
        network_destroy(&net);
        assert_int_equal(run(&cell, &round, set, 0, 1).successes, lost == MEMORIES);
        retained += lost == MEMORIES;
        lost_late += TOGETHER <= lost && lost < MEMORIES;
    }
    assert_true(retained > 0 && lost_late > 0);
}

static void mirrors_count_where_they_shall(void **state) {
    (void)state;
    static const char *const texts[] = {"N: 30, n: 2, mirrors: no", "N: 30, n: 2"};
    struct plan plan = {{1, 1}, 0};
    struct dam_round round = round_of(&plan, 1, 400);
    struct record record[2];
    for (int i = 0; i < 2; i++) {
        struct dam_cell cell = cell_of(texts[i]);
        record[i] = run(&cell, &round, 0, 0, round.starts);
    }
    /* Every start ends in the only memory or in its negative, each with the same probability. */
    assert_int_equal(record[1].successes, 400);
    assert_in_range(record[0].successes, 140, 260);
}

static void the_division_of_the_starts_does_not_show(void **state) {
    (void)state;
    static const char *const texts[] = {
        "N: 50, n: 3", "N: 31, n: 4, start: memory, noise: 0.2, order: sequential",
        "N: 50, n: 3, criterion: retained", "N: 50, n: 3, criterion: unstable_spins"};
    struct plan plan = {{130, 170}, 7};
    struct dam_round round = round_of(&plan, 2, 10);
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct dam_cell cell = cell_of(texts[t]);
        struct record whole = run(&cell, &round, 1, 0, 10);
        for (uint64_t cut = 1; cut < 10; cut += 4) {
            struct record first = run(&cell, &round, 1, 0, cut);
            struct record second = run(&cell, &round, 1, cut, 10);
            kind->merge(&cell, &second, &first);
            assert_memory_equal(&second, &whole, sizeof whole);
        }
    }
}

static bool stop_at_once(void *context) {
    ++*(int *)context;
    return true;
}

static void a_task_ends_when_its_poll_says_so(void **state) {
    (void)state;
    static const char *const texts[] = {"N: 50, n: 3", "N: 50, n: 3, criterion: retained",
                                        "N: 50, n: 3, criterion: unstable_spins",
                                        "N: 50, n: 3, criterion: retained_all"};
    struct plan plan = {{130, 170}, 0};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct dam_cell cell = cell_of(texts[t]);
        struct dam_round round = round_of(&plan, 2, t == 3 ? 1 : 100);
        struct record record;
        int calls = 0;
        struct dam_poll poll = {stop_at_once, &calls};
        assert_int_equal(try_run(&cell, &round, 0, 0, round.starts, poll, &record), DAM_STOPPED);
        assert_int_equal(calls, 1);
    }
}

/* ---- cells ---- */

static void what_has_no_effect_names_no_other_cell(void **state) {
    (void)state;
    assert_true(same_cell("N: 30, noise: 0.3", "N: 30"));
    assert_true(same_cell("N: 30, precision: 0.2, max_trials: 9, max_K: 7", "N: 30"));
    assert_true(same_cell("N: 30, level: 0.5, n: 3, start: random", "N: 30"));
    assert_true(same_cell("N: 30, mirrors: no", "N: 30"));
    assert_true(same_cell("N: 30, n: 4, mirrors: yes", "N: 30, n: 4"));
    assert_true(
        same_cell("N: 30, n: 4, energy: rectified, mirrors: no", "N: 30, n: 4, energy: rectified"));
    static const char *const examined[] = {"retained", "retained_all", "unstable_spins"};
    static const char *const without_effect[] = {
        "start: memory",     "start: random", "noise: 0.3",   "start: memory, noise: 0.3",
        "order: sequential", "max_sweeps: 3", "mirrors: yes", "mirrors: no, n: 3"};
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < sizeof without_effect / sizeof *without_effect; i++) {
            char one[64], other[128];
            snprintf(one, sizeof one, "N: 30, criterion: %s", examined[c]);
            snprintf(other, sizeof other, "%s, %s", one, without_effect[i]);
            if (!same_cell(one, other))
                fail_msg("{%s} is another cell than {%s}", other, one);
        }
    assert_true(same_cell("criterion: unstable_spins, level: 0.005", "criterion: unstable_spins"));
}

static void what_has_an_effect_names_another_cell(void **state) {
    (void)state;
    static const char *const others[] = {"N: 30, n: 4",
                                         "N: 31",
                                         "N: 30, energy: rectified",
                                         "N: 30, level: 0.4",
                                         "N: 30, start: memory",
                                         "N: 30, start: memory, noise: 0.2",
                                         "N: 30, mirrors: yes",
                                         "N: 30, n: 4, mirrors: no",
                                         "N: 30, order: sequential",
                                         "N: 30, max_sweeps: 3",
                                         "N: 30, criterion: retained",
                                         "N: 30, criterion: retained_all",
                                         "N: 30, criterion: unstable_spins",
                                         "N: 30, criterion: unstable_spins, level: 0.5",
                                         "N: 30"};
    enum { COUNT = sizeof others / sizeof *others };
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++)
            if (same_cell(others[i], others[j]))
                fail_msg("{%s} is the cell {%s}", others[i], others[j]);
}

static void what_is_not_given_is_resolved(void **state) {
    (void)state;
    enum { NO = 1, YES };
    static const struct {
        const char *parameters;
        int64_t mirrors;
        double level;
    } table[] = {
        {"n: 3", NO, 0.5},
        {"n: 2", YES, 0.5},
        {"n: 4, start: memory", YES, 0.5},
        {"n: 2, energy: rectified", NO, 0.5},
        {"n: 2, mirrors: no, level: 0.2", NO, 0.2},
        {"n: 3, mirrors: yes", YES, 0.5},
        {"n: 2, criterion: retained", NO, 0.5},
        {"n: 2, criterion: retained_all, level: 0.9", NO, 0.9},
        {"n: 2, criterion: unstable_spins", NO, 0.005},
        {"n: 2, criterion: unstable_spins, level: 0.5", NO, 0.5},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dam_cell cell = cell_of(table[i].parameters);
        assert_int_equal(value(&cell, "mirrors").integer, table[i].mirrors);
        assert_near(value(&cell, "level").real, table[i].level, 0);
    }
    struct dam_cell cell = cell_of("noise: 0.3");
    assert_near(value(&cell, "noise").real, 0, 0);
}

/* What a result file says was run is what was run, whatever was left to the kind. */
static void the_resolved_study_has_the_same_cells(void **state) {
    (void)state;
    static const char text[] = "{kind: threshold, n: [2, 3], grids: [{criterion: [recovered, "
                               "retained, unstable_spins]}, {level: 0.5, criterion: "
                               "unstable_spins}, {mirrors: [no, yes]}]}";
    const struct dam_schema *const schemas[] = {&kind->schema};
    struct dam_study *study, *again;
    struct dam_error error;
    assert_int_equal(
        dam_study_parse(&study, "one", text, strlen(text), NULL, 0, schemas, 1, &error), DAM_OK);
    char *resolved = dam_study_resolved(study);
    assert_non_null(resolved);
    assert_int_equal(
        dam_study_parse(&again, "again", resolved, strlen(resolved), NULL, 0, schemas, 1, &error),
        DAM_OK);
    assert_int_equal(study->cell_count, 10);
    assert_int_equal(again->cell_count, 10);
    for (size_t c = 0; c < study->cell_count; c++) {
        struct dam_cell one, other;
        dam_study_cell(study, c, &one);
        dam_study_cell(again, c, &other);
        assert_memory_equal(&one.hash, &other.hash, sizeof one.hash);
    }
    free(resolved);
    dam_study_destroy(again);
    dam_study_destroy(study);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    assert_refused("N: 30, level: 1", "level");
    assert_refused("N: 30, level: 0", "level");
    /* As the share of the spins that are stable it would be 1. */
    assert_refused("N: 30, level: 1e-17, criterion: unstable_spins", "level");
    assert_refused("N: 30, replicas: 2", "replicas: kind threshold decides itself how many there "
                                         "are; give precision and max_trials");
    assert_refused("N: 30, K: 5", "unknown key");
    assert_refused("N: 30, precision: [0.1, 0.2]", "precision");
}

/* ---- rounds ---- */

/* Other budgets let a search go on or end sooner; what its rounds ask for is the same. */
static void assert_goes_on(const char *parameters, const char *budget, const char *other) {
    char texts[2][160];
    struct search search[2];
    for (int i = 0; i < 2; i++) {
        snprintf(texts[i], sizeof texts[i], "%s, %s", parameters, i == 0 ? budget : other);
        search[i] = search_run(texts[i], true);
    }
    if (search[0].count == 0 || search[0].count > search[1].count)
        fail_msg("{%s}: %zu rounds, {%s}: %zu", texts[0], search[0].count, texts[1],
                 search[1].count);
    for (size_t round = 0; round < search[0].count; round++) {
        const struct dam_round *one = &search[0].rounds[round].plan;
        const struct dam_round *two = &search[1].rounds[round].plan;
        assert_int_equal(one->replicas, two->replicas);
        assert_int_equal(one->starts, two->starts);
        assert_memory_equal(one->plan, two->plan, sizeof(struct plan));
    }
    search_destroy(&search[0]);
    search_destroy(&search[1]);
}

static void budgets_do_not_change_the_rounds(void **state) {
    (void)state;
    static const char *const texts[] = {"N: 50, n: 3", "N: 50, n: 4, criterion: retained",
                                        "N: 50, n: 3, criterion: retained_all",
                                        "N: 50, n: 3, criterion: unstable_spins"};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        assert_goes_on(texts[t], "precision: 0.2", "precision: 0.02");
        assert_goes_on(texts[t], "max_trials: 100", "max_trials: 1000");
        assert_goes_on(texts[t], "max_K: 100000", "max_K: 1000000000000");
    }
}

/* The sets of each round are fresh, and what they count is that of the definition. */
static void every_round_has_sets_of_its_own(void **state) {
    (void)state;
    static const char *const texts[] = {"N: 14, n: 3, precision: 0.3",
                                        "N: 14, n: 3, criterion: retained_all, precision: 0.3"};
    for (size_t t = 0; t < 2; t++) {
        struct search search = search_run(texts[t], false);
        assert_true(search.count >= 2);
        uint32_t set = 0;
        for (size_t round = 0; round < search.count; round++) {
            struct plan plan = plan_of(&search.rounds[round].plan);
            uint64_t starts = search.rounds[round].plan.starts;
            for (uint32_t r = 0; r < search.rounds[round].plan.replicas; r++) {
                struct record expected =
                    simulate(&search.cell, plan.memories[r % 2], set++, starts);
                assert_memory_equal(&search.records[round][r], &expected, sizeof expected);
            }
        }
        search_destroy(&search);
    }
}

/* Asked again, of a copy, and after searches of other cells. */
static void a_round_is_a_function_of_those_before_it(void **state) {
    (void)state;
    struct search search = search_begin("N: 20, n: 3, precision: 0.2");
    do {
        struct dam_round_rows rounds[ROUNDS_MAX];
        memcpy(rounds, search.rounds, sizeof rounds);
        struct dam_history history = history_of(&search),
                           copy = {.round_count = search.count, .rounds = rounds};
        struct dam_round first = {0}, second = {0};
        bool more = kind->more(&search.cell, &history, &first);
        struct search other = search_begin("N: 30, n: 2");
        assert_true(step(&other));
        search_destroy(&other);
        assert_int_equal(kind->more(&search.cell, &copy, &second), more);
        assert_memory_equal(&first, &second, sizeof first);
    } while (step(&search));
    assert_true(search.count > 2);
    search_destroy(&search);
}

/* What planning supposes is a search that ends where it began. */
static void an_imagined_search_finds_its_guess(void **state) {
    (void)state;
    static const struct {
        const char *parameters;
        struct dam_dynamics_setting setting;
        enum dam_criterion criterion;
        double level;
    } table[] = {
        {"N: 100, n: 3", {.power = 3, .neurons = 100}, DAM_RECOVERED, 0.5},
        {"N: 100, n: 2, criterion: retained", {.power = 2, .neurons = 100}, DAM_RETAINED, 0.5},
        {"N: 50, criterion: retained_all", {.power = 3, .neurons = 50}, DAM_RETAINED_ALL, 0.5},
        {"N: 50, criterion: unstable_spins",
         {.power = 3, .neurons = 50},
         DAM_UNSTABLE_SPINS,
         0.005},
    };
    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        struct search search = search_run(table[t].parameters, true);
        struct reduced reduced = reduce(&search);
        double guess =
            dam_threshold_guess(&table[t].setting, table[t].criterion, table[t].level).memories;
        assert_int_equal(integer(&reduced, "outcome"), DAM_CROSSING_FOUND);
        assert_near(real(&reduced, "k_threshold") / guess, 1, 0.1);
        dam_rows_destroy(&reduced.path);
        search_destroy(&search);
    }
}

/* The first step and the cost of the smallest, the largest and the oddest cells. */
static void check_beginning(const char *parameters) {
    struct dam_cell cell = cell_of(parameters);
    const struct dam_history none = {0};
    struct dam_round round;
    struct dam_cost cost;
    if (!kind->more(&cell, &none, &round))
        fail_msg("{%s}: no first step", parameters);
    struct plan plan = plan_of(&round);
    double half = exp2((double)value(&cell, "N").integer - 1);
    double most = fmin((double)value(&cell, "max_K").integer, half);
    for (int side = 0; side < 2; side++)
        if (!(1 <= plan.memories[side] && (double)plan.memories[side] <= most))
            fail_msg("{%s}: K = %lld", parameters, (long long)plan.memories[side]);
    assert_in_range(round.starts, 1, 64);
    assert_in_range(round.starts * round.replicas, 16, 128);
    assert_int_equal(round.starts, kind->starts(&cell));
    assert_int_equal(plan.first_set, 0);
    kind->cost(&cell, &cost);
    const double numbers[] = {cost.replica_seconds, cost.start_seconds, cost.bytes};
    for (int i = 0; i < 3; i++)
        if (!(numbers[i] > 0 && numbers[i] < 1e30))
            fail_msg("{%s}: costs %g", parameters, numbers[i]);
}

static void every_search_can_begin(void **state) {
    (void)state;
    static const char *const others[] = {"criterion: recovered",
                                         "energy: rectified",
                                         "start: memory",
                                         "start: memory, noise: 0.5",
                                         "start: memory, noise: 1, energy: rectified",
                                         "criterion: retained",
                                         "criterion: retained_all",
                                         "criterion: unstable_spins",
                                         "criterion: unstable_spins, energy: rectified"};
    static const int powers[] = {1, 2, 3, 60}, sizes[] = {1, 2, 62, 63, 32766};
    static const char *const levels[] = {"1e-9", "1e-6", "0.5", "0.99", "0.9999"};
    static const char *const ranges[] = {"1", "1000", "1000000000000"};
    for (size_t o = 0; o < sizeof others / sizeof *others; o++)
        for (size_t i = 0; i < 4 * 5 * 5 * 3; i++) {
            char text[160];
            snprintf(text, sizeof text, "%s, n: %d, N: %d, level: %s, max_K: %s", others[o],
                     powers[i % 4], sizes[i / 4 % 5], levels[i / 20 % 5], ranges[i / 100]);
            check_beginning(text);
        }
}

/* ---- results ---- */

static void a_search_tells_its_path(void **state) {
    (void)state;
    static const char *const texts[] = {"N: 20, n: 3, precision: 0.2",
                                        "N: 20, n: 3, precision: 0.2, criterion: retained_all",
                                        "N: 20, n: 3, precision: 0.2, criterion: unstable_spins"};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct search search = search_run(texts[t], false);
        struct reduced reduced = reduce(&search);
        double at = real(&reduced, "k_threshold"), low = real(&reduced, "k_low");
        double high = real(&reduced, "k_high");
        assert_int_equal(integer(&reduced, "outcome"), DAM_CROSSING_FOUND);
        assert_true(0 < low && low < at && at < high && high - low <= 2 * 0.2 * at);
        assert_true(real(&reduced, "slope") > 0 && real(&reduced, "design_effect") >= 1);
        assert_near(real(&reduced, "ratio"), at / real(&reduced, "theory_k"), 1e-12);
        assert_path(&search, &reduced);
        dam_rows_destroy(&reduced.path);
        search_destroy(&search);
    }
}

/* On each side of each step, let as many sets succeed and fail as a whole as can be. */
static void concentrate(struct search *search) {
    for (size_t round = 0; round < search->count; round++)
        for (uint32_t side = 0; side < 2; side++) {
            int64_t left = 0;
            for (uint32_t r = side; r < search->rounds[round].count; r += 2)
                left += search->records[round][r].successes;
            for (uint32_t r = side; r < search->rounds[round].count; r += 2) {
                struct record *record = &search->records[round][r];
                record->successes = left < record->trials ? left : record->trials;
                left -= record->successes;
            }
        }
}

static void trials_of_a_set_that_agree_count_once(void **state) {
    (void)state;
    struct search search = search_run("N: 50, n: 3, precision: 0.15", false);
    struct dam_cell coarse = cell_of("N: 50, n: 3, precision: 1");
    double effect[2], width[2];
    for (int i = 0; i < 2; i++) {
        struct reduced reduced = reduce_as(&coarse, history_of(&search));
        assert_int_equal(integer(&reduced, "outcome"), DAM_CROSSING_FOUND);
        effect[i] = real(&reduced, "design_effect");
        width[i] = real(&reduced, "k_high") - real(&reduced, "k_low");
        dam_rows_destroy(&reduced.path);
        concentrate(&search);
    }
    /* Never more than the trials of a set. */
    assert_true(effect[1] > 1.5 * effect[0] && effect[1] < (double)kind->starts(&coarse));
    assert_true(width[1] > 1.2 * width[0]);
    search_destroy(&search);
}

/* Of a stopped run: the sets that are there are told, and do not count. */
static void a_round_that_is_not_whole_does_not_count(void **state) {
    (void)state;
    struct search search = search_run("N: 20, n: 3, precision: 0.15", false);
    struct dam_cell coarse = search.cell;
    search.cell = cell_of("N: 20, n: 3, precision: 0.01");
    struct reduced before = reduce_as(&coarse, history_of(&search));
    assert_int_equal(integer(&before, "outcome"), DAM_CROSSING_FOUND);
    assert_true(step(&search));
    struct reduced after = reduce_as(&coarse, history_of(&search));
    assert_false(same_estimates(&before, &after));

    struct dam_round_rows *last = &search.rounds[search.count - 1];
    static const uint32_t some[] = {0, 2, 3, 8};
    static const size_t counts[] = {4, 1, 0};
    for (size_t c = 0; c < 3; c++) {
        assert_true(last->plan.replicas > 8);
        last->count = counts[c];
        for (size_t r = 0; r < counts[c]; r++) {
            ((uint32_t *)last->replicas)[r] = some[r];
            ((const void **)last->records)[r] = &search.records[search.count - 1][some[r]];
        }
        struct reduced part = reduce_as(&coarse, history_of(&search));
        assert_true(same_estimates(&before, &part));
        assert_path(&search, &part);
        size_t rows = counts[c] == 4 ? 2 : counts[c]; /* none without sets */
        assert_int_equal(part.path.count, before.path.count + rows);
        dam_rows_destroy(&part.path);
    }
    dam_rows_destroy(&before.path);
    dam_rows_destroy(&after.path);
    search_destroy(&search);
}

static void what_was_not_found_has_no_numbers(void **state) {
    (void)state;
    static const struct {
        const char *parameters;
        int outcome;
    } table[] = {
        /* Half of the starts end in the mirror of the only memory. */
        {"N: 20, n: 2, mirrors: no, level: 0.9", DAM_CROSSING_BELOW},
        {"N: 30, n: 3, max_K: 5", DAM_CROSSING_ABOVE},
        {"N: 2, n: 3, criterion: retained",
         DAM_CROSSING_ABOVE}, /* half of all states are retained */
        {"N: 30, n: 3, max_trials: 20", DAM_CROSSING_BUDGET},
        {"N: 30, n: 3, max_trials: 1", DAM_CROSSING_BUDGET},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct search search = search_run(table[i].parameters, false);
        struct reduced reduced = reduce(&search);
        if (integer(&reduced, "outcome") != table[i].outcome)
            fail_msg("{%s}: outcome %lld", table[i].parameters,
                     (long long)integer(&reduced, "outcome"));
        assert_no_estimates(&reduced);
        assert_path(&search, &reduced);
        assert_true(integer(&reduced, "trials") <= value(&search.cell, "max_trials").integer);
        double half = exp2((double)value(&search.cell, "N").integer - 1);
        double most = fmin((double)value(&search.cell, "max_K").integer, half);
        for (size_t row = 0; row < reduced.path.count; row++)
            assert_true((double)dam_rows_row(&reduced.path, row)[PATH_K].integer <= most);
        dam_rows_destroy(&reduced.path);
        search_destroy(&search);
    }
}

/* A stopped run publishes what it has, which may be nothing. */
static void what_is_unfinished_has_no_numbers(void **state) {
    (void)state;
    struct search search = search_begin("N: 30, n: 3");
    for (int rounds = 0; rounds < 3; rounds++) {
        struct reduced reduced = reduce(&search);
        assert_int_equal(integer(&reduced, "outcome"), DAM_CROSSING_OPEN);
        assert_no_estimates(&reduced);
        assert_path(&search, &reduced);
        assert_false(isnan(real(&reduced, "theory_k")));
        dam_rows_destroy(&reduced.path);
        assert_true(step(&search));
    }
    search_destroy(&search);
}

/* ---- theory ---- */

static double theory_of(const char *parameters) {
    struct search search = search_begin(parameters);
    struct reduced reduced = reduce(&search);
    dam_rows_destroy(&reduced.path);
    return real(&reduced, "theory_k");
}

/* P_error of a Gaussian gap: Q(sqrt(c N^(n-1) / (K (2n-3)!!))). */
static double error_probability(double c_over_factorial, double scale, double memories) {
    return erfc(sqrt(c_over_factorial * scale / memories / 2)) / 2;
}

static void theory_is_the_closed_form(void **state) {
    (void)state;
    static const struct {
        int power;
        double c;         /* 1 power, 2 rectified */
        double factorial; /* (2n-3)!! */
    } table[] = {{1, 1, 1}, {2, 1, 1}, {3, 1, 3}, {4, 1, 15}, {5, 2, 105}, {3, 2, 3}};
    static const int sizes[] = {20, 100, 1000};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t s = 0; s < 3; s++) {
            int N = sizes[s], n = table[i].power;
            double scale = pow(N, n - 1), signal = table[i].c / table[i].factorial;
            double k_max = signal * scale / 2 / log(N);
            char base[80], text[160];
            snprintf(base, sizeof base, "n: %d, N: %d, energy: %s", n, N,
                     table[i].c == 2 ? "rectified" : "power");
            assert_near(theory_of(base) / k_max, 1, 1e-12);
            snprintf(text, sizeof text, "%s, criterion: retained_all, level: 0.3", base);
            assert_near(theory_of(text) / (k_max / n), 1, 1e-12);
            snprintf(text, sizeof text, "%s, criterion: retained, level: 0.3", base);
            double p = error_probability(signal, scale, theory_of(text));
            assert_near(pow(1 - p, N), 0.3, 1e-9);
            snprintf(text, sizeof text, "%s, criterion: unstable_spins", base);
            assert_near(error_probability(signal, scale, theory_of(text)), 0.005, 1e-12);
            snprintf(text, sizeof text, "%s, criterion: unstable_spins, level: 0.2", base);
            assert_near(error_probability(signal, scale, theory_of(text)), 0.2, 1e-12);
        }
}

static void where_there_is_no_theory_there_is_no_number(void **state) {
    (void)state;
    static const char *const texts[] = {
        "level: 0.4",
        "start: memory",
        "start: memory, noise: 0.2",
        "criterion: unstable_spins, level: 0.5",
        "criterion: unstable_spins, level: 0.7",
        "N: 1, criterion: retained, level: 0.4", /* P_error = 0.6 */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_true(isnan(theory_of(texts[i])));
}

/* ---- searches against the exact theory ---- */

/* The K, with ln K interpolated in the logarithm, at which the exact P_error passes p. */
static double exact_memories(int power, int neurons, double p) {
    int64_t K = 2;
    while (dam_theory_p_error_exact(DAM_ENERGY_POWER, power, neurons, K + 1) < p)
        K++;
    double below = log(dam_theory_p_error_exact(DAM_ENERGY_POWER, power, neurons, K));
    double above = log(dam_theory_p_error_exact(DAM_ENERGY_POWER, power, neurons, K + 1));
    return exp(log((double)K) + (log(p) - below) / (above - below) * log1p(1 / (double)K));
}

static void unstable_spins_are_those_of_the_exact_theory(void **state) {
    (void)state;
    struct search search = search_run("N: 30, n: 3, criterion: unstable_spins", false);
    struct reduced reduced = reduce(&search);
    double exact = exact_memories(3, 30, 0.005), at = real(&reduced, "k_threshold");
    double low = real(&reduced, "k_low"), high = real(&reduced, "k_high");
    print_message("K = %.2f (%.2f .. %.2f), exact %.2f, %lld trials\n", at, low, high, exact,
                  (long long)integer(&reduced, "trials"));
    assert_int_equal(integer(&reduced, "outcome"), DAM_CROSSING_FOUND);
    assert_true(at - 1.5 * (at - low) < exact && exact < at + 1.5 * (high - at));
    dam_rows_destroy(&reduced.path);
    search_destroy(&search);
}

/* As if the spins of a memory were independent, which they are nearly. */
static void retained_memories_are_roughly_those_of_the_exact_theory(void **state) {
    (void)state;
    struct search search = search_run("N: 100, n: 2, criterion: retained", false);
    struct reduced reduced = reduce(&search);
    double exact = exact_memories(2, 100, 1 - pow(0.5, 1.0 / 100));
    double at = real(&reduced, "k_threshold");
    print_message("K = %.2f (%.2f .. %.2f), exact %.2f, %lld trials\n", at, real(&reduced, "k_low"),
                  real(&reduced, "k_high"), exact, (long long)integer(&reduced, "trials"));
    assert_int_equal(integer(&reduced, "outcome"), DAM_CROSSING_FOUND);
    assert_near(at / exact, 1, 0.15);
    dam_rows_destroy(&reduced.path);
    search_destroy(&search);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_definition),
        cmocka_unit_test(a_set_is_retained_when_the_last_memory_is),
        cmocka_unit_test(mirrors_count_where_they_shall),
        cmocka_unit_test(the_division_of_the_starts_does_not_show),
        cmocka_unit_test(a_task_ends_when_its_poll_says_so),
        cmocka_unit_test(what_has_no_effect_names_no_other_cell),
        cmocka_unit_test(what_has_an_effect_names_another_cell),
        cmocka_unit_test(what_is_not_given_is_resolved),
        cmocka_unit_test(the_resolved_study_has_the_same_cells),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(budgets_do_not_change_the_rounds),
        cmocka_unit_test(every_round_has_sets_of_its_own),
        cmocka_unit_test(a_round_is_a_function_of_those_before_it),
        cmocka_unit_test(an_imagined_search_finds_its_guess),
        cmocka_unit_test(every_search_can_begin),
        cmocka_unit_test(a_search_tells_its_path),
        cmocka_unit_test(trials_of_a_set_that_agree_count_once),
        cmocka_unit_test(a_round_that_is_not_whole_does_not_count),
        cmocka_unit_test(what_was_not_found_has_no_numbers),
        cmocka_unit_test(what_is_unfinished_has_no_numbers),
        cmocka_unit_test(theory_is_the_closed_form),
        cmocka_unit_test(where_there_is_no_theory_there_is_no_number),
        cmocka_unit_test(unstable_spins_are_those_of_the_exact_theory),
        cmocka_unit_test(retained_memories_are_roughly_those_of_the_exact_theory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
