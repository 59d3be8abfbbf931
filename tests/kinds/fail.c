/* Tasks that fail where they are told to. What fails is a budget, not part of any identity: it can
 * be mended between two runs of one study. */
#include "kinds_test.h"

enum { SPOT, FAIL_FROM, FAIL_REPLICA };

static const struct dam_parameter parameters[] = {
    [SPOT] = DAM_TEST_PARAMETER_SPOT,
    [FAIL_FROM] = {.name = "fail_from",
                   .type = DAM_INTEGER,
                   .role = DAM_BUDGET,
                   .standard.integer = 1000001,
                   .low.integer = 0,
                   .high.integer = 1000001,
                   .unit = "1",
                   .doc = "cells from this spot on fail"},
    [FAIL_REPLICA] = {.name = "fail_replica",
                      .type = DAM_INTEGER,
                      .role = DAM_BUDGET,
                      .standard.integer = -1,
                      .low.integer = -1,
                      .high.integer = 1000000,
                      .unit = "1",
                      .doc = "only this replica of them fails; -1: all"},
};

enum { SUM, REPLICAS };

static const struct dam_column columns[] = {
    [SUM] = {.name = "sum", .unit = "1", .doc = "sum of 1000 spot + replica"},
    [REPLICAS] = {.name = "whole", .unit = "replicas", .doc = "replicas that succeeded"},
};

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    (void)cell;
    *cost = (struct dam_cost){.start_seconds = 0.001, .bytes = 64};
}

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(int64_t);
}

static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    const union dam_value *values = task->cell->values;
    int64_t spot = values[SPOT].integer, replica = values[FAIL_REPLICA].integer;
    if (spot >= values[FAIL_FROM].integer && (replica < 0 || replica == task->replica))
        return dam_fail(error, DAM_LIBRARY, "spot %lld, replica %u: told to fail", (long long)spot,
                        task->replica);
    *(int64_t *)record = 1000 * spot + task->replica;
    return DAM_OK;
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    (void)cell;
    (void)error;
    const struct dam_round_rows *rows = &history->rounds[0];
    for (size_t r = 0; r < rows->count; r++)
        output->scalars[SUM].integer += *(const int64_t *)rows->records[r];
    output->scalars[REPLICAS].integer = (int64_t)rows->count;
    return DAM_OK;
}

const struct dam_kind dam_test_kind_fail = {
    DAM_TEST_KIND("fail", "tasks that fail where they are told to"),
};
