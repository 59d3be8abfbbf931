/* Reading rows' payloads from the journal files they lie in. */
#ifndef DAM_RUN_PAYLOAD_H
#define DAM_RUN_PAYLOAD_H

#include "run/ledger.h"

/* Rows are read in the cells' order, which jumps between files: they stay open, but for a process's
 * limit on open files. Borrows the ledger's list of files, which must not grow meanwhile. */
struct dam_payload_reader {
    const struct dam_ledger *ledger;
    int *descriptors; /* [file_count], -1: not open */
    size_t open_count;
};

enum dam_status dam_payload_reader_new(struct dam_payload_reader *reader,
                                       const struct dam_ledger *ledger,
                                       struct dam_error *error) DAM_CHECKED;
void dam_payload_reader_destroy(struct dam_payload_reader *reader);

/* Read entry->size bytes. */
enum dam_status dam_payload_read(struct dam_payload_reader *reader, const struct dam_entry *entry,
                                 void *payload, struct dam_error *error) DAM_CHECKED;

#endif
