/* Couplings of three with AVX-512 VNNI and VPOPCNTDQ.
 *
 * count: of four rows and four others each line is loaded once for four of the 16 counts, which
 * stay in registers; the bound is one vpopcntq, 512 memories, a cycle.
 * multiply: vpdpbusd sums four bytes to a lane, which is a neuron i; the four spins of a start are
 * broadcast to all lanes. Eight starts and two bands at a time, so that a line of couplings serves
 * eight and a broadcast two.
 * move, decide: 16 fields are a register, and their decisions a mask.
 */
#include "engine/kernels/tensor_vnni.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = 8, LINE = 8 };

void dam_tensor_vnni_count(int32_t counts[TENSOR_ROWS][TENSOR_ROWS],
                           const uint64_t *const a[TENSOR_ROWS], const uint64_t *b,
                           const uint64_t *const c[TENSOR_ROWS], size_t words) {
    __m512i sums[TENSOR_ROWS][TENSOR_ROWS];
    for (int row = 0; row < TENSOR_ROWS; row++)
        for (int column = 0; column < TENSOR_ROWS; column++)
            sums[row][column] = _mm512_setzero_si512();
    for (size_t w = 0; w < words; w += LINE) {
        __m512i middle = _mm512_load_si512(b + w), left[TENSOR_ROWS];
        for (int row = 0; row < TENSOR_ROWS; row++)
            left[row] = _mm512_xor_si512(middle, _mm512_load_si512(a[row] + w));
        for (int column = 0; column < TENSOR_ROWS; column++) {
            __m512i right = _mm512_load_si512(c[column] + w);
            for (int row = 0; row < TENSOR_ROWS; row++)
                sums[row][column] = _mm512_add_epi64(
                    sums[row][column], _mm512_popcnt_epi64(_mm512_xor_si512(left[row], right)));
        }
    }
    for (int row = 0; row < TENSOR_ROWS; row++)
        for (int column = 0; column < TENSOR_ROWS; column++)
            counts[row][column] = (int32_t)_mm512_reduce_add_epi64(sums[row][column]);
}

static inline __attribute__((always_inline)) void
multiply_rows(int32_t *sums, const uint8_t *states, const int8_t *matrix, int bands, int blocks,
              int matrices, int band, int count) {
    size_t stride = (size_t)matrices * (size_t)blocks * TENSOR_WIDTH;
    const int8_t *tiles = matrix + (size_t)band * (size_t)blocks * TENSOR_TILE;
    sums += (size_t)band * TENSOR_BAND_SUMS;
    __m512i sum[2][ROWS];
    for (int b = 0; b < count; b++)
        for (int r = 0; r < ROWS; r++)
            sum[b][r] = _mm512_setzero_si512();
    for (int m = 0; m < matrices; m++, tiles += (size_t)bands * (size_t)blocks * TENSOR_TILE) {
        for (int four = 0; four < blocks * TENSOR_SIDE; four++, states += 4) {
            __m512i couplings[2];
            for (int b = 0; b < count; b++)
                couplings[b] =
                    _mm512_load_si512(tiles + b * blocks * TENSOR_TILE + four * TENSOR_WIDTH);
            for (int r = 0; r < ROWS; r++) {
                int32_t bytes;
                memcpy(&bytes, states + (size_t)r * stride, sizeof bytes);
                for (int b = 0; b < count; b++)
                    sum[b][r] =
                        _mm512_dpbusd_epi32(sum[b][r], _mm512_set1_epi32(bytes), couplings[b]);
            }
        }
    }
    for (int b = 0; b < count; b++)
        for (int r = 0; r < ROWS; r++)
            _mm512_store_si512(sums + b * TENSOR_BAND_SUMS + r * TENSOR_SIDE, sum[b][r]);
}

static void multiply(int32_t *sums, const uint8_t *states, const int8_t *matrix, int bands,
                     int blocks, int matrices, int starts) {
    for (int first = 0; first < starts; first += ROWS) {
        const uint8_t *rows = states + (size_t)(first * matrices * blocks) * TENSOR_WIDTH;
        int band = 0;
        for (; band + 1 < bands; band += 2)
            multiply_rows(sums + first * TENSOR_SIDE, rows, matrix, bands, blocks, matrices, band,
                          2);
        if (band < bands)
            multiply_rows(sums + first * TENSOR_SIDE, rows, matrix, bands, blocks, matrices, band,
                          1);
    }
}

void dam_tensor_vnni_move(const struct dam_tensor_flip *flip, int bands) {
    const __m512i shift = _mm512_set1_epi32(flip->shift);
    const __m512i sign = _mm512_set1_epi32(flip->spin < 0 ? -1 : 0);
    for (int band = 0; band < bands; band++) {
        __m512i sum = _mm512_load_si512(flip->low + band * TENSOR_BAND_SUMS);
        if (flip->high != NULL)
            sum = _mm512_add_epi32(
                sum, _mm512_slli_epi32(_mm512_load_si512(flip->high + band * TENSOR_BAND_SUMS), 8));
        sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 2), shift);
        sum = _mm512_sub_epi32(sum, _mm512_load_si512(flip->row_sums + band * TENSOR_SIDE));
        sum = _mm512_sub_epi32(_mm512_xor_si512(sum, sign), sign);
        sum = _mm512_add_epi32(sum, _mm512_load_si512(flip->pattern_sums + band * TENSOR_SIDE));
        sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 3), _mm512_slli_epi32(sum, 2));
        int32_t *fields = flip->fields + band * TENSOR_SIDE;
        _mm512_store_si512(fields, _mm512_add_epi32(_mm512_load_si512(fields), sum));
    }
}

void dam_tensor_vnni_decide(uint64_t *unstable, const uint64_t *down, const int32_t *fields,
                            int32_t threshold, int words) {
    const __m512i limit = _mm512_set1_epi32(threshold), zero = _mm512_setzero_si512();
    for (int w = 0; w < words; w++) {
        uint64_t found = 0;
        for (int quarter = 0; quarter < 4; quarter++, fields += TENSOR_SIDE) {
            __m512i field = _mm512_load_si512(fields);
            __mmask16 negative = (__mmask16)(down[w] >> 16 * quarter);
            field = _mm512_mask_sub_epi32(field, negative, zero, field);
            found |= (uint64_t)_mm512_cmplt_epi32_mask(field, limit) << 16 * quarter;
        }
        unstable[w] = found;
    }
}

bool dam_tensor_vnni_runs_here(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vpopcntdq");
}

const struct dam_tensor_kernel dam_tensor_kernel_vnni = {
    .name = "vnni",
    .runs_here = dam_tensor_vnni_runs_here,
    .products = 140000,
    .counts = 550000,
    .count = dam_tensor_vnni_count,
    .multiply = multiply,
    .move = dam_tensor_vnni_move,
    .decide = dam_tensor_vnni_decide,
};
