#include "cli/arguments.h"
#include "cli/isolate.h"
#include "run/output.h"
#include "run/progress.h"
#include "run/result.h"
#include "run/run.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    (void)key;
    (void)error;
    *(const char **)context = value;
    return DAM_OK;
}

/* The result file: the argument itself, or where the study of that name goes by default. */
static char *output_of(const char *argument) {
    const char *dot = strrchr(argument, '.');
    if (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0))
        return dam_run_default_output(argument);
    return strdup(argument);
}

/* Nothing but a running process holds the lock, so a status that was never brought to an end
 * without one was left by a run that died. */
static bool died(const struct dam_progress *progress, const struct dam_output_paths *paths) {
    return progress->phase != DAM_PHASE_FINISHED && progress->phase != DAM_PHASE_STOPPED &&
           !dam_output_locked(paths);
}

static void print_done(const struct dam_progress *progress) {
    uint64_t done = progress->done, total = progress->total;
    double share = total > 0 ? 100 * (double)done / (double)total : 100;
    if (dam_progress_is_open(progress))
        printf("done   %" PRIu64 " of %" PRIu64 " cells, %" PRIu64 " of %" PRIu64
               " tasks so far; results decide how many follow\n",
               progress->cells_done, progress->cells, done, total);
    else
        printf("done   %" PRIu64 " of %" PRIu64 " tasks (%.1f %%), %" PRIu64 " cells\n", done,
               total, floor(10 * share) / 10, progress->cells);
}

static void print_progress(const struct dam_progress *progress,
                           const struct dam_output_paths *paths) {
    bool dead = died(progress, paths);
    char elapsed[32];
    printf("%s: %s on %d rank%s for %s\n", paths->file,
           dead ? "interrupted" : dam_phase_name(progress->phase), progress->ranks,
           progress->ranks == 1 ? "" : "s", dam_duration_text(elapsed, progress->elapsed));
    print_done(progress);
    printf("failed %" PRIu64 "\n", progress->failed);
    if (progress->rate > 0)
        printf("rate   %.3g tasks/s\n", progress->rate);
    bool going = !dead && progress->phase == DAM_PHASE_RUNNING;
    if (going && isfinite(progress->remaining)) {
        char left[32];
        printf("left   %s%s\n", dam_progress_is_open(progress) ? "at least " : "",
               dam_duration_text(left, progress->remaining));
    }
    if (dead)
        printf("The run ended without saying so. Nothing finished is lost: start it again with the "
               "same command\nand it goes on from %s.\n",
               paths->folder);
    else if (progress->phase == DAM_PHASE_STOPPED && progress->done < progress->total)
        printf("Start it again with the same command to go on.\n");
}

/* Without a status file (the journal was removed) the rows' own status is what is left. */
static enum dam_status print_rows(const char *file, const void *context, struct dam_error *error) {
    (void)context;
    struct dam_result *result;
    enum dam_status status = dam_result_open(&result, file, error);
    if (status != DAM_OK)
        return status;
    struct dam_result_dataset *results;
    status = dam_result_read(result, "/results", &results, error);
    dam_result_close(result);
    if (status != DAM_OK)
        return status;
    const struct dam_result_column *column = dam_result_find(results, "status");
    if (column && column->type == DAM_STORED_TEXT) {
        static const char *const states[] = {"complete", "partial", "failed"};
        printf("%s: published, no journal beside it\n", file);
        for (size_t s = 0; s < sizeof states / sizeof states[0]; s++) {
            size_t count = 0;
            for (size_t row = 0; row < results->row_count; row++)
                count += dam_result_text_is(results, row, column, states[s]);
            printf("%-8s %zu of %zu cells\n", states[s], count, results->row_count);
        }
    } else {
        status = dam_fail(error, DAM_DAMAGED, "%s: /results: has no column status", file);
    }
    dam_result_dataset_destroy(results);
    return status;
}

static enum dam_status print_status(const char *file, struct dam_error *error) {
    struct dam_output_paths paths;
    enum dam_status status = dam_output_paths_new(&paths, file, error);
    if (status != DAM_OK)
        return status;
    struct dam_progress progress;
    if (access(paths.status, F_OK) == 0) {
        status = dam_progress_read(paths.status, &progress, error);
        if (status == DAM_OK)
            print_progress(&progress, &paths);
    } else if (access(file, F_OK) == 0) {
        status = dam_isolate(file, print_rows, NULL, error);
    } else {
        status = dam_fail(error, DAM_FILE,
                          "%s: neither this file nor a run's %s exists; name the output of a run",
                          file, paths.status);
    }
    dam_output_paths_destroy(&paths);
    return status;
}

enum dam_status dam_cli_status(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "FILE.h5",
        .least = 1,
        .most = 1,
        .doc = "A study's file STUDY.yaml stands for the output it has by default.",
        .take = take,
    };
    const char *argument = NULL;
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &argument, &helped, error);
    if (status != DAM_OK || helped)
        return status;
    char *file = output_of(argument);
    if (!file)
        return dam_fail(error, DAM_MEMORY, "status: out of memory");
    status = print_status(file, error);
    free(file);
    return status;
}
