/* The theory of a stored random memory against the paper's figures and brute force. */
#include <dam/theory.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const enum dam_energy_form POWER = DAM_ENERGY_POWER;
static const enum dam_energy_form RECTIFIED = DAM_ENERGY_RECTIFIED;

static void assert_close(double got, double expected, double relative) {
    if (!(fabs(got - expected) <= relative * fabs(expected))) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

/* A figure printed with so many significant digits. */
static void assert_prints(double got, const char *expected, int digits) {
    char text[64];
    snprintf(text, sizeof text, "%.*g", digits, got);
    assert_string_equal(text, expected);
}

static void test_closed_forms_give_the_published_figures(void **state) {
    (void)state;
    assert_prints(dam_theory_p_error_gaussian(POWER, 2, 100, 14), "0.00376", 3);
    assert_prints(dam_theory_p_error_asymptotic(POWER, 2, 100, 14), "0.0042", 3);
    assert_prints(dam_theory_p_error_gaussian(POWER, 3, 100, 2000), "0.0984", 3);
    assert_prints(dam_theory_p_error_asymptotic(POWER, 3, 100, 2000), "0.134", 3);
    assert_prints(dam_theory_p_error_gaussian(POWER, 4, 50, 1250), "0.00491", 3);
    assert_prints(dam_theory_p_error_asymptotic(POWER, 4, 50, 1250), "0.00551", 3);
    assert_prints(dam_theory_k_max(POWER, 2, 100), "10.86", 4);
    assert_prints(dam_theory_k_max(POWER, 3, 100), "361.9", 4);
    assert_prints(dam_theory_k_max(POWER, 4, 100), "7238", 4);
    assert_prints(dam_theory_k_max(POWER, 5, 100), "103403", 6);
}

static void test_exact_gives_the_published_figures(void **state) {
    (void)state;
    assert_prints(dam_theory_p_error_exact(POWER, 2, 100, 14), "0.00265", 3);
    assert_prints(dam_theory_p_error_exact(POWER, 3, 100, 2000), "0.09996", 4);
    assert_prints(dam_theory_p_error_exact(RECTIFIED, 3, 100, 2000), "0.03499", 4);
    assert_prints(dam_theory_p_error_exact(POWER, 4, 50, 1250), "0.00558", 3);
}

/* Half the noise: the rectified energy stores twice as much at the same error. */
static void test_rectified_closed_forms_store_twice_as_much(void **state) {
    (void)state;
    for (int power = 1; power <= 8; power++) {
        assert_close(dam_theory_p_error_gaussian(RECTIFIED, power, 50, 2 * 300),
                     dam_theory_p_error_gaussian(POWER, power, 50, 300), 1e-14);
        assert_close(dam_theory_p_error_asymptotic(RECTIFIED, power, 50, 2 * 300),
                     dam_theory_p_error_asymptotic(POWER, power, 50, 300), 1e-14);
        assert_close(dam_theory_alpha(RECTIFIED, power, 0.01),
                     2 * dam_theory_alpha(POWER, power, 0.01), 1e-14);
        assert_close(dam_theory_k_max(RECTIFIED, power, 50), 2 * dam_theory_k_max(POWER, power, 50),
                     1e-14);
    }
}

/* Mills: Q(x) lies between its leading term times 1 - 1/x^2 and times 1. Here x^2 = 1000 / K. */
static void test_asymptotic_is_the_leading_term_of_the_gaussian_tail(void **state) {
    (void)state;
    for (int64_t memories = 5; memories <= 500; memories++) {
        double ratio = dam_theory_p_error_gaussian(POWER, 2, 1000, memories) /
                       dam_theory_p_error_asymptotic(POWER, 2, 1000, memories);
        assert_true(ratio < 1);
        assert_true(ratio > 1 - (double)memories / 1000);
    }
}

/* alpha_n = c / ((2n-3)!! x^2) with the tabulated normal quantile x. */
static void test_alpha_agrees_with_normal_quantiles(void **state) {
    (void)state;
    static const struct {
        double p_error, quantile;
    } table[] = {{0.4, 0.2533471031357998},
                 {0.1, 1.2815515655446004},
                 {0.005, 2.5758293035489004},
                 {1e-9, 5.9978070150076865},
                 {1e-20, 9.2623400897985}};
    static const double double_factorial[] = {1, 1, 1, 3, 15, 105, 945};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int power = 1; power <= 6; power++) {
            double square = table[i].quantile * table[i].quantile;
            assert_close(dam_theory_alpha(POWER, power, table[i].p_error),
                         1 / (double_factorial[power] * square), 1e-13);
        }
    }
    assert_prints(dam_theory_alpha(POWER, 2, 0.005), "0.1507", 4);
    /* Q(x) = 1/2 - x / sqrt(2 pi) near 0: a small x keeps its digits */
    assert_close(dam_theory_alpha(POWER, 2, 0.5 - 0x1p-30), 0x1p60 / (2 * M_PI), 1e-14);
}

static void test_closed_forms_hold_at_the_ends_of_their_ranges(void **state) {
    (void)state;
    assert_true(isinf(dam_theory_k_max(POWER, 2, 1)));
    assert_true(isfinite(dam_theory_k_max(RECTIFIED, DAM_POWER_MAX, DAM_NEURONS_MAX)));
    assert_true(dam_theory_p_error_gaussian(POWER, DAM_POWER_MAX, DAM_NEURONS_MAX, 1) == 0);
    assert_true(dam_theory_p_error_asymptotic(POWER, DAM_POWER_MAX, DAM_NEURONS_MAX, 1) == 0);
    assert_close(dam_theory_p_error_gaussian(POWER, DAM_POWER_MAX, 1, INT64_MAX), 0.5, 1e-9);
    assert_true(isfinite(dam_theory_alpha(POWER, DAM_POWER_MAX, 1e-300)));
}

/* F(x) for |x|^n below 2^63. */
static int64_t energy(enum dam_energy_form form, int power, int64_t x) {
    int64_t result = form == RECTIFIED && x < 0 ? 0 : 1;
    for (int i = 0; i < power; i++) {
        result *= x;
    }
    return result;
}

/* One term of the gap, F(r+1) - F(r-1) times a sign, and in how many of 2^N ways it comes. */
struct noise {
    int64_t value;
    uint64_t ways;
};

/* All 2 N terms, for N < 64. */
static size_t list_noise(struct noise *noise, enum dam_energy_form form, int power, int neurons) {
    size_t count = 0;
    uint64_t binomial = 1;
    for (int up = 0; up < neurons; up++) {
        int64_t r = 2 * up - (neurons - 1);
        int64_t value = energy(form, power, r + 1) - energy(form, power, r - 1);
        noise[count++] = (struct noise){value, binomial};
        noise[count++] = (struct noise){-value, binomial};
        binomial = binomial * (uint64_t)(neurons - 1 - up) / (uint64_t)(up + 1);
    }
    return count;
}

/* In how many ways `draws` more terms make the gap negative (sign -1) or zero (sign 0). */
static uint64_t count_ways(const struct noise *noise, size_t count, int draws, int64_t gap,
                           int sign) {
    if (draws == 0) {
        return sign == 0 ? gap == 0 : gap < 0;
    }
    uint64_t ways = 0;
    for (size_t i = 0; i < count; i++) {
        ways += noise[i].ways * count_ways(noise, count, draws - 1, gap + noise[i].value, sign);
    }
    return ways;
}

static void test_exact_counts_all_ways_of_a_small_network(void **state) {
    (void)state;
    uint64_t ties = 0;
    for (enum dam_energy_form form = POWER; form <= RECTIFIED; form++) {
        for (int power = 1; power <= 7; power++) {
            for (int neurons = 1; neurons <= (power <= 5 ? 8 : 6); neurons++) {
                struct noise noise[16];
                size_t count = list_noise(noise, form, power, neurons);
                int64_t gap = energy(form, power, neurons) - energy(form, power, neurons - 2);
                for (int draws = 0; draws <= (neurons <= 5 ? 5 : 4); draws++) {
                    uint64_t ways = count_ways(noise, count, draws, gap, -1);
                    double got = dam_theory_p_error_exact(form, power, neurons, draws + 1);
                    assert_close(got, ldexp((double)ways, -neurons * draws), 1e-12);
                    ties += neurons <= 4 ? count_ways(noise, count, draws, gap, 0) : 0;
                }
            }
        }
    }
    assert_true(ties > 0); /* or nothing tells a negative gap from one that is not positive */
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
    return b == 0 ? llabs(a) : greatest_common_divisor(b, a % b);
}

/* Compare for every K = 1 .. memories with the convolution of K - 1 dense distributions. All its
 * terms are positive, so it is right to rounding in the far tail too. */
static void check_against_convolution(enum dam_energy_form form, int power, int neurons,
                                      int memories) {
    struct noise noise[256];
    size_t count = list_noise(noise, form, power, neurons);
    int64_t gap = energy(form, power, neurons) - energy(form, power, neurons - 2), unit = gap;
    for (size_t i = 0; i < count; i++) {
        unit = greatest_common_divisor(unit, noise[i].value);
    }
    int64_t reach = gap / unit; /* of one term; that of all is the array's half width */
    int64_t half = reach * (memories - 1);
    size_t size = (size_t)(2 * half + 1);
    double *sum = calloc(size, sizeof *sum), *next = calloc(size, sizeof *next);
    assert_non_null(sum);
    assert_non_null(next);
    sum[half] = 1;
    for (int draws = 0; draws < memories; draws++) {
        double negative = 0;
        for (int64_t s = -half; s < -reach; s++) {
            negative += sum[half + s];
        }
        double got = dam_theory_p_error_exact(form, power, neurons, draws + 1);
        assert_close(got, negative, 1e-10);
        memset(next, 0, size * sizeof *next);
        for (size_t i = 0; i < count && draws + 1 < memories; i++) {
            double weight = ldexp((double)noise[i].ways, -neurons);
            int64_t shift = noise[i].value / unit;
            for (int64_t s = half - draws * reach; s <= half + draws * reach; s++) {
                next[s + shift] += weight * sum[s];
            }
        }
        double *swap = sum;
        sum = next;
        next = swap;
    }
    free(sum);
    free(next);
}

static void test_exact_agrees_with_convolution_for_every_number_of_memories(void **state) {
    (void)state;
    check_against_convolution(POWER, 1, 10, 200);
    check_against_convolution(POWER, 2, 31, 150);
    check_against_convolution(RECTIFIED, 2, 30, 150);
    check_against_convolution(POWER, 3, 20, 100); /* leaps from about K = 30 on */
    check_against_convolution(RECTIFIED, 3, 15, 100);
    check_against_convolution(POWER, 4, 13, 60);
    check_against_convolution(RECTIFIED, 4, 8, 40);
    check_against_convolution(POWER, 5, 8, 60);
    check_against_convolution(POWER, 7, 6, 30);
    check_against_convolution(POWER, 60, 2, 80); /* values 0 and 2^60 */
}

static void test_exact_keeps_its_digits_in_far_tails(void **state) {
    (void)state;
    assert_true(dam_theory_p_error_exact(POWER, 2, 63, 3) < 1e-7);
    check_against_convolution(POWER, 2, 63, 8);
    assert_true(dam_theory_p_error_exact(POWER, 3, 60, 3) < 1e-15);
    check_against_convolution(POWER, 3, 60, 6);
    check_against_convolution(RECTIFIED, 3, 60, 5);
    assert_true(dam_theory_p_error_exact(POWER, 4, 40, 3) < 1e-11);
    check_against_convolution(POWER, 4, 40, 4);
    /* K = 3, n = 2: the gap is 4 (N - 1) and S = 4 (r1 + r2), 4 times 398 random signs */
    double tail = 0;
    for (int minus = 0; 398 - 2 * minus > 199; minus++) {
        tail += exp(lgamma(399) - lgamma(minus + 1) - lgamma(399 - minus) - 398 * M_LN2);
    }
    assert_true(tail < 1e-20);
    assert_close(dam_theory_p_error_exact(POWER, 2, 200, 3), tail, 1e-9);
}

/* For n = 2 and K = 10^9 the lattice sum is Gaussian to a relative 1e-9 / x^2, with the gap's
 * threshold half a step beyond: r sums to -101 or less, of step 2 and variance 99 (K - 1). */
static void test_exact_tends_to_the_gaussian_for_many_memories(void **state) {
    (void)state;
    double x = 100 / sqrt(99 * (1e9 - 1));
    assert_close(dam_theory_p_error_exact(POWER, 2, 100, 1000000000), erfc(x * M_SQRT1_2) / 2,
                 1e-11);
    assert_close(dam_theory_p_error_exact(POWER, 3, 1000, 100000),
                 dam_theory_p_error_gaussian(POWER, 3, 1000, 100000), 5e-3);
}

static uint64_t split_mix(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* The energy of a memory and of the same with one spin flipped, for drawn memories. */
static void check_against_simulation(enum dam_energy_form form, int power, int neurons,
                                     int memories) {
    enum { SAMPLES = 100000 };
    uint64_t random = 20160604, mask = (UINT64_C(1) << neurons) - 1;
    int unstable = 0;
    for (int sample = 0; sample < SAMPLES; sample++) {
        uint64_t memory = split_mix(&random);
        int64_t gap = energy(form, power, neurons) - energy(form, power, neurons - 2);
        for (int mu = 1; mu < memories; mu++) {
            uint64_t other = split_mix(&random);
            int64_t before = neurons - 2 * __builtin_popcountll((memory ^ other) & mask);
            int64_t after = neurons - 2 * __builtin_popcountll((memory ^ other ^ 1) & mask);
            gap += energy(form, power, before) - energy(form, power, after);
        }
        unstable += gap < 0;
    }
    double exact = dam_theory_p_error_exact(form, power, neurons, memories);
    double error = sqrt(exact * (1 - exact) / SAMPLES);
    assert_true(fabs((double)unstable / SAMPLES - exact) < 4 * error);
}

static void test_exact_agrees_with_simulated_memories(void **state) {
    (void)state;
    check_against_simulation(POWER, 3, 21, 60);
    check_against_simulation(RECTIFIED, 3, 21, 60);
    check_against_simulation(POWER, 4, 12, 60);
}

static void test_exact_is_zero_or_nan_where_documented(void **state) {
    (void)state;
    assert_true(dam_theory_p_error_exact(POWER, 60, 4096, 1) == 0);
    assert_true(dam_theory_p_error_exact(RECTIFIED, 60, DAM_NEURONS_MAX, 2) == 0);
    assert_true(dam_theory_p_error_exact(POWER, 2, 1, 100) == 0); /* a lone spin has no energy */
    assert_true(isnan(dam_theory_p_error_exact(POWER, 10, 4096, 1000000))); /* values past 2^60 */
    assert_true(isnan(dam_theory_p_error_exact(POWER, 4, 100, 10)));        /* terms past 2^22 */
    assert_true(isnan(dam_theory_p_error_exact(POWER, 60, DAM_NEURONS_MAX, INT64_MAX)));
    assert_false(isnan(dam_theory_p_error_exact(POWER, 2, DAM_NEURONS_MAX, 1000000)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_forms_give_the_published_figures),
        cmocka_unit_test(test_exact_gives_the_published_figures),
        cmocka_unit_test(test_rectified_closed_forms_store_twice_as_much),
        cmocka_unit_test(test_asymptotic_is_the_leading_term_of_the_gaussian_tail),
        cmocka_unit_test(test_alpha_agrees_with_normal_quantiles),
        cmocka_unit_test(test_closed_forms_hold_at_the_ends_of_their_ranges),
        cmocka_unit_test(test_exact_counts_all_ways_of_a_small_network),
        cmocka_unit_test(test_exact_agrees_with_convolution_for_every_number_of_memories),
        cmocka_unit_test(test_exact_keeps_its_digits_in_far_tails),
        cmocka_unit_test(test_exact_tends_to_the_gaussian_for_many_memories),
        cmocka_unit_test(test_exact_agrees_with_simulated_memories),
        cmocka_unit_test(test_exact_is_zero_or_nan_where_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
