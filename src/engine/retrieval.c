#include <dam/retrieval.h>

#include "engine/arrays.h"
#include "engine/kernels/kernel.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_INTERACTIONS = 10000000, /* a few milliseconds: one is one memory seen by one visit */
    REFRESH_INTERACTIONS = 4      /* what renewing one memory at a flip takes */
};

/* Arrays of dam_retrieval, in one allocation; their offsets in bytes, multiples of 64. */
struct parts {
    size_t overlaps, span, spins, order, quiet, counts;
};

struct dam_retrieval {
    const struct dam_energy *energy;
    const struct dam_patterns *patterns;
    const struct dam_kernel *kernel;
    struct dam_field field;
    int8_t *spins;    /* s_i [N] */
    int32_t *order;   /* neurons in the order of the sweep [N] */
    int64_t *counts;  /* signed counts of the exact sum [N + 2] */
    uint64_t version; /* of the state: grows with every change */
    uint64_t *quiet;  /* the newest version for which neuron i is known not to flip [N] */
    int64_t work;     /* interactions since the last poll */
    struct dam_retrieval_counts seen;
};

/* ---- memory ---- */

/* Bytes of the allocation; SIZE_MAX when that overflows. */
static size_t lay_out(int neurons, int64_t memories, struct parts *parts) {
    size_t spins = (size_t)neurons;
    size_t padded = ((size_t)memories / 64 + (memories % 64 != 0)) * 64;
    size_t bytes = 0;
    bool fits = dam_arrays_append(&bytes, &parts->overlaps, padded, sizeof(int16_t)) &&
                dam_arrays_append(&bytes, &parts->span, padded, sizeof(double)) &&
                dam_arrays_append(&bytes, &parts->spins, spins, sizeof(int8_t)) &&
                dam_arrays_append(&bytes, &parts->order, spins, sizeof(int32_t)) &&
                dam_arrays_append(&bytes, &parts->quiet, spins, sizeof(uint64_t)) &&
                dam_arrays_append(&bytes, &parts->counts, spins + 2, sizeof(int64_t));
    return fits ? bytes : SIZE_MAX;
}

size_t dam_retrieval_bytes(int neurons, int64_t memories) {
    assert(neurons >= 1 && memories >= 1);
    struct parts parts;
    size_t bytes = lay_out(neurons, memories, &parts);
    if (__builtin_add_overflow(bytes, sizeof(struct dam_retrieval), &bytes))
        return SIZE_MAX;
    return bytes;
}

enum dam_status dam_retrieval_new(struct dam_retrieval **retrieval, const struct dam_energy *energy,
                                  const struct dam_patterns *patterns, struct dam_error *error) {
    assert(energy->neurons == patterns->neurons);
    *retrieval = NULL;
    int neurons = patterns->neurons;
    int64_t memories = patterns->memories;
    struct parts parts;
    size_t size = lay_out(neurons, memories, &parts);
    struct dam_retrieval *made = malloc(sizeof *made);
    unsigned char *arrays = size < SIZE_MAX ? aligned_alloc(64, size) : NULL;
    if (made == NULL || arrays == NULL) {
        free(arrays);
        free(made);
        return dam_fail(error, DAM_MEMORY,
                        "retrieval with K = %lld memories of N = %d neurons needs %s%zu bytes",
                        (long long)memories, neurons, size < SIZE_MAX ? "" : "more than ",
                        dam_retrieval_bytes(neurons, memories));
    }
    memset(arrays, 0, size);
    *made = (struct dam_retrieval){
        .energy = energy,
        .patterns = patterns,
        .kernel = dam_kernel_chosen(),
        .field = {.memories = memories,
                  .blocks = (size_t)memories / 64 + (memories % 64 != 0),
                  .overlaps = (int16_t *)(arrays + parts.overlaps),
                  .span = (double *)(arrays + parts.span)},
        .spins = (int8_t *)(arrays + parts.spins),
        .order = (int32_t *)(arrays + parts.order),
        .quiet = (uint64_t *)(arrays + parts.quiet),
        .counts = (int64_t *)(arrays + parts.counts),
    };
    memset(made->spins, 1, (size_t)neurons);
    dam_retrieval_set(made, made->spins);
    *retrieval = made;
    return DAM_OK;
}

void dam_retrieval_destroy(struct dam_retrieval *retrieval) {
    if (retrieval == NULL)
        return;
    free(retrieval->field.overlaps); /* the first of the arrays, which share one allocation */
    free(retrieval);
}

/* ---- the state ---- */

static const uint64_t *row_of(const struct dam_retrieval *retrieval, int neuron) {
    return retrieval->patterns->rows + (size_t)neuron * retrieval->patterns->words;
}

void dam_retrieval_set(struct dam_retrieval *retrieval, const int8_t *spins) {
    for (int i = 0; i < retrieval->patterns->neurons; i++) {
        assert(spins[i] == 1 || spins[i] == -1);
        retrieval->spins[i] = spins[i];
    }
    retrieval->version++;
    retrieval->kernel->overlap(&retrieval->field, retrieval->patterns, retrieval->spins);
    retrieval->kernel->refresh(&retrieval->field, retrieval->energy, row_of(retrieval, 0), 0);
}

const int8_t *dam_retrieval_spins(const struct dam_retrieval *retrieval) {
    return retrieval->spins;
}

const int16_t *dam_retrieval_overlaps(const struct dam_retrieval *retrieval) {
    return retrieval->field.overlaps;
}

struct dam_retrieval_counts dam_retrieval_counts(const struct dam_retrieval *retrieval) {
    return retrieval->seen;
}

static void flip(struct dam_retrieval *retrieval, int neuron) {
    int8_t spin = retrieval->spins[neuron] = (int8_t)-retrieval->spins[neuron];
    retrieval->version++;
    retrieval->work += REFRESH_INTERACTIONS * retrieval->field.memories;
    retrieval->kernel->refresh(&retrieval->field, retrieval->energy, row_of(retrieval, neuron),
                               2 * spin);
}

/* ---- the decision ---- */

/* How far the doubles may be from the exact s D = A - B of energy_tables.h, where A sums span over
 * the memories with x s = +1 and B sums rise over all. Let u = 2^-53, m = 64 blocks >= K, and
 * M = sum |span| + |rise|, exactly.
 *
 * Below 2^53 nothing is rounded. All numbers are integers, and every partial sum, difference or
 * table entry is at most M in absolute value, so it is a double. Rounding is monotone: if M or any
 * table entry were 2^53 or more, the computed magnitude would be too. The bound is then zero, and
 * a tie is seen as one.
 *
 * Otherwise a table entry is off by at most 2u of itself, and a sum of m terms with at most m - 1
 * roundings, in any order, by gamma = m u / (1 - m u) of the sum of its absolute terms (Higham,
 * Accuracy and Stability of Numerical Algorithms, section 4.2). Each sum is then off by at most e
 * times the absolute sum of its exact terms, e = (1 + gamma)(1 + 2u) - 1. For s = -1, A is the
 * difference of two sums over span, hence with two final roundings
 *     |error| <= 2 e M + 4 u (1 + e)(1 + u) M.
 * For m < 2^43 (a field of 2^43 memories takes 80 TB) is gamma <= 1.001 m u, e <= 1.002 m u + 2.1 u
 * < 2^-9, and the computed magnitude at least 0.997 M; so |error| <= (2.02 m + 8.5) u magnitude.
 * The bound below, (4 m + 64) u magnitude, has room for its own roundings. */
static double error_bound(const struct dam_field *field) {
    if (field->magnitude < 0x1p53)
        return 0;
    return (double)(field->blocks * 64 + 16) * 0x1p-51 * field->magnitude;
}

/* The sign of s D in exact arithmetic, by counting: with r = h - x s, the overlap without neuron
 * i, it is that of s sum_r [sum_{mu: r_mu = r} x] (F(r+1) - F(r-1)). */
static int exact_sign(struct dam_retrieval *retrieval, int neuron) {
    const int16_t *overlaps = retrieval->field.overlaps;
    const uint64_t *row = row_of(retrieval, neuron);
    int spin = retrieval->spins[neuron];
    int neurons = retrieval->patterns->neurons;
    int64_t *counts = retrieval->counts; /* of r at (r + N + 1) / 2 */
    memset(counts, 0, ((size_t)neurons + 2) * sizeof *counts);
    for (int64_t mu = 0; mu < retrieval->field.memories; mu++) {
        int x = row[mu / 64] >> mu % 64 & 1 ? 1 : -1;
        counts[(overlaps[mu] - x * spin + neurons + 1) / 2] += x;
    }

    mpz_t sum, step;
    mpz_inits(sum, step, NULL);
    for (int b = 0; b < neurons + 2; b++) {
        if (counts[b] == 0)
            continue;
        dam_energy_step(retrieval->energy, 2 * b - neurons - 1, step);
        if (counts[b] > 0)
            mpz_addmul_ui(sum, step, (unsigned long)counts[b]);
        else
            mpz_submul_ui(sum, step, (unsigned long)-counts[b]);
    }
    int sign = spin * mpz_sgn(sum);
    mpz_clears(sum, step, NULL);
    return sign;
}
_Static_assert(sizeof(unsigned long) >= sizeof(int64_t), "GMP takes counts as unsigned long");

/* s D < 0: the update flips the neuron. */
static bool would_flip(struct dam_retrieval *retrieval, int neuron) {
    const struct dam_field *field = &retrieval->field;
    double aligned = retrieval->kernel->masked_sum(field, row_of(retrieval, neuron));
    if (retrieval->spins[neuron] < 0)
        aligned = field->span_sum - aligned;
    double difference = aligned - field->rise_sum;
    double bound = error_bound(field);
    retrieval->seen.visits++;
    retrieval->work += field->memories;
    if (difference < -bound)
        return true;
    if (difference > bound || bound == 0)
        return false;
    retrieval->seen.unsettled++;
    return exact_sign(retrieval, neuron) < 0;
}

bool dam_retrieval_unstable(struct dam_retrieval *retrieval, int neuron) {
    assert(neuron >= 0 && neuron < retrieval->patterns->neurons);
    return would_flip(retrieval, neuron);
}

/* ---- the run ---- */

/* Visit a neuron; true if it flips. A decision depends on the state alone, so one that is known
 * for this state is not made again. A neuron that has just flipped stays: D does not depend on
 * its own spin. */
static bool visit(struct dam_retrieval *retrieval, int neuron) {
    if (retrieval->quiet[neuron] == retrieval->version)
        return false;
    bool flipped = would_flip(retrieval, neuron);
    if (flipped)
        flip(retrieval, neuron);
    retrieval->quiet[neuron] = retrieval->version;
    return flipped;
}

/* The neurons in the order of one sweep, which does not depend on the sweeps before. */
static void arrange(struct dam_retrieval *retrieval, enum dam_update_order order,
                    struct dam_stream *stream) {
    if (order == DAM_ORDER_RANDOM) {
        dam_stream_permutation(stream, retrieval->order, retrieval->patterns->neurons);
        return;
    }
    for (int i = 0; i < retrieval->patterns->neurons; i++)
        retrieval->order[i] = i;
}

static bool abandoned(struct dam_retrieval *retrieval, const struct dam_poll *poll) {
    if (retrieval->work < POLL_INTERACTIONS)
        return false;
    retrieval->work = 0;
    return poll->call != NULL && poll->call(poll->context);
}

enum dam_status dam_retrieval_run(struct dam_retrieval *retrieval,
                                  const struct dam_retrieval_options *options,
                                  struct dam_stream *stream, struct dam_retrieval_outcome *outcome,
                                  struct dam_error *error) {
    assert(options->max_sweeps >= 1);
    assert(stream != NULL || options->order == DAM_ORDER_SEQUENTIAL);
    *outcome = (struct dam_retrieval_outcome){0};
    while (!outcome->converged && outcome->sweeps < options->max_sweeps) {
        int64_t before = outcome->flips;
        arrange(retrieval, options->order, stream);
        for (int i = 0; i < retrieval->patterns->neurons; i++) {
            outcome->flips += visit(retrieval, retrieval->order[i]);
            if (abandoned(retrieval, &options->poll))
                return dam_fail(error, DAM_STOPPED, "retrieval stopped on request");
        }
        outcome->sweeps++;
        outcome->converged = outcome->flips == before;
    }
    return DAM_OK;
}
