#include "run/verify.h"
#include "cli/arguments.h"
#include "cli/isolate.h"
#include "run/open.h"

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    (void)key;
    (void)error;
    *(const char **)context = value;
    return DAM_OK;
}

static void report(void *context, const char *line) {
    (void)context;
    fprintf(stderr, "dam: %s\n", line);
}

static enum dam_status verify(const char *file, const void *kinds, struct dam_error *error) {
    struct dam_verification verification;
    enum dam_status status = dam_verify(file, kinds, report, NULL, &verification, error);
    if (status != DAM_OK)
        return status;
    char size[32];
    printf("%s: ok, %zu datasets, %s%s\n", file, verification.datasets,
           dam_bytes_text(size, (double)verification.bytes),
           verification.kind_compared ? ""
                                      : "; its kind or schema version is not one of this "
                                        "program's, so its columns were not compared");
    return DAM_OK;
}

enum dam_status dam_cli_verify(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "FILE.h5", .least = 1, .most = 1, .take = take};
    const char *file = NULL;
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &file, &helped, error);
    if (status != DAM_OK || helped)
        return status;
    return dam_isolate(file, verify, call->kinds, error);
}
