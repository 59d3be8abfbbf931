/* What the coordinator and the workers say to each other, and doing a batch's items. */
#ifndef DAM_RUN_BATCH_H
#define DAM_RUN_BATCH_H

#include "run/work.h"

enum { DAM_TAG_REPORT = 1, DAM_TAG_WORK, DAM_TAG_DRAIN, DAM_TAG_END, DAM_TAG_BYE };
/* Items of a batch, at most; batches a worker may hold. */
enum { DAM_BATCH_MAX = 64, DAM_CREDITS = 2 };

/* What a worker says of a batch: this, `count` finished items, and for kinds with rounds the
 * records of those that succeeded. A report is also a request for the next batch. */
struct dam_report {
    uint32_t count;
    uint32_t drained; /* the rank does no more */
    uint32_t stop;    /* the rank was asked to stop, or cannot go on */
    uint32_t reserved;
    double seconds; /* wall time of the items */
};

struct dam_finished {
    size_t count;
    struct dam_item items[DAM_BATCH_MAX];
    double seconds;
    unsigned char *records; /* for kinds with rounds */
    size_t records_size, records_capacity;
};

/* A letter with work: this, `count` items and, for kinds with rounds, their plans. */
struct dam_work_head {
    uint32_t count;
    uint32_t alone; /* no other item is in hand anywhere */
};

struct dam_batch {
    size_t count;
    bool alone;
    struct dam_item items[DAM_BATCH_MAX];
    struct dam_round plans[DAM_BATCH_MAX];
};

/* Do the kind's records travel with the reports, and its plans with the batches? */
bool dam_has_rounds(const struct dam_work *work);

/* Do item i of a batch and note it as finished. Fails only when its row cannot be kept. */
enum dam_status dam_batch_do(struct dam_work *work, const struct dam_batch *batch, size_t i,
                             struct dam_finished *finished, struct dam_error *error) DAM_CHECKED;

/* Empty it, when it has been reported. */
void dam_finished_forget(struct dam_finished *finished);

/* The two sides. Collective with each other: rank 0 leads, all others follow. The status is the
 * rank's own. */
enum dam_status dam_lead(struct dam_work *work, struct dam_work_end *end,
                         struct dam_error *error) DAM_CHECKED;
enum dam_status dam_follow(struct dam_work *work, struct dam_error *error) DAM_CHECKED;

#endif
