/* Taking stock at the start: every row that earlier runs left in the journal folder. */
#ifndef DAM_RUN_LOAD_H
#define DAM_RUN_LOAD_H

#include "run/journal.h"
#include "run/ledger.h"
#include "run/output.h"
#include "run/restart.h"
#include "run/suspect.h"
#include <mpi.h>
#include <stdbool.h>

/* Read the journal files of `folder`, dealt out over the ranks. Afterwards every rank's ledger
 * lists all files, in the same order, and the rows of its own share of them that belong to cells
 * of this study, and `deaths` the marks among them that were not left in order; failed rows are
 * left out when `retry_failed`. Collective; the same status on every rank. Fails with
 * DAM_INPUT when a journal is of another kind, schema, seed or format. */
enum dam_status dam_load(MPI_Comm comm, const char *folder,
                         const struct dam_journal_identity *identity, const struct dam_study *study,
                         bool retry_failed, struct dam_ledger *ledger, struct dam_deaths *deaths,
                         struct dam_error *error) DAM_CHECKED;

/* Are there journal files in this folder? */
bool dam_load_any(const char *folder);

/* All that earlier runs left, on rank 0; nothing elsewhere. */
struct dam_stock {
    struct dam_known known;
    struct dam_suspects suspects;
    struct dam_restarts restarts; /* replicas whose state is lost: on every rank */
    void *gathered;               /* the known items, where they are not the ledger's own */
    const void **records;
    unsigned char *bytes; /* of the records */
};

/* Collective: gather the ranks' ledgers and deaths, with the rows' payloads for kinds with rounds.
 * Sorts the ledger, and may refer to it: it must not change while the stock is used. The deaths
 * are used up. Where a kind keeps states, a replica that cannot go on because the one that it needs
 * is gone begins anew: its rows are left out here and in the ledger; so with `retry_failed` does
 * one that is complete but for its last state. Fails with DAM_DAMAGED when a record has another
 * size than the kind's, DAM_INPUT when the study asks for less than is done and what it asks for is
 * gone. */
enum dam_status dam_stock_new(struct dam_stock *stock, MPI_Comm comm,
                              const struct dam_output_paths *paths, bool retry_failed,
                              struct dam_ledger *ledger, struct dam_deaths *deaths,
                              const struct dam_study *study, const struct dam_kind *kind,
                              struct dam_error *error) DAM_CHECKED;
void dam_stock_destroy(struct dam_stock *stock);

#endif
