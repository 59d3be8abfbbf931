/* A run in imagined time: tasks are dealt to ranks by the code that deals them in earnest, last as
 * long as they are said to, and leave the records that the kind imagines. */
#ifndef DAM_RUN_SIMULATE_H
#define DAM_RUN_SIMULATE_H

#include "kinds/kind.h"
#include "study/study.h"

struct dam_simulation {
    const struct dam_study *study;
    const struct dam_kind *kind;
    uint64_t ranks; /* at least 1; all of them compute */

    /* Real time of a cell's tasks over their predicted time; NULL: 1. Asked for a task at a time,
     * mostly the same cell again. */
    double (*factor)(void *context, uint32_t cell);
    void *context;
};

struct dam_simulated {
    uint64_t tasks; /* of all rounds; where the kind does not imagine, of the first */
    double core_seconds, longest_seconds; /* of all tasks, and of one */
    double seconds;                       /* until the last is finished */
    double journal_bytes;
};

/* A rank takes a task when it is free, and waits where all that is left are rounds that are not
 * open yet. Not collective. Fails with DAM_MEMORY. */
enum dam_status dam_simulate(const struct dam_simulation *simulation,
                             struct dam_simulated *simulated, struct dam_error *error) DAM_CHECKED;

#endif
