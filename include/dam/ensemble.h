/* Many retrievals among the same memories, side by side: what a capacity sweep is made of.
 *
 * Each start is a state of its own and ends as dam_retrieval_run would end it, with the same
 * counts: decisions are exact. Only the order in which starts end is not fixed.
 */
#ifndef DAM_ENSEMBLE_H
#define DAM_ENSEMBLE_H

#include <dam/retrieval.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the fields are found; the names by their number, NULL at the end. */
enum dam_algorithm {
    DAM_ALGORITHM_SUMS,  /* one start at a time, a masked sum over the memories for each visit */
    DAM_ALGORITHM_TILES, /* many at a time: integer matrix products of states and memories */
    DAM_ALGORITHM_TENSOR /* F = x^3: fields follow from couplings of three neurons, without K */
};
extern const char *const dam_algorithm_names[];

/* What one start came to. */
struct dam_ensemble_end {
    struct dam_retrieval_outcome outcome;
    const int8_t *spins; /* the final state [N]; borrowed for the call */
    int highest, lowest; /* of its overlaps h_mu */
    int unstable;        /* with max_sweeps = 0: neurons that the update would flip, else 0 */
};

struct dam_ensemble_options {
    enum dam_update_order order;
    int64_t max_sweeps;   /* 0: nothing is updated, `unstable` is counted */
    struct dam_poll poll; /* call may be NULL */

    /* Fill the first state of a start, spins[i] = +1 or -1 [N], and open the stream of its
     * permutations (untouched for sequential order). Called once for each start. */
    void (*begin)(void *context, uint64_t start, int8_t *spins, struct dam_stream *order);
    /* Called once for each start, after its `begin`, in any order. */
    void (*end)(void *context, uint64_t start, const struct dam_ensemble_end *end);
    void *context;
};

/* An energy and a pattern set, prepared for many starts. Borrows both, which must outlive it and
 * have the same N. Not shared by threads. */
struct dam_ensemble;

/* The algorithm that is predicted to take less time for so many starts with the kernel in use
 * (dam/kernel.h). */
enum dam_algorithm dam_ensemble_choose(const struct dam_energy *energy, int64_t memories,
                                       uint64_t starts);

/* Can the kernel in use run it with this energy and so many memories? Always true for sums. */
bool dam_ensemble_can(enum dam_algorithm algorithm, const struct dam_energy *energy,
                      int64_t memories);

/* Bytes an ensemble of any algorithm that may run with F of this form and power takes at most,
 * besides the patterns, with any kernel; SIZE_MAX when that overflows. */
size_t dam_ensemble_bytes(enum dam_energy_form form, int power, int neurons, int64_t memories);

/* Prepare for about `starts` starts, with the kernel in use, which must be that of
 * dam_ensemble_can. The algorithm must be one that dam_ensemble_can use; sums take
 * the place of a tensor where memories are so much alike that its integers might overflow. Fails
 * with DAM_MEMORY. */
enum dam_status dam_ensemble_new(struct dam_ensemble **ensemble, enum dam_algorithm algorithm,
                                 const struct dam_energy *energy,
                                 const struct dam_patterns *patterns, uint64_t starts,
                                 struct dam_error *error) DAM_CHECKED;
void dam_ensemble_destroy(struct dam_ensemble *ensemble);

/* Run the starts first .. end - 1. Fails with DAM_STOPPED when the poll says so: then some starts
 * have ended and others not, and the ensemble may run again. */
enum dam_status dam_ensemble_run(struct dam_ensemble *ensemble,
                                 const struct dam_ensemble_options *options, uint64_t first,
                                 uint64_t end, struct dam_error *error) DAM_CHECKED;

/* Visits and flips of all starts that have ended. */
struct dam_ensemble_counts {
    uint64_t visits; /* turns of neurons until it is known that no other flip follows; of sums,
                        those for which a field was found */
    uint64_t flips;
    uint64_t starts;
};
struct dam_ensemble_counts dam_ensemble_counts(const struct dam_ensemble *ensemble);

#ifdef __cplusplus
}
#endif

#endif
