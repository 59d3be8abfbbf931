/* Tasks that were running when their rank died: who is to blame, and for how long it is tried.
 *
 * A fatal signal that a task raised itself counts against it, and from then on it is run alone. A
 * death without a word (SIGKILL, no memory, a node) says little of one task among many: those in
 * hand are run again as if nothing had been; those that were in hand at two such deaths wait for
 * all others, and then run in groups, each time half as large, down to one. Alone, such a death
 * counts too. A task against which DAM_TRIES deaths count is given up: it fails, and the sweep
 * completes around it. */
#ifndef DAM_RUN_SUSPECT_H
#define DAM_RUN_SUSPECT_H

#include "run/ledger.h"
#include "run/mark.h"
#include <stdbool.h>

enum { DAM_TRIES = 3 };

/* A death that left a mark; or a failure that is to be tried again, which wipes out the deaths
 * before it. */
struct dam_death {
    struct dam_item item;           /* its status is unused */
    uint32_t file;                  /* number of the journal, which tells before from after */
    uint32_t alone, ending, signal; /* as in dam_mark; DAM_ENDING_LEFT: to be tried again */
    char host[DAM_HOST_LENGTH];
};

/* A list of them; growing. */
struct dam_deaths {
    struct dam_death *list;
    size_t count, capacity;
};
enum dam_status dam_deaths_add(struct dam_deaths *deaths, const struct dam_death *death,
                               struct dam_error *error) DAM_CHECKED;
void dam_deaths_destroy(struct dam_deaths *deaths);

/* An item that is run after all others. */
struct dam_suspect {
    struct dam_item item;
    uint32_t tries;  /* deaths that count against it */
    uint32_t deaths; /* others that it was part of */
    uint32_t signal; /* of the last that counts; 0: it died without a word */
    size_t company;  /* suspects that may run at a time when it does; 1: it runs alone */
    char host[DAM_HOST_LENGTH];
};

/* In dam_item_compare's order. A suspect whose item is settled meanwhile is never asked for. */
struct dam_suspects {
    struct dam_suspect *list;
    size_t count;
};
enum dam_status dam_suspects_new(struct dam_suspects *suspects, struct dam_deaths *deaths,
                                 struct dam_error *error) DAM_CHECKED;
void dam_suspects_destroy(struct dam_suspects *suspects);

/* The suspect that begins where this item does, or NULL. */
const struct dam_suspect *dam_suspects_find(const struct dam_suspects *suspects,
                                            const struct dam_item *item);

/* Is it not to be run again? *error says why then. */
bool dam_suspect_given_up(const struct dam_suspect *suspect, struct dam_error *error);

#endif
