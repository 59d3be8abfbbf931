/* What kernels for AVX2 and above share. */
#ifndef DAM_ENGINE_KERNELS_LOOK_UP_H
#define DAM_ENGINE_KERNELS_LOOK_UP_H

#include "engine/kernels/kernel.h"

/* Renew all that follows from the overlaps. On CPUs with AVX2. */
void dam_look_up(struct dam_field *field, const struct dam_energy *energy);

#endif
