/* The loops of the algorithm of tiles.h, as a table of functions like kernel.h's.
 *
 * A tile is 16 rows of 64 bytes. Of states, a row is a start and a byte a memory: one digit of t
 * (tile_energy.h) of 64 memories. A start's digits lie together, [block][digit][memory], and
 * TILE_STRIDE bytes from the next start's, which are not all in the same sets of a cache then. Of
 * patterns, a tile holds the spins +1 and -1 (0 for memories beyond K) of 16 neurons in the same 64
 * memories, by fours, [memory / 4][neuron][memory % 4], as dot products of four bytes want them.
 */
#ifndef DAM_ENGINE_KERNELS_TILES_H
#define DAM_ENGINE_KERNELS_TILES_H

#include "engine/tile_energy.h"
#include <dam/patterns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TILE_SIDE = 16,
    TILE_WIDTH = 64,
    TILE_BYTES = TILE_SIDE * TILE_WIDTH,
    TILE_LINES = 8, /* of digits a start has at a time: with all others' in the nearest cache */
    TILE_STRIDE = (TILE_LINES + 1) * TILE_WIDTH
};

/* Blocks of memories whose digits are made and used at a time. */
static inline size_t dam_tile_chunk(int digits) {
    return digits > 1 ? TILE_LINES / (size_t)digits : TILE_LINES;
}

/* A start whose half overlaps are brought up to date. */
struct dam_tile_turn {
    uint8_t *halves;     /* half overlaps y modulo 256 [64 blocks] */
    const uint64_t *row; /* bits of the neuron that has flipped */
    int step;            /* its new spin; 0: none has flipped */
    uint64_t outside;    /* bit c: in a chunk c (modulo 64) some |y| is beyond the energy's range */
    uint64_t digits[TILE_DIGITS_MAX]; /* sums over the memories of self's t */
};

/* Fields of 16 starts and 16 neurons, a digit at a time: sum_mu xi_i digit(y_mu). */
typedef int32_t dam_tile_fields[TILE_DIGITS_MAX][TILE_SIDE][TILE_SIDE];

/* What turns the fields of one start into decisions. */
struct dam_tile_rule {
    const struct dam_tile_split *span;
    const double *constant; /* of each of 16 neurons */
    const int32_t *linear;  /* sum_mu xi_i y_mu of each */
    double threshold;       /* sum of self */
    unsigned down;          /* bit i: spin i is -1 */
};

enum dam_tile_begin { TILE_FROM_ZERO, TILE_FROM_FIELDS, TILE_GO_ON };
enum dam_tile_end { TILE_TO_FIELDS, TILE_KEEP };

struct dam_tile_kernel {
    const char *name;
    bool (*runs_here)(void); /* on this CPU */

    /* A start whose last sweep had at most this many flips is better served with the fields of
     * all neurons at once. */
    int calm_flips;

    /* Called before and after the others in each thread; may be NULL. */
    void (*enter)(void);
    void (*leave)(void);

    /* Half overlaps of `blocks` * 64 memories from the spins (bit i of down: -1). */
    void (*overlap)(uint8_t *halves, const struct dam_patterns *patterns, const uint64_t *down,
                    size_t blocks);

    /* Add step times the row's spins to the half overlaps of `blocks` * 64 memories from the first
     * block on, a chunk at most, write the digits of span's t to the states, and add to the sums.
     */
    void (*advance)(const struct dam_tile_energy *energy, int64_t memories,
                    struct dam_tile_turn *turns, int starts, size_t first, size_t blocks,
                    uint8_t *states);

    /* Add the products over `blocks` blocks of memories, a chunk at most, to the sums of each of
     * these bands of 16 neurons, whose patterns are `stride` bytes apart, for the first `starts`
     * starts (those of the others become arbitrary). The sums begin at zero, or as the fields say,
     * or for a single band where the call before has left them; they go to the fields, or for a
     * single band are left to the next call. */
    void (*multiply)(dam_tile_fields *fields, const uint8_t *states, const int8_t *patterns,
                     size_t stride, int bands, int digits, size_t blocks, int starts,
                     enum dam_tile_begin begin, enum dam_tile_end end);

    /* Bit i: the update flips neuron i of the 16. */
    unsigned (*decide)(dam_tile_fields fields, int start, const struct dam_tile_rule *rule);

    /* Add step = -1 or 1 times the couplings to the linear sums, a multiple of 16 of them. */
    void (*couple)(int32_t *linear, const int32_t *couplings, int step, int count);

    /* Linear sums of a state, `count` of them: the rows of the couplings whose numbers are listed,
     * added up, minus the offsets. */
    void (*gather)(int32_t *linear, const int32_t *couplings, const int32_t *offsets,
                   const int32_t *listed, int list_length, int count);

    /* Which of the 64 memories of a block have |y| beyond the range. */
    uint64_t (*find_outside)(const uint8_t *halves, int range);

    /* Add excess times the spins of one memory, its place in the tile of patterns given, to the
     * constants of 16 neurons. */
    void (*add_excess)(double *constant, const int8_t *patterns, int place, double excess);

    /* Largest and smallest half overlap of `memories` memories. */
    void (*extremes)(const uint8_t *halves, int64_t memories, int *highest, int *lowest);
};

extern const struct dam_tile_kernel dam_tile_kernel_vnni;
extern const struct dam_tile_kernel dam_tile_kernel_amx;

#endif
