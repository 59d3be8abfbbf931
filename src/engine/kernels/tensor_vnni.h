/* The functions of the VNNI tensor kernel that the AMX one has in common with it. */
#ifndef DAM_ENGINE_KERNELS_TENSOR_VNNI_H
#define DAM_ENGINE_KERNELS_TENSOR_VNNI_H

#include "engine/kernels/tensor.h"

bool dam_tensor_vnni_runs_here(void);
void dam_tensor_vnni_count(int32_t counts[TENSOR_ROWS][TENSOR_ROWS],
                           const uint64_t *const a[TENSOR_ROWS], const uint64_t *b,
                           const uint64_t *const c[TENSOR_ROWS], size_t words);
void dam_tensor_vnni_move(const struct dam_tensor_flip *flip, int bands);
void dam_tensor_vnni_decide(uint64_t *unstable, const uint64_t *down, const int32_t *fields,
                            int32_t threshold, int words);

#endif
