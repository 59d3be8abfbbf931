/* Rows keep what was added, in its order, however many there are. */
#include "kinds/rows.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct dam_error error;

static void rows_keep_what_was_added(void **state) {
    (void)state;
    enum { WIDTH = 3, ROWS = 10000 };
    struct dam_rows rows = {.width = WIDTH};
    for (int64_t r = 0; r < ROWS; r++) {
        union dam_value values[WIDTH] = {
            {.integer = r}, {.real = 1.0 / (double)(r + 1)}, {.integer = INT64_MIN + r}};
        assert_int_equal(dam_rows_add(&rows, values, &error), DAM_OK);
        memset(values, 0xff, sizeof values); /* a copy was taken */
        assert_int_equal(rows.count, r + 1);
    }
    assert_true(rows.capacity >= rows.count);
    for (int64_t r = 0; r < ROWS; r++) {
        const union dam_value *row = dam_rows_row(&rows, (size_t)r);
        assert_true(row == rows.values + WIDTH * r); /* without gaps: they are written so */
        assert_int_equal(row[0].integer, r);
        assert_true(row[1].real == 1.0 / (double)(r + 1));
        assert_int_equal(row[2].integer, INT64_MIN + r);
    }
    dam_rows_destroy(&rows);
}

static void a_row_can_be_filled_in_place(void **state) {
    (void)state;
    struct dam_rows rows = {.width = 2};
    for (int64_t r = 0; r < 100; r++) {
        union dam_value *row;
        assert_int_equal(dam_rows_append(&rows, &row, &error), DAM_OK);
        row[0].integer = r;
        row[1].integer = -r;
        assert_true(row == dam_rows_row(&rows, (size_t)r));
    }
    for (int64_t r = 0; r < 100; r++)
        assert_int_equal(dam_rows_row(&rows, (size_t)r)[1].integer, -r);
    dam_rows_destroy(&rows);
}

static void rows_can_be_used_again(void **state) {
    (void)state;
    struct dam_rows rows = {.width = 1};
    const union dam_value one = {.integer = 1}, other = {.integer = 2};
    assert_int_equal(dam_rows_add(&rows, &one, &error), DAM_OK);
    rows.count = 0;
    assert_int_equal(dam_rows_add(&rows, &other, &error), DAM_OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(dam_rows_row(&rows, 0)->integer, 2);
    dam_rows_destroy(&rows);
    assert_int_equal(rows.width, 1);
    assert_int_equal(rows.count, 0);
    assert_null(rows.values);
    assert_int_equal(dam_rows_add(&rows, &one, &error), DAM_OK);
    assert_int_equal(dam_rows_row(&rows, 0)->integer, 1);
    dam_rows_destroy(&rows);
}

/* Sizes that do not fit into memory, or into a size_t, are refused, and nothing is lost. */
static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    /* Of the first 16 rows the bytes, or the numbers, would wrap around to few. */
    const size_t widths[] = {SIZE_MAX / 128 + 2, SIZE_MAX / 16 + 2, SIZE_MAX};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        struct dam_rows rows = {.width = widths[w]};
        union dam_value *row;
        assert_int_equal(dam_rows_append(&rows, &row, &error), DAM_MEMORY);
        assert_non_null(strstr(error.text, "no memory"));
        assert_int_equal(rows.count, 0);
    }
    union dam_value value = {.integer = 5};
    const size_t counts[] = {SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct dam_rows full = {
            .width = 1, .count = counts[c], .capacity = counts[c], .values = &value};
        assert_int_equal(dam_rows_add(&full, &value, &error), DAM_MEMORY);
        assert_true(full.values == &value && full.count == counts[c]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_keep_what_was_added),
        cmocka_unit_test(a_row_can_be_filled_in_place),
        cmocka_unit_test(rows_can_be_used_again),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
