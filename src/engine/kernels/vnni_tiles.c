/* Tiles with AVX-512 VBMI and VNNI.
 *
 * A half overlap is a byte, and the digits of its energy difference are looked up 64 memories at a
 * time: vpermb picks from a table of 64 bytes held in a register. A flip therefore costs, for 64
 * memories, one addition and one lookup for each digit. The products of digits (unsigned bytes) and
 * patterns (bytes of +-1) are summed by vpdpbusd, four memories to a lane: a lane is a neuron, the
 * four digits of a start are broadcast to all lanes, and 16 sums stay in registers while one row of
 * the patterns' tile serves eight starts.
 */
#include "engine/kernels/vnni_tiles.h"

#include <immintrin.h>
#include <string.h>

/* ---- overlaps by counting ---- */

enum { PLANES = 8 }; /* binary digits of a count of up to TILE_NEURONS_MAX neurons */

/* One line of a row, 512 memories: bits are 1 where spin and memory agree. */
static inline __m512i agreement(const struct dam_patterns *patterns, const uint64_t *down,
                                size_t word, int neuron) {
    if (neuron >= patterns->neurons)
        return _mm512_setzero_si512();
    __m512i flip = _mm512_set1_epi64(-(int64_t)(down[neuron / 64] >> neuron % 64 & 1));
    const uint64_t *line = patterns->rows + (size_t)neuron * patterns->words + word;
    return _mm512_xor_si512(flip, _mm512_load_si512(line));
}

/* Add two bits of equal weight to a sum of that weight; returns the carry. */
static inline __m512i add_bits(__m512i *sum, __m512i a, __m512i b) {
    __m512i carry = _mm512_ternarylogic_epi64(*sum, a, b, 0xe8);
    *sum = _mm512_ternarylogic_epi64(*sum, a, b, 0x96);
    return carry;
}

/* Eight rows at a time through a tree of full adders; the eights are counted as by hand. */
static void count_agreements(__m512i planes[PLANES], const struct dam_patterns *patterns,
                             const uint64_t *down, size_t word) {
    for (int p = 0; p < PLANES; p++)
        planes[p] = _mm512_setzero_si512();
    for (int i = 0; i < patterns->neurons; i += 8) {
        __m512i twos[4], fours[2];
        for (int k = 0; k < 4; k++)
            twos[k] = add_bits(&planes[0], agreement(patterns, down, word, i + 2 * k),
                               agreement(patterns, down, word, i + 2 * k + 1));
        for (int k = 0; k < 2; k++)
            fours[k] = add_bits(&planes[1], twos[2 * k], twos[2 * k + 1]);
        __m512i carry = add_bits(&planes[2], fours[0], fours[1]);
        for (int p = 3; p < PLANES; p++) {
            __m512i both = _mm512_and_si512(planes[p], carry);
            planes[p] = _mm512_xor_si512(planes[p], carry);
            carry = both;
        }
    }
}

void dam_vnni_overlap(uint8_t *halves, const struct dam_patterns *patterns, const uint64_t *down,
                      size_t blocks) {
    /* h = 2 agreements - N, so y = agreements - (N + p) / 2. */
    const int none = -(patterns->neurons + patterns->neurons % 2) / 2;
    uint64_t bits[PLANES][8] __attribute__((aligned(64)));
    for (size_t block = 0; block < blocks; block++) {
        if (block % 8 == 0) {
            __m512i planes[PLANES];
            count_agreements(planes, patterns, down, block);
            for (int p = 0; p < PLANES; p++)
                _mm512_store_si512(bits[p], planes[p]);
        }
        __m512i y = _mm512_set1_epi8((char)none);
        for (int p = 0; p < PLANES; p++)
            y = _mm512_mask_add_epi8(y, bits[p][block % 8], y, _mm512_set1_epi8((char)(1 << p)));
        _mm512_store_si512(halves + block * TILE_WIDTH, y);
    }
}

/* ---- a flip ---- */

static inline __attribute__((always_inline)) void
advance(const struct dam_tile_energy *energy, int64_t memories, struct dam_tile_turn *turns,
        int starts, size_t first, size_t blocks, uint8_t *states, int digits, int self_digits) {
    int64_t left = memories - (int64_t)(first + blocks - 1) * TILE_WIDTH; /* in the last block */
    const __m512i ones = _mm512_set1_epi8(1);
    const __m512i last =
        _mm512_maskz_mov_epi8(left < TILE_WIDTH ? (UINT64_C(1) << left) - 1 : UINT64_MAX, ones);
    __m512i table[TILE_DIGITS_MAX], self_table[TILE_DIGITS_MAX];
    for (int d = 0; d < digits; d++)
        table[d] = _mm512_load_si512(energy->span.table[d]);
    for (int d = 0; d < self_digits; d++)
        self_table[d] = _mm512_load_si512(energy->self.table[d]);
    for (int start = 0; start < starts; start++, states += TILE_STRIDE) {
        struct dam_tile_turn *turn = &turns[start];
        const __m512i up = _mm512_set1_epi8((char)turn->step);
        const __m512i down = _mm512_set1_epi8((char)-turn->step);
        const uint64_t *row = turn->row + first;
        uint8_t *halves = turn->halves + first * TILE_WIDTH, *state = states;
        __m512i farthest = _mm512_setzero_si512(), self_sum[TILE_DIGITS_MAX];
        for (int d = 0; d < self_digits; d++)
            self_sum[d] = _mm512_setzero_si512();
        for (size_t block = 0; block < blocks; block++, halves += TILE_WIDTH) {
            __m512i y = _mm512_load_si512(halves);
            y = _mm512_add_epi8(y, _mm512_mask_blend_epi8(row[block], down, up));
            _mm512_store_si512(halves, y);
            farthest = _mm512_max_epu8(farthest, _mm512_abs_epi8(y));
            for (int d = 0; d < digits; d++, state += TILE_WIDTH)
                _mm512_store_si512(state, _mm512_permutexvar_epi8(y, table[d]));
            for (int d = 0; d < self_digits; d++)
                self_sum[d] =
                    _mm512_dpbusd_epi32(self_sum[d], _mm512_permutexvar_epi8(y, self_table[d]),
                                        block + 1 < blocks ? ones : last);
        }
        turn->outside |=
            (uint64_t)(_mm512_cmpgt_epu8_mask(farthest, _mm512_set1_epi8((char)energy->range)) != 0)
            << first / TILE_LINES % 64;
        for (int d = 0; d < self_digits; d++)
            turn->digits[d] += (uint64_t)_mm512_reduce_add_epi32(self_sum[d]);
    }
}

/* The numbers of digits as constants, so that tables and sums stay in registers. */
void dam_vnni_advance(const struct dam_tile_energy *energy, int64_t memories,
                      struct dam_tile_turn *turns, int starts, size_t first, size_t blocks,
                      uint8_t *states) {
#define CASE(digits, self_digits)                                                                  \
    case 4 * (digits) + (self_digits):                                                             \
        advance(energy, memories, turns, starts, first, blocks, states, digits, self_digits);      \
        break;
#define CASES(digits) CASE(digits, 0) CASE(digits, 1) CASE(digits, 2) CASE(digits, 3)
    switch (4 * energy->span.digits + energy->self.digits) {
        CASES(0)
        CASES(1)
        CASES(2)
        CASES(3)
    }
#undef CASES
#undef CASE
}

/* ---- products ---- */

enum { ROWS = 8 };

static inline __attribute__((always_inline)) void
multiply_rows(dam_tile_fields fields, const uint8_t *states, const int8_t *patterns, size_t blocks,
              int first, int digits, bool from_zero) {
    __m512i sum[TILE_DIGITS_MAX][ROWS];
    for (int d = 0; d < digits; d++)
        for (int r = 0; r < ROWS; r++)
            sum[d][r] =
                from_zero ? _mm512_setzero_si512() : _mm512_load_si512(fields[d][first + r]);
    states += first * TILE_STRIDE;
    for (size_t block = 0; block < blocks; block++, states += digits * TILE_WIDTH) {
        for (int four = 0; four < TILE_WIDTH / 4; four++, patterns += TILE_WIDTH) {
            const __m512i spins = _mm512_load_si512(patterns);
            for (int d = 0; d < digits; d++) {
                for (int r = 0; r < ROWS; r++) {
                    int32_t bytes;
                    memcpy(&bytes, states + r * TILE_STRIDE + d * TILE_WIDTH + 4 * four,
                           sizeof bytes);
                    sum[d][r] = _mm512_dpbusd_epi32(sum[d][r], _mm512_set1_epi32(bytes), spins);
                }
            }
        }
    }
    for (int d = 0; d < digits; d++)
        for (int r = 0; r < ROWS; r++)
            _mm512_store_si512(fields[d][first + r], sum[d][r]);
}

static void multiply(dam_tile_fields *fields, const uint8_t *states, const int8_t *patterns,
                     size_t stride, int bands, int digits, size_t blocks, int starts,
                     enum dam_tile_begin begin, enum dam_tile_end end) {
    (void)end; /* sums are always in the fields */
    bool from_zero = begin == TILE_FROM_ZERO;
    for (int band = 0; band < bands; band++, fields++, patterns += stride) {
        for (int first = 0; first < starts; first += ROWS) {
            switch (digits) {
            case 1:
                multiply_rows(*fields, states, patterns, blocks, first, 1, from_zero);
                break;
            case 2:
                multiply_rows(*fields, states, patterns, blocks, first, 2, from_zero);
                break;
            case 3:
                multiply_rows(*fields, states, patterns, blocks, first, 3, from_zero);
                break;
            }
        }
    }
}

/* ---- decisions ---- */

static inline __m512d eight_doubles(const int32_t *integers) {
    return _mm512_cvtepi32_pd(_mm256_load_si256((const __m256i *)integers));
}

unsigned dam_vnni_decide(dam_tile_fields fields, int start, const struct dam_tile_rule *rule) {
    const struct dam_tile_split *span = rule->span;
    unsigned flips = 0;
    for (int half = 0; half < TILE_SIDE; half += 8) {
        __m512d rest = _mm512_setzero_pd();
        for (int d = span->digits - 1; d >= 0; d--)
            rest =
                _mm512_fmadd_pd(_mm512_set1_pd(256), rest, eight_doubles(&fields[d][start][half]));
        __m512d field = _mm512_loadu_pd(rule->constant + half);
        field = _mm512_fmadd_pd(_mm512_set1_pd(span->linear), eight_doubles(rule->linear + half),
                                field);
        field = _mm512_fmadd_pd(_mm512_set1_pd(span->unit), rest, field);
        __mmask8 down = (__mmask8)(rule->down >> half);
        field = _mm512_mask_sub_pd(field, down, _mm512_setzero_pd(), field);
        __mmask8 below = _mm512_cmp_pd_mask(field, _mm512_set1_pd(rule->threshold), _CMP_LT_OQ);
        flips |= (unsigned)below << half;
    }
    return flips;
}

void dam_vnni_couple(int32_t *linear, const int32_t *couplings, int step, int count) {
    const __m512i sign = _mm512_set1_epi32(step < 0 ? -1 : 0);
    for (int i = 0; i < count; i += TILE_SIDE) {
        __m512i change = _mm512_xor_si512(_mm512_load_si512(couplings + i), sign);
        change = _mm512_sub_epi32(change, sign);
        _mm512_store_si512(linear + i, _mm512_add_epi32(_mm512_load_si512(linear + i), change));
    }
}

void dam_vnni_gather(int32_t *linear, const int32_t *couplings, const int32_t *offsets,
                     const int32_t *listed, int list_length, int count) {
    for (int i = 0; i < count; i += TILE_SIDE) {
        __m512i even = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_load_si512(offsets + i));
        __m512i odd = _mm512_setzero_si512();
        int k = 0;
        for (; k + 1 < list_length; k += 2) {
            even = _mm512_add_epi32(even, _mm512_load_si512(couplings + listed[k] * count + i));
            odd = _mm512_add_epi32(odd, _mm512_load_si512(couplings + listed[k + 1] * count + i));
        }
        if (k < list_length)
            even = _mm512_add_epi32(even, _mm512_load_si512(couplings + listed[k] * count + i));
        _mm512_store_si512(linear + i, _mm512_add_epi32(even, odd));
    }
}

uint64_t dam_vnni_find_outside(const uint8_t *halves, int range) {
    return _mm512_cmpgt_epu8_mask(_mm512_abs_epi8(_mm512_load_si512(halves)),
                                  _mm512_set1_epi8((char)range));
}

void dam_vnni_add_excess(double *constant, const int8_t *patterns, int place, double excess) {
    __m512i fours = _mm512_load_si512(patterns + place / 4 * TILE_WIDTH);
    __m128i up = _mm_cvtsi32_si128(24 - place % 4 * 8);
    __m512i spins = _mm512_srai_epi32(_mm512_sll_epi32(fours, up), 24);
    const __m512d factor = _mm512_set1_pd(excess);
    __m512d low = _mm512_cvtepi32_pd(_mm512_castsi512_si256(spins));
    __m512d high = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(spins, 1));
    _mm512_storeu_pd(constant, _mm512_fmadd_pd(low, factor, _mm512_loadu_pd(constant)));
    _mm512_storeu_pd(constant + 8, _mm512_fmadd_pd(high, factor, _mm512_loadu_pd(constant + 8)));
}

void dam_vnni_extremes(const uint8_t *halves, int64_t memories, int *highest, int *lowest) {
    __m512i high = _mm512_set1_epi8(INT8_MIN), low = _mm512_set1_epi8(INT8_MAX);
    for (int64_t mu = 0; mu < memories; mu += TILE_WIDTH) {
        int64_t left = memories - mu;
        __mmask64 live = left < TILE_WIDTH ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
        __m512i y = _mm512_load_si512(halves + mu);
        high = _mm512_mask_max_epi8(high, live, high, y);
        low = _mm512_mask_min_epi8(low, live, low, y);
    }
    int8_t highs[TILE_WIDTH], lows[TILE_WIDTH];
    _mm512_storeu_si512(highs, high);
    _mm512_storeu_si512(lows, low);
    *highest = highs[0];
    *lowest = lows[0];
    for (int k = 1; k < TILE_WIDTH; k++) {
        *highest = highs[k] > *highest ? highs[k] : *highest;
        *lowest = lows[k] < *lowest ? lows[k] : *lowest;
    }
}

bool dam_vnni_runs_here(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni") &&
           __builtin_cpu_supports("fma");
}

const struct dam_tile_kernel dam_tile_kernel_vnni = {
    .name = "vnni",
    .runs_here = dam_vnni_runs_here,
    .calm_flips = 0,
    .overlap = dam_vnni_overlap,
    .advance = dam_vnni_advance,
    .multiply = multiply,
    .decide = dam_vnni_decide,
    .couple = dam_vnni_couple,
    .gather = dam_vnni_gather,
    .find_outside = dam_vnni_find_outside,
    .add_excess = dam_vnni_add_excess,
    .extremes = dam_vnni_extremes,
};
