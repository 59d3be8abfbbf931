#include "cli/arguments.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 32, KEY_HELP = 'h' };

struct parsing {
    const struct dam_arguments *arguments;
    const struct dam_call *call;
    void *context;
    bool helped;
    size_t positionals;
    enum dam_status status;
    struct dam_error *error;
};

static const char *command_name(const struct parsing *parsing) {
    return parsing->call->command->name;
}

/* Record the first failure; argp then stops. */
static error_t fail(struct parsing *parsing, enum dam_status status) {
    parsing->status = status;
    return EINVAL;
}

/* How many of the command's options does "--name", or its beginning, stand for? An exact name
 * counts once. Fills names with all of them. */
static size_t match_options(const struct parsing *parsing, const char *name, size_t length,
                            const char **names, size_t *count) {
    size_t matches = strncmp("help", name, length) == 0;
    *count = 0;
    names[(*count)++] = "help";
    const struct argp_option *option = parsing->arguments->options;
    for (; option && option->name && *count < OPTIONS_MAX; option++) {
        names[(*count)++] = option->name;
        if (strncmp(option->name, name, length) != 0)
            continue;
        if (strlen(option->name) == length)
            return 1;
        matches++;
    }
    return matches;
}

/* "--name" or "--name=value" that getopt refused: say why. */
static void refuse_long(struct parsing *parsing, const char *given) {
    const char *command = command_name(parsing);
    const char *names[OPTIONS_MAX];
    size_t count, length = strcspn(given + 2, "=");
    size_t matches = match_options(parsing, given + 2, length, names, &count);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)length, given + 2);
    if (matches > 1)
        dam_fail(parsing->error, DAM_INPUT, "%s: --%s is short for several options", command, name);
    else if (matches == 1 && given[2 + length] == '=')
        dam_fail(parsing->error, DAM_INPUT, "%s: --%s takes no value", command, name);
    else if (matches == 1)
        dam_fail(parsing->error, DAM_INPUT, "%s: --%s needs a value", command, name);
    else if (dam_nearest(name, names, count))
        dam_fail(parsing->error, DAM_INPUT, "%s: unknown option --%s; did you mean --%s?", command,
                 name, dam_nearest(name, names, count));
    else
        dam_fail(parsing->error, DAM_INPUT, "%s: unknown option --%s; 'dam %s --help' lists them",
                 command, name, command);
}

/* A letter that getopt refused, alone ("-x") or, still the next, in a bundle ("-ox"). */
static void refuse_letter(struct parsing *parsing, const char *given) {
    const char *command = command_name(parsing);
    const struct argp_option *option = parsing->arguments->options;
    for (; option && option->name; option++)
        if (given[0] == '-' && given[1] == option->key) {
            dam_fail(parsing->error, DAM_INPUT, "%s: -%c needs a value", command, given[1]);
            return;
        }
    dam_fail(parsing->error, DAM_INPUT, "%s: unknown option %s; 'dam %s --help' lists them",
             command, given, command);
}

/* argp says only that an option was bad. */
static error_t bad_option(struct parsing *parsing, const struct argp_state *state) {
    const char *given = state->argv[state->next - 1];
    if (strncmp(given, "--", 2) == 0)
        refuse_long(parsing, given);
    else if (given[0] != '-' && state->next < state->argc)
        refuse_letter(parsing, state->argv[state->next]);
    else
        refuse_letter(parsing, given);
    return fail(parsing, DAM_INPUT);
}

static error_t take_positional(struct parsing *parsing, const char *value) {
    const struct dam_arguments *arguments = parsing->arguments;
    if (parsing->positionals++ >= arguments->most)
        return fail(parsing, dam_fail(parsing->error, DAM_INPUT, "%s: unexpected argument '%s'",
                                      command_name(parsing), value));
    enum dam_status status =
        arguments->take(DAM_POSITIONAL, value, parsing->context, parsing->error);
    return status == DAM_OK ? 0 : fail(parsing, status);
}

static error_t parse_command(int key, char *value, struct argp_state *state) {
    struct parsing *parsing = state->input;
    const struct dam_arguments *arguments = parsing->arguments;
    switch (key) {
    case ARGP_KEY_ARG:
        return take_positional(parsing, value);
    case ARGP_KEY_END:
        if (!parsing->helped && parsing->positionals < arguments->least)
            return fail(parsing, dam_fail(parsing->error, DAM_INPUT,
                                          "%s: %s missing; 'dam %s --help' tells more",
                                          command_name(parsing), arguments->positional,
                                          command_name(parsing)));
        return 0;
    case ARGP_KEY_ERROR:
        return parsing->status == DAM_OK ? bad_option(parsing, state) : EINVAL;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_NO_ARGS:
    case ARGP_KEY_INIT:
    case ARGP_KEY_SUCCESS:
    case ARGP_KEY_FINI:
        return ARGP_ERR_UNKNOWN;
    default:
        break;
    }
    if (!arguments->take)
        return ARGP_ERR_UNKNOWN;
    enum dam_status status = arguments->take(key, value, parsing->context, parsing->error);
    return status == DAM_OK ? 0 : fail(parsing, status);
}

/* The outer parser: --help, and everything of the command's as its only child. */
static error_t parse_help(int key, char *value, struct argp_state *state) {
    (void)value;
    struct parsing *parsing = state->input;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = parsing;
        return 0;
    }
    if (key != KEY_HELP)
        return ARGP_ERR_UNKNOWN;
    char name[64];
    snprintf(name, sizeof name, "dam %s", command_name(parsing));
    state->name = name;
    state->flags &= ~(unsigned)ARGP_NO_ERRS; /* which would silence the help text too */
    argp_state_help(state, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC);
    state->flags |= ARGP_NO_ERRS;
    state->name = (char *)command_name(parsing);
    parsing->helped = true;
    state->next = state->argc; /* what follows --help is of no concern */
    return 0;
}

/* argp's remark on long and short options says nothing that the list above it does not. */
static char *drop_remark(int key, const char *text, void *input) {
    (void)input;
    return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)text;
}

enum dam_status dam_arguments_parse(const struct dam_arguments *arguments,
                                    const struct dam_call *call, void *context, bool *helped,
                                    struct dam_error *error) {
    static const struct argp_option help[] = {
        {"help", KEY_HELP, NULL, 0, "show this text", -1},
        {0},
    };
    char doc[2048];
    snprintf(doc, sizeof doc, "%s%s%s", call->command->summary, arguments->doc ? "\n\n" : "",
             arguments->doc ? arguments->doc : "");
    const struct argp command = {
        .options = arguments->options,
        .parser = parse_command,
        .args_doc = arguments->positional,
    };
    const struct argp_child children[] = {{&command, 0, NULL, 0}, {0}};
    const struct argp outer = {.options = help,
                               .parser = parse_help,
                               .doc = doc,
                               .children = children,
                               .help_filter = drop_remark};
    struct parsing parsing = {
        .arguments = arguments, .call = call, .context = context, .error = error};
    error_t failed = argp_parse(&outer, call->argc, call->argv,
                                ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, NULL, &parsing);
    *helped = parsing.helped;
    if (parsing.helped)
        return DAM_OK;
    if (parsing.status != DAM_OK)
        return parsing.status;
    if (failed)
        return dam_fail(error, DAM_MEMORY, "%s: %s", call->command->name, strerror(failed));
    return DAM_OK;
}
