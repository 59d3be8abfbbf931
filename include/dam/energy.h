/* The energy function F of a dense associative memory and its exact steps.
 *
 *     E(s) = - sum_mu F(h_mu),   h_mu = sum_i xi^mu_i s_i        (Krotov & Hopfield 2016, eq. 1)
 *
 * power:     F(x) = x^n
 * rectified: F(x) = x^n for x >= 0, 0 otherwise
 */
#ifndef DAM_ENERGY_H
#define DAM_ENERGY_H

#include <dam/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dam_energy_form { DAM_ENERGY_POWER, DAM_ENERGY_RECTIFIED };

/* The forms' names by their number, NULL at the end. */
extern const char *const dam_energy_form_names[];

enum {
    DAM_POWER_MAX = 60,     /* largest interaction vertex power n */
    DAM_NEURONS_MAX = 32766 /* largest N: overlaps and their neighbours fit in 16 bits */
};

/* F, n and N together with the tables retrieval needs. Immutable once made, so threads and any
 * number of networks may share one. */
struct dam_energy;

/* Make the energy of power n (1 .. DAM_POWER_MAX) for N neurons (1 .. DAM_NEURONS_MAX).
 * *energy is the caller's, to be freed with dam_energy_destroy. Fails with DAM_INPUT out of
 * range, DAM_MEMORY. */
enum dam_status dam_energy_new(struct dam_energy **energy, enum dam_energy_form form, int power,
                               int neurons, struct dam_error *error) DAM_CHECKED;

/* Free; NULL is allowed. */
void dam_energy_destroy(struct dam_energy *energy);

/* F(x) in double precision, rounded; for drawing and for small checks. */
double dam_energy_function(enum dam_energy_form form, int power, double x);

#ifdef __cplusplus
}
#endif

#endif
