/* A cell's rounds filling up: sums do not depend on the order of arrival, only whole replicas
 * show, and a round follows when the one before is whole. */
#include "run/history.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a kind that counts which starts it was given ---- */

enum { STARTS = 12, REPLICAS = 5, ROUNDS = 3 };

struct record {
    int64_t starts, squares; /* how many; the sum of (100 replica + start)^2 */
};

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(struct record);
}

static uint64_t starts_of(const struct dam_cell *cell) {
    (void)cell;
    return STARTS;
}

static void merge(const struct dam_cell *cell, void *into, const void *from) {
    (void)cell;
    struct record *sum = into;
    const struct record *record = from;
    sum->starts += record->starts;
    sum->squares += record->squares;
}

static int64_t sum_of(const struct dam_round_rows *rows) {
    int64_t sum = 0;
    for (size_t r = 0; r < rows->count; r++)
        sum += ((const struct record *)rows->records[r])->squares;
    return sum;
}

/* Each plan holds the sum over the round before. */
static bool more(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next) {
    size_t rounds = history->round_count;
    int64_t sum = rounds == 0 ? 0 : sum_of(&history->rounds[rounds - 1]);
    *next =
        (struct dam_round){.replicas = cell->replicas, .starts = STARTS, .plan_size = sizeof sum};
    memcpy(next->plan, &sum, sizeof sum);
    return rounds < ROUNDS;
}

static const struct dam_kind one_round = {
    .record_size = record_size, .starts = starts_of, .merge = merge};
static const struct dam_kind three_rounds = {
    .record_size = record_size, .starts = starts_of, .merge = merge, .more = more};

static const struct dam_cell cell = {.replicas = REPLICAS};

/* ---- records of ranges of starts ---- */

struct piece {
    uint32_t replica;
    uint64_t begin, end;
};

static struct record record_of(const struct piece *piece) {
    struct record record = {0};
    for (uint64_t start = piece->begin; start < piece->end; start++) {
        int64_t value = (int64_t)(100 * piece->replica + start);
        record.starts++;
        record.squares += value * value;
    }
    return record;
}

static void add(struct dam_filling *filling, uint32_t round, const struct piece *piece) {
    struct record record = record_of(piece);
    dam_filling_add(filling, round, piece->replica, piece->end - piece->begin, &record);
}

/* Cut every replica's starts into random pieces, in a random order. Returns how many. */
static size_t cut(struct dam_stream *stream, struct piece *pieces) {
    size_t count = 0;
    for (uint32_t replica = 0; replica < REPLICAS; replica++)
        for (uint64_t at = 0; at < STARTS;) {
            uint64_t end = at + 1 + dam_stream_below(stream, STARTS - at);
            pieces[count++] = (struct piece){replica, at, end};
            at = end;
        }
    for (size_t i = count - 1; i > 0; i--) {
        size_t j = dam_stream_below(stream, i + 1);
        struct piece kept = pieces[i];
        pieces[i] = pieces[j];
        pieces[j] = kept;
    }
    return count;
}

static bool next(struct dam_filling *filling) {
    bool asked;
    struct dam_error error;
    assert_int_equal(dam_filling_next(filling, &asked, &error), DAM_OK);
    return asked;
}

/* ---- tests ---- */

static void the_order_of_arrival_and_the_division_do_not_show(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(1, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int trial = 0; trial < 200; trial++) {
        struct dam_filling filling;
        dam_filling_begin(&filling, &one_round, &cell);
        assert_true(next(&filling));
        struct piece pieces[STARTS * REPLICAS];
        size_t count = cut(&stream, pieces);
        for (size_t i = 0; i < count; i++) {
            assert_false(dam_filling_complete(&filling));
            add(&filling, 0, &pieces[i]);
        }
        assert_true(dam_filling_complete(&filling));
        struct dam_history history = dam_filling_view(&filling);
        assert_int_equal(history.round_count, 1);
        assert_int_equal(history.rounds[0].count, REPLICAS);
        for (uint32_t r = 0; r < REPLICAS; r++) {
            struct record whole = record_of(&(struct piece){r, 0, STARTS});
            assert_int_equal(history.rounds[0].replicas[r], r);
            assert_memory_equal(history.rounds[0].records[r], &whole, sizeof whole);
        }
        assert_false(next(&filling));
        dam_filling_destroy(&filling);
    }
}

static void only_whole_replicas_show_in_order(void **state) {
    (void)state;
    struct dam_filling filling;
    dam_filling_begin(&filling, &one_round, &cell);
    assert_true(next(&filling));
    add(&filling, 0, &(struct piece){4, 0, STARTS});
    add(&filling, 0, &(struct piece){0, 3, STARTS});
    add(&filling, 0, &(struct piece){2, 6, STARTS});
    add(&filling, 0, &(struct piece){1, 0, 1});
    add(&filling, 0, &(struct piece){2, 0, 6});
    struct dam_history history = dam_filling_view(&filling);
    assert_int_equal(history.rounds[0].plan.replicas, REPLICAS);
    assert_int_equal(history.rounds[0].count, 2);
    static const uint32_t whole[] = {2, 4};
    for (size_t r = 0; r < 2; r++) {
        struct record record = record_of(&(struct piece){whole[r], 0, STARTS});
        assert_int_equal(history.rounds[0].replicas[r], whole[r]);
        assert_memory_equal(history.rounds[0].records[r], &record, sizeof record);
    }
    assert_false(dam_filling_complete(&filling));
    dam_filling_destroy(&filling);
}

static void a_round_follows_when_the_one_before_is_whole(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(2, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct dam_filling filling;
    dam_filling_begin(&filling, &three_rounds, &cell);
    assert_true(dam_filling_complete(&filling));
    int64_t total = 0;
    for (uint32_t replica = 0; replica < REPLICAS; replica++)
        total += record_of(&(struct piece){replica, 0, STARTS}).squares;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        assert_true(next(&filling));
        int64_t planned;
        memcpy(&planned, dam_filling_view(&filling).rounds[round].plan.plan, sizeof planned);
        assert_true(planned == (round == 0 ? 0 : total));
        struct piece pieces[STARTS * REPLICAS];
        size_t count = cut(&stream, pieces);
        for (size_t i = 0; i < count; i++) {
            assert_false(next(&filling));
            add(&filling, round, &pieces[i]);
        }
    }
    assert_false(next(&filling));
    struct dam_history history = dam_filling_view(&filling);
    assert_int_equal(history.round_count, ROUNDS);
    for (size_t round = 0; round < ROUNDS; round++)
        assert_true(sum_of(&history.rounds[round]) == total);
    dam_filling_destroy(&filling);
}

static void a_kind_without_rounds_has_the_studys_replicas_and_starts(void **state) {
    (void)state;
    struct dam_round round = dam_first_round(&one_round, &cell);
    assert_int_equal(round.replicas, REPLICAS);
    assert_int_equal(round.starts, STARTS);
    assert_int_equal(round.plan_size, 0);
    const struct dam_kind without_starts = {.record_size = record_size};
    assert_int_equal(dam_first_round(&without_starts, &cell).starts, 1);
}

static bool never(const struct dam_cell *of, const struct dam_history *history,
                  struct dam_round *next) {
    assert_int_equal(history->round_count, 0);
    *next = (struct dam_round){.replicas = of->replicas, .starts = STARTS};
    return false;
}

static void a_kind_with_rounds_plans_its_first(void **state) {
    (void)state;
    struct dam_round round = dam_first_round(&three_rounds, &cell);
    assert_int_equal(round.replicas, REPLICAS);
    assert_int_equal(round.plan_size, sizeof(int64_t));
    const struct dam_kind no_rounds = {.record_size = record_size, .more = never};
    assert_int_equal(dam_first_round(&no_rounds, &cell).replicas, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_arrival_and_the_division_do_not_show),
        cmocka_unit_test(only_whole_replicas_show_in_order),
        cmocka_unit_test(a_round_follows_when_the_one_before_is_whole),
        cmocka_unit_test(a_kind_without_rounds_has_the_studys_replicas_and_starts),
        cmocka_unit_test(a_kind_with_rounds_plans_its_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
