/* Which row settles a task, and finding cells by their hash. */
#include "run/ledger.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLAN = 77, OTHER_PLAN = 78 };

static struct dam_item range(uint64_t begin, uint64_t end) {
    return (struct dam_item){.start_begin = begin, .start_end = end, .plan = PLAN};
}

static struct dam_item failed(struct dam_item item) {
    item.status = DAM_INPUT;
    return item;
}

static struct dam_item of_plan(struct dam_item item, uint64_t plan) {
    item.plan = plan;
    return item;
}

/* ---- one replica's rows, as the dealer and the publisher read them ---- */

struct walk {
    uint64_t covered; /* starts of successful rows, from 0 on without a gap */
    size_t rows;
    bool failed;
};

/* Sort the rows and go from one cover to the next, up to `starts`. */
static struct walk walk(struct dam_item *items, size_t count, uint64_t starts) {
    struct walk walk = {0};
    qsort(items, count, sizeof *items, dam_item_compare);
    while (walk.covered < starts) {
        const struct dam_item *item =
            dam_cover(items, count, sizeof *items, PLAN, walk.covered, starts);
        if (item == NULL)
            break;
        assert_int_equal(item->start_begin, walk.covered);
        assert_true(item->start_end > walk.covered && item->start_end <= starts);
        assert_int_equal(item->plan, PLAN);
        walk.rows++;
        if (item->status != DAM_OK) {
            walk.failed = true;
            break;
        }
        walk.covered = item->start_end;
    }
    return walk;
}

#define assert_walk(items, starts, expected_covered, expected_rows)                                \
    do {                                                                                           \
        struct walk got = walk(items, sizeof(items) / sizeof *(items), starts);                    \
        assert_int_equal(got.covered, expected_covered);                                           \
        assert_int_equal(got.rows, expected_rows);                                                 \
        assert_false(got.failed);                                                                  \
    } while (0)

static void rows_that_follow_each_other_cover_all(void **state) {
    (void)state;
    struct dam_item items[] = {range(20, 30), range(0, 10), range(10, 20)};
    assert_walk(items, 30, 30, 3);
    assert_walk(items, 35, 30, 3);
}

/* A truncated last block was topped up, or starts were lowered and raised: the longest that still
 * fits counts, and nothing counts twice. */
static void of_overlapping_rows_the_longest_that_fits_counts(void **state) {
    (void)state;
    struct dam_item items[] = {range(0, 4), range(0, 10), range(4, 10), range(10, 25),
                               range(10, 12)};
    assert_walk(items, 25, 25, 2);
    assert_walk(items, 12, 12, 2);
    assert_walk(items, 10, 10, 1);
    assert_walk(items, 9, 4, 1);
    assert_walk(items, 4, 4, 1);
    assert_walk(items, 3, 0, 0);
}

static void a_gap_ends_the_cover(void **state) {
    (void)state;
    struct dam_item late[] = {range(10, 20)};
    assert_walk(late, 20, 0, 0);
    struct dam_item gap[] = {range(0, 10), range(11, 20)};
    assert_walk(gap, 20, 10, 1);
}

static void rows_of_another_plan_settle_nothing(void **state) {
    (void)state;
    struct dam_item items[] = {of_plan(range(0, 10), OTHER_PLAN), range(0, 4),
                               of_plan(range(4, 10), OTHER_PLAN)};
    assert_walk(items, 10, 4, 1);
}

/* Whatever was tried before or after, and however long it was. */
static void a_success_goes_before_a_failure(void **state) {
    (void)state;
    struct dam_item longer[] = {failed(range(0, 10)), range(0, 4), range(4, 10)};
    assert_walk(longer, 10, 10, 2);
    struct dam_item same[] = {failed(range(0, 10)), range(0, 10), failed(range(0, 10))};
    assert_walk(same, 10, 10, 1);
    struct dam_item shorter[] = {range(0, 10), failed(range(0, 4))};
    assert_walk(shorter, 10, 10, 1);
    /* But one that is too long for these starts is no success for them. */
    struct dam_item too_long[] = {range(0, 10), failed(range(0, 4))};
    struct walk got = walk(too_long, 2, 4);
    assert_true(got.failed && got.covered == 0 && got.rows == 1);
}

static void a_failure_alone_settles_its_starts(void **state) {
    (void)state;
    struct dam_item items[] = {range(0, 5), failed(range(5, 10))};
    struct walk got = walk(items, 2, 10);
    assert_true(got.failed && got.covered == 5 && got.rows == 2);
}

/* Entries, which begin with an item, are walked by their stride. */
static void the_stride_may_be_an_entrys(void **state) {
    (void)state;
    struct dam_entry entries[] = {{.item = range(0, 3), .size = UINT32_MAX},
                                  {.item = range(3, 6), .size = UINT32_MAX},
                                  {.item = range(6, 9), .size = UINT32_MAX}};
    assert_ptr_equal(dam_cover(entries, 3, sizeof *entries, PLAN, 6, 9), &entries[2]);
    assert_null(dam_cover(entries, 0, sizeof *entries, PLAN, 0, 9));
}

/* ---- the order ---- */

static void items_are_ordered_by_cell_round_replica_begin(void **state) {
    (void)state;
    /* Already in order, each with a later field that would say otherwise. */
    static const struct dam_item items[] = {
        {.cell = 0, .round = 0, .replica = 9, .start_begin = 9, .start_end = 10},
        {.cell = 0, .round = 1, .replica = 2, .start_begin = 9, .start_end = 10},
        {.cell = 0, .round = 1, .replica = 3, .start_begin = 5, .start_end = 6},
        {.cell = 0, .round = 1, .replica = 3, .start_begin = 8, .start_end = 99},
        {.cell = 0, .round = 1, .replica = 3, .start_begin = 8, .start_end = 98},
        {.cell = 0, .round = 1, .replica = 3, .start_begin = 8, .start_end = 100, .status = 1},
        {.cell = 1, .round = 0, .replica = 0, .start_begin = 0, .start_end = 1},
        {.cell = UINT32_MAX - 1, .round = 0, .replica = 0, .start_begin = 0, .start_end = 1},
    };
    enum { COUNT = sizeof items / sizeof *items };
    for (size_t a = 0; a < COUNT; a++)
        for (size_t b = 0; b < COUNT; b++) {
            int order = dam_item_compare(&items[a], &items[b]);
            assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
        }
}

/* ---- plans ---- */

/* What the kind planned names a round's rows; how many replicas and starts it has does not. */
static void a_plans_hash_is_that_of_the_kinds_own_part(void **state) {
    (void)state;
    struct dam_round plan = {.replicas = 1, .starts = 1};
    assert_int_equal(dam_plan_hash(&plan), 0);
    plan.plan_size = 3;
    memcpy(plan.plan, "abc", 3);
    uint64_t hash = dam_plan_hash(&plan);
    plan.replicas = 7;
    plan.starts = 9;
    memcpy(plan.plan + 3, "ignored", 7);
    assert_int_equal(dam_plan_hash(&plan), hash);
    plan.plan_size = 4;
    assert_int_not_equal(dam_plan_hash(&plan), hash);
    plan.plan_size = 3;
    plan.plan[2] = 'd';
    assert_int_not_equal(dam_plan_hash(&plan), hash);
}

/* ---- cells by hash ---- */

static const struct dam_parameter parameters[] = {
    {.name = "x",
     .type = DAM_INTEGER,
     .required = true,
     .low.integer = 0,
     .high.integer = 100000,
     .unit = "1",
     .doc = "an axis"},
};
static const struct dam_schema schema = {.name = "probe",
                                         .summary = "nothing",
                                         .reference = "none",
                                         .version = 1,
                                         .parameters = parameters,
                                         .parameter_count = 1};

static struct dam_study *parse(const char *text) {
    static const struct dam_schema *const schemas[] = {&schema};
    struct dam_study *study;
    struct dam_error error;
    if (dam_study_parse(&study, "study", text, strlen(text), NULL, 0, schemas, 1, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return study;
}

static void cells_are_found_by_their_hash_and_no_others(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: probe\nx: {from: 1, to: 2000, step: 2}\n");
    struct dam_study *other = parse("kind: probe\nx: {from: 2, to: 2000, step: 2}\n");
    struct dam_cell_finder finder;
    struct dam_error error;
    assert_int_equal(dam_cell_finder_new(&finder, study, &error), DAM_OK);
    assert_int_equal(finder.count, 1000);
    struct dam_cell cell;
    for (size_t c = 0; c < study->cell_count; c++) {
        dam_study_cell(study, c, &cell);
        assert_int_equal(dam_cell_find(&finder, &cell.hash), c);
        dam_study_cell(other, c, &cell);
        assert_int_equal(dam_cell_find(&finder, &cell.hash), UINT32_MAX);
    }
    dam_cell_finder_destroy(&finder);
    dam_study_destroy(study);
    dam_study_destroy(other);
}

/* ---- the list ---- */

static void a_ledger_keeps_every_entry_and_file(void **state) {
    (void)state;
    struct dam_ledger ledger = {0};
    struct dam_error error;
    for (uint32_t i = 0; i < 5000; i++) {
        struct dam_entry entry = {.item = {.cell = i}, .offset = 3 * i};
        assert_int_equal(dam_ledger_add(&ledger, &entry, &error), DAM_OK);
    }
    char name[] = "rows-a";
    assert_int_equal(dam_ledger_add_file(&ledger, name, &error), DAM_OK);
    name[5] = 'b';
    assert_int_equal(dam_ledger_add_file(&ledger, name, &error), DAM_OK);
    assert_int_equal(ledger.count, 5000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_true(ledger.entries[i].item.cell == i && ledger.entries[i].offset == 3 * i);
    assert_int_equal(ledger.file_count, 2);
    assert_string_equal(ledger.files[0], "rows-a");
    assert_string_equal(ledger.files[1], "rows-b");
    dam_ledger_destroy(&ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_follow_each_other_cover_all),
        cmocka_unit_test(of_overlapping_rows_the_longest_that_fits_counts),
        cmocka_unit_test(a_gap_ends_the_cover),
        cmocka_unit_test(rows_of_another_plan_settle_nothing),
        cmocka_unit_test(a_success_goes_before_a_failure),
        cmocka_unit_test(a_failure_alone_settles_its_starts),
        cmocka_unit_test(the_stride_may_be_an_entrys),
        cmocka_unit_test(items_are_ordered_by_cell_round_replica_begin),
        cmocka_unit_test(a_plans_hash_is_that_of_the_kinds_own_part),
        cmocka_unit_test(cells_are_found_by_their_hash_and_no_others),
        cmocka_unit_test(a_ledger_keeps_every_entry_and_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
