/* Couplings of three with AMX: 16 starts times 16 neurons i, 64 neurons l, by one instruction.
 *
 * tdpbusd takes 16 cycles, but the next may add to the same sums only after 52: so four sums are
 * under way at a time, of four bands, and each tile of states serves all. (Two bands and 32 starts,
 * which would load couplings half as often, are no faster.) The rest is as with VNNI.
 */
#include "engine/kernels/amx.h"
#include "engine/kernels/tensor_vnni.h"

#include <immintrin.h>

enum { TOGETHER = 4, LINE = TENSOR_SIDE * sizeof(int32_t) };

static bool runs_here(void) {
    return dam_tensor_vnni_runs_here() && dam_amx_runs_here();
}

/* Of `count` bands. Tiles 0 .. 3 are sums, 4 states, 6 and 7 couplings. */
static inline __attribute__((always_inline)) void
multiply_bands(int32_t *sums, const uint8_t *states, const int8_t *matrix, int bands, int blocks,
               int matrices, int count) {
    size_t stride = (size_t)(matrices * blocks) * TENSOR_WIDTH;
    size_t band = (size_t)blocks * TENSOR_TILE;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int m = 0; m < matrices; m++, matrix += (size_t)bands * band) {
        for (int block = 0; block < blocks; block++, states += TENSOR_WIDTH) {
            const int8_t *tiles = matrix + (size_t)block * TENSOR_TILE;
            _tile_loadd(4, states, stride);
            _tile_loadd(6, tiles, TENSOR_WIDTH);
            _tile_dpbusd(0, 4, 6);
            if (count > 1) {
                _tile_loadd(7, tiles + band, TENSOR_WIDTH);
                _tile_dpbusd(1, 4, 7);
            }
            if (count > 2) {
                _tile_loadd(6, tiles + 2 * band, TENSOR_WIDTH);
                _tile_dpbusd(2, 4, 6);
            }
            if (count > 3) {
                _tile_loadd(7, tiles + 3 * band, TENSOR_WIDTH);
                _tile_dpbusd(3, 4, 7);
            }
        }
    }
    _tile_stored(0, sums, LINE);
    if (count > 1)
        _tile_stored(1, sums + TENSOR_BAND_SUMS, LINE);
    if (count > 2)
        _tile_stored(2, sums + 2 * TENSOR_BAND_SUMS, LINE);
    if (count > 3)
        _tile_stored(3, sums + 3 * TENSOR_BAND_SUMS, LINE);
}

static void multiply(int32_t *sums, const uint8_t *states, const int8_t *matrix, int bands,
                     int blocks, int matrices, int starts) {
    (void)starts;
    for (int band = 0; band < bands; band += TOGETHER) {
        switch (bands - band) {
#define CASE(count)                                                                                \
    multiply_bands(sums, states, matrix, bands, blocks, matrices, count);                          \
    break
        case 1:
            CASE(1);
        case 2:
            CASE(2);
        case 3:
            CASE(3);
        default:
            CASE(TOGETHER);
#undef CASE
        }
        sums += TOGETHER * TENSOR_BAND_SUMS;
        matrix += (size_t)(TOGETHER * blocks) * TENSOR_TILE;
    }
}

const struct dam_tensor_kernel dam_tensor_kernel_amx = {
    .name = "amx",
    .runs_here = runs_here,
    .products = 250000,
    .counts = 550000,
    .enter = dam_amx_enter,
    .leave = dam_amx_leave,
    .count = dam_tensor_vnni_count,
    .multiply = multiply,
    .move = dam_tensor_vnni_move,
    .decide = dam_tensor_vnni_decide,
};
