/* A cell's rounds as they fill up: records merged over starts, kept by replica.
 *
 * Used where a kind asks for rounds (by the dealer, to decide the next one) and at publishing (to
 * reduce). Merging is exact and commutative, so the order of arrival does not show. */
#ifndef DAM_RUN_HISTORY_H
#define DAM_RUN_HISTORY_H

#include "kinds/kind.h"

struct dam_filling_round {
    struct dam_round plan;
    uint64_t *starts_done;  /* [replicas] */
    unsigned char *records; /* [replicas][record size] */
    uint64_t replicas_done;
    uint32_t *whole;            /* room for dam_history_view: [replicas] */
    const void **whole_records; /* likewise */
};

struct dam_filling {
    const struct dam_kind *kind;
    struct dam_cell cell;
    size_t record_size;
    struct dam_filling_round *rounds;
    struct dam_round_rows *view; /* [round_count] */
    size_t round_count;
};

/* Begin with no rounds. Borrows the kind. */
void dam_filling_begin(struct dam_filling *filling, const struct dam_kind *kind,
                       const struct dam_cell *cell);
void dam_filling_destroy(struct dam_filling *filling);

/* Ask the kind for the next round after the complete ones. *more is false when there is none, and
 * while the last round is not complete. */
enum dam_status dam_filling_next(struct dam_filling *filling, bool *more,
                                 struct dam_error *error) DAM_CHECKED;

/* Add one record, of `starts` starts of a replica, to round `round`. */
void dam_filling_add(struct dam_filling *filling, uint32_t round, uint32_t replica, uint64_t starts,
                     const void *record);

/* Are all replicas of the last round whole? True without rounds. */
bool dam_filling_complete(const struct dam_filling *filling);

/* Has a replica done all starts of a round? */
bool dam_filling_is_whole(const struct dam_filling *filling, size_t round, uint32_t replica);

/* The rounds with their whole replicas. Valid until the next change. */
struct dam_history dam_filling_view(struct dam_filling *filling);

/* The round that a cell begins with: what the kind asks for first, or where it never asks, its only
 * one, of the study's replicas and the kind's starts. No replicas: the cell needs no work. */
struct dam_round dam_first_round(const struct dam_kind *kind, const struct dam_cell *cell);

#endif
