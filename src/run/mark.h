/* The mark: which task a rank has in hand, at a fixed place of its journal, so that a death leaves
 * a name behind.
 *
 * It is written before each task. A row of that task settles it; a rank that ends in order, or is
 * told to end, says that it left; a fatal signal that the task's own code raises is added by the
 * signal's handler. What stays open tells of a death without a word: SIGKILL, no memory, a node.
 *
 * Signal handlers reach nothing but globals, so this file and stop.c have the program's only ones.
 */
#ifndef DAM_RUN_MARK_H
#define DAM_RUN_MARK_H

#include "run/row.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { DAM_HOST_LENGTH = 48 };

enum dam_ending { DAM_ENDING_OPEN, DAM_ENDING_LEFT, DAM_ENDING_CRASHED };

struct dam_mark {
    struct dam_row row; /* that it is to leave; status and seconds are 0 */
    uint32_t alone;     /* 1: no other task was running */
    uint32_t ending;    /* enum dam_ending */
    uint32_t signal;    /* of DAM_ENDING_CRASHED */
    uint32_t reserved;
    char host[DAM_HOST_LENGTH]; /* 0-padded */
};

/* As it lies in a journal. The checksum starts from `seed`, the study's. */
struct dam_mark_slot {
    uint32_t checksum, reserved;
    struct dam_mark mark;
};
void dam_mark_seal(struct dam_mark_slot *slot, uint32_t seed);
bool dam_mark_sound(const struct dam_mark_slot *slot, uint32_t seed);

/* Have the handlers of fatal signals installed, on a stack of their own. */
void dam_mark_install(void);

/* The slot that endings are written to: `slot`, at `offset` of an open file that holds no row yet.
 * It stays the caller's, as does `path`, who ends it with NULL, and may change what it says at any
 * time. */
void dam_mark_watch(struct dam_mark_slot *slot, uint32_t seed, int descriptor, off_t offset,
                    const char *path);

/* The file holds a row. */
void dam_mark_keep(void);

/* Is the task's own code running now? `label` names it to people, and must live meanwhile; NULL: it
 * is not. */
void dam_mark_task(const char *label);

/* The rank leaves in order: say so, and bring the file to disk; but remove one without rows, so
 * that who watches the journals sees that nothing got done. Safe in a signal handler. */
void dam_mark_leave(void);

#endif
