#include "cli/program.h"
#include "run/provenance.h"
#include <dam/kernel.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The order is that of the help text. */
static const struct dam_command commands[] = {
    {"run", "Run a study, or go on with one, and publish its result file", dam_cli_run},
    {"plan", "Predict a study's tasks, bytes and time at given rank counts", dam_cli_plan},
    {"status", "How far a run is, while it runs and after", dam_cli_status},
    {"show", "Print a result file's table", dam_cli_show},
    {"merge", "Join result files of one kind: slices, seeds, extensions", dam_cli_merge},
    {"verify", "Check a result file's checksums and schema", dam_cli_verify},
    {"theory", "Error probabilities and capacities from theory", dam_cli_theory},
    {"describe", "A kind's parameters and results", dam_cli_describe},
    {"kinds", "List the kinds of experiment", dam_cli_kinds},
    {"bench", "Measure this machine's retrieval speed", dam_cli_bench},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

void dam_program_complain(const struct dam_error *error) {
    if (error->text[0] != '\0')
        fprintf(stderr, "dam: %s\n", error->text);
}

static void print_help(void) {
    printf("Usage: dam COMMAND [ARGUMENT...]\n"
           "Distributed experiments on dense associative memories.\n\n");
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        printf("  %-10s %s\n", commands[c].name, commands[c].summary);
    printf("\n"
           "'dam COMMAND --help' tells more, 'dam --version' the version. On many ranks:\n"
           "'mpirun -n 64 dam run STUDY.yaml', or 'srun dam run STUDY.yaml'.\n"
           "DAM_CPU in the environment forces a retrieval kernel, 'generic' say; results do not\n"
           "depend on it.\n"
           "Exit codes: 0 done; 1 failed; 2 bad usage or study; 3 some tasks failed; 75 stopped\n"
           "cleanly with work left.\n");
}

static void print_version(void) {
    printf("dam %s\nkernel %s; this CPU runs", dam_version_text(), dam_kernel_name());
    for (const char *const *name = dam_kernel_names(); *name != NULL; name++)
        printf(" %s%s", *name, name[1] != NULL ? "," : "\n");
}

/* The retrieval kernel that the environment asks for. */
static enum dam_status choose_kernel(struct dam_error *error) {
    const char *name = getenv("DAM_CPU");
    struct dam_error cause = {0};
    if (dam_kernel_choose(name != NULL && name[0] != '\0' ? name : NULL, &cause) != DAM_OK)
        return dam_fail(error, DAM_INPUT, "DAM_CPU: %s", cause.text);
    return DAM_OK;
}

static enum dam_status unknown_command(const char *name, struct dam_error *error) {
    const char *names[COMMAND_COUNT];
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        names[c] = commands[c].name;
    const char *nearest = dam_nearest(name, names, COMMAND_COUNT);
    if (nearest)
        return dam_fail(error, DAM_INPUT, "unknown command '%s'; did you mean '%s'?", name,
                        nearest);
    return dam_fail(error, DAM_INPUT, "unknown command '%s'; 'dam --help' lists them", name);
}

static enum dam_status dispatch(int argc, char **argv, const struct dam_kinds *kinds,
                                dam_parallel *parallel, struct dam_error *error) {
    if (argc < 2)
        return dam_fail(error, DAM_INPUT, "no command given; 'dam --help' lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return DAM_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return DAM_OK;
    }
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        if (strcmp(argv[1], commands[c].name) == 0)
            return commands[c].run(&(struct dam_call){.command = &commands[c],
                                                      .kinds = kinds,
                                                      .parallel = parallel,
                                                      .argc = argc - 1,
                                                      .argv = argv + 1},
                                   error);
    return unknown_command(argv[1], error);
}

int dam_main(int argc, char **argv, const struct dam_kinds *kinds, dam_parallel *parallel) {
    struct dam_error error = {0};
    enum dam_status status = choose_kernel(&error);
    if (status == DAM_OK)
        status = dispatch(argc, argv, kinds, parallel, &error);
    if (status != DAM_OK)
        dam_program_complain(&error);
    /* A full disk shows only here: results are worth nothing unless they arrived. */
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (!written) {
        int cause = errno;
        enum dam_status lost =
            dam_fail(&error, DAM_FILE, "cannot write to standard output: %s", strerror(cause));
        dam_program_complain(&error);
        if (status == DAM_OK)
            status = lost;
    }
    return dam_exit_code(status);
}
