/* Elements of a cell in a larger array: where every index says they are, and padding elsewhere. */
#include "run/array.h"
#include "run/layout.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct dam_column columns[] = {
    {.name = "histogram", .type = DAM_INTEGER, .shape = DAM_ARRAY},
    {.name = "levels", .type = DAM_REAL, .shape = DAM_ARRAY, .dimensions = {"level"}},
    {.name = "errors", .type = DAM_REAL, .shape = DAM_ARRAY, .dimensions = {"replica", "epoch"}},
    {.name = "counts", .type = DAM_INTEGER, .shape = DAM_ARRAY, .dimensions = {"a", "b", "c"}},
    {.name = "memories",
     .type = DAM_REAL,
     .shape = DAM_ARRAY,
     .dimensions = {"a", "b", "c"},
     .single = true,
     .optional = true},
};
enum { COLUMNS = sizeof columns / sizeof *columns, SIDE = 4 };

static uint32_t state_of_draws = 1;

static size_t draw(size_t below) {
    state_of_draws = state_of_draws * 1664525 + 1013904223;
    return (state_of_draws >> 8) % below;
}

static struct dam_extent draw_extent(const struct dam_column *column) {
    struct dam_extent extent = {.rank = dam_array_rank(column)};
    for (int d = 0; d < extent.rank; d++)
        extent.sizes[d] = draw(SIDE + 1);
    return extent;
}

/* The place of an index, row-major; false where the extent does not reach it. */
static bool find(const struct dam_extent *extent, const size_t *index, size_t *place) {
    *place = 0;
    for (int d = 0; d < extent->rank; d++) {
        if (index[d] >= extent->sizes[d])
            return false;
        *place = *place * extent->sizes[d] + index[d];
    }
    return true;
}

/* Every index of a box of SIDE in each dimension; false after the last. */
static bool step(size_t *index, int rank) {
    for (int d = rank - 1; d >= 0; d--) {
        if (++index[d] < SIDE)
            return true;
        index[d] = 0;
    }
    return false;
}

/* One in eight is a NaN, of either sign where `strange`. */
static void *fill(const struct dam_column *column, const struct dam_extent *extent, bool strange) {
    size_t size = dam_array_element_size(column), count = dam_array_size(column, extent) / size;
    void *elements = calloc(count + 1, size);
    assert_non_null(elements);
    for (size_t e = 0; e < count; e++) {
        double value = (double)draw(1000) + 0.25;
        if (draw(8) == 0)
            value = strange && draw(2) == 0 ? -dam_canonical(NAN) : dam_canonical(NAN);
        if (column->type == DAM_INTEGER)
            ((int64_t *)elements)[e] = (int64_t)draw(1000) + 1;
        else if (column->single)
            ((float *)elements)[e] = (float)value;
        else
            ((double *)elements)[e] = value;
    }
    return elements;
}

/* The element's bytes as they should be in a file. */
static void expected_bytes(const struct dam_column *column, const void *element,
                           unsigned char bytes[8]) {
    const uint32_t single = UINT32_C(0x7fc00000);
    const uint64_t real = UINT64_C(0x7ff8000000000000);
    size_t size = dam_array_element_size(column);
    memset(bytes, 0, 8);
    bool nan = column->type == DAM_REAL;
    if (nan && element != NULL)
        nan = column->single ? isnan(*(const float *)element) : isnan(*(const double *)element);
    if (nan)
        memcpy(bytes, column->single ? (const void *)&single : &real, size);
    else if (element != NULL)
        memcpy(bytes, element, size);
}

static void elements_lie_where_their_index_says(void **state) {
    (void)state;
    for (size_t trial = 0; trial < 2000; trial++) {
        const struct dam_column *column = &columns[trial % COLUMNS];
        struct dam_extent own = draw_extent(column), large = draw_extent(column);
        size_t size = dam_array_element_size(column), index[DAM_DIMENSIONS_MAX] = {0}, place;
        dam_array_widen(&large, &own);
        void *from = fill(column, &own, true), *to = fill(column, &large, true);
        dam_array_place(column, to, &large, from, &own);
        do {
            unsigned char expected[8];
            const void *element =
                find(&own, index, &place) ? (const char *)from + place * size : NULL;
            expected_bytes(column, element, expected);
            if (find(&large, index, &place))
                assert_memory_equal((const char *)to + place * size, expected, size);
            else
                assert_null(element);
        } while (step(index, own.rank));
        free(from);
        free(to);
    }
}

/* Make one element another. */
static void change(const struct dam_column *column, void *elements, size_t e) {
    if (column->type == DAM_INTEGER)
        ((int64_t *)elements)[e] += 1;
    else if (column->single)
        ((float *)elements)[e] = 12345;
    else
        ((double *)elements)[e] = 12345;
}

static void the_same_in_boxes_of_any_size(void **state) {
    (void)state;
    for (size_t trial = 0; trial < 2000; trial++) {
        const struct dam_column *column = &columns[trial % COLUMNS];
        struct dam_extent own = draw_extent(column), boxes[2];
        void *from = fill(column, &own, false), *placed[2];
        for (int b = 0; b < 2; b++) {
            boxes[b] = draw_extent(column);
            dam_array_widen(&boxes[b], &own);
            placed[b] = fill(column, &boxes[b], false);
            dam_array_place(column, placed[b], &boxes[b], from, &own);
        }
        assert_true(dam_array_same(column, placed[0], &boxes[0], placed[1], &boxes[1]));
        assert_true(dam_array_same(column, from, &own, placed[1], &boxes[1]));
        /* Any element counts, of the cell's own or in the padding. */
        size_t size = dam_array_element_size(column);
        size_t count = dam_array_size(column, &boxes[0]) / size;
        if (count > 0) {
            change(column, placed[0], draw(count));
            assert_false(dam_array_same(column, placed[0], &boxes[0], placed[1], &boxes[1]));
            assert_false(dam_array_same(column, from, &own, placed[0], &boxes[0]));
        }
        free(from);
        free(placed[0]);
        free(placed[1]);
    }
}

static void sizes(void **state) {
    (void)state;
    const struct dam_column *single = &columns[COLUMNS - 1];
    assert_int_equal(dam_array_rank(&columns[0]), 1);
    assert_int_equal(dam_array_rank(single), 3);
    assert_int_equal(dam_array_size(single, &(struct dam_extent){3, {2, 3, 5}}), 120);
    assert_int_equal(dam_array_size(&columns[0], &(struct dam_extent){1, {7}}), 56);
    assert_int_equal(dam_array_size(single, &(struct dam_extent){3, {SIZE_MAX, SIZE_MAX, 0}}), 0);
    assert_true(dam_array_size(single, &(struct dam_extent){3, {SIZE_MAX / 8, 2, 3}}) == SIZE_MAX);
    struct dam_extent least = dam_array_least(&columns[2]), none = dam_array_least(single);
    assert_int_equal(dam_array_size(&columns[2], &least), 8);
    assert_int_equal(dam_array_size(single, &none), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_lie_where_their_index_says),
        cmocka_unit_test(the_same_in_boxes_of_any_size),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
