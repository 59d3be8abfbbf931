/* Couplings of three for any CPU, in plain C that compilers turn into vectors.
 *
 * Bits are counted by halves: sums of two bits, of four, of eight, all in one word. A product with
 * a state of zeros and ones is an addition under a mask.
 */
#include "engine/kernels/tensor.h"

#include <string.h>

static inline uint64_t count_bits(uint64_t word) {
    word -= word >> 1 & 0x5555555555555555;
    word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return word * 0x0101010101010101 >> 56;
}

static void count(int32_t counts[TENSOR_ROWS][TENSOR_ROWS], const uint64_t *const a[TENSOR_ROWS],
                  const uint64_t *b, const uint64_t *const c[TENSOR_ROWS], size_t words) {
    for (int row = 0; row < TENSOR_ROWS; row++) {
        for (int column = 0; column < TENSOR_ROWS; column++) {
            uint64_t sum = 0;
            for (size_t w = 0; w < words; w++)
                sum += count_bits(a[row][w] ^ b[w] ^ c[column][w]);
            counts[row][column] = (int32_t)sum;
        }
    }
}

/* Four products a lane, and only where the state is not all zeros. */
static void multiply_tile(int32_t sums[TENSOR_SIDE], const uint8_t *state, const int8_t *tile) {
    for (int four = 0; four < TENSOR_WIDTH / 4; four++, tile += TENSOR_WIDTH) {
        int32_t bits = 0;
        memcpy(&bits, state + 4 * four, sizeof bits);
        if (bits == 0)
            continue;
        int8_t masks[4];
        for (int k = 0; k < 4; k++)
            masks[k] = (int8_t)-state[4 * four + k];
        for (int i = 0; i < TENSOR_SIDE; i++)
            sums[i] += (tile[4 * i] & masks[0]) + (tile[4 * i + 1] & masks[1]) +
                       (tile[4 * i + 2] & masks[2]) + (tile[4 * i + 3] & masks[3]);
    }
}

static void multiply(int32_t *sums, const uint8_t *states, const int8_t *matrix, int bands,
                     int blocks, int matrices, int starts) {
    memset(sums, 0, (size_t)bands * TENSOR_BAND_SUMS * sizeof *sums);
    for (int m = 0; m < matrices; m++)
        for (int band = 0; band < bands; band++)
            for (int block = 0; block < blocks; block++, matrix += TENSOR_TILE)
                for (int start = 0; start < starts; start++)
                    multiply_tile(sums + band * TENSOR_BAND_SUMS + start * TENSOR_SIDE,
                                  states + ((start * matrices + m) * blocks + block) * TENSOR_WIDTH,
                                  matrix);
}

static void move(const struct dam_tensor_flip *flip, int bands) {
    uint32_t spin = (uint32_t)flip->spin, shift = (uint32_t)flip->shift;
    for (int i = 0; i < bands * TENSOR_SIDE; i++) {
        int place = i / TENSOR_SIDE * TENSOR_BAND_SUMS + i % TENSOR_SIDE;
        uint32_t sum = (uint32_t)flip->low[place];
        if (flip->high != NULL)
            sum += 256 * (uint32_t)flip->high[place];
        sum = spin * (4 * sum + shift - (uint32_t)flip->row_sums[i]);
        sum = (uint32_t)flip->fields[i] + 12 * (sum + (uint32_t)flip->pattern_sums[i]);
        flip->fields[i] = (int32_t)sum;
    }
}

static void decide(uint64_t *unstable, const uint64_t *down, const int32_t *fields,
                   int32_t threshold, int words) {
    for (int w = 0; w < words; w++) {
        uint64_t found = 0;
        for (int i = 0; i < 64; i++) {
            int64_t field = fields[64 * w + i];
            found |= (uint64_t)((down[w] >> i & 1 ? -field : field) < threshold) << i;
        }
        unstable[w] = found;
    }
}

const struct dam_tensor_kernel dam_tensor_kernel_generic = {
    .name = "generic",
    .products = 5000,
    .counts = 50000,
    .count = count,
    .multiply = multiply,
    .move = move,
    .decide = decide,
};
