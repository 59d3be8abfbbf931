#include "engine/energy_tables.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

const char *const dam_energy_form_names[] = {
    [DAM_ENERGY_POWER] = "power",
    [DAM_ENERGY_RECTIFIED] = "rectified",
    NULL,
};

void dam_energy_value(const struct dam_energy *energy, int x, mpz_t value) {
    if (x < 0 && energy->form == DAM_ENERGY_RECTIFIED) {
        mpz_set_ui(value, 0);
        return;
    }
    mpz_ui_pow_ui(value, (unsigned long)abs(x), (unsigned long)energy->power);
    if (x < 0 && energy->power % 2 != 0)
        mpz_neg(value, value);
}

void dam_energy_step(const struct dam_energy *energy, int r, mpz_t step) {
    mpz_t below;
    mpz_init(below);
    dam_energy_value(energy, r + 1, step);
    dam_energy_value(energy, r - 1, below);
    mpz_sub(step, step, below);
    mpz_clear(below);
}

static void fill_terms(struct dam_energy *energy) {
    int n = energy->neurons;
    mpz_t below, here, above, difference; /* F(h-2), F(h), F(h+2) */
    mpz_inits(below, here, above, difference, NULL);
    dam_energy_value(energy, -n - 2, below);
    dam_energy_value(energy, -n, here);
    for (int h = -n; h <= n; h += 2) {
        struct dam_energy_terms *terms = &energy->terms[(h + n) / 2];
        dam_energy_value(energy, h + 2, above);
        mpz_sub(difference, above, below);
        terms->span = mpz_get_d(difference);
        mpz_sub(difference, above, here);
        terms->rise = mpz_get_d(difference);
        terms->magnitude = fabs(terms->span) + fabs(terms->rise);
        terms->zero = 0;
        mpz_swap(below, here);
        mpz_swap(here, above);
    }
    mpz_clears(below, here, above, difference, NULL);
}

enum dam_status dam_energy_new(struct dam_energy **energy, enum dam_energy_form form, int power,
                               int neurons, struct dam_error *error) {
    assert(form == DAM_ENERGY_POWER || form == DAM_ENERGY_RECTIFIED);
    *energy = NULL;
    if (power < 1 || power > DAM_POWER_MAX)
        return dam_fail(error, DAM_INPUT, "n = %d is not an interaction power of 1 .. %d", power,
                        DAM_POWER_MAX);
    if (neurons < 1 || neurons > DAM_NEURONS_MAX)
        return dam_fail(error, DAM_INPUT, "N = %d is not a number of neurons of 1 .. %d", neurons,
                        DAM_NEURONS_MAX);
    size_t bytes = sizeof **energy + ((size_t)neurons + 1) * sizeof(struct dam_energy_terms);
    struct dam_energy *made = aligned_alloc(_Alignof(struct dam_energy), bytes);
    if (made == NULL)
        return dam_fail(error, DAM_MEMORY, "an energy of %d neurons needs %zu bytes", neurons,
                        bytes);
    *made = (struct dam_energy){.form = form, .power = power, .neurons = neurons};
    fill_terms(made);
    *energy = made;
    return DAM_OK;
}

void dam_energy_destroy(struct dam_energy *energy) {
    free(energy);
}

double dam_energy_function(enum dam_energy_form form, int power, double x) {
    double value = 1; /* by multiplication: the same digits on every CPU */
    if (x < 0 && form == DAM_ENERGY_RECTIFIED)
        return 0;
    for (int i = 0; i < power; i++)
        value *= x;
    return value;
}
