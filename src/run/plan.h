/* What a study will take: tasks, bytes, and time at given rank counts, from a short calibration
 * on this machine and a simulation of the dealing. */
#ifndef DAM_RUN_PLAN_H
#define DAM_RUN_PLAN_H

#include "kinds/kind.h"
#include "study/study.h"

struct dam_plan {
    uint64_t cells, tasks;  /* a task is a replica's block of starts */
    double core_seconds;    /* on this machine's core */
    double longest_seconds; /* of one task */
    double task_bytes;      /* memory of the largest running task */
    double journal_bytes, result_bytes;
    size_t measured_cells; /* 0: nothing could be measured, times are the kind's own guess */
};

struct dam_forecast {
    uint64_t ranks;
    double seconds;    /* until the last task is finished */
    double efficiency; /* core_seconds / (ranks seconds) */
};

/* Measure a few cells for about `seconds` and predict. forecasts[i].ranks is given; the rest is
 * filled in. Kinds with rounds are planned as if every cell ended with its first round. */
enum dam_status dam_plan_make(const struct dam_study *study, const struct dam_kind *kind,
                              double seconds, struct dam_plan *plan, struct dam_forecast *forecasts,
                              size_t forecast_count, struct dam_error *error) DAM_CHECKED;

#endif
