#include "run/plan.h"
#include "run/deal.h"
#include "run/open.h"
#include "run/reduction.h"
#include "run/simulate.h"
#include "run/stop.h"
#include "run/task.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The kind's prediction is right up to a factor that changes slowly with the length of a start: it
 * is measured at a few lengths and interpolated between them. Parts of long starts take longer to
 * set up, and to do a piece of, than short starts to run: they are fewer. */
enum { SAMPLES_MAX = 16, PARTS_MAX = 4 };

/* Starting MPI and writing a small file: measured at about this on one node. */
static const double overhead = 0.35;

struct sample {
    double length;              /* s of a start as predicted */
    double measured, predicted; /* s */
};

struct calibration {
    struct sample samples[SAMPLES_MAX]; /* of increasing length */
    size_t count;
    size_t cells; /* that were measured */
};

struct budget {
    double seconds;
    double begin, last; /* clock at the first and at the last call */
    bool begun;
};

static bool is_over(void *context) {
    struct budget *budget = context;
    budget->last = dam_clock();
    if (!budget->begun)
        budget->begin = budget->last;
    budget->begun = true;
    return budget->last > budget->begin + budget->seconds;
}

static double length_of(const struct dam_study *study, const struct dam_kind *kind,
                        uint32_t index) {
    struct dam_cell cell;
    struct dam_cost cost;
    dam_study_cell(study, index, &cell);
    kind->cost(&cell, &cost);
    return cost.start_seconds;
}

/* A cell that may be measured. */
struct candidate {
    double length; /* s of a start as predicted */
    double work;   /* s of the whole cell */
    uint32_t cell;
};

static struct candidate candidate_of(const struct dam_study *study, const struct dam_kind *kind,
                                     uint32_t index) {
    struct dam_cell cell;
    struct dam_cost cost;
    dam_study_cell(study, index, &cell);
    kind->cost(&cell, &cost);
    struct dam_round round = dam_first_round(kind, &cell);
    return (struct candidate){cost.start_seconds, dam_round_seconds(&cost, &round), index};
}

static int by_length(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    return (a->length > b->length) - (a->length < b->length);
}

/* Candidates by length, shortest first; of a large grid a thousand cells say enough. */
static struct candidate *candidates_new(const struct dam_study *study, const struct dam_kind *kind,
                                        size_t *count) {
    *count = study->cell_count < 1000 ? study->cell_count : 1000;
    struct candidate *candidates = calloc(*count + 1, sizeof *candidates);
    for (size_t i = 0; candidates != NULL && i < *count; i++) {
        uint32_t cell = (uint32_t)((double)i * (double)study->cell_count / (double)*count);
        candidates[i] = candidate_of(study, kind, cell);
    }
    if (candidates != NULL)
        qsort(candidates, *count, sizeof *candidates, by_length);
    return candidates;
}

/* Keep those at even steps of the work, where most of the time goes; returns how many. */
static size_t choose_samples(struct candidate *candidates, size_t count, int most) {
    double total = 0, passed = 0;
    for (size_t i = 0; i < count; i++)
        total += candidates[i].work;
    size_t chosen = 0;
    for (size_t i = 0; i < count; i++) {
        double step = total / most, middle = (floor(passed / step + 0.5) + 0.5) * step;
        passed += candidates[i].work;
        if (passed >= middle || count <= (size_t)most)
            candidates[chosen++] = candidates[i];
    }
    return chosen;
}

/* Run blocks of starts as they are dealt, one of each replica, until `seconds` are spent; they are
 * cut to less than that, with room for a prediction that is too low. Nothing is measured where none
 * ends. */
static void measure_starts(struct dam_task_runner *runner, const struct dam_round *plan,
                           const struct dam_cost *cost, struct dam_item *item, double seconds,
                           struct sample *sample) {
    double block = fmin((double)plan->starts, (double)dam_block_starts(cost));
    double fitting = floor((seconds / 2 - cost->replica_seconds) / cost->start_seconds);
    item->start_end = (uint64_t)fmax(1, fmin(block, fitting));
    struct budget budget = {.seconds = seconds, .begin = dam_clock(), .begun = true};
    runner->poll = (struct dam_poll){is_over, &budget};
    struct dam_error ignored;
    double one;
    for (; item->replica == 0 || !is_over(&budget); item->replica++) {
        if (dam_task_try(runner, item, plan, &one, &ignored) != DAM_OK)
            break;
        sample->measured += one;
        sample->predicted += cost->replica_seconds + cost->start_seconds * (double)item->start_end;
    }
}

/* Do a part of a start for `seconds`, set-up apart. */
static void measure_part(struct dam_task_runner *runner, const struct dam_round *plan,
                         const struct dam_cost *cost, struct dam_item *item, double seconds,
                         struct sample *sample) {
    struct budget budget = {.seconds = seconds};
    runner->poll = (struct dam_poll){is_over, &budget};
    struct dam_error ignored;
    double share = 0;
    item->start_end = 1;
    if (dam_task_try_part(runner, item, plan, &share, &ignored) != DAM_OK)
        return;
    sample->measured = budget.last - budget.begin;
    sample->predicted = share * cost->start_seconds;
}

/* For about `seconds`; of what is too large for this machine, and of what fails, nothing. */
static struct sample measure(struct dam_task_runner *runner, const struct candidate *candidate,
                             double seconds) {
    struct dam_cell cell;
    struct dam_cost cost;
    dam_study_cell(runner->study, candidate->cell, &cell);
    runner->kind->cost(&cell, &cost);
    const struct dam_round plan = dam_first_round(runner->kind, &cell);
    struct sample sample = {.length = candidate->length};
    struct dam_item item = {.cell = candidate->cell};
    if (cost.bytes > 0.5 * dam_physical_memory() || plan.replicas == 0)
        return sample;
    if (runner->kind->part != NULL)
        measure_part(runner, &plan, &cost, &item, seconds, &sample);
    else
        measure_starts(runner, &plan, &cost, &item, seconds, &sample);
    return sample;
}

/* Samples come by length; those of the same are one. */
static void add_sample(struct calibration *calibration, const struct sample *sample) {
    struct sample *samples = calibration->samples;
    size_t at = calibration->count;
    if (!(sample->measured > 0 && sample->predicted > 0))
        return;
    if (at > 0 && samples[at - 1].length == sample->length)
        at--;
    samples[at].length = sample->length;
    samples[at].measured += sample->measured;
    samples[at].predicted += sample->predicted;
    calibration->count = at + 1;
    calibration->cells++;
}

static enum dam_status calibrate(const struct dam_study *study, const struct dam_kind *kind,
                                 double seconds, struct calibration *calibration,
                                 struct dam_error *error) {
    size_t count;
    struct candidate *candidates = candidates_new(study, kind, &count);
    if (candidates == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to plan");
    struct dam_task_runner runner = dam_task_runner_new(study, kind);
    size_t samples =
        choose_samples(candidates, count, kind->part != NULL ? PARTS_MAX : SAMPLES_MAX);
    for (size_t s = 0; s < samples; s++) {
        const struct sample sample = measure(&runner, &candidates[s], seconds / (double)samples);
        add_sample(calibration, &sample);
    }
    dam_task_runner_destroy(&runner);
    free(candidates);
    return DAM_OK;
}

static double factor(const struct sample *sample) {
    return sample->measured / sample->predicted;
}

/* Measured over predicted for starts of this length: linear between samples in the logarithm. */
static double factor_at(const struct calibration *calibration, double length) {
    const struct sample *samples = calibration->samples;
    size_t count = calibration->count;
    if (count == 0)
        return 1;
    if (length <= samples[0].length)
        return factor(&samples[0]);
    for (size_t s = 1; s < count; s++) {
        const struct sample *low = &samples[s - 1], *high = &samples[s];
        if (length > high->length)
            continue;
        double t = log(length / low->length) / log(high->length / low->length);
        return factor(low) * pow(factor(high) / factor(low), t);
    }
    return factor(&samples[count - 1]);
}

/* ---- publishing ---- */

/* Where there are no rows there are no states. */
static enum dam_status no_state(void *context, uint32_t replica, void **state, size_t *size,
                                struct dam_error *error) {
    (void)context;
    (void)replica;
    (void)error;
    *state = NULL;
    *size = 0;
    return DAM_OK;
}

/* Reduce a cell without rows: what takes long, if anything, are its closed forms. */
static enum dam_status reduce_empty(const struct dam_study *study, struct dam_reduction *reduction,
                                    uint32_t index, struct dam_error *error) {
    struct dam_cell cell;
    dam_study_cell(study, index, &cell);
    const struct dam_round_rows rows = {.plan = dam_first_round(reduction->kind, &cell)};
    const struct dam_history history = {
        .round_count = rows.plan.replicas > 0, .rounds = &rows, .state = no_state};
    return dam_reduction_make(reduction, &cell, &history, error);
}

/* The mean time to reduce a cell, from cells that are spread over the grid however many are tried
 * within `seconds`: by the golden ratio. */
static enum dam_status measure_reduction(const struct dam_study *study, const struct dam_kind *kind,
                                         double seconds, double *mean, struct dam_error *error) {
    double begin = dam_clock(), place = 0.5, taken = 0;
    struct dam_reduction reduction;
    enum dam_status status = dam_reduction_new(&reduction, kind, error);
    size_t count = 0;
    while (status == DAM_OK && (count == 0 || (count < study->cell_count && taken < seconds))) {
        uint32_t index = (uint32_t)(place * (double)study->cell_count);
        status = reduce_empty(study, &reduction, index, error);
        count++;
        place = fmod(place + 0.6180339887498949, 1);
        taken = dam_clock() - begin;
    }
    *mean = taken / (double)count;
    dam_reduction_destroy(&reduction);
    return status;
}

/* ---- forecasts ---- */

struct forecaster {
    const struct dam_study *study;
    const struct dam_kind *kind;
    struct calibration calibration;
    double reduction; /* s of a cell, at the end */
};

static double factor_of(void *context, uint32_t cell) {
    const struct forecaster *forecaster = context;
    return factor_at(&forecaster->calibration,
                     length_of(forecaster->study, forecaster->kind, cell));
}

static enum dam_status predict(struct forecaster *forecaster, struct dam_plan *plan,
                               struct dam_forecast *forecast, struct dam_error *error) {
    const struct dam_simulation simulation = {.study = forecaster->study,
                                              .kind = forecaster->kind,
                                              .ranks = forecast->ranks,
                                              .factor = factor_of,
                                              .context = forecaster};
    struct dam_simulated simulated;
    enum dam_status status = dam_simulate(&simulation, &simulated, error);
    if (status != DAM_OK)
        return status;
    plan->sizes.tasks = simulated.tasks;
    plan->sizes.journal_bytes = simulated.journal_bytes;
    plan->core_seconds = simulated.core_seconds;
    plan->longest_seconds = simulated.longest_seconds;
    double ranks = (double)forecast->ranks;
    forecast->efficiency =
        simulated.tasks == 0 ? 1 : simulated.core_seconds / (ranks * simulated.seconds);
    forecast->seconds =
        simulated.seconds + overhead + forecaster->reduction * (double)plan->cells / ranks;
    return DAM_OK;
}

enum dam_status dam_plan_make(const struct dam_study *study, const struct dam_kind *kind,
                              double seconds, struct dam_plan *plan, struct dam_forecast *forecasts,
                              size_t forecast_count, struct dam_error *error) {
    struct forecaster forecaster = {.study = study, .kind = kind};
    *plan = (struct dam_plan){.cells = study->cell_count,
                              .rounds = kind->more == NULL      ? DAM_PLAN_ONE_ROUND
                                        : kind->imagine != NULL ? DAM_PLAN_IMAGINED
                                                                : DAM_PLAN_FIRST_ROUNDS,
                              .by_parts = kind->part != NULL};
    dam_open_sizes(study, kind, &plan->sizes);
    enum dam_status status = dam_open_prepare(study, kind, error);
    if (status == DAM_OK)
        status = calibrate(study, kind, seconds, &forecaster.calibration, error);
    plan->measured_cells = forecaster.calibration.cells;
    if (status == DAM_OK)
        status = measure_reduction(study, kind, seconds / 8, &forecaster.reduction, error);
    for (size_t f = 0; status == DAM_OK && f < forecast_count; f++)
        status = predict(&forecaster, plan, &forecasts[f], error);
    return status;
}
