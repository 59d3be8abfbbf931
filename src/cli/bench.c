/* Retrieval speed on this machine: random starts among random memories, sequential updates. */
#include "cli/arguments.h"
#include "cli/table.h"
#include "run/stop.h"
#include <assert.h>
#include <dam/kernel.h>
#include <dam/retrieval.h>
#include <math.h>
#include <string.h>

struct setting {
    int neurons;
    int64_t memories;
    int power;
    enum dam_energy_form form;
};

static const struct setting settings[] = {
    {50, 10, 2, DAM_ENERGY_POWER},       {100, 100, 2, DAM_ENERGY_POWER},
    {100, 1000, 3, DAM_ENERGY_POWER},    {100, 1000, 3, DAM_ENERGY_RECTIFIED},
    {100, 2000, 4, DAM_ENERGY_POWER},    {200, 2000, 3, DAM_ENERGY_POWER},
    {500, 10000, 4, DAM_ENERGY_POWER},   {500, 10000, 10, DAM_ENERGY_RECTIFIED},
    {1000, 100000, 3, DAM_ENERGY_POWER}, {1000, 100000, 30, DAM_ENERGY_RECTIFIED},
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

static const double seconds_each = 0.3;
enum { SEED = 1 };

struct measurement {
    double seconds;
    uint64_t visits;
    uint64_t starts; /* that ended within the time */
};

static bool passed(void *context) {
    const double *end = context;
    return dam_clock() >= *end;
}

/* Retrieve from random starts until the time is up; the last start may be cut short. The time
 * runs from the first update, so that there is one. */
static enum dam_status measure_starts(struct dam_retrieval *retrieval, int neurons,
                                      struct measurement *measured, struct dam_error *error) {
    int8_t spins[DAM_NEURONS_MAX];
    double begin = dam_clock();
    double end = INFINITY;
    const struct dam_retrieval_options options = {
        .order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 1000, .poll = {passed, &end}};
    enum dam_status status;
    do {
        struct dam_stream stream =
            dam_stream_open(SEED, DAM_PURPOSE_START, NULL, 0, measured->starts);
        for (int i = 0; i < neurons; i++)
            spins[i] = dam_stream_next(&stream) & 1 ? 1 : -1;
        dam_retrieval_set(retrieval, spins);
        if (measured->starts == 0)
            end = dam_clock() + seconds_each;
        struct dam_retrieval_outcome outcome;
        status = dam_retrieval_run(retrieval, &options, NULL, &outcome, error);
        measured->starts += status == DAM_OK;
    } while (status == DAM_OK && dam_clock() < end);
    measured->seconds = dam_clock() - begin;
    measured->visits = dam_retrieval_counts(retrieval).visits;
    return status == DAM_STOPPED ? DAM_OK : status;
}

static enum dam_status measure(const struct setting *setting, struct measurement *measured,
                               struct dam_error *error) {
    *measured = (struct measurement){0};
    struct dam_energy *energy = NULL;
    struct dam_patterns *patterns = NULL;
    struct dam_retrieval *retrieval = NULL;
    enum dam_status status =
        dam_energy_new(&energy, setting->form, setting->power, setting->neurons, error);
    if (status == DAM_OK)
        status = dam_patterns_new(&patterns, setting->neurons, setting->memories, error);
    if (status == DAM_OK) {
        struct dam_stream stream = dam_stream_open(SEED, DAM_PURPOSE_PATTERNS, NULL, 0, 0);
        dam_patterns_draw(patterns, &stream);
        status = dam_retrieval_new(&retrieval, energy, patterns, error);
    }
    if (status == DAM_OK)
        status = measure_starts(retrieval, setting->neurons, measured, error);
    dam_retrieval_destroy(retrieval);
    dam_patterns_destroy(patterns);
    dam_energy_destroy(energy);
    return status;
}

static const char *energy_name(const struct setting *setting) {
    return setting->form == DAM_ENERGY_POWER ? "power" : "rectified";
}

/* NaN where none ended. */
static double starts_per_second(const struct measurement *measured) {
    return measured->starts > 0 ? (double)measured->starts / measured->seconds : NAN;
}

/* One interaction: one memory's part in one visit of a neuron. */
static double interactions(const struct setting *setting, const struct measurement *measured) {
    return (double)measured->visits * (double)setting->memories / measured->seconds;
}

static void print_json(const struct measurement *measured) {
    printf("{\"kernel\": \"%s\", \"settings\": [", dam_kernel_name());
    for (size_t s = 0; s < SETTING_COUNT; s++) {
        const struct measurement *m = &measured[s];
        printf("%s\n  {\"energy\": \"%s\", \"n\": %d, \"N\": %d, \"K\": %lld, "
               "\"interactions_per_s\": %.6g, \"us_per_visit\": %.6g, \"starts_per_s\": ",
               s > 0 ? "," : "", energy_name(&settings[s]), settings[s].power, settings[s].neurons,
               (long long)settings[s].memories, interactions(&settings[s], m),
               1e6 * m->seconds / (double)m->visits);
        if (m->starts > 0)
            printf("%.6g}", starts_per_second(m));
        else
            printf("null}");
    }
    printf("\n]}\n");
}

static enum dam_status print_table(const struct measurement *measured, struct dam_error *error) {
    struct dam_table *table = dam_table_new(false);
    if (!table)
        return dam_fail(error, DAM_MEMORY, "bench: out of memory");
    static const char *const names[][2] = {
        {"energy", "1"},         {"n", "1"},        {"N", "1"},      {"K", "1"},
        {"interactions", "1/s"}, {"starts", "1/s"}, {"visit", "us"},
    };
    for (size_t c = 0; c < sizeof names / sizeof names[0]; c++)
        dam_table_column(table, names[c][0], names[c][1]);
    for (size_t s = 0; s < SETTING_COUNT; s++) {
        const struct measurement *m = &measured[s];
        const char *energy = energy_name(&settings[s]);
        dam_table_text(table, energy, strlen(energy));
        dam_table_integer(table, settings[s].power);
        dam_table_integer(table, settings[s].neurons);
        dam_table_integer(table, settings[s].memories);
        dam_table_real(table, interactions(&settings[s], m));
        dam_table_real(table, starts_per_second(m));
        dam_table_real(table, 1e6 * m->seconds / (double)m->visits);
    }
    printf("kernel %s\n", dam_kernel_name());
    enum dam_status status = dam_table_print(table, stdout, error);
    dam_table_destroy(table);
    return status;
}

enum { KEY_JSON = 256 };

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "print JSON", 0},
    {0},
};

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    (void)value;
    (void)error;
    assert(key == KEY_JSON);
    *(bool *)context = true;
    return DAM_OK;
}

enum dam_status dam_cli_bench(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .doc = "One core, one network: random memories and starts, sequential updates, 0.3 s for "
               "each setting. An interaction is one memory's part in one visit of a neuron.",
        .options = options,
        .take = take,
    };
    bool json = false, helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &json, &helped, error);
    if (status != DAM_OK || helped)
        return status;
    struct measurement measured[SETTING_COUNT];
    for (size_t s = 0; s < SETTING_COUNT; s++) {
        status = measure(&settings[s], &measured[s], error);
        if (status != DAM_OK)
            return status;
    }
    if (!json)
        return print_table(measured, error);
    print_json(measured);
    return DAM_OK;
}
