/* Speed of retrieval and of training on this machine, beside what it could be at best. */
#include "cli/arguments.h"
#include "cli/bench_bounds.h"
#include "cli/bench_measure.h"
#include "cli/bench_report.h"
#include "study/scalar.h"
#include <assert.h>
#include <dam/kernel.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is measured ---- */

static const struct dam_bench_setting settings[] = {
    {50, 10, 2, DAM_ENERGY_POWER},          {50, 200, 3, DAM_ENERGY_RECTIFIED},
    {100, 100, 2, DAM_ENERGY_POWER},        {100, 2000, 3, DAM_ENERGY_POWER},
    {100, 2000, 3, DAM_ENERGY_RECTIFIED},   {100, 2000, 4, DAM_ENERGY_POWER},
    {100, 2000, 4, DAM_ENERGY_RECTIFIED},   {200, 10000, 4, DAM_ENERGY_POWER},
    {200, 10000, 10, DAM_ENERGY_RECTIFIED}, {200, 100000, 4, DAM_ENERGY_RECTIFIED},
    {500, 100000, 30, DAM_ENERGY_POWER},    {1000, 1000000, 3, DAM_ENERGY_POWER},
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

/* Of visits alone: against K from 100 to 10^6, four values a decade; against N, within one
 * cache. */
enum { AT_NEURONS = 100, AT_MEMORIES = 10000, MEMORIES_COUNT = 17 };
static const int others[] = {50, 71, 141, 200, 283, 400, 500}; /* N besides AT_NEURONS */
enum { VISIT_COUNT = MEMORIES_COUNT + sizeof others / sizeof others[0] };

static struct dam_bench_setting visit_setting(size_t v) {
    struct dam_bench_setting setting = {AT_NEURONS, AT_MEMORIES, 4, DAM_ENERGY_POWER};
    if (v < MEMORIES_COUNT)
        setting.memories = (int64_t)round(100 * pow(10, (double)v / 4));
    else
        setting.neurons = others[v - MEMORIES_COUNT];
    return setting;
}

/* Trained: the memory form for some n, and the dual one with ReLU. */
static const struct dam_bench_training trainings[] = {
    {DAM_CLASSIFIER_MEMORY, 2, 2000, 1000},  {DAM_CLASSIFIER_MEMORY, 3, 2000, 1000},
    {DAM_CLASSIFIER_MEMORY, 20, 2000, 1000}, {DAM_CLASSIFIER_MEMORY, 30, 2000, 1000},
    {DAM_CLASSIFIER_DUAL, 2, 2000, 1000},
};
enum { TRAINING_COUNT = sizeof trainings / sizeof trainings[0] };

/* ---- measuring ---- */

/* All is measured in rounds, and the fastest counts: a busy machine may be slow for seconds. */
enum { START_ROUNDS = 3, VISIT_ROUNDS = 5 };

static int rounds_of(const struct dam_bench_report *report) {
    return report->subject == DAM_BENCH_OF_VISITS ? VISIT_ROUNDS : START_ROUNDS;
}

/* What a visit by sums streams: for each memory its span, a double, and a bit of the row. */
static double bytes_of(int64_t memories) {
    return 8.125 * (double)memories;
}

/* The bounds, again for each kernel. NaN stands for what is not measured yet, and fmin and fmax
 * pass over it. */
static enum dam_status measure_bounds(struct dam_bench_report *report, size_t kernel,
                                      int64_t memories, double *stream, struct dam_error *error) {
    double seconds = report->seconds / rounds_of(report) / 4, additions, bytes_per_s;
    enum dam_status status =
        dam_bench_additions(report->kernels[kernel].name, seconds, &additions, error);
    if (status == DAM_OK)
        status = dam_bench_stream((size_t)bytes_of(memories), seconds, &bytes_per_s, error);
    if (status != DAM_OK)
        return status;
    report->kernels[kernel].additions = fmax(report->kernels[kernel].additions, additions);
    *stream = fmax(*stream, bytes_per_s);
    return DAM_OK;
}

static enum dam_status measure_visit(const struct dam_bench_report *report,
                                     const struct dam_bench_network *network,
                                     struct dam_bench_row *row, struct dam_error *error) {
    double visit, seconds = report->seconds / rounds_of(report) /
                            (report->subject == DAM_BENCH_OF_VISITS ? 1 : 4);
    enum dam_status status = dam_bench_visit(network, seconds, &visit, error);
    if (status == DAM_OK)
        row->values[DAM_BENCH_ALONE] = fmin(row->values[DAM_BENCH_ALONE], visit);
    return status;
}

/* Whole starts before the beginning of one, then the faster. */
static bool is_better(const struct dam_bench_starts *measured, const double *values) {
    if ((measured->starts > 0) != (values[DAM_BENCH_STARTS] > 0))
        return measured->starts > 0 || isnan(values[DAM_BENCH_STARTS]);
    return !(measured->seconds / (double)measured->visits >= values[DAM_BENCH_VISIT]);
}

static enum dam_status measure_starts(const struct dam_bench_report *report,
                                      const struct dam_bench_network *network,
                                      struct dam_bench_row *row, struct dam_error *error) {
    double *values = row->values;
    /* What was cut short in the first round is not tried again. */
    double limit = values[DAM_BENCH_STARTS] == 0 ? 0 : 4 * report->seconds;
    struct dam_bench_starts measured;
    enum dam_status status = dam_bench_starts(
        network, row->algorithm, report->seconds / START_ROUNDS, limit, &measured, error);
    if (status != DAM_OK)
        return status;
    values[DAM_BENCH_SETUP] = fmin(values[DAM_BENCH_SETUP], measured.setup);
    if (!is_better(&measured, values))
        return DAM_OK;
    double starts = (double)measured.starts, visits = (double)measured.visits;
    values[DAM_BENCH_STARTS] = starts;
    if (starts > 0) {
        values[DAM_BENCH_VISITS_PER_START] = visits / starts;
        values[DAM_BENCH_FLIPS_PER_START] = (double)measured.flips / starts;
        values[DAM_BENCH_START] = measured.seconds / starts;
        values[DAM_BENCH_STARTS_PER_S] = starts / measured.seconds;
    }
    if (visits > 0) {
        values[DAM_BENCH_VISIT] = measured.seconds / visits;
        values[DAM_BENCH_INTERACTIONS] = visits * (double)row->setting.memories / measured.seconds;
    }
    return DAM_OK;
}

/* Every algorithm that can run there with this kernel. *next: the row to fill, which is new in the
 * first round. */
static enum dam_status measure_kernel(struct dam_bench_report *report, size_t kernel,
                                      const struct dam_bench_setting *setting,
                                      const struct dam_bench_network *network, size_t *next,
                                      struct dam_error *error) {
    enum dam_status status = dam_kernel_choose(report->kernels[kernel].name, error);
    enum dam_algorithm chosen =
        dam_ensemble_choose(network->energy, setting->memories, DAM_BENCH_STARTS_A_SET);
    const bool visits = report->subject == DAM_BENCH_OF_VISITS;
    for (int a = 0; status == DAM_OK && dam_algorithm_names[a] != NULL; a++) {
        enum dam_algorithm algorithm = (enum dam_algorithm)a;
        bool sums = algorithm == DAM_ALGORITHM_SUMS;
        if ((visits && !sums) || !dam_ensemble_can(algorithm, network->energy, setting->memories))
            continue;
        const struct dam_bench_row like = {.kernel = report->kernels[kernel].name,
                                           .setting = *setting,
                                           .algorithm = algorithm,
                                           .chosen = algorithm == chosen};
        if (*next == report->row_count)
            status = dam_bench_add(report, &like, error);
        if (status != DAM_OK)
            return status;
        struct dam_bench_row *row = &report->rows[(*next)++];
        if (sums)
            status = measure_visit(report, network, row, error);
        if (status == DAM_OK && !visits)
            status = measure_starts(report, network, row, error);
    }
    return status;
}

static enum dam_status measure_setting(struct dam_bench_report *report,
                                       const struct dam_bench_setting *setting, size_t *next,
                                       struct dam_error *error) {
    struct dam_bench_network network;
    enum dam_status status = dam_bench_open(&network, setting, error);
    if (status != DAM_OK)
        return status;
    double stream = NAN;
    size_t first = *next;
    for (size_t k = 0; status == DAM_OK && k < report->kernel_count; k++) {
        status = measure_bounds(report, k, setting->memories, &stream, error);
        if (status == DAM_OK)
            status = measure_kernel(report, k, setting, &network, next, error);
    }
    for (size_t r = first; r < *next; r++)
        report->rows[r].values[DAM_BENCH_STREAM] =
            fmax(report->rows[r].values[DAM_BENCH_STREAM], stream);
    dam_bench_close(&network);
    return status;
}

/* The visits of sums beside their bound, the lower of two: additions, and bytes to read. */
static void compare(const struct dam_bench_report *report, struct dam_bench_row *row) {
    double *values = row->values, additions = NAN;
    for (size_t k = 0; k < report->kernel_count; k++)
        if (row->kernel == report->kernels[k].name)
            additions = report->kernels[k].additions;
    double memories = (double)row->setting.memories, bytes = bytes_of(row->setting.memories);
    double bound = fmin(additions, values[DAM_BENCH_STREAM] / bytes * memories);
    values[DAM_BENCH_ALONE_PER_MEMORY] = values[DAM_BENCH_ALONE] / memories;
    values[DAM_BENCH_ALONE_INTERACTIONS] = memories / values[DAM_BENCH_ALONE];
    values[DAM_BENCH_STREAM_BYTES] = bytes;
    values[DAM_BENCH_BOUND] = row->algorithm == DAM_ALGORITHM_SUMS ? bound : NAN;
    values[DAM_BENCH_SHARE] = values[DAM_BENCH_ALONE_INTERACTIONS] / bound;
}

static enum dam_status measure_retrieval(struct dam_bench_report *report, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    const bool visits = report->subject == DAM_BENCH_OF_VISITS;
    size_t settings_count = visits ? VISIT_COUNT : SETTING_COUNT;
    size_t steps = settings_count * (size_t)rounds_of(report), next = 0;
    bool watched = isatty(STDERR_FILENO);
    for (size_t step = 0; status == DAM_OK && step < steps; step++) {
        size_t s = step % settings_count;
        struct dam_bench_setting setting = visits ? visit_setting(s) : settings[s];
        next = s == 0 ? 0 : next;
        if (watched)
            fprintf(stderr, "\r%zu %%", 100 * step / steps);
        status = measure_setting(report, &setting, &next, error);
    }
    if (watched)
        fprintf(stderr, "\r\33[K");
    for (size_t r = 0; status == DAM_OK && r < report->row_count; r++)
        compare(report, &report->rows[r]);
    return status;
}

/* ---- trainings ---- */

static bool has_kernel(const struct dam_bench_report *report, const char *kernel) {
    for (size_t r = 0; r < report->row_count; r++)
        if (strcmp(report->rows[r].kernel, kernel) == 0)
            return true;
    return false;
}

static enum dam_status measure_training(struct dam_bench_row *row, double seconds,
                                        struct dam_error *error) {
    struct dam_bench_epoch measured;
    enum dam_status status = dam_bench_train(&row->training, seconds, &measured, error);
    if (status != DAM_OK)
        return status;
    row->values[DAM_BENCH_PAIRS] = (double)measured.pairs;
    row->values[DAM_BENCH_MINIBATCH] = measured.minibatch;
    row->values[DAM_BENCH_SGEMM] = measured.sgemm;
    row->values[DAM_BENCH_RATIO_LOWER] = measured.quartiles[0];
    row->values[DAM_BENCH_RATIO] = measured.quartiles[1];
    row->values[DAM_BENCH_RATIO_UPPER] = measured.quartiles[2];
    row->values[DAM_BENCH_IMAGES_PER_S] = (double)row->training.minibatch / measured.minibatch;
    return DAM_OK;
}

/* All trainings with the kernel in use. */
static enum dam_status measure_trainings_here(struct dam_bench_report *report,
                                              struct dam_error *error) {
    const char *kernel = dam_classifier_kernel_name();
    const bool watched = isatty(STDERR_FILENO);
    enum dam_status status = DAM_OK;
    for (size_t t = 0; status == DAM_OK && t < TRAINING_COUNT; t++) {
        const struct dam_bench_row like = {.kernel = kernel, .training = trainings[t]};
        if (watched)
            fprintf(stderr, "\r%s %zu/%d", kernel, t + 1, TRAINING_COUNT);
        status = dam_bench_add(report, &like, error);
        if (status == DAM_OK)
            status = measure_training(&report->rows[report->row_count - 1], report->seconds, error);
        if (watched)
            fprintf(stderr, "\r\33[K");
    }
    return status;
}

/* Kernels that train with the same vectors count once. */
static enum dam_status measure_trainings(struct dam_bench_report *report, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t k = 0; status == DAM_OK && k < report->kernel_count; k++) {
        status = dam_kernel_choose(report->kernels[k].name, error);
        if (status == DAM_OK && !has_kernel(report, dam_classifier_kernel_name()))
            status = measure_trainings_here(report, error);
    }
    return status;
}

/* ---- the command ---- */

struct command {
    bool json;
    enum dam_bench_subject subject;
    double seconds;                     /* 0: the subject's own */
    bool wanted[DAM_BENCH_KERNELS_MAX]; /* by their place in dam_kernel_names */
    bool some;                          /* else all are */
};

enum { KEY_JSON = 256, KEY_KERNEL, KEY_SECONDS, KEY_TRAINING, KEY_VISITS };

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "print JSON, in the units that it names", 0},
    {"kernel", KEY_KERNEL, "NAME", 0, "only this kernel (all that this CPU runs); may be repeated",
     0},
    {"seconds", KEY_SECONDS, "S", 0,
     "about so long for each measurement, all rounds of it (0.25; --training: 2)", 0},
    {"training", KEY_TRAINING, NULL, 0,
     "an epoch of training beside the bare matrix products, instead of retrieval", 0},
    {"visits", KEY_VISITS, NULL, 0, "the time of a visit alone, against K and against N", 0},
    {0},
};

static enum dam_status take_kernel(struct command *command, const char *name,
                                   struct dam_error *error) {
    enum dam_status status = dam_kernel_choose(name, error);
    const char *const *names = dam_kernel_names();
    for (size_t k = 0; status == DAM_OK && names[k] != NULL; k++)
        if (strcmp(names[k], name) == 0)
            command->some = command->wanted[k] = true;
    return status;
}

static enum dam_status take_seconds(struct command *command, const char *text,
                                    struct dam_error *error) {
    if (dam_scalar_real(text, &command->seconds) == NULL && command->seconds >= 1e-4 &&
        command->seconds <= 3600)
        return DAM_OK;
    return dam_fail(error, DAM_INPUT, "bench: --seconds: '%s'; allowed: 0.0001..3600", text);
}

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    struct command *command = context;
    if (key == KEY_KERNEL)
        return take_kernel(command, value, error);
    if (key == KEY_SECONDS)
        return take_seconds(command, value, error);
    assert(key == KEY_JSON || key == KEY_VISITS || key == KEY_TRAINING);
    if (key == KEY_JSON)
        command->json = true;
    else if (command->subject != DAM_BENCH_OF_STARTS)
        return dam_fail(error, DAM_INPUT, "bench: one of --visits and --training, once");
    else
        command->subject = key == KEY_VISITS ? DAM_BENCH_OF_VISITS : DAM_BENCH_OF_TRAINING;
    return DAM_OK;
}

static enum dam_status run(const struct command *command, const char *kernel,
                           struct dam_error *error) {
    const bool trains = command->subject == DAM_BENCH_OF_TRAINING;
    struct dam_bench_report report = {.subject = command->subject,
                                      .seconds = command->seconds > 0 ? command->seconds
                                                 : trains             ? 2
                                                                      : 0.25,
                                      .kernel = kernel};
    const char *const *names = dam_kernel_names();
    for (size_t k = 0; names[k] != NULL; k++) {
        assert(k < DAM_BENCH_KERNELS_MAX);
        if (!command->some || command->wanted[k])
            report.kernels[report.kernel_count++].name = names[k];
    }
    enum dam_status status =
        trains ? measure_trainings(&report, error) : measure_retrieval(&report, error);
    if (status == DAM_OK && command->json)
        dam_bench_print_json(&report);
    else if (status == DAM_OK)
        status = dam_bench_print_table(&report, error);
    free(report.rows);
    return status;
}

enum dam_status dam_cli_bench(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .doc = "One core; random memories and starts, sequential updates; the fastest of some "
               "rounds. An interaction is one memory's part in one visit of a neuron. 'start' and "
               "'visit' share out the whole time, flips included; where no start ends in time, "
               "that of the beginning of one. 'visit alone' is by sums over the memories, without "
               "flips. * is what a capacity run chooses with this kernel for 10,000 starts of a "
               "pattern set; 'set-up' is once for each set.\n\n"
               "The bound is for visits alone, the lower of two: the masked additions that a bare "
               "loop makes in the L1 cache with vectors as wide as the kernel's, masks at hand; "
               "and 'stream', what it reads in a buffer of the visit's size, by the 8.125 bytes "
               "(a double and a bit) of a memory. Tiles use what they read for many starts: these "
               "are no bounds to them.\n\n"
               "A training is measured on random images of 28 x 28 pixels, in processor time: "
               "what a minibatch takes in an epoch, test and validation passes apart, and what "
               "bare sgemm calls of the same shapes take, in turn; medians, and of the ratio, "
               "pair by pair, also the quartiles.",
        .options = options,
        .take = take,
    };
    const char *kernel = dam_kernel_name();
    struct command command = {0};
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &command, &helped, error);
    return status == DAM_OK && !helped ? run(&command, kernel, error) : status;
}
