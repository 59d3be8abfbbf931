/* The functions of the VNNI tile kernel that the AMX one has in common with it. */
#ifndef DAM_ENGINE_KERNELS_VNNI_TILES_H
#define DAM_ENGINE_KERNELS_VNNI_TILES_H

#include "engine/kernels/tiles.h"

bool dam_vnni_runs_here(void);
void dam_vnni_overlap(uint8_t *halves, const struct dam_patterns *patterns, const uint64_t *down,
                      size_t blocks);
void dam_vnni_advance(const struct dam_tile_energy *energy, int64_t memories,
                      struct dam_tile_turn *turns, int starts, size_t first, size_t blocks,
                      uint8_t *states);
unsigned dam_vnni_decide(dam_tile_fields fields, int start, const struct dam_tile_rule *rule);
void dam_vnni_couple(int32_t *linear, const int32_t *couplings, int step, int count);
void dam_vnni_gather(int32_t *linear, const int32_t *couplings, const int32_t *offsets,
                     const int32_t *listed, int list_length, int count);
uint64_t dam_vnni_find_outside(const uint8_t *halves, int range);
void dam_vnni_add_excess(double *constant, const int8_t *patterns, int place, double excess);
void dam_vnni_extremes(const uint8_t *halves, int64_t memories, int *highest, int *lowest);

#endif
