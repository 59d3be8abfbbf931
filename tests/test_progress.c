/* The status file that `dam status` reads, and durations for people. */
#include "run/file.h"
#include "run/progress.h"
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "scratch.h"

static void write_status(const struct dam_progress *progress) {
    struct dam_error error;
    enum dam_status status = dam_progress_write("status", progress, &error);
    if (status != DAM_OK)
        fail_msg("%s", error.text);
}

static struct dam_progress read_status(void) {
    struct dam_progress progress;
    struct dam_error error;
    enum dam_status status = dam_progress_read("status", &progress, &error);
    if (status != DAM_OK)
        fail_msg("%s", error.text);
    return progress;
}

static bool same_real(double a, double b) {
    return a == b || (isnan(a) && isnan(b));
}

static void a_snapshot_reads_back(void **state) {
    (void)state;
    static const struct dam_progress snapshots[] = {
        {.phase = DAM_PHASE_RUNNING,
         .total = UINT64_MAX,
         .done = UINT64_MAX - 1,
         .failed = 12345678901234567890u,
         .cells = 1000000000,
         .cells_done = 999999999,
         .open = true,
         .ranks = 4096,
         .rate = 1.0 / 3,
         .elapsed = 1e-9,
         .remaining = 1e9 / 7,
         .updated = 4102444800},
        {.phase = DAM_PHASE_DRAINING, .remaining = (double)NAN},
        {.phase = DAM_PHASE_PUBLISHING, .remaining = -(double)NAN},
        {.phase = DAM_PHASE_FINISHED, .remaining = (double)INFINITY},
        {.phase = DAM_PHASE_STOPPED, .rate = 5e-324},
    };
    for (size_t s = 0; s < sizeof snapshots / sizeof *snapshots; s++) {
        const struct dam_progress *wrote = &snapshots[s];
        write_status(wrote);
        struct dam_progress read = read_status();
        assert_int_equal(read.phase, wrote->phase);
        assert_true(read.total == wrote->total && read.done == wrote->done &&
                    read.failed == wrote->failed && read.cells == wrote->cells &&
                    read.cells_done == wrote->cells_done && read.open == wrote->open);
        assert_int_equal(read.ranks, wrote->ranks);
        assert_true(same_real(read.rate, wrote->rate));
        assert_true(same_real(read.elapsed, wrote->elapsed));
        assert_true(same_real(read.remaining, wrote->remaining));
        assert_true(read.updated == wrote->updated);
    }
}

/* Who holds the old file open goes on reading it: it is replaced, never written to. */
static void a_reader_never_sees_half_a_snapshot(void **state) {
    (void)state;
    write_status(&(struct dam_progress){.total = 1});
    FILE *reader = fopen("status", "r");
    assert_non_null(reader);
    write_status(&(struct dam_progress){.total = 2});
    char text[512] = "";
    assert_true(fread(text, 1, sizeof text - 1, reader) > 0);
    assert_non_null(strstr(text, "total 1\n"));
    fclose(reader);
    assert_int_equal(read_status().total, 2);
    assert_int_equal(access("status.new", F_OK), -1);
}

static void what_is_no_status_file_is_refused(void **state) {
    (void)state;
    struct dam_progress progress;
    struct dam_error error;
    assert_int_equal(dam_progress_read("status", &progress, &error), DAM_FILE);
    write_status(&(struct dam_progress){.phase = DAM_PHASE_FINISHED, .total = 5});
    char *text;
    size_t size;
    assert_int_equal(dam_file_read("status", &text, &size, &error), DAM_OK);
    /* Cut at the end of every line but the last. */
    for (size_t cut = 0; cut + 1 < size; cut++) {
        if (cut > 0 && text[cut - 1] != '\n')
            continue;
        assert_int_equal(dam_file_replace("status", text, cut, 0, &error), DAM_OK);
        assert_int_equal(dam_progress_read("status", &progress, &error), DAM_DAMAGED);
        assert_non_null(strstr(error.text, "status"));
    }
    memcpy(text, "phase finishes", 14);
    assert_int_equal(dam_file_replace("status", text, size, 0, &error), DAM_OK);
    assert_int_equal(dam_progress_read("status", &progress, &error), DAM_DAMAGED);
    free(text);
}

static void more_is_to_come_until_all_cells_are_done(void **state) {
    (void)state;
    const struct dam_progress closed = {.cells = 3, .cells_done = 1},
                              open = {.open = true, .cells = 3, .cells_done = 2},
                              done = {.open = true, .cells = 3, .cells_done = 3};
    assert_false(dam_progress_is_open(&closed));
    assert_true(dam_progress_is_open(&open));
    assert_false(dam_progress_is_open(&done));
}

/* What the line on a terminal says of a snapshot, without its bar's brackets. */
static void assert_line(const struct dam_progress *progress, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *terminal = stderr;
    stderr = open_memstream(&text, &size);
    assert_non_null(stderr);
    struct dam_progress_line line = {.terminal = true, .last = -INFINITY};
    dam_progress_line_show(&line, progress, false);
    fclose(stderr);
    stderr = terminal;
    assert_string_equal(text, expected);
    free(text);
}

/* Tasks that are known are not all that there are: neither a share of them nor a time is told. */
static void a_line_promises_what_is_known(void **state) {
    (void)state;
    struct dam_progress progress = {.phase = DAM_PHASE_RUNNING,
                                    .total = 30,
                                    .done = 20,
                                    .cells = 10,
                                    .cells_done = 1,
                                    .rate = 4,
                                    .remaining = 120};
    assert_line(&progress, "\r[####################..........]  66 %  20 of 30 tasks, 4 a second, "
                           "left 2 min 00 s\x1b[K");
    progress.open = true;
    assert_line(&progress, "\r[###...........................]  10 %  1 of 10 cells, 20 tasks, 4 a "
                           "second\x1b[K");
    progress.phase = DAM_PHASE_DRAINING;
    progress.failed = 2;
    assert_line(&progress, "\r[###...........................]  10 %  1 of 10 cells, 20 tasks, 4 a "
                           "second, draining, 2 FAILED\x1b[K");
    progress = (struct dam_progress){.phase = DAM_PHASE_RUNNING,
                                     .total = 8,
                                     .done = 8,
                                     .cells = 2,
                                     .cells_done = 2,
                                     .open = true};
    assert_line(&progress, "\r[##############################] 100 %  8 of 8 tasks, 0 a second, "
                           "left 0.0 s\x1b[K");
}

static void durations_are_for_people(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } table[] = {
        {0, "0.0 s"},
        {0.0034, "3.4 ms"},
        {0.0994, "99 ms"},
        {0.0996, "0.1 s"},
        {0.25, "0.2 s"},
        {9.94, "9.9 s"},
        {9.96, "10 s"},
        {42, "42 s"},
        {60, "1 min 00 s"},
        {3599, "59 min 59 s"},
        {3600 + 2 * 60, "1 h 02 min"},
        {86399, "23 h 59 min"},
        {3 * 86400.0 + 5 * 3600, "3 d 05 h"},
        {1e12, "11574074 d 01 h"},
        {-1, "0.0 s"},
        {(double)NAN, "?"},
        {(double)INFINITY, "?"},
    };
    char text[32];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_ptr_equal(dam_duration_text(text, table[i].seconds), text);
        assert_string_equal(text, table[i].text);
    }
}

static void phases_have_names(void **state) {
    (void)state;
    assert_string_equal(dam_phase_name(DAM_PHASE_RUNNING), "running");
    assert_string_equal(dam_phase_name(DAM_PHASE_STOPPED), "stopped");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scratch_test(a_snapshot_reads_back),
        scratch_test(a_reader_never_sees_half_a_snapshot),
        scratch_test(what_is_no_status_file_is_refused),
        cmocka_unit_test(more_is_to_come_until_all_cells_are_done),
        cmocka_unit_test(a_line_promises_what_is_known),
        cmocka_unit_test(durations_are_for_people),
        cmocka_unit_test(phases_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
