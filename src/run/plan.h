/* What a study will take: tasks, bytes, and time at given rank counts, from a short calibration
 * on this machine and a simulation of the dealing (run/simulate.h). */
#ifndef DAM_RUN_PLAN_H
#define DAM_RUN_PLAN_H

#include "run/open.h"

/* Which rounds of the cells a plan is for. */
enum dam_plan_rounds {
    DAM_PLAN_ONE_ROUND,   /* there is but one */
    DAM_PLAN_IMAGINED,    /* those that typical results would ask for */
    DAM_PLAN_FIRST_ROUNDS /* the first; how many follow, and what they take, is not known */
};

struct dam_plan {
    uint64_t cells;
    enum dam_plan_rounds rounds;
    struct dam_sizes sizes;
    double core_seconds;    /* on this machine's core */
    double longest_seconds; /* of one task */
    size_t measured_cells;  /* 0: nothing could be measured, times are the kind's own guess */
    bool by_parts;          /* measured by parts of starts, not by whole ones */
};

struct dam_forecast {
    uint64_t ranks;
    double seconds;    /* with start-up, reduction and publishing of a small file */
    double efficiency; /* core_seconds / (ranks x seconds until the last task is finished) */
};

/* Measure a few cells, in their first round, for about `seconds` and predict; where a kind's
 * starts are measured by parts, set-up and first pieces come on top. forecasts[i].ranks is
 * given, of at least one forecast; the rest is filled in, as if rank 0 always computed (above 64
 * ranks it only deals). */
enum dam_status dam_plan_make(const struct dam_study *study, const struct dam_kind *kind,
                              double seconds, struct dam_plan *plan, struct dam_forecast *forecasts,
                              size_t forecast_count, struct dam_error *error) DAM_CHECKED;

#endif
