/* A fuzzer of status files: `dam status` says what one tells, or refuses it in a line. */
#include "cli/program.h"
#include "fuzz.h"
#include "run/progress.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What was read is read again from what is written of it. */
static void check_again(const char *path, const struct dam_progress *progress) {
    struct dam_progress again;
    struct dam_error error;
    FUZZ_EXPECT(dam_progress_write(path, progress, &error) == DAM_OK);
    FUZZ_EXPECT(dam_progress_read(path, &again, &error) == DAM_OK);
    FUZZ_EXPECT(again.phase == progress->phase && again.total == progress->total &&
                again.done == progress->done && again.failed == progress->failed &&
                again.cells == progress->cells && again.cells_done == progress->cells_done &&
                again.open == progress->open && again.ranks == progress->ranks &&
                again.updated == progress->updated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char file[FUZZ_PATH], folder[FUZZ_PATH + 16], path[FUZZ_PATH + 32];
    snprintf(file, sizeof file, "%s/study.h5", fuzz_folder());
    snprintf(folder, sizeof folder, "%s.journal", file);
    snprintf(path, sizeof path, "%s/status", folder);
    mkdir(folder, 0777);
    FILE *written = fopen(path, "wb");
    FUZZ_EXPECT(written != NULL && fwrite(data, 1, size, written) == size && fclose(written) == 0);

    char *argv[] = {(char *)"status", file, NULL};
    const struct dam_command command = {.name = "status", .run = dam_cli_status};
    const struct dam_call call = {
        .command = &command, .kinds = &dam_kinds, .argc = 2, .argv = argv};
    struct dam_error error = {0};
    char *output = NULL;
    size_t length = 0;
    FILE *terminal = stdout;
    stdout = open_memstream(&output, &length);
    FUZZ_EXPECT(stdout != NULL);
    enum dam_status status = dam_cli_status(&call, &error);
    fclose(stdout);
    stdout = terminal;
    fuzz_check_answer(status, &error, output, "");
    FUZZ_EXPECT((status == DAM_OK) == (output[0] != '\0'));
    free(output);

    struct dam_progress progress;
    FUZZ_EXPECT(dam_progress_read(path, &progress, &error) == status);
    if (status == DAM_OK)
        check_again(path, &progress);
    return 0;
}
