#include <dam/ensemble.h>

#include "engine/energy_tables.h"
#include "engine/tensor.h"
#include "engine/tiles.h"
#include <assert.h>
#include <stdlib.h>

const char *const dam_algorithm_names[] = {
    [DAM_ALGORITHM_SUMS] = "sums",
    [DAM_ALGORITHM_TILES] = "tiles",
    [DAM_ALGORITHM_TENSOR] = "tensor",
    NULL,
};

/* ---- sums: one start at a time ---- */

struct sums {
    const struct dam_patterns *patterns;
    struct dam_retrieval *retrieval;
    int8_t *spins; /* [N] */
    struct dam_ensemble_counts seen;
};

static bool sums_can(const struct dam_energy *energy, int64_t memories) {
    (void)energy;
    (void)memories;
    return true;
}

static size_t sums_bytes(enum dam_energy_form form, int power, int neurons, int64_t memories) {
    (void)form;
    (void)power;
    size_t bytes;
    if (__builtin_add_overflow(dam_retrieval_bytes(neurons, memories), (size_t)neurons, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct sums), &bytes))
        return SIZE_MAX;
    return bytes;
}

static void sums_destroy(void *work) {
    struct sums *sums = work;
    if (sums == NULL)
        return;
    dam_retrieval_destroy(sums->retrieval);
    free(sums->spins);
    free(sums);
}

static enum dam_status sums_new(void **work, const struct dam_energy *energy,
                                const struct dam_patterns *patterns, uint64_t starts,
                                struct dam_error *error) {
    (void)starts;
    *work = NULL;
    struct sums *made = calloc(1, sizeof *made);
    int8_t *spins = malloc((size_t)patterns->neurons);
    if (made == NULL || spins == NULL) {
        free(spins);
        free(made);
        return dam_fail(error, DAM_MEMORY, "no memory for an ensemble of N = %d neurons",
                        patterns->neurons);
    }
    made->patterns = patterns;
    made->spins = spins;
    enum dam_status status = dam_retrieval_new(&made->retrieval, energy, patterns, error);
    if (status != DAM_OK) {
        sums_destroy(made);
        return status;
    }
    *work = made;
    return DAM_OK;
}

static int count_unstable(struct sums *sums) {
    int unstable = 0;
    for (int i = 0; i < sums->patterns->neurons; i++)
        unstable += dam_retrieval_unstable(sums->retrieval, i);
    return unstable;
}

static void find_extremes(const struct sums *sums, struct dam_ensemble_end *end) {
    const int16_t *overlaps = dam_retrieval_overlaps(sums->retrieval);
    end->highest = end->lowest = overlaps[0];
    for (int64_t mu = 1; mu < sums->patterns->memories; mu++) {
        end->highest = overlaps[mu] > end->highest ? overlaps[mu] : end->highest;
        end->lowest = overlaps[mu] < end->lowest ? overlaps[mu] : end->lowest;
    }
}

static enum dam_status run_start(struct sums *sums, const struct dam_ensemble_options *options,
                                 uint64_t start, struct dam_error *error) {
    const struct dam_retrieval_options one = {
        .order = options->order, .max_sweeps = options->max_sweeps, .poll = options->poll};
    struct dam_stream order = {0};
    struct dam_ensemble_end last = {0};
    options->begin(options->context, start, sums->spins, &order);
    dam_retrieval_set(sums->retrieval, sums->spins);
    if (options->max_sweeps == 0) {
        last.unstable = count_unstable(sums);
    } else {
        enum dam_status status =
            dam_retrieval_run(sums->retrieval, &one, &order, &last.outcome, error);
        if (status != DAM_OK)
            return status;
    }
    last.spins = dam_retrieval_spins(sums->retrieval);
    find_extremes(sums, &last);
    sums->seen.starts++;
    sums->seen.flips += (uint64_t)last.outcome.flips;
    sums->seen.visits = dam_retrieval_counts(sums->retrieval).visits;
    options->end(options->context, start, &last);
    return DAM_OK;
}

static enum dam_status sums_run(void *work, const struct dam_ensemble_options *options,
                                uint64_t first, uint64_t end, struct dam_error *error) {
    for (uint64_t start = first; start < end; start++) {
        enum dam_status status = run_start(work, options, start, error);
        if (status != DAM_OK)
            return status;
        if (options->poll.call != NULL && options->poll.call(options->poll.context))
            return dam_fail(error, DAM_STOPPED, "retrieval stopped on request");
    }
    return DAM_OK;
}

static struct dam_ensemble_counts sums_counts(const void *work) {
    return ((const struct sums *)work)->seen;
}

/* ---- tiles ---- */

static bool tiles_can(const struct dam_energy *energy, int64_t memories) {
    return dam_tile_kernel_chosen() != NULL && dam_tiles_can(energy, memories);
}

static enum dam_status tiles_new(void **work, const struct dam_energy *energy,
                                 const struct dam_patterns *patterns, uint64_t starts,
                                 struct dam_error *error) {
    struct dam_tiles *tiles;
    enum dam_status status =
        dam_tiles_new(&tiles, dam_tile_kernel_chosen(), energy, patterns, starts, error);
    *work = tiles;
    return status;
}

static void tiles_destroy(void *work) {
    dam_tiles_destroy(work);
}

static enum dam_status tiles_run(void *work, const struct dam_ensemble_options *options,
                                 uint64_t first, uint64_t end, struct dam_error *error) {
    return dam_tiles_run(work, options, first, end, error);
}

static struct dam_ensemble_counts tiles_counts(const void *work) {
    return dam_tiles_counts(work);
}

/* ---- tensor ---- */

static enum dam_status tensor_new(void **work, const struct dam_energy *energy,
                                  const struct dam_patterns *patterns, uint64_t starts,
                                  struct dam_error *error) {
    (void)energy;
    struct dam_tensor *tensor;
    enum dam_status status =
        dam_tensor_new(&tensor, dam_tensor_kernel_chosen(), patterns, starts, error);
    *work = tensor;
    return status;
}

static void tensor_destroy(void *work) {
    dam_tensor_destroy(work);
}

static enum dam_status tensor_run(void *work, const struct dam_ensemble_options *options,
                                  uint64_t first, uint64_t end, struct dam_error *error) {
    return dam_tensor_run(work, options, first, end, error);
}

static struct dam_ensemble_counts tensor_counts(const void *work) {
    return dam_tensor_counts(work);
}

/* ---- any of them ---- */

static const struct algorithm {
    bool (*can)(const struct dam_energy *energy, int64_t memories);
    /* At most; 0 where it cannot. */
    size_t (*bytes)(enum dam_energy_form form, int power, int neurons, int64_t memories);

    /* *work is NULL after success where these patterns do not allow it. */
    enum dam_status (*new)(void **work, const struct dam_energy *energy,
                           const struct dam_patterns *patterns, uint64_t starts,
                           struct dam_error *error);
    void (*destroy)(void *work);
    enum dam_status (*run)(void *work, const struct dam_ensemble_options *options, uint64_t first,
                           uint64_t end, struct dam_error *error);
    struct dam_ensemble_counts (*counts)(const void *work);
} algorithms[] = {
    [DAM_ALGORITHM_SUMS] = {sums_can, sums_bytes, sums_new, sums_destroy, sums_run, sums_counts},
    [DAM_ALGORITHM_TILES] = {tiles_can, dam_tiles_bytes, tiles_new, tiles_destroy, tiles_run,
                             tiles_counts},
    [DAM_ALGORITHM_TENSOR] = {dam_tensor_can, dam_tensor_bytes, tensor_new, tensor_destroy,
                              tensor_run, tensor_counts},
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

struct dam_ensemble {
    const struct algorithm *algorithm;
    void *work;
};

bool dam_ensemble_can(enum dam_algorithm algorithm, const struct dam_energy *energy,
                      int64_t memories) {
    return algorithms[algorithm].can(energy, memories);
}

/* Tiles are several times faster than sums for a start, but to set them up takes as long as a few:
 * measured, from two starts on with AMX, from four on without. Per start and N^2 K they take 0.6 to
 * 1.4e-6 us, sums 6e-6 (AVX-512) to 16e-6 (generic): a tensor must be faster than about the lower
 * of these, and be set up in a time that may pass before a poll. */
enum dam_algorithm dam_ensemble_choose(const struct dam_energy *energy, int64_t memories,
                                       uint64_t starts) {
    enum { FEW_STARTS = 4 };
    const double set_up_limit = 1e6;
    double N = energy->neurons;
    bool tiles = starts >= FEW_STARTS && dam_ensemble_can(DAM_ALGORITHM_TILES, energy, memories);
    double time = (tiles ? 0.7e-6 : 6e-6) * N * N * (double)memories * (double)starts;
    const struct dam_tensor_kernel *kernel = dam_tensor_kernel_chosen();
    if (dam_ensemble_can(DAM_ALGORITHM_TENSOR, energy, memories) &&
        dam_tensor_microseconds(kernel, energy->neurons, memories, 0) < set_up_limit &&
        dam_tensor_microseconds(kernel, energy->neurons, memories, starts) < time)
        return DAM_ALGORITHM_TENSOR;
    return tiles ? DAM_ALGORITHM_TILES : DAM_ALGORITHM_SUMS;
}

size_t dam_ensemble_bytes(enum dam_energy_form form, int power, int neurons, int64_t memories) {
    size_t most = 0;
    for (int a = 0; a < ALGORITHMS; a++) {
        size_t bytes = algorithms[a].bytes(form, power, neurons, memories);
        most = bytes > most ? bytes : most;
    }
    return __builtin_add_overflow(most, sizeof(struct dam_ensemble), &most) ? SIZE_MAX : most;
}

enum dam_status dam_ensemble_new(struct dam_ensemble **ensemble, enum dam_algorithm algorithm,
                                 const struct dam_energy *energy,
                                 const struct dam_patterns *patterns, uint64_t starts,
                                 struct dam_error *error) {
    assert(dam_ensemble_can(algorithm, energy, patterns->memories));
    *ensemble = NULL;
    struct dam_ensemble *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for an ensemble");
    made->algorithm = &algorithms[algorithm];
    enum dam_status status = made->algorithm->new (&made->work, energy, patterns, starts, error);
    if (status == DAM_OK && made->work == NULL) {
        made->algorithm = &algorithms[DAM_ALGORITHM_SUMS];
        status = made->algorithm->new (&made->work, energy, patterns, starts, error);
    }
    if (status != DAM_OK) {
        free(made);
        return status;
    }
    *ensemble = made;
    return DAM_OK;
}

void dam_ensemble_destroy(struct dam_ensemble *ensemble) {
    if (ensemble == NULL)
        return;
    ensemble->algorithm->destroy(ensemble->work);
    free(ensemble);
}

enum dam_status dam_ensemble_run(struct dam_ensemble *ensemble,
                                 const struct dam_ensemble_options *options, uint64_t first,
                                 uint64_t end, struct dam_error *error) {
    return ensemble->algorithm->run(ensemble->work, options, first, end, error);
}

struct dam_ensemble_counts dam_ensemble_counts(const struct dam_ensemble *ensemble) {
    return ensemble->algorithm->counts(ensemble->work);
}
