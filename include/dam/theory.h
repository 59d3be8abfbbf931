/* What theory says of a stored random memory (Krotov & Hopfield 2016, section 1).
 *
 * The energy gap of flipping spin i of a stored memory is
 *     [N^n - (N-2)^n] + sum_{mu = 2..K} x_mu [F(r_mu + 1) - F(r_mu - 1)],
 * r_mu a sum of N-1 random signs and x_mu a random sign; P_error is the probability that it is
 * negative. Every function takes n = 1 .. DAM_POWER_MAX, N = 1 .. DAM_NEURONS_MAX, K >= 1.
 * These functions use libm: their last digits may differ between CPUs and C libraries.
 */
#ifndef DAM_THEORY_H
#define DAM_THEORY_H

#include <dam/energy.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gaussian tail: Q(sqrt(c N^(n-1) / (K (2n-3)!!))), c = 1 power, 2 rectified (only positive
 * overlaps make noise), Q(x) = erfc(x / sqrt 2) / 2, (-1)!! = 1. */
double dam_theory_p_error_gaussian(enum dam_energy_form form, int power, int neurons,
                                   int64_t memories);

/* The leading term of the Gaussian tail for large argument, as the paper prints it:
 * sqrt((2n-3)!! / (2 pi c) K / N^(n-1)) exp(-c N^(n-1) / (2 K (2n-3)!!)). */
double dam_theory_p_error_asymptotic(enum dam_energy_form form, int power, int neurons,
                                     int64_t memories);

/* The exact probability of a strictly negative gap at finite N and K, by Fourier inversion on
 * the integer lattice of the gap: good to a relative 1e-9 however small it is (down to 1e-300).
 * 0 for K <= 2. Near capacity it takes about a millisecond.
 *
 * NaN where the gap, divided by the greatest common divisor of its values, passes 2^60, or the
 * inversion takes more than 2^22 terms, about 0.1 s (or memory runs out). The terms grow with N
 * and n and shrink with K: at N = 100 there is a result from about K = 3, 100, 200, 500, 10^4 on
 * for n = 3 .. 7 (rectified: 3, 200, 500, 500, 10^4); P_error is below 1e-20 there. */
double dam_theory_p_error_exact(enum dam_energy_form form, int power, int neurons,
                                int64_t memories);

/* alpha_n: K_max = alpha_n N^(n-1) keeps the Gaussian P_error below p_error, 0 < p_error < 1/2.
 * For p_error = 0.005, alpha_2 = 0.1507; the paper prints 0.14, the value for 0.0038. */
double dam_theory_alpha(enum dam_energy_form form, int power, double p_error);

/* The K at which the Gaussian P_error is p_error, 0 < p_error < 1/2: alpha_n N^(n-1), n >= 1. */
double dam_theory_k_unstable(enum dam_energy_form form, int power, int neurons, double p_error);

/* The K at which one memory keeps all its spins with the probability `level`, 0 < level < 1:
 * (1 - P_error)^N = level with the Gaussian P_error. NaN where that needs P_error >= 1/2. */
double dam_theory_k_retained(enum dam_energy_form form, int power, int neurons, double level);

/* K_max without errors (P_error < 1/N): c N^(n-1) / (2 (2n-3)!! ln N). Infinite for N = 1. */
double dam_theory_k_max(enum dam_energy_form form, int power, int neurons);

#ifdef __cplusplus
}
#endif

#endif
