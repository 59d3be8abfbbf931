/* The kernel for any CPU: vectors of two doubles, which every 64-bit CPU adds in one instruction.
 */
#include "engine/kernels/kernel.h"

#include <string.h>

enum {
    BLOCK = 64, /* memories of one word of a row */
    LINE = 8,   /* words of a cache line; rows are padded to whole ones */
    PLANES = 15 /* binary digits of a count up to DAM_NEURONS_MAX */
};
_Static_assert(DAM_NEURONS_MAX < 1 << PLANES, "a count of neurons fits in the planes");

typedef double reals2 __attribute__((vector_size(16), may_alias));
typedef int64_t lanes2 __attribute__((vector_size(16), may_alias));
typedef int16_t shorts8 __attribute__((vector_size(16), may_alias));

/* Count for the 512 memories of a line of words in how many neurons spin and memory agree: plane p
 * holds digit p of each count, and a row is added to them as by hand, with carries. Returns the
 * number of digits in use. */
static int count_agreements(uint64_t planes[PLANES][LINE], const uint64_t *line, size_t words,
                            const int8_t *spins, int neurons) {
    memset(planes, 0, PLANES * sizeof planes[0]);
    int digits = 0;
    for (int i = 0; i < neurons; i++, line += words) {
        uint64_t carry[LINE];
        uint64_t inverted = spins[i] > 0 ? 0 : UINT64_MAX;
        for (int w = 0; w < LINE; w++)
            carry[w] = line[w] ^ inverted;
        digits += (i + 1) >> digits; /* 1 where i + 1 reaches 2^digits, else 0 */
        for (int p = 0; p < digits; p++) {
            for (int w = 0; w < LINE; w++) {
                uint64_t both = planes[p][w] & carry[w];
                planes[p][w] ^= carry[w];
                carry[w] = both;
            }
        }
    }
    return digits;
}

/* The lowest eight bits, each as a lane of all ones or none. */
static inline shorts8 lanes_of(uint64_t bits) {
    const shorts8 bit = {1, 2, 4, 8, 16, 32, 64, 128};
    return (bit & (int16_t)(bits & 0xff)) == bit;
}

/* h = agreements - disagreements for the 64 memories of word w of the planes, eight at a
 * time. */
static void spread(int16_t *overlaps, uint64_t planes[PLANES][LINE], int digits, size_t w,
                   int neurons) {
    for (int byte = 0; byte < BLOCK / 8; byte++) {
        shorts8 agreements = {0};
        for (int p = 0; p < digits; p++)
            agreements += lanes_of(planes[p][w] >> 8 * byte) & (int16_t)(1 << p);
        *(shorts8 *)(overlaps + 8 * byte) = agreements - ((int16_t)neurons - agreements);
    }
}

static void overlap(struct dam_field *field, const struct dam_patterns *patterns,
                    const int8_t *spins) {
    uint64_t planes[PLANES][LINE];
    int digits = 0;
    for (size_t block = 0; block < field->blocks; block++) {
        size_t w = block % LINE;
        if (w == 0)
            digits = count_agreements(planes, patterns->rows + block, patterns->words, spins,
                                      patterns->neurons);
        spread(field->overlaps + block * BLOCK, planes, digits, w, patterns->neurons);
    }
}

/* Add step to the overlaps of 64 memories where the bit is set, else take it off. */
static void move(int16_t *overlaps, uint64_t bits, int step) {
    for (int byte = 0; byte < BLOCK / 8; byte++)
        *(shorts8 *)(overlaps + 8 * byte) +=
            (lanes_of(bits >> 8 * byte) & (int16_t)(2 * step)) - (int16_t)step;
}

struct sums {
    reals2 span_rise;
    reals2 magnitude; /* and zero */
};

static inline void look_up(double *span, int h, const struct dam_energy *energy,
                           struct sums *sums) {
    const struct dam_energy_terms *terms = &energy->terms[(unsigned)(h + energy->neurons) / 2];
    *span = terms->span;
    sums->span_rise += *(const reals2 *)&terms->span;
    sums->magnitude += *(const reals2 *)&terms->magnitude;
}

/* Memories of even and odd number are summed apart: additions wait less for one another. */
static void refresh(struct dam_field *field, const struct dam_energy *energy, const uint64_t *row,
                    int step) {
    struct sums even = {0}, odd = {0};
    for (size_t block = 0; block < field->blocks; block++) {
        int64_t left = field->memories - (int64_t)block * BLOCK;
        int count = left < BLOCK ? (int)left : BLOCK;
        int16_t *overlaps = field->overlaps + block * BLOCK;
        double *span = field->span + block * BLOCK;
        move(overlaps, row[block], step);
        for (int mu = 0; mu + 1 < count; mu += 2) {
            look_up(&span[mu], overlaps[mu], energy, &even);
            look_up(&span[mu + 1], overlaps[mu + 1], energy, &odd);
        }
        if (count % 2 != 0)
            look_up(&span[count - 1], overlaps[count - 1], energy, &even);
    }
    field->span_sum = even.span_rise[0] + odd.span_rise[0];
    field->rise_sum = even.span_rise[1] + odd.span_rise[1];
    field->magnitude = even.magnitude[0] + odd.magnitude[0];
}

/* Lanes of four memories to keep, by the four bits that choose them. */
#define KEEP(bit) -(int64_t)((bit) != 0)
#define MASK(bits)                                                                                 \
    { KEEP((bits)&1), KEEP((bits)&2), KEEP((bits)&4), KEEP((bits)&8) }
static const int64_t masks[16][4] __attribute__((aligned(64))) = {
    MASK(0), MASK(1), MASK(2),  MASK(3),  MASK(4),  MASK(5),  MASK(6),  MASK(7),
    MASK(8), MASK(9), MASK(10), MASK(11), MASK(12), MASK(13), MASK(14), MASK(15),
};

/* Eight sums of two lanes side by side: enough additions under way to hide their latency. */
static double masked_sum(const struct dam_field *field, const uint64_t *row) {
    const lanes2 *span = (const lanes2 *)field->span;
    const lanes2(*keep)[2] = (const lanes2(*)[2])masks;
    reals2 a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0}, g = {0}, h = {0};
    for (size_t block = 0; block < field->blocks; block++) {
        uint64_t bits = row[block];
        for (int part = 0; part < BLOCK / 16; part++, bits >>= 16, span += 8) {
            a += (reals2)(span[0] & keep[bits & 15][0]);
            b += (reals2)(span[1] & keep[bits & 15][1]);
            c += (reals2)(span[2] & keep[bits >> 4 & 15][0]);
            d += (reals2)(span[3] & keep[bits >> 4 & 15][1]);
            e += (reals2)(span[4] & keep[bits >> 8 & 15][0]);
            f += (reals2)(span[5] & keep[bits >> 8 & 15][1]);
            g += (reals2)(span[6] & keep[bits >> 12 & 15][0]);
            h += (reals2)(span[7] & keep[bits >> 12 & 15][1]);
        }
    }
    reals2 sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    return sum[0] + sum[1];
}

const struct dam_kernel dam_kernel_generic = {
    .name = "generic", .overlap = overlap, .refresh = refresh, .masked_sum = masked_sum};
