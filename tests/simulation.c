#include "simulation.h"
#include <dam/energy.h>
#include <dam/patterns.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- studies, cells and columns by name ---- */

static enum dam_status try_parse(struct dam_study **study, const char *parameters,
                                 struct dam_error *error) {
    const struct dam_schema *const schemas[] = {&kind->schema};
    char text[256];
    int length = snprintf(text, sizeof text, "{kind: %s, %s}\n", kind->schema.name, parameters);
    assert_in_range(length, 1, sizeof text - 1);
    return dam_study_parse(study, "study", text, (size_t)length, NULL, 0, schemas, 1, error);
}

struct dam_cell cell_of(const char *parameters) {
    struct dam_study *study;
    struct dam_error error;
    if (try_parse(&study, parameters, &error) != DAM_OK)
        fail_msg("%s", error.text);
    assert_int_equal(study->cell_count, 1);
    struct dam_cell cell;
    dam_study_cell(study, 0, &cell);
    dam_study_destroy(study);
    return cell;
}

union dam_value value(const struct dam_cell *cell, const char *name) {
    for (size_t p = 0; p < kind->schema.parameter_count; p++)
        if (strcmp(kind->schema.parameters[p].name, name) == 0)
            return cell->values[p];
    fail_msg("no parameter %s", name);
    return (union dam_value){0};
}

bool same_cell(const char *one, const char *other) {
    struct dam_cell a = cell_of(one), b = cell_of(other);
    return memcmp(&a.hash, &b.hash, sizeof a.hash) == 0;
}

void assert_refused(const char *parameters, const char *message) {
    struct dam_study *study;
    struct dam_error error;
    assert_int_equal(try_parse(&study, parameters, &error), DAM_INPUT);
    if (strstr(error.text, message) == NULL || strchr(error.text, '\n') != NULL)
        fail_msg("'%s' does not hold '%s' in one line", error.text, message);
}

size_t column(const char *name) {
    for (size_t c = 0; c < kind->column_count; c++)
        if (strcmp(kind->columns[c].name, name) == 0)
            return c;
    fail_msg("no column %s", name);
    return 0;
}

void assert_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.17g, expected %.17g", got, expected);
}

/* ---- networks ---- */

static struct dam_stream stream_of(const struct network *net, enum dam_purpose purpose,
                                   uint64_t start) {
    return dam_stream_open(SEED, purpose, &net->cell->hash, net->set, start);
}

static void draw_patterns(struct network *net) {
    struct dam_patterns *drawn;
    struct dam_error error;
    assert_int_equal(dam_patterns_new(&drawn, net->neurons, net->memories, &error), DAM_OK);
    struct dam_stream stream = stream_of(net, DAM_PURPOSE_PATTERNS, 0);
    dam_patterns_draw(drawn, &stream);
    for (int mu = 0; mu < net->memories; mu++)
        for (int i = 0; i < net->neurons; i++)
            net->patterns[mu * net->neurons + i] = (int8_t)dam_patterns_get(drawn, mu, i);
    dam_patterns_destroy(drawn);
}

struct network network_new(const struct dam_cell *cell, int memories, uint32_t set) {
    int neurons = (int)value(cell, "N").integer;
    bool rectified = value(cell, "energy").integer == DAM_ENERGY_RECTIFIED;
    struct network net = {.cell = cell, .set = set, .neurons = neurons, .memories = memories};
    net.patterns = malloc((size_t)(neurons * memories));
    net.spins = malloc((size_t)neurons);
    net.function = malloc((2 * (size_t)neurons + 1) * sizeof *net.function);
    assert_true(net.patterns != NULL && net.spins != NULL && net.function != NULL);
    draw_patterns(&net);
    for (int x = -neurons; x <= neurons; x++) {
        mpz_init_set_si(net.function[x + neurons], rectified && x < 0 ? 0 : x);
        mpz_pow_ui(net.function[x + neurons], net.function[x + neurons],
                   (unsigned long)value(cell, "n").integer);
    }
    mpz_inits(net.here, net.there, NULL);
    return net;
}

void network_destroy(struct network *net) {
    for (int x = 0; x <= 2 * net->neurons; x++)
        mpz_clear(net->function[x]);
    mpz_clears(net->here, net->there, NULL);
    free(net->function);
    free(net->patterns);
    free(net->spins);
}

int network_overlap(const struct network *net, int memory) {
    int sum = 0;
    for (int i = 0; i < net->neurons; i++)
        sum += net->patterns[memory * net->neurons + i] * net->spins[i];
    return sum;
}

bool network_is(const struct network *net, int memory, int sign) {
    for (int i = 0; i < net->neurons; i++)
        if (net->spins[i] != sign * net->patterns[memory * net->neurons + i])
            return false;
    return true;
}

/* -E of the spins as they are. */
static void energy(const struct network *net, mpz_t sum) {
    mpz_set_ui(sum, 0);
    for (int mu = 0; mu < net->memories; mu++)
        mpz_add(sum, sum, net->function[network_overlap(net, mu) + net->neurons]);
}

/* Does flipping neuron i lower the energy? The spins are left as they were. */
static bool unstable(struct network *net, int i) {
    energy(net, net->here);
    net->spins[i] = (int8_t)-net->spins[i];
    energy(net, net->there);
    net->spins[i] = (int8_t)-net->spins[i];
    return mpz_cmp(net->there, net->here) > 0;
}

int network_unstable(struct network *net) {
    int count = 0;
    for (int i = 0; i < net->neurons; i++)
        count += unstable(net, i);
    return count;
}

int network_begin(struct network *net, uint64_t start) {
    struct dam_stream stream = stream_of(net, DAM_PURPOSE_START, start);
    if (value(net->cell, "start").integer == 0) {
        uint64_t bits = 0;
        for (int i = 0; i < net->neurons; i++) {
            if (i % 64 == 0)
                bits = dam_stream_next64(&stream);
            net->spins[i] = bits >> i % 64 & 1 ? 1 : -1;
        }
        return -1;
    }
    int memory = (int)dam_stream_below(&stream, (uint64_t)net->memories);
    network_set(net, memory);
    return memory;
}

void network_set(struct network *net, int memory) {
    memcpy(net->spins, net->patterns + memory * net->neurons, (size_t)net->neurons);
}

/* The head of a shuffle of all neurons is flipped. */
void network_disturb(struct network *net, uint64_t start) {
    int flipped = (int)floor(value(net->cell, "noise").real * net->neurons + 0.5);
    int *pool = malloc((size_t)net->neurons * sizeof *pool);
    assert_non_null(pool);
    for (int i = 0; i < net->neurons; i++)
        pool[i] = i;
    struct dam_stream noise = stream_of(net, DAM_PURPOSE_NOISE, start);
    for (int f = 0; f < flipped; f++) {
        int j = f + (int)dam_stream_below(&noise, (uint64_t)(net->neurons - f));
        int chosen = pool[j];
        pool[j] = pool[f];
        net->spins[chosen] = (int8_t)-net->spins[chosen];
    }
    free(pool);
}

/* A fresh permutation: neuron i goes to a uniform place among the i + 1 first, and who was there
 * goes to the end. */
static void permute(int *order, int count, struct dam_stream *stream) {
    for (int i = 0; i < count; i++) {
        int j = i == 0 ? 0 : (int)dam_stream_below(stream, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

struct relaxation network_relax(struct network *net, uint64_t start) {
    struct dam_stream stream = stream_of(net, DAM_PURPOSE_ORDER, start);
    struct relaxation result = {0};
    int *order = malloc((size_t)net->neurons * sizeof *order);
    assert_non_null(order);
    bool sequential = value(net->cell, "order").integer == 1;
    int64_t most = value(net->cell, "max_sweeps").integer;
    while (!result.quiet && result.sweeps < most) {
        if (!sequential)
            permute(order, net->neurons, &stream);
        result.quiet = true;
        for (int v = 0; v < net->neurons; v++) {
            int i = sequential ? v : order[v];
            if (!unstable(net, i))
                continue;
            net->spins[i] = (int8_t)-net->spins[i];
            result.flips++;
            result.quiet = false;
        }
        result.sweeps++;
    }
    free(order);
    return result;
}
