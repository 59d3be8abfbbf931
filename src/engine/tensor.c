#include "engine/tensor.h"

#include "engine/arrays.h"
#include "engine/course.h"
#include "engine/kernels/kernel.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEURONS_MAX = 384,
    WORDS_MAX = NEURONS_MAX / 64,
    SLOTS_MAX = 512, /* starts under way at most */
    GROUP = TENSOR_SIDE,
    DIGIT_LIMIT = 32000, /* couplings' halves below it have two signed digits */
    NOBODY = -1
};

typedef uint8_t bytes16 __attribute__((vector_size(16), aligned(1), may_alias));
enum { VECTOR = sizeof(bytes16) };

/* A start under way. */
struct walk {
    uint64_t down[WORDS_MAX];     /* bit i: spin i is -1 */
    uint64_t unstable[WORDS_MAX]; /* bit i: the update flips neuron i */
    int32_t *fields;              /* W_i [64 blocks] */
    uint8_t *up;                  /* u_i = 1 where spin i is +1, else 0 [64 blocks] */
    int32_t *order;               /* neurons in the order of the sweep [N] */
    int32_t threshold;            /* 6 H */
    int32_t ups;                  /* sum_i u_i */
    struct dam_course course;
};

struct dam_tensor {
    const struct dam_tensor_kernel *kernel;
    const struct dam_kernel *overlaps;
    const struct dam_patterns *patterns;
    struct dam_field field; /* its overlaps only */
    int bands, blocks;      /* of 16 and of 64 neurons */
    int pair_matrices;      /* that all pairs fill */
    int digits;
    int32_t parity; /* p */

    void *memory;          /* one allocation, of all below */
    int8_t *couplings[2];  /* digits of (J_ikl - p) / 2: matrices [N] */
    int8_t *pairs[2];      /* the same for all pairs k < l in turn: matrices [pair_matrices] */
    int32_t *row_sums;     /* sum_l J_ikl [N][64 blocks] */
    int32_t *pattern_sums; /* R_i [64 blocks] */
    int32_t *total_sums;   /* sum_kl J_ikl [64 blocks] */
    int32_t *sums[2];      /* of products, by digit [bands][GROUP][16] */
    uint8_t *states;       /* [GROUP][pair_matrices][64 blocks] */
    int8_t *spins;         /* [N] */
    struct walk *walks;    /* [slots] */

    int slots, idle;
    int idle_slots[SLOTS_MAX];
    int lists[NEURONS_MAX]; /* first start that flips the neuron, or NOBODY */
    double work;            /* microseconds since the last poll, about */
    struct dam_ensemble_counts seen;
};

/* ---- memory ---- */

/* Offsets in one allocation, multiples of 64. */
struct parts {
    size_t couplings, pairs, row_sums, pattern_sums, total_sums, sums, states, spins, walks, fields,
        up, order, overlaps;
};

static int bands_of(int neurons) {
    return (neurons + TENSOR_SIDE - 1) / TENSOR_SIDE;
}

static int blocks_of(int neurons) {
    return (neurons + TENSOR_WIDTH - 1) / TENSOR_WIDTH;
}

static size_t padded_memories(int64_t memories) {
    return ((size_t)memories / 64 + (memories % 64 != 0)) * 64;
}

static size_t matrix_bytes(int neurons) {
    return (size_t)(bands_of(neurons) * blocks_of(neurons)) * TENSOR_TILE;
}

static int fours(int count) {
    return (count + 3) / 4 * 4;
}

/* Pairs k < l with one k fill whole fours. */
static int pair_matrices_of(int neurons) {
    int pairs = 0, padded = blocks_of(neurons) * TENSOR_WIDTH;
    for (int k = 0; k < neurons; k++)
        pairs += fours(neurons - 1 - k);
    return (pairs + padded - 1) / padded;
}

static size_t cube(int neurons) {
    return (size_t)neurons * (size_t)neurons * (size_t)neurons;
}

/* Bytes of the allocation; SIZE_MAX when that overflows. */
static size_t lay_out(int neurons, int64_t memories, int digits, int slots, struct parts *parts) {
    size_t padded = (size_t)blocks_of(neurons) * TENSOR_WIDTH, count = (size_t)neurons;
    size_t sums = (size_t)bands_of(neurons) * TENSOR_BAND_SUMS, starts = (size_t)slots, bytes = 0;
    size_t pair_matrices = (size_t)pair_matrices_of(neurons), matrix = matrix_bytes(neurons);
    bool fits =
        dam_arrays_append(&bytes, &parts->couplings, count * matrix, (size_t)digits) &&
        dam_arrays_append(&bytes, &parts->pairs, pair_matrices * matrix, (size_t)digits) &&
        dam_arrays_append(&bytes, &parts->row_sums, count * padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->pattern_sums, padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->total_sums, padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->sums, 2 * sums, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->states, GROUP * (pair_matrices + 1), padded) &&
        dam_arrays_append(&bytes, &parts->spins, count, sizeof(int8_t)) &&
        dam_arrays_append(&bytes, &parts->walks, starts, sizeof(struct walk)) &&
        dam_arrays_append(&bytes, &parts->fields, starts * padded, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->up, starts * padded + VECTOR, sizeof(uint8_t)) &&
        dam_arrays_append(&bytes, &parts->order, starts * count, sizeof(int32_t)) &&
        dam_arrays_append(&bytes, &parts->overlaps, padded_memories(memories), sizeof(int16_t));
    return fits ? bytes : SIZE_MAX;
}

size_t dam_tensor_bytes(enum dam_energy_form form, int power, int neurons, int64_t memories) {
    struct parts parts;
    if (form != DAM_ENERGY_POWER || power != 3 || neurons > NEURONS_MAX)
        return 0;
    size_t bytes = lay_out(neurons, memories, 2, SLOTS_MAX, &parts);
    size_t more = cube(neurons) * sizeof(int16_t) + sizeof(struct dam_tensor);
    return __builtin_add_overflow(bytes, more, &bytes) ? SIZE_MAX : bytes;
}

/* Are sums of this size exact in 32 bits? W_i and 6 H are, where |J_ikl| <= largest. */
static bool sums_fit(int neurons, double largest) {
    double N = neurons;
    return (3 * N * N + 6 * N + 4) * largest < INT32_MAX;
}

/* For unrelated memories, |J| stays below 6 sqrt(K). */
bool dam_tensor_can(const struct dam_energy *energy, int64_t memories) {
    double bound =
        INT32_MAX / (6.0 * (3.0 * energy->neurons * energy->neurons + 6.0 * energy->neurons + 4));
    return energy->form == DAM_ENERGY_POWER && energy->power == 3 &&
           energy->neurons <= NEURONS_MAX && memories <= INT32_MAX - 1 &&
           (double)memories < bound * bound;
}

/* Overlaps of a state, and their extremes. */
static double overlap_microseconds(int neurons, int64_t memories) {
    return 5.5e-6 * neurons * (double)memories;
}

/* Measured at N = 50 .. 300, K = 20 .. 30000, to within a third: about 0.65 N flips a start, each
 * 0.04 us besides its N^2 products; N^3 / 2 products for the first fields; 6 ns to put a coupling
 * in its places, N^3 K / 6 bits to count. Above K = 2900 some of them need two digits. */
double dam_tensor_microseconds(const struct dam_tensor_kernel *kernel, int neurons,
                               int64_t memories, uint64_t starts) {
    double N = neurons, K = (double)memories, digits = memories > 2900 ? 2 : 1;
    double set_up = N * N * N * (6e-3 + K / (6 * kernel->counts));
    double start = 1.15 * digits * N * N * N / kernel->products + 0.65 * 0.04 * N +
                   overlap_microseconds(neurons, memories);
    return set_up + (double)starts * start;
}

/* ---- couplings ---- */

/* (J_ikl - p) / 2 of all i <= k <= l, put into each of their places. False where one is too large.
 */
static bool find_halves(const struct dam_tensor_kernel *kernel, const struct dam_patterns *patterns,
                        int16_t *halves, int32_t *largest) {
    size_t N = (size_t)patterns->neurons;
    int32_t middle = (int32_t)((patterns->memories + 1) / 2), low = 0, high = 0;
    const uint64_t *rows = patterns->rows;
#define ROW(i) (rows + ((i) < N ? (i) : N - 1) * patterns->words)
    for (size_t k = 0; k < N; k++) {
        for (size_t i = 0; i <= k; i += TENSOR_ROWS) {
            const uint64_t *const a[] = {ROW(i), ROW(i + 1), ROW(i + 2), ROW(i + 3)};
            for (size_t l = k / TENSOR_ROWS * TENSOR_ROWS; l < N; l += TENSOR_ROWS) {
                const uint64_t *const c[] = {ROW(l), ROW(l + 1), ROW(l + 2), ROW(l + 3)};
                int32_t counts[TENSOR_ROWS][TENSOR_ROWS];
                kernel->count(counts, a, ROW(k), c, patterns->words);
                for (size_t r = i; r < i + TENSOR_ROWS && r <= k; r++) {
                    for (size_t s = l < k ? k : l; s < l + TENSOR_ROWS && s < N; s++) {
                        /* The product of three spins is +1 where one or three bits are set. */
                        int32_t half = counts[r - i][s - l] - middle;
                        low = half < low ? half : low;
                        high = half > high ? half : high;
                        int16_t value = (int16_t)half;
                        halves[(k * N + r) * N + s] = halves[(k * N + s) * N + r] = value;
                        halves[(r * N + k) * N + s] = halves[(r * N + s) * N + k] = value;
                        halves[(s * N + k) * N + r] = halves[(s * N + r) * N + k] = value;
                    }
                }
            }
        }
        *largest = high > -low ? high : -low;
        if (*largest > DIGIT_LIMIT)
            return false;
    }
#undef ROW
    return true;
}

/* Put digits of neuron i's couplings, whole fours, behind `place` others in consecutive matrices.
 */
static void put(const struct dam_tensor *tensor, int8_t *matrices, int i, int place,
                const int8_t *digits, int count) {
    for (int l = 0; l < count;) {
        int block = (place + l) / TENSOR_WIDTH;
        int tile = (block / tensor->blocks * tensor->bands + i / TENSOR_SIDE) * tensor->blocks +
                   block % tensor->blocks;
        int8_t *row = matrices + (size_t)tile * TENSOR_TILE + i % TENSOR_SIDE * 4;
        for (; l < count && (place + l) / TENSOR_WIDTH == block; l += 4)
            memcpy(row + (place + l) % TENSOR_WIDTH * TENSOR_SIDE, digits + l, 4);
    }
}

/* The row of couplings of neurons k and i, from the halves [N]. `pair`: where its pairs are put. */
static void pack_row(struct dam_tensor *tensor, const int16_t *halves, int k, int i, int pair) {
    int neurons = tensor->patterns->neurons, padded = tensor->blocks * TENSOR_WIDTH;
    int8_t digits[2][NEURONS_MAX + 4] = {0};
    int32_t sum = tensor->parity * neurons;
    for (int l = 0; l < neurons; l++) {
        digits[0][l] = (int8_t)(uint8_t)halves[l];
        digits[1][l] = (int8_t)((halves[l] + 128) >> 8); /* with low = halves - 256 high */
        sum += 2 * halves[l];
    }
    for (int d = 0; d < tensor->digits; d++) {
        put(tensor, tensor->couplings[d], i, k * padded, digits[d], fours(neurons));
        put(tensor, tensor->pairs[d], i, pair, digits[d] + k + 1, fours(neurons - 1 - k));
    }
    tensor->row_sums[k * padded + i] = sum;
    tensor->total_sums[i] += sum;
    if (k == i)
        tensor->pattern_sums[i] = 2 * halves[i] + tensor->parity; /* J_iii */
}

static void pack(struct dam_tensor *tensor, const int16_t *halves) {
    int neurons = tensor->patterns->neurons, pair = 0;
    for (int k = 0; k < neurons; k++) {
        for (int i = 0; i < neurons; i++, halves += neurons)
            pack_row(tensor, halves, k, i, pair);
        pair += fours(neurons - 1 - k);
    }
}

static struct dam_tensor *allocate(const struct dam_patterns *patterns, int digits, int slots) {
    int neurons = patterns->neurons, blocks = blocks_of(neurons), bands = bands_of(neurons);
    struct parts parts;
    size_t size = lay_out(neurons, patterns->memories, digits, slots, &parts);
    struct dam_tensor *made = malloc(sizeof *made);
    unsigned char *memory = size < SIZE_MAX ? aligned_alloc(64, size) : NULL;
    if (made == NULL || memory == NULL) {
        free(memory);
        free(made);
        return NULL;
    }
    memset(memory, 0, size);
    size_t padded = (size_t)blocks * TENSOR_WIDTH;
    *made = (struct dam_tensor){
        .patterns = patterns,
        .field = {.memories = patterns->memories,
                  .blocks = padded_memories(patterns->memories) / 64,
                  .overlaps = (int16_t *)(memory + parts.overlaps)},
        .bands = bands,
        .blocks = blocks,
        .pair_matrices = pair_matrices_of(neurons),
        .digits = digits,
        .parity = (int32_t)(patterns->memories % 2),
        .memory = memory,
        .row_sums = (int32_t *)(memory + parts.row_sums),
        .pattern_sums = (int32_t *)(memory + parts.pattern_sums),
        .total_sums = (int32_t *)(memory + parts.total_sums),
        .states = memory + parts.states,
        .spins = (int8_t *)(memory + parts.spins),
        .walks = (struct walk *)(memory + parts.walks),
        .slots = slots,
    };
    for (int d = 0; d < digits; d++) {
        size_t matrices = (size_t)d * matrix_bytes(neurons);
        made->couplings[d] = (int8_t *)(memory + parts.couplings) + (size_t)neurons * matrices;
        made->pairs[d] = (int8_t *)(memory + parts.pairs) + (size_t)made->pair_matrices * matrices;
        made->sums[d] = (int32_t *)(memory + parts.sums) + d * bands * TENSOR_BAND_SUMS;
    }
    for (size_t s = 0; s < (size_t)slots; s++) {
        made->walks[s].fields = (int32_t *)(memory + parts.fields) + s * padded;
        made->walks[s].up = memory + parts.up + s * padded;
        made->walks[s].order = (int32_t *)(memory + parts.order) + s * (size_t)neurons;
    }
    return made;
}

enum dam_status dam_tensor_new(struct dam_tensor **tensor, const struct dam_tensor_kernel *kernel,
                               const struct dam_patterns *patterns, uint64_t starts,
                               struct dam_error *error) {
    *tensor = NULL;
    int neurons = patterns->neurons;
    int16_t *halves = malloc(cube(neurons) * sizeof *halves);
    if (halves == NULL)
        return dam_fail(error, DAM_MEMORY, "the couplings of N = %d neurons need %zu bytes",
                        neurons, cube(neurons) * sizeof *halves);
    int32_t largest = 0;
    if (!find_halves(kernel, patterns, halves, &largest) || !sums_fit(neurons, 2.0 * largest + 1)) {
        free(halves);
        return DAM_OK;
    }
    struct dam_tensor *made =
        allocate(patterns, largest > INT8_MAX ? 2 : 1,
                 starts < SLOTS_MAX ? (int)(starts > 0 ? starts : 1) : SLOTS_MAX);
    if (made == NULL) {
        free(halves);
        return dam_fail(error, DAM_MEMORY,
                        "an ensemble among K = %lld memories of N = %d neurons needs %zu bytes",
                        (long long)patterns->memories, neurons,
                        dam_tensor_bytes(DAM_ENERGY_POWER, 3, neurons, patterns->memories));
    }
    made->kernel = kernel;
    made->overlaps = dam_kernel_chosen();
    pack(made, halves);
    free(halves);
    *tensor = made;
    return DAM_OK;
}

void dam_tensor_destroy(struct dam_tensor *tensor) {
    if (tensor == NULL)
        return;
    free(tensor->memory);
    free(tensor);
}

/* ---- one start ---- */

static bool has(const uint64_t *mask, int i) {
    return mask[i / 64] >> i % 64 & 1;
}

/* The position in the sweep of the next neuron that flips; N if none is left. */
static int next_position(const struct walk *walk, bool sequential, int neurons) {
    int position = walk->course.position;
    if (!sequential) {
        while (position < neurons && !has(walk->unstable, walk->order[position]))
            position++;
        return position;
    }
    if (position == neurons)
        return neurons;
    int word = position / 64, words = (neurons + 63) / 64;
    uint64_t open = walk->unstable[word] & UINT64_MAX << position % 64;
    while (open == 0 && ++word < words)
        open = walk->unstable[word];
    return word < words ? 64 * word + __builtin_ctzll(open) : neurons;
}

/* Go on to the next flip: its neuron, or NOBODY when the start has ended. */
static int proceed(struct dam_tensor *tensor, struct walk *walk,
                   const struct dam_ensemble_options *options) {
    int neurons = tensor->patterns->neurons;
    bool sequential = options->order == DAM_ORDER_SEQUENTIAL;
    do {
        int position = walk->course.position = next_position(walk, sequential, neurons);
        if (position < neurons)
            return sequential ? position : walk->order[position];
    } while (dam_course_sweep(&walk->course, walk->order, neurons, options));
    return NOBODY;
}

static void decide(const struct dam_tensor *tensor, struct walk *walk) {
    tensor->kernel->decide(walk->unstable, walk->down, walk->fields, walk->threshold,
                           tensor->blocks);
    int last = tensor->patterns->neurons % 64;
    if (last != 0) /* neurons beyond N */
        walk->unstable[tensor->blocks - 1] &= (UINT64_C(1) << last) - 1;
}

/* Everything but the fields. */
static void begin_walk(struct dam_tensor *tensor, struct walk *walk, uint64_t start,
                       const struct dam_ensemble_options *options) {
    int neurons = tensor->patterns->neurons;
    dam_course_begin(&walk->course, start, tensor->spins, walk->order, neurons, options);
    walk->ups = walk->threshold = 0;
    memset(walk->down, 0, sizeof walk->down);
    for (int i = 0; i < neurons; i++) {
        walk->up[i] = tensor->spins[i] > 0;
        walk->ups += walk->up[i];
        walk->down[i / 64] |= (uint64_t)(tensor->spins[i] < 0) << i % 64;
        walk->threshold += 6 * tensor->spins[i] * tensor->pattern_sums[i];
    }
}

static void end_walk(struct dam_tensor *tensor, struct walk *walk,
                     const struct dam_ensemble_options *options) {
    int neurons = tensor->patterns->neurons;
    struct dam_ensemble_end end = {.spins = tensor->spins};
    for (int i = 0; i < neurons; i++)
        tensor->spins[i] = (int8_t)(2 * walk->up[i] - 1);
    if (options->max_sweeps == 0)
        for (int w = 0; w < tensor->blocks; w++)
            end.unstable += __builtin_popcountll(walk->unstable[w]);
    tensor->work += overlap_microseconds(neurons, tensor->patterns->memories);
    tensor->overlaps->overlap(&tensor->field, tensor->patterns, tensor->spins);
    int16_t highest = tensor->field.overlaps[0], lowest = highest;
    for (int64_t mu = 1; mu < tensor->patterns->memories; mu++) {
        int16_t h = tensor->field.overlaps[mu];
        highest = h > highest ? h : highest;
        lowest = h < lowest ? h : lowest;
    }
    end.highest = highest;
    end.lowest = lowest;
    dam_course_end(&walk->course, &end, neurons, &tensor->seen, options);
}

/* ---- groups of starts ---- */

static void multiply(struct dam_tensor *tensor, int8_t *const couplings[2], size_t first,
                     int matrices, int starts) {
    size_t matrix = matrix_bytes(tensor->patterns->neurons);
    /* Around products alone, so that callbacks are free to use what the kernel uses. */
    if (tensor->kernel->enter != NULL)
        tensor->kernel->enter();
    for (int d = 0; d < tensor->digits; d++)
        tensor->kernel->multiply(tensor->sums[d], tensor->states, couplings[d] + first * matrix,
                                 tensor->bands, tensor->blocks, matrices, starts);
    if (tensor->kernel->leave != NULL)
        tensor->kernel->leave();
    tensor->work +=
        (double)(tensor->digits * matrices) * (double)(matrix * GROUP) / tensor->kernel->products;
}

/* v = 1 for the pairs of equal spins, else 0, in the order of the couplings. Whole vectors of `up`
 * are read, and up to a vector beyond the pairs is written. */
static void compare_pairs(uint8_t *state, const uint8_t *up, int neurons) {
    for (int k = 0; k < neurons; state += fours(neurons - 1 - k), k++) {
        uint8_t differs = up[k] ^ 1;
        for (int l = k + 1; l < neurons; l += VECTOR)
            *(bytes16 *)(state + l - k - 1) = *(const bytes16 *)(up + l) ^ differs;
    }
}

/* W_i of new starts, by products: the sum of J_ikl s_k s_l, where J = 2 a + p and s s = 2 v - 1, is
 * N R_i for equal k and l, and twice that over the pairs for others. */
static void find_fields(struct dam_tensor *tensor, struct walk *const *group, int starts) {
    int neurons = tensor->patterns->neurons, padded = tensor->blocks * TENSOR_WIDTH;
    for (int row = 0; row < starts; row++)
        compare_pairs(tensor->states + row * tensor->pair_matrices * padded, group[row]->up,
                      neurons);
    multiply(tensor, tensor->pairs, 0, tensor->pair_matrices, starts);
    for (int row = 0; row < starts; row++) {
        uint32_t p = (uint32_t)tensor->parity, N = (uint32_t)neurons;
        uint32_t magnetization = 2 * (uint32_t)group[row]->ups - N;
        uint32_t equal = p * (magnetization * magnetization + N * N - 2 * N);
        for (int i = 0; i < neurons; i++) {
            int place = i / TENSOR_SIDE * TENSOR_BAND_SUMS + row * TENSOR_SIDE + i % TENSOR_SIDE;
            uint32_t sum = (uint32_t)tensor->sums[0][place];
            if (tensor->digits > 1)
                sum += 256 * (uint32_t)tensor->sums[1][place];
            uint32_t R = (uint32_t)tensor->pattern_sums[i];
            sum = 8 * sum - (uint32_t)tensor->total_sums[i] + 2 * N * R + equal;
            group[row]->fields[i] = (int32_t)(3 * sum + 4 * R);
        }
        decide(tensor, group[row]);
    }
}

/* Flip this neuron of all in the group. */
static void flip(struct dam_tensor *tensor, struct walk *const *group, int starts, int neuron) {
    int padded = tensor->blocks * TENSOR_WIDTH;
    for (int row = 0; row < starts; row++)
        memcpy(tensor->states + row * padded, group[row]->up, (size_t)padded);
    multiply(tensor, tensor->couplings, (size_t)neuron, 1, starts);
    for (int row = 0; row < starts; row++) {
        struct walk *walk = group[row];
        int32_t spin = walk->up[neuron] ? -1 : 1;
        const struct dam_tensor_flip change = {
            .fields = walk->fields,
            .low = tensor->sums[0] + row * TENSOR_SIDE,
            .high = tensor->digits > 1 ? tensor->sums[1] + row * TENSOR_SIDE : NULL,
            .row_sums = tensor->row_sums + neuron * padded,
            .pattern_sums = tensor->pattern_sums,
            .shift = 2 * tensor->parity * walk->ups,
            .spin = spin,
        };
        tensor->kernel->move(&change, tensor->bands);
        walk->up[neuron] ^= 1;
        walk->down[neuron / 64] ^= UINT64_C(1) << neuron % 64;
        walk->ups += spin;
        walk->threshold += 12 * spin * tensor->pattern_sums[neuron];
        decide(tensor, walk);
        dam_course_flip(&walk->course, tensor->patterns->neurons);
    }
}

/* Each goes on to wait for its next flip, or ends. */
static void send_on(struct dam_tensor *tensor, struct walk *const *group, int starts,
                    const struct dam_ensemble_options *options) {
    for (int row = 0; row < starts; row++) {
        int slot = (int)(group[row] - tensor->walks);
        int neuron = options->max_sweeps > 0 ? proceed(tensor, group[row], options) : NOBODY;
        if (neuron == NOBODY) {
            end_walk(tensor, group[row], options);
            tensor->idle_slots[tensor->idle++] = slot;
        } else {
            group[row]->course.next = tensor->lists[neuron];
            tensor->lists[neuron] = slot;
        }
    }
}

static uint64_t admit(struct dam_tensor *tensor, uint64_t first, uint64_t end,
                      const struct dam_ensemble_options *options) {
    struct walk *group[GROUP];
    int starts = 0;
    for (; starts < GROUP && first < end && tensor->idle > 0; first++) {
        group[starts] = &tensor->walks[tensor->idle_slots[--tensor->idle]];
        begin_walk(tensor, group[starts++], first, options);
    }
    find_fields(tensor, group, starts);
    send_on(tensor, group, starts, options);
    return first;
}

/* What a flip will need, while the products are made. */
static void prefetch(const struct dam_tensor *tensor, const struct walk *walk) {
    for (size_t line = 0; line < offsetof(struct walk, course.stream); line += 64)
        __builtin_prefetch((const char *)walk + line);
    for (int band = 0; band < tensor->bands; band++)
        __builtin_prefetch(walk->fields + band * TENSOR_SIDE);
}

static void serve(struct dam_tensor *tensor, int neuron,
                  const struct dam_ensemble_options *options) {
    struct walk *group[GROUP];
    int starts = 0, slot = tensor->lists[neuron];
    for (; starts < GROUP && slot != NOBODY; slot = tensor->walks[slot].course.next) {
        group[starts++] = &tensor->walks[slot];
        prefetch(tensor, &tensor->walks[slot]);
    }
    tensor->lists[neuron] = slot;
    flip(tensor, group, starts, neuron);
    send_on(tensor, group, starts, options);
}

static bool abandoned(struct dam_tensor *tensor, const struct dam_poll *poll) {
    if (tensor->work < 1000)
        return false;
    tensor->work = 0;
    return poll->call != NULL && poll->call(poll->context);
}

enum dam_status dam_tensor_run(struct dam_tensor *tensor,
                               const struct dam_ensemble_options *options, uint64_t first,
                               uint64_t end, struct dam_error *error) {
    int neurons = tensor->patterns->neurons;
    bool stopped = false;
    tensor->work = 1000; /* even a short run is polled */
    for (tensor->idle = 0; tensor->idle < tensor->slots; tensor->idle++)
        tensor->idle_slots[tensor->idle] = tensor->idle;
    for (int k = 0; k < neurons; k++)
        tensor->lists[k] = NOBODY;
    while (!stopped && (first < end || tensor->idle < tensor->slots)) {
        while (!stopped && first < end && tensor->idle > 0) {
            first = admit(tensor, first, end, options);
            stopped = abandoned(tensor, &options->poll);
        }
        for (int k = 0; k < neurons; k++) {
            while (!stopped && tensor->lists[k] != NOBODY) {
                serve(tensor, k, options);
                stopped = abandoned(tensor, &options->poll);
            }
        }
    }
    return stopped ? dam_fail(error, DAM_STOPPED, "retrieval stopped on request") : DAM_OK;
}

struct dam_ensemble_counts dam_tensor_counts(const struct dam_tensor *tensor) {
    return tensor->seen;
}
