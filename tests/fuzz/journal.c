/* A fuzzer of journals. An input is a journal file, read as one of the study at hand and as one of
 * another; or, after a byte 0xFF, it tells of rows, which are written, damaged and read again. */
#include "run/journal.h"
#include "fuzz.h"
#include "kinds/kind.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 32 };

struct written {
    struct dam_row row;
    const uint8_t *payload;
    uint32_t size;
    uint64_t offset; /* of the payload in the file */
};

/* What a reader found, of what was written: `next` is the first row that may still come. */
struct reading {
    const struct written *rows;
    size_t count, next, found;
    uint64_t bytes;
    bool foreign; /* the reader's study is not the writer's */
};

/* That of a study with `seed: 1`, so that the journals of such runs serve as seeds. */
static struct dam_journal_identity identity_of(const char *kind, uint64_t seed) {
    struct dam_journal_identity identity = {.seed = seed};
    snprintf(identity.kind, sizeof identity.kind, "%s", kind);
    identity.schema_version = dam_kinds_find(&dam_kinds, kind)->schema.version;
    return identity;
}

static enum dam_status count(void *context, const struct dam_row *row, const void *payload,
                             uint32_t size, uint64_t offset, struct dam_error *error) {
    (void)error;
    struct reading *reading = context;
    uint32_t sum = row->status; /* read every byte */
    for (uint32_t i = 0; i < size; i++)
        sum += ((const uint8_t *)payload)[i];
    FUZZ_EXPECT(size <= DAM_PAYLOAD_MAX && offset >= reading->bytes);
    reading->bytes += size + (sum & 0);
    reading->found++;
    return DAM_OK;
}

static bool is_same(const struct written *written, const struct dam_row *row, const void *payload,
                    uint32_t size) {
    return memcmp(row, &written->row, sizeof *row) == 0 && size == written->size &&
           memcmp(payload, written->payload, size) == 0;
}

/* Where a row was written lies that one, for the study that wrote it alone. Elsewhere the input may
 * well hold a frame for its place, checksum and all: where what is around it is damaged, it is one.
 */
static enum dam_status compare(void *context, const struct dam_row *row, const void *payload,
                               uint32_t size, uint64_t offset, struct dam_error *error) {
    struct reading *reading = context;
    while (reading->next < reading->count && reading->rows[reading->next].offset < offset)
        reading->next++;
    if (reading->next < reading->count && reading->rows[reading->next].offset == offset)
        FUZZ_EXPECT(!reading->foreign &&
                    is_same(&reading->rows[reading->next], row, payload, size));
    return count(context, row, payload, size, offset, error);
}

static enum dam_status read_journal(const char *path, const struct dam_journal_identity *identity,
                                    dam_row_visitor *visit, struct reading *reading,
                                    struct dam_journal_state *state) {
    struct dam_error error = {0};
    enum dam_status status = dam_journal_read(path, identity, visit, reading, state, &error);
    fuzz_check_answer(status, &error, "", "");
    return status;
}

static void read_raw(const uint8_t *data, size_t size) {
    const struct dam_journal_identity identities[] = {identity_of("capacity", 1),
                                                      identity_of("xor", 7)};
    const char *path = fuzz_file(data, size);
    for (size_t i = 0; i < 2; i++) {
        struct reading reading = {0};
        struct dam_journal_state state;
        if (read_journal(path, &identities[i], count, &reading, &state) == DAM_OK)
            FUZZ_EXPECT(state.damaged + reading.bytes <= size);
    }
}

/* Each row is a byte, the length of its payload, the row's own bytes, and the payload. */
static size_t parse_rows(const uint8_t *data, size_t size, struct written rows[ROWS_MAX]) {
    size_t count = 0;
    for (; size > sizeof(struct dam_row) && count < ROWS_MAX; count++) {
        struct written *row = &rows[count];
        memcpy(&row->row, data + 1, sizeof row->row);
        row->payload = data + 1 + sizeof row->row;
        size -= 1 + sizeof row->row;
        row->size = data[0] < size ? data[0] : (uint32_t)size;
        size -= row->size;
        data = row->payload + row->size;
    }
    return count;
}

static struct dam_mark mark_of(const struct dam_row *row) {
    return (struct dam_mark){.row = *row};
}

/* What a file is marked with is the last task begun, which was left in order. */
static bool is_last(const struct dam_mark *mark, const struct dam_row *row) {
    struct dam_mark last = mark_of(row);
    last.ending = DAM_ENDING_LEFT;
    return memcmp(mark, &last, sizeof last) == 0;
}

static void write_rows(const char *name, const struct dam_journal_identity *identity,
                       struct written *rows, size_t count) {
    struct dam_journal *journal;
    struct dam_error error;
    FUZZ_EXPECT(dam_journal_new(&journal, fuzz_folder(), name, identity, &error) == DAM_OK);
    for (size_t r = 0; r < count; r++) {
        struct dam_mark mark = mark_of(&rows[r].row);
        FUZZ_EXPECT(dam_journal_begin(journal, &mark, &error) == DAM_OK);
        FUZZ_EXPECT(dam_journal_append(journal, &rows[r].row, rows[r].payload, rows[r].size,
                                       &rows[r].offset, &error) == DAM_OK);
    }
    dam_journal_destroy(journal);
}

/* Change one byte, or cut the file there. */
static void damage(const char *path, uint32_t random) {
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    off_t size = lseek(descriptor, 0, SEEK_END);
    off_t at = random % size;
    uint8_t byte = 0;
    FUZZ_EXPECT(descriptor >= 0 && pread(descriptor, &byte, 1, at) == 1);
    byte ^= (uint8_t)(1 + (random >> 24) % 255);
    FUZZ_EXPECT(random & 1 ? pwrite(descriptor, &byte, 1, at) == 1
                           : ftruncate(descriptor, at) == 0);
    close(descriptor);
}

static void write_damage_read(const uint8_t *data, size_t size) {
    static char path[FUZZ_PATH];
    struct written rows[ROWS_MAX];
    uint32_t random = 0;
    memcpy(&random, data, size < sizeof random ? size : sizeof random);
    size_t count = parse_rows(data, size, rows);
    if (count == 0)
        return;
    struct dam_journal_identity identity = identity_of("capacity", 1), other = identity;
    other.seed++;
    snprintf(path, sizeof path, "%s/journal", fuzz_folder());
    unlink(path);
    write_rows("journal", &identity, rows, count);

    const struct dam_row *last = &rows[count - 1].row;
    struct dam_journal_state state;
    struct reading whole = {.rows = rows, .count = count};
    FUZZ_EXPECT(read_journal(path, &identity, compare, &whole, &state) == DAM_OK);
    FUZZ_EXPECT(whole.found == count && state.damaged == 0);
    FUZZ_EXPECT(state.marked == (last->start_begin < last->start_end));
    FUZZ_EXPECT(!state.marked || is_last(&state.mark, last));
    struct reading none = {.rows = rows, .count = count, .foreign = true};
    FUZZ_EXPECT(read_journal(path, &other, compare, &none, &state) == DAM_INPUT);
    FUZZ_EXPECT(none.found == 0);

    damage(path, random);
    struct reading rest = {.rows = rows, .count = count};
    enum dam_status status = read_journal(path, &identity, compare, &rest, &state);
    FUZZ_EXPECT(status == DAM_OK || status == DAM_INPUT);
    FUZZ_EXPECT(!state.marked || is_last(&state.mark, last));
    (void)!(read_journal(path, &other, compare, &none, &state) == DAM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 0 && data[0] == 0xFF)
        write_damage_read(data + 1, size - 1);
    else
        read_raw(data, size);
    return 0;
}
