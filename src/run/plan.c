#include "run/plan.h"
#include "run/deal.h"
#include "run/open.h"
#include "run/stop.h"
#include "run/task.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The kind's prediction is right up to a factor that changes slowly with the task's length: it is
 * measured at a few lengths and interpolated between them. */
enum { SAMPLES_MAX = 9 };

/* Starting MPI and publishing a small file: measured at about this on one node. */
static const double overhead = 0.5;

struct sample {
    double predicted; /* s of one start and its set-up on the reference core */
    double factor;    /* measured over predicted */
};

struct calibration {
    struct sample samples[SAMPLES_MAX];
    size_t count;
};

struct budget {
    double until; /* clock */
};

static bool is_over(void *context) {
    const struct budget *budget = context;
    return dam_clock() > budget->until;
}

static double start_seconds(const struct dam_study *study, const struct dam_kind *kind,
                            uint32_t index) {
    struct dam_cell cell;
    struct dam_cost cost;
    dam_study_cell(study, index, &cell);
    kind->cost(&cell, &cost);
    return cost.replica_seconds + cost.start_seconds;
}

/* The cells at even steps of predicted length: candidates[0 .. count - 1], shortest first. */
struct candidate {
    double seconds;
    uint32_t cell;
};

static int by_length(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    return (a->seconds > b->seconds) - (a->seconds < b->seconds);
}

/* Of a large grid a thousand cells say enough. */
static struct candidate *candidates_new(const struct dam_study *study, const struct dam_kind *kind,
                                        size_t *count) {
    *count = study->cell_count < 1000 ? study->cell_count : 1000;
    struct candidate *candidates = calloc(*count + 1, sizeof *candidates);
    for (size_t i = 0; candidates != NULL && i < *count; i++) {
        uint32_t cell = (uint32_t)((double)i * (double)study->cell_count / (double)*count);
        candidates[i] = (struct candidate){start_seconds(study, kind, cell), cell};
    }
    if (candidates != NULL)
        qsort(candidates, *count, sizeof *candidates, by_length);
    return candidates;
}

/* Run replicas of one start each until `seconds` are spent; false when not even one ended. */
static bool measure(struct dam_task_runner *runner, const struct candidate *candidate,
                    double seconds, double *mean) {
    struct dam_cell cell;
    struct dam_cost cost;
    dam_study_cell(runner->study, candidate->cell, &cell);
    runner->kind->cost(&cell, &cost);
    if (cost.bytes > 0.5 * dam_physical_memory())
        return false;
    struct budget budget = {dam_clock() + seconds};
    runner->poll = (struct dam_poll){is_over, &budget};
    struct dam_item item = {.cell = candidate->cell, .start_end = 1};
    const struct dam_round plan = {.replicas = 1, .starts = 1};
    struct dam_error ignored;
    double sum = 0, one;
    uint32_t done = 0;
    for (; done == 0 || !is_over(&budget); done++) {
        item.replica = done;
        if (dam_task_try(runner, &item, &plan, &one, &ignored) != DAM_OK)
            break;
        sum += one;
    }
    *mean = sum / done;
    return done > 0;
}

static enum dam_status calibrate(const struct dam_study *study, const struct dam_kind *kind,
                                 double seconds, struct calibration *calibration,
                                 struct dam_error *error) {
    size_t count;
    struct candidate *candidates = candidates_new(study, kind, &count);
    if (candidates == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to plan");
    struct dam_task_runner runner = dam_task_runner_new(study, kind);
    size_t samples = count < SAMPLES_MAX ? count : SAMPLES_MAX;

    for (size_t s = 0; s < samples; s++) {
        const struct candidate *candidate =
            &candidates[samples == 1 ? 0 : s * (count - 1) / (samples - 1)];
        double mean;
        if (measure(&runner, candidate, seconds / (double)samples, &mean))
            calibration->samples[calibration->count++] =
                (struct sample){candidate->seconds, mean / candidate->seconds};
    }
    dam_task_runner_destroy(&runner);
    free(candidates);
    return DAM_OK;
}

/* Measured over predicted for a task of this length: linear between samples in the logarithm. */
static double factor_at(const struct calibration *calibration, double predicted) {
    const struct sample *samples = calibration->samples;
    size_t count = calibration->count;
    if (count == 0)
        return 1;
    if (predicted <= samples[0].predicted)
        return samples[0].factor;
    for (size_t s = 1; s < count; s++) {
        const struct sample *low = &samples[s - 1], *high = &samples[s];
        if (predicted > high->predicted || high->predicted <= low->predicted)
            continue;
        double t = log(predicted / low->predicted) / log(high->predicted / low->predicted);
        return low->factor * pow(high->factor / low->factor, t);
    }
    return samples[count - 1].factor;
}

/* ---- the simulation ---- */

/* When each rank is free: a binary heap, the earliest first. */
static void sift(double *free_at, size_t count) {
    double value = free_at[0];
    size_t at = 0;
    for (size_t child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && free_at[child + 1] < free_at[child])
            child++;
        if (free_at[child] >= value)
            break;
        free_at[at] = free_at[child];
        at = child;
    }
    free_at[at] = value;
}

struct forecaster {
    const struct dam_study *study;
    const struct dam_kind *kind;
    const struct calibration *calibration;
    uint32_t cell; /* whose factor this is */
    double factor;
};

static double item_seconds(struct forecaster *forecaster, const struct dam_dealer *dealer,
                           const struct dam_item *item) {
    if (forecaster->cell != item->cell) {
        forecaster->cell = item->cell;
        forecaster->factor =
            factor_at(forecaster->calibration,
                      start_seconds(forecaster->study, forecaster->kind, item->cell));
    }
    return forecaster->factor * dam_dealer_seconds(dealer, item);
}

/* Deal everything to `ranks` ranks, each taking the next item when it is free. */
static enum dam_status simulate(struct forecaster *forecaster, uint64_t ranks, double *core_seconds,
                                double *longest, double *makespan, struct dam_error *error) {
    struct dam_dealer *dealer;
    double *free_at = calloc(ranks, sizeof *free_at);
    if (free_at == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to simulate %llu ranks",
                        (unsigned long long)ranks);
    enum dam_status status =
        dam_dealer_new(&dealer, forecaster->study, forecaster->kind, NULL, 0, NULL, error);
    if (status != DAM_OK) {
        free(free_at);
        return status;
    }
    *core_seconds = *longest = *makespan = 0;
    struct dam_item item;
    struct dam_round plan;
    while (dam_dealer_take(dealer, 0, 1, &item, &plan) == 1) {
        double seconds = item_seconds(forecaster, dealer, &item);
        *core_seconds += seconds;
        *longest = fmax(*longest, seconds);
        free_at[0] += seconds;
        *makespan = fmax(*makespan, free_at[0]);
        sift(free_at, ranks);
    }
    dam_dealer_destroy(dealer);
    free(free_at);
    return DAM_OK;
}

enum dam_status dam_plan_make(const struct dam_study *study, const struct dam_kind *kind,
                              double seconds, struct dam_plan *plan, struct dam_forecast *forecasts,
                              size_t forecast_count, struct dam_error *error) {
    struct calibration calibration = {.count = 0};
    *plan = (struct dam_plan){.cells = study->cell_count};
    dam_open_sizes(study, kind, &plan->sizes);
    enum dam_status status = calibrate(study, kind, seconds, &calibration, error);
    plan->measured_cells = calibration.count;
    struct forecaster forecaster = {study, kind, &calibration, UINT32_MAX, 1};
    for (size_t f = 0; status == DAM_OK && f < forecast_count; f++) {
        struct dam_forecast *forecast = &forecasts[f];
        status = simulate(&forecaster, forecast->ranks, &plan->core_seconds, &plan->longest_seconds,
                          &forecast->seconds, error);
        forecast->efficiency = plan->core_seconds / ((double)forecast->ranks * forecast->seconds);
        forecast->seconds += overhead;
    }
    return status;
}
