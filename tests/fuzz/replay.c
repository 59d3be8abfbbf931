/* A target without libFuzzer: `replay INPUT...` gives it the files named, and those of the folders
 * named. So every seed and past finding is a test in every build. */
#include "fuzz.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static size_t replayed;

static void replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    FUZZ_EXPECT(file != NULL);
    size_t size = 0, room = 1 << 20;
    uint8_t *data = malloc(room);
    FUZZ_EXPECT(data != NULL);
    for (size_t count; (count = fread(data + size, 1, room - size, file)) > 0;) {
        size += count;
        if (size == room)
            data = realloc(data, room *= 2);
        FUZZ_EXPECT(data != NULL);
    }
    fclose(file);
    /* Exactly as long as the input, so that sanitizers see what reads past its end. */
    uint8_t *input = malloc(size > 0 ? size : 1);
    FUZZ_EXPECT(input != NULL);
    memcpy(input, data, size);
    free(data);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(input, size);
    free(input);
    replayed++;
}

static void replay_folder(const char *path, DIR *folder) {
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[4096];
        if (entry->d_type != DT_REG)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        replay_file(name);
    }
    closedir(folder);
}

int main(int argc, char **argv) {
    for (int a = 1; a < argc; a++) {
        DIR *folder = opendir(argv[a]);
        if (folder != NULL)
            replay_folder(argv[a], folder);
        else
            replay_file(argv[a]);
    }
    FUZZ_EXPECT(replayed > 0);
    return 0;
}
