/* Taking stock at the start: every row that earlier runs left in the journal folder. */
#ifndef DAM_RUN_LOAD_H
#define DAM_RUN_LOAD_H

#include "run/journal.h"
#include "run/ledger.h"
#include <mpi.h>
#include <stdbool.h>

/* Read the journal files of `folder`, dealt out over the ranks. Afterwards every rank's ledger
 * lists all files, in the same order, and the rows of its own share of them that belong to cells
 * of this study; failed ones are left out when `retry_failed`. Collective; the same status on
 * every rank. Fails with DAM_INPUT when a journal is of another kind, schema or seed. */
enum dam_status dam_load(MPI_Comm comm, const char *folder,
                         const struct dam_journal_identity *identity, const struct dam_study *study,
                         bool retry_failed, struct dam_ledger *ledger,
                         struct dam_error *error) DAM_CHECKED;

/* Collective: all ranks' entries on rank 0, in dam_item_compare's order, in a fresh array of the
 * caller's (NULL elsewhere). */
enum dam_status dam_load_gather(MPI_Comm comm, const struct dam_ledger *ledger,
                                struct dam_entry **entries, size_t *count,
                                struct dam_error *error) DAM_CHECKED;

/* The payloads of entries, for kinds with rounds: pointers into *bytes, both the caller's. Fails
 * with DAM_DAMAGED when a record has another size than the kind's. */
enum dam_status dam_load_records(const struct dam_ledger *ledger, const struct dam_study *study,
                                 const struct dam_kind *kind, const struct dam_entry *entries,
                                 size_t count, const void ***records, unsigned char **bytes,
                                 struct dam_error *error) DAM_CHECKED;

#endif
