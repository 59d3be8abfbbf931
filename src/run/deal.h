/* Which task comes next: longest first by predicted cost, nothing twice, rounds in their turn.
 *
 * Pure bookkeeping on one rank, without MPI or files, so that `dam plan` simulates with the very
 * code that runs. What is dealt when has no influence on any result. */
#ifndef DAM_RUN_DEAL_H
#define DAM_RUN_DEAL_H

#include "kinds/kind.h"
#include "run/history.h"
#include "run/ledger.h"
#include "run/suspect.h"
#include "study/study.h"

struct dam_dealer;

/* Borrows the study, the kind, what earlier runs settled (failed items among them are settled too)
 * and the suspects; both may be NULL. */
enum dam_status dam_dealer_new(struct dam_dealer **dealer, const struct dam_study *study,
                               const struct dam_kind *kind, const struct dam_known *known,
                               const struct dam_suspects *suspects,
                               struct dam_error *error) DAM_CHECKED;
void dam_dealer_destroy(struct dam_dealer *dealer);

/* Take items whose predicted time adds up to about `seconds`, at least one where there is one and
 * at most `most`. Returns how many. 0: nothing can be dealt now. plans[i] is item i's round.
 * Suspects are held back until all else is finished, and dealt one by one, no more at a time than
 * they allow: *suspect is then that one of the list, else NULL. */
size_t dam_dealer_take(struct dam_dealer *dealer, double seconds, size_t most,
                       struct dam_item *items, struct dam_round *plans,
                       const struct dam_suspect **suspect);

/* An item that was taken is finished. `record` is its payload, needed for kinds with rounds when
 * it succeeded. Completing a round may make the next one ready. */
enum dam_status dam_dealer_finish(struct dam_dealer *dealer, const struct dam_item *item,
                                  const void *record, struct dam_error *error) DAM_CHECKED;

/* Nothing is left to deal, and nothing dealt is unfinished. */
bool dam_dealer_finished(const struct dam_dealer *dealer);

struct dam_dealer_counts {
    uint64_t total, done, failed; /* items of all rounds known so far */
    uint64_t cells_done;          /* cells that nothing is left of, nor will be */
    double seconds_left;          /* predicted, of the known items that are not finished */
};
struct dam_dealer_counts dam_dealer_counts(const struct dam_dealer *dealer);

/* The predicted time of an item on the reference core. */
double dam_dealer_seconds(const struct dam_dealer *dealer, const struct dam_item *item);

/* The round that this cell is in; valid until the dealer is used again. */
const struct dam_round *dam_dealer_round(struct dam_dealer *dealer, uint32_t cell);

/* Items of a round of this cost, and the predicted time of all of them. */
uint64_t dam_round_items(const struct dam_cost *cost, const struct dam_round *round);
double dam_round_seconds(const struct dam_cost *cost, const struct dam_round *round);

/* Starts in a block of this cell: enough to make a block last a good while and to make set-up
 * cheap. A function of the cell alone. */
uint64_t dam_block_starts(const struct dam_cost *cost);

#endif
