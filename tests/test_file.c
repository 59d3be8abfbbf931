/* Giving a finished file its name: replacing what has it, or never. */
#include "run/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/dam-test-file-XXXXXX";
static char from[sizeof folder + 16], to[sizeof folder + 16];

static void write_file(const char *path, const char *text) {
    assert_int_equal(dam_file_replace(path, text, strlen(text), false, NULL), DAM_OK);
}

static void assert_holds(const char *path, const char *text) {
    char *data;
    size_t size;
    assert_int_equal(dam_file_read(path, &data, &size, NULL), DAM_OK);
    assert_string_equal(data, text);
    free(data);
}

static void replaces_what_has_the_name(void **state) {
    (void)state;
    for (int there = 0; there < 2; there++) {
        write_file(from, "new");
        assert_int_equal(dam_file_rename(from, to, true, NULL), DAM_OK);
        assert_holds(to, "new");
        assert_int_not_equal(access(from, F_OK), 0);
        write_file(to, "old");
    }
}

static void leaves_what_has_the_name(void **state) {
    (void)state;
    struct dam_error error;
    write_file(from, "new");
    write_file(to, "old");
    assert_int_equal(dam_file_rename(from, to, false, &error), DAM_INPUT);
    assert_non_null(strstr(error.text, "exists; remove it"));
    assert_holds(to, "old");
    assert_holds(from, "new");
    assert_int_equal(unlink(to), 0);
    assert_int_equal(dam_file_rename(from, to, false, NULL), DAM_OK);
    assert_holds(to, "new");
    assert_int_not_equal(access(from, F_OK), 0);
}

static void says_why_it_cannot(void **state) {
    (void)state;
    struct dam_error error;
    unlink(from);
    for (int replace = 0; replace < 2; replace++) {
        assert_int_equal(dam_file_rename(from, to, replace, &error), DAM_FILE);
        assert_non_null(strstr(error.text, "cannot rename"));
        assert_non_null(strstr(error.text, "No such file"));
    }
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(from, sizeof from, "%s/from", folder);
    snprintf(to, sizeof to, "%s/to", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(from);
    unlink(to);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_what_has_the_name),
        cmocka_unit_test(leaves_what_has_the_name),
        cmocka_unit_test(says_why_it_cannot),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
