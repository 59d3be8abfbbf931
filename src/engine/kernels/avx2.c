/* The kernel for CPUs with AVX2: a word of a row becomes masks in the sign bits of its lanes.
 *
 * masked_sum: the row's word goes to four lanes, shifted by three to none bits; shifted again by a
 * constant, the sign bits of the lanes are those of the next four memories, and a masked load
 * looks at nothing else. Shift, load and addition are one instruction each for four memories, with
 * neither a table of masks nor a comparison.
 * refresh: moving 16 overlaps is an addition under a mask made by comparison. All are moved before
 * the first is looked up (look_up.c): a 16-bit load close behind the vector store it reads from
 * would wait for it.
 * overlap: rows are counted bit by bit, for 256 memories at once, by carry-save adders (Harley and
 * Seal): eight rows become one carry of weight eight. The digits of the counts are then spread to
 * 16-bit numbers by additions under masks.
 */
#define DAM_COUNT_BYTES 32
#include "engine/kernels/count.h"
#include "engine/kernels/kernel.h"
#include "engine/kernels/look_up.h"

#include <immintrin.h>

enum {
    BLOCK = 64, /* memories of one word of a row */
    LINE = 4    /* words of a vector; rows are padded to whole ones */
};

/* The lowest 16 bits, each as a lane of all ones or none. */
static inline __m256i lanes_of(uint64_t bits) {
    const __m256i bit =
        _mm256_setr_epi16(1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8,
                          1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, INT16_MIN);
    return _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((int16_t)bits), bit), bit);
}

/* ---- overlap ---- */

/* h = 2 agreements - N for the 64 memories of word w of the planes. */
static void spread(int16_t *overlaps, const dam_count_bits planes[PLANES], int digits, size_t w,
                   int neurons) {
    for (int part = 0; part < BLOCK; part += 16) {
        __m256i h = _mm256_set1_epi16((int16_t)-neurons);
        for (int p = 0; p < digits; p++) {
            uint64_t bits = (uint64_t)planes[p][w] >> part;
            __m256i weight = _mm256_set1_epi16((int16_t)(2 << p));
            h = _mm256_add_epi16(h, _mm256_and_si256(lanes_of(bits), weight));
        }
        _mm256_store_si256((__m256i *)(overlaps + part), h);
    }
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
        spread(field->overlaps + block * BLOCK, planes, digits, w, patterns->neurons);
    }
}

/* ---- refresh ---- */

static void refresh(struct dam_field *field, const struct dam_energy *energy, const uint64_t *row,
                    int step) {
    const __m256i down = _mm256_set1_epi16((int16_t)step);
    const __m256i up = _mm256_set1_epi16((int16_t)(2 * step));
    __m256i *overlaps = (__m256i *)field->overlaps;
    for (size_t block = 0; block < field->blocks; block++) {
        for (int part = 0; part < BLOCK; part += 16, overlaps++) {
            __m256i h = _mm256_sub_epi16(_mm256_load_si256(overlaps), down);
            h = _mm256_add_epi16(h, _mm256_and_si256(lanes_of(row[block] >> part), up));
            _mm256_store_si256(overlaps, h);
        }
    }
    dam_look_up(field, energy);
}

/* ---- masked sum ---- */

static double masked_sum(const struct dam_field *field, const uint64_t *row) {
    __m256d sums[8];
    for (int s = 0; s < 8; s++)
        sums[s] = _mm256_setzero_pd();
    const double *span = field->span;
    for (size_t block = 0; block < field->blocks; block++) {
        __m256i bits = _mm256_sllv_epi64(_mm256_set1_epi64x((int64_t)row[block]),
                                         _mm256_setr_epi64x(3, 2, 1, 0));
        for (int four = 0; four < BLOCK / 4; four++, span += 4) {
            __m256i signs = _mm256_slli_epi64(bits, 60 - 4 * four);
            sums[four % 8] = _mm256_add_pd(sums[four % 8], _mm256_maskload_pd(span, signs));
        }
    }
    for (int s = 0; s < 4; s++)
        sums[s] = _mm256_add_pd(sums[s], sums[s + 4]);
    __m256d sum = _mm256_add_pd(_mm256_add_pd(sums[0], sums[1]), _mm256_add_pd(sums[2], sums[3]));
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static bool runs_here(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}

const struct dam_kernel dam_kernel_avx2 = {.name = "avx2",
                                           .runs_here = runs_here,
                                           .overlap = overlap,
                                           .refresh = refresh,
                                           .masked_sum = masked_sum};
