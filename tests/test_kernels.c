/* Every kernel this CPU can run against the generic one: its sums, and the course of whole
 * retrievals under each algorithm, over random shapes and where terms cancel. That the generic one
 * is right is the matter of test_retrieval.c. */
#include <dam/ensemble.h>
#include <dam/kernel.h>

#include "engine/kernels/kernel.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Sanitizers make everything slower. */
#if defined(__SANITIZE_ADDRESS__)
enum { SLOW = 8 };
#else
enum { SLOW = 1 };
#endif

static const int powers[] = {1, 2, 3, 4, 5, 7, 10, 30, 31, 59, 60};
enum { POWERS = sizeof powers / sizeof powers[0] };

static int draw(struct dam_stream *stream, int from, int to) {
    return from + (int)dam_stream_below(stream, (uint64_t)(to - from) + 1);
}

static void draw_spins(int8_t *spins, int neurons, struct dam_stream *stream) {
    for (int i = 0; i < neurons; i++)
        spins[i] = dam_stream_below(stream, 2) == 0 ? 1 : -1;
}

static const struct dam_kernel *choose(const char *name) {
    struct dam_error error;
    assert_int_equal(dam_kernel_choose(name, &error), DAM_OK);
    return dam_kernel_chosen();
}

/* ---- the choice ---- */

static void the_fastest_runs_unless_one_is_chosen(void **state) {
    (void)state;
    const char *const *names = dam_kernel_names();
    struct dam_error error;
    assert_string_equal(names[0], "generic");
    for (size_t k = 0; names[k] != NULL; k++) {
        assert_int_equal(dam_kernel_choose(names[k], &error), DAM_OK);
        assert_string_equal(dam_kernel_name(), names[k]);
        const struct dam_tile_kernel *tiles = dam_tile_kernel_chosen();
        assert_string_equal(tiles != NULL ? tiles->name : dam_kernel_chosen()->name, names[k]);
        assert_int_equal(dam_kernel_choose("abacus", &error), DAM_INPUT);
        assert_string_equal(dam_kernel_name(), names[k]);
        assert_non_null(strstr(error.text, "'abacus'"));
        for (size_t other = 0; names[other] != NULL; other++)
            assert_non_null(strstr(error.text, names[other]));
        assert_int_equal(dam_kernel_choose(NULL, &error), DAM_OK);
        assert_true(names[k + 1] != NULL || strcmp(dam_kernel_name(), names[k]) == 0);
    }
}

/* ---- the sums ---- */

static void *allocate(size_t count, size_t size) {
    void *array = aligned_alloc(64, count * size); /* whole blocks of 64 */
    assert_non_null(array);
    memset(array, 0, count * size);
    return array;
}

static struct dam_field make_field(int64_t memories) {
    size_t blocks = ((size_t)memories + 63) / 64;
    return (struct dam_field){.memories = memories,
                              .blocks = blocks,
                              .overlaps = allocate(blocks * 64, sizeof(int16_t)),
                              .span = allocate(blocks * 64, sizeof(double))};
}

static void destroy_field(struct dam_field *field) {
    free(field->overlaps);
    free(field->span);
}

/* Two sums of m terms of absolute sum at most `magnitude`, each by m - 1 roundings at most: equal
 * where no partial sum needs rounding. */
static void assert_same_sum(double one, double other, const struct dam_field *field) {
    double bound = field->magnitude < 0x1p53
                       ? 0
                       : 4 * (double)(field->blocks * 64) * 0x1p-53 * field->magnitude;
    assert_true(fabs(one - other) <= bound);
}

static void assert_same_field(const struct dam_field *one, const struct dam_field *other) {
    size_t memories = (size_t)one->memories;
    assert_memory_equal(one->overlaps, other->overlaps, memories * sizeof(int16_t));
    assert_memory_equal(one->span, other->span, one->blocks * 64 * sizeof(double));
    assert_same_sum(one->span_sum, other->span_sum, one);
    assert_same_sum(one->rise_sum, other->rise_sum, one);
    assert_same_sum(one->magnitude, other->magnitude, one);
}

/* One network in the hands of a kernel and of the generic one: from the spins on, over some flips,
 * all rows being summed after each. The padding of the overlaps is spoiled. */
static void compare_sums(const struct dam_kernel *kernel, const struct dam_energy *energy,
                         const struct dam_patterns *patterns, int8_t *spins, int flips,
                         struct dam_stream *stream) {
    struct dam_field expected = make_field(patterns->memories);
    struct dam_field field = make_field(patterns->memories);
    dam_kernel_generic.overlap(&expected, patterns, spins);
    kernel->overlap(&field, patterns, spins);
    for (size_t mu = (size_t)patterns->memories; mu < field.blocks * 64; mu++)
        field.overlaps[mu] = 12345;
    for (int flip = 0; flip <= flips; flip++) {
        int neuron = draw(stream, 0, patterns->neurons - 1), step = 0;
        if (flip > 0) {
            spins[neuron] = (int8_t)-spins[neuron];
            step = 2 * spins[neuron];
        }
        const uint64_t *row = patterns->rows + (size_t)neuron * patterns->words;
        dam_kernel_generic.refresh(&expected, energy, row, step);
        kernel->refresh(&field, energy, row, step);
        assert_same_field(&expected, &field);
        int rows = patterns->neurons < 40 ? patterns->neurons : 40;
        for (int i = 0; i < rows; i++) {
            row = patterns->rows + (size_t)i * patterns->words;
            assert_same_sum(dam_kernel_generic.masked_sum(&expected, row),
                            kernel->masked_sum(&field, row), &expected);
        }
    }
    destroy_field(&expected);
    destroy_field(&field);
}

static void compare_sums_of_shape(enum dam_energy_form form, int power, int neurons,
                                  int64_t memories, int flips, struct dam_stream *stream) {
    struct dam_error error;
    struct dam_energy *energy;
    struct dam_patterns *patterns;
    int8_t *spins = malloc((size_t)neurons);
    assert_non_null(spins);
    assert_int_equal(dam_energy_new(&energy, form, power, neurons, &error), DAM_OK);
    assert_int_equal(dam_patterns_new(&patterns, neurons, memories, &error), DAM_OK);
    dam_patterns_draw(patterns, stream);
    /* The last memory and the mirror of the first: overlaps of N and -N. */
    for (int i = 0; i < neurons; i++)
        dam_patterns_set(patterns, 0, i, -dam_patterns_get(patterns, memories - 1, i));
    for (const char *const *name = dam_kernel_names(); *name != NULL; name++) {
        for (int i = 0; i < neurons; i++)
            spins[i] = (int8_t)dam_patterns_get(patterns, memories - 1, i);
        compare_sums(choose(*name), energy, patterns, spins, flips, stream);
        draw_spins(spins, neurons, stream);
        compare_sums(choose(*name), energy, patterns, spins, flips, stream);
    }
    free(spins);
    dam_patterns_destroy(patterns);
    dam_energy_destroy(energy);
}

static void sums_equal_the_generic_ones(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(1, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int trial = 0; trial < 1100 / SLOW; trial++) {
        enum dam_energy_form form =
            trial / POWERS % 2 == 0 ? DAM_ENERGY_POWER : DAM_ENERGY_RECTIFIED;
        int neurons = draw(&stream, 1, trial % 3 == 0 ? 9 : 150);
        int64_t memories = draw(&stream, 1, trial % 5 == 0 ? 1500 : 140);
        compare_sums_of_shape(form, powers[trial % POWERS], neurons, memories, 4, &stream);
    }
}

static void sums_equal_the_generic_ones_at_the_limits(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(2, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int form = DAM_ENERGY_POWER; form <= DAM_ENERGY_RECTIFIED; form++) {
        compare_sums_of_shape((enum dam_energy_form)form, 60, DAM_NEURONS_MAX, 601, 3, &stream);
        compare_sums_of_shape((enum dam_energy_form)form, 3, DAM_NEURONS_MAX - 1, 65, 3, &stream);
        compare_sums_of_shape((enum dam_energy_form)form, 4, 21, 200003, 3, &stream);
    }
}

/* ---- whole retrievals ---- */

/* Starts among some memories. */
struct problem {
    struct dam_energy *energy;
    struct dam_patterns *patterns;
    struct dam_retrieval_options options; /* max_sweeps = 0: only `unstable` is asked for */
    uint64_t starts;
    int8_t *spins;  /* the first states [starts][N] */
    bool no_tensor; /* sums take its place */
};

/* What becomes of them. */
struct course {
    struct dam_ensemble_end *ends; /* [starts]; spins point into the array below */
    int8_t *spins;                 /* [starts][N] */
    uint64_t visits, flips, unsettled;
};

static int8_t *spins_of(const struct problem *problem, int8_t *spins, uint64_t start) {
    return spins + start * (uint64_t)problem->patterns->neurons;
}

static struct dam_stream order_of(uint64_t start) {
    return dam_stream_open(3, DAM_PURPOSE_TEST, NULL, 0, start);
}

static struct course make_course(const struct problem *problem) {
    struct course course = {.ends = calloc(problem->starts, sizeof *course.ends),
                            .spins = calloc(problem->starts, (size_t)problem->patterns->neurons)};
    assert_true(course.ends != NULL && course.spins != NULL);
    return course;
}

static void destroy_course(struct course *course) {
    free(course->ends);
    free(course->spins);
}

static void put_end(const struct problem *problem, struct course *course, uint64_t start,
                    const struct dam_ensemble_end *end) {
    assert_null(course->ends[start].spins); /* each ends once */
    course->ends[start] = *end;
    course->ends[start].spins = spins_of(problem, course->spins, start);
    memcpy(spins_of(problem, course->spins, start), end->spins, (size_t)problem->patterns->neurons);
}

/* One start after the other, with the kernel that is chosen. */
static struct course run_one_by_one(const struct problem *problem) {
    struct course course = make_course(problem);
    struct dam_error error;
    struct dam_retrieval *retrieval;
    assert_int_equal(dam_retrieval_new(&retrieval, problem->energy, problem->patterns, &error),
                     DAM_OK);
    for (uint64_t start = 0; start < problem->starts; start++) {
        struct dam_stream order = order_of(start);
        struct dam_ensemble_end end = {0};
        dam_retrieval_set(retrieval, spins_of(problem, problem->spins, start));
        if (problem->options.max_sweeps > 0)
            assert_int_equal(
                dam_retrieval_run(retrieval, &problem->options, &order, &end.outcome, &error),
                DAM_OK);
        else
            for (int i = 0; i < problem->patterns->neurons; i++)
                end.unstable += dam_retrieval_unstable(retrieval, i);
        const int16_t *overlaps = dam_retrieval_overlaps(retrieval);
        end.highest = end.lowest = overlaps[0];
        for (int64_t mu = 0; mu < problem->patterns->memories; mu++) {
            end.highest = overlaps[mu] > end.highest ? overlaps[mu] : end.highest;
            end.lowest = overlaps[mu] < end.lowest ? overlaps[mu] : end.lowest;
        }
        end.spins = dam_retrieval_spins(retrieval);
        course.flips += (uint64_t)end.outcome.flips;
        put_end(problem, &course, start, &end);
    }
    course.visits = dam_retrieval_counts(retrieval).visits;
    course.unsettled = dam_retrieval_counts(retrieval).unsettled;
    dam_retrieval_destroy(retrieval);
    return course;
}

/* Turns of neurons until it is known that no other flip follows, of all starts. Each neuron has one
 * turn a sweep: those that flipped in it are those that differ behind it. */
static uint64_t count_turns(const struct problem *problem) {
    const int neurons = problem->patterns->neurons;
    struct dam_retrieval_options one_sweep = problem->options;
    one_sweep.max_sweeps = 1;
    int32_t *order = calloc((size_t)neurons, sizeof *order);
    int8_t *before = calloc((size_t)neurons, 1);
    struct dam_retrieval *retrieval;
    struct dam_error error;
    assert_true(order != NULL && before != NULL);
    assert_int_equal(dam_retrieval_new(&retrieval, problem->energy, problem->patterns, &error),
                     DAM_OK);
    uint64_t turns = 0;
    for (uint64_t start = 0; start < problem->starts; start++) {
        struct dam_stream stream = order_of(start);
        struct dam_retrieval_outcome outcome = {0};
        uint64_t passed = 0, last = 0;
        dam_retrieval_set(retrieval, spins_of(problem, problem->spins, start));
        for (int s = 0; s < problem->options.max_sweeps && !outcome.converged; s++) {
            struct dam_stream ahead = stream;
            for (int i = 0; i < neurons; i++)
                order[i] = i;
            if (problem->options.order == DAM_ORDER_RANDOM)
                dam_stream_permutation(&ahead, order, neurons);
            const int8_t *spins = dam_retrieval_spins(retrieval);
            memcpy(before, spins, (size_t)neurons);
            assert_int_equal(dam_retrieval_run(retrieval, &one_sweep, &stream, &outcome, &error),
                             DAM_OK);
            spins = dam_retrieval_spins(retrieval);
            for (int i = 0; i < neurons; i++) {
                passed++;
                if (spins[order[i]] != before[order[i]])
                    last = passed;
            }
        }
        turns += last + (uint64_t)neurons;
    }
    dam_retrieval_destroy(retrieval);
    free(order);
    free(before);
    return turns;
}

struct ensemble_run {
    const struct problem *problem;
    struct course course;
};

static void begin_start(void *context, uint64_t start, int8_t *spins, struct dam_stream *order) {
    const struct ensemble_run *run = context;
    memcpy(spins, spins_of(run->problem, run->problem->spins, start),
           (size_t)run->problem->patterns->neurons);
    *order = order_of(start);
}

static void end_start(void *context, uint64_t start, const struct dam_ensemble_end *end) {
    struct ensemble_run *run = context;
    put_end(run->problem, &run->course, start, end);
}

/* All starts by an ensemble, in two parts, with the kernel that is chosen. */
static struct course run_ensemble(const struct problem *problem, enum dam_algorithm algorithm) {
    struct ensemble_run run = {.problem = problem, .course = make_course(problem)};
    const struct dam_ensemble_options options = {.order = problem->options.order,
                                                 .max_sweeps = problem->options.max_sweeps,
                                                 .begin = begin_start,
                                                 .end = end_start,
                                                 .context = &run};
    struct dam_error error;
    struct dam_ensemble *ensemble;
    assert_int_equal(dam_ensemble_new(&ensemble, algorithm, problem->energy, problem->patterns,
                                      problem->starts, &error),
                     DAM_OK);
    uint64_t part = problem->starts / 3;
    assert_int_equal(dam_ensemble_run(ensemble, &options, 0, part, &error), DAM_OK);
    assert_int_equal(dam_ensemble_run(ensemble, &options, part, problem->starts, &error), DAM_OK);
    struct dam_ensemble_counts counts = dam_ensemble_counts(ensemble);
    assert_int_equal(counts.starts, problem->starts);
    run.course.flips = counts.flips;
    run.course.visits = counts.visits;
    dam_ensemble_destroy(ensemble);
    return run.course;
}

static void assert_same_course(const struct problem *problem, const struct course *one,
                               const struct course *other) {
    for (uint64_t start = 0; start < problem->starts; start++) {
        const struct dam_ensemble_end *a = &one->ends[start], *b = &other->ends[start];
        assert_non_null(b->spins);
        assert_int_equal(a->outcome.converged, b->outcome.converged);
        assert_int_equal(a->outcome.sweeps, b->outcome.sweeps);
        assert_int_equal(a->outcome.flips, b->outcome.flips);
        assert_int_equal(a->unstable, b->unstable);
        assert_int_equal(a->highest, b->highest);
        assert_int_equal(a->lowest, b->lowest);
    }
    assert_memory_equal(one->spins, other->spins,
                        problem->starts * (size_t)problem->patterns->neurons);
    assert_int_equal(one->flips, other->flips);
}

struct tally {
    uint64_t visits, unsettled, unstable, cut;
};

/* Under every kernel and algorithm that runs here, against one start at a time by the generic
 * kernel. */
static void compare_courses(const struct problem *problem, struct tally *tally) {
    choose("generic");
    const uint64_t turns = count_turns(problem);
    struct course expected = run_one_by_one(problem);
    for (const char *const *name = dam_kernel_names(); *name != NULL; name++) {
        choose(*name);
        struct course course = run_one_by_one(problem);
        assert_same_course(problem, &expected, &course);
        assert_int_equal(expected.visits, course.visits);
        tally->visits += course.visits;
        tally->unsettled += course.unsettled;
        destroy_course(&course);
        for (int a = 0; dam_algorithm_names[a] != NULL; a++) {
            enum dam_algorithm algorithm = (enum dam_algorithm)a;
            if (!dam_ensemble_can(algorithm, problem->energy, problem->patterns->memories))
                continue;
            course = run_ensemble(problem, algorithm);
            assert_same_course(problem, &expected, &course);
            tally->visits += course.visits;
            bool sums = algorithm == DAM_ALGORITHM_SUMS ||
                        (algorithm == DAM_ALGORITHM_TENSOR && problem->no_tensor);
            if (!sums) /* which do not count neurons that are known to be quiet */
                assert_int_equal(course.visits, turns);
            destroy_course(&course);
        }
    }
    for (uint64_t start = 0; start < problem->starts; start++) {
        tally->unstable += (uint64_t)expected.ends[start].unstable;
        tally->cut += !expected.ends[start].outcome.converged;
    }
    destroy_course(&expected);
}

static void copy_memory(struct dam_patterns *patterns, int64_t to, int64_t from, int sign) {
    for (int i = 0; i < patterns->neurons; i++)
        dam_patterns_set(patterns, to, i, sign * dam_patterns_get(patterns, from, i));
}

/* Memory mu + 1 is memory mu but for one neuron. */
static void make_twin(struct dam_patterns *patterns, int64_t mu, int neuron) {
    copy_memory(patterns, mu + 1, mu, 1);
    dam_patterns_set(patterns, mu + 1, neuron, -dam_patterns_get(patterns, mu, neuron));
}

/* Memories whose terms cancel, or nearly do. */
enum arrangement {
    UNRELATED,
    MIRRORED,   /* pairs of xi and -xi: for odd n all terms cancel, and every decision is a tie */
    DUPLICATED, /* of four memories two are equal, and one is their mirror */
    TWINS,      /* pairs that differ in one neuron, where their terms cancel */
    CROWDED,    /* the same, close to one state: its largest terms cancel and small ones decide */
    ARRANGEMENTS
};

static void arrange_memories(struct dam_patterns *patterns, enum arrangement arrangement,
                             struct dam_stream *stream) {
    dam_patterns_draw(patterns, stream);
    if (arrangement == CROWDED)
        for (int64_t mu = 1; mu + 2 < patterns->memories; mu++)
            for (int i = 0; i < patterns->neurons; i++)
                if (dam_stream_below(stream, 10) != 0)
                    dam_patterns_set(patterns, mu, i, dam_patterns_get(patterns, 0, i));
    for (int64_t mu = 0; mu + 1 < patterns->memories; mu += 2) {
        int neuron = draw(stream, 0, patterns->neurons - 1);
        switch (arrangement) {
        case MIRRORED:
            copy_memory(patterns, mu + 1, mu, -1);
            break;
        case DUPLICATED:
            copy_memory(patterns, mu + 1, mu, 1);
            if (mu % 4 == 2)
                copy_memory(patterns, mu, mu - 1, -1);
            break;
        case TWINS:
            make_twin(patterns, mu, neuron);
            break;
        case CROWDED:
            if (mu + 3 < patterns->memories) /* the last few have no twin */
                make_twin(patterns, mu, (int)(mu / 2 % (1 + patterns->neurons / 4)));
            break;
        default:
            break;
        }
    }
}

/* A random state, or a memory with a tenth of its spins turned. */
static void draw_starts(struct problem *problem, struct dam_stream *stream) {
    int neurons = problem->patterns->neurons;
    for (uint64_t start = 0; start < problem->starts; start++) {
        int8_t *spins = spins_of(problem, problem->spins, start);
        draw_spins(spins, neurons, stream);
        int64_t memory = (int64_t)dam_stream_below(stream, (uint64_t)problem->patterns->memories);
        if (start % 2 == 0)
            for (int i = 0; i < neurons; i++)
                if (dam_stream_below(stream, 10) != 0)
                    spins[i] = (int8_t)dam_patterns_get(problem->patterns, memory, i);
    }
}

static struct problem make_problem(enum dam_energy_form form, int power, int neurons,
                                   int64_t memories, enum arrangement arrangement, uint64_t starts,
                                   struct dam_stream *stream) {
    struct problem problem = {.starts = starts};
    struct dam_error error;
    assert_int_equal(dam_energy_new(&problem.energy, form, power, neurons, &error), DAM_OK);
    assert_int_equal(dam_patterns_new(&problem.patterns, neurons, memories, &error), DAM_OK);
    problem.spins = malloc(starts * (uint64_t)neurons);
    assert_non_null(problem.spins);
    arrange_memories(problem.patterns, arrangement, stream);
    draw_starts(&problem, stream);
    return problem;
}

static void destroy_problem(struct problem *problem) {
    free(problem->spins);
    dam_patterns_destroy(problem->patterns);
    dam_energy_destroy(problem->energy);
}

/* Both orders; to the end, cut short, and the count of unstable neurons alone. */
static void compare_all_courses(struct problem *problem, struct tally *tally) {
    static const struct dam_retrieval_options options[] = {
        {.order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 1000},
        {.order = DAM_ORDER_RANDOM, .max_sweeps = 1000},
        {.order = DAM_ORDER_RANDOM, .max_sweeps = 2},
        {.order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 1},
        {.order = DAM_ORDER_SEQUENTIAL, .max_sweeps = 0},
    };
    for (size_t o = 0; o < sizeof options / sizeof options[0]; o++) {
        problem->options = options[o];
        compare_courses(problem, tally);
    }
}

static void courses_equal_the_generic_ones(void **state) {
    (void)state;
    enum { TRIALS = 2 * POWERS * ARRANGEMENTS * 6 / SLOW };
    struct dam_stream stream = dam_stream_open(4, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct tally tally = {0};
    for (int trial = 0; trial < TRIALS; trial++) {
        int neurons = draw(&stream, 1, trial % 4 == 0 ? 12 : 80);
        int64_t memories = draw(&stream, 1, trial % 8 == 0 ? 700 : 90);
        struct problem problem =
            make_problem(trial / POWERS % 2 == 0 ? DAM_ENERGY_POWER : DAM_ENERGY_RECTIFIED,
                         powers[trial % POWERS], neurons, memories,
                         (enum arrangement)(trial / (2 * POWERS) % ARRANGEMENTS), 13, &stream);
        compare_all_courses(&problem, &tally);
        destroy_problem(&problem);
    }
    size_t kernels = 0;
    while (dam_kernel_names()[kernels] != NULL)
        kernels++;
    assert_true(tally.visits > 2000000 * kernels / SLOW);
    assert_true(tally.unsettled > 10000 * kernels / SLOW);
    assert_true(tally.unstable > 1000 / SLOW && tally.cut > 1000 / SLOW);
}

/* Near capacity, where most decisions are close; many starts. */
static void courses_equal_the_generic_ones_at_high_load(void **state) {
    (void)state;
    static const struct {
        enum dam_energy_form form;
        int power, neurons, memories;
    } shapes[] = {
        {DAM_ENERGY_POWER, 2, 101, 64},      {DAM_ENERGY_POWER, 3, 100, 2000},
        {DAM_ENERGY_POWER, 4, 100, 2000},    {DAM_ENERGY_RECTIFIED, 3, 99, 1999},
        {DAM_ENERGY_RECTIFIED, 4, 64, 4097}, {DAM_ENERGY_POWER, 30, 33, 777},
    };
    struct dam_stream stream = dam_stream_open(5, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct tally tally = {0};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        struct problem problem = make_problem(shapes[s].form, shapes[s].power, shapes[s].neurons,
                                              shapes[s].memories, UNRELATED, 80 / SLOW, &stream);
        compare_all_courses(&problem, &tally);
        destroy_problem(&problem);
    }
    assert_true(tally.visits > 400000 / SLOW);
}

/* Couplings of three: rows longer than the tiles know, sums of two digits, one neuron, one memory.
 */
static void courses_by_tensor_equal_the_generic_ones(void **state) {
    (void)state;
    static const struct {
        int neurons, memories;
    } shapes[] = {{1, 1}, {1, 700}, {2, 1}, {16, 64}, {65, 1}, {63, 8001}, {50, 12000}, {257, 66}};
    struct dam_stream stream = dam_stream_open(6, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct tally tally = {0};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        struct problem problem = make_problem(DAM_ENERGY_POWER, 3, shapes[s].neurons,
                                              shapes[s].memories, UNRELATED, 40 / SLOW, &stream);
        assert_true(
            dam_ensemble_can(DAM_ALGORITHM_TENSOR, problem.energy, problem.patterns->memories));
        compare_all_courses(&problem, &tally);
        destroy_problem(&problem);
    }
    assert_true(tally.visits > 100000 / SLOW && tally.unstable > 100 / SLOW);
}

static bool stop(void *context) {
    ++*(int *)context;
    return true;
}

/* Even a short run is polled, and what a stopped one leaves behind does not matter to the next. */
static void ensembles_stop_when_told_and_go_on(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(8, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct problem problem = make_problem(DAM_ENERGY_POWER, 3, 40, 300, UNRELATED, 50, &stream);
    problem.options = (struct dam_retrieval_options){.max_sweeps = 1000};
    struct course expected = run_one_by_one(&problem);
    for (const char *const *name = dam_kernel_names(); *name != NULL; name++) {
        choose(*name);
        for (int a = 0; dam_algorithm_names[a] != NULL; a++) {
            if (!dam_ensemble_can((enum dam_algorithm)a, problem.energy, 300))
                continue;
            struct ensemble_run run = {.problem = &problem, .course = make_course(&problem)};
            int calls = 0;
            struct dam_ensemble_options options = {.order = problem.options.order,
                                                   .max_sweeps = problem.options.max_sweeps,
                                                   .poll = {.call = stop, .context = &calls},
                                                   .begin = begin_start,
                                                   .end = end_start,
                                                   .context = &run};
            struct dam_error error;
            struct dam_ensemble *ensemble;
            assert_int_equal(dam_ensemble_new(&ensemble, (enum dam_algorithm)a, problem.energy,
                                              problem.patterns, problem.starts, &error),
                             DAM_OK);
            assert_int_equal(dam_ensemble_run(ensemble, &options, 0, problem.starts, &error),
                             DAM_STOPPED);
            assert_int_equal(calls, 1);
            destroy_course(&run.course);
            run.course = make_course(&problem);
            options.poll.call = NULL;
            assert_int_equal(dam_ensemble_run(ensemble, &options, 0, problem.starts, &error),
                             DAM_OK);
            run.course.flips = expected.flips; /* counts go on from the stopped run's */
            assert_same_course(&problem, &expected, &run.course);
            destroy_course(&run.course);
            dam_ensemble_destroy(ensemble);
        }
    }
    destroy_course(&expected);
    destroy_problem(&problem);
}

/* So many equal memories that their couplings would overflow. */
static void a_tensor_that_does_not_fit_gives_way(void **state) {
    (void)state;
    struct dam_stream stream = dam_stream_open(7, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct tally tally = {0};
    for (int64_t memories = 63000; memories <= 70000; memories += 7000) {
        struct problem problem =
            make_problem(DAM_ENERGY_POWER, 3, 5, memories, UNRELATED, 4, &stream);
        for (int64_t mu = 1; mu < memories; mu++)
            copy_memory(problem.patterns, mu, 0, 1);
        problem.no_tensor = memories == 70000;
        compare_all_courses(&problem, &tally);
        destroy_problem(&problem);
    }
    assert_true(tally.unstable > 0);
}

static enum dam_algorithm choice(enum dam_energy_form form, int power, int neurons,
                                 int64_t memories, uint64_t starts) {
    struct dam_error error;
    struct dam_energy *energy;
    assert_int_equal(dam_energy_new(&energy, form, power, neurons, &error), DAM_OK);
    enum dam_algorithm algorithm = dam_ensemble_choose(energy, memories, starts);
    assert_true(dam_ensemble_can(algorithm, energy, memories));
    assert_true(dam_ensemble_can(DAM_ALGORITHM_TENSOR, energy, memories) ==
                (form == DAM_ENERGY_POWER && power == 3 && neurons < 400));
    dam_energy_destroy(energy);
    return algorithm;
}

/* With every kernel, a tensor where K is large and starts are many, and nowhere else. */
static void a_tensor_is_chosen_where_it_pays(void **state) {
    (void)state;
    for (const char *const *name = dam_kernel_names(); *name != NULL; name++) {
        choose(*name);
        assert_int_equal(choice(DAM_ENERGY_POWER, 3, 100, 50000, 10000), DAM_ALGORITHM_TENSOR);
        assert_int_equal(choice(DAM_ENERGY_POWER, 3, 50, 1000000, 10000), DAM_ALGORITHM_TENSOR);
        assert_int_not_equal(choice(DAM_ENERGY_POWER, 3, 100, 50000, 1), DAM_ALGORITHM_TENSOR);
        assert_int_not_equal(choice(DAM_ENERGY_POWER, 3, 300, 10, 10000), DAM_ALGORITHM_TENSOR);
        assert_int_not_equal(choice(DAM_ENERGY_POWER, 3, 380, 400000, 1000000),
                             DAM_ALGORITHM_TENSOR); /* its set-up could not be stopped */
        assert_int_not_equal(choice(DAM_ENERGY_POWER, 3, 400, 50000, 10000), DAM_ALGORITHM_TENSOR);
        assert_int_not_equal(choice(DAM_ENERGY_POWER, 4, 100, 50000, 10000), DAM_ALGORITHM_TENSOR);
        assert_int_not_equal(choice(DAM_ENERGY_RECTIFIED, 3, 100, 50000, 10000),
                             DAM_ALGORITHM_TENSOR);
    }
    choose(NULL);
}

/* All words of the masks and all bands; overlaps outside of the tables in blocks far apart. */
static void courses_equal_the_generic_ones_in_large_networks(void **state) {
    (void)state;
    static const struct {
        enum dam_energy_form form;
        int power, neurons, memories;
        enum arrangement arrangement;
    } shapes[] = {
        {DAM_ENERGY_POWER, 2, 255, 70, UNRELATED},    {DAM_ENERGY_POWER, 3, 200, 400, UNRELATED},
        {DAM_ENERGY_POWER, 4, 255, 300, UNRELATED},   {DAM_ENERGY_RECTIFIED, 3, 254, 900, CROWDED},
        {DAM_ENERGY_POWER, 4, 150, 66001, UNRELATED}, {DAM_ENERGY_RECTIFIED, 2, 193, 64, TWINS},
    };
    struct dam_stream stream = dam_stream_open(6, DAM_PURPOSE_TEST, NULL, 0, 0);
    struct tally tally = {0};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        uint64_t starts = shapes[s].memories > 10000 ? 2 : 24 / SLOW;
        struct problem problem =
            make_problem(shapes[s].form, shapes[s].power, shapes[s].neurons, shapes[s].memories,
                         shapes[s].arrangement, starts, &stream);
        compare_all_courses(&problem, &tally);
        destroy_problem(&problem);
    }
    assert_true(tally.visits > 100000 / SLOW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fastest_runs_unless_one_is_chosen),
        cmocka_unit_test(sums_equal_the_generic_ones),
        cmocka_unit_test(sums_equal_the_generic_ones_at_the_limits),
        cmocka_unit_test(courses_equal_the_generic_ones),
        cmocka_unit_test(courses_equal_the_generic_ones_at_high_load),
        cmocka_unit_test(courses_equal_the_generic_ones_in_large_networks),
        cmocka_unit_test(courses_by_tensor_equal_the_generic_ones),
        cmocka_unit_test(ensembles_stop_when_told_and_go_on),
        cmocka_unit_test(a_tensor_that_does_not_fit_gives_way),
        cmocka_unit_test(a_tensor_is_chosen_where_it_pays),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
