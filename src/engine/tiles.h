/* Many starts among the same memories by integer matrix products: DAM_ALGORITHM_TILES.
 *
 * A decision needs sum_mu xi_i span(h_mu) for its neuron only. But states and memories are small
 * integers (tile_energy.h), and a CPU multiplies matrices of bytes so much faster than it adds
 * numbers that it pays to find the fields of 16 neurons of 16 starts at once, and to throw away
 * those that a flip has made stale. Starts wait in a queue for each block of 16 neurons until 16 of
 * them want the same; they need not be in the same sweep. One that hardly moves any more waits for
 * the fields of all its neurons, and so does any start in random order.
 *
 * What the energy's split leaves as a polynomial of the overlaps comes from the couplings
 * J_ij = sum_mu xi_i xi_j, at a cost that does not grow with K: all of F = x^2, for one.
 */
#ifndef DAM_ENGINE_TILES_H
#define DAM_ENGINE_TILES_H

#include "engine/kernels/kernel.h"
#include <dam/ensemble.h>

struct dam_tiles;

/* See dam_ensemble_can, _bytes, _new, _run and _counts. The kernel has tiles. */
bool dam_tiles_can(const struct dam_energy *energy, int64_t memories);
size_t dam_tiles_bytes(enum dam_energy_form form, int power, int neurons, int64_t memories);
enum dam_status dam_tiles_new(struct dam_tiles **tiles, const struct dam_tile_kernel *kernel,
                              const struct dam_energy *energy, const struct dam_patterns *patterns,
                              uint64_t starts, struct dam_error *error);
void dam_tiles_destroy(struct dam_tiles *tiles);
enum dam_status dam_tiles_run(struct dam_tiles *tiles, const struct dam_ensemble_options *options,
                              uint64_t first, uint64_t end, struct dam_error *error);
struct dam_ensemble_counts dam_tiles_counts(const struct dam_tiles *tiles);

#endif
