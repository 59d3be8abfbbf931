/* The loops over memories that take nearly all of a retrieval's time, as a table of functions:
 * one for any CPU (generic), others for what a CPU offers.
 *
 * Kernels may add in any order and round differently: retrieval decides by the exact sign, and
 * needs of them only that every sum of m doubles (padding included) be made by at most m - 1
 * roundings to nearest, each of |result| * 2^-53 at most, and that no product be contracted.
 */
#ifndef DAM_ENGINE_KERNELS_KERNEL_H
#define DAM_ENGINE_KERNELS_KERNEL_H

#include "engine/energy_tables.h"
#include "engine/kernels/tiles.h"
#include <dam/patterns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a state is worth to its memories; changes only when a spin flips. The arrays are aligned to
 * 64 bytes and borrowed. */
struct dam_field {
    int64_t memories;  /* K */
    size_t blocks;     /* of 64 memories: ceil(K / 64) */
    int16_t *overlaps; /* h_mu [64 blocks], the padding is of no use */
    double *span;      /* span(h_mu) [64 blocks], zero in the padding */
    double span_sum;   /* sum_mu span(h_mu) */
    double rise_sum;   /* sum_mu rise(h_mu) */
    double magnitude;  /* sum_mu |span(h_mu)| + |rise(h_mu)| */
};

struct dam_kernel {
    const char *name;
    bool (*runs_here)(void); /* on this CPU; NULL: on any */

    /* Set the overlaps from the spins [N]. */
    void (*overlap)(struct dam_field *field, const struct dam_patterns *patterns,
                    const int8_t *spins);

    /* Add step (-2, 0 or 2) times row's spins to the overlaps, then renew all that follows from
     * them. */
    void (*refresh)(struct dam_field *field, const struct dam_energy *energy, const uint64_t *row,
                    int step);

    /* sum of span(h_mu) over the memories whose bit is set in row. */
    double (*masked_sum)(const struct dam_field *field, const uint64_t *row);
};

extern const struct dam_kernel dam_kernel_generic;
extern const struct dam_kernel dam_kernel_avx2, dam_kernel_avx512; /* on x86-64 */

/* The one that new networks use. */
const struct dam_kernel *dam_kernel_chosen(void);

/* The one for DAM_ALGORITHM_TILES; NULL where there is none. */
const struct dam_tile_kernel *dam_tile_kernel_chosen(void);

#endif
