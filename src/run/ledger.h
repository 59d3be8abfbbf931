/* The rows that exist: which task each one settles, and where its payload lies.
 *
 * Rows of one (cell, round, replica) may overlap, since `starts` can be lowered and raised between
 * runs. Which of them count is decided by dam_cover alone, for dealing and for publishing. */
#ifndef DAM_RUN_LEDGER_H
#define DAM_RUN_LEDGER_H

#include "kinds/kind.h"
#include "study/study.h"
#include <dam/error.h>
#include <stddef.h>
#include <stdint.h>

/* A range of starts of one replica: the unit of work and of identity. */
struct dam_item {
    uint32_t cell, round, replica;
    uint32_t status; /* enum dam_status, of a finished one */
    uint64_t start_begin, start_end;
    uint64_t plan; /* dam_plan_hash of its round: a row of another plan settles nothing */
};

/* A hash of the kind's own part of a round's plan; 0 where it is empty. Replicas and starts leave
 * it alone, so that raising them keeps what is done. */
uint64_t dam_plan_hash(const struct dam_round *round);

/* A finished item and its payload: `size` bytes at `offset` of journal file `file`. */
struct dam_entry {
    struct dam_item item;
    uint32_t file, size;
    uint64_t offset;
    double seconds;
};

/* What earlier runs settled: items in dam_item_compare's order, each at the beginning of something
 * `stride` bytes long; records[i] is the record of item i, for kinds with rounds only (else NULL).
 */
struct dam_known {
    const void *items;
    size_t count, stride;
    const void *const *records;
};
const struct dam_item *dam_known_item(const struct dam_known *known, size_t i);

/* A growing list of entries, and the journal files they lie in. */
struct dam_ledger {
    struct dam_entry *entries;
    size_t count, capacity;
    char **files;
    size_t file_count;
    uint64_t damaged; /* bytes of the files that belong to no row */
};

enum dam_status dam_ledger_add(struct dam_ledger *ledger, const struct dam_entry *entry,
                               struct dam_error *error) DAM_CHECKED;

/* Note a file; its number is ledger->file_count - 1 afterwards. `path` is copied. */
enum dam_status dam_ledger_add_file(struct dam_ledger *ledger, const char *path,
                                    struct dam_error *error) DAM_CHECKED;

/* Move the entries of `more`, which lie in files that `ledger` lists. */
enum dam_status dam_ledger_join(struct dam_ledger *ledger, struct dam_ledger *more,
                                struct dam_error *error) DAM_CHECKED;

void dam_ledger_destroy(struct dam_ledger *ledger);

/* The order in which items are looked up: by cell, round, replica, begin; at one begin those that
 * succeeded first, and the longer before the shorter. For qsort; entries begin with their item. */
int dam_item_compare(const void *left, const void *right);

/* Of the `count` items of one (cell, round, replica), in dam_item_compare's order and `stride`
 * bytes apart: the one that settles the starts from `begin` on, or NULL. It has this plan, begins
 * there and ends by `starts`; a failed one is taken only when no success is there. */
const struct dam_item *dam_cover(const void *items, size_t count, size_t stride, uint64_t plan,
                                 uint64_t begin, uint64_t starts);

/* Which cell of the study has a given hash. */
struct dam_cell_finder {
    struct dam_cell_place {
        struct dam_hash hash;
        uint32_t cell;
    } * places;
    size_t count;
};
enum dam_status dam_cell_finder_new(struct dam_cell_finder *finder, const struct dam_study *study,
                                    struct dam_error *error) DAM_CHECKED;
void dam_cell_finder_destroy(struct dam_cell_finder *finder);

/* The cell's index, or UINT32_MAX. */
uint32_t dam_cell_find(const struct dam_cell_finder *finder, const struct dam_hash *hash);

#endif
