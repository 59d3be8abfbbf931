#include "run/deal.h"
#include "run/grow.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A block should last about this long, so that a kill costs little, and be this many times the
 * set-up it repeats. */
static const double block_seconds = 0.1, setup_times = 30;

/* Where a cell is. Kept small: there is one for each cell of the grid. */
struct place {
    uint32_t round;
    uint32_t replica;    /* the cursor: next replica ... */
    uint64_t start;      /* ... and start to look at */
    uint64_t unfinished; /* items of this round that are not settled, ... */
    uint64_t undealt;    /* ... and of those the ones that were not taken: the heap has the cell */
    float item_seconds;  /* of a whole block, for the order of dealing */
    uint32_t failed;     /* items of this round that failed: no further round */
};

struct dam_dealer {
    const struct dam_study *study;
    const struct dam_kind *kind;
    struct dam_known known;
    size_t *known_from; /* [cells + 1]: where a cell's known items begin */
    const struct dam_suspects *suspects;

    struct place *places;         /* [cells] */
    struct dam_filling *fillings; /* [cells], for kinds with rounds */
    uint32_t *heap;               /* ready cells, the longest item first */
    size_t heap_count;

    /* Of the cell whose items are being taken. */
    struct dam_cell cell;
    struct dam_cost cost;
    uint64_t block;
    struct dam_round plan;
    uint64_t plan_hash;

    /* Suspects that are held back, the next one last. */
    struct held {
        struct dam_item item;
        struct dam_round plan;
        const struct dam_suspect *suspect;
    } * held;
    size_t held_count, held_capacity;
    uint64_t suspects_in_hand;

    uint64_t total, done, failed, in_hand; /* items; in hand: taken and not finished */
    uint64_t cells_done;
    double seconds_left;
};

uint64_t dam_block_starts(const struct dam_cost *cost) {
    double seconds = fmax(block_seconds, setup_times * cost->replica_seconds);
    double starts = floor(seconds / cost->start_seconds);
    return starts < 1 ? 1 : starts > 1e9 ? 1000000000 : (uint64_t)starts;
}

uint64_t dam_round_items(const struct dam_cost *cost, const struct dam_round *round) {
    uint64_t block = dam_block_starts(cost);
    return round->replicas * (round->starts / block + (round->starts % block > 0));
}

double dam_round_seconds(const struct dam_cost *cost, const struct dam_round *round) {
    return round->replicas * cost->start_seconds * (double)round->starts +
           (double)dam_round_items(cost, round) * cost->replica_seconds;
}

static double item_seconds(const struct dam_cost *cost, const struct dam_item *item) {
    return cost->replica_seconds +
           cost->start_seconds * (double)(item->start_end - item->start_begin);
}

/* Make `index` the cell at hand. */
static void look_at(struct dam_dealer *dealer, uint32_t index) {
    if (dealer->cell.index == index)
        return;
    dam_study_cell(dealer->study, index, &dealer->cell);
    dealer->kind->cost(&dealer->cell, &dealer->cost);
    dealer->block = dam_block_starts(&dealer->cost);
}

static void look_at_round(struct dam_dealer *dealer, uint32_t index) {
    look_at(dealer, index);
    dealer->plan = dealer->fillings == NULL
                       ? dam_first_round(dealer->kind, &dealer->cell)
                       : dealer->fillings[index].rounds[dealer->places[index].round].plan;
    dealer->plan_hash = dam_plan_hash(&dealer->plan);
}

/* The known items of a replica: a part of the cell's, which is small. */
static const struct dam_item *known_of(const struct dam_dealer *dealer, uint32_t cell,
                                       uint32_t round, uint32_t replica, size_t *count) {
    const struct dam_known *known = &dealer->known;
    size_t low = dealer->known_from[cell], end = dealer->known_from[cell + 1], high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct dam_item *item = dam_known_item(known, middle);
        bool before = item->round < round || (item->round == round && item->replica < replica);
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    for (*count = 0; low + *count < end; ++*count) {
        const struct dam_item *item = dam_known_item(known, low + *count);
        if (item->round != round || item->replica != replica)
            break;
    }
    return dam_known_item(known, low);
}

/* The next item of the cell at hand, at or after the cursor, which moves past it; *settled is the
 * known item that covers it, if one does. False at the round's end. */
static bool advance(struct dam_dealer *dealer, struct place *place, struct dam_item *item,
                    const struct dam_item **settled) {
    const struct dam_round *plan = &dealer->plan;
    if (place->replica >= plan->replicas)
        return false;
    uint32_t cell = (uint32_t)dealer->cell.index;
    size_t count = 0;
    const struct dam_item *known = NULL;
    if (dealer->known.count > 0)
        known = known_of(dealer, cell, place->round, place->replica, &count);
    *settled = dam_cover(known, count, dealer->known.stride, dealer->plan_hash, place->start,
                         plan->starts);
    uint64_t end = (place->start / dealer->block + 1) * dealer->block;
    *item = (struct dam_item){.cell = cell,
                              .round = place->round,
                              .replica = place->replica,
                              .plan = dealer->plan_hash,
                              .start_begin = place->start,
                              .start_end = end < plan->starts ? end : plan->starts};
    if (*settled != NULL)
        item->start_end = (*settled)->start_end;
    place->start = item->start_end;
    if (place->start == plan->starts) {
        place->start = 0;
        place->replica++;
    }
    return true;
}

static bool before(const struct dam_dealer *dealer, uint32_t left, uint32_t right) {
    float a = dealer->places[left].item_seconds, b = dealer->places[right].item_seconds;
    return a > b || (a == b && left < right);
}

static void push(struct dam_dealer *dealer, uint32_t cell) {
    size_t at = dealer->heap_count++;
    while (at > 0 && before(dealer, cell, dealer->heap[(at - 1) / 2])) {
        dealer->heap[at] = dealer->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    dealer->heap[at] = cell;
}

static void pop(struct dam_dealer *dealer) {
    uint32_t cell = dealer->heap[--dealer->heap_count];
    size_t at = 0;
    for (size_t child = 1; child < dealer->heap_count; child = 2 * at + 1) {
        if (child + 1 < dealer->heap_count &&
            before(dealer, dealer->heap[child + 1], dealer->heap[child]))
            child++;
        if (!before(dealer, dealer->heap[child], cell))
            break;
        dealer->heap[at] = dealer->heap[child];
        at = child;
    }
    dealer->heap[at] = cell;
}

/* Note a known item of a round that is being counted. */
static void count_known(struct dam_dealer *dealer, uint32_t index, const struct dam_item *settled) {
    dealer->done++;
    if (settled->status != DAM_OK) {
        dealer->failed++;
        dealer->places[index].failed++;
    } else if (dealer->fillings != NULL) {
        const struct dam_known *known = &dealer->known;
        size_t i = (size_t)((const char *)settled - (const char *)known->items) / known->stride;
        dam_filling_add(&dealer->fillings[index], settled->round, settled->replica,
                        settled->start_end - settled->start_begin, known->records[i]);
    }
}

/* Count the round the cell at hand has come to. */
static void count_round(struct dam_dealer *dealer, uint32_t index) {
    struct place *place = &dealer->places[index];
    place->replica = 0;
    place->start = 0;
    place->unfinished = place->undealt = 0;
    struct dam_item item = {.start_end = dealer->block < dealer->plan.starts ? dealer->block
                                                                             : dealer->plan.starts};
    place->item_seconds = (float)item_seconds(&dealer->cost, &item);
    if (dealer->known_from[index] == dealer->known_from[index + 1]) {
        place->unfinished = place->undealt = dam_round_items(&dealer->cost, &dealer->plan);
        dealer->total += place->unfinished;
        dealer->seconds_left += dam_round_seconds(&dealer->cost, &dealer->plan);
        return;
    }
    const struct dam_item *settled;
    while (advance(dealer, place, &item, &settled)) {
        dealer->total++;
        if (settled != NULL) {
            count_known(dealer, index, settled);
        } else {
            place->unfinished++;
            place->undealt++;
            dealer->seconds_left += item_seconds(&dealer->cost, &item);
        }
    }
    place->replica = 0;
    place->start = 0;
}

static enum dam_status end_cell(struct dam_dealer *dealer) {
    dealer->cells_done++;
    return DAM_OK;
}

/* Go through the rounds of a cell that are complete already, up to one with work to do. */
static enum dam_status open_cell(struct dam_dealer *dealer, uint32_t index,
                                 struct dam_error *error) {
    struct place *place = &dealer->places[index];
    for (;;) {
        bool more = place->round == 0;
        if (dealer->fillings != NULL) {
            enum dam_status status = dam_filling_next(&dealer->fillings[index], &more, error);
            if (status != DAM_OK)
                return status;
            if (more)
                place->round = (uint32_t)dealer->fillings[index].round_count - 1;
        }
        if (!more)
            return end_cell(dealer);
        look_at_round(dealer, index);
        count_round(dealer, index);
        if (place->unfinished > 0) {
            push(dealer, index);
            return DAM_OK;
        }
        if (dealer->fillings == NULL || place->failed > 0)
            return end_cell(dealer);
    }
}

static enum dam_status allocate(struct dam_dealer *dealer, struct dam_error *error) {
    size_t cells = dealer->study->cell_count;
    dealer->places = calloc(cells, sizeof *dealer->places);
    dealer->heap = calloc(cells, sizeof *dealer->heap);
    dealer->known_from = calloc(cells + 1, sizeof *dealer->known_from);
    bool rounds = dealer->kind->more != NULL;
    if (rounds)
        dealer->fillings = calloc(cells, sizeof *dealer->fillings);
    if (dealer->places == NULL || dealer->heap == NULL || dealer->known_from == NULL ||
        (rounds && dealer->fillings == NULL))
        return dam_fail(error, DAM_MEMORY, "no memory to deal out %zu cells", cells);
    for (size_t i = 0; i < dealer->known.count; i++)
        dealer->known_from[dam_known_item(&dealer->known, i)->cell + 1]++;
    for (size_t c = 0; c < cells; c++)
        dealer->known_from[c + 1] += dealer->known_from[c];
    return DAM_OK;
}

enum dam_status dam_dealer_new(struct dam_dealer **made, const struct dam_study *study,
                               const struct dam_kind *kind, const struct dam_known *known,
                               const struct dam_suspects *suspects, struct dam_error *error) {
    struct dam_dealer *dealer = calloc(1, sizeof *dealer);
    if (dealer == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to deal out tasks");
    dealer->study = study;
    dealer->kind = kind;
    if (known != NULL)
        dealer->known = *known;
    dealer->suspects = suspects;
    dealer->cell.index = SIZE_MAX;
    enum dam_status status = allocate(dealer, error);
    for (size_t c = 0; status == DAM_OK && c < study->cell_count; c++) {
        if (dealer->fillings != NULL) {
            look_at(dealer, (uint32_t)c);
            dam_filling_begin(&dealer->fillings[c], kind, &dealer->cell);
        }
        status = open_cell(dealer, (uint32_t)c, error);
    }
    if (status != DAM_OK) {
        dam_dealer_destroy(dealer);
        return status;
    }
    *made = dealer;
    return DAM_OK;
}

void dam_dealer_destroy(struct dam_dealer *dealer) {
    if (dealer == NULL)
        return;
    for (size_t c = 0; dealer->fillings != NULL && c < dealer->study->cell_count; c++)
        dam_filling_destroy(&dealer->fillings[c]);
    free(dealer->fillings);
    free(dealer->places);
    free(dealer->heap);
    free(dealer->known_from);
    free(dealer->held);
    free(dealer);
}

/* Put a suspect aside. Where there is no memory for that it is dealt like any other. */
static bool hold_back(struct dam_dealer *dealer, const struct dam_item *item) {
    const struct dam_suspect *suspect =
        dealer->suspects == NULL ? NULL : dam_suspects_find(dealer->suspects, item);
    if (suspect == NULL)
        return false;
    struct held *held =
        dam_grow(dealer->held, dealer->held_count, &dealer->held_capacity, sizeof *held);
    if (held == NULL)
        return false;
    dealer->held = held;
    dealer->held[dealer->held_count++] = (struct held){*item, dealer->plan, suspect};
    return true;
}

/* The least suspect last. */
static int compare_held(const void *left, const void *right) {
    const struct dam_suspect *a = ((const struct held *)left)->suspect;
    const struct dam_suspect *b = ((const struct held *)right)->suspect;
    if (a->tries != b->tries)
        return a->tries > b->tries ? -1 : 1;
    return (b->deaths > a->deaths) - (b->deaths < a->deaths);
}

/* A suspect, once nothing else is left or in hand but others of its group. */
static size_t take_suspect(struct dam_dealer *dealer, struct dam_item *item, struct dam_round *plan,
                           const struct dam_suspect **suspect) {
    if (dealer->heap_count > 0 || dealer->held_count == 0)
        return 0;
    if (dealer->in_hand == 0)
        qsort(dealer->held, dealer->held_count, sizeof *dealer->held, compare_held);
    const struct held *held = &dealer->held[dealer->held_count - 1];
    /* Others in hand are less suspect: they may have more company. */
    if (dealer->in_hand != dealer->suspects_in_hand || dealer->in_hand >= held->suspect->company)
        return 0;
    dealer->held_count--;
    dealer->suspects_in_hand++;
    *item = held->item;
    *plan = held->plan;
    *suspect = held->suspect;
    dealer->in_hand++;
    return 1;
}

size_t dam_dealer_take(struct dam_dealer *dealer, double seconds, size_t most,
                       struct dam_item *items, struct dam_round *plans,
                       const struct dam_suspect **suspect) {
    size_t count = 0;
    double taken = 0;
    *suspect = NULL;
    while (dealer->heap_count > 0 && count < most) {
        uint32_t index = dealer->heap[0];
        struct place *place = &dealer->places[index];
        look_at_round(dealer, index);
        struct dam_item item;
        const struct dam_item *settled;
        struct place before_item = *place;
        bool found = advance(dealer, place, &item, &settled);
        assert(found);
        (void)found;
        if (settled != NULL)
            continue;
        double more = item_seconds(&dealer->cost, &item);
        if (count > 0 && taken + more > seconds) {
            *place = before_item;
            break;
        }
        if (!hold_back(dealer, &item)) {
            taken += more;
            items[count] = item;
            plans[count++] = dealer->plan;
        }
        /* At once: when its last item is finished, the cell may come back with a new round. */
        if (--place->undealt == 0)
            pop(dealer);
    }
    dealer->in_hand += count;
    return count > 0 ? count : take_suspect(dealer, items, plans, suspect);
}

const struct dam_round *dam_dealer_round(struct dam_dealer *dealer, uint32_t cell) {
    look_at_round(dealer, cell);
    return &dealer->plan;
}

double dam_dealer_seconds(const struct dam_dealer *dealer, const struct dam_item *item) {
    look_at((struct dam_dealer *)dealer, item->cell);
    return item_seconds(&dealer->cost, item);
}

enum dam_status dam_dealer_finish(struct dam_dealer *dealer, const struct dam_item *item,
                                  const void *record, struct dam_error *error) {
    struct place *place = &dealer->places[item->cell];
    assert(place->round == item->round && place->unfinished > 0 && dealer->in_hand > 0);
    dealer->done++;
    dealer->in_hand--;
    if (dealer->suspects_in_hand > 0 && dam_suspects_find(dealer->suspects, item) != NULL)
        dealer->suspects_in_hand--;
    dealer->seconds_left -= dam_dealer_seconds(dealer, item);
    place->unfinished--;
    if (item->status != DAM_OK) {
        dealer->failed++;
        place->failed++;
    } else if (dealer->fillings != NULL) {
        dam_filling_add(&dealer->fillings[item->cell], item->round, item->replica,
                        item->start_end - item->start_begin, record);
    }
    if (place->unfinished > 0)
        return DAM_OK;
    if (dealer->fillings == NULL || place->failed > 0)
        return end_cell(dealer);
    return open_cell(dealer, item->cell, error);
}

bool dam_dealer_finished(const struct dam_dealer *dealer) {
    return dealer->done == dealer->total;
}

struct dam_dealer_counts dam_dealer_counts(const struct dam_dealer *dealer) {
    return (struct dam_dealer_counts){
        .total = dealer->total,
        .done = dealer->done,
        .failed = dealer->failed,
        .cells_done = dealer->cells_done,
        .seconds_left = dealer->done == dealer->total ? 0 : fmax(0, dealer->seconds_left),
    };
}
