#include <dam/error.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void fills_the_status_and_the_text(void **state) {
    (void)state;
    struct dam_error error = {0};
    assert_int_equal(dam_fail(&error, DAM_FILE, "%s: line %d", "study.yaml", 7), DAM_FILE);
    assert_int_equal(error.status, DAM_FILE);
    assert_string_equal(error.text, "study.yaml: line 7");
}

static void needs_no_error_to_fill(void **state) {
    (void)state;
    assert_int_equal(dam_fail(NULL, DAM_MEMORY, "%d bytes", 1), DAM_MEMORY);
}

static void replaces_what_could_break_the_line(void **state) {
    (void)state;
    struct dam_error error;
    (void)dam_fail(&error, DAM_INPUT, "a\nb\rc\td\033[2Je\177f\302\205g");
    assert_string_equal(error.text, "a?b?c?d?[2Je?f??g");
    (void)dam_fail(&error, DAM_INPUT, "%s", "N = 5 µs à 1°");
    assert_string_equal(error.text, "N = 5 µs à 1°");
}

static void a_text_may_be_wrapped_in_another(void **state) {
    (void)state;
    struct dam_error error;
    (void)dam_fail(&error, DAM_FILE, "cannot read");
    (void)dam_fail(&error, DAM_FILE, "task 3: %s", error.text);
    assert_string_equal(error.text, "task 3: cannot read");
}

static void a_long_text_is_cut_between_characters(void **state) {
    (void)state;
    enum { LENGTH = 2 * DAM_ERROR_LENGTH };
    for (size_t shift = 0; shift < 2; shift++) {
        char text[LENGTH + 1] = "x";
        for (size_t i = shift; i < LENGTH; i += 2)
            memcpy(text + i, "é", 2);
        text[LENGTH] = '\0';
        struct dam_error error;
        (void)dam_fail(&error, DAM_INPUT, "%s", text);
        size_t length = strlen(error.text);
        assert_true(length >= DAM_ERROR_LENGTH - 2 && length < DAM_ERROR_LENGTH);
        assert_string_equal(error.text + length - 3, "...");
        assert_int_equal((length - 3 - shift) % 2, 0);
        assert_memory_equal(error.text, text, length - 3);
    }
}

static void every_status_has_a_text_and_its_documented_exit_code(void **state) {
    (void)state;
    for (int status = DAM_OK; status < DAM_STATUS_COUNT; status++)
        assert_true(strlen(dam_status_text((enum dam_status)status)) > 0);
    assert_int_equal(dam_exit_code(DAM_OK), 0);
    assert_int_equal(dam_exit_code(DAM_MEMORY), 1);
    assert_int_equal(dam_exit_code(DAM_INPUT), 2);
    assert_int_equal(dam_exit_code(DAM_TASKS), 3);
    assert_int_equal(dam_exit_code(DAM_STOPPED), 75);
    assert_string_equal(dam_status_text(DAM_STOPPED), "stopped cleanly with work left");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_the_status_and_the_text),
        cmocka_unit_test(needs_no_error_to_fill),
        cmocka_unit_test(replaces_what_could_break_the_line),
        cmocka_unit_test(a_text_may_be_wrapped_in_another),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(every_status_has_a_text_and_its_documented_exit_code),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
