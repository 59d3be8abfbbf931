#include "kinds/model.h"

const char *const dam_start_names[] = {"random", "memory", NULL};
const char *const dam_update_order_names[] = {"random", "sequential", NULL};
