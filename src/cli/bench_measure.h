/* How fast retrieval is in one setting, with the kernel in use. */
#ifndef DAM_CLI_BENCH_MEASURE_H
#define DAM_CLI_BENCH_MEASURE_H

#include <dam/ensemble.h>
#include <stdint.h>

enum { DAM_BENCH_STARTS_A_SET = 10000 }; /* of a pattern set, for which ensembles are prepared */

struct dam_bench_setting {
    int neurons;      /* N */
    int64_t memories; /* K */
    int power;        /* n */
    enum dam_energy_form form;
};

/* Random memories. Owns both parts. */
struct dam_bench_network {
    struct dam_energy *energy;
    struct dam_patterns *patterns;
};

/* Fails with DAM_MEMORY. On failure there is nothing to close. */
enum dam_status dam_bench_open(struct dam_bench_network *network,
                               const struct dam_bench_setting *setting,
                               struct dam_error *error) DAM_CHECKED;
void dam_bench_close(struct dam_bench_network *network);

/* Random starts, sequential updates. */
struct dam_bench_starts {
    double setup;    /* s, to prepare the ensemble */
    double seconds;  /* s, that the rest took */
    uint64_t starts; /* that ended; 0: the first was cut short */
    uint64_t visits; /* of these, or of the beginning of one that was cut short */
    uint64_t flips;  /* of starts that ended */
};

/* Run starts for about `seconds`, until `limit` at most (a single start may need that). What is
 * reported is whole: as many starts as were begun together. Where not one ends in time, it is the
 * updates of a start by sums, for twice `seconds`; nothing for other algorithms. Fails with
 * DAM_MEMORY. */
enum dam_status dam_bench_starts(const struct dam_bench_network *network,
                                 enum dam_algorithm algorithm, double seconds, double limit,
                                 struct dam_bench_starts *measured,
                                 struct dam_error *error) DAM_CHECKED;

/* Seconds that a visit takes by sums, of a state that does not change: flips are apart. The fastest
 * of some trials over all neurons in turn, about `seconds` in all. Fails with DAM_MEMORY. */
enum dam_status dam_bench_visit(const struct dam_bench_network *network, double seconds,
                                double *visit, struct dam_error *error) DAM_CHECKED;

#endif
