#include "kinds/trials.h"
#include <math.h>
#include <stdlib.h>

enum dam_status dam_trials_new(struct dam_trials *trials,
                               const struct dam_dynamics_setting *setting,
                               const struct dam_trial_names *names, uint64_t starts,
                               struct dam_error *error) {
    int neurons = setting->neurons;
    int64_t memories = setting->memories;
    *trials = (struct dam_trials){.setting = *setting, .names = *names};
    trials->choice = malloc((size_t)neurons * sizeof *trials->choice);
    if (trials->choice == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a state of %d spins", neurons);
    enum dam_status status =
        dam_energy_new(&trials->energy, setting->form, setting->power, neurons, error);
    if (status == DAM_OK)
        status = dam_patterns_new(&trials->patterns, neurons, memories, error);
    if (status != DAM_OK)
        return status;
    struct dam_stream stream =
        dam_stream_open(names->seed, DAM_PURPOSE_PATTERNS, names->cell, names->set, 0);
    dam_patterns_draw(trials->patterns, &stream);
    return dam_ensemble_new(&trials->ensemble,
                            dam_ensemble_choose(trials->energy, memories, starts), trials->energy,
                            trials->patterns, starts, error);
}

void dam_trials_destroy(struct dam_trials *trials) {
    dam_ensemble_destroy(trials->ensemble);
    dam_patterns_destroy(trials->patterns);
    dam_energy_destroy(trials->energy);
    free(trials->choice);
    *trials = (struct dam_trials){0};
}

double dam_trials_bytes(const struct dam_dynamics_setting *setting) {
    return (double)dam_patterns_bytes(setting->neurons, setting->memories) +
           (double)dam_ensemble_bytes(setting->form, setting->power, setting->neurons,
                                      setting->memories) +
           (double)sizeof(int) * (double)setting->neurons;
}

/* ---- how a start begins ---- */

static void draw_random_spins(int8_t *spins, int neurons, struct dam_stream *stream) {
    uint64_t bits = 0;
    for (int i = 0; i < neurons; i++, bits >>= 1) {
        if (i % 64 == 0)
            bits = dam_stream_next64(stream);
        spins[i] = (int8_t)(2 * (int)(bits & 1) - 1);
    }
}

/* Flip `count` different spins: the head of a partial Fisher-Yates shuffle. */
static void flip_some(struct dam_trials *trials, int8_t *spins, int count,
                      struct dam_stream *stream) {
    int neurons = trials->setting.neurons;
    for (int i = 0; i < neurons; i++)
        trials->choice[i] = i;
    for (int i = 0; i < count; i++) {
        int j = i + (int)dam_stream_below(stream, (uint64_t)(neurons - i));
        int chosen = trials->choice[j];
        trials->choice[j] = trials->choice[i];
        spins[chosen] = (int8_t)-spins[chosen];
    }
}

static struct dam_stream stream_of(const struct dam_trials *trials, enum dam_purpose purpose,
                                   uint64_t start) {
    const struct dam_trial_names *names = &trials->names;
    return dam_stream_open(names->seed, purpose, names->cell, names->set, start);
}

/* The memory a start begins from. */
static int64_t memory_of(const struct dam_trials *trials, uint64_t start) {
    if (trials->in_turn)
        return (int64_t)start;
    struct dam_stream stream = stream_of(trials, DAM_PURPOSE_START, start);
    return (int64_t)dam_stream_below(&stream, (uint64_t)trials->setting.memories);
}

/* One call of dam_ensemble_run. */
struct pass {
    struct dam_trials *trials;
    struct dam_trial_ends ends;
    bool from_memory;
};

static void begin_intact(void *context, uint64_t start, int8_t *spins, struct dam_stream *order) {
    const struct pass *pass = context;
    const struct dam_patterns *patterns = pass->trials->patterns;
    int64_t memory = memory_of(pass->trials, start);
    (void)order;
    for (int i = 0; i < patterns->neurons; i++)
        spins[i] = (int8_t)dam_patterns_get(patterns, memory, i);
}

static void begin(void *context, uint64_t start, int8_t *spins, struct dam_stream *order) {
    const struct pass *pass = context;
    struct dam_trials *trials = pass->trials;
    if (pass->from_memory) {
        double flips = floor(trials->setting.noise * trials->setting.neurons + 0.5);
        struct dam_stream chooser = stream_of(trials, DAM_PURPOSE_NOISE, start);
        begin_intact(context, start, spins, order);
        flip_some(trials, spins, (int)flips, &chooser);
    } else {
        struct dam_stream stream = stream_of(trials, DAM_PURPOSE_START, start);
        draw_random_spins(spins, trials->setting.neurons, &stream);
    }
    *order = stream_of(trials, DAM_PURPOSE_ORDER, start);
}

/* ---- how it ends ---- */

static int overlap_with(const struct dam_patterns *patterns, int64_t memory, const int8_t *spins) {
    int overlap = 0;
    for (int i = 0; i < patterns->neurons; i++)
        overlap += dam_patterns_get(patterns, memory, i) * spins[i];
    return overlap;
}

static void end(void *context, uint64_t start, const struct dam_ensemble_end *end) {
    const struct pass *pass = context;
    const struct dam_trials *trials = pass->trials;
    int overlap = pass->from_memory
                      ? overlap_with(trials->patterns, memory_of(trials, start), end->spins)
                      : end->highest;
    pass->ends.call(pass->ends.context, end, overlap);
}

enum dam_status dam_trials_retrieve(struct dam_trials *trials, int64_t max_sweeps,
                                    struct dam_poll poll, uint64_t first, uint64_t last,
                                    struct dam_trial_ends ends, struct dam_error *error) {
    struct pass pass = {trials, ends, trials->setting.from_memory};
    const struct dam_ensemble_options options = {
        .order = trials->setting.order,
        .max_sweeps = max_sweeps,
        .poll = poll,
        .begin = begin,
        .end = end,
        .context = &pass,
    };
    return dam_ensemble_run(trials->ensemble, &options, first, last, error);
}

enum dam_status dam_trials_examine(struct dam_trials *trials, struct dam_poll poll, uint64_t first,
                                   uint64_t last, struct dam_trial_ends ends,
                                   struct dam_error *error) {
    struct pass pass = {trials, ends, true};
    const struct dam_ensemble_options options = {
        .order = trials->setting.order,
        .poll = poll,
        .begin = begin_intact,
        .end = end,
        .context = &pass,
    };
    return dam_ensemble_run(trials->ensemble, &options, first, last, error);
}
