#include "run/state.h"
#include "run/checksum.h"
#include "run/file.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file: this, then the blob. */
struct header {
    uint64_t size;
    uint32_t checksum, reserved;
};

char *dam_state_path(const struct dam_state *state) {
    char *path = NULL;
    int length =
        asprintf(&path, "%s/state-%016" PRIx64 "%016" PRIx64 "-%" PRIu32 "-%" PRIu32, state->folder,
                 state->cell->high, state->cell->low, state->round, state->replica);
    return length < 0 ? NULL : path;
}

/* Is this a whole file? */
static bool is_sound(const char *file, size_t size) {
    struct header header;
    if (size < sizeof header)
        return false;
    memcpy(&header, file, sizeof header);
    return header.size == size - sizeof header &&
           header.checksum == dam_checksum(0, file + sizeof header, header.size);
}

enum dam_status dam_state_read(const struct dam_state *state, void **blob, size_t *size,
                               struct dam_error *error) {
    char *path = dam_state_path(state), *file = NULL;
    size_t file_size = 0;
    *blob = NULL;
    if (path == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a file's name");
    enum dam_status status = dam_file_read(path, &file, &file_size, error);
    if (status == DAM_OK && !is_sound(file, file_size))
        status = dam_fail(error, DAM_DAMAGED, "%s: damaged", path);
    free(path);
    if (status != DAM_OK) {
        free(file);
        return status;
    }
    *size = file_size - sizeof(struct header);
    *blob = memmove(file, file + sizeof(struct header), *size);
    return DAM_OK;
}

bool dam_state_is_missing(const struct dam_state *state) {
    char *path = dam_state_path(state);
    bool missing = path != NULL && access(path, F_OK) != 0 && errno == ENOENT;
    free(path);
    return missing;
}

bool dam_state_is_lost(const struct dam_state *state) {
    void *blob;
    size_t size;
    struct dam_error error;
    enum dam_status status = dam_state_read(state, &blob, &size, &error);
    free(blob);
    return status == DAM_DAMAGED || (status == DAM_FILE && dam_state_is_missing(state));
}

enum dam_status dam_state_write(const struct dam_state *state, const void *blob, size_t size,
                                struct dam_error *error) {
    struct header header = {.size = size, .checksum = dam_checksum(0, blob, size)};
    char *path = dam_state_path(state);
    char *file = malloc(sizeof header + size);
    enum dam_status status;
    if (path == NULL || file == NULL) {
        status = dam_fail(error, DAM_MEMORY, "no memory for a state of %zu bytes", size);
    } else {
        memcpy(file, &header, sizeof header);
        memcpy(file + sizeof header, blob, size);
        status = dam_file_replace(path, file, sizeof header + size, 1, error);
    }
    if (status == DAM_OK)
        status = dam_file_sync(state->folder, error);
    free(path);
    free(file);
    return status;
}
