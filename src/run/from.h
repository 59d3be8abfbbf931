/* What tasks read of the result that the study names by `from`: a replica's part of a row.
 *
 * The study knows a row by the checksum of all its replicas. So the first part that is read of a
 * row reads and checks them all, one at a time, and keeps a checksum of each: the others are then
 * read alone, and still no part of another content is taken. */
#ifndef DAM_RUN_FROM_H
#define DAM_RUN_FROM_H

#include "run/result.h"

/* The row that was last checked; all zeros: none yet. Owns `parts`. */
struct dam_from {
    uint64_t row;
    uint32_t checksum, *parts; /* [count] */
    size_t count;
};

void dam_from_destroy(struct dam_from *from);

/* What the dataset of the file `name` holds of this replica in the row that has this checksum;
 * floats->values are the caller's in any case. Fails with DAM_INPUT where the row is another by
 * now, or has no such replica, and as dam_result_open() and dam_result_floats_part_read() do. */
enum dam_status dam_from_read(struct dam_from *from, const char *name, const char *dataset,
                              uint64_t row, uint32_t checksum, uint32_t replica,
                              struct dam_result_floats *floats,
                              struct dam_error *error) DAM_CHECKED;

#endif
