/* Rounds that hand a state from one to the next, as a training in several sittings does. The result
 * is a digest that any byte of any state, plan or record of the chain changes, and what the last
 * states hold. */
#include "kinds_test.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 1000 };
enum { SPOT, BYTES, MILLISECONDS, ROUNDS, MEMORIES_WANTED };

static const char *const answers[] = {"no", "yes", NULL};

static const struct dam_parameter parameters[] = {
    [SPOT] = DAM_TEST_PARAMETER_SPOT,
    [BYTES] = {.name = "bytes",
               .type = DAM_INTEGER,
               .standard.integer = 10000,
               .low.integer = 1,
               .high.integer = 100000000,
               .unit = "bytes",
               .doc = "size of a state"},
    [MILLISECONDS] = {.name = "milliseconds",
                      .type = DAM_REAL,
                      .role = DAM_BUDGET,
                      .standard.real = 1,
                      .low.real = 0,
                      .high.real = 1e5,
                      .unit = "ms",
                      .doc = "time a task takes"},
    [ROUNDS] = {.name = "rounds",
                .type = DAM_INTEGER,
                .role = DAM_BUDGET,
                .standard.integer = 3,
                .low.integer = 1,
                .high.integer = ROUNDS_MAX,
                .unit = "rounds",
                .doc = "rounds of each replica"},
    [MEMORIES_WANTED] = {.name = "memories",
                         .type = DAM_CHOICE,
                         .role = DAM_BUDGET,
                         .choices = answers,
                         .unit = "1",
                         .doc = "whether to publish what the last states hold"},
};

enum { DIGEST, WHOLE, DIGESTS, LAST, MEMORIES };

/* The first bytes of a state as a table of numbers. */
enum { MEMORY_ROWS = 2, MEMORY_ENTRIES_MAX = 7 };

static const struct dam_column columns[] = {
    [DIGEST] = {.name = "digest", .unit = "1", .doc = "digest of all rounds of all replicas"},
    [WHOLE] = {.name = "complete", .unit = "rounds", .doc = "complete rounds"},
    [DIGESTS] = {.name = "digests",
                 .shape = DAM_ARRAY,
                 .unit = "1",
                 .doc = "the first replica's digest of each round"},
    [LAST] = {.name = "last",
              .shape = DAM_ARRAY,
              .unit = "1",
              .doc = "digest of the last state of each replica",
              .dimensions = {"replica"}},
    [MEMORIES] = {.name = "memories",
                  .type = DAM_REAL,
                  .shape = DAM_ARRAY,
                  .unit = "1",
                  .doc = "the first bytes of the last states over 256; NaN where 7 divides them",
                  .dimensions = {"replica", "row", "entry"},
                  .single = true,
                  .optional = true},
};

/* One row for each round of the first spot mod 3 replicas: of some cells none. */
enum { BATONS };
enum { BATON_ROUND, BATON_REPLICA, BATON_SHARE };
enum { BATON_CHAINS = 3 };

static const struct dam_column baton_columns[] = {
    [BATON_ROUND] = {.name = "round", .unit = "1", .doc = "round of the cell"},
    [BATON_REPLICA] = {.name = "replica", .unit = "1", .doc = "replica of the cell"},
    [BATON_SHARE] = {.name = "share",
                     .type = DAM_REAL,
                     .unit = "1",
                     .doc = "the digest as a share of 2^64; NaN where its bit 40 is set"},
};
static const struct dam_kind_table tables[] = {
    [BATONS] = {.name = "batons",
                .columns = baton_columns,
                .column_count = sizeof baton_columns / sizeof *baton_columns,
                .unit = "1",
                .doc = "rounds of the first replicas, as many as the spot is mod 3"},
};

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    *cost = (struct dam_cost){.start_seconds = 1e-6 + cell->values[MILLISECONDS].real / 1000,
                              .bytes = 2 * (double)cell->values[BYTES].integer};
}

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(uint64_t);
}

/* Fowler-Noll-Vo 1a, which takes bytes one by one. */
static uint64_t digest(uint64_t before, const void *data, size_t size) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        before = (before ^ bytes[i]) * UINT64_C(0x100000001b3);
    return before;
}

/* The first state is drawn; a later one is the state before, shifted and mixed with the plan. */
static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    size_t size = (size_t)task->cell->values[BYTES].integer;
    if (task->plan->plan_size != sizeof(uint64_t))
        return dam_fail(error, DAM_DAMAGED, "round %u has a plan of %u bytes", task->round,
                        task->plan->plan_size);
    if (task->round > 0 && (task->state == NULL || task->state_size != size))
        return dam_fail(error, DAM_DAMAGED, "round %u of replica %u has no state of %zu bytes",
                        task->round, task->replica, size);
    unsigned char *next = malloc(size);
    if (next == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a state of %zu bytes", size);
    struct dam_stream stream = dam_stream_open(task->seed, DAM_PURPOSE_TEST, &task->cell->hash,
                                               task->replica, task->round);
    const unsigned char *before = task->state;
    for (size_t i = 0; i < size; i++)
        next[i] = task->round == 0 ? (unsigned char)dam_stream_next(&stream)
                                   : (unsigned char)(3 * before[(i + 1) % size] +
                                                     task->plan->plan[i % task->plan->plan_size]);
    uint64_t all = digest(UINT64_C(0xcbf29ce484222325), next, size);
    memcpy(record, &all, sizeof all);
    enum dam_status status =
        dam_test_spin(task, task->cell->values[MILLISECONDS].real / 1000, error);
    if (status != DAM_OK) {
        free(next);
        return status;
    }
    *task->next_state = next;
    *task->next_state_size = size;
    return DAM_OK;
}

/* No digest says how many rounds follow. */
static void imagine(const struct dam_task *task, void *record) {
    const uint64_t any = task->replica + 1;
    memcpy(record, &any, sizeof any);
}

static uint64_t digest_of(const struct dam_round_rows *rows, size_t replica) {
    uint64_t value;
    memcpy(&value, rows->records[replica], sizeof value);
    return value;
}

/* The plan of a round is the first replica's digest of the one before, so that it stays when
 * replicas are added. */
static bool more(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next) {
    size_t rounds = history->round_count;
    uint64_t plan = rounds == 0 ? 0 : digest_of(&history->rounds[rounds - 1], 0);
    *next = (struct dam_round){.replicas = cell->replicas, .starts = 1, .plan_size = sizeof plan};
    memcpy(next->plan, &plan, sizeof plan);
    return rounds < (size_t)cell->values[ROUNDS].integer;
}

/* Another number in other cells. */
static size_t memory_entries(const struct dam_cell *cell) {
    return (size_t)cell->values[SPOT].integer % MEMORY_ENTRIES_MAX + 1;
}

static struct dam_extent extent(const struct dam_cell *cell, size_t column) {
    assert(column == DIGESTS || column == LAST || column == MEMORIES);
    if (column == DIGESTS)
        return (struct dam_extent){1, {(size_t)cell->values[ROUNDS].integer}};
    if (column == LAST)
        return (struct dam_extent){1, {cell->replicas}};
    if (cell->values[MEMORIES_WANTED].integer == 0)
        return (struct dam_extent){.rank = 3};
    return (struct dam_extent){3, {cell->replicas, MEMORY_ROWS, memory_entries(cell)}};
}

/* Whatever NaN a kind comes to, files have one. */
static double share_of(uint64_t value) {
    return value >> 40 & 1 ? -(double)NAN : (double)value / 0x1p64;
}

static enum dam_status add_batons(const struct dam_cell *cell, const struct dam_round_rows *rows,
                                  size_t round, struct dam_rows *batons, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t r = 0; status == DAM_OK && r < rows->count; r++) {
        const union dam_value values[] = {[BATON_ROUND].integer = (int64_t)round,
                                          [BATON_REPLICA].integer = rows->replicas[r],
                                          [BATON_SHARE].real = share_of(digest_of(rows, r))};
        if (rows->replicas[r] < cell->values[SPOT].integer % BATON_CHAINS)
            status = dam_rows_add(batons, values, error);
    }
    return status;
}

/* A replica that has no state yet keeps its zeros. */
static enum dam_status add_state(const struct dam_cell *cell, const struct dam_history *history,
                                 uint32_t replica, const struct dam_output *output,
                                 struct dam_error *error) {
    void *blob;
    size_t size, entries = memory_entries(cell);
    enum dam_status status = history->state(history->state_context, replica, &blob, &size, error);
    if (status != DAM_OK || blob == NULL)
        return status;
    const unsigned char *bytes = blob;
    int64_t *last = output->arrays[LAST];
    float *memories = output->arrays[MEMORIES];
    last[replica] = (int64_t)(digest(0, bytes, size) & INT64_MAX);
    for (size_t e = 0; cell->values[MEMORIES_WANTED].integer && e < MEMORY_ROWS * entries; e++) {
        unsigned char byte = bytes[e % size];
        memories[replica * MEMORY_ROWS * entries + e] =
            byte % 7 == 0 ? -(float)NAN : (float)byte / 256;
    }
    free(blob);
    return DAM_OK;
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    uint64_t all = 0;
    enum dam_status status = DAM_OK;
    int64_t *digests = output->arrays[DIGESTS];
    for (size_t round = 0; status == DAM_OK && round < history->round_count; round++) {
        const struct dam_round_rows *rows = &history->rounds[round];
        output->scalars[WHOLE].integer += rows->count == rows->plan.replicas;
        for (size_t r = 0; r < rows->count; r++)
            all = digest(all, rows->records[r], sizeof(uint64_t));
        if (rows->count > 0 && rows->replicas[0] == 0)
            digests[round] = (int64_t)(digest_of(rows, 0) & INT64_MAX);
        status = add_batons(cell, rows, round, &output->tables[BATONS], error);
    }
    for (uint32_t r = 0; status == DAM_OK && r < cell->replicas; r++)
        status = add_state(cell, history, r, output, error);
    output->scalars[DIGEST].integer = (int64_t)(all & INT64_MAX);
    return status;
}

const struct dam_kind dam_test_kind_relay = {
    DAM_TEST_KIND("relay", "rounds that hand on a state"),
    .tables = tables,
    .table_count = sizeof tables / sizeof *tables,
    .extent = extent,
    .more = more,
    .imagine = imagine,
    .keeps_state = true,
};
