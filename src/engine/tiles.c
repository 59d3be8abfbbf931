#include "engine/tiles.h"

#include "engine/arrays.h"
#include "engine/course.h"
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_MAX = 192,       /* starts under way at most, */
    SLOTS_MIN = 32,        /* and at least, where their overlaps */
    SLOTS_BYTES = 1 << 21, /* would not fit in this much cache */
    MASK_WORDS = (TILE_NEURONS_MAX + 63) / 64,
    BANDS_MAX = (TILE_NEURONS_MAX + TILE_SIDE - 1) / TILE_SIDE,
    POLL_PRODUCTS = 1000000000 /* about a millisecond */
};

/* A start under way. What every turn needs comes first, so that it lies in few cache lines. */
struct walk {
    _Alignas(64) uint64_t down[MASK_WORDS]; /* bit i: spin i is -1 */
    uint64_t known[MASK_WORDS];             /* bit i: whether neuron i would flip is known, */
    uint64_t unstable[MASK_WORDS];          /* and it would */
    uint8_t *halves;                        /* half overlaps modulo 256 [64 blocks] */
    int32_t *linear;                        /* sum_mu xi_i y_mu [16 bands] */
    int64_t sum, square_sum;                /* sum_mu y_mu, y_mu^2 */
    int64_t last_sweep_flips;
    int pending; /* the neuron whose flip `halves` lacks, or -1 */
    struct dam_course course;
    int32_t order[TILE_NEURONS_MAX]; /* neurons in the order of the sweep */
};

/* Starts that wait for the same fields, first come first served. */
struct queue {
    int head, tail, length;
};

struct dam_tiles {
    const struct dam_tile_kernel *kernel;
    const struct dam_patterns *patterns;
    struct dam_tile_energy energy;
    size_t blocks;    /* of 64 memories */
    int bands;        /* of 16 neurons */
    bool by_memories; /* fields depend on more than the couplings */

    void *memory;            /* one allocation, of all below */
    int8_t *pattern_tiles;   /* [bands][blocks][TILE_BYTES] */
    int32_t *couplings;      /* J_ij [N][16 bands] */
    int32_t *row_sums;       /* sum_mu xi_i [16 bands] */
    int32_t *offsets;        /* sum_mu xi_i (sum_j xi_j + p) / 2 [16 bands] */
    double *constant;        /* span's constant times row_sums [16 bands] */
    uint8_t *states;         /* digits of a chunk [TILE_SIDE][TILE_STRIDE] */
    dam_tile_fields *fields; /* [bands] */
    struct walk *walks;      /* [slots] */

    int slots, idle;
    int idle_slots[SLOTS_MAX];
    struct queue queues[BANDS_MAX + 1]; /* for each band, and for all at once */
    int64_t products;                   /* since the last poll */
    int8_t spins[TILE_NEURONS_MAX];
    struct dam_ensemble_counts seen;
};

/* ---- memory ---- */

/* Offsets in one allocation, multiples of 64. */
struct parts {
    size_t pattern_tiles, couplings, row_sums, offsets, constant, states, fields, walks, halves,
        linear;
};

static size_t blocks_of(int64_t memories) {
    return (size_t)memories / 64 + (memories % 64 != 0);
}

static int bands_of(int neurons) {
    return (neurons + TILE_SIDE - 1) / TILE_SIDE;
}

static int slots_for(int64_t memories, uint64_t starts) {
    size_t fitting = SLOTS_BYTES / (blocks_of(memories) * TILE_WIDTH);
    uint64_t slots = fitting > SLOTS_MAX ? SLOTS_MAX : fitting < SLOTS_MIN ? SLOTS_MIN : fitting;
    return (int)(starts < slots ? starts : slots);
}

/* Bytes of the allocation; SIZE_MAX when that overflows. */
static size_t lay_out(int neurons, int64_t memories, int slots, struct parts *parts) {
    size_t blocks = blocks_of(memories), bands = (size_t)bands_of(neurons);
    size_t padded = bands * TILE_SIDE, starts = (size_t)slots, bytes = 0, tiles;
    bool fits =
        !__builtin_mul_overflow(bands, blocks, &tiles) &&
        dam_arrays_append(&bytes, &parts->pattern_tiles, tiles, TILE_BYTES) &&
        dam_arrays_append(&bytes, &parts->couplings, (size_t)neurons * padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->row_sums, padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->offsets, padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->constant, padded, sizeof(double)) &&
        dam_arrays_append(&bytes, &parts->states, TILE_SIDE, TILE_STRIDE) &&
        dam_arrays_append(&bytes, &parts->fields, bands, sizeof(dam_tile_fields)) &&
        dam_arrays_append(&bytes, &parts->walks, starts, sizeof(struct walk)) &&
        dam_arrays_append(&bytes, &parts->linear, starts * padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->halves, blocks + 1, starts * TILE_WIDTH);
    return fits ? bytes : SIZE_MAX;
}

size_t dam_tiles_bytes(enum dam_energy_form form, int power, int neurons, int64_t memories) {
    (void)form;
    struct parts parts;
    if (!dam_tile_energy_may_split(power, neurons, memories))
        return 0;
    size_t bytes = lay_out(neurons, memories, slots_for(memories, UINT64_MAX), &parts);
    if (__builtin_add_overflow(bytes, sizeof(struct dam_tiles), &bytes))
        return SIZE_MAX;
    return bytes;
}

bool dam_tiles_can(const struct dam_energy *energy, int64_t memories) {
    struct dam_tile_energy split;
    return dam_tile_energy_split(&split, energy, memories);
}

/* ---- patterns as bytes, couplings ---- */

/* Around products alone, so that callbacks are free to use what the kernel uses. */
static void enter(const struct dam_tile_kernel *kernel) {
    if (kernel->enter != NULL)
        kernel->enter();
}

static void leave(const struct dam_tile_kernel *kernel) {
    if (kernel->leave != NULL)
        kernel->leave();
}

static const uint64_t *row_of(const struct dam_tiles *tiles, int neuron) {
    return tiles->patterns->rows + (size_t)neuron * tiles->patterns->words;
}

static int8_t *pattern_tile(const struct dam_tiles *tiles, int band, size_t block) {
    return tiles->pattern_tiles + ((size_t)band * tiles->blocks + block) * TILE_BYTES;
}

/* Four bytes for four bits: `one` where set, `zero` where not. */
static void fill_nibbles(uint32_t nibbles[16], int8_t zero, int8_t one) {
    for (int bits = 0; bits < 16; bits++) {
        int8_t bytes[4];
        for (int k = 0; k < 4; k++)
            bytes[k] = bits >> k & 1 ? one : zero;
        memcpy(&nibbles[bits], bytes, sizeof bytes);
    }
}

static void expand_patterns(struct dam_tiles *tiles) {
    uint32_t nibbles[16];
    fill_nibbles(nibbles, -1, 1);
    int64_t memories = tiles->patterns->memories;
    for (int i = 0; i < tiles->patterns->neurons; i++) {
        const uint64_t *row = row_of(tiles, i);
        int32_t sum = 0;
        for (size_t block = 0; block < tiles->blocks; block++) {
            int8_t *tile = pattern_tile(tiles, i / TILE_SIDE, block) + 4 * (i % TILE_SIDE);
            for (int four = 0; four < TILE_WIDTH / 4; four++)
                memcpy(tile + four * TILE_WIDTH, &nibbles[row[block] >> 4 * four & 15], 4);
            sum += 2 * __builtin_popcountll(row[block]);
            for (int64_t mu = memories - (int64_t)block * TILE_WIDTH; mu < TILE_WIDTH; mu++)
                tile[mu / 4 * TILE_WIDTH + mu % 4] = 0;
        }
        tiles->row_sums[i] = sum - (int32_t)memories;
        tiles->constant[i] = tiles->energy.span.constant * tiles->row_sums[i];
    }
}

/* The bits of 16 rows as states of bytes 0 and 1. */
static void expand_bits(const struct dam_tiles *tiles, int band, size_t first, size_t blocks) {
    uint32_t nibbles[16];
    fill_nibbles(nibbles, 0, 1);
    memset(tiles->states, 0, TILE_SIDE * TILE_STRIDE);
    for (int i = band * TILE_SIDE; i < (band + 1) * TILE_SIDE && i < tiles->patterns->neurons;
         i++) {
        const uint64_t *row = row_of(tiles, i) + first;
        uint8_t *state = tiles->states + (i % TILE_SIDE) * TILE_STRIDE;
        for (size_t block = 0; block < blocks; block++)
            for (int four = 0; four < TILE_WIDTH / 4; four++, state += 4)
                memcpy(state, &nibbles[row[block] >> 4 * four & 15], 4);
    }
}

/* J_ij = sum_mu xi_i xi_j from the products of patterns and bits, 2 sum_{mu: xi_j = 1} xi_i -
 * sum_mu xi_i. */
static void find_couplings(struct dam_tiles *tiles) {
    int neurons = tiles->patterns->neurons, padded = tiles->bands * TILE_SIDE;
    for (int band = 0; band < tiles->bands; band++) {
        for (size_t first = 0; first < tiles->blocks; first += TILE_LINES) {
            size_t left = tiles->blocks - first, blocks = left < TILE_LINES ? left : TILE_LINES;
            expand_bits(tiles, band, first, blocks);
            tiles->kernel->multiply(tiles->fields, tiles->states, pattern_tile(tiles, 0, first),
                                    tiles->blocks * TILE_BYTES, band + 1, 1, blocks, TILE_SIDE,
                                    first == 0 ? TILE_FROM_ZERO : TILE_FROM_FIELDS, TILE_TO_FIELDS);
        }
        for (int j = band * TILE_SIDE; j < (band + 1) * TILE_SIDE && j < neurons; j++) {
            for (int i = 0; i < (band + 1) * TILE_SIDE && i < neurons; i++) {
                int32_t sum = tiles->fields[i / TILE_SIDE][0][j % TILE_SIDE][i % TILE_SIDE];
                int32_t coupling = 2 * sum - tiles->row_sums[i];
                tiles->couplings[j * padded + i] = tiles->couplings[i * padded + j] = coupling;
            }
        }
    }
    for (int i = 0; i < padded; i++) {
        int64_t total = (int64_t)tiles->energy.parity * tiles->row_sums[i];
        for (int j = 0; j < neurons; j++)
            total += tiles->couplings[j * padded + i];
        tiles->offsets[i] = (int32_t)(total / 2);
    }
}

enum dam_status dam_tiles_new(struct dam_tiles **tiles, const struct dam_tile_kernel *kernel,
                              const struct dam_energy *energy, const struct dam_patterns *patterns,
                              uint64_t starts, struct dam_error *error) {
    *tiles = NULL;
    struct dam_tile_energy split;
    bool can = dam_tile_energy_split(&split, energy, patterns->memories);
    assert(can);
    (void)can;
    int neurons = patterns->neurons;
    int slots = slots_for(patterns->memories, starts > 0 ? starts : 1);
    struct parts parts;
    size_t size = lay_out(neurons, patterns->memories, slots, &parts);
    struct dam_tiles *made = aligned_alloc(_Alignof(struct dam_tiles), sizeof *made);
    unsigned char *memory = size < SIZE_MAX ? aligned_alloc(64, size) : NULL;
    if (made == NULL || memory == NULL) {
        free(memory);
        free(made);
        return dam_fail(error, DAM_MEMORY,
                        "an ensemble among K = %lld memories of N = %d neurons needs %s%zu bytes",
                        (long long)patterns->memories, neurons, size < SIZE_MAX ? "" : "more than ",
                        size);
    }
    memset(memory, 0, size);
    *made = (struct dam_tiles){
        .kernel = kernel,
        .patterns = patterns,
        .energy = split,
        .blocks = blocks_of(patterns->memories),
        .bands = bands_of(neurons),
        .by_memories = split.span.digits > 0 || split.self.digits > 0,
        .memory = memory,
        .pattern_tiles = (int8_t *)(memory + parts.pattern_tiles),
        .couplings = (int32_t *)(memory + parts.couplings),
        .row_sums = (int32_t *)(memory + parts.row_sums),
        .offsets = (int32_t *)(memory + parts.offsets),
        .constant = (double *)(memory + parts.constant),
        .states = memory + parts.states,
        .fields = (dam_tile_fields *)(memory + parts.fields),
        .walks = (struct walk *)(memory + parts.walks),
        .slots = slots,
    };
    size_t padded = (size_t)made->bands * TILE_SIDE;
    for (int s = 0; s < slots; s++) {
        made->walks[s].halves = memory + parts.halves + (size_t)s * (made->blocks + 1) * TILE_WIDTH;
        made->walks[s].linear = (int32_t *)(memory + parts.linear) + (size_t)s * padded;
    }
    expand_patterns(made);
    enter(kernel);
    find_couplings(made);
    leave(kernel);
    *tiles = made;
    return DAM_OK;
}

void dam_tiles_destroy(struct dam_tiles *tiles) {
    if (tiles == NULL)
        return;
    free(tiles->memory);
    free(tiles);
}

/* ---- masks of neurons ---- */

static bool has(const uint64_t mask[MASK_WORDS], int i) {
    return mask[i / 64] >> i % 64 & 1;
}

static void forget(struct walk *walk) {
    memset(walk->known, 0, sizeof walk->known);
    memset(walk->unstable, 0, sizeof walk->unstable);
}

/* The first neuron from `from` on in sequential order that would flip or is not known; N if none
 * is left in the sweep. */
static int first_open(const struct walk *walk, int from, int neurons) {
    if (from >= neurons)
        return neurons;
    int word = from / 64;
    uint64_t open = (walk->unstable[word] | ~walk->known[word]) & UINT64_MAX << from % 64;
    while (open == 0 && ++word < MASK_WORDS)
        open = walk->unstable[word] | ~walk->known[word];
    int found = word < MASK_WORDS ? 64 * word + __builtin_ctzll(open) : neurons;
    return found < neurons ? found : neurons;
}

/* The same in the order of the sweep: a position. */
static int first_open_position(const struct walk *walk, bool sequential, int neurons) {
    if (sequential)
        return first_open(walk, walk->course.position, neurons);
    int position = walk->course.position;
    while (position < neurons && has(walk->known, walk->order[position]) &&
           !has(walk->unstable, walk->order[position]))
        position++;
    return position;
}

/* ---- one start ---- */

static void begin_walk(struct dam_tiles *tiles, struct walk *walk, uint64_t start,
                       const struct dam_ensemble_options *options) {
    int neurons = tiles->patterns->neurons, padded = tiles->bands * TILE_SIDE;
    int parity = tiles->energy.parity;
    dam_course_begin(&walk->course, start, tiles->spins, walk->order, neurons, options);
    walk->pending = -1;
    walk->last_sweep_flips = 0;
    forget(walk);
    memset(walk->down, 0, sizeof walk->down);
    int32_t up[TILE_NEURONS_MAX + 1];
    int ups = 0;
    for (int j = 0; j < neurons; j++) { /* without branches that random spins would mispredict */
        walk->down[j / 64] |= (uint64_t)(tiles->spins[j] < 0) << j % 64;
        up[ups] = j;
        ups += tiles->spins[j] > 0;
    }
    tiles->kernel->gather(walk->linear, tiles->couplings, tiles->offsets, up, ups, padded);
    /* sum_mu xi_i h_mu = 2 linear + p row_sum, and h_mu = sum_i xi_i s_i. */
    int64_t h = 0, squares = 0, memories = tiles->patterns->memories;
    for (int i = 0; i < neurons; i++) {
        h += tiles->spins[i] * tiles->row_sums[i];
        squares +=
            tiles->spins[i] * (2 * (int64_t)walk->linear[i] + (int64_t)parity * tiles->row_sums[i]);
    }
    walk->sum = (h - parity * memories) / 2;
    walk->square_sum = (squares - 2 * parity * h + parity * memories) / 4;
    if (tiles->by_memories)
        tiles->kernel->overlap(walk->halves, tiles->patterns, walk->down, tiles->blocks);
}

static void flip(struct dam_tiles *tiles, struct walk *walk, int neuron) {
    size_t padded = (size_t)tiles->bands * TILE_SIDE;
    uint64_t bit = UINT64_C(1) << neuron % 64;
    walk->down[neuron / 64] ^= bit;
    int spin = walk->down[neuron / 64] & bit ? -1 : 1;
    walk->sum += spin * tiles->row_sums[neuron];
    walk->square_sum += 2 * spin * (int64_t)walk->linear[neuron] + tiles->patterns->memories;
    tiles->kernel->couple(walk->linear, tiles->couplings + (size_t)neuron * padded, spin,
                          (int)padded);
    assert(walk->pending < 0);
    walk->pending = neuron;
    forget(walk);
    walk->known[neuron / 64] |= bit; /* its field does not depend on its own spin: it stays */
    dam_course_flip(&walk->course, tiles->patterns->neurons);
}

/* Go on to the next neuron whose field must be found, which the start's position then tells;
 * false when the start has ended. */
static bool proceed(struct dam_tiles *tiles, struct walk *walk,
                    const struct dam_ensemble_options *options) {
    int neurons = tiles->patterns->neurons;
    bool sequential = options->order == DAM_ORDER_SEQUENTIAL;
    while (true) {
        int position = walk->course.position = first_open_position(walk, sequential, neurons);
        if (position < neurons) {
            int neuron = sequential ? position : walk->order[position];
            if (!has(walk->known, neuron))
                return true;
            flip(tiles, walk, neuron);
            continue;
        }
        walk->last_sweep_flips = walk->course.sweep_flips;
        if (!dam_course_sweep(&walk->course, walk->order, neurons, options))
            return false;
    }
}

static void end_walk(struct dam_tiles *tiles, struct walk *walk,
                     const struct dam_ensemble_options *options) {
    int neurons = tiles->patterns->neurons;
    struct dam_ensemble_end end = {.spins = tiles->spins};
    for (int i = 0; i < neurons; i++)
        tiles->spins[i] = has(walk->down, i) ? -1 : 1;
    if (options->max_sweeps == 0)
        for (int w = 0; w < MASK_WORDS; w++)
            end.unstable += __builtin_popcountll(walk->unstable[w]);
    if (!tiles->by_memories || walk->pending >= 0)
        tiles->kernel->overlap(walk->halves, tiles->patterns, walk->down, tiles->blocks);
    tiles->kernel->extremes(walk->halves, tiles->patterns->memories, &end.highest, &end.lowest);
    end.highest = 2 * end.highest + tiles->energy.parity;
    end.lowest = 2 * end.lowest + tiles->energy.parity;
    dam_course_end(&walk->course, &end, neurons, &tiles->seen, options);
}

/* ---- fields and decisions of a group of starts ---- */

/* What the split lacks for one memory: added to the constants of the neurons. */
static void add_excess(const struct dam_tiles *tiles, size_t block, int place, double excess,
                       int first, int count, double *constant) {
    for (int band = 0; band < count; band++)
        tiles->kernel->add_excess(constant + band * TILE_SIDE,
                                  pattern_tile(tiles, first + band, block), place, excess);
}

/* What it lacks for all memories outside of its tables; returns that for the threshold. */
static double add_all_excess(const struct dam_tiles *tiles, const struct walk *walk,
                             uint64_t outside, int first, int count, double *constant) {
    double self = 0;
    for (size_t block = 0; block < tiles->blocks; block++) {
        if (!(outside >> block / TILE_LINES % 64 & 1)) {
            block |= TILE_LINES - 1; /* none in these */
            continue;
        }
        const uint8_t *halves = walk->halves + block * TILE_WIDTH;
        uint64_t found = tiles->kernel->find_outside(halves, tiles->energy.range);
        for (; found != 0; found &= found - 1) {
            int place = __builtin_ctzll(found);
            if ((int64_t)(block * TILE_WIDTH) + place >= tiles->patterns->memories)
                break;
            add_excess(tiles, block, place, tiles->energy.span.excess[halves[place]], first, count,
                       constant);
            self += tiles->energy.self.excess[halves[place]];
        }
    }
    return self;
}

/* sum_mu self(y_mu), but for what lies outside of the tables. */
static double self_sum(const struct dam_tiles *tiles, const struct walk *walk,
                       const struct dam_tile_turn *turn) {
    const struct dam_tile_split *self = &tiles->energy.self;
    int64_t memories = tiles->patterns->memories;
    double rest = 0;
    for (int d = self->digits - 1; d >= 0; d--)
        rest = 256 * rest + (double)turn->digits[d];
    return self->constant * (double)memories + self->linear * (double)walk->sum +
           self->square * (double)walk->square_sum + self->unit * rest;
}

static void decide(struct dam_tiles *tiles, struct walk *walk, int row,
                   const struct dam_tile_turn *turn, int first, int count) {
    double corrected[BANDS_MAX * TILE_SIDE];
    const double *constant = tiles->constant + (size_t)first * TILE_SIDE;
    double threshold = self_sum(tiles, walk, turn);
    if (turn->outside != 0) {
        memcpy(corrected, constant, (size_t)(count * TILE_SIDE) * sizeof *corrected);
        threshold += add_all_excess(tiles, walk, turn->outside, first, count, corrected);
        constant = corrected;
    }
    for (int band = 0; band < count; band++) {
        int neuron = (first + band) * TILE_SIDE;
        int shift = neuron % 64;
        const struct dam_tile_rule rule = {
            .span = &tiles->energy.span,
            .constant = constant + (size_t)band * TILE_SIDE,
            .linear = walk->linear + neuron,
            .threshold = threshold,
            .down = (unsigned)(walk->down[neuron / 64] >> shift) & 0xffff,
        };
        uint64_t flips = tiles->kernel->decide(tiles->fields[first + band], row, &rule);
        walk->unstable[neuron / 64] &= ~(UINT64_C(0xffff) << shift);
        walk->unstable[neuron / 64] |= flips << shift;
        walk->known[neuron / 64] |= UINT64_C(0xffff) << shift;
    }
    int last = tiles->patterns->neurons % 64;
    if (last != 0) /* neurons beyond N, in the last band */
        walk->unstable[tiles->patterns->neurons / 64] &= (UINT64_C(1) << last) - 1;
}

/* A chunk of memories at a time, whose digits serve all bands. */
static void advance_and_multiply(struct dam_tiles *tiles, struct dam_tile_turn *turns, int starts,
                                 int first, int count) {
    const size_t chunk = dam_tile_chunk(tiles->energy.span.digits);
    for (size_t block = 0; block < tiles->blocks; block += chunk) {
        size_t left = tiles->blocks - block, blocks = left < chunk ? left : chunk;
        tiles->kernel->advance(&tiles->energy, tiles->patterns->memories, turns, starts, block,
                               blocks, tiles->states);
        enum dam_tile_begin begin = block == 0   ? TILE_FROM_ZERO
                                    : count == 1 ? TILE_GO_ON
                                                 : TILE_FROM_FIELDS;
        enum dam_tile_end end = count == 1 && left > chunk ? TILE_KEEP : TILE_TO_FIELDS;
        if (tiles->energy.span.digits > 0)
            tiles->kernel->multiply(&tiles->fields[first], tiles->states,
                                    pattern_tile(tiles, first, block), tiles->blocks * TILE_BYTES,
                                    count, tiles->energy.span.digits, blocks, starts, begin, end);
    }
}

/* Find the decisions of `count` bands of neurons from the first on, for up to 16 starts. */
static void evaluate(struct dam_tiles *tiles, struct walk *const *group, int starts, int first,
                     int count) {
    struct dam_tile_turn turns[TILE_SIDE];
    for (int row = 0; row < starts; row++) {
        int neuron = group[row]->pending;
        turns[row] = (struct dam_tile_turn){
            .halves = group[row]->halves,
            .row = row_of(tiles, neuron >= 0 ? neuron : 0),
            .step = neuron < 0                      ? 0
                    : has(group[row]->down, neuron) ? -1
                                                    : 1,
        };
    }
    if (tiles->by_memories) {
        enter(tiles->kernel);
        advance_and_multiply(tiles, turns, starts, first, count);
        leave(tiles->kernel);
    }
    for (int row = 0; row < starts; row++) {
        group[row]->pending = -1;
        decide(tiles, group[row], row, &turns[row], first, count);
    }
    tiles->products += (int64_t)starts * (count + 1) * TILE_SIDE * tiles->patterns->memories;
}

/* ---- the queues ---- */

static void enqueue(struct dam_tiles *tiles, int slot, const struct dam_ensemble_options *options) {
    struct walk *walk = &tiles->walks[slot];
    bool calm =
        options->order == DAM_ORDER_RANDOM || options->max_sweeps == 0 ||
        (walk->course.outcome.sweeps > 0 && walk->last_sweep_flips <= tiles->kernel->calm_flips);
    struct queue *queue = &tiles->queues[calm ? tiles->bands : walk->course.position / TILE_SIDE];
    walk->course.next = -1;
    if (queue->length++ == 0)
        queue->head = slot;
    else
        tiles->walks[queue->tail].course.next = slot;
    queue->tail = slot;
}

static int longest_queue(const struct dam_tiles *tiles) {
    int longest = 0;
    for (int q = 1; q <= tiles->bands; q++)
        if (tiles->queues[q].length > tiles->queues[longest].length)
            longest = q;
    return longest;
}

/* Up to 16 starts of a queue. */
static int dequeue(struct dam_tiles *tiles, struct queue *queue, int group[TILE_SIDE]) {
    int starts = 0;
    for (; starts < TILE_SIDE && queue->length > 0; queue->length--) {
        group[starts++] = queue->head;
        queue->head = tiles->walks[queue->head].course.next;
    }
    return starts;
}

static bool abandoned(struct dam_tiles *tiles, const struct dam_poll *poll) {
    if (tiles->products < POLL_PRODUCTS)
        return false;
    tiles->products = 0;
    return poll->call != NULL && poll->call(poll->context);
}

/* What the decisions will need, while the products are made. */
static void prefetch(const struct dam_tiles *tiles, const struct walk *walk) {
    for (size_t line = 0; line < offsetof(struct walk, course.stream); line += 64)
        __builtin_prefetch((const char *)walk + line);
    for (int band = 0; band < tiles->bands; band++)
        __builtin_prefetch(walk->linear + band * TILE_SIDE);
}

/* Serve the longest queue: its starts go on to where they need other fields, or end. */
static void serve(struct dam_tiles *tiles, int which, const struct dam_ensemble_options *options) {
    int slots[TILE_SIDE];
    struct walk *group[TILE_SIDE];
    int starts = dequeue(tiles, &tiles->queues[which], slots);
    for (int row = 0; row < starts; row++) {
        group[row] = &tiles->walks[slots[row]];
        prefetch(tiles, group[row]);
    }
    bool all = which == tiles->bands;
    evaluate(tiles, group, starts, all ? 0 : which, all ? tiles->bands : 1);
    for (int row = 0; row < starts; row++) {
        if (options->max_sweeps > 0 && proceed(tiles, group[row], options)) {
            enqueue(tiles, slots[row], options);
        } else {
            end_walk(tiles, group[row], options);
            tiles->idle_slots[tiles->idle++] = slots[row];
        }
    }
}

enum dam_status dam_tiles_run(struct dam_tiles *tiles, const struct dam_ensemble_options *options,
                              uint64_t first, uint64_t end, struct dam_error *error) {
    memset(tiles->queues, 0, sizeof tiles->queues);
    tiles->products = POLL_PRODUCTS; /* even a short run is polled */
    for (tiles->idle = 0; tiles->idle < tiles->slots; tiles->idle++)
        tiles->idle_slots[tiles->idle] = tiles->idle;
    bool stopped = false;
    while (!stopped) {
        for (; first < end && tiles->idle > 0; first++) {
            int slot = tiles->idle_slots[--tiles->idle];
            begin_walk(tiles, &tiles->walks[slot], first, options);
            enqueue(tiles, slot, options);
        }
        int which = longest_queue(tiles);
        if (tiles->queues[which].length == 0)
            break;
        serve(tiles, which, options);
        stopped = abandoned(tiles, &options->poll);
    }
    return stopped ? dam_fail(error, DAM_STOPPED, "retrieval stopped on request") : DAM_OK;
}

struct dam_ensemble_counts dam_tiles_counts(const struct dam_tiles *tiles) {
    return tiles->seen;
}
