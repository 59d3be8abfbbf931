/* What dam bench reports, as a table and as JSON: the values are declared once. */
#ifndef DAM_CLI_BENCH_REPORT_H
#define DAM_CLI_BENCH_REPORT_H

#include "cli/bench_measure.h"
#include "cli/bench_training.h"

/* What a report is about. */
enum dam_bench_subject { DAM_BENCH_OF_STARTS, DAM_BENCH_OF_VISITS, DAM_BENCH_OF_TRAINING };

/* In SI units, by the keys that bench_report.c names. "Alone" is a visit by sums of a state that
 * does not change; the other times are of whole starts. Ratios are of trainings to bare products.
 */
enum dam_bench_value {
    DAM_BENCH_STARTS,
    DAM_BENCH_VISITS_PER_START,
    DAM_BENCH_FLIPS_PER_START,
    DAM_BENCH_START,
    DAM_BENCH_STARTS_PER_S,
    DAM_BENCH_VISIT,
    DAM_BENCH_INTERACTIONS,
    DAM_BENCH_ALONE,
    DAM_BENCH_ALONE_PER_MEMORY,
    DAM_BENCH_ALONE_INTERACTIONS,
    DAM_BENCH_STREAM_BYTES,
    DAM_BENCH_STREAM,
    DAM_BENCH_BOUND,
    DAM_BENCH_SHARE,
    DAM_BENCH_SETUP,
    DAM_BENCH_PAIRS,
    DAM_BENCH_MINIBATCH,
    DAM_BENCH_SGEMM,
    DAM_BENCH_RATIO,
    DAM_BENCH_RATIO_LOWER,
    DAM_BENCH_RATIO_UPPER,
    DAM_BENCH_IMAGES_PER_S,
    DAM_BENCH_VALUE_COUNT
};

struct dam_bench_row {
    const char *kernel;
    struct dam_bench_setting setting; /* of starts and visits */
    enum dam_algorithm algorithm;
    struct dam_bench_training training;
    bool chosen;                          /* the algorithm, by a capacity run with this kernel */
    double values[DAM_BENCH_VALUE_COUNT]; /* NaN: not measured, or of no meaning */
};

enum { DAM_BENCH_KERNELS_MAX = 32 };

struct dam_bench_report {
    enum dam_bench_subject subject;
    double seconds;     /* of each measurement */
    const char *kernel; /* in use unless one is named */
    struct {
        const char *name;
        double additions; /* masked, per second */
    } kernels[DAM_BENCH_KERNELS_MAX];
    size_t kernel_count;
    struct dam_bench_row *rows; /* owned: to be freed */
    size_t row_count;
};

/* Append a row that is about the same as this one; its values are all NaN. Fails with DAM_MEMORY.
 */
enum dam_status dam_bench_add(struct dam_bench_report *report, const struct dam_bench_row *like,
                              struct dam_error *error) DAM_CHECKED;

void dam_bench_print_json(const struct dam_bench_report *report);

/* Fails with DAM_MEMORY; prints nothing then. */
enum dam_status dam_bench_print_table(const struct dam_bench_report *report,
                                      struct dam_error *error) DAM_CHECKED;

#endif
