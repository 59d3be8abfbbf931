/* What all kernels with AMX have in common. */
#ifndef DAM_ENGINE_KERNELS_AMX_H
#define DAM_ENGINE_KERNELS_AMX_H

#include <stdbool.h>

/* This CPU has AMX for bytes, and the system lets this process use it. */
bool dam_amx_runs_here(void);

/* Shape the tiles, all eight of 16 rows of 64 bytes, for this thread; and give them back. */
void dam_amx_enter(void);
void dam_amx_leave(void);

#endif
