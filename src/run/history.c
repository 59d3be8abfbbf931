#include "run/history.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

void dam_filling_begin(struct dam_filling *filling, const struct dam_kind *kind,
                       const struct dam_cell *cell) {
    *filling =
        (struct dam_filling){.kind = kind, .cell = *cell, .record_size = kind->record_size(cell)};
}

static void destroy_round(struct dam_filling_round *round) {
    free(round->starts_done);
    free(round->records);
    free(round->whole);
    free(round->whole_records);
}

void dam_filling_destroy(struct dam_filling *filling) {
    for (size_t r = 0; r < filling->round_count; r++)
        destroy_round(&filling->rounds[r]);
    free(filling->rounds);
    free(filling->view);
    *filling = (struct dam_filling){0};
}

static struct dam_round single_round(const struct dam_kind *kind, const struct dam_cell *cell) {
    return (struct dam_round){.replicas = cell->replicas,
                              .starts = kind->starts == NULL ? 1 : kind->starts(cell)};
}

static bool ask(const struct dam_kind *kind, const struct dam_cell *cell,
                const struct dam_history *history, struct dam_round *plan) {
    if (kind->more != NULL)
        return kind->more(cell, history, plan);
    *plan = single_round(kind, cell);
    return history->round_count == 0;
}

struct dam_round dam_first_round(const struct dam_kind *kind, const struct dam_cell *cell) {
    const struct dam_history none = {0};
    struct dam_round plan = {0};
    return ask(kind, cell, &none, &plan) ? plan : (struct dam_round){0};
}

static enum dam_status append(struct dam_filling *filling, const struct dam_round *plan,
                              struct dam_error *error) {
    size_t rounds = filling->round_count + 1, replicas = plan->replicas;
    struct dam_filling_round *list = reallocarray(filling->rounds, rounds, sizeof *list);
    if (list != NULL)
        filling->rounds = list;
    struct dam_round_rows *view = reallocarray(filling->view, rounds, sizeof *view);
    if (view != NULL)
        filling->view = view;
    struct dam_filling_round round = {
        .plan = *plan,
        .starts_done = calloc(replicas, sizeof *round.starts_done),
        .records = calloc(replicas, filling->record_size),
        .whole = calloc(replicas, sizeof *round.whole),
        .whole_records = calloc(replicas, sizeof *round.whole_records),
    };
    if (list == NULL || view == NULL || round.starts_done == NULL || round.records == NULL ||
        round.whole == NULL || round.whole_records == NULL) {
        destroy_round(&round);
        return dam_fail(error, DAM_MEMORY, "no memory for %u records of %zu bytes", plan->replicas,
                        filling->record_size);
    }
    filling->rounds[filling->round_count++] = round;
    return DAM_OK;
}

enum dam_status dam_filling_next(struct dam_filling *filling, bool *more, struct dam_error *error) {
    struct dam_round plan = {0};
    *more = dam_filling_complete(filling);
    if (*more) {
        struct dam_history history = dam_filling_view(filling);
        *more = ask(filling->kind, &filling->cell, &history, &plan);
    }
    if (!*more)
        return DAM_OK;
    assert(plan.replicas > 0 && plan.starts > 0 && plan.plan_size <= DAM_PLAN_MAX);
    return append(filling, &plan, error);
}

void dam_filling_add(struct dam_filling *filling, uint32_t round, uint32_t replica, uint64_t starts,
                     const void *record) {
    assert(round < filling->round_count);
    struct dam_filling_round *to = &filling->rounds[round];
    assert(replica < to->plan.replicas && to->starts_done[replica] + starts <= to->plan.starts);
    unsigned char *sum = to->records + replica * filling->record_size;
    if (to->starts_done[replica] == 0)
        memcpy(sum, record, filling->record_size);
    else
        filling->kind->merge(&filling->cell, sum, record);
    to->starts_done[replica] += starts;
    to->replicas_done += to->starts_done[replica] == to->plan.starts;
}

bool dam_filling_complete(const struct dam_filling *filling) {
    if (filling->round_count == 0)
        return true;
    const struct dam_filling_round *last = &filling->rounds[filling->round_count - 1];
    return last->replicas_done == last->plan.replicas;
}

bool dam_filling_is_whole(const struct dam_filling *filling, size_t round, uint32_t replica) {
    const struct dam_filling_round *at = &filling->rounds[round];
    return replica < at->plan.replicas && at->starts_done[replica] == at->plan.starts;
}

struct dam_history dam_filling_view(struct dam_filling *filling) {
    for (size_t r = 0; r < filling->round_count; r++) {
        struct dam_filling_round *round = &filling->rounds[r];
        size_t count = 0;
        for (uint32_t replica = 0; replica < round->plan.replicas; replica++) {
            if (!dam_filling_is_whole(filling, r, replica))
                continue;
            round->whole[count] = replica;
            round->whole_records[count++] = round->records + replica * filling->record_size;
        }
        filling->view[r] = (struct dam_round_rows){
            .plan = round->plan,
            .count = count,
            .replicas = round->whole,
            .records = round->whole_records,
        };
    }
    return (struct dam_history){.round_count = filling->round_count, .rounds = filling->view};
}
