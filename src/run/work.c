#include "run/work.h"
#include "run/agree.h"
#include "run/mail.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TAG_REPORT = 1, TAG_WORK, TAG_DRAIN, TAG_END, TAG_BYE };
enum { BATCH_MAX = 64, CREDITS = 2 };

/* Above this many ranks the coordinator has enough to do with dealing. */
enum { WORKING_COORDINATOR_RANKS = 64 };

/* A batch should last about this long: a rank asks a few times a second. */
static const double batch_seconds = 0.25;

/* What a worker says of a batch: this, `count` finished items, and for kinds with rounds the
 * records of those that succeeded. A report is also a request for the next batch. */
struct report {
    uint32_t count;
    uint32_t drained; /* the rank does no more */
    uint32_t stop;    /* the rank was asked to stop, or cannot go on */
    uint32_t reserved;
    double seconds; /* wall time of the items */
};

struct finished {
    size_t count;
    struct dam_item items[BATCH_MAX];
    double seconds;
    unsigned char *records; /* for kinds with rounds */
    size_t records_size, records_capacity;
};

struct batch {
    size_t count;
    struct dam_item items[BATCH_MAX];
    struct dam_round plans[BATCH_MAX];
};

/* ---- what both sides do ---- */

static bool has_rounds(const struct dam_work *work) {
    return work->runner->kind->more != NULL;
}

static enum dam_status keep_record(struct finished *finished, const void *record, size_t size,
                                   struct dam_error *error) {
    if (finished->records_size + size > finished->records_capacity) {
        size_t capacity = 2 * (finished->records_size + size);
        unsigned char *records = realloc(finished->records, capacity);
        if (records == NULL)
            return dam_fail(error, DAM_MEMORY, "no memory for %zu bytes of records", capacity);
        finished->records = records;
        finished->records_capacity = capacity;
    }
    memcpy(finished->records + finished->records_size, record, size);
    finished->records_size += size;
    return DAM_OK;
}

static enum dam_status do_item(struct dam_work *work, const struct batch *batch, size_t i,
                               struct finished *finished, struct dam_error *error) {
    struct dam_item item = batch->items[i];
    double seconds;
    enum dam_status status = dam_task_do(work->runner, &item, &batch->plans[i], &seconds, error);
    if (status != DAM_OK)
        return status;
    finished->items[finished->count++] = item;
    finished->seconds += seconds;
    if (item.status == DAM_OK && has_rounds(work))
        status = keep_record(finished, work->runner->record, work->runner->record_size, error);
    return status;
}

static void forget(struct finished *finished) {
    finished->count = 0;
    finished->seconds = 0;
    finished->records_size = 0;
}

/* ---- the workers ---- */

struct worker {
    struct dam_work *work;
    struct dam_mail mail;
    struct batch batch;
    struct finished finished;
    bool draining, said_drained, ended;
    enum dam_status status; /* not DAM_OK: this rank cannot go on */
    struct dam_error *error;
};

static void worker_fail(struct worker *worker, enum dam_status status) {
    if (status == DAM_OK || worker->status != DAM_OK)
        return;
    worker->status = status;
    worker->draining = true;
}

static void worker_report(struct worker *worker) {
    struct finished *done = &worker->finished;
    struct report head = {
        .count = (uint32_t)done->count,
        .drained = worker->draining,
        .stop = dam_stop_signalled() || worker->status != DAM_OK,
        .seconds = done->seconds,
    };
    size_t items = done->count * sizeof *done->items;
    size_t size = sizeof head + items + done->records_size;
    char *letter = malloc(size);
    if (letter != NULL) {
        memcpy(letter, &head, sizeof head);
        memcpy(letter + sizeof head, done->items, items);
        if (done->records_size > 0)
            memcpy(letter + sizeof head + items, done->records, done->records_size);
    }
    struct dam_error ignored;
    if (letter == NULL ||
        dam_mail_send(&worker->mail, 0, TAG_REPORT, letter, size, &ignored) != DAM_OK) {
        /* What is left unsaid is in the journal; this rank ends the run. */
        worker_fail(worker, dam_fail(worker->error, DAM_MEMORY, "no memory for a report"));
        head = (struct report){.drained = 1, .stop = 1};
        MPI_Send(&head, sizeof head, MPI_BYTE, 0, TAG_REPORT, worker->mail.comm);
    }
    free(letter);
    worker->said_drained = head.drained;
    forget(done);
}

static void worker_take(struct worker *worker, const struct dam_message *message) {
    struct batch *batch = &worker->batch;
    size_t each = sizeof *batch->items + (has_rounds(worker->work) ? sizeof *batch->plans : 0);
    batch->count = message->size / each;
    assert(batch->count <= BATCH_MAX && batch->count * each == message->size);
    const char *data = message->data;
    size_t items = batch->count * sizeof *batch->items;
    memcpy(batch->items, data, items);
    if (has_rounds(worker->work)) {
        memcpy(batch->plans, data + items, batch->count * sizeof *batch->plans);
        return;
    }
    for (size_t i = 0; i < batch->count; i++)
        batch->plans[i] = (struct dam_round){0};
}

/* Has rank 0 asked to drain? */
static void worker_look(struct worker *worker) {
    struct dam_message message;
    bool found = false;
    if (dam_stop_signalled())
        worker->draining = true;
    worker_fail(worker,
                dam_mail_receive(&worker->mail, TAG_DRAIN, &message, &found, worker->error));
    if (found) {
        worker->draining = true;
        free(message.data);
    }
}

static void worker_do_batch(struct worker *worker) {
    for (size_t i = 0; i < worker->batch.count; i++) {
        worker_look(worker);
        if (worker->draining)
            break;
        worker_fail(worker,
                    do_item(worker->work, &worker->batch, i, &worker->finished, worker->error));
    }
    worker_report(worker);
}

static void worker_step(struct worker *worker) {
    struct dam_message message;
    bool found = false;
    worker_fail(worker,
                dam_mail_receive(&worker->mail, MPI_ANY_TAG, &message, &found, worker->error));
    if (!found) {
        if (dam_stop_signalled())
            worker->draining = true;
        if (worker->draining && !worker->said_drained)
            worker_report(worker);
        dam_mail_rest();
        return;
    }
    if (message.tag == TAG_END)
        worker->ended = true;
    else if (message.tag == TAG_DRAIN)
        worker->draining = true;
    else if (!worker->draining)
        worker_take(worker, &message);
    free(message.data);
    if (message.tag == TAG_WORK && !worker->draining)
        worker_do_batch(worker);
}

static enum dam_status be_worker(struct worker *worker) {
    for (int c = 0; c < CREDITS; c++)
        worker_report(worker);
    while (!worker->ended)
        worker_step(worker);
    struct dam_error ignored;
    if (dam_mail_send(&worker->mail, 0, TAG_BYE, NULL, 0, &ignored) == DAM_OK)
        dam_mail_finish(&worker->mail);
    free(worker->finished.records);
    return worker->status;
}

/* ---- the coordinator ---- */

struct peer {
    int credits; /* batches it could be given */
    bool drained, gone;
};

struct coordinator {
    struct dam_work *work;
    struct dam_mail mail;
    int size;
    struct peer *peers; /* [size]; the first stands for rank 0 itself */
    struct batch batch; /* being sent */
    struct batch own;   /* being done here */
    struct finished finished;
    bool draining;
    enum dam_status status;
    struct dam_error *error;

    double began, looked, written; /* clock: the start, the last look around, the status file */
    uint64_t done_before;          /* by earlier runs */
    double measured, predicted;    /* s, of what was finished in this run */
    struct dam_progress_line line;
    bool told; /* that the status file cannot be written */
};

static void coordinator_drain(struct coordinator *coordinator) {
    if (coordinator->draining)
        return;
    coordinator->draining = true;
    for (int rank = 1; rank < coordinator->size; rank++) {
        enum dam_status status =
            dam_mail_send(&coordinator->mail, rank, TAG_DRAIN, NULL, 0, coordinator->error);
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
        if (has_rounds(work) && items[i].status == DAM_OK) {
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
    struct report head;
    assert(message->size >= sizeof head);
    memcpy(&head, message->data, sizeof head);
    const char *body = (const char *)message->data + sizeof head;
    struct dam_item items[BATCH_MAX];
    assert(head.count <= BATCH_MAX);
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
    return fmin(batch_seconds / scale, left / (4.0 * CREDITS * coordinator->size));
}

static void serve(struct coordinator *coordinator, int rank) {
    struct peer *peer = &coordinator->peers[rank];
    struct batch *batch = &coordinator->batch;
    while (peer->credits > 0 && !coordinator->draining) {
        batch->count = dam_dealer_take(coordinator->work->dealer, batch_length(coordinator),
                                       BATCH_MAX, batch->items, batch->plans);
        if (batch->count == 0)
            return;
        char letter[sizeof batch->items + sizeof batch->plans];
        size_t items = batch->count * sizeof *batch->items, size = items;
        memcpy(letter, batch->items, items);
        if (has_rounds(coordinator->work)) {
            size_t plans = batch->count * sizeof *batch->plans;
            memcpy(letter + items, batch->plans, plans);
            size += plans;
        }
        peer->credits--;
        coordinator_fail(coordinator, dam_mail_send(&coordinator->mail, rank, TAG_WORK, letter,
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
        if (message.tag == TAG_BYE)
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

static bool poll_from_task(void *context) {
    answer(context);
    return false;
}

static bool work_here(struct coordinator *coordinator) {
    struct batch *own = &coordinator->own;
    if (coordinator->draining || coordinator->size > WORKING_COORDINATOR_RANKS)
        return false;
    own->count = dam_dealer_take(coordinator->work->dealer, 0, 1, own->items, own->plans);
    if (own->count == 0)
        return false;
    struct finished *finished = &coordinator->finished;
    coordinator_fail(coordinator, do_item(coordinator->work, own, 0, finished, coordinator->error));
    note_finished(coordinator, finished->items, finished->count, finished->records,
                  finished->seconds);
    forget(finished);
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
            dam_mail_send(&coordinator->mail, rank, TAG_END, NULL, 0, coordinator->error);
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
    dam_progress_line_show(&coordinator->line, &end->progress, true);
    free(coordinator->finished.records);
    return coordinator->status;
}

static enum dam_status lead(struct dam_work *work, struct dam_work_end *end,
                            struct dam_error *error) {
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

static enum dam_status follow(struct dam_work *work, struct dam_error *error) {
    struct worker *worker = calloc(1, sizeof *worker);
    enum dam_status status = DAM_OK;
    if (worker == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory for a batch of tasks");
    status = dam_agree(work->comm, status, error);
    if (status == DAM_OK) {
        worker->work = work;
        worker->mail = dam_mail_new(work->comm);
        worker->error = error;
        status = be_worker(worker);
    }
    free(worker);
    return status;
}

enum dam_status dam_work(struct dam_work *work, struct dam_work_end *end, struct dam_error *error) {
    int rank;
    MPI_Comm_rank(work->comm, &rank);
    *end = (struct dam_work_end){0};
    enum dam_status status = rank == 0 ? lead(work, end, error) : follow(work, error);
    status = dam_agree(work->comm, status, error);
    int drained = end->drained;
    MPI_Bcast(&drained, 1, MPI_INT, 0, work->comm);
    end->drained = drained;
    return status;
}
