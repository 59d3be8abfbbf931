#include "fuzz.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_expect(int holds, const char *condition, const char *file, int line) {
    if (holds)
        return;
    dprintf(STDERR_FILENO, "%s:%d: expected %s\n", file, line, condition);
    abort();
}

static char folder[FUZZ_PATH / 2];

static void remove_folder(void) {
    char command[FUZZ_PATH];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        dprintf(STDERR_FILENO, "%s is left\n", folder);
}

const char *fuzz_folder(void) {
    if (folder[0] != '\0')
        return folder;
    const char *base = getenv("TMPDIR"); /* a temporary one, where fuzz.sh runs this */
    int length = snprintf(folder, sizeof folder, "%s/dam-fuzz-XXXXXX", base ? base : "/dev/shm");
    FUZZ_EXPECT(length < (int)sizeof folder);
    FUZZ_EXPECT(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    return folder;
}

const char *fuzz_file(const uint8_t *data, size_t size) {
    static char path[FUZZ_PATH];
    snprintf(path, sizeof path, "%s/input", fuzz_folder());
    FILE *file = fopen(path, "wb");
    FUZZ_EXPECT(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    return path;
}

/* C0 but the line end, DEL, and C1 as UTF-8 writes it. */
static bool moves_cursor(const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if ((*c < 0x20 && *c != '\n') || *c == 0x7f ||
            (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
            return true;
    return false;
}

static bool all_lines_begin(const char *text, const char *with) {
    for (; *text != '\0'; text = strchr(text, '\n') + 1)
        if (strncmp(text, with, strlen(with)) != 0 || strchr(text, '\n') == NULL)
            return false;
    return true;
}

void fuzz_check_answer(enum dam_status status, const struct dam_error *error, const char *output,
                       const char *complaints) {
    FUZZ_EXPECT(status >= DAM_OK && status < DAM_STATUS_COUNT);
    FUZZ_EXPECT(!moves_cursor(output));
    FUZZ_EXPECT(!moves_cursor(complaints));
    FUZZ_EXPECT(all_lines_begin(complaints, "dam: "));
    if (status == DAM_OK)
        return;
    FUZZ_EXPECT(error->text[0] != '\0' || complaints[0] != '\0');
    FUZZ_EXPECT(!moves_cursor(error->text) && strchr(error->text, '\n') == NULL);
}
