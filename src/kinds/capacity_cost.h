/* How long the starts of a cell of `capacity` take on the reference core. */
#ifndef DAM_KINDS_CAPACITY_COST_H
#define DAM_KINDS_CAPACITY_COST_H

#include "kinds/dynamics.h"
#include "kinds/kind.h"

/* Fill the seconds of a cost; the rest becomes 0. A function of the setting alone. */
void dam_capacity_seconds(const struct dam_dynamics_setting *setting, int64_t max_sweeps,
                          struct dam_cost *cost);

#endif
