/* Asynchronous retrieval: one neuron at a time, by the difference of two energies.
 *
 *     s_i <- Sign[ sum_mu F(+xi^mu_i + r^mu_i) - F(-xi^mu_i + r^mu_i) ],
 *     r^mu_i = sum_{j != i} xi^mu_j s_j                         (Krotov & Hopfield 2016, eq. 3)
 *
 * The sign is that of the exact integer sum; a tie keeps the spin. A decision is therefore a
 * function of the patterns and the state alone: no kernel, order of summation or rounding enters.
 */
#ifndef DAM_RETRIEVAL_H
#define DAM_RETRIEVAL_H

#include <dam/energy.h>
#include <dam/error.h>
#include <dam/patterns.h>
#include <dam/random.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dam_update_order {
    DAM_ORDER_RANDOM,    /* a fresh uniform permutation of the neurons each sweep */
    DAM_ORDER_SEQUENTIAL /* neurons 0 .. N-1 each sweep */
};

/* Called every few milliseconds during a long retrieval; returning true abandons it. */
struct dam_poll {
    bool (*call)(void *context);
    void *context;
};

struct dam_retrieval_options {
    enum dam_update_order order;
    int64_t max_sweeps;   /* at least 1 */
    struct dam_poll poll; /* call may be NULL */
};

struct dam_retrieval_outcome {
    bool converged; /* a sweep without a flip was seen */
    int64_t sweeps; /* sweeps made, the quiet one included */
    int64_t flips;
};

/* A network: an energy, a pattern set and a state of N spins with its K overlaps. Borrows the
 * energy and the patterns, which must outlive it and have the same N. Not shared by threads. */
struct dam_retrieval;

/* Bytes dam_retrieval_new would allocate besides the patterns; SIZE_MAX when that overflows. */
size_t dam_retrieval_bytes(int neurons, int64_t memories);

/* The state is all +1 until set. Fails with DAM_MEMORY. */
enum dam_status dam_retrieval_new(struct dam_retrieval **retrieval, const struct dam_energy *energy,
                                  const struct dam_patterns *patterns,
                                  struct dam_error *error) DAM_CHECKED;
void dam_retrieval_destroy(struct dam_retrieval *retrieval);

/* Set the state: spins[i] = +1 or -1, N of them, copied. */
void dam_retrieval_set(struct dam_retrieval *retrieval, const int8_t *spins);

/* The current state [N] and overlaps h_mu [K]; borrowed, valid until the next call that changes
 * the state. */
const int8_t *dam_retrieval_spins(const struct dam_retrieval *retrieval);
const int16_t *dam_retrieval_overlaps(const struct dam_retrieval *retrieval);

/* Would the update flip neuron i? Exact. Does not change the state. */
bool dam_retrieval_unstable(struct dam_retrieval *retrieval, int neuron);

/* Update until a sweep passes without a flip or max_sweeps have been made. `stream` gives the
 * permutations; it may be NULL for sequential order. Fails with DAM_STOPPED when the poll says
 * so (the state is then valid but arbitrary). */
enum dam_status dam_retrieval_run(struct dam_retrieval *retrieval,
                                  const struct dam_retrieval_options *options,
                                  struct dam_stream *stream, struct dam_retrieval_outcome *outcome,
                                  struct dam_error *error) DAM_CHECKED;

/* Visits evaluated since the network was made (those of neurons known to be quiet are not), and how
 * many of them floating point could not settle, so that exact arithmetic did. */
struct dam_retrieval_counts {
    uint64_t visits, unsettled;
};
struct dam_retrieval_counts dam_retrieval_counts(const struct dam_retrieval *retrieval);

#ifdef __cplusplus
}
#endif

#endif
