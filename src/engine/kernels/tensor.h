/* The loops of the algorithm of ../tensor.h, as a table of functions like kernel.h's.
 *
 * A tile is 16 rows of 64 bytes. Of states, a row is a start and a byte a neuron, 1 or 0. Of
 * couplings, a tile holds one digit of (J_ikl - p) / 2 for 16 neurons i and 64 neurons l, by fours,
 * [l / 4][i][l % 4], as dot products of four bytes want them. A band is 16 neurons i, a block is 64
 * neurons l, and a matrix, [bands][blocks][tile], all of one neuron k. Sums are [bands][start][i].
 */
#ifndef DAM_ENGINE_KERNELS_TENSOR_H
#define DAM_ENGINE_KERNELS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TENSOR_SIDE = 16,
    TENSOR_WIDTH = 64,
    TENSOR_TILE = TENSOR_SIDE * TENSOR_WIDTH,
    TENSOR_BAND_SUMS = TENSOR_SIDE * TENSOR_SIDE,
    TENSOR_ROWS = 4 /* rows of patterns that are counted together */
};

/* What a flip of neuron k does to the fields of one start. */
struct dam_tensor_flip {
    int32_t *fields;             /* W_i [16 bands] */
    const int32_t *low, *high;   /* sum_l digit_il u_l [bands], TENSOR_BAND_SUMS apart */
    const int32_t *row_sums;     /* sum_l J_ikl [16 bands] */
    const int32_t *pattern_sums; /* R_i [16 bands] */
    int32_t shift;               /* 2 p sum_l u_l */
    int32_t spin;                /* the new s_k */
};

struct dam_tensor_kernel {
    const char *name;
    bool (*runs_here)(void); /* on this CPU; NULL: on any */
    double products;         /* by multiply, in a microsecond: measured, for predictions */
    double counts;           /* by count, in a microsecond: bits */

    /* Called before and after the others in each thread; may be NULL. */
    void (*enter)(void);
    void (*leave)(void);

    /* counts[r][c]: how many bits of a[r] ^ b ^ c[c] are set; words is a multiple of 8, rows are
     * aligned to 64 bytes. */
    void (*count)(int32_t counts[TENSOR_ROWS][TENSOR_ROWS], const uint64_t *const a[TENSOR_ROWS],
                  const uint64_t *b, const uint64_t *const c[TENSOR_ROWS], size_t words);

    /* The products of states, [16][matrices][blocks][64], and so many matrices, summed over blocks
     * and matrices, for the first `starts` starts (those of the others become arbitrary). */
    void (*multiply)(int32_t *sums, const uint8_t *states, const int8_t *matrix, int bands,
                     int blocks, int matrices, int starts);

    /* W_i += 12 (s_k (4 (low + 256 high) + shift - row_sum) + R_i), modulo 2^32. */
    void (*move)(const struct dam_tensor_flip *flip, int bands);

    /* Bit i of unstable: s_i W_i < threshold; s_i = -1 where bit i of down is set. Whole words of
     * 4 bands; the fields are padded to them. */
    void (*decide)(uint64_t *unstable, const uint64_t *down, const int32_t *fields,
                   int32_t threshold, int words);
};

extern const struct dam_tensor_kernel dam_tensor_kernel_generic;
extern const struct dam_tensor_kernel dam_tensor_kernel_vnni, dam_tensor_kernel_amx; /* x86-64 */

/* The one that new ensembles use. */
const struct dam_tensor_kernel *dam_tensor_kernel_chosen(void);

#endif
