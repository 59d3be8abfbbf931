#include "cli/bench_measure.h"
#include "cli/bench_bounds.h"
#include "run/stop.h"
#include <dam/retrieval.h>
#include <math.h>

enum { SEED = 1, MAX_SWEEPS = 1000 };

/* ---- the network ---- */

void dam_bench_close(struct dam_bench_network *network) {
    dam_patterns_destroy(network->patterns);
    dam_energy_destroy(network->energy);
    *network = (struct dam_bench_network){0};
}

enum dam_status dam_bench_open(struct dam_bench_network *network,
                               const struct dam_bench_setting *setting, struct dam_error *error) {
    *network = (struct dam_bench_network){0};
    enum dam_status status =
        dam_energy_new(&network->energy, setting->form, setting->power, setting->neurons, error);
    if (status == DAM_OK)
        status = dam_patterns_new(&network->patterns, setting->neurons, setting->memories, error);
    if (status != DAM_OK) {
        dam_bench_close(network);
        return status;
    }
    struct dam_stream stream = dam_stream_open(SEED, DAM_PURPOSE_PATTERNS, NULL, 0, 0);
    dam_patterns_draw(network->patterns, &stream);
    return DAM_OK;
}

static void draw_start(uint64_t start, int neurons, int8_t *spins) {
    struct dam_stream stream = dam_stream_open(SEED, DAM_PURPOSE_START, NULL, 0, start);
    for (int i = 0; i < neurons; i++)
        spins[i] = dam_stream_next(&stream) & 1 ? 1 : -1;
}

/* ---- starts ---- */

struct batch {
    int neurons;
    double deadline;
};

static bool passed(void *context) {
    const struct batch *batch = context;
    return dam_clock() >= batch->deadline;
}

static void set_start(void *context, uint64_t start, int8_t *spins, struct dam_stream *order) {
    const struct batch *batch = context;
    (void)order;
    draw_start(start, batch->neurons, spins);
}

static void ignore(void *context, uint64_t start, const struct dam_ensemble_end *end) {
    (void)context;
    (void)start;
    (void)end;
}

/* Larger and larger batches, each of other starts, until one fills the time or all starts are
 * begun together; the last that ended is the one to report. */
static enum dam_status run_batches(struct dam_ensemble *ensemble, struct batch *batch,
                                   double seconds, uint64_t size, struct dam_bench_starts *measured,
                                   struct dam_error *error) {
    const struct dam_ensemble_options options = {.order = DAM_ORDER_SEQUENTIAL,
                                                 .max_sweeps = MAX_SWEEPS,
                                                 .poll = {passed, batch},
                                                 .begin = set_start,
                                                 .end = ignore,
                                                 .context = batch};
    uint64_t first = 0;
    for (;;) {
        struct dam_ensemble_counts before = dam_ensemble_counts(ensemble);
        double began = dam_clock();
        enum dam_status status = dam_ensemble_run(ensemble, &options, first, first + size, error);
        double took = dam_clock() - began;
        if (status != DAM_OK)
            return status == DAM_STOPPED ? DAM_OK : status;
        struct dam_ensemble_counts after = dam_ensemble_counts(ensemble);
        measured->seconds = took;
        measured->starts = size;
        measured->visits = after.visits - before.visits;
        measured->flips = after.flips - before.flips;
        if (took >= seconds / 2 || size >= DAM_BENCH_STARTS_A_SET)
            return DAM_OK;
        first += size;
        size = (uint64_t)fmin(fmax(2, fmin(16, seconds / took)) * (double)size,
                              DAM_BENCH_STARTS_A_SET);
    }
}

/* The beginning of a start that does not end in time. */
static enum dam_status run_part(const struct dam_bench_network *network, struct batch *batch,
                                double seconds, struct dam_bench_starts *measured,
                                struct dam_error *error) {
    struct dam_retrieval *retrieval;
    enum dam_status status =
        dam_retrieval_new(&retrieval, network->energy, network->patterns, error);
    if (status != DAM_OK)
        return status;
    int8_t spins[DAM_NEURONS_MAX];
    draw_start(0, batch->neurons, spins);
    const struct dam_retrieval_options options = {
        .order = DAM_ORDER_SEQUENTIAL, .max_sweeps = MAX_SWEEPS, .poll = {passed, batch}};
    struct dam_retrieval_outcome outcome;
    dam_retrieval_set(retrieval, spins);
    double began = dam_clock();
    batch->deadline = began + seconds;
    status = dam_retrieval_run(retrieval, &options, NULL, &outcome, error);
    measured->seconds = dam_clock() - began;
    measured->visits = dam_retrieval_counts(retrieval).visits;
    dam_retrieval_destroy(retrieval);
    return status == DAM_STOPPED ? DAM_OK : status;
}

enum dam_status dam_bench_starts(const struct dam_bench_network *network,
                                 enum dam_algorithm algorithm, double seconds, double limit,
                                 struct dam_bench_starts *measured, struct dam_error *error) {
    *measured = (struct dam_bench_starts){0};
    bool sums = algorithm == DAM_ALGORITHM_SUMS;
    struct dam_ensemble *ensemble;
    double began = dam_clock();
    enum dam_status status = dam_ensemble_new(&ensemble, algorithm, network->energy,
                                              network->patterns, DAM_BENCH_STARTS_A_SET, error);
    if (status != DAM_OK)
        return status;
    measured->setup = dam_clock() - began;
    struct batch batch = {network->patterns->neurons, dam_clock() + limit};
    /* Algorithms that take many starts at a time are not themselves with less. */
    status = run_batches(ensemble, &batch, seconds, sums ? 1 : 64, measured, error);
    dam_ensemble_destroy(ensemble);
    if (status != DAM_OK || measured->starts > 0 || !sums)
        return status;
    return run_part(network, &batch, 2 * seconds, measured, error);
}

/* ---- visits ---- */

struct visiting {
    struct dam_retrieval *retrieval;
    int neurons, next;
    int count; /* visits in one call */
};

static void visit_some(void *context) {
    struct visiting *visiting = context;
    for (int v = 0; v < visiting->count; v++) {
        (void)dam_retrieval_unstable(visiting->retrieval, visiting->next);
        visiting->next = visiting->next + 1 < visiting->neurons ? visiting->next + 1 : 0;
    }
}

enum dam_status dam_bench_visit(const struct dam_bench_network *network, double seconds,
                                double *visit, struct dam_error *error) {
    static const int64_t enough = 100000; /* interactions in one call */
    struct visiting visiting = {.neurons = network->patterns->neurons,
                                .count = (int)(1 + enough / network->patterns->memories)};
    enum dam_status status =
        dam_retrieval_new(&visiting.retrieval, network->energy, network->patterns, error);
    if (status != DAM_OK)
        return status;
    int8_t spins[DAM_NEURONS_MAX];
    draw_start(0, visiting.neurons, spins);
    dam_retrieval_set(visiting.retrieval, spins);
    *visit = dam_bench_time(visit_some, &visiting, seconds) / visiting.count;
    dam_retrieval_destroy(visiting.retrieval);
    return DAM_OK;
}
