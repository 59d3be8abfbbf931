/* What a round of a replica hands to its next: a file in the journal folder, named by what left it,
 * so that it goes on after a kill. The row that the same round leaves is what makes it count. */
#ifndef DAM_RUN_STATE_H
#define DAM_RUN_STATE_H

#include "study/study.h"
#include <stdbool.h>

/* Which state: the one that a replica of a cell left in a round. All is borrowed. */
struct dam_state {
    const char *folder; /* of the journal */
    const struct dam_hash *cell;
    uint32_t round, replica;
};

/* The file's path, a fresh string of the caller's; NULL when out of memory. */
char *dam_state_path(const struct dam_state *state);

/* The blob in a fresh buffer of the caller's. Fails with DAM_FILE where it is missing or cannot be
 * read, DAM_DAMAGED, DAM_MEMORY; *blob is NULL then. */
enum dam_status dam_state_read(const struct dam_state *state, void **blob, size_t *size,
                               struct dam_error *error) DAM_CHECKED;

/* Is there no such file? Any other failure to look does not say so. */
bool dam_state_is_missing(const struct dam_state *state);

/* Is it gone for good: missing or damaged? Reads it whole. One that cannot be read now is not lost:
 * who needs it finds out. */
bool dam_state_is_lost(const struct dam_state *state);

/* Keep a blob: it is on disk when this returns. */
enum dam_status dam_state_write(const struct dam_state *state, const void *blob, size_t size,
                                struct dam_error *error) DAM_CHECKED;

#endif
