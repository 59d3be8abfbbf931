/* What retrieval needs of an energy: the differences of F around each overlap.
 *
 * An overlap h has the parity of N; flipping one spin makes it h + 2 or h - 2. With s the spin and
 * x the memory's bit, as +-1, the rule of retrieval.h asks for the sign of
 *     s D = sum_{x s = +1} [F(h) - F(h-2)] - sum_{x s = -1} [F(h+2) - F(h)]
 *         = sum_{x s = +1} span(h) - sum_mu rise(h),
 *     span(h) = F(h+2) - F(h-2),   rise(h) = F(h+2) - F(h).
 */
#ifndef DAM_ENGINE_ENERGY_TABLES_H
#define DAM_ENGINE_ENERGY_TABLES_H

#include <dam/energy.h>
#include <gmp.h>

/* span and rise are exact integers rounded toward zero to double: exact below 2^53, else with a
 * relative error below 2^-52. None overflows, nor does a sum of 2^63 of them: |F| <= 32768^60 =
 * 2^900. */
struct dam_energy_terms {
    _Alignas(32) double span; /* so that kernels may load one as a vector */
    double rise;
    double magnitude; /* |span| + |rise| */
    double zero;
};

struct dam_energy {
    enum dam_energy_form form;
    int power;                       /* n */
    int neurons;                     /* N */
    struct dam_energy_terms terms[]; /* [N + 1], of overlap h at (h + N) / 2 */
};

/* value = F(x), exactly; `value` is initialised by the caller. */
void dam_energy_value(const struct dam_energy *energy, int x, mpz_t value);

/* step = F(r + 1) - F(r - 1), exactly; |r| <= DAM_NEURONS_MAX. `step` is initialised by the
 * caller. */
void dam_energy_step(const struct dam_energy *energy, int r, mpz_t step);

#endif
