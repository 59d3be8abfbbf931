/* How many memories a network holds: the K at which a criterion crosses a level (Krotov & Hopfield
 * 2016, sections 1-2 and appendix: K_1/2, alpha_n and K_max).
 *
 * A cell is a search, and a round one of its steps (dam/crossing.h): fresh pattern sets at two K.
 * A replica is a pattern set, whose number goes on from round to round, and a start a trial in it;
 * for retained_all the set itself is the trial. */
#include "kinds/capacity_cost.h"
#include "kinds/criterion.h"
#include "kinds/kinds.h"
#include "kinds/model.h"
#include "kinds/rows.h"
#include "kinds/threshold_guess.h"
#include <assert.h>
#include <dam/crossing.h>
#include <dam/theory.h>
#include <math.h>
#include <string.h>

enum {
    ENERGY,
    POWER,
    NEURONS,
    CRITERION,
    LEVEL,
    START,
    NOISE,
    MIRRORS,
    ORDER,
    MAX_SWEEPS,
    PRECISION,
    MAX_TRIALS,
    MAX_MEMORIES
};

enum { MIRRORS_AUTO, MIRRORS_NO, MIRRORS_YES };
static const char *const mirror_answers[] = {"auto", "no", "yes", NULL};

static const double unstable_level = 0.005;

static const struct dam_parameter parameters[] = {
    [ENERGY] = DAM_PARAMETER_ENERGY,
    [POWER] = DAM_PARAMETER_POWER,
    [NEURONS] = DAM_PARAMETER_NEURONS,
    [CRITERION] = {.name = "criterion",
                   .type = DAM_CHOICE,
                   .choices = dam_criterion_names,
                   .standard.integer = DAM_RECOVERED,
                   .unit = "1",
                   .doc = "share of the starts that end in a stored memory; of the memories that "
                          "keep every spin; of the pattern sets whose memories all do; of the "
                          "memories' spins that the update would flip"},
    [LEVEL] = {.name = "level",
               .type = DAM_REAL,
               .standard_varies = true,
               .standard.real = 0.5,
               .low.real = 1e-9,
               .high.real = 0.9999,
               .unit = "1",
               .doc = "share that is crossed at the threshold; without one unstable_spins takes "
                      "0.005"},
    [START] = DAM_PARAMETER_START,
    [NOISE] = DAM_PARAMETER_NOISE,
    [MIRRORS] = {.name = "mirrors",
                 .type = DAM_CHOICE,
                 .choices = mirror_answers,
                 .standard.integer = MIRRORS_AUTO,
                 .unit = "1",
                 .doc = "recovered: does the negative of a memory count as that memory; auto: yes "
                        "for the power energy of even n, for which it is as stable (without it the "
                        "share saturates near one half)"},
    [ORDER] = DAM_PARAMETER_ORDER,
    [MAX_SWEEPS] = DAM_PARAMETER_MAX_SWEEPS,
    [PRECISION] = {.name = "precision",
                   .type = DAM_REAL,
                   .role = DAM_BUDGET,
                   .standard.real = 0.05,
                   .low.real = 1e-4,
                   .high.real = 1,
                   .unit = "1",
                   .doc = "the search ends when half its 95 % interval over k_threshold is as "
                          "small as this"},
    [MAX_TRIALS] = {.name = "max_trials",
                    .type = DAM_INTEGER,
                    .role = DAM_BUDGET,
                    .standard.integer = 200000,
                    .low.integer = 1,
                    .high.integer = 1000000000,
                    .unit = "trials",
                    .doc = "the search is given up where it would need more trials"},
    [MAX_MEMORIES] = {.name = "max_K",
                      .type = DAM_INTEGER,
                      .role = DAM_BUDGET,
                      .standard.integer = 10000000,
                      .low.integer = 1,
                      .high.integer = INT64_C(1000000000000),
                      .unit = "memories",
                      .doc =
                          "the largest K that is tried, which is never more than 2^(N-1), half of "
                          "all states"},
};

enum {
    K_THRESHOLD,
    K_LOW,
    K_HIGH,
    SLOPE,
    DESIGN_EFFECT,
    TRIALS,
    PATTERN_SETS,
    THEORY_K,
    RATIO,
    OUTCOME,
    COLUMN_COUNT
};

static const char *const outcomes[] = {
    [DAM_CROSSING_OPEN] = "unfinished", [DAM_CROSSING_FOUND] = "found",
    [DAM_CROSSING_BELOW] = "below",     [DAM_CROSSING_ABOVE] = "above",
    [DAM_CROSSING_BUDGET] = "budget",   NULL,
};

static const struct dam_column columns[] = {
    [K_THRESHOLD] = {.name = "k_threshold",
                     .type = DAM_REAL,
                     .unit = "memories",
                     .doc = "K at which the criterion's share crosses the level"},
    [K_LOW] = {.name = "k_low",
               .type = DAM_REAL,
               .unit = "memories",
               .doc = "lower end of the 95 % interval of k_threshold, over starts and sets"},
    [K_HIGH] = {.name = "k_high",
                .type = DAM_REAL,
                .unit = "memories",
                .doc = "upper end of the 95 % interval of k_threshold, over starts and sets"},
    [SLOPE] = {.name = "slope",
               .type = DAM_REAL,
               .unit = "1",
               .doc = "steepness of the share at k_threshold: -d logit(share) / d ln K, for "
                      "unstable_spins + d logit(share) / d ln K"},
    [DESIGN_EFFECT] = {.name = "design_effect",
                       .type = DAM_REAL,
                       .unit = "1",
                       .doc = "variance between pattern sets over that of independent trials "
                              "(unstable_spins: of independent spins)"},
    [TRIALS] = {.name = "trials",
                .unit = "trials",
                .doc = "all trials: starts; memories examined; for retained_all pattern sets"},
    [PATTERN_SETS] = {.name = "pattern_sets", .unit = "sets", .doc = "pattern sets of all trials"},
    [THEORY_K] = {.name = "theory_k",
                  .type = DAM_REAL,
                  .unit = "memories",
                  .doc = "K by the Gaussian theory of a stored memory's spins (recovered: K_max, "
                         "for random starts at level 0.5 only)"},
    [RATIO] = {.name = "ratio", .type = DAM_REAL, .unit = "1", .doc = "k_threshold / theory_k"},
    [OUTCOME] = {.name = "outcome",
                 .type = DAM_CHOICE,
                 .choices = outcomes,
                 .unit = "1",
                 .doc = "found; below: beyond the level at K = 1 already; above: not yet at max_K; "
                        "budget: more than max_trials needed; unfinished"},
};

enum { PATH_STEP, PATH_MEMORIES, PATH_SETS, PATH_TRIALS, PATH_SUCCESSES, PATH_COLUMN_COUNT };

static const struct dam_column path_columns[] = {
    [PATH_STEP] = {.name = "step", .unit = "1", .doc = "step of the cell's search, from 0"},
    [PATH_MEMORIES] = {.name = "K", .unit = "memories", .doc = "stored memories"},
    [PATH_SETS] = {.name = "sets", .unit = "sets", .doc = "pattern sets tried at this K"},
    [PATH_TRIALS] = {.name = "trials", .unit = "trials", .doc = "trials in those sets"},
    [PATH_SUCCESSES] = {.name = "successes",
                        .unit = "trials",
                        .doc = "trials that meet the criterion; for unstable_spins spins, N a "
                               "trial"},
};

static const struct dam_kind_table tables[] = {
    {.name = "search_path",
     .columns = path_columns,
     .column_count = PATH_COLUMN_COUNT,
     .unit = "1",
     .doc = "what each search tried: a row for each step and K"},
};

/* ---- the cell ---- */

static enum dam_criterion criterion_of(const struct dam_cell *cell) {
    return (enum dam_criterion)cell->values[CRITERION].integer;
}

static enum dam_status resolve(union dam_value *values, const bool *given, size_t *blame,
                               struct dam_error *error) {
    (void)blame;
    (void)error;
    bool even = values[ENERGY].integer == DAM_ENERGY_POWER && values[POWER].integer % 2 == 0;
    if (!given[LEVEL] && values[CRITERION].integer == DAM_UNSTABLE_SPINS)
        values[LEVEL].real = unstable_level;
    if (values[CRITERION].integer != DAM_RECOVERED) {
        /* Intact memories are looked at; nothing is retrieved. */
        values[START].integer = DAM_START_MEMORY;
        values[NOISE].real = 0;
        values[MIRRORS].integer = MIRRORS_NO;
        values[ORDER] = parameters[ORDER].standard;
        values[MAX_SWEEPS] = parameters[MAX_SWEEPS].standard;
    }
    if (values[START].integer == DAM_START_RANDOM)
        values[NOISE].real = 0;
    if (values[MIRRORS].integer == MIRRORS_AUTO)
        values[MIRRORS].integer = even ? MIRRORS_YES : MIRRORS_NO;
    return DAM_OK;
}

static struct dam_dynamics_setting setting_of(const struct dam_cell *cell, int64_t memories) {
    const union dam_value *values = cell->values;
    return (struct dam_dynamics_setting){
        .form = (enum dam_energy_form)values[ENERGY].integer,
        .power = (int)values[POWER].integer,
        .neurons = (int)values[NEURONS].integer,
        .memories = memories,
        .from_memory = values[START].integer == DAM_START_MEMORY,
        .noise = values[NOISE].real,
        .order = (enum dam_update_order)values[ORDER].integer,
    };
}

/* The more memories, the longer a set takes to draw, compared with a trial in it, and the less the
 * trials of a set have in common: 1 trial below 16 memories, twice as many for every factor of 4.
 */
static int64_t trials_of_set(enum dam_criterion criterion, int64_t memories) {
    enum { MOST = 64 };
    int64_t trials = 1;
    if (criterion == DAM_RETAINED_ALL)
        return trials;
    for (int64_t few = 16; memories >= few && trials < MOST; few *= 4)
        trials *= 2;
    return trials;
}

/* The largest K to be tried. With more memories than half of all states a network holds nothing:
 * whatever it is shown is a memory. */
static int64_t most_memories(const struct dam_cell *cell) {
    int64_t most = cell->values[MAX_MEMORIES].integer, neurons = cell->values[NEURONS].integer;
    int64_t half = neurons < 62 ? INT64_C(1) << (neurons - 1) : INT64_MAX;
    return most < half ? most : half;
}

static struct dam_crossing_search search_of(const struct dam_cell *cell) {
    const union dam_value *values = cell->values;
    enum dam_criterion criterion = criterion_of(cell);
    struct dam_dynamics_setting setting = setting_of(cell, 0);
    struct dam_threshold_guess guess = dam_threshold_guess(&setting, criterion, values[LEVEL].real);
    /* The sets' size is science, and must not depend on max_K. */
    double most = (double)parameters[MAX_MEMORIES].high.integer;
    int64_t memories = (int64_t)fmin(floor(guess.memories + 0.5), most);
    int64_t limit = most_memories(cell);
    return (struct dam_crossing_search){
        .level = values[LEVEL].real,
        .rising = criterion == DAM_UNSTABLE_SPINS,
        .guess = memories < limit ? memories : limit,
        .slope = guess.slope,
        .most = limit,
        .set_trials = trials_of_set(criterion, memories),
        .trial_size = criterion == DAM_UNSTABLE_SPINS ? setting.neurons : 1,
        .precision = values[PRECISION].real,
        .max_trials = values[MAX_TRIALS].integer,
    };
}

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    struct dam_crossing_search search = search_of(cell);
    struct dam_dynamics_setting setting = setting_of(cell, search.guess);
    bool retrieves = criterion_of(cell) == DAM_RECOVERED;
    dam_capacity_seconds(&setting, retrieves ? cell->values[MAX_SWEEPS].integer : 1, cost);
    if (criterion_of(cell) == DAM_RETAINED_ALL)
        cost->start_seconds *= (double)search.guess;
    /* A search may well go beyond its guess. */
    setting.memories = search.guess < search.most / 2 ? 2 * search.guess : search.most;
    cost->bytes = dam_trials_bytes(&setting);
}

/* ---- one task ---- */

struct record {
    int64_t trials, successes;
};

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(struct record);
}

/* A round's plan: what its replicas are. */
struct step {
    int64_t memories[2]; /* of even and of odd replicas */
    int64_t first_set;   /* the number of replica 0 */
};

static struct step step_of(const struct dam_round *round) {
    struct step step;
    assert(round->plan_size == sizeof step);
    memcpy(&step, round->plan, sizeof step);
    return step;
}

static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    const struct dam_cell *cell = task->cell;
    struct step step = step_of(task->plan);
    const struct dam_criterion_trials asked = {
        .criterion = criterion_of(cell),
        .setting = setting_of(cell, step.memories[task->replica % 2]),
        .names = {task->seed, &cell->hash, (uint32_t)step.first_set + task->replica},
        .mirrors = cell->values[MIRRORS].integer == MIRRORS_YES,
        .max_sweeps = cell->values[MAX_SWEEPS].integer,
    };
    struct record *made = record;
    made->trials = (int64_t)(task->start_end - task->start_begin);
    return dam_criterion_try(&asked, task->start_begin, task->start_end, task->poll,
                             &made->successes, error);
}

static void merge(const struct dam_cell *cell, void *into, const void *record) {
    struct record *sum = into;
    const struct record *more = record;
    (void)cell;
    sum->trials += more->trials;
    sum->successes += more->successes;
}

static uint64_t starts_of(const struct dam_cell *cell) {
    return (uint64_t)search_of(cell).set_trials;
}

/* As many successes as the guess leads one to expect, in turns more and less than that. */
static void imagine(const struct dam_task *task, void *record) {
    struct dam_crossing_search search = search_of(task->cell);
    struct step step = step_of(task->plan);
    double x = log((double)step.memories[task->replica % 2] / (double)search.guess);
    double eta =
        log(search.level / (1 - search.level)) + (search.rising ? 1 : -1) * search.slope * x;
    struct record *imagined = record;
    imagined->trials = (int64_t)(task->start_end - task->start_begin);
    double units = (double)imagined->trials * (double)search.trial_size;
    double turn = fmod(0.5 + 0.6180339887498949 * (double)(step.first_set + task->replica), 1);
    imagined->successes = (int64_t)floor(units / (1 + exp(-eta)) + turn);
}

/* ---- the search ---- */

/* The two points of a round, of those of its sets that are there. */
static void points_of(const struct dam_round_rows *rows, struct dam_crossing_point points[2]) {
    struct step step = step_of(&rows->plan);
    for (int side = 0; side < 2; side++)
        points[side] = (struct dam_crossing_point){.memories = step.memories[side]};
    for (size_t r = 0; r < rows->count; r++) {
        const struct record *record = rows->records[r];
        struct dam_crossing_point *point = &points[rows->replicas[r] % 2];
        point->sets++;
        point->successes += record->successes;
        point->squares += (double)record->successes * (double)record->successes;
    }
}

/* Those of the whole rounds. */
static size_t all_points(const struct dam_history *history, struct dam_crossing_point *points) {
    size_t count = 0;
    for (size_t round = 0; round < history->round_count; round++) {
        const struct dam_round_rows *rows = &history->rounds[round];
        if (rows->count < rows->plan.replicas)
            break;
        points_of(rows, &points[count]);
        count += 2;
    }
    return count;
}

static bool more(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next) {
    struct dam_crossing_search search = search_of(cell);
    struct dam_crossing_point points[DAM_CROSSING_POINTS_MAX];
    struct dam_crossing_step step;
    size_t count = all_points(history, points);
    if (dam_crossing_next(&search, points, count, &step) != DAM_CROSSING_OPEN)
        return false;
    struct step plan = {.memories = {step.memories[0], step.memories[1]}};
    for (size_t round = 0; round < history->round_count; round++)
        plan.first_set += history->rounds[round].plan.replicas;
    *next = (struct dam_round){.replicas = (uint32_t)(2 * step.sets),
                               .starts = (uint64_t)search.set_trials,
                               .plan_size = sizeof plan};
    memcpy(next->plan, &plan, sizeof plan);
    return true;
}

/* ---- the result ---- */

static double theory(const struct dam_cell *cell) {
    const union dam_value *values = cell->values;
    enum dam_energy_form form = (enum dam_energy_form)values[ENERGY].integer;
    int power = (int)values[POWER].integer, neurons = (int)values[NEURONS].integer;
    double level = values[LEVEL].real;
    switch (criterion_of(cell)) {
    case DAM_RETAINED:
        return dam_theory_k_retained(form, power, neurons, level);
    case DAM_RETAINED_ALL:
        return dam_theory_k_max(form, power, neurons) / power;
    case DAM_UNSTABLE_SPINS:
        return level < 0.5 ? dam_theory_k_unstable(form, power, neurons, level) : (double)NAN;
    case DAM_RECOVERED:
        break;
    }
    bool known = values[START].integer == DAM_START_RANDOM && level == 0.5;
    return known ? dam_theory_k_max(form, power, neurons) : (double)NAN;
}

static enum dam_status tell_path(const struct dam_crossing_search *search, size_t step,
                                 const struct dam_crossing_point *point, struct dam_rows *rows,
                                 struct dam_error *error) {
    const union dam_value values[PATH_COLUMN_COUNT] = {
        [PATH_STEP].integer = (int64_t)step,
        [PATH_MEMORIES].integer = point->memories,
        [PATH_SETS].integer = point->sets,
        [PATH_TRIALS].integer = point->sets * search->set_trials,
        [PATH_SUCCESSES].integer = point->successes,
    };
    return point->sets == 0 ? DAM_OK : dam_rows_add(rows, values, error);
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    struct dam_crossing_search search = search_of(cell);
    struct dam_crossing_point points[DAM_CROSSING_POINTS_MAX];
    union dam_value *out = output->scalars;
    for (size_t round = 0; round < history->round_count; round++) {
        struct dam_crossing_point point[2];
        points_of(&history->rounds[round], point);
        for (int side = 0; side < 2; side++) {
            enum dam_status status =
                tell_path(&search, round, &point[side], &output->tables[0], error);
            if (status != DAM_OK)
                return status;
            out[PATTERN_SETS].integer += point[side].sets;
        }
    }
    out[TRIALS].integer = out[PATTERN_SETS].integer * search.set_trials;

    size_t count = all_points(history, points);
    struct dam_crossing_step step;
    enum dam_crossing_outcome outcome = dam_crossing_next(&search, points, count, &step);
    struct dam_crossing_estimate at = {NAN, NAN, NAN, NAN, NAN};
    if (outcome == DAM_CROSSING_FOUND)
        at = dam_crossing_fit(&search, points, count);
    out[OUTCOME].integer = outcome;
    out[K_THRESHOLD].real = at.threshold;
    out[K_LOW].real = at.low;
    out[K_HIGH].real = at.high;
    out[SLOPE].real = at.slope;
    out[DESIGN_EFFECT].real = at.design_effect;
    double memories = theory(cell); /* of a single neuron it has none: ln 1 = 0 */
    out[THEORY_K].real = isfinite(memories) ? memories : (double)NAN;
    out[RATIO].real = at.threshold / out[THEORY_K].real;
    return DAM_OK;
}

const struct dam_kind dam_kind_threshold = {
    .schema = {.name = "threshold",
               .summary = "the number of memories at which a criterion crosses a level",
               .reference = "Krotov & Hopfield 2016, arXiv 1606.01164, sections 1-2 and appendix",
               .version = 1,
               .parameters = parameters,
               .parameter_count = sizeof parameters / sizeof *parameters,
               .resolve = resolve,
               .replicas_by = "precision and max_trials"},
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .tables = tables,
    .table_count = sizeof tables / sizeof *tables,
    .cost = cost,
    .starts = starts_of,
    .record_size = record_size,
    .run = run,
    .merge = merge,
    .reduce = reduce,
    .more = more,
    .imagine = imagine,
};
