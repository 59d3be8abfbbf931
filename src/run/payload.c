#include "run/payload.h"
#include "run/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN_MAX_FILES = 200 };

static void close_all(struct dam_payload_reader *reader) {
    for (size_t f = 0; reader->open_count > 0 && f < reader->ledger->file_count; f++) {
        if (reader->descriptors[f] < 0)
            continue;
        close(reader->descriptors[f]);
        reader->descriptors[f] = -1;
        reader->open_count--;
    }
}

enum dam_status dam_payload_reader_new(struct dam_payload_reader *reader,
                                       const struct dam_ledger *ledger, struct dam_error *error) {
    *reader = (struct dam_payload_reader){.ledger = ledger};
    reader->descriptors = calloc(ledger->file_count + 1, sizeof *reader->descriptors);
    if (reader->descriptors == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to open %zu journals", ledger->file_count);
    for (size_t f = 0; f < ledger->file_count; f++)
        reader->descriptors[f] = -1;
    return DAM_OK;
}

void dam_payload_reader_destroy(struct dam_payload_reader *reader) {
    close_all(reader);
    free(reader->descriptors);
    *reader = (struct dam_payload_reader){0};
}

static int open_journal(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

enum dam_status dam_payload_read(struct dam_payload_reader *reader, const struct dam_entry *entry,
                                 void *payload, struct dam_error *error) {
    const char *path = reader->ledger->files[entry->file];
    int *descriptor = &reader->descriptors[entry->file];
    if (*descriptor < 0) {
        if (reader->open_count == OPEN_MAX_FILES)
            close_all(reader);
        *descriptor = open_journal(path);
        if (*descriptor < 0 && (errno == EMFILE || errno == ENFILE)) {
            close_all(reader);
            *descriptor = open_journal(path);
        }
        if (*descriptor < 0)
            return dam_fail(error, DAM_FILE, "%s: cannot read: %s", path, strerror(errno));
        reader->open_count++;
    }
    return dam_file_read_at(*descriptor, payload, entry->size, entry->offset, path, error);
}
