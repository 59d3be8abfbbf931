/* An energy as small integers, for the algorithm of tiles.h.
 *
 * With the half overlap y = (h - p) / 2, p the parity of N, retrieval asks of each memory for
 *     span(y) = F(h+2) - F(h-2)           and   self(y) = F(h+2) + F(h-2) - 2 F(h),
 * and flips spin s_i where s_i sum_mu x_i span(y_mu) < sum_mu self(y_mu). Both are split, exactly,
 * into a polynomial, whose sums over the memories follow from the couplings
 * J_ij = sum_mu xi_i xi_j alone, and a rest that is a small integer times a unit:
 *     span(y) = constant + linear y + unit t(y),
 *     self(y) = constant + linear y + square y^2 + unit t(y),   0 <= t(y) < 256^digits.
 * For F = x^2 no rest is left, for x^3 and x^4 none in self. Tables hold the digits of t for
 * |y| <= range; overlaps further out are rare, and `excess` is what the split lacks there.
 *
 * A state holds y modulo 256, and a table is read at y modulo TILE_TABLE.
 */
#ifndef DAM_ENGINE_TILE_ENERGY_H
#define DAM_ENGINE_TILE_ENERGY_H

#include <dam/energy.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TILE_TABLE = 64,
    TILE_RANGE_MAX = 31,
    TILE_DIGITS_MAX = 3,
    TILE_NEURONS_MAX = 255 /* half overlaps are distinct modulo 256 */
};

struct dam_tile_split {
    _Alignas(
        64) uint8_t table[TILE_DIGITS_MAX][TILE_TABLE]; /* digits of t by y modulo TILE_TABLE */
    int digits;                                         /* 0 .. TILE_DIGITS_MAX */
    double constant, linear, square, unit;              /* integers */
    double excess[256]; /* true value minus split, by y modulo 256; 0 for |y| <= range */
};

struct dam_tile_energy {
    struct dam_tile_split span, self;
    int range;  /* 1 .. TILE_RANGE_MAX */
    int parity; /* p */
};

/* False for sizes at which no energy of this power can be split. */
bool dam_tile_energy_may_split(int power, int neurons, int64_t memories);

/* Split an energy. False where it cannot be done so that every sum over `memories` memories is an
 * integer below 2^53, exact in double, and every sum of digits one below 2^31. */
bool dam_tile_energy_split(struct dam_tile_energy *split, const struct dam_energy *energy,
                           int64_t memories);

#endif
