/* The ranks at work: rank 0 deals tasks out and, in small runs, computes too; the others compute.
 *
 * A rank holds two batches, the one it works on and the next, so that it never waits for an answer.
 * Rank 0 looks for messages between its tasks and, through the poll, inside long ones. */
#ifndef DAM_RUN_WORK_H
#define DAM_RUN_WORK_H

#include "run/deal.h"
#include "run/progress.h"
#include "run/stop.h"
#include "run/task.h"
#include <mpi.h>

struct dam_work {
    MPI_Comm comm;
    struct dam_task_runner *runner;

    /* On rank 0 only. */
    struct dam_dealer *dealer;
    struct dam_deadline deadline;
    const char *stop_path;   /* a file whose existence asks for a drain */
    const char *status_path; /* the status file to keep up to date */
    bool fail_fast;
};

/* How it ended. */
struct dam_work_end {
    bool drained;                 /* stopped on request with work left (or by fail_fast) */
    struct dam_progress progress; /* the last one; on rank 0 only ... */
    bool told;                    /* ... as is whether the status file's failure was told */
};

/* Do everything that can be done. Collective; returns the same status on every rank, which is
 * DAM_OK when drained. */
enum dam_status dam_work(struct dam_work *work, struct dam_work_end *end,
                         struct dam_error *error) DAM_CHECKED;

#endif
