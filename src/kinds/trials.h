/* Starts among random memories: a pattern set that is drawn, the states that starts begin from, and
 * how they end. What the kinds have in common that ask how many memories a network holds.
 *
 * Every random bit is a function of (seed, cell, set, start). Not shared by threads. */
#ifndef DAM_KINDS_TRIALS_H
#define DAM_KINDS_TRIALS_H

#include "kinds/dynamics.h"
#include <dam/ensemble.h>
#include <dam/patterns.h>

/* What the streams are named by. */
struct dam_trial_names {
    uint64_t seed;
    const struct dam_hash *cell; /* borrowed */
    uint32_t set;
};

struct dam_trials {
    struct dam_dynamics_setting setting;
    struct dam_trial_names names;
    bool in_turn; /* start s begins from memory s; else from one drawn uniformly for each start */
    struct dam_energy *energy;
    struct dam_patterns *patterns;
    struct dam_ensemble *ensemble;
    int *choice; /* [N] neurons, for drawing which spins are flipped */
};

/* Draw the pattern set and prepare for about `starts` starts. *trials is the caller's, to be
 * destroyed also after a failure. Fails with DAM_MEMORY, DAM_INPUT. */
enum dam_status dam_trials_new(struct dam_trials *trials,
                               const struct dam_dynamics_setting *setting,
                               const struct dam_trial_names *names, uint64_t starts,
                               struct dam_error *error) DAM_CHECKED;
void dam_trials_destroy(struct dam_trials *trials);

/* The bytes of one, and of patterns and ensemble. */
double dam_trials_bytes(const struct dam_dynamics_setting *setting);

/* Called for each start, in any order; `overlap` is that with the memory started from, or the
 * highest of random starts. */
struct dam_trial_ends {
    void (*call)(void *context, const struct dam_ensemble_end *end, int overlap);
    void *context;
};

/* Retrieve from random spins, or from a memory with `noise` of its spins flipped. */
enum dam_status dam_trials_retrieve(struct dam_trials *trials, int64_t max_sweeps,
                                    struct dam_poll poll, uint64_t first, uint64_t end,
                                    struct dam_trial_ends ends,
                                    struct dam_error *error) DAM_CHECKED;

/* Count the unstable spins of the intact memories that these starts begin from. */
enum dam_status dam_trials_examine(struct dam_trials *trials, struct dam_poll poll, uint64_t first,
                                   uint64_t end, struct dam_trial_ends ends,
                                   struct dam_error *error) DAM_CHECKED;

#endif
