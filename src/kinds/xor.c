/* The XOR of two bits as an associative memory of three neurons (Krotov & Hopfield 2016): the
 * four memories are the rows (x, y, z) of its truth table, and z is asked for with x, y given.
 *
 *     E_n(x, y, z) = -F(-x-y-z) - F(-x+y+z) - F(x-y+z) - F(x+y-z)
 *
 * Power: constant or zero for even n and n = 1, C_n xyz for odd n >= 3. Rectified: solved for
 * every n >= 2. */
#include "kinds/kinds.h"
#include "kinds/model.h"
#include <assert.h>
#include <dam/energy.h>
#include <dam/patterns.h>
#include <math.h>
#include <string.h>

enum { NEURONS = 3, MEMORIES = 4, CORNERS = 8 };
enum { ENERGY, POWER };

static const char *const answers[] = {"no", "yes", NULL};

static const struct dam_parameter parameters[] = {
    [ENERGY] = DAM_PARAMETER_ENERGY,
    [POWER] = DAM_PARAMETER_POWER,
};

enum { SOLVED, CORRECT, TIES, COEFFICIENT, CONSTANT, LEVELS, COLUMN_COUNT };

static const struct dam_column columns[] = {
    [SOLVED] = {.name = "solved",
                .type = DAM_CHOICE,
                .choices = answers,
                .unit = "1",
                .doc = "every input gives z = Sign[-xy]"},
    [CORRECT] = {.name = "correct",
                 .unit = "inputs",
                 .doc = "inputs (x, y) that give z = Sign[-xy]"},
    [TIES] = {.name = "ties", .unit = "inputs", .doc = "inputs for which both z have one energy"},
    [COEFFICIENT] = {.name = "coefficient",
                     .type = DAM_REAL,
                     .unit = "1",
                     .doc = "C_n in E = C_n xyz + ..., the mean of E xyz over the cube"},
    [CONSTANT] = {.name = "constant",
                  .type = DAM_REAL,
                  .unit = "1",
                  .doc = "the mean of E over the cube"},
    [LEVELS] = {.name = "energy_levels",
                .type = DAM_REAL,
                .shape = DAM_ARRAY,
                .unit = "1",
                .doc = "E at the corner 4 [x > 0] + 2 [y > 0] + [z > 0] of the cube"},
};

struct record {
    int64_t correct, ties;
    double levels[CORNERS];
};

static const int8_t truth_table[MEMORIES][NEURONS] = {
    {-1, -1, -1}, {-1, 1, 1}, {1, -1, 1}, {1, 1, -1}};

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    (void)cell;
    *cost = (struct dam_cost){.start_seconds = 20e-6, .bytes = 1024};
}

static size_t record_size(const struct dam_cell *cell) {
    (void)cell;
    return sizeof(struct record);
}

static void corner(int c, int8_t spins[NEURONS]) {
    for (int i = 0; i < NEURONS; i++)
        spins[i] = (c >> (NEURONS - 1 - i) & 1) ? 1 : -1;
}

static double level(enum dam_energy_form form, int power, const int8_t spins[NEURONS]) {
    double energy = 0;
    for (int mu = 0; mu < MEMORIES; mu++) {
        int overlap = 0;
        for (int i = 0; i < NEURONS; i++)
            overlap += truth_table[mu][i] * spins[i];
        energy -= dam_energy_function(form, power, overlap);
    }
    return energy;
}

/* Which z the update of neuron 2 leaves, 0 for a tie. */
static int preferred(struct dam_retrieval *retrieval, int8_t x, int8_t y) {
    int answer = 0;
    for (int8_t z = -1; z <= 1; z = (int8_t)(z + 2)) {
        dam_retrieval_set(retrieval, (const int8_t[NEURONS]){x, y, z});
        if (dam_retrieval_unstable(retrieval, 2))
            answer = -z;
    }
    return answer;
}

static void ask_every_input(struct dam_retrieval *retrieval, struct record *record) {
    for (int8_t x = -1; x <= 1; x = (int8_t)(x + 2))
        for (int8_t y = -1; y <= 1; y = (int8_t)(y + 2)) {
            int z = preferred(retrieval, x, y);
            record->correct += z == -x * y;
            record->ties += z == 0;
        }
}

static enum dam_status run(const struct dam_task *task, void *out, struct dam_error *error) {
    enum dam_energy_form form = (enum dam_energy_form)task->cell->values[ENERGY].integer;
    int power = (int)task->cell->values[POWER].integer;
    struct record *record = out;
    struct dam_energy *energy = NULL;
    struct dam_patterns *patterns = NULL;
    struct dam_retrieval *retrieval = NULL;
    enum dam_status status = dam_energy_new(&energy, form, power, NEURONS, error);
    if (status == DAM_OK)
        status = dam_patterns_new(&patterns, NEURONS, MEMORIES, error);
    if (status == DAM_OK) {
        for (int mu = 0; mu < MEMORIES; mu++)
            for (int i = 0; i < NEURONS; i++)
                dam_patterns_set(patterns, mu, i, truth_table[mu][i]);
        status = dam_retrieval_new(&retrieval, energy, patterns, error);
    }
    if (status == DAM_OK) {
        ask_every_input(retrieval, record);
        for (int c = 0; c < CORNERS; c++) {
            int8_t spins[NEURONS];
            corner(c, spins);
            record->levels[c] = level(form, power, spins);
        }
    }
    dam_retrieval_destroy(retrieval);
    dam_patterns_destroy(patterns);
    dam_energy_destroy(energy);
    return status;
}

static struct dam_extent extent(const struct dam_cell *cell, size_t column) {
    (void)cell;
    assert(column == LEVELS);
    (void)column;
    return (struct dam_extent){1, {CORNERS}};
}

/* Nothing is random here: every replica is the same, and the first one is the result. */
static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    (void)cell;
    (void)error;
    const struct dam_round_rows *rows = &history->rounds[0];
    struct record none = {0};
    for (int c = 0; c < CORNERS; c++)
        none.levels[c] = (double)NAN;
    const struct record *record = rows->count > 0 ? rows->records[0] : &none;
    double coefficient = 0, constant = 0;
    for (int c = 0; c < CORNERS; c++) {
        int8_t spins[NEURONS];
        corner(c, spins);
        coefficient += record->levels[c] * spins[0] * spins[1] * spins[2] / CORNERS;
        constant += record->levels[c] / CORNERS;
    }
    output->scalars[SOLVED].integer = record->correct == 4;
    output->scalars[CORRECT].integer = record->correct;
    output->scalars[TIES].integer = record->ties;
    output->scalars[COEFFICIENT].real = coefficient;
    output->scalars[CONSTANT].real = constant;
    memcpy(output->arrays[LEVELS], record->levels, sizeof record->levels);
    return DAM_OK;
}

const struct dam_kind dam_kind_xor = {
    .schema = {.name = "xor",
               .summary = "the XOR of two bits as a memory of three neurons",
               .reference = "Krotov & Hopfield 2016, arXiv 1606.01164",
               .version = 1,
               .parameters = parameters,
               .parameter_count = sizeof parameters / sizeof *parameters},
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .cost = cost,
    .record_size = record_size,
    .run = run,
    .extent = extent,
    .reduce = reduce,
};
