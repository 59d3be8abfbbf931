/* The program's frame: one table of commands, and what a command is given. */
#ifndef DAM_CLI_PROGRAM_H
#define DAM_CLI_PROGRAM_H

#include "kinds/kind.h"
#include <dam/error.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>

/* What runs on all ranks; a failure's text is needed on rank 0 alone. */
typedef enum dam_status dam_parallel_body(MPI_Comm comm, void *context, struct dam_error *error);

/* Start MPI, run the body on every rank of the job, print what went wrong, end MPI: main's, which
 * alone knows the world. May be called once in a process. The text is empty afterwards. */
typedef enum dam_status dam_parallel(dam_parallel_body *body, void *context,
                                     struct dam_error *error);

struct dam_call;

/* A command prints its results to stdout. When it fails with an empty text, all has been said. */
struct dam_command {
    const char *name;
    const char *summary; /* one line */
    enum dam_status (*run)(const struct dam_call *call, struct dam_error *error);
};

struct dam_call {
    const struct dam_command *command;
    const struct dam_kinds *kinds;
    dam_parallel *parallel;
    int argc;
    char **argv; /* argv[0] is the command's name */
};

/* The whole program; returns its exit code. */
int dam_main(int argc, char **argv, const struct dam_kinds *kinds, dam_parallel *parallel);

/* "dam: ..." on stderr, unless the text is empty. */
void dam_program_complain(const struct dam_error *error);

enum dam_status dam_cli_run(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_plan(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_status(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_show(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_merge(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_verify(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_theory(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_describe(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_kinds(const struct dam_call *call, struct dam_error *error);
enum dam_status dam_cli_bench(const struct dam_call *call, struct dam_error *error);

#endif
