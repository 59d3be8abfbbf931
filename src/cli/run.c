#include "run/run.h"
#include "cli/arguments.h"
#include "cli/isolate.h"
#include "cli/select.h"
#include "run/agree.h"
#include "run/earlier.h"
#include "run/output.h"
#include "run/result_study.h"
#include "run/stop.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
    const struct dam_kinds *kinds;
    struct dam_run_options options;
    const char **overrides;
    /* A bad command line is told by rank 0 alone, so it is kept until MPI runs. */
    enum dam_status usage;
    struct dam_error usage_error;
};

enum {
    KEY_SET = 256,
    KEY_SLICE,
    KEY_DRY_RUN,
    KEY_TIME_LIMIT,
    KEY_FAIL_FAST,
    KEY_RETRY_FAILED,
    KEY_FRESH
};
enum { SLICES_MAX = 1000000 };

static const struct argp_option options[] = {
    {"output", 'o', "FILE.h5", 0, "the result file (the study's stem in this directory)", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "replace a key of the study; may be repeated", 0},
    {"slice", KEY_SLICE, "I/N", 0,
     "run the I-th of N parts of the study's cells (from 1); 'dam merge' joins their files", 0},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "check everything, say what would be done, write nothing", 0},
    {"time-limit", KEY_TIME_LIMIT, "TIME", 0,
     "stop cleanly after this wall time: 90, 90s, 15m, 2h, 1d or 1:30:00", 0},
    {"fail-fast", KEY_FAIL_FAST, NULL, 0, "stop cleanly at the first failed task", 0},
    {"retry-failed", KEY_RETRY_FAILED, NULL, 0, "run tasks again that failed before", 0},
    {"fresh", KEY_FRESH, NULL, 0, "first discard the output and its journal", 0},
    {0},
};

/* Up to nine decimal digits; *text moves past them. False where there is none, or more. */
static bool read_digits(const char **text, long *value) {
    size_t count = strspn(*text, "0123456789");
    if (count < 1 || count > 9)
        return false;
    *value = strtol(*text, NULL, 10);
    *text += count;
    return true;
}

/* ":MM" or ":SS". */
static bool read_sixtieth(const char **text, long *value) {
    if (**text != ':' || strspn(*text + 1, "0123456789") != 2)
        return false;
    ++*text;
    return read_digits(text, value) && *value < 60;
}

/* "90", "90s", "15m", "2h", "1d" or "1:30:00" in seconds; false for anything else, and for 0. */
static bool read_duration(const char *text, double *seconds) {
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    long count, minutes, rest;
    if (!read_digits(&text, &count))
        return false;
    if (*text == ':') {
        if (!read_sixtieth(&text, &minutes) || !read_sixtieth(&text, &rest) || *text != '\0')
            return false;
        *seconds = 3600.0 * (double)count + (double)(60 * minutes + rest);
        return *seconds > 0;
    }
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
        if (*text == units[u].letter && (*text == '\0' || text[1] == '\0')) {
            *seconds = (double)count * units[u].seconds;
            return *seconds > 0;
        }
    return false;
}

/* "2/8". */
static bool read_slice(const char *text, struct dam_slice *slice) {
    long index, count;
    if (!read_digits(&text, &index) || *text++ != '/' || !read_digits(&text, &count) ||
        *text != '\0' || index < 1 || index > count || count > SLICES_MAX)
        return false;
    *slice = (struct dam_slice){(uint32_t)index, (uint32_t)count};
    return true;
}

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    struct command *command = context;
    struct dam_run_options *run = &command->options;
    switch (key) {
    case DAM_POSITIONAL:
        run->study_path = value;
        return DAM_OK;
    case 'o':
        run->output_path = value;
        return DAM_OK;
    case KEY_SET:
        command->overrides[run->override_count++] = value;
        return DAM_OK;
    case KEY_TIME_LIMIT:
        if (read_duration(value, &run->time_limit))
            return DAM_OK;
        return dam_fail(error, DAM_INPUT,
                        "run: --time-limit: '%s'; allowed are 90, 90s, 15m, 2h, 1d and 1:30:00",
                        value);
    case KEY_SLICE:
        if (read_slice(value, &run->slice))
            return DAM_OK;
        return dam_fail(error, DAM_INPUT,
                        "run: --slice: '%s'; allowed is I/N with 1 <= I <= N <= %d, such as 2/8",
                        value, SLICES_MAX);
    case KEY_DRY_RUN:
        run->dry_run = true;
        return DAM_OK;
    case KEY_FAIL_FAST:
        run->fail_fast = true;
        return DAM_OK;
    case KEY_RETRY_FAILED:
        run->retry_failed = true;
        return DAM_OK;
    default:
        run->fresh = true;
        return DAM_OK;
    }
}

/* A launcher numbers the ranks before MPI does. */
static bool is_first_rank(void) {
    static const char *const numbers[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        const char *text = getenv(numbers[n]);
        if (text != NULL)
            return strcmp(text, "0") == 0;
    }
    return true;
}

static bool has_journal(const char *file) {
    struct dam_output_paths paths;
    struct dam_error ignored;
    if (dam_output_paths_new(&paths, file, &ignored) != DAM_OK)
        return false;
    bool has = access(paths.folder, F_OK) == 0;
    dam_output_paths_destroy(&paths);
    return has;
}

/* In a child process: read what the run may read. What it says of a file that can be read is the
 * run's own matter. */
static enum dam_status try_output(const char *file, const void *context, struct dam_error *error) {
    const struct dam_kinds *kinds = context;
    struct dam_result *result;
    struct dam_result_study study;
    if (dam_result_open(&result, file, error) != DAM_OK)
        return DAM_OK;
    if (dam_result_study_read(result, &study, error) == DAM_OK) {
        const struct dam_kind *kind = dam_kinds_find(kinds, study.kind);
        if (kind != NULL && has_journal(file))
            dam_earlier_try(result, kind);
        dam_result_study_destroy(&study);
    }
    dam_result_close(result);
    return DAM_OK;
}

/* An output that would crash the HDF5 library must not end the run that could publish it anew. */
static void look_at_output(struct command *command, struct dam_error *fault) {
    const char *output = command->options.output_path;
    if (is_first_rank() && access(output, R_OK) == 0 &&
        dam_isolate(output, try_output, command->kinds, fault) != DAM_OK)
        command->options.fault = fault->text;
}

static enum dam_status run(MPI_Comm comm, void *context, struct dam_error *error) {
    struct command *command = context;
    *error = command->usage_error;
    /* What is read before MPI starts, rank 0 alone has read. */
    enum dam_status status = dam_agree(comm, command->usage, error);
    if (status == DAM_OK)
        status = dam_run(comm, command->kinds, &command->options, error);
    int rank;
    /* What all agreed on rank 0 tells; where they could not, each rank what it knows. */
    bool alone = status == DAM_PARALLEL;
    if (!alone && (MPI_Comm_rank(comm, &rank) != MPI_SUCCESS || rank != 0))
        error->text[0] = '\0';
    return status;
}

enum dam_status dam_cli_run(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "STUDY.yaml",
        .least = 1,
        .most = 1,
        .doc = "The same command again goes on where it stopped. On many ranks: "
               "'mpirun -n 64 dam run STUDY.yaml'. SIGUSR1, the time limit, and a file "
               "FILE.h5.journal/stop let running tasks end, publish, and exit with 75.",
        .options = options,
        .take = take,
    };
    struct command command = {.kinds = call->kinds, .options.slice = {1, 1}};
    /* No more overrides than arguments. */
    command.overrides = calloc((size_t)call->argc, sizeof *command.overrides);
    if (!command.overrides)
        return dam_fail(error, DAM_MEMORY, "run: out of memory");
    bool helped;
    command.usage = dam_arguments_parse(&arguments, call, &command, &helped, &command.usage_error);
    command.options.overrides = command.overrides;

    char *output = NULL;
    if (command.usage == DAM_OK && !helped && !command.options.output_path) {
        output = dam_run_default_output(command.options.study_path);
        if (!output)
            command.usage = dam_fail(&command.usage_error, DAM_MEMORY, "run: out of memory");
        command.options.output_path = output;
    }
    /* Before MPI starts, which takes a while on many nodes: a job may be told to stop in it. */
    dam_stop_install();
    struct dam_error fault;
    if (command.usage == DAM_OK && !helped)
        look_at_output(&command, &fault);
    char *selected = NULL;
    if (command.usage == DAM_OK && !helped && is_first_rank())
        command.usage =
            dam_cli_select(call->kinds, command.options.study_path, command.overrides,
                           &command.options.override_count, &selected, &command.usage_error);
    enum dam_status status = helped ? DAM_OK : call->parallel(run, &command, error);
    free(selected);
    free(output);
    free(command.overrides);
    return status;
}
