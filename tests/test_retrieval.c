/* Retrieval against the definition: the energy E(s) = - sum_mu F(h_mu), summed over all memories
 * with GMP from spins and patterns, before and after the flip. */
#include <dam/retrieval.h>

#include <gmp.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The sanitizer would end the test where malloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

/* ---- a network and its definition ---- */

struct network {
    struct dam_energy *energy;
    struct dam_patterns *patterns;
    struct dam_retrieval *retrieval;
    int8_t *spins;   /* [N] */
    int *overlaps;   /* [K], of spins */
    mpz_t *function; /* F(x) at x + N, x = -N .. N */
};

static struct network make(enum dam_energy_form form, int power, int neurons, int64_t memories) {
    struct network net;
    struct dam_error error;
    assert_int_equal(dam_energy_new(&net.energy, form, power, neurons, &error), DAM_OK);
    assert_int_equal(dam_patterns_new(&net.patterns, neurons, memories, &error), DAM_OK);
    assert_int_equal(dam_retrieval_new(&net.retrieval, net.energy, net.patterns, &error), DAM_OK);
    net.spins = malloc((size_t)neurons);
    net.overlaps = malloc((size_t)memories * sizeof *net.overlaps);
    net.function = malloc((2 * (size_t)neurons + 1) * sizeof *net.function);
    assert_true(net.spins != NULL && net.overlaps != NULL && net.function != NULL);
    for (int x = -neurons; x <= neurons; x++) {
        mpz_t *value = &net.function[x + neurons];
        mpz_init_set_si(*value, x < 0 && form == DAM_ENERGY_RECTIFIED ? 0 : x);
        mpz_pow_ui(*value, *value, (unsigned long)power);
    }
    return net;
}

static void destroy(struct network *net) {
    for (int x = 0; x <= 2 * net->patterns->neurons; x++)
        mpz_clear(net->function[x]);
    free(net->function);
    free(net->overlaps);
    free(net->spins);
    dam_retrieval_destroy(net->retrieval);
    dam_patterns_destroy(net->patterns);
    dam_energy_destroy(net->energy);
}

static int pattern(const struct network *net, int64_t memory, int neuron) {
    return dam_patterns_get(net->patterns, memory, neuron);
}

static void draw_spins(struct network *net, struct dam_stream *stream) {
    for (int i = 0; i < net->patterns->neurons; i++)
        net->spins[i] = dam_stream_below(stream, 2) == 0 ? 1 : -1;
}

static void copy_memory(struct network *net, int64_t memory) {
    for (int i = 0; i < net->patterns->neurons; i++)
        net->spins[i] = (int8_t)pattern(net, memory, i);
}

/* Hand the spins over and work out their overlaps by definition. */
static void set(struct network *net) {
    dam_retrieval_set(net->retrieval, net->spins);
    for (int64_t mu = 0; mu < net->patterns->memories; mu++) {
        net->overlaps[mu] = 0;
        for (int i = 0; i < net->patterns->neurons; i++)
            net->overlaps[mu] += pattern(net, mu, i) * net->spins[i];
    }
}

/* The sign of E(neuron flipped) - E. */
static int energy_change(const struct network *net, int neuron) {
    int offset = net->patterns->neurons;
    mpz_t change;
    mpz_init(change);
    for (int64_t mu = 0; mu < net->patterns->memories; mu++) {
        int after = net->overlaps[mu] - 2 * pattern(net, mu, neuron) * net->spins[neuron];
        mpz_add(change, change, net->function[net->overlaps[mu] + offset]);
        mpz_sub(change, change, net->function[after + offset]);
    }
    int sign = mpz_sgn(change);
    mpz_clear(change);
    return sign;
}

static void flip(struct network *net, int neuron) {
    net->spins[neuron] = (int8_t)-net->spins[neuron];
    for (int64_t mu = 0; mu < net->patterns->memories; mu++)
        net->overlaps[mu] += 2 * pattern(net, mu, neuron) * net->spins[neuron];
}

static void assert_same_state(const struct network *net) {
    assert_memory_equal(dam_retrieval_spins(net->retrieval), net->spins,
                        (size_t)net->patterns->neurons);
    const int16_t *overlaps = dam_retrieval_overlaps(net->retrieval);
    for (int64_t mu = 0; mu < net->patterns->memories; mu++)
        assert_int_equal(overlaps[mu], net->overlaps[mu]);
}

struct tally {
    int falls, ties, rises;
};

/* Compare the decision on `neuron` with the change of the energy. */
static void check_decision(struct network *net, int neuron, struct tally *tally) {
    int change = energy_change(net, neuron);
    assert_int_equal(dam_retrieval_unstable(net->retrieval, neuron), change < 0);
    tally->falls += change < 0;
    tally->ties += change == 0;
    tally->rises += change > 0;
}

static struct tally check_all_decisions(struct network *net) {
    struct tally tally = {0};
    for (int i = 0; i < net->patterns->neurons; i++)
        check_decision(net, i, &tally);
    return tally;
}

/* ---- patterns where large terms cancel ---- */

/* Memory mu + 1 is the mirror of memory mu, for even mu: for odd n all terms cancel. */
static void mirror_patterns(struct network *net) {
    for (int64_t mu = 0; mu + 1 < net->patterns->memories; mu += 2)
        for (int i = 0; i < net->patterns->neurons; i++)
            dam_patterns_set(net->patterns, mu + 1, i, -pattern(net, mu, i));
}

/* Memory mu + 1 is memory mu but for `neuron`, for the first pairs: there, their terms cancel. */
static void twin_patterns(struct network *net, int neuron, int64_t pairs) {
    for (int64_t mu = 0; mu < 2 * pairs; mu += 2)
        for (int i = 0; i < net->patterns->neurons; i++)
            dam_patterns_set(net->patterns, mu + 1, i,
                             i == neuron ? -pattern(net, mu, i) : pattern(net, mu, i));
}

static const int powers[] = {1, 2, 3, 4, 5, 7, 10, 30, 31, 59, 60};
enum { POWERS = sizeof powers / sizeof powers[0] };

/* ---- tests ---- */

static void decisions_are_signs_of_energy_differences(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(1, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct tally tally = {0};
    uint64_t unsettled = 0;
    for (int trial = 0; trial < 660; trial++) {
        int power = powers[trial % POWERS];
        enum dam_energy_form form =
            trial / POWERS % 2 == 0 ? DAM_ENERGY_POWER : DAM_ENERGY_RECTIFIED;
        int neurons = 1 + (int)dam_stream_below(&stream, 40);
        int64_t memories = 1 + (int64_t)dam_stream_below(&stream, 200);
        struct network net = make(form, power, neurons, memories);
        dam_patterns_draw(net.patterns, &stream);
        switch (trial / (2 * POWERS) % 3) {
        case 0:
            break;
        case 1:
            mirror_patterns(&net);
            break;
        case 2:
            twin_patterns(&net, (int)dam_stream_below(&stream, (uint64_t)neurons), memories / 2);
            break;
        }
        if (dam_stream_below(&stream, 2) == 0)
            draw_spins(&net, &stream);
        else
            copy_memory(&net, (int64_t)dam_stream_below(&stream, (uint64_t)memories));
        set(&net);
        assert_same_state(&net);
        struct tally found = check_all_decisions(&net);
        assert_same_state(&net);
        tally.falls += found.falls;
        tally.ties += found.ties;
        tally.rises += found.rises;
        unsettled += dam_retrieval_counts(net.retrieval).unsettled;
        destroy(&net);
    }
    /* The patterns did ask for every kind of decision, and for exact arithmetic. */
    assert_true(tally.falls > 500 && tally.ties > 500 && tally.rises > 500);
    assert_true(unsettled > 100);
}

/* Around a state that half the memories are close to: their terms, up to 40^60, cancel at one
 * neuron, where the small terms of two memories without a twin decide. */
static void small_terms_decide_where_large_ones_cancel(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(2, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int form = DAM_ENERGY_POWER; form <= DAM_ENERGY_RECTIFIED; form++) {
        struct tally tally = {0};
        uint64_t unsettled = 0;
        for (int trial = 0; trial < 300; trial++) {
            int power = powers[trial % POWERS], neurons = 39 + trial % 2;
            int neuron = (int)dam_stream_below(&stream, (uint64_t)neurons);
            struct network net = make((enum dam_energy_form)form, power, neurons, 12);
            dam_patterns_draw(net.patterns, &stream);
            draw_spins(&net, &stream);
            for (int64_t mu = 0; mu < 10; mu++)
                for (int i = 0; i < neurons; i++)
                    if (dam_stream_below(&stream, 10) != 0)
                        dam_patterns_set(net.patterns, mu, i, net.spins[i]);
            twin_patterns(&net, neuron, 5);
            set(&net);
            check_decision(&net, neuron, &tally);
            unsettled += dam_retrieval_counts(net.retrieval).unsettled;
            destroy(&net);
        }
        assert_true(tally.falls > 30 && tally.rises > 30);
        assert_true(unsettled > 30);
    }
}

/* Five pairs of large terms cancel, and one memory without overlap elsewhere is left: s D is
 * x s [F(1) - F(-1)] = 2 x s for odd n, whatever the size of the sums. */
static void a_unit_of_energy_decides_at_every_odd_power(void **state) {
    (void)state;
    enum { N = 39, LAST = 10 };
    struct dam_stream stream = dam_stream_open(12, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int power = 1; power <= DAM_POWER_MAX; power += 2) {
        struct network net = make(DAM_ENERGY_POWER, power, N, LAST + 1);
        for (int trial = 0; trial < 20; trial++) {
            int neuron = (int)dam_stream_below(&stream, N), agree = 0;
            dam_patterns_draw(net.patterns, &stream);
            draw_spins(&net, &stream);
            for (int64_t mu = 0; mu < LAST; mu++)
                for (int i = (int)mu; i < N; i++)
                    dam_patterns_set(net.patterns, mu, i, net.spins[i]);
            twin_patterns(&net, neuron, LAST / 2);
            for (int i = 0; i < N; i++)
                if (i != neuron)
                    dam_patterns_set(net.patterns, LAST, i,
                                     agree++ % 2 == 0 ? net.spins[i] : -net.spins[i]);
            dam_retrieval_set(net.retrieval, net.spins);
            assert_int_equal(dam_retrieval_unstable(net.retrieval, neuron),
                             pattern(&net, LAST, neuron) != net.spins[neuron]);
        }
        destroy(&net);
    }
}

/* n = 2, N = K = 2^m, the rows of a Hadamard matrix: sum_mu xi_i xi_j = 0, so no field acts and
 * every decision is a tie. */
static void orthogonal_patterns_at_n_2_leave_every_spin(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(3, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int neurons = 1; neurons <= 64; neurons *= 2) {
        struct network net = make(DAM_ENERGY_POWER, 2, neurons, neurons);
        for (int mu = 0; mu < neurons; mu++)
            for (int i = 0; i < neurons; i++)
                dam_patterns_set(net.patterns, mu, i,
                                 __builtin_parity((unsigned)(mu & i)) ? -1 : 1);
        draw_spins(&net, &stream);
        set(&net);
        assert_int_equal(check_all_decisions(&net).ties, neurons);
        struct dam_retrieval_options options = {.order = DAM_ORDER_RANDOM, .max_sweeps = 5};
        struct dam_retrieval_outcome outcome;
        assert_int_equal(dam_retrieval_run(net.retrieval, &options, &stream, &outcome, NULL),
                         DAM_OK);
        assert_true(outcome.converged && outcome.sweeps == 1 && outcome.flips == 0);
        assert_same_state(&net);
        destroy(&net);
    }
}

/* N=1: the field on the only neuron comes from F(1) - F(-1) alone. */
static void the_smallest_network(void **state) {
    (void)state;
    for (int power = 1; power <= 4; power++) {
        for (int spin = -1; spin <= 1; spin += 2) {
            struct network net = make(DAM_ENERGY_POWER, power, 1, 1);
            dam_patterns_set(net.patterns, 0, 0, 1);
            net.spins[0] = (int8_t)spin;
            set(&net);
            /* An even F does not tell the memory from its mirror. */
            assert_int_equal(dam_retrieval_unstable(net.retrieval, 0), power % 2 == 1 && spin < 0);
            destroy(&net);
        }
    }
}

static void a_million_memories(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(4, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct network net = make(DAM_ENERGY_RECTIFIED, 60, 7, 1000000);
    dam_patterns_draw(net.patterns, &stream);
    twin_patterns(&net, 3, 500000);
    draw_spins(&net, &stream);
    set(&net);
    struct tally tally = check_all_decisions(&net);
    assert_true(tally.ties >= 1);
    assert_same_state(&net);
    destroy(&net);
}

/* Terms up to 4096^60 = 2^720 and 32766^60 = 2^900, and the cancellation of the largest. */
static void large_networks_at_the_largest_power(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(5, DAM_PURPOSE_TEST, NULL, 0, 0);
    static const struct { int neurons, memories; } shapes[] = {{4096, 2100}, {DAM_NEURONS_MAX, 70}};
    for (int trial = 0; trial < 4; trial++) {
        int neurons = shapes[trial % 2].neurons;
        int twin = neurons / 3;
        struct network net = make(trial < 2 ? DAM_ENERGY_POWER : DAM_ENERGY_RECTIFIED, 60, neurons,
                                  shapes[trial % 2].memories);
        dam_patterns_draw(net.patterns, &stream);
        if (trial >= 2)
            twin_patterns(&net, twin, net.patterns->memories / 2);
        copy_memory(&net, 5);
        for (int i = 0; i < neurons; i += 4) /* an overlap of N / 2 with memory 5 */
            net.spins[i] = (int8_t)-net.spins[i];
        set(&net);
        struct tally tally = {0};
        for (int i = 0; i < 24; i++)
            check_decision(&net, (int)dam_stream_below(&stream, (uint64_t)neurons), &tally);
        check_decision(&net, twin, &tally);
        assert_int_equal(tally.ties, trial < 2 ? 0 : 1);

        struct dam_retrieval_options options = {.order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 9};
        struct dam_retrieval_outcome outcome;
        assert_int_equal(dam_retrieval_run(net.retrieval, &options, NULL, &outcome, NULL), DAM_OK);
        assert_true(outcome.converged);
        int8_t twin_spin = net.spins[twin];
        copy_memory(&net, 5);
        if (trial >= 2)
            net.spins[twin] = twin_spin; /* which the tie leaves as it was */
        set(&net);
        assert_memory_equal(dam_retrieval_spins(net.retrieval), net.spins, (size_t)neurons);
        destroy(&net);
    }
}

/* The run by definition, one energy difference a visit. Random order: neurons 0 .. N-1, each in
 * turn swapped with a drawn one of those up to itself. */
static struct dam_retrieval_outcome reference_run(struct network *net,
                                                  const struct dam_retrieval_options *options,
                                                  struct dam_stream *stream) {
    int neurons = net->patterns->neurons;
    int order[64];
    struct dam_retrieval_outcome outcome = {0};
    while (!outcome.converged && outcome.sweeps < options->max_sweeps) {
        for (int i = 0; i < neurons; i++)
            order[i] = i;
        for (int i = 1; i < neurons && options->order == DAM_ORDER_RANDOM; i++) {
            int j = (int)dam_stream_below(stream, (uint64_t)i + 1), swapped = order[j];
            order[j] = order[i];
            order[i] = swapped;
        }
        outcome.converged = true;
        for (int i = 0; i < neurons; i++) {
            if (energy_change(net, order[i]) >= 0)
                continue;
            flip(net, order[i]);
            outcome.flips++;
            outcome.converged = false;
        }
        outcome.sweeps++;
    }
    return outcome;
}

static void trajectories_equal_those_of_the_definition(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(6, DAM_PURPOSE_TEST, NULL, 0, 0);
    int64_t long_runs = 0, cut_runs = 0;
    for (int trial = 0; trial < 360; trial++) {
        int power = powers[trial % POWERS];
        int neurons = 1 + (int)dam_stream_below(&stream, 40);
        int64_t memories = 1 + (int64_t)dam_stream_below(&stream, trial % 4 == 0 ? 200 : 30);
        struct network net = make(trial % 2 == 0 ? DAM_ENERGY_POWER : DAM_ENERGY_RECTIFIED, power,
                                  neurons, memories);
        dam_patterns_draw(net.patterns, &stream);
        if (trial % 5 == 0)
            mirror_patterns(&net);
        /* One object for several runs: nothing is left over from the run before. */
        for (int run = 0; run < 3; run++) {
            struct dam_retrieval_options options = {.order = trial % 3 == 0 ? DAM_ORDER_SEQUENTIAL
                                                                            : DAM_ORDER_RANDOM,
                                                    .max_sweeps = run == 2 ? 2 : 1000};
            struct dam_retrieval_outcome outcome;
            draw_spins(&net, &stream);
            set(&net);
            struct dam_stream copy = stream;
            assert_int_equal(dam_retrieval_run(net.retrieval, &options, &copy, &outcome, NULL),
                             DAM_OK);
            struct dam_retrieval_outcome expected = reference_run(&net, &options, &stream);
            assert_int_equal(outcome.sweeps, expected.sweeps);
            assert_int_equal(outcome.flips, expected.flips);
            assert_int_equal(outcome.converged, expected.converged);
            assert_same_state(&net);
            assert_int_equal(dam_stream_next(&copy), dam_stream_next(&stream));
            long_runs += outcome.sweeps > 3;
            cut_runs += !outcome.converged;
        }
        destroy(&net);
    }
    assert_true(long_runs > 20 && cut_runs > 50);
}

/* N = 2 and one memory (+ +), from (+ -): whichever neuron comes first joins the other. */
static void random_order_begins_with_either_neuron(void **state) {
    (void)state;
    enum { RUNS = 2000 };
    struct dam_stream stream = dam_stream_open(7, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct network net = make(DAM_ENERGY_POWER, 2, 2, 1);
    dam_patterns_set(net.patterns, 0, 0, 1);
    dam_patterns_set(net.patterns, 0, 1, 1);
    struct dam_retrieval_options options = {.order = DAM_ORDER_RANDOM, .max_sweeps = 10};
    int first = 0;
    for (int run = 0; run < RUNS; run++) {
        struct dam_retrieval_outcome outcome;
        dam_retrieval_set(net.retrieval, (const int8_t[]){1, -1});
        assert_int_equal(dam_retrieval_run(net.retrieval, &options, &stream, &outcome, NULL),
                         DAM_OK);
        assert_true(outcome.converged && outcome.sweeps == 2 && outcome.flips == 1);
        first += dam_retrieval_spins(net.retrieval)[0] < 0;
    }
    assert_true(fabs(first - RUNS / 2.0) < 5 * sqrt(RUNS / 4.0));
    destroy(&net);
}

static void stored_memories_at_low_load_are_fixed_points(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(8, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int power = 2; power <= 60; power += 1 + power / 4) {
        struct network net = make(DAM_ENERGY_POWER, power, 151, 3);
        dam_patterns_draw(net.patterns, &stream);
        for (int64_t mu = 0; mu < 3; mu++) {
            copy_memory(&net, mu);
            dam_retrieval_set(net.retrieval, net.spins);
            struct dam_retrieval_options options = {.order = DAM_ORDER_RANDOM, .max_sweeps = 10};
            struct dam_retrieval_outcome outcome;
            assert_int_equal(dam_retrieval_run(net.retrieval, &options, &stream, &outcome, NULL),
                             DAM_OK);
            assert_true(outcome.converged && outcome.sweeps == 1 && outcome.flips == 0);
            assert_int_equal(dam_retrieval_overlaps(net.retrieval)[mu], 151);
        }
        destroy(&net);
    }
}

/* Share of a stored memory's spins that the update would flip. */
static double unstable_share(enum dam_energy_form form, int power, int memories, int sets) {
    enum { N = 100, TESTED = 14 };
    struct dam_stream stream = dam_stream_open(9, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct network net = make(form, power, N, memories);
    int unstable = 0;
    for (int set_number = 0; set_number < sets; set_number++) {
        dam_patterns_draw(net.patterns, &stream);
        for (int64_t mu = 0; mu < TESTED; mu++) {
            copy_memory(&net, mu);
            dam_retrieval_set(net.retrieval, net.spins);
            for (int i = 0; i < N; i++)
                unstable += dam_retrieval_unstable(net.retrieval, i);
        }
    }
    destroy(&net);
    return unstable / ((double)N * TESTED * sets);
}

/* The exact probabilities on the lattice of the energy gap, within five times the sampling error
 * of independent spins. */
static void stored_spins_are_unstable_as_often_as_theory_says(void **state) {
    (void)state;
    static const struct {
        enum dam_energy_form form;
        int power, memories, sets;
        double share;
    } known[] = {{DAM_ENERGY_POWER, 2, 14, 100, 0.00265},
                 {DAM_ENERGY_POWER, 3, 2000, 20, 0.09996},
                 {DAM_ENERGY_RECTIFIED, 3, 2000, 20, 0.03499}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double p = known[i].share;
        double sigma = sqrt(p * (1 - p) / (1400.0 * known[i].sets));
        double share =
            unstable_share(known[i].form, known[i].power, known[i].memories, known[i].sets);
        assert_true(fabs(share - p) < 5 * sigma);
    }
}

/* Measured with another program on 20 sets of 50 starts, N = 100, K = 2000, n = 4, sequential
 * order: 0.446 +- 0.014 end in a memory, 0.833 in a memory or a mirror. */
static void random_starts_recover_as_often_as_measured(void **state) {
    (void)state;
    enum { N = 100, K = 2000, SETS = 20, STARTS = 20 };
    struct dam_stream stream = dam_stream_open(10, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct network net = make(DAM_ENERGY_POWER, 4, N, K);
    int recovered = 0, mirrored = 0;
    for (int start = 0; start < SETS * STARTS; start++) {
        if (start % STARTS == 0)
            dam_patterns_draw(net.patterns, &stream);
        draw_spins(&net, &stream);
        dam_retrieval_set(net.retrieval, net.spins);
        struct dam_retrieval_options options = {.order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 1000};
        struct dam_retrieval_outcome outcome;
        assert_int_equal(dam_retrieval_run(net.retrieval, &options, NULL, &outcome, NULL), DAM_OK);
        const int16_t *overlaps = dam_retrieval_overlaps(net.retrieval);
        for (int mu = 0; mu < K; mu++) {
            recovered += overlaps[mu] == N;
            mirrored += overlaps[mu] == -N;
        }
    }
    double trials = SETS * STARTS;
    assert_true(fabs(recovered / trials - 0.446) < 4 * 0.014 * sqrt(1 + 50.0 / STARTS));
    assert_true(fabs((recovered + mirrored) / trials - 0.833) <
                4 * 0.014 * sqrt(1 + 50.0 / STARTS));
    destroy(&net);
}

struct count {
    int calls, stop_at;
};

static bool count_call(void *context) {
    struct count *count = context;
    return ++count->calls == count->stop_at;
}

static void the_poll_stops_a_run_and_changes_nothing_else(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(11, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct network net = make(DAM_ENERGY_POWER, 3, 200, 20000);
    dam_patterns_draw(net.patterns, &stream);
    draw_spins(&net, &stream);
    struct count count = {.stop_at = 0};
    struct dam_retrieval_options options = {.order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 1000};
    struct dam_retrieval_outcome silent, polled;
    struct dam_error error;

    dam_retrieval_set(net.retrieval, net.spins);
    assert_int_equal(dam_retrieval_run(net.retrieval, &options, NULL, &silent, &error), DAM_OK);
    options.poll = (struct dam_poll){count_call, &count};
    dam_retrieval_set(net.retrieval, net.spins);
    assert_int_equal(dam_retrieval_run(net.retrieval, &options, NULL, &polled, &error), DAM_OK);
    assert_true(polled.sweeps == silent.sweeps && polled.flips == silent.flips);
    /* Once in ten million interactions: a visit makes K, a flip no more than ten visits. */
    int64_t visits = polled.sweeps * 200 + 10 * polled.flips;
    assert_true(count.calls >= 2);
    assert_true(count.calls * INT64_C(10000000) <= visits * 20000 + 10000000);

    count = (struct count){.stop_at = 2};
    dam_retrieval_set(net.retrieval, net.spins);
    assert_int_equal(dam_retrieval_run(net.retrieval, &options, NULL, &polled, &error),
                     DAM_STOPPED);
    assert_int_equal(error.status, DAM_STOPPED);
    assert_int_equal(count.calls, 2);
    assert_true(!polled.converged && polled.sweeps < silent.sweeps);
    memcpy(net.spins, dam_retrieval_spins(net.retrieval), 200);
    int16_t *overlaps = malloc(20000 * sizeof *overlaps);
    assert_non_null(overlaps);
    memcpy(overlaps, dam_retrieval_overlaps(net.retrieval), 20000 * sizeof *overlaps);
    set(&net);
    assert_memory_equal(overlaps, dam_retrieval_overlaps(net.retrieval), 20000 * sizeof *overlaps);
    free(overlaps);
    destroy(&net);
}

static void a_new_network_is_all_up(void **state) {
    (void)state;
    struct network net = make(DAM_ENERGY_POWER, 3, 9, 65); /* every memory is all down */
    memset(net.spins, 1, 9);
    for (int64_t mu = 0; mu < 65; mu++)
        net.overlaps[mu] = -9;
    assert_same_state(&net);
    assert_int_equal(dam_retrieval_counts(net.retrieval).visits, 0);
    destroy(&net);
}

static void says_how_many_bytes_are_missing(void **state) {
    (void)state;
    assert_true(dam_retrieval_bytes(1, INT64_MAX) == SIZE_MAX);
    assert_true(dam_retrieval_bytes(100, 2000) > 2000 * (sizeof(double) + sizeof(int16_t)));
    struct dam_energy *energy;
    struct dam_retrieval *retrieval;
    struct dam_error error;
    struct dam_patterns huge = {.neurons = 3, .memories = INT64_C(1) << 56};
    assert_int_equal(dam_energy_new(&energy, DAM_ENERGY_POWER, 2, 3, &error), DAM_OK);
    assert_int_equal(dam_retrieval_new(&retrieval, energy, &huge, &error), DAM_MEMORY);
    assert_null(retrieval);
    assert_non_null(strstr(error.text, " bytes"));
    huge.memories = INT64_MAX;
    assert_int_equal(dam_retrieval_new(&retrieval, energy, &huge, &error), DAM_MEMORY);
    assert_non_null(strstr(error.text, "more than"));
    dam_energy_destroy(energy);
    dam_retrieval_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_are_signs_of_energy_differences),
        cmocka_unit_test(small_terms_decide_where_large_ones_cancel),
        cmocka_unit_test(a_unit_of_energy_decides_at_every_odd_power),
        cmocka_unit_test(orthogonal_patterns_at_n_2_leave_every_spin),
        cmocka_unit_test(the_smallest_network),
        cmocka_unit_test(a_million_memories),
        cmocka_unit_test(large_networks_at_the_largest_power),
        cmocka_unit_test(trajectories_equal_those_of_the_definition),
        cmocka_unit_test(random_order_begins_with_either_neuron),
        cmocka_unit_test(stored_memories_at_low_load_are_fixed_points),
        cmocka_unit_test(stored_spins_are_unstable_as_often_as_theory_says),
        cmocka_unit_test(random_starts_recover_as_often_as_measured),
        cmocka_unit_test(the_poll_stops_a_run_and_changes_nothing_else),
        cmocka_unit_test(a_new_network_is_all_up),
        cmocka_unit_test(says_how_many_bytes_are_missing),
    };
    return cmocka_run_group_tests_name("retrieval", tests, NULL, NULL);
}
