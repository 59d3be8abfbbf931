/* The kernel for CPUs with AVX-512 (F, BW, DQ, VL): a word of a row is a mask.
 *
 * masked_sum: eight memories are one masked addition, straight from memory, with a byte of the row
 * as its mask; eight sums side by side hide the latency. The masks come from one register by
 * shifts, which take every second slot of the two ports that add: from L1 that is the bound, a
 * cycle for eight memories. Beyond, the bound is the reading of the spans.
 * refresh: moving 32 overlaps is a masked addition. All are moved before the first is looked up
 * (look_up.c): a 16-bit load close behind the 512-bit store it reads from would wait for it.
 * overlap: rows are counted bit by bit, for 512 memories at once, by carry-save adders (Harley and
 * Seal): eight rows become one carry of weight eight. The digits of the counts are then spread to
 * 16-bit numbers by masked additions.
 */
#define DAM_COUNT_BYTES 64
#include "engine/kernels/count.h"
#include "engine/kernels/kernel.h"
#include "engine/kernels/look_up.h"

#include <immintrin.h>

enum {
    BLOCK = 64, /* memories of one word of a row */
    LINE = 8    /* words of a cache line; rows are padded to whole ones */
};

/* ---- overlap ---- */

/* h = 2 agreements - N for the 32 memories from `place` on in the planes. */
static void spread(int16_t *overlaps, const dam_count_bits planes[PLANES], int digits, size_t place,
                   int neurons) {
    __m512i h = _mm512_set1_epi16((int16_t)-neurons);
    for (int p = 0; p < digits; p++) {
        __mmask32 bits = _load_mask32((__mmask32 *)&planes[p] + place / 32);
        h = _mm512_mask_add_epi16(h, bits, h, _mm512_set1_epi16((int16_t)(2 << p)));
    }
    _mm512_store_si512(overlaps, h);
}

static void overlap(struct dam_field *field, const struct dam_patterns *patterns,
                    const int8_t *spins) {
    dam_count_bits planes[PLANES];
    int digits = 32 - __builtin_clz((unsigned)patterns->neurons);
    for (size_t block = 0; block < field->blocks; block++) {
        size_t w = block % LINE;
        if (w == 0)
            dam_count_agreements(planes, digits, patterns->rows + block, patterns->words, spins,
                                 patterns->neurons);
        for (size_t half = 0; half < BLOCK; half += 32)
            spread(field->overlaps + block * BLOCK + half, planes, digits, w * BLOCK + half,
                   patterns->neurons);
    }
}

/* ---- refresh ---- */

static void refresh(struct dam_field *field, const struct dam_energy *energy, const uint64_t *row,
                    int step) {
    const __m512i down = _mm512_set1_epi16((int16_t)step);
    const __m512i up = _mm512_set1_epi16((int16_t)(2 * step));
    int16_t *overlaps = field->overlaps;
    for (size_t block = 0; block < field->blocks; block++) {
        for (int half = 0; half < BLOCK; half += 32, overlaps += 32) {
            __m512i h = _mm512_sub_epi16(_mm512_load_si512(overlaps), down);
            h = _mm512_mask_add_epi16(h, (__mmask32)(row[block] >> half), h, up);
            _mm512_store_si512(overlaps, h);
        }
    }
    dam_look_up(field, energy);
}

/* ---- masked sum ---- */

static double masked_sum(const struct dam_field *field, const uint64_t *row) {
    __m512d a = _mm512_setzero_pd(), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    const double *span = field->span;
    for (size_t block = 0; block < field->blocks; block++, span += BLOCK) {
        __mmask64 bits = _cvtu64_mask64(row[block]);
#define ADD(sum, byte)                                                                             \
    sum = _mm512_mask_add_pd(sum, (__mmask8)_kshiftri_mask64(bits, 8 * (byte)), sum,               \
                             _mm512_load_pd(span + 8 * (byte)))
        ADD(a, 0);
        ADD(b, 1);
        ADD(c, 2);
        ADD(d, 3);
        ADD(e, 4);
        ADD(f, 5);
        ADD(g, 6);
        ADD(h, 7);
#undef ADD
    }
    a = _mm512_add_pd(_mm512_add_pd(a, b), _mm512_add_pd(c, d));
    e = _mm512_add_pd(_mm512_add_pd(e, f), _mm512_add_pd(g, h));
    return _mm512_reduce_add_pd(_mm512_add_pd(a, e));
}

static bool runs_here(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const struct dam_kernel dam_kernel_avx512 = {.name = "avx512",
                                             .runs_here = runs_here,
                                             .overlap = overlap,
                                             .refresh = refresh,
                                             .masked_sum = masked_sum};
