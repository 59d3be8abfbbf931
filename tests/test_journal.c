/* The journal: what is appended comes back, and damage of any byte costs the row it hits alone. */
#include "run/file.h"
#include "run/journal.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scratch.h"

/* Bytes of a file's header and of what precedes a row's payload (run/journal.h). */
enum {
    BARE_HEADER = 16 + 4 + 4 + 48,
    MARK = 8 + 128,
    HEADER = BARE_HEADER + MARK,
    FRAME = 16 + 64
};

static const struct dam_journal_identity identity = {
    .kind = "probe", .schema_version = 3, .seed = 42};

/* ---- rows that all differ ---- */

enum { ROWS_MAX = 40, PAYLOAD = 40 };

struct sample {
    struct dam_row row;
    uint32_t size;
    unsigned char payload[PAYLOAD];
};

/* Payloads of 0, 5, 10, ... bytes, so that frames begin at every alignment. */
static struct sample sample_of(uint32_t i) {
    struct sample sample = {
        .row = {.cell = {.low = 1000 + i, .high = ~(uint64_t)i},
                .round = i % 3,
                .replica = i,
                .start_begin = 10 * i,
                .start_end = 10 * i + 7,
                .plan = i * UINT64_C(0x123456789abcdef),
                .status = i % 4 == 3 ? DAM_MEMORY : DAM_OK,
                .seconds = 0.125 * i},
        .size = 5 * i % (PAYLOAD + 1),
    };
    for (uint32_t b = 0; b < sample.size; b++)
        sample.payload[b] = (unsigned char)(17 * i + b);
    return sample;
}

static void append(struct dam_journal *journal, const struct sample *sample, uint64_t *offset) {
    struct dam_error error;
    enum dam_status status =
        dam_journal_append(journal, &sample->row, sample->payload, sample->size, offset, &error);
    if (status != DAM_OK)
        fail_msg("%s", error.text);
}

static struct dam_journal *open_journal(const char *name) {
    struct dam_journal *journal;
    struct dam_error error;
    assert_int_equal(dam_journal_new(&journal, ".", name, &identity, &error), DAM_OK);
    return journal;
}

/* Write rows 0 .. count - 1. */
static void write_rows(const char *name, uint32_t count) {
    struct dam_journal *journal = open_journal(name);
    for (uint32_t i = 0; i < count; i++) {
        struct sample sample = sample_of(i);
        uint64_t offset;
        append(journal, &sample, &offset);
    }
    dam_journal_destroy(journal);
}

/* ---- reading back ---- */

struct seen {
    uint32_t count;
    uint32_t which[ROWS_MAX]; /* the number of each row, in the order of reading */
    uint64_t damaged;
    struct dam_journal_state state;
};

/* Every row that is read must be one that was written, whole. */
static enum dam_status note(void *context, const struct dam_row *row, const void *payload,
                            uint32_t size, uint64_t offset, struct dam_error *error) {
    (void)offset;
    (void)error;
    struct seen *seen = context;
    struct sample sample = sample_of(row->replica);
    assert_memory_equal(row, &sample.row, sizeof *row);
    assert_int_equal(size, sample.size);
    assert_memory_equal(payload, sample.payload, size);
    assert_true(seen->count < ROWS_MAX);
    seen->which[seen->count++] = row->replica;
    return DAM_OK;
}

static struct seen read_rows(const char *name) {
    struct seen seen = {0};
    struct dam_error error;
    enum dam_status status = dam_journal_read(name, &identity, note, &seen, &seen.state, &error);
    if (status != DAM_OK)
        fail_msg("%s", error.text);
    seen.damaged = seen.state.damaged;
    return seen;
}

/* All rows of 0 .. count - 1 in order, but `lost` (UINT32_MAX: none). */
static void assert_all_but(const struct seen *seen, uint32_t count, uint32_t lost) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == lost)
            continue;
        assert_true(at < seen->count);
        assert_int_equal(seen->which[at++], i);
    }
    assert_int_equal(seen->count, at);
}

/* ---- files as bytes ---- */

struct bytes {
    char *data;
    size_t size;
};

static struct bytes load(const char *name) {
    struct bytes bytes;
    struct dam_error error;
    assert_int_equal(dam_file_read(name, &bytes.data, &bytes.size, &error), DAM_OK);
    return bytes;
}

static void store(const char *name, const void *data, size_t size) {
    struct dam_error error;
    assert_int_equal(dam_file_replace(name, data, size, 0, &error), DAM_OK);
}

/* Where row i's frame begins. */
static size_t frame_begin(uint32_t i) {
    size_t at = HEADER;
    for (uint32_t before = 0; before < i; before++)
        at += FRAME + sample_of(before).size;
    return at;
}

/* ---- tests ---- */

static void rows_come_back_as_written(void **state) {
    (void)state;
    struct dam_journal *journal = open_journal("rows");
    uint64_t offsets[ROWS_MAX];
    for (uint32_t i = 0; i < ROWS_MAX; i++) {
        struct sample sample = sample_of(i);
        append(journal, &sample, &offsets[i]);
    }
    struct dam_error error;
    assert_int_equal(dam_journal_sync(journal, &error), DAM_OK);
    assert_string_equal(dam_journal_path(journal), "./rows");
    dam_journal_destroy(journal);

    struct seen seen = read_rows("rows");
    assert_all_but(&seen, ROWS_MAX, UINT32_MAX);
    assert_int_equal(seen.damaged, 0);
    struct bytes file = load("rows");
    assert_int_equal(file.size, frame_begin(ROWS_MAX));
    for (uint32_t i = 0; i < ROWS_MAX; i++) {
        struct sample sample = sample_of(i);
        assert_memory_equal(file.data + offsets[i], sample.payload, sample.size);
    }
    free(file.data);
}

/* A row is with the operating system when append returns: a kill right after loses nothing. */
static void a_row_can_be_read_before_the_journal_is_closed(void **state) {
    (void)state;
    struct dam_journal *journal = open_journal("rows");
    for (uint32_t i = 0; i < 3; i++) {
        struct sample sample = sample_of(i);
        uint64_t offset;
        append(journal, &sample, &offset);
        struct seen seen = read_rows("rows");
        assert_all_but(&seen, i + 1, UINT32_MAX);
    }
    dam_journal_destroy(journal);
}

static void the_file_is_made_by_the_first_row_and_never_replaces_one(void **state) {
    (void)state;
    dam_journal_destroy(open_journal("rows"));
    assert_int_equal(access("rows", F_OK), -1);

    store("rows", "precious", 8);
    struct dam_journal *journal = open_journal("rows");
    struct sample sample = sample_of(1);
    uint64_t offset;
    struct dam_error error;
    assert_int_equal(
        dam_journal_append(journal, &sample.row, sample.payload, sample.size, &offset, &error),
        DAM_FILE);
    assert_non_null(strstr(error.text, "./rows"));
    dam_journal_destroy(journal);
    struct bytes file = load("rows");
    assert_memory_equal(file.data, "precious", 8);
    free(file.data);
}

static void a_last_row_torn_at_any_byte_is_lost_alone(void **state) {
    (void)state;
    enum { LAST = 7 };
    write_rows("rows", LAST + 1);
    struct bytes file = load("rows");
    size_t begin = frame_begin(LAST);
    assert_true(sample_of(LAST).size > 0);
    for (size_t cut = begin; cut <= file.size; cut++) {
        store("torn", file.data, cut);
        struct seen seen = read_rows("torn");
        assert_all_but(&seen, LAST + 1, cut == file.size ? UINT32_MAX : LAST);
        assert_int_equal(seen.damaged, cut == file.size ? 0 : cut - begin);
    }
    free(file.data);
}

static void a_flipped_bit_of_a_row_loses_that_row_alone(void **state) {
    (void)state;
    enum { COUNT = 8, HIT = 5 };
    write_rows("rows", COUNT);
    struct bytes file = load("rows");
    assert_int_equal(frame_begin(COUNT), file.size);
    for (size_t at = frame_begin(HIT); at < frame_begin(HIT + 1); at++)
        for (int bit = 0; bit < 8; bit++) {
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
            store("flipped", file.data, file.size);
            struct seen seen = read_rows("flipped");
            assert_all_but(&seen, COUNT, HIT);
            assert_int_equal(seen.damaged, frame_begin(HIT + 1) - frame_begin(HIT));
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
        }
    free(file.data);
}

/* A damaged header says nothing, and costs nothing: rows have their own checksums. */
static void a_flipped_bit_of_the_header_loses_nothing(void **state) {
    (void)state;
    write_rows("rows", 4);
    struct bytes file = load("rows");
    for (size_t at = 0; at < HEADER; at++)
        for (int bit = 0; bit < 8; bit++) {
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
            store("flipped", file.data, file.size);
            struct seen seen = read_rows("flipped");
            assert_all_but(&seen, 4, UINT32_MAX);
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
        }
    free(file.data);
}

static void a_lost_stretch_in_the_middle_keeps_what_follows(void **state) {
    (void)state;
    enum { COUNT = 9 };
    write_rows("rows", COUNT);
    struct bytes file = load("rows");
    /* A hole of zeros over row 3 and parts of its neighbours, as a file system leaves after a power
     * failure. */
    memset(file.data + frame_begin(2) + 10, 0, frame_begin(4) + 20 - frame_begin(2) - 10);
    store("holed", file.data, file.size);
    struct seen seen = read_rows("holed");
    static const uint32_t kept[] = {0, 1, 5, 6, 7, 8};
    assert_int_equal(seen.count, 6);
    assert_memory_equal(seen.which, kept, sizeof kept);
    assert_int_equal(seen.damaged, frame_begin(5) - frame_begin(2));
    free(file.data);
}

/* Payloads that hold the frames' marker everywhere mislead nobody, whole or damaged. */
static void markers_within_payloads_are_no_frames(void **state) {
    (void)state;
    write_rows("other", 1);
    struct bytes other = load("other");
    char markers[PAYLOAD];
    for (int b = 0; b < PAYLOAD; b++)
        markers[b] = other.data[HEADER + b % 4];
    free(other.data);
    struct dam_journal *journal = open_journal("rows");
    struct sample first = sample_of(0), last = sample_of(2);
    struct sample misleading = {.row = {.replica = 1, .start_end = 1}};
    uint64_t offset, middle;
    append(journal, &first, &offset);
    struct dam_error error;
    assert_int_equal(
        dam_journal_append(journal, &misleading.row, markers, PAYLOAD, &middle, &error), DAM_OK);
    append(journal, &last, &offset);
    dam_journal_destroy(journal);

    struct bytes file = load("rows");
    file.data[middle - 1] ^= 1;
    store("rows", file.data, file.size);
    free(file.data);
    struct seen seen = read_rows("rows");
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.which[0], 0);
    assert_int_equal(seen.which[1], 2);
}

/* A whole frame of this study within a payload, as a copy of a journal would be, is not a row even
 * where the frame around it is damaged. */
static void a_frame_within_a_payload_is_none(void **state) {
    (void)state;
    write_rows("inner", 2);
    struct bytes inner = load("inner");
    struct dam_journal *journal = open_journal("rows");
    struct sample outer = sample_of(1);
    uint64_t offset;
    struct dam_error error;
    assert_int_equal(dam_journal_append(journal, &outer.row, inner.data + HEADER,
                                        (uint32_t)(inner.size - HEADER), &offset, &error),
                     DAM_OK);
    dam_journal_destroy(journal);
    struct bytes file = load("rows");
    assert_memory_equal(file.data + offset, inner.data + HEADER, inner.size - HEADER);
    file.data[offset - 1] ^= 1;
    store("rows", file.data, file.size);
    free(file.data);
    free(inner.data);
    assert_int_equal(read_rows("rows").count, 0);
}

/* ---- other studies ---- */

static void write_foreign(const char *name, const struct dam_journal_identity *foreign) {
    struct dam_journal *journal;
    struct dam_error error;
    assert_int_equal(dam_journal_new(&journal, ".", name, foreign, &error), DAM_OK);
    struct sample sample = sample_of(1);
    uint64_t offset;
    append(journal, &sample, &offset);
    dam_journal_destroy(journal);
}

static void assert_refused(const char *name, const char *text) {
    struct seen seen = {0};
    struct dam_error error;
    assert_int_equal(dam_journal_read(name, &identity, note, &seen, &seen.state, &error),
                     DAM_INPUT);
    assert_int_equal(seen.count, 0);
    assert_non_null(strstr(error.text, name));
    if (strstr(error.text, text) == NULL)
        fail_msg("'%s' does not hold '%s'", error.text, text);
}

static void a_journal_of_another_study_is_refused(void **state) {
    (void)state;
    struct dam_journal_identity kind = identity, schema = identity, seed = identity;
    snprintf(kind.kind, sizeof kind.kind, "other");
    schema.schema_version = 4;
    seed.seed = 43;
    write_foreign("kind", &kind);
    write_foreign("schema", &schema);
    write_foreign("seed", &seed);
    assert_refused("kind", "holds results of kind other, schema 3, seed 42; this study is kind "
                           "probe, schema 3, seed 42");
    assert_refused("schema", "kind probe, schema 4, seed 42; this study");
    assert_refused("seed", "kind probe, schema 3, seed 43; this study");
}

static void a_journal_of_the_other_byte_order_is_refused(void **state) {
    (void)state;
    write_rows("rows", 2);
    struct bytes file = load("rows");
    for (int b = 0; b < 2; b++) {
        char low = file.data[16 + b];
        file.data[16 + b] = file.data[19 - b];
        file.data[19 - b] = low;
    }
    store("swapped", file.data, file.size);
    free(file.data);
    assert_refused("swapped", "byte order");
}

/* Should a header be lost, the rows of another study still do not pass for this one's. */
static void rows_of_another_study_do_not_pass_without_their_header(void **state) {
    (void)state;
    struct dam_journal_identity seed = identity;
    seed.seed = 43;
    write_foreign("rows", &seed);
    struct bytes file = load("rows");
    file.data[0] ^= 1;
    store("rows", file.data, file.size);
    struct seen seen = read_rows("rows");
    assert_int_equal(seen.count, 0);
    assert_int_equal(seen.damaged, file.size - HEADER);
    free(file.data);
}

static void a_journal_of_another_format_is_refused(void **state) {
    (void)state;
    write_rows("rows", 2);
    struct bytes file = load("rows");
    memcpy(file.data, "dam journal 1\n\0", 16); /* which had no mark */
    store("older", file.data, file.size);
    memcpy(file.data, "dam journal 3\n3", 16);
    store("newer", file.data, file.size);
    free(file.data);
    assert_refused("older", "another version of dam, in format 1 and not 2");
    assert_refused("newer", "another version of dam, in format 3 and not 2");
}

/* ---- marks ---- */

static struct dam_mark mark_of(uint32_t i) {
    return (struct dam_mark){.row = {.cell = {.low = i, .high = 7},
                                     .round = 1,
                                     .replica = i,
                                     .start_begin = 10,
                                     .start_end = 20 + i,
                                     .plan = 5},
                             .alone = i % 2,
                             .host = "node"};
}

static void begin(struct dam_journal *journal, uint32_t i) {
    struct dam_mark mark = mark_of(i);
    struct dam_error error;
    assert_int_equal(dam_journal_begin(journal, &mark, &error), DAM_OK);
}

static void assert_marked(struct dam_journal_state about, uint32_t i, enum dam_ending ending) {
    struct dam_mark mark = mark_of(i);
    mark.ending = ending;
    assert_true(about.marked);
    assert_memory_equal(&about.mark, &mark, sizeof mark);
}

static void the_last_task_begun_is_marked_until_the_rank_leaves(void **state) {
    (void)state;
    struct dam_journal *journal = open_journal("rows");
    struct sample sample = sample_of(0);
    uint64_t offset;
    begin(journal, 1);
    assert_marked(read_rows("rows").state, 1, DAM_ENDING_OPEN);
    append(journal, &sample, &offset);
    begin(journal, 2);
    struct seen seen = read_rows("rows");
    assert_all_but(&seen, 1, UINT32_MAX);
    assert_marked(seen.state, 2, DAM_ENDING_OPEN);
    dam_journal_destroy(journal);
    assert_marked(read_rows("rows").state, 2, DAM_ENDING_LEFT);
}

static void a_rank_that_leaves_without_a_row_leaves_no_file(void **state) {
    (void)state;
    struct dam_journal *journal = open_journal("rows");
    begin(journal, 1);
    assert_int_equal(access("rows", F_OK), 0);
    dam_journal_destroy(journal);
    assert_int_equal(access("rows", F_OK), -1);
}

static void a_file_without_tasks_is_not_marked(void **state) {
    (void)state;
    write_rows("rows", 2);
    assert_false(read_rows("rows").state.marked);
}

/* A fault that the processor raises; a sanitizer would be faster. */
__attribute__((no_sanitize("undefined"))) static void divide_by_zero(void) {
    volatile int zero = 0;
    zero = 10 / zero;
}

/* In a child process: begin a task, be killed by `signal`. `own`: within the task's code. */
static void die_of(int signal, bool own) {
    unlink("rows");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dam_mark_install();
        begin(open_journal("rows"), 4);
        dam_mark_task(own ? "a cell" : NULL);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        if (signal == SIGFPE)
            divide_by_zero();
        if (signal == SIGABRT)
            abort();
        raise(signal);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal);
}

static void a_task_that_crashes_leaves_its_signal(void **state) {
    (void)state;
    static const int own[] = {SIGABRT, SIGFPE};
    for (size_t s = 0; s < 2; s++) {
        die_of(own[s], true);
        struct dam_journal_state about = read_rows("rows").state;
        assert_int_equal(about.mark.signal, own[s]);
        about.mark.signal = 0;
        assert_marked(about, 4, DAM_ENDING_CRASHED);
    }
}

static void what_others_do_to_it_is_not_its_own(void **state) {
    (void)state;
    die_of(SIGABRT, false);
    assert_marked(read_rows("rows").state, 4, DAM_ENDING_OPEN);
    die_of(SIGSEGV, true); /* sent, not raised by a fault */
    assert_marked(read_rows("rows").state, 4, DAM_ENDING_OPEN);
    die_of(SIGKILL, true);
    assert_marked(read_rows("rows").state, 4, DAM_ENDING_OPEN);
}

static void a_damaged_mark_says_nothing(void **state) {
    (void)state;
    struct dam_journal *journal = open_journal("rows");
    begin(journal, 4);
    struct bytes file = load("rows");
    dam_journal_destroy(journal);
    for (size_t at = BARE_HEADER; at < HEADER; at++)
        for (int bit = 0; bit < 8; bit++) {
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
            store("flipped", file.data, file.size);
            struct seen seen = read_rows("flipped");
            bool unused = at >= BARE_HEADER + 4 && at < BARE_HEADER + 8;
            assert_int_equal(seen.state.marked, unused);
            file.data[at] = (char)(file.data[at] ^ 1 << bit);
        }
    free(file.data);
}

/* ---- files that are not there, or hardly ---- */

static void a_file_shorter_than_its_header_holds_nothing(void **state) {
    (void)state;
    write_rows("rows", 1);
    struct bytes file = load("rows");
    for (size_t size = 0; size <= HEADER; size++) {
        store("short", file.data, size);
        struct seen seen = read_rows("short");
        assert_int_equal(seen.count, 0);
    }
    free(file.data);
}

static void a_missing_file_is_an_error(void **state) {
    (void)state;
    struct seen seen = {0};
    struct dam_error error;
    assert_int_equal(dam_journal_read("missing", &identity, note, &seen, &seen.state, &error),
                     DAM_FILE);
    assert_non_null(strstr(error.text, "missing"));
}

/* What somebody else planted in a shared folder: reading neither waits for a pipe nor follows. */
static void neither_a_pipe_nor_a_link_is_read(void **state) {
    (void)state;
    write_rows("rows", 1);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(symlink("rows", "link"), 0);
    static const char *const names[] = {"pipe", "link"};
    for (size_t n = 0; n < 2; n++) {
        struct seen seen = {0};
        struct dam_error error;
        assert_int_equal(dam_journal_read(names[n], &identity, note, &seen, &seen.state, &error),
                         DAM_FILE);
        assert_non_null(strstr(error.text, names[n]));
    }
}

static enum dam_status refuse_second(void *context, const struct dam_row *row, const void *payload,
                                     uint32_t size, uint64_t offset, struct dam_error *error) {
    (void)payload;
    (void)size;
    (void)offset;
    ++*(int *)context;
    return row->replica == 1 ? dam_fail(error, DAM_TASKS, "enough") : DAM_OK;
}

static void the_visitor_can_end_the_reading(void **state) {
    (void)state;
    write_rows("rows", 5);
    int calls = 0;
    struct dam_journal_state about;
    struct dam_error error;
    assert_int_equal(dam_journal_read("rows", &identity, refuse_second, &calls, &about, &error),
                     DAM_TASKS);
    assert_int_equal(calls, 2);
    assert_string_equal(error.text, "enough");
}

/* ---- a full disk ---- */

static void limit_files(rlim_t size) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Wherever the disk fills up, the file ends with the row before, and goes on when there is room. */
static void a_row_that_does_not_fit_leaves_no_trace(void **state) {
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct sample first = sample_of(0), second = sample_of(1);
    for (size_t room = 0; room < FRAME + second.size; room++) {
        unlink("rows");
        struct dam_journal *journal = open_journal("rows");
        uint64_t offset;
        struct dam_error error;
        append(journal, &first, &offset);
        limit_files(frame_begin(1) + room);
        assert_int_equal(
            dam_journal_append(journal, &second.row, second.payload, second.size, &offset, &error),
            DAM_FILE);
        limit_files(RLIM_INFINITY);
        struct stat about;
        assert_int_equal(stat("rows", &about), 0);
        assert_int_equal(about.st_size, frame_begin(1));
        append(journal, &second, &offset);
        dam_journal_destroy(journal);
        struct seen seen = read_rows("rows");
        assert_all_but(&seen, 2, UINT32_MAX);
        assert_int_equal(seen.damaged, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scratch_test(rows_come_back_as_written),
        scratch_test(a_row_can_be_read_before_the_journal_is_closed),
        scratch_test(the_file_is_made_by_the_first_row_and_never_replaces_one),
        scratch_test(a_last_row_torn_at_any_byte_is_lost_alone),
        scratch_test(a_flipped_bit_of_a_row_loses_that_row_alone),
        scratch_test(a_flipped_bit_of_the_header_loses_nothing),
        scratch_test(a_lost_stretch_in_the_middle_keeps_what_follows),
        scratch_test(markers_within_payloads_are_no_frames),
        scratch_test(a_frame_within_a_payload_is_none),
        scratch_test(a_journal_of_another_study_is_refused),
        scratch_test(a_journal_of_the_other_byte_order_is_refused),
        scratch_test(rows_of_another_study_do_not_pass_without_their_header),
        scratch_test(a_journal_of_another_format_is_refused),
        scratch_test(the_last_task_begun_is_marked_until_the_rank_leaves),
        scratch_test(a_rank_that_leaves_without_a_row_leaves_no_file),
        scratch_test(a_file_without_tasks_is_not_marked),
        scratch_test(a_task_that_crashes_leaves_its_signal),
        scratch_test(what_others_do_to_it_is_not_its_own),
        scratch_test(a_damaged_mark_says_nothing),
        scratch_test(a_file_shorter_than_its_header_holds_nothing),
        scratch_test(a_missing_file_is_an_error),
        scratch_test(neither_a_pipe_nor_a_link_is_read),
        scratch_test(the_visitor_can_end_the_reading),
        scratch_test(a_row_that_does_not_fit_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
