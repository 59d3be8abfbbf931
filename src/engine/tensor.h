/* Many starts with F = x^3, at a cost of a flip that does not grow with K: DAM_ALGORITHM_TENSOR.
 *
 * With span(h) = 12 h^2 + 16 and F(h+2) + F(h-2) - 2 F(h) = 24 h, the update flips neuron i where
 *     s_i W_i < 6 H,   W_i = sum_mu xi_i (3 h_mu^2 + 4),   H = sum_mu h_mu.
 * All of it follows from the couplings J_ikl = sum_mu xi_i xi_k xi_l: with R_i = sum_mu xi_i,
 *     H = sum_i R_i s_i,   W_i = 3 sum_kl J_ikl s_k s_l + 4 R_i,
 * and a flip of neuron k to spin s adds 12 (s sum_l J_ikl s_l + R_i) to W_i, s_l as before the
 * flip.
 *
 * Couplings are kept in bytes, as one or two digits of (J_ikl - p) / 2, p the parity of K, and the
 * spins as bits, so that sums are products of small matrices. As every start knows its next flip,
 * starts wait in a list for each neuron, and 16 that flip the same one share its couplings. The
 * lists are served in turn, which is how sweeps in sequential order go. Memories themselves are
 * looked at when a start has ended, for its overlaps.
 */
#ifndef DAM_ENGINE_TENSOR_H
#define DAM_ENGINE_TENSOR_H

#include "engine/kernels/tensor.h"
#include <dam/ensemble.h>

struct dam_tensor;

/* See dam_ensemble_can, _bytes, _run and _counts. */
bool dam_tensor_can(const struct dam_energy *energy, int64_t memories);
size_t dam_tensor_bytes(enum dam_energy_form form, int power, int neurons, int64_t memories);

/* What it takes to set up and to run so many starts, about. */
double dam_tensor_microseconds(const struct dam_tensor_kernel *kernel, int neurons,
                               int64_t memories, uint64_t starts);

/* As dam_ensemble_new; but *tensor is NULL where memories are so much alike that sums might leave
 * 32 bits, or couplings two digits. */
enum dam_status dam_tensor_new(struct dam_tensor **tensor, const struct dam_tensor_kernel *kernel,
                               const struct dam_patterns *patterns, uint64_t starts,
                               struct dam_error *error);
void dam_tensor_destroy(struct dam_tensor *tensor);
enum dam_status dam_tensor_run(struct dam_tensor *tensor,
                               const struct dam_ensemble_options *options, uint64_t first,
                               uint64_t end, struct dam_error *error);
struct dam_ensemble_counts dam_tensor_counts(const struct dam_tensor *tensor);

#endif
