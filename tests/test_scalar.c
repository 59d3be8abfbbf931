#include "study/scalar.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void integers_are_read_whole(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-20", -20},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 99;
        assert_null(dam_scalar_integer(cases[i].text, &value));
        assert_int_equal(value, cases[i].value);
    }
}

static void what_is_not_plainly_an_integer_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"", "not an integer"},
        {"-", "not an integer"},
        {"+5", "not an integer"},
        {" 5", "not an integer"},
        {"5 ", "not an integer"},
        {"1_000", "not an integer"},
        {"1,000", "not an integer"},
        {"0x10", "not an integer"},
        {"0o17", "not an integer"},
        {"1e3", "not an integer"},
        {"20.5", "not an integer"},
        {"20.", "not an integer"},
        {"20abc", "not an integer"},
        {"--5", "not an integer"},
        {"nan", "not an integer"},
        {"true", "not an integer"},
        {"\xD9\xA3", "not an integer"}, /* an Arabic-Indic digit */
        {"010", "leading zero"},
        {"-010", "leading zero"},
        {"00", "leading zero"},
        {"9223372036854775808", "64 bits"},
        {"-9223372036854775809", "64 bits"},
        {"99999999999999999999999999", "64 bits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        const char *fault = dam_scalar_integer(cases[i].text, &value);
        if (fault == NULL || strstr(fault, cases[i].fault) == NULL)
            fail_msg("\"%s\": %s", cases[i].text, fault != NULL ? fault : "accepted");
    }
}

static void reals_are_rounded_to_twelve_digits(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0.5", 0.5},
        {".5", 0.5},
        {"5.", 5},
        {"-3", -3},
        {"1e3", 1000},
        {"1E+3", 1000},
        {"2.5e-3", 0.0025},
        {"0e999", 0},
        {"0.1000000000000001", 0.1},
        {"0.30000000000000004", 0.3},
        {"123456789012.4", 123456789012},
        {"1234567890123", 1234567890120},
        {"0.9999999999999", 1},
        {"1.7976931348623157e308", 1.79769313486e308},
        {"2.2250738585072014e-308", 2.22507385851e-308},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = 99;
        if (dam_scalar_real(cases[i].text, &value) != NULL || value != cases[i].value)
            fail_msg("%s: read as %.17g", cases[i].text, value);
    }
}

static void zero_has_no_sign(void **state) {
    (void)state;
    static const char *const zeros[] = {"0", "-0", "-0.0", "-0e-5", "-.0"};
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++) {
        double value = 1;
        assert_null(dam_scalar_real(zeros[i], &value));
        assert_true(value == 0 && !signbit(value));
    }
}

static void what_is_not_plainly_a_real_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"", "finite decimal"},
        {".", "finite decimal"},
        {"-", "finite decimal"},
        {"e5", "finite decimal"},
        {".e5", "finite decimal"},
        {"1e", "finite decimal"},
        {"1e+", "finite decimal"},
        {"1.2.3", "finite decimal"},
        {"1,5", "finite decimal"},
        {"1_0.5", "finite decimal"},
        {"+1", "finite decimal"},
        {" 1", "finite decimal"},
        {"1 ", "finite decimal"},
        {"nan", "finite decimal"},
        {".nan", "finite decimal"},
        {"inf", "finite decimal"},
        {"-.inf", "finite decimal"},
        {"infinity", "finite decimal"},
        {"0x1p3", "finite decimal"},
        {"1e5.5", "finite decimal"},
        {"50%", "finite decimal"},
        {"010", "leading zero"},
        {"-00.5", "leading zero"},
        {"1e999", "too large"},
        {"-1e309", "too large"},
        {"1e-400", "too small"},
        {"1e-310", "too small"},
        {"-1e-999", "too small"},
        {"1.7976931348624e308", "too large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = 0;
        const char *fault = dam_scalar_real(cases[i].text, &value);
        if (fault == NULL || strstr(fault, cases[i].fault) == NULL)
            fail_msg("\"%s\": %s", cases[i].text, fault != NULL ? fault : "accepted");
    }
}

static void reals_print_with_the_fewest_digits_that_read_back(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},
        {1, "1"},
        {1e22, "1e+22"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
    };
    char text[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int length = dam_scalar_print(text, sizeof text, cases[i].value);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(cases[i].text));
    }
    dam_scalar_print(text, sizeof text, NAN);
    assert_non_null(strstr(text, "nan"));
    assert_int_equal(dam_scalar_print(text, 4, 1.0 / 3), strlen("0.3333333333333333"));
    assert_string_equal(text, "0.3");
}

static void what_was_rounded_stays_so(void **state) {
    (void)state;
    char text[64];
    for (int i = 1; i < 2000; i++) {
        double once = 0, again = 0;
        snprintf(text, sizeof text, "%.17ge%d", i / 7.0, i % 600 - 300);
        assert_null(dam_scalar_real(text, &once));
        dam_scalar_print(text, sizeof text, once);
        assert_null(dam_scalar_real(text, &again));
        assert_true(once == again);
        snprintf(text, sizeof text, "%.11e", once);
        assert_true(strtod(text, NULL) == once);
    }
}

/* A locale whose decimal point is a comma, where one is installed. */
static void the_locale_changes_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    const char *set = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && set == NULL; i++)
        set = setlocale(LC_ALL, names[i]);
    if (set == NULL)
        skip();
    double value = 0, comma = 0;
    char text[32];
    const char *fault = dam_scalar_real("0.125", &value);
    const char *comma_fault = dam_scalar_real("0,125", &comma);
    dam_scalar_print(text, sizeof text, 0.125);
    setlocale(LC_ALL, "C");
    assert_null(fault);
    assert_true(value == 0.125);
    assert_non_null(comma_fault);
    assert_string_equal(text, "0.125");
}

static void excerpts_end_between_characters(void **state) {
    (void)state;
    char excerpt[DAM_EXCERPT_LENGTH], forty[] = "0123456789012345678901234567890123456789";
    assert_string_equal(dam_scalar_excerpt(excerpt, "short"), "short");
    assert_string_equal(dam_scalar_excerpt(excerpt, forty), forty);
    assert_string_equal(dam_scalar_excerpt(excerpt, "0123456789012345678901234567890123456789x"),
                        "0123456789012345678901234567890123456789...");
    assert_string_equal(
        dam_scalar_excerpt(excerpt, "012345678901234567890123456789012345678\xC3\xA9x"),
        "012345678901234567890123456789012345678...");
}

static void quoted_texts_are_plain_lines(void **state) {
    (void)state;
    static const struct {
        const char *text, *quoted;
    } cases[] = {
        {"", "\"\""},
        {"a b: #c'.h5", "\"a b: #c'.h5\""},
        {"\"\\", "\"\\\"\\\\\""},
        {"\n\x7F", "\"\\U0000000A\\U0000007F\""},
        {"\xC3\xA9\xE2\x82\xAC", "\"\xC3\xA9\xE2\x82\xAC\""},
        {"\xC2\x85\xE2\x80\xA8\xEF\xBB\xBF", "\"\\U00000085\\U00002028\\U0000FEFF\""},
        {"\xF0\x9F\x98\x80", "\"\\U0001F600\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *written = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&written, &length);
        assert_non_null(out);
        dam_scalar_quote(out, cases[i].text);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(written, cases[i].quoted);
        free(written);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_whole),
        cmocka_unit_test(what_is_not_plainly_an_integer_is_refused),
        cmocka_unit_test(reals_are_rounded_to_twelve_digits),
        cmocka_unit_test(zero_has_no_sign),
        cmocka_unit_test(what_is_not_plainly_a_real_is_refused),
        cmocka_unit_test(reals_print_with_the_fewest_digits_that_read_back),
        cmocka_unit_test(what_was_rounded_stays_so),
        cmocka_unit_test(the_locale_changes_nothing),
        cmocka_unit_test(excerpts_end_between_characters),
        cmocka_unit_test(quoted_texts_are_plain_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
