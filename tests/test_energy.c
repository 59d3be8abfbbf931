#include "engine/energy_tables.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct dam_energy *make(enum dam_energy_form form, int power, int neurons) {
    struct dam_energy *energy;
    struct dam_error error;
    assert_int_equal(dam_energy_new(&energy, form, power, neurons, &error), DAM_OK);
    return energy;
}

/* Small powers, worked out by hand: (h+2)^n - (h-2)^n and (h+2)^n - h^n. */
static void terms_of_small_powers_are_the_textbook_polynomials(void **state) {
    (void)state;
    for (int neurons = 1; neurons <= 201; neurons += 25) {
        struct dam_energy *energies[5] = {NULL};
        for (int power = 1; power <= 4; power++)
            energies[power] = make(DAM_ENERGY_POWER, power, neurons);
        for (int b = 0; b <= neurons; b++) {
            double h = 2.0 * b - neurons;
            const double span[5] = {0, 4, 8 * h, 12 * h * h + 16, 16 * h * h * h + 64 * h};
            const double rise[5] = {0, 2, 4 * h + 4, 6 * h * h + 12 * h + 8,
                                    8 * h * h * h + 24 * h * h + 32 * h + 16};
            for (int power = 1; power <= 4; power++) {
                const struct dam_energy_terms *terms = &energies[power]->terms[b];
                assert_true(terms->span == span[power] && terms->rise == rise[power]);
                assert_true(terms->magnitude == fabs(span[power]) + fabs(rise[power]));
            }
        }
        for (int power = 1; power <= 4; power++)
            dam_energy_destroy(energies[power]);
    }
}

/* F(h+2) - F(h) for h >= 0 by the binomial theorem: no large powers cancel. */
static void binomial_rise(mpz_t rise, int power, int h) {
    mpz_t term, factor;
    mpz_inits(term, factor, NULL);
    mpz_set_ui(rise, 0);
    for (int k = 1; k <= power; k++) {
        mpz_bin_uiui(term, (unsigned long)power, (unsigned long)k);
        mpz_mul_2exp(term, term, (unsigned long)k);
        for (int i = 0; i < power - k; i++)
            mpz_mul_ui(term, term, (unsigned long)h);
        mpz_add(rise, rise, term);
    }
    mpz_clears(term, factor, NULL);
}

/* |value - exact| < 2^-52 |exact|, without rounding; equal where exact is below 2^53. */
static bool is_rounded(double value, const mpz_t exact) {
    mpq_t error, limit;
    mpq_inits(error, limit, NULL);
    mpq_set_z(limit, exact);
    mpq_set_d(error, value);
    mpq_sub(error, error, limit);
    bool right;
    if (mpz_sizeinbase(exact, 2) <= 53) {
        right = mpq_sgn(error) == 0;
    } else {
        mpq_abs(error, error);
        mpq_abs(limit, limit);
        mpq_div_2exp(limit, limit, 52);
        right = mpq_cmp(error, limit) < 0;
    }
    mpq_clears(error, limit, NULL);
    return right;
}

static void terms_are_the_rounded_exact_differences(void **state) {
    (void)state;
    static const int powers[] = {1, 2, 3, 5, 7, 10, 30, 59, 60};
    static const int sizes[] = {1, 2, 7, 100, 101, 4096};
    mpz_t rise;
    mpz_init(rise);
    for (size_t p = 0; p < sizeof powers / sizeof powers[0]; p++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            int neurons = sizes[i], power = powers[p];
            struct dam_energy *full = make(DAM_ENERGY_POWER, power, neurons);
            struct dam_energy *half = make(DAM_ENERGY_RECTIFIED, power, neurons);
            for (int b = (neurons + 1) / 2; b <= neurons; b += 1 + b / 64) {
                int h = 2 * b - neurons;
                binomial_rise(rise, power, h);
                assert_true(is_rounded(full->terms[b].rise, rise));
                assert_true(is_rounded(half->terms[b].rise, rise));
                if (h < 2)
                    continue;
                /* F(-h+2) - F(-h) = -(-1)^n (F(h) - F(h-2)), or nothing below zero. */
                binomial_rise(rise, power, h - 2);
                if (power % 2 == 0)
                    mpz_neg(rise, rise);
                assert_true(is_rounded(full->terms[neurons - b].rise, rise));
                assert_true(half->terms[neurons - b].rise == 0);
            }
            dam_energy_destroy(full);
            dam_energy_destroy(half);
        }
    }
    mpz_clear(rise);
}

/* Of 2^63 memories, at the largest n and N. */
static void sums_of_the_largest_terms_do_not_overflow(void **state) {
    (void)state;
    struct dam_energy *energy = make(DAM_ENERGY_POWER, DAM_POWER_MAX, DAM_NEURONS_MAX);
    for (int b = 0; b <= DAM_NEURONS_MAX; b += DAM_NEURONS_MAX) {
        assert_true(energy->terms[b].magnitude > 0x1p890);
        assert_true(energy->terms[b].magnitude < DBL_MAX / 0x1p80);
    }
    dam_energy_destroy(energy);
}

/* The steps that settle what doubles cannot, at both ends and around zero. */
static void exact_steps_are_differences_of_f(void **state) {
    (void)state;
    struct dam_energy *cube = make(DAM_ENERGY_POWER, 3, 5);
    struct dam_energy *square = make(DAM_ENERGY_RECTIFIED, 2, 5);
    struct dam_energy *line = make(DAM_ENERGY_RECTIFIED, 1, 5);
    static const struct {
        int r, cube, square, line;
    } known[] = {{-6, 218, 0, 0}, {-1, 8, 0, 0}, {0, 2, 1, 1}, {1, 8, 4, 2}, {4, 98, 16, 2}};
    mpz_t step;
    mpz_init(step);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        dam_energy_step(cube, known[i].r, step);
        assert_int_equal(mpz_get_si(step), known[i].cube);
        dam_energy_step(square, known[i].r, step);
        assert_int_equal(mpz_get_si(step), known[i].square);
        dam_energy_step(line, known[i].r, step);
        assert_int_equal(mpz_get_si(step), known[i].line);
    }
    mpz_clear(step);
    dam_energy_destroy(cube);
    dam_energy_destroy(square);
    dam_energy_destroy(line);
}

static void function_values(void **state) {
    (void)state;
    assert_true(dam_energy_function(DAM_ENERGY_POWER, 3, -2) == -8);
    assert_true(dam_energy_function(DAM_ENERGY_POWER, 4, -2) == 16);
    assert_true(dam_energy_function(DAM_ENERGY_RECTIFIED, 4, -2) == 0);
    assert_true(dam_energy_function(DAM_ENERGY_RECTIFIED, 4, 2) == 16);
    assert_true(dam_energy_function(DAM_ENERGY_RECTIFIED, 1, 0) == 0);
    assert_true(dam_energy_function(DAM_ENERGY_POWER, 2, 0.5) == 0.25);
}

static void refuses_what_is_out_of_range(void **state) {
    (void)state;
    static const int bad[][2] = {{0, 10}, {-1, 10}, {DAM_POWER_MAX + 1, 10},
                                 {2, 0},  {2, -5},  {2, DAM_NEURONS_MAX + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dam_energy *energy = (struct dam_energy *)&energy;
        struct dam_error error;
        assert_int_equal(dam_energy_new(&energy, DAM_ENERGY_POWER, bad[i][0], bad[i][1], &error),
                         DAM_INPUT);
        assert_null(energy);
        assert_non_null(strstr(error.text, i < 3 ? "n = " : "N = "));
    }
    dam_energy_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_of_small_powers_are_the_textbook_polynomials),
        cmocka_unit_test(terms_are_the_rounded_exact_differences),
        cmocka_unit_test(sums_of_the_largest_terms_do_not_overflow),
        cmocka_unit_test(exact_steps_are_differences_of_f),
        cmocka_unit_test(function_values),
        cmocka_unit_test(refuses_what_is_out_of_range),
    };
    return cmocka_run_group_tests_name("energy", tests, NULL, NULL);
}
