#include "run/restart.h"
#include "run/agree.h"
#include "run/compare.h"
#include "run/earlier.h"
#include "run/grow.h"
#include "run/history.h"
#include "run/reduction.h"
#include "run/state.h"
#include <stdlib.h>
#include <string.h>

enum dam_status dam_restarts_add(struct dam_restarts *restarts, const struct dam_restart *restart,
                                 struct dam_error *error) {
    struct dam_restart *list =
        dam_grow(restarts->list, restarts->count, &restarts->capacity, sizeof *list);
    if (list == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to begin %zu replicas anew",
                        restarts->count + 1);
    restarts->list = list;
    restarts->list[restarts->count++] = *restart;
    return DAM_OK;
}

void dam_restarts_destroy(struct dam_restarts *restarts) {
    free(restarts->list);
    *restarts = (struct dam_restarts){0};
}

struct dam_row dam_restart_row(uint32_t replica) {
    return (struct dam_row){.replica = replica, .status = DAM_OK};
}

bool dam_restart_is(const struct dam_row *row) {
    return row->round == 0 && row->start_begin == 0 && row->start_end == 0 && row->status == DAM_OK;
}

/* ---- finding them ---- */

/* A cell's rounds as far as they are known, and beyond that imagined. */
struct walk {
    const struct dam_known *known;
    size_t at, end;            /* the known items that are not passed yet */
    const char *file, *folder; /* the output's */
    uint64_t seed;
    struct dam_filling filling;
    void *record;     /* room for an imagined one */
    uint32_t *rounds; /* of each replica: how many are there without a gap */
    bool guessed;     /* an imagined record decides about the plans that follow */

    bool retry_failed;
    struct dam_reduction *reduction;
    struct dam_earlier *earlier;
    bool *lost; /* of each replica: the last state, which the result needs, is */
};

/* Of each replica of the cell: rounds 0, 1, ... that are there without a gap, whatever their plan;
 * returns the last round of all. */
static uint32_t count_rounds(const struct walk *walk) {
    uint32_t last = 0;
    for (size_t i = walk->at; i < walk->end; i++) {
        const struct dam_item *item = dam_known_item(walk->known, i);
        if (item->status == DAM_OK && item->replica < walk->filling.cell.replicas &&
            item->round == walk->rounds[item->replica])
            walk->rounds[item->replica]++;
        last = item->round;
    }
    return last;
}

static bool lacks_state(const struct walk *walk, uint32_t round, uint32_t replica) {
    return round > 0 && dam_state_is_lost(&(struct dam_state){
                            walk->folder, &walk->filling.cell.hash, round - 1, replica});
}

/* What settles a replica's round, if anything, and its record. Rounds and replicas must come in
 * order. */
static const struct dam_item *settled(struct walk *walk, uint32_t round, uint32_t replica,
                                      uint64_t plan, const void **record) {
    const struct dam_known *known = walk->known;
    const struct dam_item *item = NULL;
    for (; walk->at < walk->end; walk->at++) {
        item = dam_known_item(known, walk->at);
        if (item->round > round || (item->round == round && item->replica >= replica))
            break;
    }
    size_t from = walk->at;
    for (; walk->at < walk->end; walk->at++) {
        const struct dam_item *next = dam_known_item(known, walk->at);
        if (next->round != round || next->replica != replica)
            break;
    }
    if (walk->at == from)
        return NULL;
    item = dam_known_item(known, from);
    item = dam_cover(item, walk->at - from, known->stride, walk->guessed ? item->plan : plan, 0, 1);
    for (size_t i = from; i < walk->at; i++)
        if (dam_known_item(known, i) == item)
            *record = known->records[i];
    return item;
}

static const void *imagine(const struct walk *walk, const struct dam_round *plan, uint32_t round,
                           uint32_t replica) {
    const struct dam_filling *filling = &walk->filling;
    const struct dam_task typical = {.cell = &filling->cell,
                                     .seed = walk->seed,
                                     .round = round,
                                     .replica = replica,
                                     .start_end = 1,
                                     .plan = plan};
    memset(walk->record, 0, filling->record_size);
    filling->kind->imagine(&typical, walk->record);
    return walk->record;
}

/* Go through the last round that was asked for; *on: to the end. Of a replica that comes to its
 * first round that is not settled here, it shows whether it can go on. */
static enum dam_status walk_round(struct walk *walk, struct dam_restarts *restarts, bool *on,
                                  struct dam_error *error) {
    struct dam_filling *filling = &walk->filling;
    const uint32_t round = (uint32_t)filling->round_count - 1;
    const struct dam_round plan = filling->rounds[round].plan;
    const uint64_t hash = dam_plan_hash(&plan);
    const bool imagines = filling->kind->imagine != NULL;
    bool guessed = false;
    enum dam_status status = DAM_OK;
    *on = true;
    for (uint32_t r = 0; status == DAM_OK && r < plan.replicas; r++) {
        const void *record = NULL;
        const struct dam_item *item = settled(walk, round, r, hash, &record);
        bool own = r < filling->cell.replicas && walk->rounds[r] >= round; /* and none before */
        if (item == NULL) {
            if (own && lacks_state(walk, round, r))
                status = dam_restarts_add(
                    restarts,
                    &(struct dam_restart){(uint32_t)filling->cell.index, r, DAM_RESTART_NOW},
                    error);
            if (own)
                walk->rounds[r] = 0;
            guessed = true;
            if (imagines)
                record = imagine(walk, &plan, round, r);
        }
        if ((item != NULL && item->status != DAM_OK) || record == NULL)
            *on = false;
        else
            dam_filling_add(filling, round, r, 1, record);
    }
    walk->guessed |= guessed;
    return status;
}

/* Before anything is done, nothing but whether it is there matters; it takes a while to read. */
static enum dam_status look_at_state(void *context, uint32_t replica, void **blob, size_t *size,
                                     struct dam_error *error) {
    (void)error;
    struct walk *walk = context;
    const uint32_t rounds = (uint32_t)walk->filling.round_count;
    *blob = NULL;
    *size = 0;
    if (rounds == 0 || walk->rounds[replica] < rounds) /* it has work left */
        return DAM_OK;
    const struct dam_state state = {walk->folder, &walk->filling.cell.hash, rounds - 1, replica};
    walk->lost[replica] =
        walk->retry_failed ? dam_state_is_lost(&state) : dam_state_is_missing(&state);
    return DAM_OK;
}

/* Has a replica whose state is lost gone on to further rounds, whose state is there? */
static bool has_gone_on(const struct walk *walk, uint32_t replica) {
    const uint32_t rounds = walk->rounds[replica];
    return rounds > walk->filling.round_count && !lacks_state(walk, rounds, replica);
}

static enum dam_status settle_lost(struct walk *walk, uint32_t replica,
                                   struct dam_restarts *restarts, struct dam_error *error) {
    const struct dam_cell *cell = &walk->filling.cell;
    bool taken;
    enum dam_status status =
        dam_earlier_take(walk->earlier, cell, replica, walk->reduction, &taken, error);
    if (status != DAM_OK || taken)
        return status;
    if (has_gone_on(walk, replica))
        return dam_fail(error, DAM_INPUT,
                        "replica %u has gone on to further rounds, which superseded the state that "
                        "the result needs: raise the budget that was lowered again, or publish "
                        "without it",
                        replica);
    const struct dam_restart restart = {(uint32_t)cell->index, replica, DAM_RESTART_NOW};
    return walk->retry_failed ? dam_restarts_add(restarts, &restart, error) : DAM_OK;
}

/* Could a cell of which all is done, or will be, be published? */
static enum dam_status check_result(struct walk *walk, struct dam_restarts *restarts,
                                    struct dam_error *error) {
    const struct dam_cell *cell = &walk->filling.cell;
    struct dam_history history = dam_filling_view(&walk->filling);
    history.state = look_at_state;
    history.state_context = walk;
    struct dam_error cause;
    enum dam_status status = dam_reduction_make(walk->reduction, cell, &history, &cause);
    for (uint32_t r = 0; status == DAM_OK && r < cell->replicas; r++)
        if (walk->lost[r])
            status = settle_lost(walk, r, restarts, &cause);
    if (status == DAM_OK)
        return DAM_OK;
    char identity[DAM_IDENTITY_LENGTH];
    dam_cell_identity(&walk->filling.kind->schema, cell->values, identity);
    return dam_fail(error, status, "%s: cell %s: %s", walk->file, identity, cause.text);
}

static enum dam_status walk_cell(struct walk *walk, struct dam_restarts *restarts,
                                 struct dam_error *error) {
    const struct dam_cell *cell = &walk->filling.cell;
    walk->rounds = calloc(cell->replicas, sizeof *walk->rounds);
    walk->lost = calloc(cell->replicas, sizeof *walk->lost);
    walk->record = malloc(walk->filling.record_size);
    if (walk->rounds == NULL || walk->lost == NULL || walk->record == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for %u replicas", cell->replicas);
    uint32_t last = count_rounds(walk);
    bool more = true;
    enum dam_status status = DAM_OK;
    while (status == DAM_OK && more && walk->filling.round_count <= (size_t)last + 1) {
        status = dam_filling_next(&walk->filling, &more, error);
        if (status == DAM_OK && more)
            status = walk_round(walk, restarts, &more, error);
    }
    if (status == DAM_OK && !more && dam_filling_complete(&walk->filling))
        status = check_result(walk, restarts, error);
    return status;
}

static enum dam_status visit(struct walk *walk, const struct dam_study *study,
                             const struct dam_kind *kind, struct dam_restarts *restarts,
                             struct dam_error *error) {
    struct dam_cell cell;
    dam_study_cell(study, dam_known_item(walk->known, walk->at)->cell, &cell);
    dam_filling_begin(&walk->filling, kind, &cell);
    enum dam_status status = walk_cell(walk, restarts, error);
    dam_filling_destroy(&walk->filling);
    free(walk->rounds);
    free(walk->lost);
    free(walk->record);
    return status;
}

enum dam_status dam_restarts_find(struct dam_restarts *restarts, const struct dam_known *known,
                                  const struct dam_output_paths *paths, bool retry_failed,
                                  const struct dam_study *study, const struct dam_kind *kind,
                                  struct dam_error *error) {
    struct dam_earlier earlier = {.paths = paths, .study = study, .kind = kind};
    struct dam_reduction reduction;
    enum dam_status status = dam_reduction_new(&reduction, kind, error);
    for (size_t from = 0, to; status == DAM_OK && from < known->count; from = to) {
        uint32_t index = dam_known_item(known, from)->cell;
        for (to = from; to < known->count && dam_known_item(known, to)->cell == index;)
            to++;
        struct walk walk = {.known = known,
                            .at = from,
                            .end = to,
                            .file = paths->file,
                            .folder = paths->folder,
                            .seed = study->seed,
                            .retry_failed = retry_failed,
                            .reduction = &reduction,
                            .earlier = &earlier};
        status = visit(&walk, study, kind, restarts, error);
    }
    dam_reduction_destroy(&reduction);
    dam_earlier_destroy(&earlier);
    return status;
}

/* ---- what they declare void ---- */

static enum dam_status share(MPI_Comm comm, struct dam_restarts *restarts,
                             struct dam_error *error) {
    int size;
    MPI_Comm_size(comm, &size);
    enum dam_status status = DAM_OK;
    int mine = (int)(restarts->count * sizeof *restarts->list), all = 0;
    int *counts = calloc(2 * (size_t)size, sizeof *counts);
    if (counts == NULL || restarts->count > INT32_MAX / sizeof *restarts->list)
        status =
            dam_fail(error, DAM_MEMORY, "no memory to begin %zu replicas anew", restarts->count);
    status = dam_agree(comm, status, error);
    if (status == DAM_OK) {
        MPI_Allgather(&mine, 1, MPI_INT, counts, 1, MPI_INT, comm);
        struct dam_restarts shared = {0};
        for (int r = 0; r < size; r++) {
            counts[size + r] = all;
            if (__builtin_add_overflow(all, counts[r], &all))
                status = DAM_MEMORY;
        }
        shared.count = shared.capacity = (size_t)all / sizeof *shared.list;
        if (status != DAM_OK || (shared.list = malloc((size_t)all + 1)) == NULL)
            status = dam_fail(error, DAM_MEMORY, "no memory to begin replicas anew");
        status = dam_agree(comm, status, error);
        if (status == DAM_OK) {
            MPI_Allgatherv(restarts->list, mine, MPI_BYTE, shared.list, counts, counts + size,
                           MPI_BYTE, comm);
            dam_restarts_destroy(restarts);
            *restarts = shared;
        } else {
            free(shared.list);
        }
    }
    free(counts);
    return status;
}

static int compare_replicas(const void *left, const void *right) {
    const struct dam_restart *a = left, *b = right;
    int order = dam_compare(a->cell, b->cell);
    return order != 0 ? order : dam_compare(a->replica, b->replica);
}

static int compare_restarts(const void *left, const void *right) {
    const struct dam_restart *a = left, *b = right;
    int order = compare_replicas(a, b);
    return order != 0 ? order : dam_compare(a->file, b->file);
}

/* Keep the last of each replica. */
static void sort(struct dam_restarts *restarts) {
    struct dam_restart *list = restarts->list;
    size_t kept = 0;
    qsort(list, restarts->count, sizeof *list, compare_restarts);
    for (size_t i = 0; i < restarts->count; i++)
        if (i + 1 == restarts->count || compare_replicas(&list[i], &list[i + 1]) != 0)
            list[kept++] = list[i];
    restarts->count = kept;
}

/* Is a journal file of an earlier run than another? All of a run bear its stamp: rows-STAMP-RANK.
 */
static bool is_earlier(const struct dam_ledger *ledger, uint32_t file, uint32_t other) {
    if (other == DAM_RESTART_NOW)
        return true;
    const char *one = strrchr(ledger->files[file], '/'), *two = strrchr(ledger->files[other], '/');
    size_t stem = (size_t)(strrchr(two, '-') - two);
    return strncmp(one, two, stem) < 0;
}

enum dam_status dam_restarts_apply(MPI_Comm comm, struct dam_restarts *restarts,
                                   struct dam_ledger *ledger, struct dam_error *error) {
    enum dam_status status = share(comm, restarts, error);
    if (status != DAM_OK || restarts->count == 0)
        return status;
    sort(restarts);
    size_t kept = 0;
    for (size_t e = 0; e < ledger->count; e++) {
        const struct dam_entry *entry = &ledger->entries[e];
        const struct dam_restart of = {.cell = entry->item.cell, .replica = entry->item.replica};
        const struct dam_restart *restart =
            bsearch(&of, restarts->list, restarts->count, sizeof of, compare_replicas);
        if (restart == NULL || !is_earlier(ledger, entry->file, restart->file))
            ledger->entries[kept++] = *entry;
    }
    ledger->count = kept;
    return DAM_OK;
}
