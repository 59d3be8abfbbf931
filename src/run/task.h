/* Doing one item: run it, journal its row, keep its state blob. */
#ifndef DAM_RUN_TASK_H
#define DAM_RUN_TASK_H

#include "kinds/kind.h"
#include "run/from.h"
#include "run/journal.h"
#include "run/ledger.h"
#include "run/restart.h"
#include <stdbool.h>

/* What a rank needs to do items. Borrows all of it. */
struct dam_task_runner {
    const struct dam_study *study;
    const struct dam_kind *kind;
    const char *folder; /* of the journal */
    struct dam_journal *journal;
    const struct dam_ledger *ledger; /* the rows of earlier runs */
    struct dam_ledger *rows;         /* of this one, which lie in file number `file` */
    uint32_t file;
    struct dam_poll poll;

    struct dam_cell cell;            /* of the last item */
    char label[DAM_IDENTITY_LENGTH]; /* its parameters */
    void *record;                    /* of the last item, record_size bytes */
    size_t record_size;
    struct dam_from from; /* of the last item that read another result */
    char host[DAM_HOST_LENGTH];
};

/* index SIZE_MAX: no cell yet. */
struct dam_task_runner dam_task_runner_new(const struct dam_study *study,
                                           const struct dam_kind *kind);
void dam_task_runner_destroy(struct dam_task_runner *runner);

/* Remove the state blobs that the rows of the runner's ledger supersede: a run that is killed
 * between the two leaves them. */
enum dam_status dam_task_tidy(const struct dam_task_runner *runner,
                              struct dam_error *error) DAM_CHECKED;

/* Journal, and bring to disk, that these replicas begin anew. */
enum dam_status dam_task_restart(struct dam_task_runner *runner,
                                 const struct dam_restarts *restarts,
                                 struct dam_error *error) DAM_CHECKED;

/* Run an item and journal its row; item->status becomes the task's. `alone`: no other task is
 * running. *seconds is its wall time. A task that fails fails alone: only a failure to keep the row
 * is returned, or to read what it needs: the replica of a state that is lost meanwhile begins anew
 * at the next start. */
enum dam_status dam_task_do(struct dam_task_runner *runner, struct dam_item *item,
                            const struct dam_round *plan, bool alone, double *seconds,
                            struct dam_error *error) DAM_CHECKED;

/* Journal an item as failed without running it. */
enum dam_status dam_task_give_up(struct dam_task_runner *runner, struct dam_item *item,
                                 const struct dam_error *reason,
                                 struct dam_error *error) DAM_CHECKED;

/* Only run it, into runner->record, without state or journal: for calibration. Returns the task's
 * own status. */
enum dam_status dam_task_try(struct dam_task_runner *runner, const struct dam_item *item,
                             const struct dam_round *plan, double *seconds,
                             struct dam_error *error) DAM_CHECKED;

/* The same of a part of an item of the first round, which is *share of a start, by the kind's
 * part(). */
enum dam_status dam_task_try_part(struct dam_task_runner *runner, const struct dam_item *item,
                                  const struct dam_round *plan, double *share,
                                  struct dam_error *error) DAM_CHECKED;

#endif
