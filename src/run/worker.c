#include "run/agree.h"
#include "run/batch.h"
#include "run/mail.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    struct dam_work *work;
    struct dam_mail mail;
    struct dam_batch batch;
    struct dam_finished finished;
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
    struct dam_finished *done = &worker->finished;
    struct dam_report head = {
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
        dam_mail_send(&worker->mail, 0, DAM_TAG_REPORT, letter, size, &ignored) != DAM_OK) {
        /* What is left unsaid is in the journal; this rank ends the run. */
        worker_fail(worker, dam_fail(worker->error, DAM_MEMORY, "no memory for a report"));
        head = (struct dam_report){.drained = 1, .stop = 1};
        MPI_Send(&head, sizeof head, MPI_BYTE, 0, DAM_TAG_REPORT, worker->mail.comm);
    }
    free(letter);
    worker->said_drained = head.drained;
    dam_finished_forget(done);
}

static void worker_take(struct worker *worker, const struct dam_message *message) {
    struct dam_batch *batch = &worker->batch;
    struct dam_work_head head;
    assert(message->size >= sizeof head);
    memcpy(&head, message->data, sizeof head);
    batch->count = head.count;
    batch->alone = head.alone;
    size_t each = sizeof *batch->items + (dam_has_rounds(worker->work) ? sizeof *batch->plans : 0);
    assert(batch->count <= DAM_BATCH_MAX && sizeof head + batch->count * each == message->size);
    const char *data = (const char *)message->data + sizeof head;
    size_t items = batch->count * sizeof *batch->items;
    memcpy(batch->items, data, items);
    if (dam_has_rounds(worker->work)) {
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
                dam_mail_receive(&worker->mail, DAM_TAG_DRAIN, &message, &found, worker->error));
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
        worker_fail(worker, dam_batch_do(worker->work, &worker->batch, i, &worker->finished,
                                         worker->error));
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
    if (message.tag == DAM_TAG_END)
        worker->ended = true;
    else if (message.tag == DAM_TAG_DRAIN)
        worker->draining = true;
    else if (!worker->draining)
        worker_take(worker, &message);
    free(message.data);
    if (message.tag == DAM_TAG_WORK && !worker->draining)
        worker_do_batch(worker);
}

static enum dam_status be_worker(struct worker *worker) {
    for (int c = 0; c < DAM_CREDITS; c++)
        worker_report(worker);
    while (!worker->ended)
        worker_step(worker);
    struct dam_error ignored;
    if (dam_mail_send(&worker->mail, 0, DAM_TAG_BYE, NULL, 0, &ignored) == DAM_OK)
        dam_mail_finish(&worker->mail);
    free(worker->finished.records);
    return worker->status;
}

enum dam_status dam_follow(struct dam_work *work, struct dam_error *error) {
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
