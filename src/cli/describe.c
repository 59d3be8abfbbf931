#include "cli/arguments.h"
#include <stdlib.h>

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    (void)key;
    (void)error;
    *(const char **)context = value;
    return DAM_OK;
}

static enum dam_status unknown_kind(const struct dam_kinds *kinds, const char *name,
                                    struct dam_error *error) {
    const char **names = calloc(kinds->count, sizeof *names);
    if (!names)
        return dam_fail(error, DAM_MEMORY, "describe: out of memory");
    for (size_t k = 0; k < kinds->count; k++)
        names[k] = kinds->list[k]->schema.name;
    const char *nearest = dam_nearest(name, names, kinds->count);
    free(names);
    if (nearest)
        return dam_fail(error, DAM_INPUT, "describe: unknown kind '%s'; did you mean '%s'?", name,
                        nearest);
    return dam_fail(error, DAM_INPUT, "describe: unknown kind '%s'; 'dam kinds' lists them", name);
}

enum dam_status dam_cli_describe(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "KIND", .least = 1, .most = 1, .take = take};
    const char *name = NULL;
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &name, &helped, error);
    if (status != DAM_OK || helped)
        return status;
    const struct dam_kind *kind = dam_kinds_find(call->kinds, name);
    if (!kind)
        return unknown_kind(call->kinds, name, error);
    dam_kind_describe(stdout, kind);
    return DAM_OK;
}
