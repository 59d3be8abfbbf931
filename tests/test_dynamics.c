/* The expected sweeps and flips against retrievals: the prediction is of use while it tells a cheap
 * cell from a dear one, so the band is wide. */
#include "kinds/dynamics.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SETS = 3, STARTS = 20, MAX_SWEEPS = 1000 };
static const double band = 1.6;

static void draw_start(const struct dam_dynamics_setting *setting,
                       const struct dam_patterns *patterns, struct dam_stream *stream,
                       int8_t *spins) {
    int neurons = setting->neurons, *order = malloc((size_t)neurons * sizeof *order);
    assert_non_null(order);
    int64_t memory = (int64_t)dam_stream_below(stream, (uint64_t)setting->memories);
    for (int i = 0; i < neurons; i++) {
        int random = dam_stream_below(stream, 2) == 0 ? 1 : -1;
        spins[i] = (int8_t)(setting->from_memory ? dam_patterns_get(patterns, memory, i) : random);
        int j = (int)dam_stream_below(stream, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    int flipped = setting->from_memory ? (int)floor(setting->noise * neurons + 0.5) : 0;
    for (int i = 0; i < flipped; i++)
        spins[order[i]] = (int8_t)-spins[order[i]];
    free(order);
}

/* The means over SETS pattern sets with STARTS starts each. */
static struct dam_dynamics simulate(const struct dam_dynamics_setting *setting) {
    struct dam_energy *energy;
    struct dam_patterns *patterns;
    struct dam_retrieval *retrieval;
    struct dam_error error;
    int8_t *spins = malloc((size_t)setting->neurons);
    assert_non_null(spins);
    assert_int_equal(
        dam_energy_new(&energy, setting->form, setting->power, setting->neurons, &error), DAM_OK);
    assert_int_equal(dam_patterns_new(&patterns, setting->neurons, setting->memories, &error),
                     DAM_OK);
    const struct dam_retrieval_options options = {.order = setting->order,
                                                  .max_sweeps = MAX_SWEEPS};
    struct dam_dynamics sum = {0};
    for (uint32_t set = 0; set < SETS; set++) {
        struct dam_stream stream = dam_stream_open(1, DAM_PURPOSE_TEST, NULL, set, 0);
        dam_patterns_draw(patterns, &stream);
        assert_int_equal(dam_retrieval_new(&retrieval, energy, patterns, &error), DAM_OK);
        for (int start = 0; start < STARTS; start++) {
            struct dam_retrieval_outcome outcome;
            draw_start(setting, patterns, &stream, spins);
            dam_retrieval_set(retrieval, spins);
            assert_int_equal(dam_retrieval_run(retrieval, &options, &stream, &outcome, &error),
                             DAM_OK);
            assert_true(outcome.converged);
            sum.sweeps += (double)outcome.sweeps;
            sum.flips += (double)outcome.flips;
        }
        dam_retrieval_destroy(retrieval);
    }
    dam_patterns_destroy(patterns);
    dam_energy_destroy(energy);
    free(spins);
    return (struct dam_dynamics){.sweeps = sum.sweeps / (SETS * STARTS),
                                 .flips = sum.flips / (SETS * STARTS)};
}

static void assert_within_band(const char *what, double expected, double found) {
    if (!(expected < found * band && expected > found / band))
        fail_msg("%s: expected %g, found %g", what, expected, found);
}

static void check(struct dam_dynamics_setting setting) {
    struct dam_dynamics expected = dam_dynamics_expected(&setting), found = simulate(&setting);
    assert_within_band("sweeps", expected.sweeps, found.sweeps);
    assert_within_band("flips", expected.flips, found.flips);
}

/* Far below and far above capacity: K_max is 11, 362, 111 and 1065 for the power energy, twice that
 * for the rectified. */
static void expected_follows_the_engine(void **state) {
    (void)state;
    static const struct {
        int power, neurons;
        int64_t below, above;
    } cells[] = {{2, 100, 3, 200}, {3, 100, 40, 4000}, {3, 51, 10, 1000}, {4, 50, 100, 10000}};
    for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
        for (int form = DAM_ENERGY_POWER; form <= DAM_ENERGY_RECTIFIED; form++) {
            for (int above = 0; above < 2; above++) {
                struct dam_dynamics_setting setting = {
                    .form = (enum dam_energy_form)form,
                    .power = cells[c].power,
                    .neurons = cells[c].neurons,
                    .memories = above ? cells[c].above : cells[c].below,
                    .order = above ? DAM_ORDER_RANDOM : DAM_ORDER_SEQUENTIAL,
                };
                check(setting);
                setting.from_memory = true;
                setting.noise = 0.1;
                check(setting);
            }
        }
    }
}

/* Far below capacity a memory is where it ends: one sweep sees that. */
static void intact_memory_is_quiet(void **state) {
    (void)state;
    struct dam_dynamics_setting setting = {
        .power = 3, .neurons = 100, .memories = 40, .from_memory = true};
    struct dam_dynamics expected = dam_dynamics_expected(&setting), found = simulate(&setting);
    assert_true(found.sweeps == 1 && found.flips == 0);
    assert_true(expected.sweeps >= 1 && expected.sweeps < 1.05);
    assert_true(expected.flips >= 0 && expected.flips < 0.5);
}

/* For a strong interaction K_max says little: it is below 1 here, yet the nearest memory wins at
 * once. */
static void strong_interaction_retrieves_beyond_k_max(void **state) {
    (void)state;
    struct dam_dynamics_setting setting = {.power = 30, .neurons = 20, .memories = 5000};
    assert_within_band("sweeps", dam_dynamics_expected(&setting).sweeps, simulate(&setting).sweeps);
}

/* In every corner of what a study may ask for. */
static void expected_is_finite_everywhere(void **state) {
    (void)state;
    static const int powers[] = {1, 2, 3, DAM_POWER_MAX}, neurons[] = {1, 2, 3, DAM_NEURONS_MAX};
    static const int64_t memories[] = {1, 2, 1000, INT64_C(1000000000000)};
    static const double noises[] = {0, 0.5, 1};
    for (int corner = 0; corner < 4 * 4 * 4 * 3 * 8; corner++) {
        int rest = corner / 8;
        struct dam_dynamics_setting setting = {
            .form = (corner & 1) ? DAM_ENERGY_RECTIFIED : DAM_ENERGY_POWER,
            .from_memory = (corner & 2) != 0,
            .order = (corner & 4) ? DAM_ORDER_SEQUENTIAL : DAM_ORDER_RANDOM,
            .power = powers[rest % 4],
            .neurons = neurons[rest / 4 % 4],
            .memories = memories[rest / 16 % 4],
            .noise = noises[rest / 64],
        };
        struct dam_dynamics expected = dam_dynamics_expected(&setting);
        assert_true(isfinite(expected.sweeps) && expected.sweeps >= 1);
        assert_true(expected.flips >= 0 && expected.flips <= expected.sweeps * setting.neurons);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_follows_the_engine),
        cmocka_unit_test(intact_memory_is_quiet),
        cmocka_unit_test(strong_interaction_retrieves_beyond_k_max),
        cmocka_unit_test(expected_is_finite_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
