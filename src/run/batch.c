#include "run/batch.h"
#include <stdlib.h>
#include <string.h>

bool dam_has_rounds(const struct dam_work *work) {
    return work->runner->kind->more != NULL;
}

static enum dam_status keep_record(struct dam_finished *finished, const void *record, size_t size,
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

enum dam_status dam_batch_do(struct dam_work *work, const struct dam_batch *batch, size_t i,
                             struct dam_finished *finished, struct dam_error *error) {
    struct dam_item item = batch->items[i];
    double seconds;
    enum dam_status status =
        dam_task_do(work->runner, &item, &batch->plans[i], batch->alone, &seconds, error);
    if (status != DAM_OK)
        return status;
    finished->items[finished->count++] = item;
    finished->seconds += seconds;
    if (item.status == DAM_OK && dam_has_rounds(work))
        status = keep_record(finished, work->runner->record, work->runner->record_size, error);
    return status;
}

void dam_finished_forget(struct dam_finished *finished) {
    finished->count = 0;
    finished->seconds = 0;
    finished->records_size = 0;
}
