#include "run/task.h"
#include "run/file.h"
#include "run/state.h"
#include "run/stop.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dam_task_runner dam_task_runner_new(const struct dam_study *study,
                                           const struct dam_kind *kind) {
    struct dam_task_runner runner = {.study = study, .kind = kind, .cell.index = SIZE_MAX};
    gethostname(runner.host, sizeof runner.host - 1);
    return runner;
}

void dam_task_runner_destroy(struct dam_task_runner *runner) {
    free(runner->record);
    runner->record = NULL;
    dam_from_destroy(&runner->from);
}

static enum dam_status look_at(struct dam_task_runner *runner, uint32_t cell,
                               struct dam_error *error) {
    if (runner->cell.index != cell) {
        dam_study_cell(runner->study, cell, &runner->cell);
        dam_cell_identity(runner->study->schema, runner->cell.values, runner->label);
        runner->record_size = runner->kind->record_size(&runner->cell);
        free(runner->record);
        runner->record = malloc(runner->record_size);
    }
    if (runner->record == NULL || runner->record_size > DAM_PAYLOAD_MAX) {
        runner->cell.index = SIZE_MAX;
        return dam_fail(error, DAM_MEMORY, "no memory for a record of %zu bytes",
                        runner->record_size);
    }
    memset(runner->record, 0, runner->record_size);
    return DAM_OK;
}

/* The state that an item leaves. */
static struct dam_state state_of(const struct dam_task_runner *runner,
                                 const struct dam_item *item) {
    return (struct dam_state){runner->folder, &runner->cell.hash, item->round, item->replica};
}

static void remove_state(const struct dam_state *state) {
    char *path = dam_state_path(state);
    if (path != NULL)
        unlink(path);
    free(path);
}

/* The blob of the round before, the caller's. */
static enum dam_status read_state(const struct dam_task_runner *runner, const struct dam_item *item,
                                  void **blob, size_t *size, struct dam_error *error) {
    *blob = NULL;
    *size = 0;
    if (item->round == 0 || !runner->kind->keeps_state)
        return DAM_OK;
    struct dam_state state = state_of(runner, item);
    state.round--;
    enum dam_status status = dam_state_read(&state, blob, size, error);
    if (status != DAM_OK && dam_state_is_lost(&state)) {
        const struct dam_error cause = *error;
        dam_fail(error, status, "%s; start again, and its replica begins anew", cause.text);
    }
    return status;
}

/* The blob of the round before is not needed once this round's row is on disk. */
static enum dam_status remove_blob(const struct dam_task_runner *runner,
                                   const struct dam_item *item, struct dam_error *error) {
    enum dam_status status = dam_journal_sync(runner->journal, error);
    struct dam_state state = state_of(runner, item);
    state.round--;
    if (status == DAM_OK)
        remove_state(&state);
    return status;
}

/* The blob that this row of an earlier run supersedes, if a kill left it. */
static enum dam_status remove_left_blob(const struct dam_task_runner *runner,
                                        const struct dam_entry *entry, struct dam_error *error) {
    struct dam_cell cell;
    dam_study_cell(runner->study, entry->item.cell, &cell);
    char *path = dam_state_path(&(struct dam_state){runner->folder, &cell.hash,
                                                    entry->item.round - 1, entry->item.replica});
    if (path == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a file's name");
    enum dam_status status = DAM_OK;
    if (access(path, F_OK) == 0) {
        status = dam_file_sync(runner->ledger->files[entry->file], error);
        if (status == DAM_OK)
            unlink(path);
    }
    free(path);
    return status;
}

enum dam_status dam_task_tidy(const struct dam_task_runner *runner, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t e = 0; status == DAM_OK && e < runner->ledger->count; e++) {
        const struct dam_entry *entry = &runner->ledger->entries[e];
        if (entry->item.round > 0 && entry->item.status == DAM_OK)
            status = remove_left_blob(runner, entry, error);
    }
    return status;
}

/* What the item's replica has in the result that the study reads; *floats holds it, the caller's.
 */
static enum dam_status read_source(struct dam_task_runner *runner, const struct dam_item *item,
                                   struct dam_task *task, struct dam_result_floats *floats,
                                   struct dam_error *error) {
    const char *dataset = runner->kind->reads, *name = runner->study->from;
    *floats = (struct dam_result_floats){0};
    if (dataset == NULL)
        return DAM_OK;
    const struct dam_schema *schema = &runner->kind->schema;
    uint64_t row = (uint64_t)dam_cell_integer(schema, &runner->cell, DAM_SOURCE_ROW);
    uint32_t checksum = (uint32_t)dam_cell_integer(schema, &runner->cell, DAM_SOURCE_CRC);
    enum dam_status status =
        dam_from_read(&runner->from, name, dataset, row, checksum, item->replica, floats, error);
    if (status == DAM_OK && floats->rank != 3)
        status = dam_fail(error, DAM_INPUT, "%s: %s: has %d dimensions behind the cell, not 3",
                          name, dataset, floats->rank);
    if (status != DAM_OK)
        return status;
    task->source_extents[0] = floats->extent[1];
    task->source_extents[1] = floats->extent[2];
    task->source = floats->values;
    return DAM_OK;
}

/* What the poll does is not the task's doing. */
static bool poll_outside(void *context) {
    struct dam_task_runner *runner = context;
    dam_mark_task(NULL);
    bool stop = runner->poll.call(runner->poll.context);
    dam_mark_task(runner->label);
    return stop;
}

static struct dam_task task_of(struct dam_task_runner *runner, const struct dam_item *item,
                               const struct dam_round *plan) {
    return (struct dam_task){
        .cell = &runner->cell,
        .seed = runner->study->seed,
        .round = item->round,
        .replica = item->replica,
        .start_begin = item->start_begin,
        .start_end = item->start_end,
        .plan = plan,
        .poll = {runner->poll.call == NULL ? NULL : poll_outside, runner},
    };
}

/* Run the task; its next state is in *blob, the caller's. *unread: what it needs could not be read.
 */
static enum dam_status run(struct dam_task_runner *runner, const struct dam_item *item,
                           const struct dam_round *plan, void **blob, size_t *blob_size,
                           bool *had_state, bool *unread, double *seconds,
                           struct dam_error *error) {
    double begin = dam_clock();
    *blob = NULL;
    *blob_size = 0;
    *had_state = *unread = false;
    *seconds = 0;
    enum dam_status status = look_at(runner, item->cell, error);
    if (status != DAM_OK)
        return status;
    struct dam_task task = task_of(runner, item, plan);
    task.next_state = blob;
    task.next_state_size = blob_size;
    void *state;
    struct dam_result_floats source = {0};
    status = read_state(runner, item, &state, &task.state_size, error);
    task.state = state;
    *unread = status != DAM_OK;
    if (status == DAM_OK) {
        status = read_source(runner, item, &task, &source, error);
        *unread = status == DAM_FILE || status == DAM_MEMORY;
    }
    if (status == DAM_OK) {
        dam_mark_task(runner->label);
        status = runner->kind->run(&task, runner->record, error);
        dam_mark_task(NULL);
    }
    *had_state = state != NULL;
    free(state);
    free(source.values);
    *seconds = dam_clock() - begin;
    return status;
}

/* The item's row, but for how it ended. */
static struct dam_row row_of(const struct dam_task_runner *runner, const struct dam_item *item) {
    struct dam_cell cell;
    bool same = runner->cell.index == item->cell; /* as the last one's */
    if (!same)
        dam_study_cell(runner->study, item->cell, &cell);
    return (struct dam_row){
        .cell = same ? runner->cell.hash : cell.hash,
        .round = item->round,
        .replica = item->replica,
        .start_begin = item->start_begin,
        .start_end = item->start_end,
        .plan = item->plan,
    };
}

static enum dam_status keep(struct dam_task_runner *runner, const struct dam_item *item,
                            double seconds, const struct dam_error *failure,
                            struct dam_error *error) {
    struct dam_row row = row_of(runner, item);
    row.status = item->status;
    row.seconds = seconds;
    bool failed = item->status != DAM_OK;
    const void *payload = failed ? (const void *)failure->text : runner->record;
    size_t size = failed ? strlen(failure->text) : runner->record_size;
    struct dam_entry entry = {
        .item = *item, .file = runner->file, .size = (uint32_t)size, .seconds = seconds};
    enum dam_status status =
        dam_journal_append(runner->journal, &row, payload, entry.size, &entry.offset, error);
    return status == DAM_OK ? dam_ledger_add(runner->rows, &entry, error) : status;
}

/* Note in the journal what is about to run. */
static enum dam_status begin(struct dam_task_runner *runner, const struct dam_item *item,
                             bool alone, struct dam_error *error) {
    struct dam_mark mark = {.row = row_of(runner, item), .alone = alone};
    memcpy(mark.host, runner->host, sizeof mark.host);
    return dam_journal_begin(runner->journal, &mark, error);
}

enum dam_status dam_task_restart(struct dam_task_runner *runner,
                                 const struct dam_restarts *restarts, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t i = 0; status == DAM_OK && i < restarts->count; i++) {
        struct dam_cell cell;
        struct dam_row row = dam_restart_row(restarts->list[i].replica);
        uint64_t offset;
        dam_study_cell(runner->study, restarts->list[i].cell, &cell);
        row.cell = cell.hash;
        status = dam_journal_append(runner->journal, &row, "", 0, &offset, error);
    }
    return status == DAM_OK ? dam_journal_sync(runner->journal, error) : status;
}

enum dam_status dam_task_give_up(struct dam_task_runner *runner, struct dam_item *item,
                                 const struct dam_error *reason, struct dam_error *error) {
    item->status = reason->status;
    return keep(runner, item, 0, reason, error);
}

enum dam_status dam_task_do(struct dam_task_runner *runner, struct dam_item *item,
                            const struct dam_round *plan, bool alone, double *seconds,
                            struct dam_error *error) {
    void *blob;
    size_t blob_size;
    bool had_state, unread;
    struct dam_error failure = {DAM_OK, ""};
    enum dam_status status = begin(runner, item, alone, error);
    if (status != DAM_OK)
        return status;
    item->status =
        run(runner, item, plan, &blob, &blob_size, &had_state, &unread, seconds, &failure);
    if (unread) { /* not the task's fault: it is run again when that can be read */
        *error = failure;
        return failure.status;
    }
    assert(item->status != DAM_OK || (blob != NULL) == runner->kind->keeps_state);
    const struct dam_state left = state_of(runner, item);
    if (item->status == DAM_OK && blob != NULL)
        status = dam_state_write(&left, blob, blob_size, error);
    free(blob);
    if (status == DAM_OK)
        status = keep(runner, item, *seconds, &failure, error);
    if (status == DAM_OK && item->status == DAM_OK && had_state)
        status = remove_blob(runner, item, error);
    return status;
}

enum dam_status dam_task_try(struct dam_task_runner *runner, const struct dam_item *item,
                             const struct dam_round *plan, double *seconds,
                             struct dam_error *error) {
    void *blob;
    size_t blob_size;
    bool had_state, unread;
    enum dam_status status =
        run(runner, item, plan, &blob, &blob_size, &had_state, &unread, seconds, error);
    free(blob);
    return status;
}

enum dam_status dam_task_try_part(struct dam_task_runner *runner, const struct dam_item *item,
                                  const struct dam_round *plan, double *share,
                                  struct dam_error *error) {
    assert(item->round == 0); /* there is no state to begin with */
    enum dam_status status = look_at(runner, item->cell, error);
    if (status != DAM_OK)
        return status;
    struct dam_task task = task_of(runner, item, plan);
    struct dam_result_floats source;
    status = read_source(runner, item, &task, &source, error);
    if (status == DAM_OK) {
        dam_mark_task(runner->label);
        status = runner->kind->part(&task, share, error);
        dam_mark_task(NULL);
    }
    free(source.values);
    return status;
}
