#include "cli/bench_report.h"
#include "cli/bench_bounds.h"
#include "cli/table.h"
#include "kinds/training.h"
#include "run/provenance.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dam_status dam_bench_add(struct dam_bench_report *report, const struct dam_bench_row *like,
                              struct dam_error *error) {
    struct dam_bench_row *rows = realloc(report->rows, (report->row_count + 1) * sizeof *rows);
    if (rows == NULL)
        return dam_fail(error, DAM_MEMORY, "bench: out of memory");
    report->rows = rows;
    struct dam_bench_row *row = &rows[report->row_count++];
    *row = *like;
    for (int v = 0; v < DAM_BENCH_VALUE_COUNT; v++)
        row->values[v] = NAN;
    return DAM_OK;
}

/* ---- the values ---- */

enum {
    OF_STARTS = 1 << DAM_BENCH_OF_STARTS,
    OF_VISITS = 1 << DAM_BENCH_OF_VISITS,
    OF_BOTH = OF_STARTS | OF_VISITS,
    OF_TRAINING = 1 << DAM_BENCH_OF_TRAINING
};

/* In JSON under its key and unit; a table shows those that have a name, scaled. */
static const struct {
    int reports; /* that hold it */
    const char *key, *unit;
    const char *name, *shown;
    double scale;
} values[] = {
    [DAM_BENCH_STARTS] = {OF_STARTS, "starts", "1", NULL, NULL, 1},
    [DAM_BENCH_VISITS_PER_START] = {OF_STARTS, "visits_per_start", "1", NULL, NULL, 1},
    [DAM_BENCH_FLIPS_PER_START] = {OF_STARTS, "flips_per_start", "1", NULL, NULL, 1},
    [DAM_BENCH_START] = {OF_STARTS, "start_seconds", "s", "start", "us", 1e6},
    [DAM_BENCH_STARTS_PER_S] = {OF_STARTS, "starts_per_s", "1/s", "starts", "1/s", 1},
    [DAM_BENCH_VISIT] = {OF_STARTS, "visit_seconds", "s", "visit", "us", 1e6},
    [DAM_BENCH_INTERACTIONS] = {OF_STARTS, "interactions_per_s", "1/s", "interactions", "G/s",
                                1e-9},
    [DAM_BENCH_ALONE] = {OF_BOTH, "visit_alone_seconds", "s", "visit alone", "us", 1e6},
    [DAM_BENCH_ALONE_PER_MEMORY] = {OF_VISITS, "visit_alone_seconds_per_memory", "s", "a memory",
                                    "ns", 1e9},
    [DAM_BENCH_ALONE_INTERACTIONS] = {OF_BOTH, "visit_alone_interactions_per_s", "1/s", "alone",
                                      "G/s", 1e-9},
    [DAM_BENCH_STREAM_BYTES] = {OF_BOTH, "stream_bytes", "bytes", NULL, NULL, 1},
    [DAM_BENCH_STREAM] = {OF_BOTH, "stream_bytes_per_s", "bytes/s", "stream", "GB/s", 1e-9},
    [DAM_BENCH_BOUND] = {OF_BOTH, "bound_interactions_per_s", "1/s", "bound", "G/s", 1e-9},
    [DAM_BENCH_SHARE] = {OF_BOTH, "share_of_bound", "1", "of it", "%", 100},
    [DAM_BENCH_SETUP] = {OF_STARTS, "setup_seconds", "s", "set-up", "ms", 1e3},
    [DAM_BENCH_PAIRS] = {OF_TRAINING, "pairs", "1", NULL, NULL, 1},
    [DAM_BENCH_MINIBATCH] = {OF_TRAINING, "minibatch_seconds", "s", "minibatch", "ms", 1e3},
    [DAM_BENCH_SGEMM] = {OF_TRAINING, "sgemm_seconds", "s", "sgemm", "ms", 1e3},
    [DAM_BENCH_RATIO] = {OF_TRAINING, "ratio", "1", "ratio", "1", 1},
    [DAM_BENCH_RATIO_LOWER] = {OF_TRAINING, "ratio_lower_quartile", "1", "from", "1", 1},
    [DAM_BENCH_RATIO_UPPER] = {OF_TRAINING, "ratio_upper_quartile", "1", "to", "1", 1},
    [DAM_BENCH_IMAGES_PER_S] = {OF_TRAINING, "images_per_s", "1/s", "speed", "1/s", 1},
};

static bool is_held(const struct dam_bench_report *report, int value) {
    return values[value].reports >> report->subject & 1;
}

static bool is_shown(const struct dam_bench_report *report, int value) {
    return is_held(report, value) && values[value].name != NULL;
}

/* ---- JSON ---- */

static void print_string(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? '?' : *text);
    }
    putchar('"');
}

static void print_number(double number) {
    if (isfinite(number))
        printf("%.7g", number);
    else
        printf("null");
}

static void print_json_additions(const struct dam_bench_report *report) {
    printf("\"masked_additions_per_s\": {");
    for (size_t k = 0; k < report->kernel_count; k++) {
        printf("%s\"%s\": ", k > 0 ? ", " : "", report->kernels[k].name);
        print_number(report->kernels[k].additions);
    }
    printf("}");
}

static void print_json_head(const struct dam_bench_report *report) {
    char model[DAM_PROVENANCE_LENGTH];
    dam_provenance_cpu(model);
    static const char *const subjects[] = {[DAM_BENCH_OF_STARTS] = "starts",
                                           [DAM_BENCH_OF_VISITS] = "visits",
                                           [DAM_BENCH_OF_TRAINING] = "training"};
    printf("{\n\"bench\": \"%s\",\n\"version\": ", subjects[report->subject]);
    print_string(dam_version_text());
    printf(",\n\"cpu\": ");
    print_string(model);
    printf(",\n\"cache_bytes\": {");
    for (int level = 1; level <= 3; level++) {
        printf("%s\"L%d\": ", level > 1 ? ", " : "", level);
        if (dam_bench_cache(level) > 0)
            printf("%ld", dam_bench_cache(level));
        else
            printf("null");
    }
    printf("},\n\"kernel\": \"%s\",\n", report->kernel);
    if (report->subject == DAM_BENCH_OF_TRAINING)
        printf("\"blas_core\": \"%s\"", dam_bench_blas());
    else
        print_json_additions(report);
    printf(",\n\"seconds_each\": %g,\n\"units\": {", report->seconds);
    const char *comma = "";
    for (int v = 0; v < DAM_BENCH_VALUE_COUNT; v++) {
        if (!is_held(report, v))
            continue;
        printf("%s\n  \"%s\": \"%s\"", comma, values[v].key, values[v].unit);
        comma = ",";
    }
    printf("},\n");
}

static void print_json_training(const struct dam_bench_row *row) {
    const struct dam_bench_training *training = &row->training;
    printf("\n  {\"form\": \"%s\", \"n\": %d, \"K\": %zu, \"minibatch\": %zu, "
           "\"kernel\": \"%s\"",
           dam_classifier_form_names[training->form], training->power, training->memories,
           training->minibatch, row->kernel);
}

static void print_json_network(const struct dam_bench_row *row) {
    const struct dam_bench_setting *setting = &row->setting;
    printf("\n  {\"energy\": \"%s\", \"n\": %d, \"N\": %d, \"K\": %lld, \"kernel\": \"%s\", "
           "\"algorithm\": \"%s\", \"chosen\": %s",
           dam_energy_form_names[setting->form], setting->power, setting->neurons,
           (long long)setting->memories, row->kernel, dam_algorithm_names[row->algorithm],
           row->chosen ? "true" : "false");
}

static void print_json_row(const struct dam_bench_report *report, const struct dam_bench_row *row) {
    if (report->subject == DAM_BENCH_OF_TRAINING)
        print_json_training(row);
    else
        print_json_network(row);
    for (int v = 0; v < DAM_BENCH_VALUE_COUNT; v++) {
        if (!is_held(report, v))
            continue;
        printf(",\n   \"%s\": ", values[v].key);
        print_number(row->values[v]);
    }
    printf("}");
}

void dam_bench_print_json(const struct dam_bench_report *report) {
    print_json_head(report);
    printf("\"rows\": [");
    for (size_t r = 0; r < report->row_count; r++) {
        printf("%s", r > 0 ? "," : "");
        print_json_row(report, &report->rows[r]);
    }
    printf("\n]\n}\n");
}

/* ---- the table ---- */

static void print_table_head(const struct dam_bench_report *report) {
    char model[DAM_PROVENANCE_LENGTH];
    dam_provenance_cpu(model);
    printf("%s; caches of", model);
    for (int level = 1; level <= 3; level++)
        printf("%s %ld", level > 1 ? "," : "", dam_bench_cache(level) / 1024);
    printf(" kB\n");
    if (report->subject == DAM_BENCH_OF_TRAINING) {
        printf("BLAS core: %s\n\n", dam_bench_blas());
        return;
    }
    printf("masked additions in L1:");
    for (size_t k = 0; k < report->kernel_count; k++)
        printf("%s %s %.3g", k > 0 ? "," : "", report->kernels[k].name,
               1e-9 * report->kernels[k].additions);
    printf(" G/s\n\n");
}

static void add_text(struct dam_table *table, const char *text) {
    dam_table_text(table, text, strlen(text));
}

/* Three digits: more would be noise. */
static double rounded(double number) {
    char text[32];
    snprintf(text, sizeof text, "%.3g", number);
    return strtod(text, NULL);
}

static void add_training(struct dam_table *table, const struct dam_bench_row *row) {
    add_text(table, dam_classifier_form_names[row->training.form]);
    dam_table_integer(table, row->training.power);
    dam_table_integer(table, (int64_t)row->training.memories);
    dam_table_integer(table, (int64_t)row->training.minibatch);
    add_text(table, row->kernel);
}

static void add_network(struct dam_table *table, const struct dam_bench_report *report,
                        const struct dam_bench_row *row) {
    char algorithm[32];
    snprintf(algorithm, sizeof algorithm, "%s%s", dam_algorithm_names[row->algorithm],
             row->chosen && report->subject == DAM_BENCH_OF_STARTS ? " *" : "");
    add_text(table, dam_energy_form_names[row->setting.form]);
    dam_table_integer(table, row->setting.power);
    dam_table_integer(table, row->setting.neurons);
    dam_table_integer(table, row->setting.memories);
    add_text(table, row->kernel);
    add_text(table, algorithm);
}

static void add_row(struct dam_table *table, const struct dam_bench_report *report,
                    const struct dam_bench_row *row) {
    if (report->subject == DAM_BENCH_OF_TRAINING)
        add_training(table, row);
    else
        add_network(table, report, row);
    for (int v = 0; v < DAM_BENCH_VALUE_COUNT; v++)
        if (is_shown(report, v))
            dam_table_real(table, rounded(values[v].scale * row->values[v]));
}

enum dam_status dam_bench_print_table(const struct dam_bench_report *report,
                                      struct dam_error *error) {
    struct dam_table *table = dam_table_new(false);
    if (table == NULL)
        return dam_fail(error, DAM_MEMORY, "bench: out of memory");
    static const char *const of_networks[] = {"energy", "n", "N", "K", "kernel", "algorithm", NULL};
    static const char *const of_trainings[] = {"form", "n", "K", "images", "kernel", NULL};
    const char *const *names =
        report->subject == DAM_BENCH_OF_TRAINING ? of_trainings : of_networks;
    for (; *names != NULL; names++)
        dam_table_column(table, *names, "1");
    for (int v = 0; v < DAM_BENCH_VALUE_COUNT; v++)
        if (is_shown(report, v))
            dam_table_column(table, values[v].name, values[v].shown);
    for (size_t r = 0; r < report->row_count; r++)
        add_row(table, report, &report->rows[r]);
    print_table_head(report);
    enum dam_status status = dam_table_print(table, stdout, error);
    dam_table_destroy(table);
    return status;
}
