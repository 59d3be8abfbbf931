#include <dam/ensemble.h>

#include "engine/tiles.h"
#include <assert.h>
#include <stdlib.h>

const char *const dam_algorithm_names[] = {
    [DAM_ALGORITHM_SUMS] = "sums",
    [DAM_ALGORITHM_TILES] = "tiles",
    NULL,
};

struct dam_ensemble {
    const struct dam_patterns *patterns;
    struct dam_tiles *tiles; /* or else: */
    struct dam_retrieval *retrieval;
    int8_t *spins; /* [N] */
    struct dam_ensemble_counts seen;
};

bool dam_ensemble_can(enum dam_algorithm algorithm, const struct dam_energy *energy,
                      int64_t memories) {
    return algorithm == DAM_ALGORITHM_SUMS ||
           (dam_tile_kernel_chosen() != NULL && dam_tiles_can(energy, memories));
}

/* Tiles are several times faster for a start, but to set them up takes as long as a few: measured,
 * from two starts on with AMX, from four on without. */
enum dam_algorithm dam_ensemble_choose(const struct dam_energy *energy, int64_t memories,
                                       uint64_t starts) {
    enum { FEW_STARTS = 4 };
    return starts >= FEW_STARTS && dam_ensemble_can(DAM_ALGORITHM_TILES, energy, memories)
               ? DAM_ALGORITHM_TILES
               : DAM_ALGORITHM_SUMS;
}

size_t dam_ensemble_bytes(int neurons, int64_t memories) {
    size_t sums, tiles = dam_tiles_bytes(neurons, memories);
    if (__builtin_add_overflow(dam_retrieval_bytes(neurons, memories), (size_t)neurons, &sums))
        return SIZE_MAX;
    size_t bytes = sums > tiles ? sums : tiles;
    return __builtin_add_overflow(bytes, sizeof(struct dam_ensemble), &bytes) ? SIZE_MAX : bytes;
}

enum dam_status dam_ensemble_new(struct dam_ensemble **ensemble, enum dam_algorithm algorithm,
                                 const struct dam_energy *energy,
                                 const struct dam_patterns *patterns, uint64_t starts,
                                 struct dam_error *error) {
    assert(dam_ensemble_can(algorithm, energy, patterns->memories));
    *ensemble = NULL;
    struct dam_ensemble *made = calloc(1, sizeof *made);
    int8_t *spins = malloc((size_t)patterns->neurons);
    if (made == NULL || spins == NULL) {
        free(spins);
        free(made);
        return dam_fail(error, DAM_MEMORY, "no memory for an ensemble of N = %d neurons",
                        patterns->neurons);
    }
    made->patterns = patterns;
    made->spins = spins;
    enum dam_status status =
        algorithm == DAM_ALGORITHM_TILES
            ? dam_tiles_new(&made->tiles, dam_tile_kernel_chosen(), energy, patterns, starts, error)
            : dam_retrieval_new(&made->retrieval, energy, patterns, error);
    if (status != DAM_OK) {
        dam_ensemble_destroy(made);
        return status;
    }
    *ensemble = made;
    return DAM_OK;
}

void dam_ensemble_destroy(struct dam_ensemble *ensemble) {
    if (ensemble == NULL)
        return;
    dam_tiles_destroy(ensemble->tiles);
    dam_retrieval_destroy(ensemble->retrieval);
    free(ensemble->spins);
    free(ensemble);
}

/* ---- one start at a time ---- */

static int count_unstable(struct dam_ensemble *ensemble) {
    int unstable = 0;
    for (int i = 0; i < ensemble->patterns->neurons; i++)
        unstable += dam_retrieval_unstable(ensemble->retrieval, i);
    return unstable;
}

static void find_extremes(const struct dam_ensemble *ensemble, struct dam_ensemble_end *end) {
    const int16_t *overlaps = dam_retrieval_overlaps(ensemble->retrieval);
    end->highest = end->lowest = overlaps[0];
    for (int64_t mu = 1; mu < ensemble->patterns->memories; mu++) {
        end->highest = overlaps[mu] > end->highest ? overlaps[mu] : end->highest;
        end->lowest = overlaps[mu] < end->lowest ? overlaps[mu] : end->lowest;
    }
}

static enum dam_status run_start(struct dam_ensemble *ensemble,
                                 const struct dam_ensemble_options *options, uint64_t start,
                                 struct dam_error *error) {
    const struct dam_retrieval_options one = {
        .order = options->order, .max_sweeps = options->max_sweeps, .poll = options->poll};
    struct dam_stream order = {0};
    struct dam_ensemble_end last = {0};
    options->begin(options->context, start, ensemble->spins, &order);
    dam_retrieval_set(ensemble->retrieval, ensemble->spins);
    if (options->max_sweeps == 0) {
        last.unstable = count_unstable(ensemble);
    } else {
        enum dam_status status =
            dam_retrieval_run(ensemble->retrieval, &one, &order, &last.outcome, error);
        if (status != DAM_OK)
            return status;
    }
    last.spins = dam_retrieval_spins(ensemble->retrieval);
    find_extremes(ensemble, &last);
    ensemble->seen.starts++;
    ensemble->seen.flips += (uint64_t)last.outcome.flips;
    ensemble->seen.visits = dam_retrieval_counts(ensemble->retrieval).visits;
    options->end(options->context, start, &last);
    return DAM_OK;
}

enum dam_status dam_ensemble_run(struct dam_ensemble *ensemble,
                                 const struct dam_ensemble_options *options, uint64_t first,
                                 uint64_t end, struct dam_error *error) {
    if (ensemble->tiles != NULL)
        return dam_tiles_run(ensemble->tiles, options, first, end, error);
    for (uint64_t start = first; start < end; start++) {
        enum dam_status status = run_start(ensemble, options, start, error);
        if (status != DAM_OK)
            return status;
        if (options->poll.call != NULL && options->poll.call(options->poll.context))
            return dam_fail(error, DAM_STOPPED, "retrieval stopped on request");
    }
    return DAM_OK;
}

struct dam_ensemble_counts dam_ensemble_counts(const struct dam_ensemble *ensemble) {
    return ensemble->tiles != NULL ? dam_tiles_counts(ensemble->tiles) : ensemble->seen;
}
