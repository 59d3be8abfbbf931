/* Dealing: whatever is known already, every start of every replica is done exactly once; long items
 * first; rounds in their turn. */
#include "costs.h"
#include "run/deal.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- kinds that exist for their costs and rounds ---- */

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(int64_t);
}

static void merge(const struct dam_cell *cell, void *into, const void *record) {
    (void)cell;
    *(int64_t *)into += *(const int64_t *)record;
}

/* Each plan is the sum of all records of the round before. */
static bool more(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next) {
    size_t rounds = history->round_count;
    int64_t sum = 0;
    for (size_t r = 0; rounds > 0 && r < history->rounds[rounds - 1].count; r++)
        sum += *(const int64_t *)history->rounds[rounds - 1].records[r];
    *next = (struct dam_round){
        .replicas = cell->replicas, .starts = starts_of(cell), .plan_size = sizeof sum};
    memcpy(next->plan, &sum, sizeof sum);
    return rounds < (size_t)cell->values[ROUNDS].integer;
}

static const struct dam_kind plain = {.schema = COSTS_SCHEMA("plain"),
                                      .cost = cost,
                                      .starts = starts_of,
                                      .record_size = record_size,
                                      .merge = merge};
static const struct dam_kind chain = {.schema = COSTS_SCHEMA("chain"),
                                      .cost = cost,
                                      .starts = starts_of,
                                      .record_size = record_size,
                                      .merge = merge,
                                      .more = more};

static struct dam_study *parse(const char *text) {
    static const struct dam_schema *const schemas[] = {&plain.schema, &chain.schema};
    struct dam_study *study;
    struct dam_error error;
    if (dam_study_parse(&study, "study", text, strlen(text), NULL, 0, schemas, 2, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return study;
}

/* ---- what is known, and what a run adds to it ---- */

enum { KNOWN_MAX = 100000 };

struct known {
    struct dam_entry *entries; /* [KNOWN_MAX] */
    int64_t *values;           /* [KNOWN_MAX], the records */
    const void **records;      /* [KNOWN_MAX], in the order of the sorted entries */
    size_t count;
    struct dam_suspects suspects;
};

static struct known known_new(void) {
    struct known known = {.entries = calloc(KNOWN_MAX, sizeof *known.entries),
                          .values = calloc(KNOWN_MAX, sizeof *known.values),
                          .records = calloc(KNOWN_MAX, sizeof *known.records)};
    assert_true(known.entries != NULL && known.values != NULL && known.records != NULL);
    return known;
}

static void known_destroy(struct known *known) {
    free(known->entries);
    free(known->values);
    free(known->records);
}

/* What a task yields: a function of the item alone. */
static int64_t value_of(const struct dam_item *item) {
    return (int64_t)((item->start_end - item->start_begin) * (item->replica + 1 + item->round));
}

static void remember(struct known *known, const struct dam_item *item) {
    assert_true(known->count < KNOWN_MAX);
    size_t i = known->count++;
    known->values[i] = value_of(item);
    known->entries[i] = (struct dam_entry){.item = *item, .offset = i};
}

static struct dam_dealer *dealer_new(const struct dam_study *study, const struct dam_kind *kind,
                                     struct known *known) {
    qsort(known->entries, known->count, sizeof *known->entries, dam_item_compare);
    for (size_t i = 0; i < known->count; i++)
        known->records[i] = &known->values[known->entries[i].offset];
    const struct dam_known settled = {known->entries, known->count, sizeof *known->entries,
                                      known->records};
    struct dam_dealer *dealer;
    struct dam_error error;
    enum dam_status status =
        dam_dealer_new(&dealer, study, kind, &settled, &known->suspects, &error);
    if (status != DAM_OK)
        fail_msg("%s", error.text);
    return dealer;
}

static void finish(struct dam_dealer *dealer, const struct dam_item *item) {
    int64_t value = value_of(item);
    struct dam_error error;
    assert_int_equal(dam_dealer_finish(dealer, item, &value, &error), DAM_OK);
}

static size_t take(struct dam_dealer *dealer, double seconds, size_t most, struct dam_item *items) {
    struct dam_round plans[64];
    assert_true(most <= 64);
    const struct dam_suspect *suspect;
    size_t count = dam_dealer_take(dealer, seconds, most, items, plans, &suspect);
    for (size_t i = 0; i < count; i++)
        assert_true(items[i].plan == dam_plan_hash(&plans[i]));
    assert_true(suspect == NULL || (count == 1 && items[0].replica == suspect->item.replica));
    return count;
}

/* One run, which a kill may end: take random batches, finish them in random order among those in
 * hand, keep every finished item. Returns the number of starts done. */
static uint64_t run(const struct dam_study *study, const struct dam_kind *kind, struct known *known,
                    struct dam_stream *stream, uint64_t most_items) {
    struct dam_dealer *dealer = dealer_new(study, kind, known);
    struct dam_item *hand = calloc(KNOWN_MAX, sizeof *hand);
    assert_non_null(hand);
    size_t held = 0;
    uint64_t starts = 0, done = 0;
    while (done < most_items) {
        struct dam_item batch[64];
        size_t count =
            take(dealer, 10 * dam_stream_unit(stream), 1 + dam_stream_below(stream, 64), batch);
        memcpy(hand + held, batch, count * sizeof *batch);
        held += count;
        if (held == 0)
            break;
        size_t which = dam_stream_below(stream, held);
        struct dam_item item = hand[which];
        hand[which] = hand[--held];
        finish(dealer, &item);
        remember(known, &item);
        starts += item.start_end - item.start_begin;
        done++;
    }
    bool finished = dam_dealer_finished(dealer);
    assert_int_equal(finished, held == 0 && done < most_items);
    assert_int_equal(dam_dealer_counts(dealer).cells_done == study->cell_count, finished);
    free(hand);
    dam_dealer_destroy(dealer);
    return starts;
}

static uint64_t run_to_the_end(const struct dam_study *study, const struct dam_kind *kind,
                               struct known *known, struct dam_stream *stream) {
    return run(study, kind, known, stream, UINT64_MAX);
}

/* Every start of every replica of the study, once: no gap, nothing left to deal. */
static uint64_t starts_in(const struct dam_study *study, uint32_t rounds) {
    uint64_t starts = 0;
    for (size_t c = 0; c < study->cell_count; c++) {
        struct dam_cell cell;
        dam_study_cell(study, c, &cell);
        starts += rounds * cell.replicas * starts_of(&cell);
    }
    return starts;
}

/* The items a run added, from `from` on, neither overlap each other nor anything before. */
static void assert_disjoint(const struct known *known) {
    struct dam_item *items = calloc(known->count + 1, sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < known->count; i++)
        items[i] = known->entries[i].item;
    qsort(items, known->count, sizeof *items, dam_item_compare);
    for (size_t i = 1; i < known->count; i++) {
        const struct dam_item *a = &items[i - 1], *b = &items[i];
        bool same = a->cell == b->cell && a->round == b->round && a->replica == b->replica;
        assert_true(!same || b->start_begin >= a->start_end);
    }
    free(items);
}

/* ---- tests ---- */

/* A random grid: cells of 1 .. 40 starts a block, several blocks a replica. */
static struct dam_study *random_study(struct dam_stream *stream, const char *kind) {
    char text[256];
    snprintf(text, sizeof text,
             "kind: %s\nreplicas: %d\nstarts: %d\nseconds: {from: 0.0026, to: %.3f, count: %d, "
             "scale: log}\nrounds: [1, 3]\n",
             kind, 1 + (int)dam_stream_below(stream, 7), 1 + (int)dam_stream_below(stream, 120),
             0.003 + dam_stream_unit(stream), 2 + (int)dam_stream_below(stream, 9));
    return parse(text);
}

static void every_start_is_dealt_once_whatever_is_known(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(1, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int trial = 0; trial < 60; trial++) {
        struct dam_study *study = random_study(&stream, "plain");
        struct known known = known_new();
        uint64_t all = starts_in(study, 1), done = 0;
        /* Killed a few times on the way. */
        for (int kills = (int)dam_stream_below(&stream, 4); kills > 0; kills--)
            done += run(study, &plain, &known, &stream, dam_stream_below(&stream, all));
        done += run_to_the_end(study, &plain, &known, &stream);
        assert_int_equal(done, all);
        assert_disjoint(&known);
        assert_int_equal(run_to_the_end(study, &plain, &known, &stream), 0);
        known_destroy(&known);
        dam_study_destroy(study);
    }
}

static void rounds_too_are_dealt_once_whatever_is_known(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(2, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int trial = 0; trial < 60; trial++) {
        struct dam_study *study = random_study(&stream, "chain");
        struct known known = known_new();
        /* Half of the cells have one round, half have three. */
        uint64_t all = 2 * starts_in(study, 1), done = 0;
        for (int kills = (int)dam_stream_below(&stream, 4); kills > 0; kills--)
            done += run(study, &chain, &known, &stream, dam_stream_below(&stream, all));
        done += run_to_the_end(study, &chain, &known, &stream);
        assert_int_equal(done, all);
        assert_disjoint(&known);
        known_destroy(&known);
        dam_study_destroy(study);
    }
}

/* Run `before` to its end, then go on as `after`: how many starts that adds. */
static uint64_t added(const char *before, const char *after) {
    struct dam_stream stream = dam_stream_open(3, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct dam_study *first = parse(before), *then = parse(after);
    struct known known = known_new();
    assert_int_equal(run_to_the_end(first, &plain, &known, &stream), starts_in(first, 1));
    uint64_t starts = run_to_the_end(then, &plain, &known, &stream);
    /* And as before again: all of it is there. */
    assert_int_equal(run_to_the_end(first, &plain, &known, &stream), 0);
    known_destroy(&known);
    dam_study_destroy(first);
    dam_study_destroy(then);
    return starts;
}

/* Blocks are of 20 starts: 0.1 s of 5 ms each. */
static void raising_starts_tops_up(void **state) {
    (void)state;
    assert_int_equal(added("kind: plain\nseconds: 0.005\nreplicas: 3\nstarts: 7\n",
                           "kind: plain\nseconds: 0.005\nreplicas: 3\nstarts: 50\n"),
                     3 * 43);
    assert_int_equal(added("kind: plain\nseconds: 0.005\nreplicas: 3\nstarts: 40\n",
                           "kind: plain\nseconds: 0.005\nreplicas: 3\nstarts: 41\n"),
                     3 * 1);
}

static void raising_replicas_adds_replicas(void **state) {
    (void)state;
    assert_int_equal(added("kind: plain\nseconds: 0.005\nreplicas: 3\nstarts: 50\n",
                           "kind: plain\nseconds: 0.005\nreplicas: 5\nstarts: 50\n"),
                     2 * 50);
    assert_int_equal(added("kind: plain\nseconds: 0.005\nreplicas: 5\nstarts: 50\n",
                           "kind: plain\nseconds: 0.005\nreplicas: 3\nstarts: 50\n"),
                     0);
}

/* Whole blocks stay; only the block that the new end cuts is done again, up to that end. */
static void lowering_starts_redoes_the_cut_block_alone(void **state) {
    (void)state;
    assert_int_equal(added("kind: plain\nseconds: 0.005\nstarts: 60\n",
                           "kind: plain\nseconds: 0.005\nstarts: 40\n"),
                     0);
    assert_int_equal(added("kind: plain\nseconds: 0.005\nstarts: 60\n",
                           "kind: plain\nseconds: 0.005\nstarts: 45\n"),
                     5);
}

static void a_block_lasts_a_tenth_of_a_second_or_makes_set_up_cheap(void **state) {
    (void)state;
    assert_int_equal(dam_block_starts(&(struct dam_cost){.start_seconds = 0.001}), 100);
    assert_int_equal(dam_block_starts(&(struct dam_cost){.start_seconds = 5}), 1);
    /* Thirty times a set-up of one second. */
    assert_int_equal(
        dam_block_starts(&(struct dam_cost){.start_seconds = 0.5, .replica_seconds = 1}), 60);
    assert_int_equal(dam_block_starts(&(struct dam_cost){.start_seconds = DBL_MIN}), 1000000000);
}

static void long_items_go_first(void **state) {
    (void)state;
    struct dam_study *study =
        parse("kind: plain\nseconds: [0.3, 2, 0.004, 5, 0.7]\nreplicas: 3\nstarts: 2\n");
    struct known known = known_new();
    struct dam_dealer *dealer = dealer_new(study, &plain, &known);
    struct dam_item item;
    double last = DBL_MAX, sum = 0;
    size_t count = 0;
    assert_true(fabs(dam_dealer_counts(dealer).seconds_left - 6 * 8.004) < 1e-9);
    while (take(dealer, 0, 1, &item) == 1) {
        double seconds = dam_dealer_seconds(dealer, &item);
        assert_true(seconds <= last);
        last = seconds;
        sum += seconds;
        finish(dealer, &item);
        count++;
    }
    /* A replica of the cheapest cell is one item, of the others each start is one. */
    assert_int_equal(count, 3 * (4 * 2 + 1));
    assert_true(fabs(sum - 6 * 8.004) < 1e-9);
    assert_true(dam_dealer_counts(dealer).seconds_left == 0);
    dam_dealer_destroy(dealer);
    known_destroy(&known);
    dam_study_destroy(study);
}

static void a_batch_holds_about_the_time_asked_for(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: plain\nseconds: 0.5\nreplicas: 100\n");
    struct known known = known_new();
    struct dam_dealer *dealer = dealer_new(study, &plain, &known);
    struct dam_item items[64];
    assert_int_equal(take(dealer, 2.6, 64, items), 5);
    assert_int_equal(take(dealer, 0, 64, items), 1);
    assert_int_equal(take(dealer, 1e9, 7, items), 7);
    assert_int_equal(take(dealer, 1e9, 64, items), 64);
    /* One that does not fit stays for the next batch. */
    assert_int_equal(take(dealer, 1e9, 64, items), 100 - 77);
    assert_int_equal(take(dealer, 1e9, 64, items), 0);
    assert_false(dam_dealer_finished(dealer));
    dam_dealer_destroy(dealer);
    known_destroy(&known);
    dam_study_destroy(study);
}

/* A cell that waits for its round's last item holds up nobody else, and goes on when it comes. */
static void a_round_waits_for_the_one_before_and_others_work(void **state) {
    (void)state;
    struct dam_study *study =
        parse("kind: chain\nseconds: [3, 1]\nrounds: 2\nreplicas: 2\nstarts: 1\n");
    struct known known = known_new();
    struct dam_dealer *dealer = dealer_new(study, &chain, &known);
    struct dam_item first[2], second[64], item;
    assert_int_equal(take(dealer, 1e9, 2, first), 2);
    assert_true(first[0].cell == first[1].cell);
    uint32_t waiting = first[0].cell, other = 1 - waiting;
    finish(dealer, &first[0]);
    /* Everything else can be dealt: two rounds of the other cell. */
    for (uint32_t round = 0; round < 2; round++) {
        assert_int_equal(take(dealer, 1e9, 64, second), 2);
        for (int i = 0; i < 2; i++) {
            assert_true(second[i].cell == other && second[i].round == round);
            finish(dealer, &second[i]);
        }
    }
    assert_int_equal(take(dealer, 1e9, 64, second), 0);
    assert_false(dam_dealer_finished(dealer));
    assert_int_equal(dam_dealer_counts(dealer).cells_done, 1);
    finish(dealer, &first[1]);
    assert_int_equal(take(dealer, 0, 1, &item), 1);
    assert_true(item.cell == waiting && item.round == 1 && item.plan != first[0].plan);
    finish(dealer, &item);
    assert_int_equal(take(dealer, 0, 1, &item), 1);
    finish(dealer, &item);
    assert_true(dam_dealer_finished(dealer));
    assert_int_equal(dam_dealer_counts(dealer).total, 8);
    assert_int_equal(dam_dealer_counts(dealer).cells_done, 2);
    dam_dealer_destroy(dealer);
    known_destroy(&known);
    dam_study_destroy(study);
}

/* Rank 0 alone: a cell's next round is ready before anyone has asked for more of the one before. */
static void rounds_follow_one_task_at_a_time(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: chain\nseconds: [1, 2, 3, 4, 5]\nrounds: 4\n");
    struct known known = known_new();
    struct dam_dealer *dealer = dealer_new(study, &chain, &known);
    struct dam_item item;
    uint32_t rounds[5] = {0};
    while (take(dealer, 0, 1, &item) == 1) {
        assert_int_equal(item.round, rounds[item.cell]++);
        finish(dealer, &item);
    }
    for (int c = 0; c < 5; c++)
        assert_int_equal(rounds[c], 4);
    assert_true(dam_dealer_finished(dealer));
    dam_dealer_destroy(dealer);
    known_destroy(&known);
    dam_study_destroy(study);
}

/* The plan of a round follows from all replicas of the one before: with more of them it is another
 * plan, and what was done under the old one is done again. */
static void rows_of_another_plan_are_done_again(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(4, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct dam_study *few = parse("kind: chain\nseconds: 1\nrounds: 2\nreplicas: 2\n");
    struct dam_study *many = parse("kind: chain\nseconds: 1\nrounds: 2\nreplicas: 3\n");
    struct known known = known_new();
    assert_int_equal(run_to_the_end(few, &chain, &known, &stream), 4);
    assert_int_equal(run_to_the_end(many, &chain, &known, &stream), 1 + 3);
    known_destroy(&known);
    dam_study_destroy(few);
    dam_study_destroy(many);
}

static void a_failed_item_is_done_and_ends_its_cells_rounds(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: chain\nseconds: 1\nrounds: 3\nreplicas: 2\n");
    struct known known = known_new();
    struct dam_dealer *dealer = dealer_new(study, &chain, &known);
    struct dam_item items[64];
    assert_int_equal(take(dealer, 1e9, 64, items), 2);
    items[0].status = DAM_MEMORY;
    for (int i = 0; i < 2; i++) {
        finish(dealer, &items[i]);
        remember(&known, &items[i]);
    }
    assert_int_equal(take(dealer, 1e9, 64, items), 0);
    assert_true(dam_dealer_finished(dealer));
    struct dam_dealer_counts counts = dam_dealer_counts(dealer);
    assert_true(counts.total == 2 && counts.done == 2 && counts.failed == 1);
    assert_int_equal(counts.cells_done, 1);
    dam_dealer_destroy(dealer);

    /* Known to have failed, it is not tried again. */
    dealer = dealer_new(study, &chain, &known);
    assert_int_equal(take(dealer, 1e9, 64, items), 0);
    assert_true(dam_dealer_finished(dealer));
    counts = dam_dealer_counts(dealer);
    assert_true(counts.total == 2 && counts.done == 2 && counts.failed == 1);
    assert_int_equal(counts.cells_done, 1);
    dam_dealer_destroy(dealer);
    known_destroy(&known);
    dam_study_destroy(study);
}

/* Suspects wait for all others, and then run one at a time; all is done in the end. */
static void suspects_run_alone_and_last(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: plain\nseconds: [1, 2]\nreplicas: 5\n");
    struct dam_suspect list[] = {{.item = {.cell = 0, .replica = 1, .start_end = 1}, .company = 1},
                                 {.item = {.cell = 1, .replica = 4, .start_end = 1}, .company = 1},
                                 {.item = {.cell = 1, .replica = 9, .start_end = 1}, .company = 1}};
    struct known known = known_new();
    known.suspects = (struct dam_suspects){list, 3}; /* the last is no task of this study */
    struct dam_dealer *dealer = dealer_new(study, &plain, &known);
    struct dam_item items[64];
    assert_int_equal(take(dealer, 1e9, 64, items), 8);
    for (size_t i = 0; i < 8; i++)
        assert_false((items[i].cell == 0 && items[i].replica == 1) ||
                     (items[i].cell == 1 && items[i].replica == 4));
    struct dam_item alone;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(take(dealer, 1e9, 64, &alone), 0);
        finish(dealer, &items[i]);
    }
    for (int turn = 0; turn < 2; turn++) {
        struct dam_item none;
        assert_int_equal(take(dealer, 1e9, 64, &alone), 1);
        assert_int_equal(alone.replica, alone.cell == 0 ? 1 : 4);
        assert_int_equal(take(dealer, 1e9, 64, &none), 0);
        assert_false(dam_dealer_finished(dealer));
        finish(dealer, &alone);
    }
    assert_true(dam_dealer_finished(dealer));
    dam_dealer_destroy(dealer);
    known_destroy(&known);
    dam_study_destroy(study);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_start_is_dealt_once_whatever_is_known),
        cmocka_unit_test(rounds_too_are_dealt_once_whatever_is_known),
        cmocka_unit_test(suspects_run_alone_and_last),
        cmocka_unit_test(raising_starts_tops_up),
        cmocka_unit_test(raising_replicas_adds_replicas),
        cmocka_unit_test(lowering_starts_redoes_the_cut_block_alone),
        cmocka_unit_test(a_block_lasts_a_tenth_of_a_second_or_makes_set_up_cheap),
        cmocka_unit_test(long_items_go_first),
        cmocka_unit_test(a_batch_holds_about_the_time_asked_for),
        cmocka_unit_test(a_round_waits_for_the_one_before_and_others_work),
        cmocka_unit_test(rounds_follow_one_task_at_a_time),
        cmocka_unit_test(rows_of_another_plan_are_done_again),
        cmocka_unit_test(a_failed_item_is_done_and_ends_its_cells_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
