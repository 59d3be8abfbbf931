/* The closed forms of the stability of a stored random memory; the exact one is in lattice.c.
 *
 * All follow from the signal-to-noise ratio x of the energy gap: its mean 2 n N^(n-1) against the
 * standard deviation 2 n sqrt((2n-3)!! K N^(n-1)), whose square is halved where only positive
 * overlaps make noise.
 */
#include <dam/theory.h>

#include <assert.h>
#include <math.h>

/* The square of x per memory and power N^(n-1): c / (2n-3)!!. Its smallest value is 1e-95. */
static double signal_to_noise(enum dam_energy_form form, int power) {
    assert(power >= 1 && power <= DAM_POWER_MAX);
    double double_factorial = 1;
    for (int factor = 3; factor <= 2 * power - 3; factor += 2) {
        double_factorial *= factor;
    }
    return (form == DAM_ENERGY_RECTIFIED ? 2 : 1) / double_factorial;
}

/* N^(n-1), at most 3e266. */
static double capacity_scale(int power, int neurons) {
    assert(neurons >= 1 && neurons <= DAM_NEURONS_MAX);
    return pow(neurons, power - 1);
}

static double gap_signal_to_noise(enum dam_energy_form form, int power, int neurons,
                                  int64_t memories) {
    assert(memories >= 1);
    return signal_to_noise(form, power) * capacity_scale(power, neurons) / (double)memories;
}

double dam_theory_p_error_gaussian(enum dam_energy_form form, int power, int neurons,
                                   int64_t memories) {
    return erfc(sqrt(gap_signal_to_noise(form, power, neurons, memories) / 2)) / 2;
}

double dam_theory_p_error_asymptotic(enum dam_energy_form form, int power, int neurons,
                                     int64_t memories) {
    double square = gap_signal_to_noise(form, power, neurons, memories);
    return exp(-square / 2) / sqrt(2 * M_PI * square);
}

/* The x with Q(x) = p, 0 < p < 1/2, by bisection down to neighbouring doubles. Near p = 1/2 the
 * body erf = 1 - 2 p is compared instead of the tail, which would lose the digits of a small x. */
static double gaussian_quantile(double p) {
    double low = 0, high = 40; /* Q(40) is less than the smallest double */
    for (;;) {
        double middle = (low + high) / 2;
        if (middle == low || middle == high) {
            return middle;
        }
        double x = middle * M_SQRT1_2;
        if (p > 0.25 ? erf(x) < 1 - 2 * p : erfc(x) > 2 * p) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

double dam_theory_alpha(enum dam_energy_form form, int power, double p_error) {
    assert(p_error > 0 && p_error < 0.5);
    double x = gaussian_quantile(p_error);
    return signal_to_noise(form, power) / (x * x);
}

double dam_theory_k_unstable(enum dam_energy_form form, int power, int neurons, double p_error) {
    return dam_theory_alpha(form, power, p_error) * capacity_scale(power, neurons);
}

double dam_theory_k_retained(enum dam_energy_form form, int power, int neurons, double level) {
    assert(level > 0 && level < 1);
    double p_error = -expm1(log(level) / neurons);
    return p_error < 0.5 ? dam_theory_k_unstable(form, power, neurons, p_error) : NAN;
}

double dam_theory_k_max(enum dam_energy_form form, int power, int neurons) {
    double scale = signal_to_noise(form, power) * capacity_scale(power, neurons);
    return neurons == 1 ? INFINITY : scale / (2 * log(neurons));
}
