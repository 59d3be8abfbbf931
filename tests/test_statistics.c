/* Intervals for shares against published values and their coverage in simulated studies. */
#include <dam/statistics.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

/* The number of trials of Wilson's interval with this quantile: both its ends are roots of
 * (share - p)^2 = quantile^2 p (1 - p) / trials. */
static double effective_trials(double share, double end, double quantile) {
    return quantile * quantile * end * (1 - end) / ((share - end) * (share - end));
}

/* Newcombe 1998, Stat. Med. 17, 857, table I, method 3. */
static void test_one_set_gives_wilsons_interval(void **state) {
    (void)state;
    static const struct {
        int64_t successes, trials;
        double low, high;
    } table[] = {{81, 263, 0.2553, 0.3662},
                 {15, 148, 0.0624, 0.1605},
                 {0, 20, 0, 0.1611},
                 {1, 29, 0.0061, 0.1718},
                 {20, 20, 1 - 0.1611, 1}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct dam_interval got = dam_interval_shared(&table[i].successes, &table[i].trials, 1);
        assert_int_equal(got.scope, DAM_INTERVAL_STARTS);
        assert_near(got.low, table[i].low, 5e-5);
        assert_near(got.high, table[i].high, 5e-5);
    }
}

static void test_no_trials_give_no_interval(void **state) {
    (void)state;
    const int64_t zeros[2] = {0, 0};
    for (size_t sets = 0; sets <= 2; sets++) {
        struct dam_interval got = dam_interval_shared(zeros, zeros, sets);
        assert_int_equal(got.scope, DAM_INTERVAL_NONE);
        assert_true(isnan(got.low) && isnan(got.high));
    }
}

static void test_sets_without_trials_are_ignored(void **state) {
    (void)state;
    const int64_t successes[5] = {0, 7, 0, 12, 9}, trials[5] = {0, 20, 0, 20, 20};
    struct dam_interval sparse = dam_interval_shared(successes, trials, 5);
    struct dam_interval dense =
        dam_interval_shared((const int64_t[]){7, 12, 9}, (const int64_t[]){20, 20, 20}, 3);
    assert_int_equal(sparse.scope, DAM_INTERVAL_SETS);
    assert_true(sparse.low == dense.low && sparse.high == dense.high);
    struct dam_interval one = dam_interval_shared(successes, trials, 3);
    struct dam_interval alone = dam_interval_shared(&successes[1], &trials[1], 1);
    assert_int_equal(one.scope, DAM_INTERVAL_STARTS);
    assert_true(one.low == alone.low && one.high == alone.high);
}

/* Half of the sets all fail and half all succeed: the effective trials are sets - 1, so the ends
 * show the quantile. Tables of Student's t, two-sided 95 %. */
static void test_quantiles_are_students(void **state) {
    (void)state;
    static const struct {
        size_t freedom;
        double quantile;
    } table[] = {{1, 12.7062},  {3, 3.18245},   {9, 2.26216},   {11, 2.20099},
                 {29, 2.04523}, {119, 1.98010}, {999, 1.96234}, {99999, 1.95999}};
    enum { SETS_MAX = 100000 };
    int64_t *counts = calloc(2 * SETS_MAX, sizeof *counts);
    assert_non_null(counts);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t sets = table[i].freedom + 1;
        for (size_t k = 0; k < sets; k++) {
            counts[k] = k % 2 == 0 ? 0 : 30;
            counts[SETS_MAX + k] = 30;
        }
        struct dam_interval got = dam_interval_shared(counts, counts + SETS_MAX, sets);
        double square = effective_trials(0.5, got.low, 1);
        assert_near(sqrt((double)table[i].freedom / square), table[i].quantile, 1e-5);
        assert_near(got.low + got.high, 1, 1e-14);
    }
    free(counts);
}

/* Even freedoms have a closed form of their own: three sets of the same share but for one. */
static void test_quantiles_of_even_freedom_are_students(void **state) {
    (void)state;
    static const struct {
        size_t freedom;
        double quantile;
    } table[] = {{2, 4.30265}, {4, 2.77645}, {10, 2.22814}, {30, 2.04227}, {100, 1.98397}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t sets = table[i].freedom + 1;
        int64_t successes[101], trials[101];
        for (size_t k = 0; k < sets; k++) {
            successes[k] = k == 0 ? 100 : 0;
            trials[k] = 100;
        }
        /* p = 1 / sets and v = p (1 - p) / (sets - 1) */
        struct dam_interval got = dam_interval_shared(successes, trials, sets);
        double square = effective_trials(1 / (double)sets, got.high, 1);
        assert_near(sqrt((double)table[i].freedom / square), table[i].quantile, 1e-5);
    }
}

/* Student's 0.975 quantile for 2 degrees of freedom, in closed form. */
static double quantile_of_two(void) {
    return 0.95 * sqrt(2 / (4 * 0.975 * 0.025));
}

/* Shares 0.2, 0.4, 0.6 of 10, 20, 30 trials by hand: p = 28/60, residuals -2.6667, -1.3333, 4,
 * v = 3/2 (7.1111 + 1.7778 + 16) / 3600 = 0.0103704, so p (1 - p) / v = 24. */
static void test_effective_trials_follow_the_ratio_estimator(void **state) {
    (void)state;
    struct dam_interval got =
        dam_interval_shared((const int64_t[]){2, 8, 18}, (const int64_t[]){10, 20, 30}, 3);
    assert_near(effective_trials(28.0 / 60, got.low, quantile_of_two()), 24, 1e-9);
    assert_near(effective_trials(28.0 / 60, got.high, quantile_of_two()), 24, 1e-9);
}

static void test_effective_trials_never_exceed_the_trials(void **state) {
    (void)state;
    /* equal shares would have v = 0 */
    struct dam_interval got =
        dam_interval_shared((const int64_t[]){5, 5, 5}, (const int64_t[]){10, 10, 10}, 3);
    assert_near(effective_trials(0.5, got.low, quantile_of_two()), 30, 1e-9);
}

static void test_equal_ends_assume_a_design_effect_of_5_but_a_trial_a_set(void **state) {
    (void)state;
    const double normal = 1.959963984540054;
    const int64_t fifty[4] = {50, 50, 50, 50}, three[4] = {3, 3, 3, 3}, none[4] = {0, 0, 0, 0};
    struct dam_interval all = dam_interval_shared(fifty, fifty, 4);
    assert_int_equal(all.scope, DAM_INTERVAL_SETS);
    assert_true(all.high == 1);
    assert_near(effective_trials(1, all.low, normal), 40, 1e-9);
    struct dam_interval no = dam_interval_shared(none, fifty, 4);
    assert_true(no.low == 0);
    assert_near(no.high, 1 - all.low, 1e-14);
    struct dam_interval few = dam_interval_shared(three, three, 4);
    assert_near(effective_trials(1, few.low, normal), 4, 1e-9);
}

static uint64_t xorshift(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The share of 95 % intervals that hold the true share, for 20 sets of 50 starts. Polya's urn
 * gives beta-binomial sets: each start succeeds with (a + successes) / (a + b + starts so far),
 * the correlation of two starts of a set being 1 / (a + b + 1). */
static double coverage(double share, double correlation) {
    enum { STUDIES = 4000, SETS = 20, STARTS = 50 };
    double urn = 1 / correlation - 1;
    uint64_t random = UINT64_C(0x2016060416010116);
    int covered = 0;
    for (int study = 0; study < STUDIES; study++) {
        int64_t successes[SETS] = {0}, trials[SETS];
        for (int set = 0; set < SETS; set++) {
            trials[set] = STARTS;
            for (int start = 0; start < STARTS; start++) {
                double chance = (share * urn + (double)successes[set]) / (urn + start);
                successes[set] += ldexp((double)(xorshift(&random) >> 11), -53) < chance;
            }
        }
        struct dam_interval got = dam_interval_shared(successes, trials, SETS);
        covered += got.low <= share && share <= got.high;
    }
    return (double)covered / STUDIES;
}

/* A design effect of 1 + 49 0.08 = 4.92. Wilson's interval without it covers about 0.62. */
static void test_intervals_cover_correlated_starts(void **state) {
    (void)state;
    static const double shares[] = {0.5, 0.9, 0.1};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        double covered = coverage(shares[i], 0.08);
        if (!(covered >= 0.93 && covered <= 0.975)) {
            fail_msg("coverage %g at share %g", covered, shares[i]);
        }
    }
    assert_in_range((uintmax_t)(1000 * coverage(0.5, 1e-6)), 940, 980); /* independent starts */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_set_gives_wilsons_interval),
        cmocka_unit_test(test_no_trials_give_no_interval),
        cmocka_unit_test(test_sets_without_trials_are_ignored),
        cmocka_unit_test(test_quantiles_are_students),
        cmocka_unit_test(test_quantiles_of_even_freedom_are_students),
        cmocka_unit_test(test_effective_trials_follow_the_ratio_estimator),
        cmocka_unit_test(test_effective_trials_never_exceed_the_trials),
        cmocka_unit_test(test_equal_ends_assume_a_design_effect_of_5_but_a_trial_a_set),
        cmocka_unit_test(test_intervals_cover_correlated_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
