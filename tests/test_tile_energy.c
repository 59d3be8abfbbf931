/* An energy split into a polynomial and small integers gives back every difference of F. */
#include "engine/tile_energy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

/* F by its definition. Larger powers do not fit in the tables, and are not asked for. */
static int64_t energy_function(enum dam_energy_form form, int power, int64_t x) {
    int64_t value = 1;
    for (int i = 0; i < power; i++)
        value *= x;
    return x < 0 && form == DAM_ENERGY_RECTIFIED ? 0 : value;
}

static int64_t recombine(const struct dam_tile_split *split, int y) {
    int64_t rest = 0;
    for (int d = split->digits - 1; d >= 0; d--)
        rest = 256 * rest + split->table[d][(uint8_t)y % TILE_TABLE];
    return (int64_t)split->constant + (int64_t)split->linear * y + (int64_t)split->square * y * y +
           (int64_t)split->unit * rest + (int64_t)split->excess[(uint8_t)y];
}

static void check(enum dam_energy_form form, int power, int neurons) {
    struct dam_energy *energy;
    struct dam_tile_energy split;
    assert_int_equal(dam_energy_new(&energy, form, power, neurons, NULL), DAM_OK);
    assert_true(dam_tile_energy_split(&split, energy, 1000));
    assert_true(split.range >= 1 && split.range <= TILE_RANGE_MAX);
    for (int h = -neurons; h <= neurons; h += 2) {
        int y = (h - neurons % 2) / 2;
        int64_t below = energy_function(form, power, h - 2);
        int64_t here = energy_function(form, power, h);
        int64_t above = energy_function(form, power, h + 2);
        assert_int_equal(recombine(&split.span, y), above - below);
        assert_int_equal(recombine(&split.self, y), above - 2 * here + below);
        if (abs(y) <= split.range) {
            assert_true(split.span.excess[(uint8_t)y] == 0);
            assert_true(split.self.excess[(uint8_t)y] == 0);
        }
    }
    dam_energy_destroy(energy);
}

static void the_parts_add_up(void **state) {
    (void)state;
    for (int neurons = 1; neurons <= TILE_NEURONS_MAX; neurons += neurons < 70 ? 1 : 37)
        for (int power = 1; power <= 4; power++)
            for (int form = DAM_ENERGY_POWER; form <= DAM_ENERGY_RECTIFIED; form++)
                check((enum dam_energy_form)form, power, neurons);
    check(DAM_ENERGY_POWER, 5, 200);
    check(DAM_ENERGY_POWER, 6, 61);
}

/* What the couplings give needs no digits; few are needed where the paper's sweeps are. */
static void digits_are_few(void **state) {
    (void)state;
    static const struct {
        enum dam_energy_form form;
        int power, neurons, span, self;
    } expected[] = {
        {DAM_ENERGY_POWER, 1, 100, 0, 0},     {DAM_ENERGY_POWER, 2, 100, 0, 0},
        {DAM_ENERGY_POWER, 2, 255, 0, 0},     {DAM_ENERGY_POWER, 3, 100, 1, 0},
        {DAM_ENERGY_POWER, 4, 100, 2, 0},     {DAM_ENERGY_POWER, 4, 200, 2, 0},
        {DAM_ENERGY_RECTIFIED, 3, 100, 2, 1}, {DAM_ENERGY_RECTIFIED, 4, 100, 2, 2},
    };
    for (size_t e = 0; e < sizeof expected / sizeof expected[0]; e++) {
        struct dam_energy *energy;
        struct dam_tile_energy split;
        assert_int_equal(
            dam_energy_new(&energy, expected[e].form, expected[e].power, expected[e].neurons, NULL),
            DAM_OK);
        assert_true(dam_tile_energy_split(&split, energy, 2000));
        assert_int_equal(split.span.digits, expected[e].span);
        assert_int_equal(split.self.digits, expected[e].self);
        dam_energy_destroy(energy);
    }
}

static bool can(int power, int neurons, int64_t memories) {
    struct dam_energy *energy;
    struct dam_tile_energy split;
    assert_int_equal(dam_energy_new(&energy, DAM_ENERGY_POWER, power, neurons, NULL), DAM_OK);
    bool can = dam_tile_energy_split(&split, energy, memories);
    dam_energy_destroy(energy);
    return can;
}

/* Sums that a double would round, half overlaps that a byte does not hold. */
static void what_would_not_be_exact_is_refused(void **state) {
    (void)state;
    assert_true(can(4, 200, 1000000) && can(2, 255, 8388607));
    assert_false(can(2, 256, 10));
    assert_false(can(30, 100, 10));
    assert_false(can(2, 100, INT64_C(8388608)));
    /* 12 * 60^5 sums to 2^53 at a million memories. */
    assert_true(can(6, 60, 10000));
    assert_false(can(6, 60, 8000000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_add_up),
        cmocka_unit_test(digits_are_few),
        cmocka_unit_test(what_would_not_be_exact_is_refused),
    };
    return cmocka_run_group_tests_name("tile_energy", tests, NULL, NULL);
}
