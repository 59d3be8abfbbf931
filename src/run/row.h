/* A finished task, as it stands in a journal. */
#ifndef DAM_RUN_ROW_H
#define DAM_RUN_ROW_H

#include <dam/random.h>
#include <stdint.h>

/* A range of starts of one replica. */
struct dam_row {
    struct dam_hash cell;
    uint32_t round, replica;
    uint64_t start_begin, start_end;
    uint64_t plan;     /* dam_plan_hash of the round */
    uint32_t status;   /* enum dam_status; the payload of a failed row is its message */
    uint32_t reserved; /* 0 */
    double seconds;    /* wall time the task took */
};

#endif
