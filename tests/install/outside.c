/* A user's program, built against the installed library alone. It prints the share of unstable
 * spins theory expects, stores K memories far below capacity, and looks whether one is a fixed
 * point and comes back from noise. */
#include <dam/energy.h>
#include <dam/patterns.h>
#include <dam/retrieval.h>
#include <dam/theory.h>
#include <stdio.h>

enum { NEURONS = 100, MEMORIES = 10, POWER = 3, FLIPPED = 20 };

struct network {
    struct dam_energy *energy;
    struct dam_patterns *patterns;
    struct dam_retrieval *retrieval;
};

static enum dam_status build(struct network *network, struct dam_error *error) {
    enum dam_status status =
        dam_energy_new(&network->energy, DAM_ENERGY_POWER, POWER, NEURONS, error);
    if (status == DAM_OK)
        status = dam_patterns_new(&network->patterns, NEURONS, MEMORIES, error);
    if (status != DAM_OK)
        return status;
    struct dam_stream stream = dam_stream_open(1, DAM_PURPOSE_PATTERNS, NULL, 0, 0);
    dam_patterns_draw(network->patterns, &stream);
    return dam_retrieval_new(&network->retrieval, network->energy, network->patterns, error);
}

/* Start from memory 0 with its first `flipped` spins turned, and print how it ends. */
static enum dam_status retrieve(const struct network *network, int flipped,
                                struct dam_error *error) {
    int8_t spins[NEURONS];
    for (int i = 0; i < NEURONS; i++) {
        int spin = dam_patterns_get(network->patterns, 0, i);
        spins[i] = (int8_t)(i < flipped ? -spin : spin);
    }
    dam_retrieval_set(network->retrieval, spins);
    const struct dam_retrieval_options options = {.order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 100};
    struct dam_retrieval_outcome outcome;
    enum dam_status status = dam_retrieval_run(network->retrieval, &options, NULL, &outcome, error);
    if (status == DAM_OK)
        printf("%d flipped: converged %d, overlap %d, flips %lld\n", flipped, outcome.converged,
               dam_retrieval_overlaps(network->retrieval)[0], (long long)outcome.flips);
    return status;
}

int main(void) {
    struct network network = {0};
    struct dam_error error;
    printf("P_error %.5f\n", dam_theory_p_error_gaussian(DAM_ENERGY_POWER, 2, 100, 14));
    enum dam_status status = build(&network, &error);
    if (status == DAM_OK)
        status = retrieve(&network, 0, &error);
    if (status == DAM_OK)
        status = retrieve(&network, FLIPPED, &error);
    if (status != DAM_OK)
        fprintf(stderr, "%s\n", error.text);
    dam_retrieval_destroy(network.retrieval);
    dam_patterns_destroy(network.patterns);
    dam_energy_destroy(network.energy);
    return dam_exit_code(status);
}
