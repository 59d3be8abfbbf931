/* How many starts end in a stored memory: the capacity simulations of Krotov & Hopfield 2016,
 * sections 1-2 and appendix.
 *
 * A replica is one random pattern set; each start is one retrieval in it. A record counts whole
 * starts, in integers, so that the sum over any division of the starts is the same. */
#include "kinds/capacity_cost.h"
#include "kinds/kinds.h"
#include "kinds/model.h"
#include "kinds/trials.h"
#include <assert.h>
#include <dam/energy.h>
#include <dam/statistics.h>
#include <dam/theory.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENERGY, POWER, NEURONS, MEMORIES, LOAD, START, NOISE, ORDER, MAX_SWEEPS, STARTS };
static const struct dam_parameter parameters[] = {
    [ENERGY] = DAM_PARAMETER_ENERGY,
    [POWER] = DAM_PARAMETER_POWER,
    [NEURONS] = DAM_PARAMETER_NEURONS,
    [MEMORIES] = {.name = "K",
                  .type = DAM_INTEGER,
                  .required = true,
                  .low.integer = 1,
                  .high.integer = INT64_C(1000000000000),
                  .unit = "memories",
                  .doc = "stored memories; give K or load"},
    [LOAD] = {.name = "load",
              .type = DAM_REAL,
              .role = DAM_DERIVED,
              .required = true,
              .low.real = 0,
              .low_open = true,
              .high.real = 1e12,
              .unit = "memories / neurons^(n-1)",
              .doc = "load: K = floor(load N^(n-1) + 0.5)"},
    [START] = DAM_PARAMETER_START,
    [NOISE] = DAM_PARAMETER_NOISE,
    [ORDER] = DAM_PARAMETER_ORDER,
    [MAX_SWEEPS] = DAM_PARAMETER_MAX_SWEEPS,
    [STARTS] = {.name = "starts",
                .type = DAM_INTEGER,
                .role = DAM_BUDGET,
                .standard.integer = 100,
                .low.integer = 1,
                .high.integer = 1000000000,
                .unit = "starts",
                .doc = "starts in each pattern set"},
};

enum {
    RECOVERED,
    RECOVERED_OTHER,
    RECOVERED_MIRROR,
    TRIALS,
    UNCONVERGED,
    MEAN_OVERLAP,
    UNSTABLE_SPINS,
    MEAN_SWEEPS,
    MEAN_FLIPS,
    RECOVERED_LOW,
    RECOVERED_HIGH,
    INTERVAL_COVERS,
    THEORY_GAUSSIAN,
    THEORY_EXACT,
    THEORY_K_MAX,
    HISTOGRAM,
    COLUMN_COUNT
};

static const char *const scopes[] = {
    [DAM_INTERVAL_NONE] = "nothing",
    [DAM_INTERVAL_STARTS] = "starts",
    [DAM_INTERVAL_SETS] = "sets",
    NULL,
};

static const struct dam_column columns[] = {
    [RECOVERED] = {.name = "recovered",
                   .unit = "starts",
                   .doc = "starts that ended exactly in a stored memory (start: memory: in the one "
                          "started from)"},
    [RECOVERED_OTHER] = {.name = "recovered_other",
                         .unit = "starts",
                         .doc = "start: memory: starts that ended exactly in another memory"},
    [RECOVERED_MIRROR] = {.name = "recovered_mirror",
                          .unit = "starts",
                          .doc = "starts that ended exactly in the negative of a memory"},
    [TRIALS] = {.name = "trials", .unit = "starts", .doc = "all starts of all pattern sets"},
    [UNCONVERGED] = {.name = "unconverged",
                     .unit = "starts",
                     .doc = "starts that reached max_sweeps without a quiet sweep"},
    [MEAN_OVERLAP] = {.name = "mean_overlap",
                      .type = DAM_REAL,
                      .unit = "1",
                      .doc = "mean of max_mu h_mu / N in the final state (start: memory: of the "
                             "starting memory's h / N)"},
    [UNSTABLE_SPINS] = {.name = "unstable_spins",
                        .type = DAM_REAL,
                        .unit = "1",
                        .doc = "start: memory: share of the intact memory's spins that the update "
                               "would flip"},
    [MEAN_SWEEPS] = {.name = "mean_sweeps",
                     .type = DAM_REAL,
                     .unit = "sweeps",
                     .doc = "mean sweeps of a start, the quiet one included"},
    [MEAN_FLIPS] = {.name = "mean_flips",
                    .type = DAM_REAL,
                    .unit = "flips",
                    .doc = "mean flips of a start"},
    [RECOVERED_LOW] = {.name = "recovered_low",
                       .type = DAM_REAL,
                       .unit = "1",
                       .doc = "lower end of the 95 % interval of the recovered share"},
    [RECOVERED_HIGH] = {.name = "recovered_high",
                        .type = DAM_REAL,
                        .unit = "1",
                        .doc = "upper end of the 95 % interval of the recovered share"},
    [INTERVAL_COVERS] = {.name = "interval_covers",
                         .type = DAM_CHOICE,
                         .choices = scopes,
                         .unit = "1",
                         .doc = "what the interval allows for: the variance between pattern sets, "
                                "or with one set that of its starts only"},
    [THEORY_GAUSSIAN] = {.name = "theory_p_error_gaussian",
                         .type = DAM_REAL,
                         .unit = "1",
                         .doc = "P_error of one spin of a stored memory, Gaussian tail"},
    [THEORY_EXACT] = {.name = "theory_p_error_exact",
                      .type = DAM_REAL,
                      .unit = "1",
                      .doc = "P_error of one spin of a stored memory, exact at this N and K"},
    [THEORY_K_MAX] = {.name = "theory_k_max",
                      .type = DAM_REAL,
                      .unit = "memories",
                      .doc = "K_max without errors, c N^(n-1) / (2 (2n-3)!! ln N)"},
    [HISTOGRAM] = {.name = "overlap_histogram",
                   .shape = DAM_ARRAY,
                   .unit = "starts",
                   .doc =
                       "final states by their largest overlap: bin b counts max_mu h_mu = 2b - N"},
};

/* A record: these counts, then a histogram of N + 1 bins of uint32_t, padded to 8 bytes. */
struct counts {
    int64_t recovered, other, mirror, trials, unconverged;
    int64_t overlap;        /* sum of max_mu h_mu, or of the starting memory's h */
    int64_t unstable_spins; /* sum over starts, of N each */
    int64_t sweeps, flips;
};

static int neurons_of(const struct dam_cell *cell) {
    return (int)cell->values[NEURONS].integer;
}

static size_t record_size(const struct dam_cell *cell) {
    size_t bins = (size_t)neurons_of(cell) + 1;
    return sizeof(struct counts) + (bins * sizeof(uint32_t) + 7) / 8 * 8;
}

static uint32_t *histogram_of(void *record) {
    return (uint32_t *)((unsigned char *)record + sizeof(struct counts));
}

/* N^(n-1) by multiplication: the same digits on every CPU. */
static double neurons_to_power(const union dam_value *values) {
    double product = 1;
    for (int64_t i = 1; i < values[POWER].integer; i++)
        product *= (double)values[NEURONS].integer;
    return product;
}

static enum dam_status resolve(union dam_value *values, const bool *given, size_t *blame,
                               struct dam_error *error) {
    double scale = neurons_to_power(values);
    if (given[MEMORIES] == given[LOAD]) {
        *blame = given[LOAD] ? LOAD : MEMORIES;
        return dam_fail(error, DAM_INPUT, "%s",
                        given[LOAD] ? "K is given too; give one of K and load"
                                    : "no number of memories; give K or load");
    }
    if (given[LOAD]) {
        double memories = floor(values[LOAD].real * scale + 0.5);
        double most = (double)parameters[MEMORIES].high.integer;
        *blame = LOAD;
        if (memories < 1 || memories > most)
            return dam_fail(error, DAM_INPUT,
                            "%.12g at n = %lld, N = %lld gives K = %.12g; allowed: K 1..%.0f",
                            values[LOAD].real, (long long)values[POWER].integer,
                            (long long)values[NEURONS].integer, memories, most);
        values[MEMORIES].integer = (int64_t)memories;
    }
    /* The same cell whether K or load named it. */
    values[LOAD].real = (double)values[MEMORIES].integer / scale;
    if (values[START].integer == DAM_START_RANDOM)
        values[NOISE].real = 0;
    return DAM_OK;
}

static struct dam_dynamics_setting setting_of(const struct dam_cell *cell) {
    const union dam_value *values = cell->values;
    return (struct dam_dynamics_setting){
        .form = (enum dam_energy_form)values[ENERGY].integer,
        .power = (int)values[POWER].integer,
        .neurons = neurons_of(cell),
        .memories = values[MEMORIES].integer,
        .from_memory = values[START].integer == DAM_START_MEMORY,
        .noise = values[NOISE].real,
        .order = (enum dam_update_order)values[ORDER].integer,
    };
}

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    const struct dam_dynamics_setting setting = setting_of(cell);
    dam_capacity_seconds(&setting, cell->values[MAX_SWEEPS].integer, cost);
    cost->bytes = dam_trials_bytes(&setting) + (double)record_size(cell);
}

/* ---- one task ---- */

static uint64_t starts_of(const struct dam_cell *cell) {
    return (uint64_t)cell->values[STARTS].integer;
}

/* What one task fills. */
struct filling {
    int neurons;
    struct counts *counts;
    uint32_t *histogram;
};

static void count_unstable(void *context, const struct dam_ensemble_end *end, int overlap) {
    const struct filling *filling = context;
    (void)overlap;
    filling->counts->unstable_spins += end->unstable;
}

/* Count where a start ended: the first that holds of recovered, other, mirror. */
static void count_end(void *context, const struct dam_ensemble_end *end, int overlap) {
    const struct filling *filling = context;
    struct counts *counts = filling->counts;
    int neurons = filling->neurons;
    if (overlap == neurons)
        counts->recovered++;
    else if (end->highest == neurons)
        counts->other++;
    else if (end->lowest == -neurons)
        counts->mirror++;
    counts->trials++;
    counts->unconverged += !end->outcome.converged;
    counts->sweeps += end->outcome.sweeps;
    counts->flips += end->outcome.flips;
    counts->overlap += overlap;
    filling->histogram[(end->highest + neurons) / 2]++;
}

static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    const struct dam_dynamics_setting setting = setting_of(task->cell);
    const struct dam_trial_names names = {task->seed, &task->cell->hash, task->replica};
    uint64_t first = task->start_begin, end = task->start_end;
    struct filling filling = {setting.neurons, record, histogram_of(record)};
    struct dam_trials trials;
    enum dam_status status = dam_trials_new(&trials, &setting, &names, end - first, error);
    if (status == DAM_OK && setting.from_memory)
        status = dam_trials_examine(&trials, task->poll, first, end,
                                    (struct dam_trial_ends){count_unstable, &filling}, error);
    if (status == DAM_OK)
        status =
            dam_trials_retrieve(&trials, task->cell->values[MAX_SWEEPS].integer, task->poll, first,
                                end, (struct dam_trial_ends){count_end, &filling}, error);
    dam_trials_destroy(&trials);
    return status;
}

static void add(struct counts *sum, const struct counts *more) {
    sum->recovered += more->recovered;
    sum->other += more->other;
    sum->mirror += more->mirror;
    sum->trials += more->trials;
    sum->unconverged += more->unconverged;
    sum->overlap += more->overlap;
    sum->unstable_spins += more->unstable_spins;
    sum->sweeps += more->sweeps;
    sum->flips += more->flips;
}

static void merge(const struct dam_cell *cell, void *into, const void *record) {
    add(into, record);
    uint32_t *bins = histogram_of(into);
    const uint32_t *more = histogram_of((void *)record);
    for (int b = 0; b <= neurons_of(cell); b++)
        bins[b] += more[b];
}

static struct dam_extent extent(const struct dam_cell *cell, size_t column) {
    assert(column == HISTOGRAM);
    (void)column;
    return (struct dam_extent){1, {(size_t)neurons_of(cell) + 1}};
}

static enum dam_status interval(const struct dam_round_rows *rows, struct dam_interval *interval,
                                struct dam_error *error) {
    int64_t *successes = calloc(2 * rows->count + 1, sizeof *successes);
    if (successes == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for the counts of %zu pattern sets",
                        rows->count);
    int64_t *trials = successes + rows->count;
    for (size_t r = 0; r < rows->count; r++) {
        const struct counts *counts = rows->records[r];
        successes[r] = counts->recovered;
        trials[r] = counts->trials;
    }
    *interval = dam_interval_shared(successes, trials, rows->count);
    free(successes);
    return DAM_OK;
}

static void reduce_counts(const struct dam_cell *cell, const struct counts *sum,
                          union dam_value *out) {
    double N = neurons_of(cell), trials = (double)sum->trials;
    bool from_memory = cell->values[START].integer == DAM_START_MEMORY;
    out[RECOVERED].integer = sum->recovered;
    out[RECOVERED_OTHER].integer = sum->other;
    out[RECOVERED_MIRROR].integer = sum->mirror;
    out[TRIALS].integer = sum->trials;
    out[UNCONVERGED].integer = sum->unconverged;
    bool any = sum->trials > 0;
    out[MEAN_OVERLAP].real = any ? (double)sum->overlap / (N * trials) : (double)NAN;
    out[UNSTABLE_SPINS].real =
        any && from_memory ? (double)sum->unstable_spins / (N * trials) : (double)NAN;
    out[MEAN_SWEEPS].real = any ? (double)sum->sweeps / trials : (double)NAN;
    out[MEAN_FLIPS].real = any ? (double)sum->flips / trials : (double)NAN;
}

static void theory(const struct dam_cell *cell, union dam_value *out) {
    enum dam_energy_form form = (enum dam_energy_form)cell->values[ENERGY].integer;
    int power = (int)cell->values[POWER].integer, neurons = neurons_of(cell);
    int64_t memories = cell->values[MEMORIES].integer;
    out[THEORY_GAUSSIAN].real = dam_theory_p_error_gaussian(form, power, neurons, memories);
    out[THEORY_EXACT].real = dam_theory_p_error_exact(form, power, neurons, memories);
    out[THEORY_K_MAX].real = dam_theory_k_max(form, power, neurons);
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    const struct dam_round_rows *rows = &history->rounds[0];
    struct counts sum = {0};
    int64_t *histogram = output->arrays[HISTOGRAM];
    for (size_t r = 0; r < rows->count; r++) {
        add(&sum, rows->records[r]);
        const uint32_t *bins = histogram_of((void *)rows->records[r]);
        for (int b = 0; b <= neurons_of(cell); b++)
            histogram[b] += bins[b];
    }
    struct dam_interval recovered;
    enum dam_status status = interval(rows, &recovered, error);
    if (status != DAM_OK)
        return status;
    reduce_counts(cell, &sum, output->scalars);
    output->scalars[RECOVERED_LOW].real = recovered.low;
    output->scalars[RECOVERED_HIGH].real = recovered.high;
    output->scalars[INTERVAL_COVERS].integer = recovered.scope;
    theory(cell, output->scalars);
    return DAM_OK;
}

const struct dam_kind dam_kind_capacity = {
    .schema = {.name = "capacity",
               .summary = "share of starts that end in a stored memory, over (N, K, n)",
               .reference = "Krotov & Hopfield 2016, arXiv 1606.01164, sections 1-2 and appendix",
               .version = 1,
               .parameters = parameters,
               .parameter_count = sizeof parameters / sizeof *parameters,
               .resolve = resolve},
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .cost = cost,
    .starts = starts_of,
    .record_size = record_size,
    .run = run,
    .merge = merge,
    .extent = extent,
    .reduce = reduce,
};
