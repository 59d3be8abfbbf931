#include <assert.h>
#include <dam/minibatches.h>
#include <stdbool.h>
#include <stdlib.h>

const char *const dam_minibatch_order_names[] = {
    [DAM_MINIBATCHES_BALANCED] = "balanced", [DAM_MINIBATCHES_SHUFFLED] = "shuffled", NULL};

/* Images that are gone through again and again: all, or those of one class. */
struct deck {
    uint32_t *images;
    int32_t *order; /* of the pass that was asked for last */
    size_t count;
    uint64_t pass; /* UINT64_MAX: none yet */
};

struct dam_minibatches {
    enum dam_minibatch_order order;
    size_t size, count;
    uint64_t seed;
    struct dam_hash cell;
    uint32_t replica;
    int deck_count;
    struct deck *decks;
    uint32_t *images; /* of all decks, one after the other */
    int32_t *orders;
};

/* Every class has its deck, or all share the first. */
static int deck_of(const struct dam_minibatches *m, int label) {
    return m->order == DAM_MINIBATCHES_BALANCED ? label : 0;
}

static void sort_into_decks(struct dam_minibatches *m, const uint8_t *labels) {
    for (size_t i = 0; i < m->count; i++)
        m->decks[deck_of(m, labels[i])].count++;
    size_t begin = 0;
    for (int d = 0; d < m->deck_count; d++) {
        struct deck *deck = &m->decks[d];
        deck->images = m->images + begin;
        deck->order = m->orders + begin;
        deck->pass = UINT64_MAX;
        begin += deck->count;
        deck->count = 0;
    }
    for (size_t i = 0; i < m->count; i++) {
        struct deck *deck = &m->decks[deck_of(m, labels[i])];
        deck->images[deck->count++] = (uint32_t)i;
    }
}

static enum dam_status check_decks(const struct dam_minibatches *m, struct dam_error *error) {
    for (int d = 0; d < m->deck_count; d++)
        if (m->decks[d].count == 0)
            return dam_fail(error, DAM_INPUT,
                            "no image of class %d among the %zu that are trained on: balanced "
                            "minibatches need all %d classes (order: shuffled, or more images)",
                            d, m->count, m->deck_count);
    return DAM_OK;
}

enum dam_status dam_minibatches_new(struct dam_minibatches **minibatches,
                                    enum dam_minibatch_order order, size_t size,
                                    const uint8_t *labels, size_t count, int classes, uint64_t seed,
                                    const struct dam_hash *cell, uint32_t replica,
                                    struct dam_error *error) {
    assert(size >= 1 && size <= count && count <= INT32_MAX && classes >= 1);
    assert(order == DAM_MINIBATCHES_SHUFFLED || size % (size_t)classes == 0);
    struct dam_minibatches *m = *minibatches = calloc(1, sizeof *m);
    int deck_count = order == DAM_MINIBATCHES_BALANCED ? classes : 1;
    if (m != NULL) {
        *m = (struct dam_minibatches){.order = order,
                                      .size = size,
                                      .count = count,
                                      .seed = seed,
                                      .cell = *cell,
                                      .replica = replica,
                                      .deck_count = deck_count,
                                      .decks = calloc((size_t)deck_count, sizeof *m->decks),
                                      .images = calloc(count, sizeof *m->images),
                                      .orders = calloc(count, sizeof *m->orders)};
    }
    if (m == NULL || m->decks == NULL || m->images == NULL || m->orders == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for the order of %zu images", count);
    sort_into_decks(m, labels);
    return check_decks(m, error);
}

void dam_minibatches_destroy(struct dam_minibatches *m) {
    if (m == NULL)
        return;
    free(m->decks);
    free(m->images);
    free(m->orders);
    free(m);
}

size_t dam_minibatches_per_epoch(const struct dam_minibatches *m) {
    bool whole = m->order == DAM_MINIBATCHES_BALANCED;
    return (m->count + (whole ? 0 : m->size - 1)) / m->size;
}

/* Image `position` of all that a deck ever gives. */
static uint32_t draw(struct dam_minibatches *m, int d, uint64_t position) {
    struct deck *deck = &m->decks[d];
    uint64_t pass = position / deck->count;
    if (pass != deck->pass) {
        /* Passes are far fewer than 2^48, decks than 2^16. */
        struct dam_stream stream = dam_stream_open(m->seed, DAM_PURPOSE_MINIBATCHES, &m->cell,
                                                   m->replica, (uint64_t)d << 48 | pass);
        dam_stream_permutation(&stream, deck->order, (int)deck->count);
        deck->pass = pass;
    }
    return deck->images[deck->order[position % deck->count]];
}

size_t dam_minibatches_take(struct dam_minibatches *m, uint64_t epoch, size_t index,
                            uint32_t *images) {
    const size_t per_epoch = dam_minibatches_per_epoch(m);
    assert(index < per_epoch);
    if (m->order == DAM_MINIBATCHES_SHUFFLED) {
        size_t begin = index * m->size, left = m->count - begin;
        size_t taken = left < m->size ? left : m->size;
        for (size_t i = 0; i < taken; i++)
            images[i] = draw(m, 0, epoch * m->count + begin + i);
        return taken;
    }
    /* Class by class: in a minibatch order is of no consequence. */
    const size_t each = m->size / (size_t)m->deck_count;
    for (int d = 0; d < m->deck_count; d++)
        for (size_t i = 0; i < each; i++)
            images[(size_t)d * each + i] = draw(m, d, (epoch * per_epoch + index) * each + i);
    return m->size;
}
