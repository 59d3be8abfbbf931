/* Carry-save counting of bits (Harley and Seal), for vectors of DAM_COUNT_BYTES bytes: a kernel
 * defines that before it includes this, and is compiled with instructions for such vectors.
 */
#ifndef DAM_ENGINE_KERNELS_COUNT_H
#define DAM_ENGINE_KERNELS_COUNT_H

#include <dam/energy.h>
#include <stddef.h>
#include <stdint.h>

#ifndef DAM_COUNT_BYTES
#define DAM_COUNT_BYTES 16
#endif

enum { PLANES = 15 }; /* binary digits of a count up to DAM_NEURONS_MAX */
_Static_assert(DAM_NEURONS_MAX < 1 << PLANES, "a count of neurons fits in the planes");

typedef uint64_t dam_count_bits __attribute__((vector_size(DAM_COUNT_BYTES), may_alias));

/* Bit by bit, a + b + *sum = *sum + 2 * the result. */
static inline dam_count_bits dam_count_carry(dam_count_bits *sum, dam_count_bits a,
                                             dam_count_bits b) {
    dam_count_bits either = *sum ^ a, both = *sum & a;
    *sum = either ^ b;
    return both | (either & b);
}

/* Add bits of weight 2^from to the counts. */
static inline void dam_count_ripple(dam_count_bits planes[PLANES], int from, int digits,
                                    dam_count_bits bits) {
    for (int p = from; p < digits; p++) {
        dam_count_bits both = planes[p] & bits;
        planes[p] ^= bits;
        bits = both;
    }
}

/* The memories of a vector that agree with neuron's spin. */
static inline dam_count_bits dam_count_row(const uint64_t *line, size_t words, const int8_t *spins,
                                           int neuron) {
    uint64_t inverted = spins[neuron] > 0 ? 0 : UINT64_MAX;
    return *(const dam_count_bits *)(line + (size_t)neuron * words) ^ inverted;
}

/* Count for the memories of a vector of words in how many neurons spin and memory agree: plane p
 * holds digit p of each count. */
static inline void dam_count_agreements(dam_count_bits planes[PLANES], int digits,
                                        const uint64_t *line, size_t words, const int8_t *spins,
                                        int neurons) {
    for (int p = 0; p < PLANES; p++)
        planes[p] = (dam_count_bits){0};
    dam_count_bits ones = planes[0], twos = planes[1], fours = planes[2];
    int i = 0;
    for (; i + 7 < neurons; i += 8) {
#define ROW(j) dam_count_row(line, words, spins, i + (j))
        dam_count_bits twos_a = dam_count_carry(&ones, ROW(0), ROW(1));
        dam_count_bits twos_b = dam_count_carry(&ones, ROW(2), ROW(3));
        dam_count_bits fours_a = dam_count_carry(&twos, twos_a, twos_b);
        twos_a = dam_count_carry(&ones, ROW(4), ROW(5));
        twos_b = dam_count_carry(&ones, ROW(6), ROW(7));
#undef ROW
        dam_count_bits fours_b = dam_count_carry(&twos, twos_a, twos_b);
        dam_count_ripple(planes, 3, digits, dam_count_carry(&fours, fours_a, fours_b));
    }
    planes[0] = ones;
    planes[1] = twos;
    planes[2] = fours;
    for (; i < neurons; i++)
        dam_count_ripple(planes, 0, digits, dam_count_row(line, words, spins, i));
}

#endif
