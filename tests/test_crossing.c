/* The search for a crossing: its fit against curves that are known, and whole searches among
 * simulated trials, whose sets share a luck of their own. */
#include <dam/crossing.h>
#include <dam/portable.h>
#include <dam/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.17g, expected %.17g +- %g", got, expected, tolerance);
}

/* ---- functions ---- */

static void portable_functions_are_those_of_libm(void **state) {
    (void)state;
    for (double x = -700; x < 700; x += 0.37)
        assert_near(dam_portable_exp(x) / exp(x), 1, 1e-15);
    for (double x = 1e-300; x < 1e300; x *= 1.7)
        assert_near(dam_portable_log(x), log(x), 1e-15 * fmax(1, fabs(log(x))));
    for (double x = 0.5; x < 2; x += 0.0001)
        assert_near(dam_portable_log(x), log(x), 1e-15);
    assert_true(dam_portable_exp(-1e9) == 0 && dam_portable_exp(-INFINITY) == 0);
    assert_true(isinf(dam_portable_exp(1e9)) && dam_portable_exp(0) == 1);
    assert_true(dam_portable_log(1) == 0);
}

/* ---- a network of which only the curve is known ---- */

struct network {
    double crossing, slope, level;
    bool rising;
    double spread; /* deviation of a set's logit from the curve: + or - this */
    double (*curve)(double memories);
};

static double share_at(const struct network *network, double memories) {
    if (network->curve != NULL)
        return network->curve(memories);
    double distance = network->slope * log(memories / network->crossing);
    double logit = log(network->level / (1 - network->level));
    return 1 / (1 + exp(-logit - (network->rising ? distance : -distance)));
}

static struct dam_crossing_search search_of(const struct network *network) {
    return (struct dam_crossing_search){.level = network->level,
                                        .rising = network->rising,
                                        .guess = (int64_t)network->crossing,
                                        .slope = 4,
                                        .most = 1000000000,
                                        .set_trials = 8,
                                        .trial_size = 1,
                                        .precision = 0.05,
                                        .max_trials = 1000000};
}

/* Sets at one K. */
static struct dam_crossing_point try_sets(const struct network *network,
                                          const struct dam_crossing_search *search,
                                          int64_t memories, int64_t sets,
                                          struct dam_stream *stream) {
    struct dam_crossing_point point = {.memories = memories, .sets = sets};
    double share = share_at(network, (double)memories), logit = log(share / (1 - share));
    for (int64_t set = 0; set < sets; set++) {
        double luck = dam_stream_next(stream) & 1 ? network->spread : -network->spread;
        double of_set = 1 / (1 + exp(-logit - luck));
        int64_t successes = 0;
        for (int64_t t = 0; t < search->set_trials * search->trial_size; t++)
            successes += dam_stream_unit(stream) < of_set;
        point.successes += successes;
        point.squares += (double)(successes * successes);
    }
    return point;
}

struct found {
    enum dam_crossing_outcome outcome;
    struct dam_crossing_estimate at;
    struct dam_crossing_point points[DAM_CROSSING_POINTS_MAX];
    size_t count;
    int64_t trials;
};

static struct found search_for(const struct network *network,
                               const struct dam_crossing_search *search, uint64_t seed) {
    struct found found = {0};
    struct dam_stream stream = dam_stream_open(seed, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct dam_crossing_step step;
    for (;;) {
        found.outcome = dam_crossing_next(search, found.points, found.count, &step);
        if (found.outcome != DAM_CROSSING_OPEN)
            break;
        for (int side = 0; side < 2; side++) {
            int64_t memories = step.memories[side];
            assert_true(1 <= memories && memories <= search->most && step.sets >= 1);
            found.points[found.count++] = try_sets(network, search, memories, step.sets, &stream);
            found.trials += step.sets * search->set_trials;
        }
    }
    assert_true(found.trials <= search->max_trials);
    found.at = dam_crossing_fit(search, found.points, found.count);
    return found;
}

/* ---- the fit ---- */

/* As many successes as the curve says, without chance: each set the mean. */
static struct dam_crossing_point expected(const struct network *network,
                                          const struct dam_crossing_search *search,
                                          int64_t memories, int64_t sets) {
    double each = (double)(search->set_trials * search->trial_size);
    double mean = each * share_at(network, (double)memories);
    return (struct dam_crossing_point){.memories = memories,
                                       .sets = sets,
                                       .successes = (int64_t)(mean * (double)sets + 0.5),
                                       .squares = mean * mean * (double)sets};
}

static void the_fit_finds_the_curve(void **state) {
    (void)state;
    const struct network networks[] = {
        {.crossing = 1000, .slope = 5, .level = 0.5},
        {.crossing = 1234.5, .slope = 3, .level = 0.9},
        {.crossing = 40000, .slope = 12, .level = 0.5, .rising = true},
        {.crossing = 700.25, .slope = 4, .level = 0.005, .rising = true},
    };
    for (size_t n = 0; n < sizeof networks / sizeof *networks; n++) {
        struct dam_crossing_search search = search_of(&networks[n]);
        search.guess = (int64_t)(0.7 * networks[n].crossing);
        struct dam_crossing_point points[2];
        for (int side = 0; side < 2; side++) {
            double reach = 0.02 / networks[n].slope * (side == 0 ? -1 : 1);
            points[side] = expected(&networks[n], &search,
                                    (int64_t)(networks[n].crossing * exp(reach) + 0.5), 100000000);
        }
        struct dam_crossing_estimate at = dam_crossing_fit(&search, points, 2);
        assert_near(at.threshold / networks[n].crossing, 1, 1e-4);
        assert_near(at.slope / networks[n].slope, 1, 1e-2);
        assert_true(at.low < at.threshold && at.threshold < at.high);
    }
}

/* Far more trials at one distance on either side: the interval is that of the mean of the two,
 * t standard errors wide, 1 / (slope sqrt(p (1 - p) trials)) each, and design effects widen it. */
static void the_interval_is_as_wide_as_its_trials_say(void **state) {
    (void)state;
    const struct network network = {.crossing = 1e6, .slope = 5, .level = 0.5};
    struct dam_crossing_search search = search_of(&network);
    double half[2];
    for (int shared = 0; shared < 2; shared++) {
        struct dam_crossing_point points[2];
        for (int side = 0; side < 2; side++) {
            points[side] = expected(&network, &search, side == 0 ? 900000 : 1111111, 20000);
            /* Sets as different as independent trials make them, or twice as much. */
            double share = (double)points[side].successes / (20000 * 8);
            points[side].squares += (shared + 1) * 20000 * 8 * share * (1 - share);
        }
        struct dam_crossing_estimate at = dam_crossing_fit(&search, points, 2);
        assert_near(at.design_effect, shared + 1, 1e-3);
        half[shared] = log(at.high / at.low) / 2;
    }
    double share = share_at(&network, 900000);
    double error = 1 / (5 * sqrt(share * (1 - share) * 2 * 20000 * 8));
    assert_near(half[0] / (1.96 * error), 1.07, 0.005);
    assert_near(half[1] / half[0], sqrt(2), 0.002);
}

static void without_points_the_fit_is_the_guess(void **state) {
    (void)state;
    const struct network network = {.crossing = 300, .level = 0.5};
    struct dam_crossing_search search = search_of(&network);
    struct dam_crossing_estimate at = dam_crossing_fit(&search, NULL, 0);
    assert_near(at.threshold, 300, 1e-9);
    assert_near(at.slope, 4, 1e-9);
    assert_true(at.low == 0 && isinf(at.high));
}

/* ---- whole searches ---- */

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Search 400 times from this guess: the share of intervals that hold the crossing, and the median
 * of the trials over twice those that the threshold would need. */
static void search_often(const struct network *network, struct dam_crossing_search search,
                         double *covered, double *cost) {
    enum { SEARCHES = 400 };
    double costs[SEARCHES];
    int holds = 0;
    for (int i = 0; i < SEARCHES; i++) {
        struct found found = search_for(network, &search, (uint64_t)i);
        assert_int_equal(found.outcome, DAM_CROSSING_FOUND);
        double width = found.at.high - found.at.low;
        assert_true(width <= 2 * search.precision * found.at.threshold);
        holds += found.at.low <= network->crossing && network->crossing <= found.at.high;
        double error = search.precision * network->slope / 1.96;
        costs[i] = (double)found.trials * error * error / (8 * found.at.design_effect);
    }
    qsort(costs, SEARCHES, sizeof *costs, compare);
    *covered = (double)holds / SEARCHES;
    *cost = costs[SEARCHES / 2];
}

/* With 400 searches a coverage of 0.95 shows as 0.92 .. 0.98 but for one time in 200. */
static void intervals_cover_at_the_promised_cost(void **state) {
    (void)state;
    const struct {
        struct network network;
        double guess; /* over the crossing */
        int64_t set_trials, trial_size;
        double precision;
        bool dear;
    } cases[] = {
        {{.crossing = 375, .slope = 4.5, .level = 0.5}, 1, 8, 1, 0.05, false},
        {{.crossing = 375, .slope = 4.5, .level = 0.5, .spread = 0.5}, 1.2, 8, 1, 0.05, false},
        {{.crossing = 124, .slope = 3.5, .level = 0.5, .spread = 0.5}, 0.8, 4, 1, 0.05, false},
        {{.crossing = 5.3, .slope = 3.5, .level = 0.5}, 1.3, 1, 1, 0.05, false},
        {{.crossing = 375, .slope = 4.5, .level = 0.5, .spread = 0.5}, 10, 8, 1, 0.05, true},
        {{.crossing = 375, .slope = 4.5, .level = 0.5, .spread = 0.5}, 0.1, 8, 1, 0.05, true},
        {{.crossing = 200, .slope = 4, .level = 0.005, .rising = true}, 1.1, 4, 50, 0.05, true},
        {{.crossing = 200, .slope = 4, .level = 0.5, .rising = true, .spread = 0.7},
         1.1,
         4,
         50,
         0.05,
         true},
        {{.crossing = 375, .slope = 4.5, .level = 0.5, .spread = 1}, 1.2, 8, 1, 0.2, true},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const struct network *network = &cases[c].network;
        struct dam_crossing_search search = search_of(network);
        search.guess = (int64_t)(cases[c].guess * network->crossing + 0.5);
        search.set_trials = cases[c].set_trials;
        search.trial_size = cases[c].trial_size;
        search.precision = cases[c].precision;
        double covered, cost;
        search_often(network, search, &covered, &cost);
        if (covered < 0.92 || covered > 0.99)
            fail_msg("case %zu: %g of the intervals cover", c, covered);
        if (cost > 1 && !cases[c].dear)
            fail_msg("case %zu: %g times the cost", c, cost);
    }
}

/* Far from logistic: half as steep below K = 95 as above. */
static double bent(double memories) {
    double logit = 4 * log(100 / memories);
    double kink = 4 * log(100 / 95.0);
    return 1 / (1 + exp(logit < kink ? -logit : -(kink + (logit - kink) / 2)));
}

/* Only what is near the crossing counts in the end: the curve further off does not matter. */
static void a_bent_curve_makes_no_bias(void **state) {
    (void)state;
    const struct network network = {.crossing = 100, .level = 0.5, .slope = 4, .curve = bent};
    struct dam_crossing_search search = search_of(&network);
    search.set_trials = 2;
    search.precision = 0.02;
    double covered, cost;
    search_often(&network, search, &covered, &cost);
    if (covered < 0.92)
        fail_msg("%g of the intervals cover", covered);
}

/* Rising to 0.95 up to K = 20, at half of which it crosses 0.7, and falling to 0.7 at K = 500. */
static double hill(double memories) {
    double up = 1 / (1 + exp(-log(0.7 / 0.25) - 3 * log(memories / 10)));
    double down = 1 / (1 + exp(-log(0.7 / 0.3) + 5 * log(memories / 500)));
    return memories < 100 ? fmin(up, 0.95) : fmin(0.95, down);
}

static void the_crossing_at_the_largest_k_is_found(void **state) {
    (void)state;
    const struct network network = {.crossing = 500, .level = 0.7, .slope = 5, .curve = hill};
    const int64_t guesses[] = {50, 200, 500, 2000, 5000};
    for (size_t g = 0; g < sizeof guesses / sizeof *guesses; g++) {
        struct dam_crossing_search search = search_of(&network);
        search.guess = guesses[g];
        search.precision = 0.03;
        struct found found = search_for(&network, &search, 5);
        assert_int_equal(found.outcome, DAM_CROSSING_FOUND);
        assert_near(found.at.threshold, 500, 35);
    }
}

static double always(double memories) {
    (void)memories;
    return 0.97;
}

static double never(double memories) {
    (void)memories;
    return 0.03;
}

static double flat(double memories) {
    (void)memories;
    return 0.5;
}

static void searches_end_where_there_is_no_crossing(void **state) {
    (void)state;
    struct network network = {.crossing = 100, .level = 0.5, .curve = always};
    struct dam_crossing_search search = search_of(&network);
    search.most = 5000;
    struct found found = search_for(&network, &search, 1);
    assert_int_equal(found.outcome, DAM_CROSSING_ABOVE);
    assert_true(found.trials < 200);

    network.curve = never;
    found = search_for(&network, &search, 1);
    assert_int_equal(found.outcome, DAM_CROSSING_BELOW);
    assert_true(found.trials < 300);

    search.most = 1;
    search.guess = 1;
    assert_int_equal(search_for(&network, &search, 1).outcome, DAM_CROSSING_BELOW);

    network.curve = flat;
    search = search_of(&network);
    search.max_trials = 20000;
    assert_int_equal(search_for(&network, &search, 1).outcome, DAM_CROSSING_BUDGET);
}

/* However narrow the interval is that follows from shares which are all far from the level: the
 * search goes where the level is. */
static void what_is_far_off_only_points_there(void **state) {
    (void)state;
    const struct network network = {.crossing = 100, .slope = 5, .level = 0.9999};
    struct dam_crossing_search search = search_of(&network);
    const struct dam_crossing_point points[] = {
        expected(&network, &search, 515, 1000000),
        expected(&network, &search, 629, 1000000),
    };
    struct dam_crossing_estimate at = dam_crossing_fit(&search, points, 2);
    assert_true(at.high - at.low < 2 * search.precision * at.threshold);
    search.max_trials = 1000000000;
    struct dam_crossing_step step;
    assert_int_equal(dam_crossing_next(&search, points, 2, &step), DAM_CROSSING_OPEN);
    assert_true(step.memories[0] < 515);
}

/* A share below the level at K = 1 says nothing where a larger K has been above. */
static void the_first_k_is_not_the_last_word(void **state) {
    (void)state;
    const struct network network = {.crossing = 100, .level = 0.5};
    const struct dam_crossing_search search = search_of(&network);
    const struct dam_crossing_point points[] = {
        {.memories = 1, .sets = 50, .successes = 120, .squares = 288},
        {.memories = 50, .sets = 50, .successes = 280, .squares = 1568},
    };
    struct dam_crossing_step step;
    assert_int_equal(dam_crossing_next(&search, points, 1, &step), DAM_CROSSING_BELOW);
    assert_int_equal(dam_crossing_next(&search, points, 2, &step), DAM_CROSSING_OPEN);
}

/* A few sets, whose variance is not known yet, are not enough, however narrow the interval is. */
static void a_few_sets_find_nothing(void **state) {
    (void)state;
    const struct network network = {.crossing = 100, .slope = 4, .level = 0.5};
    struct dam_crossing_search search = search_of(&network);
    search.set_trials = 10000;
    search.max_trials = 10000000;
    struct dam_crossing_step step;
    for (int64_t sets = 1; sets <= 4; sets++) {
        const struct dam_crossing_point points[] = {
            expected(&network, &search, 98, sets),
            expected(&network, &search, 102, sets),
        };
        struct dam_crossing_estimate at = dam_crossing_fit(&search, points, 2);
        assert_true(at.high - at.low < 2 * search.precision * at.threshold);
        assert_int_equal(dam_crossing_next(&search, points, 2, &step),
                         sets < 4 ? DAM_CROSSING_OPEN : DAM_CROSSING_FOUND);
    }
}

/* At the ends of the range chance has to be ruled out: 2 standard errors do not do, 4 do. */
static void an_end_is_reached_beyond_chance(void **state) {
    (void)state;
    const struct network network = {.crossing = 1, .level = 0.5};
    struct dam_crossing_search search = search_of(&network);
    search.most = 1;
    search.set_trials = 1;
    struct dam_crossing_step step;
    for (int side = -1; side <= 1; side += 2)
        for (int errors = 2; errors <= 4; errors += 2) {
            int64_t successes = 200 + side * errors * 10;
            const struct dam_crossing_point point = {
                .memories = 1, .sets = 400, .successes = successes, .squares = (double)successes};
            assert_int_equal(dam_crossing_next(&search, &point, 1, &step),
                             errors == 2 ? DAM_CROSSING_OPEN
                             : side < 0  ? DAM_CROSSING_BELOW
                                         : DAM_CROSSING_ABOVE);
        }
}

/* One rare success says nothing. */
static void rare_successes_end_no_search(void **state) {
    (void)state;
    const struct network network = {.crossing = 100, .level = 0.001};
    struct dam_crossing_search search = search_of(&network);
    search.most = 1000;
    const struct dam_crossing_point point = {
        .memories = 1000, .sets = 2, .successes = 1, .squares = 1};
    struct dam_crossing_step step;
    assert_int_equal(dam_crossing_next(&search, &point, 1, &step), DAM_CROSSING_OPEN);
}

/* A finer search, or one with more trials, begins as the coarser did. */
static void steps_do_not_depend_on_precision_or_budget(void **state) {
    (void)state;
    const struct network network = {.crossing = 375, .slope = 4.5, .level = 0.5, .spread = 0.5};
    struct dam_crossing_search coarse = search_of(&network), fine = coarse, poor = coarse;
    fine.precision = 0.02;
    poor.max_trials = 300;
    struct found whole = search_for(&network, &fine, 3);
    struct found parts[] = {search_for(&network, &coarse, 3), search_for(&network, &poor, 3)};
    assert_int_equal(parts[1].outcome, DAM_CROSSING_BUDGET);
    for (int p = 0; p < 2; p++) {
        assert_true(0 < parts[p].count && parts[p].count < whole.count);
        assert_memory_equal(parts[p].points, whole.points, parts[p].count * sizeof *whole.points);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable_functions_are_those_of_libm),
        cmocka_unit_test(the_fit_finds_the_curve),
        cmocka_unit_test(the_interval_is_as_wide_as_its_trials_say),
        cmocka_unit_test(without_points_the_fit_is_the_guess),
        cmocka_unit_test(intervals_cover_at_the_promised_cost),
        cmocka_unit_test(a_bent_curve_makes_no_bias),
        cmocka_unit_test(the_crossing_at_the_largest_k_is_found),
        cmocka_unit_test(searches_end_where_there_is_no_crossing),
        cmocka_unit_test(what_is_far_off_only_points_there),
        cmocka_unit_test(the_first_k_is_not_the_last_word),
        cmocka_unit_test(a_few_sets_find_nothing),
        cmocka_unit_test(an_end_is_reached_beyond_chance),
        cmocka_unit_test(rare_successes_end_no_search),
        cmocka_unit_test(steps_do_not_depend_on_precision_or_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
