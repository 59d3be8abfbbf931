/* What it means that a network holds its memories: the criteria by which a trial succeeds. */
#ifndef DAM_KINDS_CRITERION_H
#define DAM_KINDS_CRITERION_H

#include "kinds/trials.h"

enum dam_criterion {
    DAM_RECOVERED,     /* a start ends in a stored memory (from a memory: in that one) */
    DAM_RETAINED,      /* a memory keeps every spin */
    DAM_RETAINED_ALL,  /* all memories of a pattern set do: the set is the trial */
    DAM_UNSTABLE_SPINS /* not of trials but of their spins: the update would flip it */
};

/* By their number, NULL at the end. */
extern const char *const dam_criterion_names[];

struct dam_criterion_trials {
    enum dam_criterion criterion;
    struct dam_dynamics_setting setting; /* intact memories but for DAM_RECOVERED */
    struct dam_trial_names names;
    bool mirrors;       /* DAM_RECOVERED: the negative of a memory counts as that memory */
    int64_t max_sweeps; /* DAM_RECOVERED */
};

/* Make the trials first .. end - 1 (of DAM_RETAINED_ALL there is one) and count those that succeed,
 * for DAM_UNSTABLE_SPINS the spins. Fails as the functions of trials.h do. */
enum dam_status dam_criterion_try(const struct dam_criterion_trials *asked, uint64_t first,
                                  uint64_t end, struct dam_poll poll, int64_t *successes,
                                  struct dam_error *error) DAM_CHECKED;

#endif
