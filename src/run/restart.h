/* Chains of rounds that begin anew: those of replicas whose state was lost, so that they cannot go
 * on. All rows that they left are void from then on; a row of no starts in the journal says so,
 * before anything new is done, so that rows and states always fit each other. */
#ifndef DAM_RUN_RESTART_H
#define DAM_RUN_RESTART_H

#include "run/ledger.h"
#include "run/output.h"
#include "run/row.h"
#include <mpi.h>
#include <stdbool.h>

/* A replica whose rows of runs before that of this journal file are void. */
struct dam_restart {
    uint32_t cell, replica;
    uint32_t file; /* its number; DAM_RESTART_NOW: later than all */
};
#define DAM_RESTART_NOW UINT32_MAX

/* A list of them; growing. */
struct dam_restarts {
    struct dam_restart *list;
    size_t count, capacity;
};
enum dam_status dam_restarts_add(struct dam_restarts *restarts, const struct dam_restart *restart,
                                 struct dam_error *error) DAM_CHECKED;
void dam_restarts_destroy(struct dam_restarts *restarts);

/* The row that begins a replica anew, but for its cell's hash. */
struct dam_row dam_restart_row(uint32_t replica);
bool dam_restart_is(const struct dam_row *row);

/* Find the replicas that cannot go on: another round is asked of them, and the state that they left
 * in the one before is missing or damaged. Rounds that other replicas have yet to do are imagined,
 * where the kind can; otherwise it shows when it is the replica's turn. Of complete cells, see that
 * they can be published: with `retry_failed`, replicas whose last state the result needs, and that
 * it can take over from no published one, begin anew as well.
 *
 * States of replicas that have work left, and with `retry_failed` the last ones that the result
 * needs, are read whole, one after the other, at every start; of others it is seen whether they are
 * there. `known` has its records. Fails with DAM_INPUT where a budget was lowered and what the
 * result needs is gone since, or as the kind's reduce() does: the text names the file and the cell.
 * Not collective. */
enum dam_status dam_restarts_find(struct dam_restarts *restarts, const struct dam_known *known,
                                  const struct dam_output_paths *paths, bool retry_failed,
                                  const struct dam_study *study, const struct dam_kind *kind,
                                  struct dam_error *error) DAM_CHECKED;

/* Make every rank's list that of all, and take the rows they declare void out of this rank's
 * ledger. Collective; the same status on every rank. */
enum dam_status dam_restarts_apply(MPI_Comm comm, struct dam_restarts *restarts,
                                   struct dam_ledger *ledger, struct dam_error *error) DAM_CHECKED;

#endif
