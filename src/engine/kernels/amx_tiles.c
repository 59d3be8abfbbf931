/* Tiles with AMX: 16 starts times 16 neurons, 64 memories at a time, by one instruction.
 *
 * tdpbusd adds to a tile of 16 x 16 sums the products of a tile of states and one of patterns in 16
 * cycles, but the next may add to the same sums only after 52: so four sums are under way at a
 * time, and added at the end. Each tile of patterns is loaded once for all digits. The rest is as
 * with VNNI.
 */
#include "engine/kernels/amx.h"
#include "engine/kernels/vnni_tiles.h"

#include <immintrin.h>

static bool runs_here(void) {
    return dam_vnni_runs_here() && dam_amx_runs_here();
}

static void add_tile(int32_t sums[TILE_SIDE][TILE_SIDE], int32_t more[TILE_SIDE][TILE_SIDE]) {
    for (int r = 0; r < TILE_SIDE; r++)
        _mm512_store_si512(
            sums[r], _mm512_add_epi32(_mm512_load_si512(sums[r]), _mm512_load_si512(more[r])));
}

/* Tiles 0 .. 3 are sums, 4 and 5 patterns, 6 and 7 states. Tile k is of digit k % digits. */
static void begin_sums(dam_tile_fields fields, int digits, enum dam_tile_begin begin) {
    if (begin == TILE_GO_ON)
        return;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    if (begin == TILE_FROM_ZERO)
        return;
    _tile_loadd(0, fields[0], TILE_WIDTH);
    if (digits > 1)
        _tile_loadd(1, fields[1], TILE_WIDTH);
    if (digits > 2)
        _tile_loadd(2, fields[2], TILE_WIDTH);
}

static void end_sums(dam_tile_fields fields, int digits) {
    int32_t more[TILE_SIDE][TILE_SIDE] __attribute__((aligned(64)));
    _tile_stored(0, fields[0], TILE_WIDTH);
    if (digits > 1)
        _tile_stored(1, fields[1], TILE_WIDTH);
    else {
        _tile_stored(1, more, TILE_WIDTH);
        add_tile(fields[0], more);
    }
    if (digits > 2) {
        _tile_stored(2, fields[2], TILE_WIDTH);
        return;
    }
    _tile_stored(2, more, TILE_WIDTH);
    add_tile(fields[0], more);
    _tile_stored(3, more, TILE_WIDTH);
    add_tile(fields[digits - 1], more);
}

static void one_digit(const uint8_t *states, const int8_t *patterns, size_t blocks) {
    size_t block = 0;
    for (; block + 4 <= blocks; block += 4, states += 4 * TILE_WIDTH, patterns += 4 * TILE_BYTES) {
        _tile_loadd(4, patterns, TILE_WIDTH);
        _tile_loadd(6, states, TILE_STRIDE);
        _tile_dpbusd(0, 6, 4);
        _tile_loadd(5, patterns + TILE_BYTES, TILE_WIDTH);
        _tile_loadd(7, states + TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(1, 7, 5);
        _tile_loadd(4, patterns + 2 * TILE_BYTES, TILE_WIDTH);
        _tile_loadd(6, states + 2 * TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(2, 6, 4);
        _tile_loadd(5, patterns + 3 * TILE_BYTES, TILE_WIDTH);
        _tile_loadd(7, states + 3 * TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(3, 7, 5);
    }
    for (; block < blocks; block++, states += TILE_WIDTH, patterns += TILE_BYTES) {
        _tile_loadd(4, patterns, TILE_WIDTH);
        _tile_loadd(6, states, TILE_STRIDE);
        _tile_dpbusd(0, 6, 4);
    }
}

static void two_digits(const uint8_t *states, const int8_t *patterns, size_t blocks) {
    size_t block = 0;
    for (; block + 2 <= blocks; block += 2, states += 4 * TILE_WIDTH, patterns += 2 * TILE_BYTES) {
        _tile_loadd(4, patterns, TILE_WIDTH);
        _tile_loadd(6, states, TILE_STRIDE);
        _tile_dpbusd(0, 6, 4);
        _tile_loadd(7, states + TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(1, 7, 4);
        _tile_loadd(5, patterns + TILE_BYTES, TILE_WIDTH);
        _tile_loadd(6, states + 2 * TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(2, 6, 5);
        _tile_loadd(7, states + 3 * TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(3, 7, 5);
    }
    if (block < blocks) {
        _tile_loadd(4, patterns, TILE_WIDTH);
        _tile_loadd(6, states, TILE_STRIDE);
        _tile_dpbusd(0, 6, 4);
        _tile_loadd(7, states + TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(1, 7, 4);
    }
}

static void three_digits(const uint8_t *states, const int8_t *patterns, size_t blocks) {
    for (size_t block = 0; block < blocks;
         block++, states += 3 * TILE_WIDTH, patterns += TILE_BYTES) {
        _tile_loadd(4, patterns, TILE_WIDTH);
        _tile_loadd(6, states, TILE_STRIDE);
        _tile_dpbusd(0, 6, 4);
        _tile_loadd(7, states + TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(1, 7, 4);
        _tile_loadd(6, states + 2 * TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(2, 6, 4);
    }
}

/* One band. Between calls its sums may stay in the tiles. */
static void multiply_band(dam_tile_fields fields, const uint8_t *states, const int8_t *patterns,
                          int digits, size_t blocks, enum dam_tile_begin begin,
                          enum dam_tile_end end) {
    begin_sums(fields, digits, begin);
    if (digits == 1)
        one_digit(states, patterns, blocks);
    else if (digits == 2)
        two_digits(states, patterns, blocks);
    else
        three_digits(states, patterns, blocks);
    if (end == TILE_TO_FIELDS)
        end_sums(fields, digits);
}

/* With several bands, the four sums under way are those of up to four bands of one digit, or two
 * bands of two: each tile of states is loaded once for all, and nothing is left to add. */
static void multiply_few_bands(dam_tile_fields *fields, const uint8_t *states,
                               const int8_t *patterns, size_t stride, int bands, size_t blocks,
                               bool fresh) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    if (!fresh) {
        _tile_loadd(0, fields[0][0], TILE_WIDTH);
        _tile_loadd(1, fields[1][0], TILE_WIDTH);
        if (bands > 2)
            _tile_loadd(2, fields[2][0], TILE_WIDTH);
        if (bands > 3)
            _tile_loadd(3, fields[3][0], TILE_WIDTH);
    }
    for (; blocks > 0; blocks--, states += TILE_WIDTH, patterns += TILE_BYTES) {
        _tile_loadd(6, states, TILE_STRIDE);
        _tile_loadd(4, patterns, TILE_WIDTH);
        _tile_dpbusd(0, 6, 4);
        _tile_loadd(5, patterns + stride, TILE_WIDTH);
        _tile_dpbusd(1, 6, 5);
        if (bands == 2)
            continue;
        _tile_loadd(4, patterns + 2 * stride, TILE_WIDTH);
        _tile_dpbusd(2, 6, 4);
        if (bands == 3)
            continue;
        _tile_loadd(5, patterns + 3 * stride, TILE_WIDTH);
        _tile_dpbusd(3, 6, 5);
    }
    _tile_stored(0, fields[0][0], TILE_WIDTH);
    _tile_stored(1, fields[1][0], TILE_WIDTH);
    if (bands > 2)
        _tile_stored(2, fields[2][0], TILE_WIDTH);
    if (bands > 3)
        _tile_stored(3, fields[3][0], TILE_WIDTH);
}

static void multiply_two_bands(dam_tile_fields *fields, const uint8_t *states,
                               const int8_t *patterns, size_t stride, size_t blocks, bool fresh) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    if (!fresh) {
        _tile_loadd(0, fields[0][0], TILE_WIDTH);
        _tile_loadd(1, fields[0][1], TILE_WIDTH);
        _tile_loadd(2, fields[1][0], TILE_WIDTH);
        _tile_loadd(3, fields[1][1], TILE_WIDTH);
    }
    for (; blocks > 0; blocks--, states += 2 * TILE_WIDTH, patterns += TILE_BYTES) {
        _tile_loadd(4, patterns, TILE_WIDTH);
        _tile_loadd(6, states, TILE_STRIDE);
        _tile_dpbusd(0, 6, 4);
        _tile_loadd(7, states + TILE_WIDTH, TILE_STRIDE);
        _tile_dpbusd(1, 7, 4);
        _tile_loadd(5, patterns + stride, TILE_WIDTH);
        _tile_dpbusd(2, 6, 5);
        _tile_dpbusd(3, 7, 5);
    }
    _tile_stored(0, fields[0][0], TILE_WIDTH);
    _tile_stored(1, fields[0][1], TILE_WIDTH);
    _tile_stored(2, fields[1][0], TILE_WIDTH);
    _tile_stored(3, fields[1][1], TILE_WIDTH);
}

static void multiply(dam_tile_fields *fields, const uint8_t *states, const int8_t *patterns,
                     size_t stride, int bands, int digits, size_t blocks, int starts,
                     enum dam_tile_begin begin, enum dam_tile_end end) {
    (void)starts;
    bool fresh = begin == TILE_FROM_ZERO;
    while (bands > 0) {
        int now = digits == 1 && bands > 1   ? (bands < 4 ? bands : 4)
                  : digits == 2 && bands > 1 ? 2
                                             : 1;
        if (now == 1)
            multiply_band(*fields, states, patterns, digits, blocks, begin, end);
        else if (digits == 1)
            multiply_few_bands(fields, states, patterns, stride, now, blocks, fresh);
        else
            multiply_two_bands(fields, states, patterns, stride, blocks, fresh);
        fields += now;
        patterns += (size_t)now * stride;
        bands -= now;
    }
}

const struct dam_tile_kernel dam_tile_kernel_amx = {
    .name = "amx",
    .runs_here = runs_here,
    .calm_flips = 2,
    .enter = dam_amx_enter,
    .leave = dam_amx_leave,
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
