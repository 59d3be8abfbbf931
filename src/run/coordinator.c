#include "run/agree.h"
#include "run/batch.h"
#include "run/mail.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Above this many ranks the coordinator has enough to do with dealing. */
enum { WORKING_COORDINATOR_RANKS = 64 };

/* A batch should last about this long: a rank asks a few times a second. */
static const double batch_seconds = 0.25;

struct peer {
    int credits; /* batches it could be given */
    bool drained, gone;
};

struct coordinator {
    struct dam_work *work;
    struct dam_mail mail;
    int size;
    struct peer *peers;     /* [size]; the first stands for rank 0 itself */
    struct dam_batch batch; /* being sent */
    struct dam_batch own;   /* being done here */
    struct dam_finished finished;
    bool draining;
    enum dam_status status;
    struct dam_error *error;

    /* Clock: the start, and the last answer from within a task, look around, status file. */
    double began, answered, looked, written;
    uint64_t done_before;       /* by earlier runs */
    double measured, predicted; /* s, of what was finished in this run */
    struct dam_progress_line line;
    bool told; /* that the status file cannot be written */
};

static void coordinator_drain(struct coordinator *coordinator) {
    if (coordinator->draining)
        return;
    coordinator->draining = true;
    for (int rank = 1; rank < coordinator->size; rank++) {
        enum dam_status status =
            dam_mail_send(&coordinator->mail, rank, DAM_TAG_DRAIN, NULL, 0, coordinator->error);
        if (status != DAM_OK && coordinator->status == DAM_OK)
            coordinator->status = status;
    }
}

static void coordinator_fail(struct coordinator *coordinator, enum dam_status status) {
    if (status == DAM_OK)
        return;
    if (coordinator->status == DAM_OK)
        coordinator->status = status;
    coordinator_drain(coordinator);
}

static struct dam_progress progress_now(const struct coordinator *coordinator,
                                        enum dam_phase phase) {
    struct dam_dealer_counts counts = dam_dealer_counts(coordinator->work->dealer);
    double elapsed = dam_clock() - coordinator->began;
    uint64_t here = counts.done - coordinator->done_before;
    double scale =
        coordinator->predicted > 0 ? coordinator->measured / coordinator->predicted : (double)NAN;
    return (struct dam_progress){
        .phase = phase,
        .total = counts.total,
        .done = counts.done,
        .failed = counts.failed,
        .cells = coordinator->work->runner->study->cell_count,
        .cells_done = counts.cells_done,
        .open = dam_has_rounds(coordinator->work),
        .ranks = coordinator->size,
        .rate = elapsed > 0 ? (double)here / elapsed : 0,
        .elapsed = elapsed,
        .remaining =
            counts.done == counts.total ? 0 : scale * counts.seconds_left / coordinator->size,
        .updated = (int64_t)time(NULL),
    };
}

/* A few times a second: show progress, look for requests to stop. */
static void look_around(struct coordinator *coordinator) {
    double now = dam_clock();
    if (now - coordinator->looked < 0.1)
        return;
    coordinator->looked = now;
    struct dam_work *work = coordinator->work;
    if (now >= work->deadline.at || dam_stop_signalled() || access(work->stop_path, F_OK) == 0)
        coordinator_drain(coordinator);
    struct dam_progress progress =
        progress_now(coordinator, coordinator->draining ? DAM_PHASE_DRAINING : DAM_PHASE_RUNNING);
    dam_progress_line_show(&coordinator->line, &progress, false);
    if (now - coordinator->written < 1)
        return;
    coordinator->written = now;
    dam_progress_publish(work->status_path, &progress, &coordinator->told);
}

static void note_finished(struct coordinator *coordinator, const struct dam_item *items,
                          size_t count, const unsigned char *records, double seconds) {
    struct dam_work *work = coordinator->work;
    coordinator->measured += seconds;
    for (size_t i = 0; i < count; i++) {
        const void *record = records;
        if (dam_has_rounds(work) && items[i].status == DAM_OK) {
            struct dam_cell cell;
            dam_study_cell(work->runner->study, items[i].cell, &cell);
            records += work->runner->kind->record_size(&cell);
        }
        coordinator->predicted += dam_dealer_seconds(work->dealer, &items[i]);
        coordinator_fail(coordinator,
                         dam_dealer_finish(work->dealer, &items[i], record, coordinator->error));
        if (items[i].status != DAM_OK && work->fail_fast)
            coordinator_drain(coordinator);
    }
}

static void hear_report(struct coordinator *coordinator, const struct dam_message *message) {
    struct dam_report head;
    assert(message->size >= sizeof head);
    memcpy(&head, message->data, sizeof head);
    const char *body = (const char *)message->data + sizeof head;
    struct dam_item items[DAM_BATCH_MAX];
    assert(head.count <= DAM_BATCH_MAX);
    memcpy(items, body, head.count * sizeof *items);
    struct peer *peer = &coordinator->peers[message->from];
    peer->credits++;
    peer->drained = head.drained;
    note_finished(coordinator, items, head.count,
                  (const unsigned char *)body + head.count * sizeof *items, head.seconds);
    if (head.stop)
        coordinator_drain(coordinator);
}

/* A share of what is left: large batches first, single tasks at the end, so that no rank is left
 * alone with much. */
static double batch_length(const struct coordinator *coordinator) {
    double left = dam_dealer_counts(coordinator->work->dealer).seconds_left;
    double scale = coordinator->predicted > 0 ? coordinator->measured / coordinator->predicted : 1;
    return fmin(batch_seconds / scale, left / (4.0 * DAM_CREDITS * coordinator->size));
}

/* What to do next; a task that is given up is settled on the way. */
static void next_batch(struct coordinator *coordinator, double seconds, size_t most,
                       struct dam_batch *batch) {
    struct dam_work *work = coordinator->work;
    for (;;) {
        const struct dam_suspect *suspect;
        struct dam_error reason;
        batch->count =
            dam_dealer_take(work->dealer, seconds, most, batch->items, batch->plans, &suspect);
        batch->alone = suspect != NULL && suspect->company == 1;
        if (suspect == NULL || !dam_suspect_given_up(suspect, &reason))
            return;
        coordinator_fail(coordinator,
                         dam_task_give_up(work->runner, batch->items, &reason, coordinator->error));
        note_finished(coordinator, batch->items, 1, NULL, 0);
    }
}

static void serve(struct coordinator *coordinator, int rank) {
    struct peer *peer = &coordinator->peers[rank];
    struct dam_batch *batch = &coordinator->batch;
    while (peer->credits > 0 && !coordinator->draining) {
        next_batch(coordinator, batch_length(coordinator), DAM_BATCH_MAX, batch);
        if (batch->count == 0)
            return;
        struct dam_work_head head = {(uint32_t)batch->count, batch->alone};
        char letter[sizeof head + sizeof batch->items + sizeof batch->plans];
        size_t items = batch->count * sizeof *batch->items, size = sizeof head + items;
        memcpy(letter, &head, sizeof head);
        memcpy(letter + sizeof head, batch->items, items);
        if (dam_has_rounds(coordinator->work)) {
            size_t plans = batch->count * sizeof *batch->plans;
            memcpy(letter + size, batch->plans, plans);
            size += plans;
        }
        peer->credits--;
        coordinator_fail(coordinator, dam_mail_send(&coordinator->mail, rank, DAM_TAG_WORK, letter,
                                                    size, coordinator->error));
    }
}

/* Read every message that has arrived and give work to who can take it. True when there was one. */
static bool answer(struct coordinator *coordinator) {
    bool any = false, found = true;
    while (found) {
        struct dam_message message;
        coordinator_fail(coordinator, dam_mail_receive(&coordinator->mail, MPI_ANY_TAG, &message,
                                                       &found, coordinator->error));
        if (!found)
            break;
        any = true;
        if (message.tag == DAM_TAG_BYE)
            coordinator->peers[message.from].gone = true;
        else
            hear_report(coordinator, &message);
        free(message.data);
    }
    for (int rank = 1; rank < coordinator->size; rank++)
        serve(coordinator, rank);
    look_around(coordinator);
    return any;
}

/* Polls may come every few microseconds, and looking for messages is not free. */
static bool poll_from_task(void *context) {
    struct coordinator *coordinator = context;
    double now = dam_clock();
    if (now - coordinator->answered < 5e-4)
        return false;
    coordinator->answered = now;
    answer(coordinator);
    return false;
}

static bool work_here(struct coordinator *coordinator) {
    struct dam_batch *own = &coordinator->own;
    if (coordinator->draining || coordinator->size > WORKING_COORDINATOR_RANKS)
        return false;
    next_batch(coordinator, 0, 1, own);
    if (own->count == 0)
        return false;
    struct dam_finished *finished = &coordinator->finished;
    coordinator_fail(coordinator,
                     dam_batch_do(coordinator->work, own, 0, finished, coordinator->error));
    note_finished(coordinator, finished->items, finished->count, finished->records,
                  finished->seconds);
    dam_finished_forget(finished);
    return true;
}

static bool all(const struct coordinator *coordinator, bool gone) {
    for (int rank = 1; rank < coordinator->size; rank++)
        if (!(gone ? coordinator->peers[rank].gone : coordinator->peers[rank].drained))
            return false;
    return true;
}

static void coordinate(struct coordinator *coordinator) {
    struct dam_dealer *dealer = coordinator->work->dealer;
    while (coordinator->draining ? !all(coordinator, false) : !dam_dealer_finished(dealer)) {
        bool any = answer(coordinator);
        if (!work_here(coordinator) && !any)
            dam_mail_rest();
    }
    for (int rank = 1; rank < coordinator->size; rank++) {
        enum dam_status status =
            dam_mail_send(&coordinator->mail, rank, DAM_TAG_END, NULL, 0, coordinator->error);
        if (status != DAM_OK && coordinator->status == DAM_OK)
            coordinator->status = status;
    }
    while (!all(coordinator, true))
        if (!answer(coordinator))
            dam_mail_rest();
}

static enum dam_status be_coordinator(struct coordinator *coordinator, struct dam_work_end *end) {
    struct dam_work *work = coordinator->work;
    work->runner->poll = (struct dam_poll){poll_from_task, coordinator};
    coordinate(coordinator);
    work->runner->poll = (struct dam_poll){0};
    dam_mail_finish(&coordinator->mail);
    end->drained = !dam_dealer_finished(work->dealer);
    end->progress = progress_now(coordinator, DAM_PHASE_PUBLISHING);
    end->told = coordinator->told;
    dam_progress_line_show(&coordinator->line, &end->progress, true);
    free(coordinator->finished.records);
    return coordinator->status;
}

enum dam_status dam_lead(struct dam_work *work, struct dam_work_end *end, struct dam_error *error) {
    int size;
    MPI_Comm_size(work->comm, &size);
    struct coordinator *coordinator = calloc(1, sizeof *coordinator);
    struct peer *peers = calloc((size_t)size, sizeof *peers);
    enum dam_status status = DAM_OK;
    if (coordinator == NULL || peers == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory to coordinate %d ranks", size);
    status = dam_agree(work->comm, status, error);
    if (status == DAM_OK) {
        *coordinator = (struct coordinator){
            .work = work,
            .mail = dam_mail_new(work->comm),
            .size = size,
            .peers = peers,
            .error = error,
            .began = dam_clock(),
            .looked = -INFINITY,
            .written = -INFINITY,
            .done_before = dam_dealer_counts(work->dealer).done,
            .line = dam_progress_line_new(),
        };
        status = be_coordinator(coordinator, end);
    }
    free(peers);
    free(coordinator);
    return status;
}
