#include "cli/arguments.h"

enum dam_status dam_cli_kinds(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {0};
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, NULL, &helped, error);
    if (status != DAM_OK || helped)
        return status;
    for (size_t k = 0; k < call->kinds->count; k++)
        printf("%-12s %s\n", call->kinds->list[k]->schema.name,
               call->kinds->list[k]->schema.summary);
    return DAM_OK;
}
