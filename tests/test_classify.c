/* The kind classify: what its parameters mean together, and what becomes of its rounds. */
#include "kinds/training.h"
#include "simulation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct dam_kind *const kind = &dam_kind_classify;

/* ---- parameters ---- */

static void defaults_follow_the_power(void **state) {
    (void)state;
    struct dam_cell small = cell_of("n: 9"), large = cell_of("n: 10");
    assert_int_equal(value(&small, "m").integer, 3);
    assert_true(value(&small, "temperature_start").real == 300);
    assert_true(value(&small, "temperature_end").real == 60);
    assert_int_equal(value(&large, "m").integer, 30);
    assert_true(value(&large, "temperature_start").real == 540);
    assert_true(value(&large, "temperature_end").real == 540);
    large = cell_of("n: 20, m: 2, temperature_start: 600");
    assert_int_equal(value(&large, "m").integer, 2);
    assert_true(value(&large, "temperature_end").real == 600);
    large = cell_of("n: 20, temperature_end: 100");
    assert_true(value(&large, "temperature_start").real == 540);
    assert_true(value(&large, "temperature_end").real == 100);
}

static void defaults_follow_the_data_set(void **state) {
    (void)state;
    struct dam_cell cell = cell_of("n: 3");
    assert_int_equal(value(&cell, "validation").integer, 10000);
    cell = cell_of("dataset: cifar10");
    assert_int_equal(value(&cell, "validation").integer, 8333);
    cell = cell_of("dataset: synthetic");
    assert_int_equal(value(&cell, "validation").integer, 333);
    cell = cell_of("dataset: synthetic, validation: 0");
    assert_int_equal(value(&cell, "validation").integer, 0);
}

static void what_means_the_same_is_the_same_cell(void **state) {
    (void)state;
    assert_true(same_cell("n: 20", "n: 20, m: 30, temperature_start: 540, temperature_end: 540"));
    assert_true(same_cell("n: 3", "n: 3, m: 3, validation: 10000, epochs: 7, memories: yes"));
    /* In the memory form there is no activation; but for the rectified one, no power; without a
     * difference of temperatures, no ramp. */
    assert_true(same_cell("n: 3", "n: 3, activation: tanh"));
    assert_true(
        same_cell("form: dual, activation: tanh, n: 4", "form: dual, activation: tanh, n: 20"));
    assert_true(same_cell("n: 20, ramp: 10", "n: 20, ramp: 300"));
    assert_false(same_cell("form: dual, activation: tanh", "form: dual, activation: logistic"));
    assert_false(same_cell("form: dual, n: 4", "form: dual, n: 5"));
    assert_false(same_cell("form: dual", "form: memory"));
    assert_false(same_cell("n: 3, ramp: 10", "n: 3, ramp: 300"));
    assert_false(same_cell("n: 3", "n: 3, validation: 0"));
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    assert_refused("dataset: synthetic, validation: 2000",
                   "synthetic has 2000 images to train on: hold out fewer");
    assert_refused("dataset: cifar10, validation: 50000", "cifar10 has 50000 images");
    assert_refused("dataset: synthetic, validation: 500, training: 1501, minibatch: 10",
                   "synthetic has 1500 images that are not held out");
    assert_refused("dataset: synthetic, validation: 500, minibatch: 1510",
                   "more than the 1500 images that are trained on");
    assert_refused("training: 990", "more than the 990 images that are trained on");
    assert_refused("minibatch: 1005", "no multiple of the 10 classes (order: shuffled needs none)");
    assert_refused("n: 61", "n: 61");
    assert_refused("n: 1", "n: 1");
    assert_refused("learning_rate: 0", "learning_rate");
    assert_refused("temperature_end: 0.5", "temperature_end");
    (void)cell_of("minibatch: 1005, order: shuffled");
    (void)cell_of("dataset: synthetic, validation: 500, minibatch: 1500");
}

/* ---- rounds ---- */

/* Rounds of a hundred epochs, the most there is. */
#define SMALL                                                                                      \
    "dataset: synthetic, training: 40, validation: 20, minibatch: 20, K: 3, n: 3, "                \
    "temperature_start: 20, temperature_end: 20, replicas: 3, epochs: "
enum { ROUND = 100, ROUNDS_MAX = 8, REPLICAS_MAX = 4, SYNTHETIC_TEST = 500 };

/* What a journal would hold of one cell. */
struct course {
    struct dam_round plans[ROUNDS_MAX];
    uint32_t replicas[ROUNDS_MAX][REPLICAS_MAX];
    const void *records[ROUNDS_MAX][REPLICAS_MAX];
    struct dam_round_rows rows[ROUNDS_MAX];
    struct {
        void *bytes;
        size_t size;
    } states[REPLICAS_MAX];
    size_t rounds;
};

static struct dam_history history_of(const struct course *course) {
    return (struct dam_history){.round_count = course->rounds, .rounds = course->rows};
}

/* Add replica `replica`'s row to a round; in increasing order of replicas. */
static void run_task(struct course *course, const struct dam_cell *cell, uint32_t round,
                     uint32_t replica) {
    struct dam_round_rows *rows = &course->rows[round];
    assert_true(round < ROUNDS_MAX && replica < REPLICAS_MAX && rows->count < REPLICAS_MAX);
    void *record = calloc(1, kind->record_size(cell)), *next = NULL;
    assert_non_null(record);
    size_t next_size = 0;
    struct dam_task task = {.cell = cell,
                            .seed = SEED,
                            .round = round,
                            .replica = replica,
                            .start_end = 1,
                            .plan = &course->plans[round],
                            .state = course->states[replica].bytes,
                            .state_size = course->states[replica].size,
                            .next_state = &next,
                            .next_state_size = &next_size};
    struct dam_error error;
    if (kind->run(&task, record, &error) != DAM_OK)
        fail_msg("%s", error.text);
    free(course->states[replica].bytes);
    course->states[replica].bytes = next;
    course->states[replica].size = next_size;
    *rows = (struct dam_round_rows){.plan = course->plans[round],
                                    .count = rows->count + 1,
                                    .replicas = course->replicas[round],
                                    .records = course->records[round]};
    course->replicas[round][rows->count - 1] = replica;
    course->records[round][rows->count - 1] = record;
    course->rounds = course->rounds > round ? course->rounds : round + 1;
}

/* All rounds that the cell asks for. */
static void run_rounds(struct course *course, const struct dam_cell *cell) {
    struct dam_history history = history_of(course);
    while (kind->more(cell, &history, &course->plans[course->rounds])) {
        const uint32_t round = (uint32_t)course->rounds;
        assert_int_equal(course->plans[round].replicas, cell->replicas);
        assert_int_equal(course->plans[round].starts, 1);
        for (uint32_t replica = 0; replica < cell->replicas; replica++)
            run_task(course, cell, round, replica);
        history = history_of(course);
    }
}

static void course_destroy(struct course *course) {
    for (size_t round = 0; round < course->rounds; round++)
        for (size_t r = 0; r < course->rows[round].count; r++)
            free((void *)course->records[round][r]);
    for (size_t replica = 0; replica < REPLICAS_MAX; replica++)
        free(course->states[replica].bytes);
}

/* ---- results ---- */

enum { COLUMNS_MAX = 16, EPOCHS_MAX = 400, CURVES = 3 };
static const char *const curve_names[CURVES] = {"train_errors", "validation_errors", "test_errors"};
static const char *const error_names[CURVES] = {"train_error", "validation_error", "test_error"};

struct results {
    union dam_value scalars[COLUMNS_MAX];
    double curves[CURVES][REPLICAS_MAX * EPOCHS_MAX]; /* [replica][epochs of the cell] */
    struct dam_rows first;
};

static void reduce(const struct course *course, const struct dam_cell *cell,
                   struct results *results) {
    *results = (struct results){.first = {.width = kind->tables[0].column_count}};
    void *arrays[COLUMNS_MAX] = {0};
    assert_true(kind->column_count <= COLUMNS_MAX);
    for (int c = 0; c < CURVES; c++) {
        struct dam_extent extent = kind->extent(cell, column(curve_names[c]));
        assert_int_equal(extent.rank, 2);
        assert_int_equal(extent.sizes[0], cell->replicas);
        assert_int_equal(extent.sizes[1], value(cell, "epochs").integer);
        assert_true(extent.sizes[0] <= REPLICAS_MAX && extent.sizes[1] <= EPOCHS_MAX);
        arrays[column(curve_names[c])] = results->curves[c];
    }
    struct dam_output output = {
        .scalars = results->scalars, .arrays = arrays, .tables = &results->first};
    struct dam_history history = history_of(course);
    struct dam_error error;
    assert_int_equal(kind->reduce(cell, &history, &output, &error), DAM_OK);
}

static double curve_at(const struct results *results, const struct dam_cell *cell, int curve,
                       uint32_t replica, int64_t epoch) {
    return results->curves[curve][replica * value(cell, "epochs").integer + epoch];
}

/* Errors of one training in one piece: the definition of every curve. */
static void train_alone(const struct dam_cell *cell, uint32_t replica, int64_t epochs,
                        double curves[CURVES][EPOCHS_MAX]) {
    struct dam_training_settings settings = {
        .dataset = DAM_DATASET_SYNTHETIC,
        .model = {.power = 3, .loss_power = 3, .memories = 3},
        .learning_rate = 0.02,
        .decay = 0.998,
        .momentum = 0.6,
        .temperature_start = 20,
        .temperature_end = 20,
        .ramp = 200,
        .initial_mean = -0.3,
        .initial_sd = 0.3,
        .minibatch = 20,
        .validation = 20,
        .training = 40,
        .seed = SEED,
        .cell = cell->hash,
        .replica = replica,
    };
    struct dam_training *training;
    struct dam_error error;
    assert_int_equal(dam_training_new(&training, &settings, &error), DAM_OK);
    for (int64_t e = 0; e < epochs; e++) {
        struct dam_training_errors errors;
        assert_int_equal(dam_training_epoch(training, (struct dam_poll){0}, &errors, &error),
                         DAM_OK);
        curves[0][e] = errors.train;
        curves[1][e] = errors.validation;
        curves[2][e] = errors.test;
    }
    dam_training_destroy(training);
}

/* Of each replica the first `epochs[replica]` epochs are there, and no more; scalars are those of
 * the last epoch that all who have any have made. */
static void assert_results(const struct course *course, const struct dam_cell *cell,
                           const int64_t *epochs) {
    static struct results results;
    reduce(course, cell, &results);
    static double alone[REPLICAS_MAX][CURVES][EPOCHS_MAX];
    int64_t common = INT64_MAX, last = value(cell, "epochs").integer;
    uint32_t trained = 0;
    for (uint32_t replica = 0; replica < cell->replicas; replica++) {
        train_alone(cell, replica, epochs[replica], alone[replica]);
        for (int c = 0; c < CURVES; c++)
            for (int64_t e = 0; e < last; e++) {
                double got = curve_at(&results, cell, c, replica, e);
                if (e >= epochs[replica] ? !isnan(got) : got != alone[replica][c][e])
                    fail_msg("%s of replica %u after %d epochs: %g", curve_names[c], replica,
                             (int)e + 1, got);
            }
        if (epochs[replica] > 0) {
            common = epochs[replica] < common ? epochs[replica] : common;
            trained++;
        }
    }
    common = trained == 0 ? 0 : common;
    assert_int_equal(results.scalars[column("epochs")].integer, common);
    for (int c = 0; c < CURVES; c++) {
        double mean = 0, squares = 0;
        for (uint32_t r = 0; r < cell->replicas; r++)
            mean += epochs[r] > 0 ? alone[r][c][common - 1] / trained : 0;
        for (uint32_t r = 0; r < cell->replicas; r++)
            squares += epochs[r] > 0 ? pow(alone[r][c][common - 1] - mean, 2) : 0;
        double got = results.scalars[column(error_names[c])].real;
        double sd = results.scalars[column("test_error_sd")].real;
        if (trained == 0)
            assert_true(isnan(got));
        else
            assert_near(got, mean, 1e-12);
        if (trained < 2)
            assert_true(isnan(sd));
        else if (c == CURVES - 1)
            assert_near(sd, sqrt(squares / (trained - 1)), 1e-12);
    }
    dam_rows_destroy(&results.first);
}

static void a_training_is_that_of_its_rounds(void **state) {
    (void)state;
    struct dam_cell cell = cell_of(SMALL "250");
    struct course course = {0};
    run_rounds(&course, &cell);
    assert_int_equal(course.rounds, 3);
    assert_results(&course, &cell, (int64_t[]){250, 250, 250});
    course_destroy(&course);
}

/* The same rows, asked for fewer epochs, have what a shorter training would; asked for more, the
 * training goes on, with a first round that takes up the cut one. */
static void epochs_are_a_budget(void **state) {
    (void)state;
    struct dam_cell cell = cell_of(SMALL "130"), fewer = cell_of(SMALL "70"),
                    more = cell_of(SMALL "380");
    assert_memory_equal(&cell.hash, &more.hash, sizeof cell.hash);
    struct course course = {0};
    run_rounds(&course, &cell);
    assert_int_equal(course.rounds, 2);
    assert_results(&course, &fewer, (int64_t[]){70, 70, 70});
    struct dam_history history = history_of(&course);
    assert_false(kind->more(&fewer, &history, &course.plans[2]));
    run_rounds(&course, &more);
    assert_int_equal(course.rounds, 2 + 3);
    assert_results(&course, &more, (int64_t[]){380, 380, 380});
    assert_results(&course, &cell, (int64_t[]){130, 130, 130});
    course_destroy(&course);
}

/* Replica 0 was alone for 130 epochs, in rounds of 100 and 30; replica 1 begins with rounds of its
 * own, and is ahead from the second on. */
static void replicas_that_come_later_catch_up(void **state) {
    (void)state;
    struct dam_cell alone = cell_of(SMALL "130"), cell = cell_of(SMALL "290");
    alone.replicas = 1;
    cell.replicas = 2;
    struct course course = {0};
    run_rounds(&course, &alone);
    run_task(&course, &cell, 0, 1);
    assert_results(&course, &cell, (int64_t[]){130, 100});
    run_task(&course, &cell, 1, 1);
    assert_results(&course, &cell, (int64_t[]){130, 200});
    run_rounds(&course, &cell);
    assert_int_equal(course.rounds, 4);
    assert_results(&course, &cell, (int64_t[]){290, 290});
    cell.replicas = 1; /* and one that is taken away again */
    struct dam_round_rows *rows = course.rows;
    for (size_t round = 0; round < course.rounds; round++)
        rows[round].count = 1;
    assert_results(&course, &cell, (int64_t[]){290});
    for (size_t round = 0; round < course.rounds; round++)
        rows[round].count = 2;
    course_destroy(&course);
}

/* What a stopped run has: nothing, or a last round of some replicas. */
static void replicas_that_are_missing_are_nan(void **state) {
    (void)state;
    struct dam_cell cell = cell_of(SMALL "150");
    struct course course = {0};
    assert_results(&course, &cell, (int64_t[]){0, 0, 0});
    run_task(&course, &cell, 0, 1);
    assert_results(&course, &cell, (int64_t[]){0, 100, 0});
    run_task(&course, &cell, 0, 2);
    assert_results(&course, &cell, (int64_t[]){0, 100, 100});
    run_task(&course, &cell, 1, 2);
    assert_results(&course, &cell, (int64_t[]){0, 100, 150});
    struct dam_history history = history_of(&course);
    assert_true(kind->more(&cell, &history, &course.plans[2]));
    course_destroy(&course);
}

/* Without images held out there is no validation error. */
static void first_epochs_are_those_below_each_threshold(void **state) {
    (void)state;
    enum { REPLICA, THRESHOLD, VALIDATION, TEST, WIDTH };
    static struct results results;
    for (int held_out = 0; held_out <= 20; held_out += 20) {
        char text[300];
        snprintf(text, sizeof text,
                 "dataset: synthetic, training: 400, validation: %d, minibatch: 20, K: 20, n: 3, "
                 "learning_rate: 0.1, temperature_start: 20, temperature_end: 20, replicas: 2, "
                 "epochs: 20",
                 held_out);
        struct dam_cell cell = cell_of(text);
        struct course course = {0};
        run_rounds(&course, &cell);
        reduce(&course, &cell, &results);
        assert_int_equal(results.first.width, WIDTH);
        bool later = false;
        for (size_t row = 0; row < results.first.count; row++) {
            const union dam_value *values = dam_rows_row(&results.first, row);
            const uint32_t replica = (uint32_t)values[REPLICA].integer;
            const size_t each = results.first.count / 2;
            assert_int_equal(replica, row / each);
            if (row % each > 0)
                assert_true(values[THRESHOLD].real <
                            dam_rows_row(&results.first, row - 1)[THRESHOLD].real);
            for (int which = VALIDATION; which <= TEST; which++) {
                int64_t expected = 0;
                for (int64_t e = 20; e > 0; e--)
                    if (curve_at(&results, &cell, which == TEST ? 2 : 1, replica, e - 1) <
                        values[THRESHOLD].real)
                        expected = e;
                assert_int_equal(values[which].integer, expected);
                later = later || expected > 1;
                assert_true(held_out > 0 || which == TEST || expected == 0);
            }
        }
        assert_true(later && results.first.count >= 40);
        dam_rows_destroy(&results.first);
        course_destroy(&course);
    }
}

/* Planning imagines the epochs of rounds as they will be. */
static void imagined_rounds_are_as_many(void **state) {
    (void)state;
    static const char *const studies[] = {SMALL "1", SMALL "100", SMALL "101", SMALL "399"};
    static const size_t rounds[] = {1, 1, 2, 4};
    for (size_t s = 0; s < 4; s++) {
        struct dam_cell cell = cell_of(studies[s]);
        cell.replicas = 1;
        struct course course = {0};
        struct dam_history history = history_of(&course);
        while (kind->more(&cell, &history, &course.plans[course.rounds])) {
            const size_t round = course.rounds++;
            struct dam_task task = {.cell = &cell, .round = (uint32_t)round, .start_end = 1};
            void *record = calloc(1, kind->record_size(&cell));
            assert_non_null(record);
            kind->imagine(&task, record);
            course.records[round][0] = record;
            course.rows[round] = (struct dam_round_rows){.plan = course.plans[round],
                                                         .count = 1,
                                                         .replicas = course.replicas[round],
                                                         .records = course.records[round]};
            history = history_of(&course);
        }
        assert_int_equal(course.rounds, rounds[s]);
        course_destroy(&course);
    }
}

/* Says true from its call of that number on. */
struct patience {
    int calls, until;
};

static bool is_over(void *context) {
    struct patience *patience = context;
    return ++patience->calls >= patience->until;
}

/* The share of a start that planning sees done with so many calls of its poll. */
static double share_of(const struct dam_cell *cell, int calls) {
    struct patience patience = {.until = calls};
    struct dam_task task = {
        .cell = cell, .seed = SEED, .start_end = 1, .poll = {is_over, &patience}};
    struct dam_error error;
    double share = -1;
    if (kind->part(&task, &share, &error) != DAM_OK)
        fail_msg("%s", error.text);
    assert_int_equal(patience.calls, calls < 2 ? 2 : calls);
    return share;
}

/* Of a study of one epoch a start is an epoch: 16 steps, and answers to 900 images, which come a
 * thousand at a time. Of more epochs it is a smaller share. */
static void parts_are_shares_of_what_a_round_does(void **state) {
    (void)state;
#define EPOCHS                                                                                     \
    "dataset: synthetic, validation: 400, minibatch: 100, K: 20, n: 3, replicas: 1, epochs: "
    struct dam_cell one = cell_of(EPOCHS "1"), ten = cell_of(EPOCHS "10");
#undef EPOCHS
    const double step = share_of(&one, 1);
    assert_true(step > 0 && step < 1. / 16);
    assert_near(share_of(&one, 2), step, 1e-12);
    const double answers = share_of(&one, 3) - step; /* to a thousand images, of 900 */
    assert_near(16 * step + answers * 900 / 1000, 1, 1e-9);
    assert_near(share_of(&one, 1 + 16 + 1), 16 * step + answers, 1e-9);
    assert_near(share_of(&ten, 1 + 16 + 1), (16 * step + answers) / 10, 1e-9);
    assert_near(share_of(&one, 1 + 18 + 2), 18 * step + 2 * answers, 1e-9);
}

static void memories_are_published_where_asked_for(void **state) {
    (void)state;
    struct dam_cell cell = cell_of(SMALL "1"), yes = cell_of("memories: yes, " SMALL "1");
    struct dam_extent extent = kind->extent(&cell, column("memories"));
    assert_int_equal(extent.rank, 3);
    assert_int_equal(extent.sizes[0] * extent.sizes[1] * extent.sizes[2], 0);
    extent = kind->extent(&yes, column("memories"));
    assert_int_equal(extent.rank, 3);
    assert_int_equal(extent.sizes[0], 3);
    assert_int_equal(extent.sizes[1], 3);
    assert_int_equal(extent.sizes[2], 64 + 10);
}

static int forget(void **state) {
    (void)state;
    dam_dataset_release();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_follow_the_power),
        cmocka_unit_test(defaults_follow_the_data_set),
        cmocka_unit_test(what_means_the_same_is_the_same_cell),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_training_is_that_of_its_rounds),
        cmocka_unit_test(epochs_are_a_budget),
        cmocka_unit_test(replicas_that_come_later_catch_up),
        cmocka_unit_test(replicas_that_are_missing_are_nan),
        cmocka_unit_test(first_epochs_are_those_below_each_threshold),
        cmocka_unit_test(imagined_rounds_are_as_many),
        cmocka_unit_test(parts_are_shares_of_what_a_round_does),
        cmocka_unit_test(memories_are_published_where_asked_for),
    };
    return cmocka_run_group_tests_name("classify", tests, NULL, forget);
}
