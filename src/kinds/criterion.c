#include "kinds/criterion.h"

const char *const dam_criterion_names[] = {
    [DAM_RECOVERED] = "recovered",
    [DAM_RETAINED] = "retained",
    [DAM_RETAINED_ALL] = "retained_all",
    [DAM_UNSTABLE_SPINS] = "unstable_spins",
    NULL,
};

/* What the ends of trials are counted by. */
struct tally {
    const struct dam_criterion_trials *asked;
    int64_t successes;
};

static void count_recovered(void *context, const struct dam_ensemble_end *end, int overlap) {
    struct tally *tally = context;
    const struct dam_dynamics_setting *setting = &tally->asked->setting;
    int opposite = setting->from_memory ? overlap : end->lowest;
    bool mirror = tally->asked->mirrors && opposite == -setting->neurons;
    tally->successes += overlap == setting->neurons || mirror;
}

static void count_retained(void *context, const struct dam_ensemble_end *end, int overlap) {
    struct tally *tally = context;
    (void)overlap;
    tally->successes += end->unstable == 0;
}

static void count_unstable(void *context, const struct dam_ensemble_end *end, int overlap) {
    struct tally *tally = context;
    (void)overlap;
    tally->successes += end->unstable;
}

/* Examine the memories in turn until one of them is not retained. */
static enum dam_status examine_all(struct dam_trials *trials, struct dam_poll poll,
                                   struct tally *tally, struct dam_error *error) {
    enum { TOGETHER = 256 };
    uint64_t all = (uint64_t)trials->setting.memories, first = 0;
    enum dam_status status = DAM_OK;
    trials->in_turn = true;
    while (status == DAM_OK && first < all && (uint64_t)tally->successes == first) {
        uint64_t end = first + TOGETHER < all ? first + TOGETHER : all;
        status = dam_trials_examine(trials, poll, first, end,
                                    (struct dam_trial_ends){count_retained, tally}, error);
        first = end;
    }
    tally->successes = (uint64_t)tally->successes == all;
    return status;
}

static enum dam_status try_each(struct dam_trials *trials, uint64_t first, uint64_t end,
                                struct dam_poll poll, struct tally *tally,
                                struct dam_error *error) {
    const struct dam_trial_ends retained = {count_retained, tally};
    const struct dam_trial_ends unstable = {count_unstable, tally};
    const struct dam_trial_ends recovered = {count_recovered, tally};
    switch (tally->asked->criterion) {
    case DAM_RETAINED:
        return dam_trials_examine(trials, poll, first, end, retained, error);
    case DAM_RETAINED_ALL:
        return examine_all(trials, poll, tally, error);
    case DAM_UNSTABLE_SPINS:
        return dam_trials_examine(trials, poll, first, end, unstable, error);
    case DAM_RECOVERED:
        break;
    }
    return dam_trials_retrieve(trials, tally->asked->max_sweeps, poll, first, end, recovered,
                               error);
}

enum dam_status dam_criterion_try(const struct dam_criterion_trials *asked, uint64_t first,
                                  uint64_t end, struct dam_poll poll, int64_t *successes,
                                  struct dam_error *error) {
    bool all = asked->criterion == DAM_RETAINED_ALL;
    uint64_t starts = all ? (uint64_t)asked->setting.memories : end - first;
    struct tally tally = {.asked = asked};
    struct dam_trials trials;
    enum dam_status status = dam_trials_new(&trials, &asked->setting, &asked->names, starts, error);
    if (status == DAM_OK)
        status = try_each(&trials, first, end, poll, &tally, error);
    dam_trials_destroy(&trials);
    *successes = tally.successes;
    return status;
}
