#include "run/merge.h"
#include "cli/arguments.h"
#include "cli/isolate.h"
#include "run/source.h"
#include <inttypes.h>
#include <stdlib.h>

struct command {
    const struct dam_kinds *kinds;
    struct dam_merge_options options;
    const char **files;
    /* A bad command line is told by rank 0 alone, so it is kept until MPI runs. */
    enum dam_status usage;
    struct dam_error usage_error;
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE.h5", 0, "the file to write, which must not exist (required)", 0},
    {0},
};

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    (void)error;
    struct command *command = context;
    if (key == 'o')
        command->options.output = value;
    else
        command->files[command->options.file_count++] = value;
    return DAM_OK;
}

static void summarise(const struct command *command, const struct dam_merged *merged) {
    size_t files = command->options.file_count;
    printf("%s: %" PRIu64 " cells of %zu file%s", command->options.output, merged->cells, files,
           files == 1 ? "" : "s");
    if (merged->seeds > 1)
        printf(", %zu seeds", merged->seeds);
    if (merged->repeated > 0)
        printf(", %" PRIu64 " rows for cells that others hold left out", merged->repeated);
    if (merged->partial > 0)
        printf(", %" PRIu64 " cells partial", merged->partial);
    if (merged->failed > 0)
        printf(", %" PRIu64 " cells failed (see /failures)", merged->failed);
    putchar('\n');
}

static enum dam_status run(MPI_Comm comm, void *context, struct dam_error *error) {
    struct command *command = context;
    struct dam_merged merged;
    int rank;
    if (MPI_Comm_rank(comm, &rank) != MPI_SUCCESS)
        return dam_fail(error, DAM_PARALLEL, "merge: MPI does not say this rank's number");
    enum dam_status status = command->usage;
    if (status == DAM_OK)
        status = dam_merge(comm, command->kinds, &command->options, &merged, error);
    else
        *error = command->usage_error;
    if (status == DAM_OK && rank == 0)
        summarise(command, &merged);
    if (rank != 0)
        error->text[0] = '\0';
    return status;
}

/* In a child process. Whether files go together is seen later. */
static enum dam_status try_source(const char *file, const void *kinds, struct dam_error *error) {
    struct dam_source source;
    enum dam_status status = dam_source_read(&source, file, kinds, NULL, error);
    dam_source_destroy(&source);
    return status == DAM_INPUT ? DAM_OK : status;
}

/* Nobody vouches for the files: each is read once where a damaged one can do no harm. */
static enum dam_status try_sources(struct command *command) {
    enum dam_status status = DAM_OK;
    for (size_t f = 0; status == DAM_OK && f < command->options.file_count; f++)
        status = dam_isolate(command->files[f], try_source, command->kinds, &command->usage_error);
    return status;
}

enum dam_status dam_cli_merge(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "FILE.h5...",
        .least = 1,
        .most = SIZE_MAX,
        .doc = "Files of one kind and schema: the slices of a study ('dam run --slice'), the seeds "
               "of an array of jobs, a study's extensions. All slices of a study give the file of "
               "the undivided run. Of a cell that several files hold, a complete row stands for "
               "others; different results for one cell are refused. Rank 0 does all the work: "
               "mpirun adds nothing.",
        .options = options,
        .take = take,
    };
    struct command command = {.kinds = call->kinds};
    /* No more files than arguments. */
    command.files = calloc((size_t)call->argc, sizeof *command.files);
    if (!command.files)
        return dam_fail(error, DAM_MEMORY, "merge: out of memory");
    bool helped;
    command.usage = dam_arguments_parse(&arguments, call, &command, &helped, &command.usage_error);
    command.options.files = command.files;
    if (command.usage == DAM_OK && !helped && !command.options.output)
        command.usage = dam_fail(&command.usage_error, DAM_INPUT,
                                 "merge: -o FILE.h5 missing; it names the file to write");
    if (command.usage == DAM_OK && !helped)
        command.usage = try_sources(&command);
    enum dam_status status = helped ? DAM_OK : call->parallel(run, &command, error);
    free(command.files);
    return status;
}
