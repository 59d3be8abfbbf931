#include "run/journal.h"
#include "run/blas.h"
#include "run/checksum.h"
#include "run/file.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The digits are the format's number: twice, so that a flipped bit does not make another format. */
static const char magic[16] = "dam journal 2\n2";
enum { DIGIT = 12, AGAIN = 14 };
enum { BYTE_ORDER_MARK = 0x01020304, MARKER = 0x776f5264 /* "dRow" */ };

struct header {
    char magic[16];
    uint32_t byte_order;
    uint32_t checksum; /* of the identity */
    struct dam_journal_identity identity;
};

/* As much of a file as is kept in memory while it is read. */
enum { LET_GO_BYTES = 1 << 23 };

/* Where frames begin; the slot of the mark lies between them and the header. */
enum { FRAMES_AT = sizeof(struct header) + sizeof(struct dam_mark_slot) };

struct frame {
    uint32_t marker, size, checksum, reserved;
    struct dam_row row;
};

struct dam_journal {
    char *folder, *path;
    struct dam_journal_identity identity;
    int descriptor;
    struct dam_mark_slot slot;
    uint64_t end; /* where the next frame goes */

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake, idle;
    bool dirty, syncing, leaving;
    int sync_errno; /* of the background sync; 0: none failed */
};

static uint32_t identity_checksum(const struct dam_journal_identity *identity) {
    return dam_checksum(0, identity, sizeof *identity);
}

/* `at` is the frame's place in the file: bytes of a frame within a payload are none. */
static uint32_t frame_checksum(uint32_t seed, uint64_t at, const struct frame *frame,
                               const void *payload) {
    uint32_t crc = dam_checksum(seed, &at, sizeof at);
    crc = dam_checksum(crc, &frame->size, sizeof frame->size);
    crc = dam_checksum(crc, &frame->row, sizeof frame->row);
    return dam_checksum(crc, payload, frame->size);
}

/* Sync with the mutex held on entry and exit, but not meanwhile: rows go on coming. The system
 * tells of a failure once, so whoever meets it keeps it. */
static void sync_locked(struct dam_journal *journal) {
    while (journal->syncing)
        pthread_cond_wait(&journal->idle, &journal->mutex);
    journal->syncing = true;
    journal->dirty = false;
    pthread_mutex_unlock(&journal->mutex);
    int failure = fdatasync(journal->descriptor) == 0 ? 0 : errno;
    pthread_mutex_lock(&journal->mutex);
    if (failure != 0)
        journal->sync_errno = failure;
    journal->syncing = false;
    pthread_cond_broadcast(&journal->idle);
}

/* Syncing can take long on a shared file system, and the rank has better things to do. */
static void *sync_every_second(void *argument) {
    struct dam_journal *journal = argument;
    pthread_mutex_lock(&journal->mutex);
    while (!journal->leaving) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        while (!journal->leaving &&
               pthread_cond_timedwait(&journal->wake, &journal->mutex, &until) != ETIMEDOUT)
            ;
        if (!journal->dirty)
            continue;
        sync_locked(journal);
    }
    pthread_mutex_unlock(&journal->mutex);
    return NULL;
}

/* The thread takes no signals: they are the main thread's. */
static int start_thread(struct dam_journal *journal) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_cond_init(&journal->wake, &monotonic);
    pthread_cond_init(&journal->idle, NULL);
    pthread_condattr_destroy(&monotonic);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&journal->thread, NULL, sync_every_second, journal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        pthread_mutex_destroy(&journal->mutex);
        pthread_cond_destroy(&journal->wake);
        pthread_cond_destroy(&journal->idle);
    }
    return failure;
}

static void stop_thread(struct dam_journal *journal) {
    pthread_mutex_lock(&journal->mutex);
    journal->leaving = true;
    pthread_cond_signal(&journal->wake);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->thread, NULL);
    pthread_mutex_destroy(&journal->mutex);
    pthread_cond_destroy(&journal->wake);
    pthread_cond_destroy(&journal->idle);
}

enum dam_status dam_journal_new(struct dam_journal **journal, const char *folder, const char *name,
                                const struct dam_journal_identity *identity,
                                struct dam_error *error) {
    struct dam_journal *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a journal");
    made->descriptor = -1;
    made->identity = *identity;
    made->folder = strdup(folder);
    made->path = dam_path_join(folder, name);
    int failure = made->folder == NULL || made->path == NULL ? ENOMEM : start_thread(made);
    if (failure != 0) {
        free(made->folder);
        free(made->path);
        free(made);
        return dam_fail(error, DAM_MEMORY, "%s/%s: cannot start its sync thread: %s", folder, name,
                        strerror(failure));
    }
    *journal = made;
    return DAM_OK;
}

static enum dam_status create_file(struct dam_journal *journal, struct dam_error *error) {
    int descriptor = dam_file_create(journal->path);
    if (descriptor < 0)
        return dam_fail(error, DAM_FILE, "%s: cannot create the journal: %s", journal->path,
                        strerror(errno));
    struct header header = {.byte_order = BYTE_ORDER_MARK,
                            .checksum = identity_checksum(&journal->identity),
                            .identity = journal->identity};
    memcpy(header.magic, magic, sizeof magic);
    enum dam_status status =
        dam_file_write_at(descriptor, &header, sizeof header, 0, journal->path, error);
    if (status == DAM_OK)
        status = dam_file_write_at(descriptor, &journal->slot, sizeof journal->slot, sizeof header,
                                   journal->path, error);
    dam_mark_watch(&journal->slot, identity_checksum(&journal->identity), descriptor, sizeof header,
                   journal->path);
    if (status == DAM_OK)
        status = dam_file_sync(journal->folder, error);
    if (status != DAM_OK) {
        dam_mark_watch(NULL, 0, -1, 0, NULL);
        close(descriptor);
        unlink(journal->path);
        return status;
    }
    journal->descriptor = descriptor;
    journal->end = FRAMES_AT;
    return DAM_OK;
}

enum dam_status dam_journal_begin(struct dam_journal *journal, const struct dam_mark *mark,
                                  struct dam_error *error) {
    enum dam_status status = journal->descriptor < 0 ? create_file(journal, error) : DAM_OK;
    if (status != DAM_OK)
        return status;
    journal->slot.mark = *mark;
    dam_mark_seal(&journal->slot, identity_checksum(&journal->identity));
    return dam_file_write_at(journal->descriptor, &journal->slot, sizeof journal->slot,
                             sizeof(struct header), journal->path, error);
}

static enum dam_status sync_failed(const struct dam_journal *journal, int failure,
                                   struct dam_error *error) {
    return dam_fail(error, DAM_FILE, "%s: cannot bring it to disk: %s", journal->path,
                    strerror(failure));
}

enum dam_status dam_journal_append(struct dam_journal *journal, const struct dam_row *row,
                                   const void *payload, uint32_t size, uint64_t *offset,
                                   struct dam_error *error) {
    assert(size <= DAM_PAYLOAD_MAX);
    enum dam_status status = journal->descriptor < 0 ? create_file(journal, error) : DAM_OK;
    if (status != DAM_OK)
        return status;
    struct frame frame = {.marker = MARKER, .size = size, .row = *row};
    frame.checksum =
        frame_checksum(identity_checksum(&journal->identity), journal->end, &frame, payload);
    uint64_t payload_at = journal->end + sizeof frame;
    dam_mark_keep();
    status = dam_file_write_at(journal->descriptor, &frame, sizeof frame, journal->end,
                               journal->path, error);
    if (status == DAM_OK)
        status =
            dam_file_write_at(journal->descriptor, payload, size, payload_at, journal->path, error);
    if (status != DAM_OK) {
        /* Readers skip a torn frame; the next row is written over it, or the file ends here. */
        int tidied = ftruncate(journal->descriptor, (off_t)journal->end);
        (void)tidied;
        return status;
    }
    journal->end = payload_at + size;
    *offset = payload_at;
    pthread_mutex_lock(&journal->mutex);
    journal->dirty = true;
    int failure = journal->sync_errno;
    pthread_mutex_unlock(&journal->mutex);
    return failure == 0 ? DAM_OK : sync_failed(journal, failure, error);
}

enum dam_status dam_journal_sync(struct dam_journal *journal, struct dam_error *error) {
    if (journal->descriptor < 0)
        return DAM_OK;
    pthread_mutex_lock(&journal->mutex);
    sync_locked(journal);
    int failure = journal->sync_errno;
    pthread_mutex_unlock(&journal->mutex);
    return failure == 0 ? DAM_OK : sync_failed(journal, failure, error);
}

const char *dam_journal_path(const struct dam_journal *journal) {
    return journal->path;
}

void dam_journal_destroy(struct dam_journal *journal) {
    if (journal == NULL)
        return;
    stop_thread(journal);
    if (journal->descriptor >= 0) {
        dam_mark_leave();
        dam_mark_watch(NULL, 0, -1, 0, NULL);
        close(journal->descriptor);
    }
    free(journal->folder);
    free(journal->path);
    free(journal);
}

static bool is_other_format(const char found[sizeof magic]) {
    char digit = found[DIGIT];
    bool first = digit == '1' && found[AGAIN] == '\0'; /* which had it once */
    return memcmp(found, magic, DIGIT) == 0 && digit != magic[DIGIT] && digit >= '0' &&
           digit <= '9' && (found[AGAIN] == digit || first);
}

/* The study is the same, and what its results pass through is not. */
static enum dam_status refuse_blas(const char *path, const struct dam_journal_identity *found,
                                   const struct dam_journal_identity *identity,
                                   struct dam_error *error) {
    char texts[2][DAM_BLAS_VERSION_LENGTH];
    if (memcmp(found->blas_core, identity->blas_core, sizeof found->blas_core) != 0)
        return dam_fail(error, DAM_INPUT,
                        "%s holds results of OpenBLAS's core type %.15s, and this run would use "
                        "%.15s, whose last digits differ: set OPENBLAS_CORETYPE=%.15s to go on, "
                        "name another output, or discard with --fresh",
                        path, found->blas_core, identity->blas_core, found->blas_core);
    dam_blas_version_print(found->blas_version, texts[0]);
    dam_blas_version_print(identity->blas_version, texts[1]);
    if (found->blas_version == 0)
        return dam_fail(error, DAM_INPUT,
                        "%s holds results from before OpenBLAS's version was noted, and this run "
                        "would use %s, whose last digits may differ: name another output, or "
                        "discard with --fresh",
                        path, texts[1]);
    return dam_fail(error, DAM_INPUT,
                    "%s holds results of OpenBLAS's version %s, and this run would use %s, whose "
                    "last digits may differ: go on with that version, name another output, or "
                    "discard with --fresh",
                    path, texts[0], texts[1]);
}

/* Refuse a sound header that is another study's. A damaged one says nothing: the frames' own
 * checksums decide. */
static enum dam_status check_header(const char *path, const unsigned char *bytes, size_t size,
                                    const struct dam_journal_identity *identity,
                                    struct dam_error *error) {
    struct header header;
    if (size < sizeof header)
        return DAM_OK;
    memcpy(&header, bytes, sizeof header);
    if (is_other_format(header.magic))
        return dam_fail(
            error, DAM_INPUT,
            "%s: written by another version of dam, in format %c and not %c; go on with "
            "that version, name another output, or discard with --fresh",
            path, header.magic[DIGIT], magic[DIGIT]);
    if (memcmp(header.magic, magic, sizeof magic) != 0)
        return DAM_OK;
    if (header.byte_order == __builtin_bswap32(BYTE_ORDER_MARK))
        return dam_fail(error, DAM_INPUT,
                        "%s: written on a machine of the other byte order; go on there, or name "
                        "another output",
                        path);
    if (header.checksum != identity_checksum(&header.identity))
        return DAM_OK;
    const struct dam_journal_identity *found = &header.identity;
    if (memcmp(found, identity, sizeof *found) == 0)
        return DAM_OK;
    struct dam_journal_identity otherwise = *found;
    memcpy(otherwise.blas_core, identity->blas_core, sizeof otherwise.blas_core);
    otherwise.blas_version = identity->blas_version;
    if (memcmp(&otherwise, identity, sizeof otherwise) == 0)
        return refuse_blas(path, found, identity, error);
    return dam_fail(error, DAM_INPUT,
                    "%s holds results of kind %.15s, schema %u, seed %llu; this study is kind %s, "
                    "schema %u, seed %llu: name another output, or discard with --fresh",
                    path, found->kind, found->schema_version, (unsigned long long)found->seed,
                    identity->kind, identity->schema_version, (unsigned long long)identity->seed);
}

/* Is there a whole frame at `at`? */
static bool whole_frame(const unsigned char *bytes, size_t size, size_t at, uint32_t seed,
                        struct frame *frame) {
    if (size - at < sizeof *frame)
        return false;
    memcpy(frame, bytes + at, sizeof *frame);
    return frame->marker == MARKER && frame->reserved == 0 && frame->size <= DAM_PAYLOAD_MAX &&
           frame->size <= size - at - sizeof *frame &&
           frame->checksum == frame_checksum(seed, at, frame, bytes + at + sizeof *frame);
}

/* Pages that were read are not wanted again: a long journal does not fill the memory. */
static void let_go(const unsigned char *bytes, size_t at, size_t *kept) {
    if (at - *kept < LET_GO_BYTES)
        return;
    size_t whole = (at - *kept) / LET_GO_BYTES * LET_GO_BYTES;
    madvise((void *)(bytes + *kept), whole, MADV_DONTNEED);
    *kept += whole;
}

static void read_mark(const unsigned char *bytes, size_t size, uint32_t seed,
                      struct dam_journal_state *state) {
    struct dam_mark_slot slot;
    if (size < FRAMES_AT)
        return;
    memcpy(&slot, bytes + sizeof(struct header), sizeof slot);
    state->marked = dam_mark_sound(&slot, seed);
    state->mark = slot.mark;
    state->mark.host[DAM_HOST_LENGTH - 1] = '\0';
}

static enum dam_status read_frames(const unsigned char *bytes, size_t size, uint32_t seed,
                                   dam_row_visitor *visit, void *context, uint64_t *damaged,
                                   struct dam_error *error) {
    size_t at = size < FRAMES_AT ? size : FRAMES_AT, kept = 0;
    while (at < size) {
        let_go(bytes, at, &kept);
        struct frame frame;
        if (!whole_frame(bytes, size, at, seed, &frame)) {
            /* Look for the next marker. */
            const unsigned char *next =
                memmem(bytes + at + 1, size - at - 1, "dRow", sizeof frame.marker);
            size_t to = next == NULL ? size : (size_t)(next - bytes);
            *damaged += to - at;
            at = to;
            continue;
        }
        at += sizeof frame;
        enum dam_status status = visit(context, &frame.row, bytes + at, frame.size, at, error);
        if (status != DAM_OK)
            return status;
        at += frame.size;
    }
    return DAM_OK;
}

enum dam_status dam_journal_read(const char *path, const struct dam_journal_identity *identity,
                                 dam_row_visitor *visit, void *context,
                                 struct dam_journal_state *state, struct dam_error *error) {
    *state = (struct dam_journal_state){0};
    /* Neither a link nor a pipe that somebody planted. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat about;
    if (descriptor < 0 || fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
        enum dam_status status =
            dam_fail(error, DAM_FILE, "%s: cannot read: %s", path,
                     descriptor < 0 ? strerror(errno) : "it is no regular file");
        if (descriptor >= 0)
            close(descriptor);
        return status;
    }
    size_t size = (size_t)about.st_size;
    void *bytes = size == 0 ? NULL : mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    if (size == 0)
        return DAM_OK;
    if (bytes == MAP_FAILED)
        return dam_fail(error, DAM_FILE, "%s: cannot map: %s", path, strerror(errno));
    enum dam_status status = check_header(path, bytes, size, identity, error);
    if (status == DAM_OK) {
        uint32_t seed = identity_checksum(identity);
        read_mark(bytes, size, seed, state);
        status = read_frames(bytes, size, seed, visit, context, &state->damaged, error);
    }
    munmap(bytes, size);
    return status;
}
