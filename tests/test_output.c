/* The named output: one run at a time, nothing else touched, and refused where it cannot be. */
#include "run/file.h"
#include "run/output.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scratch.h"

static struct dam_output_paths paths_of(const char *file) {
    struct dam_output_paths paths;
    struct dam_error error;
    assert_int_equal(dam_output_paths_new(&paths, file, &error), DAM_OK);
    return paths;
}

static void store(const char *name, const char *text) {
    struct dam_error error;
    assert_int_equal(dam_file_replace(name, text, strlen(text), 0, &error), DAM_OK);
}

static bool exists(const char *name) {
    return access(name, F_OK) == 0;
}

static void assert_holds(const struct dam_error *error, const char *text) {
    if (strstr(error->text, text) == NULL)
        fail_msg("'%s' does not hold '%s'", error->text, text);
}

static void assert_not_locked(const struct dam_output_paths *paths, const char *text) {
    int lock = -1;
    struct dam_error error = {0};
    assert_int_equal(dam_output_lock(paths, &lock, &error), DAM_INPUT);
    assert_holds(&error, text);
}

/* And nothing is left of the attempt. */
static void assert_refused(const struct dam_output_paths *paths, const char *text) {
    struct dam_error error = {0};
    assert_int_equal(dam_output_check(paths, &error), DAM_INPUT);
    assert_holds(&error, text);
    assert_int_equal(access(paths->folder, F_OK), -1);
}

static int take(const struct dam_output_paths *paths) {
    int lock = -1;
    struct dam_error error;
    if (dam_output_lock(paths, &lock, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return lock;
}

/* ---- another process ---- */

/* A child that takes the lock, says so, and waits to be killed. */
static pid_t child_with_lock(const struct dam_output_paths *paths) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int lock;
        struct dam_error error;
        char answer = dam_output_lock(paths, &lock, &error) == DAM_OK ? 'y' : 'n';
        if (write(ready[1], &answer, 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    char answer = 'n';
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    close(ready[0]);
    return child;
}

static void end_child(pid_t child) {
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_second_run_is_refused_until_the_first_is_gone(void **state) {
    (void)state;
    struct dam_output_paths paths = paths_of("out.h5");
    assert_false(dam_output_locked(&paths));
    pid_t child = child_with_lock(&paths);
    assert_true(dam_output_locked(&paths));
    char pid[64];
    snprintf(pid, sizeof pid, "pid %ld", (long)child);
    assert_not_locked(&paths, pid);
    assert_not_locked(&paths, "out.h5.journal/stop");
    /* Being refused took nothing from the holder. */
    assert_true(dam_output_locked(&paths));
    end_child(child);
    assert_false(dam_output_locked(&paths));
    close(take(&paths));
    dam_output_paths_destroy(&paths);
}

static void outputs_do_not_lock_each_other(void **state) {
    (void)state;
    struct dam_output_paths one = paths_of("one.h5"), other = paths_of("other.h5");
    pid_t child = child_with_lock(&one);
    assert_false(dam_output_locked(&other));
    close(take(&other));
    end_child(child);
    dam_output_paths_destroy(&one);
    dam_output_paths_destroy(&other);
}

/* ---- what cannot be an output ---- */

static void a_directory_is_refused(void **state) {
    (void)state;
    struct dam_output_paths paths = paths_of("folder");
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_refused(&paths, "folder: is a directory");
    dam_output_paths_destroy(&paths);
}

static void a_read_only_file_is_refused(void **state) {
    (void)state;
    struct dam_output_paths paths = paths_of("out.h5");
    store("out.h5", "kept");
    assert_int_equal(chmod("out.h5", 0444), 0);
    assert_refused(&paths, "out.h5: is read-only");
    dam_output_paths_destroy(&paths);
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    struct dam_output_paths device = paths_of("pipe");
    assert_int_equal(mkfifo("pipe", 0666), 0);
    assert_refused(&device, "pipe: is not a regular file");
    dam_output_paths_destroy(&device);

    struct dam_output_paths missing = paths_of("missing/out.h5");
    assert_refused(&missing, "missing/out.h5: cannot write in the folder missing");
    dam_output_paths_destroy(&missing);

    struct dam_output_paths taken = paths_of("out.h5");
    store("out.h5.journal", "a file");
    assert_not_locked(&taken, "out.h5.journal: cannot make the journal folder");
    dam_output_paths_destroy(&taken);
}

/* A lock file that is a link could make the program truncate another file. */
static void a_planted_link_is_not_followed(void **state) {
    (void)state;
    struct dam_output_paths paths = paths_of("out.h5");
    store("precious", "kept");
    assert_int_equal(mkdir("out.h5.journal", 0777), 0);
    assert_int_equal(symlink("../precious", "out.h5.journal/lock"), 0);
    assert_not_locked(&paths, "out.h5.journal/lock: cannot open");
    char *text;
    size_t size;
    struct dam_error error;
    assert_int_equal(dam_file_read("precious", &text, &size, &error), DAM_OK);
    assert_string_equal(text, "kept");
    free(text);
    dam_output_paths_destroy(&paths);
}

/* ---- discarding ---- */

static void discarding_removes_what_the_program_wrote_alone(void **state) {
    (void)state;
    static const char *const written[] = {
        "out.h5",
        "out.h5.journal/rows-00000000000000000001-000000",
        "out.h5.journal/state-0123-0-0",
        "out.h5.journal/status",
        "out.h5.journal/stop",
        "out.h5.journal/publish.h5",
    };
    static const char *const foreign[] = {"out.h5.journal/notes.txt", "out.h5.journal.tar",
                                          "other.h5"};
    enum { WRITTEN = sizeof written / sizeof *written, FOREIGN = sizeof foreign / sizeof *foreign };
    struct dam_output_paths paths = paths_of("out.h5");
    int lock = take(&paths);
    for (int i = 0; i < WRITTEN; i++)
        store(written[i], "x");
    for (int i = 0; i < FOREIGN; i++)
        store(foreign[i], "x");
    struct dam_error error;
    assert_int_equal(dam_output_discard(&paths, &error), DAM_OK);
    for (int i = 0; i < WRITTEN; i++)
        assert_false(exists(written[i]));
    for (int i = 0; i < FOREIGN; i++)
        assert_true(exists(foreign[i]));
    assert_true(exists(paths.lock));
    /* There may be nothing to discard. */
    assert_int_equal(dam_output_discard(&paths, &error), DAM_OK);
    close(lock);
    dam_output_paths_destroy(&paths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scratch_test(a_second_run_is_refused_until_the_first_is_gone),
        scratch_test(outputs_do_not_lock_each_other),
        scratch_test(a_directory_is_refused),
        scratch_test(a_read_only_file_is_refused),
        scratch_test(what_is_no_file_is_refused),
        scratch_test(a_planted_link_is_not_followed),
        scratch_test(discarding_removes_what_the_program_wrote_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
