/* Command lines, parsed by glibc's argp: never exits, and reports an error as one line. */
#ifndef DAM_CLI_ARGUMENTS_H
#define DAM_CLI_ARGUMENTS_H

#include "cli/program.h"
#include <argp.h>

enum { DAM_POSITIONAL = 0 }; /* the key of an argument that is no option */

struct dam_arguments {
    const char *positional; /* "STUDY.yaml", for the usage line; NULL: none are allowed */
    size_t least, most;     /* how many */
    const char *doc;        /* the help text below the summary and above the options, or NULL */
    const struct argp_option *options; /* ends with {0}; --help is added. NULL: none */

    /* Take one option, by its key, or one positional argument; value lives as long as argv. NULL
     * where there are none. */
    enum dam_status (*take)(int key, const char *value, void *context, struct dam_error *error);
};

/* Parse the call's arguments. *helped: the help text was printed and nothing is left to do. Fails
 * with DAM_INPUT. */
enum dam_status dam_arguments_parse(const struct dam_arguments *arguments,
                                    const struct dam_call *call, void *context, bool *helped,
                                    struct dam_error *error) DAM_CHECKED;

#endif
