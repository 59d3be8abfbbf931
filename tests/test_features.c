#include <dam/features.h>

#include <dam/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORIES = 23, VISIBLE = 37, CLASSES = 10, GAP = 3, IMAGES = 200 };
enum { STRIDE = VISIBLE + CLASSES + GAP };

/* ---- a net and images ---- */

static float entries[MEMORIES * STRIDE], images[IMAGES * VISIBLE];
static uint8_t labels[IMAGES];

static float uniform(struct dam_stream *stream) {
    return (float)(2 * dam_stream_unit(stream) - 1);
}

static void draw(uint64_t seed) {
    struct dam_stream stream = dam_stream_open(seed, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        entries[i] = uniform(&stream);
    for (size_t mu = 0; mu < MEMORIES; mu++) /* what lies between memories is none of them */
        for (size_t i = VISIBLE + CLASSES; i < STRIDE; i++)
            entries[mu * STRIDE + i] = NAN;
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        images[i] = uniform(&stream);
    for (size_t i = 0; i < IMAGES; i++)
        labels[i] = (uint8_t)dam_stream_below(&stream, CLASSES);
}

static struct dam_classifier_model model_of(enum dam_classifier_form form,
                                            enum dam_activation activation, int power) {
    return (struct dam_classifier_model){.form = form,
                                         .activation = activation,
                                         .power = power,
                                         .loss_power = 1,
                                         .memories = MEMORIES,
                                         .visible = VISIBLE,
                                         .classes = CLASSES};
}

/* ---- by definition ---- */

static long double energy(long double x, int power) {
    return x > 0 ? powl(x, power) : 0;
}

/* What memory mu adds to class a: F of the overlap of the whole state, neuron by neuron, with class
 * a on less that with all off; or the hidden unit's output times its weight. In units of T^n. */
static long double part(const struct dam_features *features, const float *image, size_t mu, int a) {
    const struct dam_classifier_model *model = features->model;
    const float *memory = entries + mu * STRIDE;
    long double visible = 0, off = 0, on = 0;
    for (size_t i = 0; i < VISIBLE; i++)
        visible += (long double)memory[i] * (long double)image[i];
    for (int b = 0; b < CLASSES; b++) {
        off -= (long double)memory[VISIBLE + b];
        on += (b == a ? 1 : -1) * (long double)memory[VISIBLE + b];
    }
    if (model->form == DAM_CLASSIFIER_MEMORY)
        return energy(visible + on, model->power) - energy(visible + off, model->power);
    long double x = visible / (long double)features->temperature;
    long double active = model->activation == DAM_ACTIVATION_RECTIFIED
                             ? (x > 0 ? model->power * powl(x, model->power - 1) : 0)
                         : model->activation == DAM_ACTIVATION_TANH ? tanhl(x)
                                                                    : 1 / (1 + expl(-x));
    return (long double)memory[VISIBLE + a] * active;
}

/* How near a decision may be to where float sums settle it. */
static const long double margin = 1e-3L;

/* The winner and its contributing memories; false where a decision is too near. */
static bool by_definition(const struct dam_features *features, const float *image, double share,
                          int *winner, size_t *contributing) {
    long double potentials[CLASSES] = {0}, largest = 0, scale = 0;
    for (int a = 0; a < CLASSES; a++) {
        for (size_t mu = 0; mu < MEMORIES; mu++)
            potentials[a] += part(features, image, mu, a);
        scale = fmaxl(scale, fabsl(potentials[a]));
    }
    *winner = 0;
    for (int a = 1; a < CLASSES; a++)
        *winner = potentials[a] > potentials[*winner] ? a : *winner;
    bool clear = true;
    for (int a = 0; a < CLASSES; a++)
        clear &= a == *winner || potentials[*winner] - potentials[a] > margin * scale;
    for (size_t mu = 0; mu < MEMORIES; mu++)
        largest = fmaxl(largest, part(features, image, mu, *winner));
    *contributing = 0;
    for (size_t mu = 0; mu < MEMORIES; mu++) {
        long double ratio = part(features, image, mu, *winner) / largest;
        *contributing += ratio > (long double)share;
        clear &= fabsl(ratio - (long double)share) > margin;
    }
    return clear && largest > 0;
}

/* One image at a time, so that every histogram says what that image's is. */
static void assert_as_defined(const struct dam_classifier_model *model, double temperature,
                              double share) {
    const struct dam_features features = {model, temperature, entries, STRIDE};
    size_t compared = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        const float *image = images + i * VISIBLE;
        int winner;
        size_t expected;
        if (!by_definition(&features, image, share, &winner, &expected))
            continue;
        uint64_t contributing[MEMORIES + 1] = {0}, errors = 0;
        assert_int_equal(dam_features_contributions(&features, image, labels + i, 1, share,
                                                    contributing, &errors, NULL),
                         DAM_OK);
        for (size_t c = 0; c <= MEMORIES; c++)
            assert_int_equal(contributing[c], c == expected);
        assert_int_equal(errors, winner != labels[i]);
        compared++;
    }
    assert_true(compared > IMAGES / 2);
}

static void contributions_are_as_defined(void **state) {
    (void)state;
    static const int powers[] = {2, 3, 20, 30, 60};
    draw(1);
    for (size_t p = 0; p < sizeof powers / sizeof *powers; p++) {
        struct dam_classifier_model model =
            model_of(DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, powers[p]);
        assert_as_defined(&model, 30, 0.9);
        assert_as_defined(&model, 700, 0.5);
        model.form = DAM_CLASSIFIER_DUAL;
        assert_as_defined(&model, 30, 0.9);
    }
    for (enum dam_activation f = DAM_ACTIVATION_LOGISTIC; f <= DAM_ACTIVATION_TANH; f++) {
        struct dam_classifier_model model = model_of(DAM_CLASSIFIER_DUAL, f, 2);
        assert_as_defined(&model, 1, 0.9);
        assert_as_defined(&model, 5, 0.9);
    }
}

/* Who wins is what the classifier that was trained says, and a batch is its images. */
static void answers_are_the_classifiers(void **state) {
    (void)state;
    draw(2);
    for (int form = 0; form < 2; form++)
        for (int power = 2; power <= 60; power += 29) {
            struct dam_classifier_model model =
                model_of((enum dam_classifier_form)form, DAM_ACTIVATION_RECTIFIED, power);
            struct dam_classifier *classifier;
            static double potentials[IMAGES * CLASSES];
            assert_int_equal(dam_classifier_new(&classifier, &model, IMAGES, NULL), DAM_OK);
            struct dam_classifier_state weights = dam_classifier_state(classifier);
            for (size_t mu = 0; mu < MEMORIES; mu++) {
                const float *memory = entries + mu * STRIDE;
                memcpy(weights.visible + mu * VISIBLE, memory, VISIBLE * sizeof *memory);
                memcpy(weights.classes + mu * CLASSES, memory + VISIBLE, CLASSES * sizeof *memory);
            }
            dam_classifier_potentials(classifier, images, IMAGES, 50, potentials);
            for (size_t i = 0; i < IMAGES; i++)
                labels[i] = (uint8_t)dam_classifier_answer(potentials + i * CLASSES, CLASSES);
            dam_classifier_destroy(classifier);

            const struct dam_features features = {&model, 50, entries, STRIDE};
            uint64_t contributing[MEMORIES + 1] = {0}, errors = 0, all = 0;
            assert_int_equal(dam_features_contributions(&features, images, labels, IMAGES, 0.9,
                                                        contributing, &errors, NULL),
                             DAM_OK);
            for (size_t c = 0; c <= MEMORIES; c++)
                all += contributing[c];
            assert_int_equal(errors, 0);
            assert_int_equal(all, IMAGES);
        }
}

/* Memory mu is the prototype of class mu mod 10: an image that is a prototype has one contributing
 * memory at a large power, its own, and every memory of its class at share 0. */
static void prototypes_stand_alone(void **state) {
    (void)state;
    draw(3);
    for (size_t mu = 0; mu < MEMORIES; mu++)
        for (int a = 0; a < CLASSES; a++)
            entries[mu * STRIDE + VISIBLE + (size_t)a] = mu % CLASSES == (size_t)a ? 1 : -1;
    struct dam_classifier_model model =
        model_of(DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 30);
    const struct dam_features features = {&model, 500, entries, STRIDE};
    uint64_t contributing[MEMORIES + 1] = {0}, connections[CLASSES + 1] = {0}, errors = 0;
    for (size_t mu = 0; mu < MEMORIES; mu++) {
        uint8_t label = (uint8_t)(mu % CLASSES);
        assert_int_equal(dam_features_contributions(&features, entries + mu * STRIDE, &label, 1,
                                                    0.9, contributing, &errors, NULL),
                         DAM_OK);
    }
    assert_int_equal(errors, 0);
    assert_int_equal(contributing[1], MEMORIES);
    dam_features_connections(&features, 0.9, connections);
    assert_int_equal(connections[1], MEMORIES);
}

/* The cutoff itself is off, as are entries below it. */
static void connections_are_counted_above_the_cutoff(void **state) {
    (void)state;
    draw(4);
    struct dam_classifier_model model =
        model_of(DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 2);
    const struct dam_features features = {&model, 500, entries, STRIDE};
    for (size_t mu = 0; mu < MEMORIES; mu++)
        for (size_t a = 0; a < CLASSES; a++)
            entries[mu * STRIDE + VISIBLE + a] = a < mu % (CLASSES + 1) ? 0.75F : 0.5F;
    uint64_t connections[CLASSES + 1] = {0};
    dam_features_connections(&features, 0.5, connections);
    for (size_t on = 0; on <= CLASSES; on++)
        assert_int_equal(connections[on], on == 0 ? 3 : 2);
    dam_features_connections(&features, 0.75, connections);
    assert_int_equal(connections[0], 3 + MEMORIES); /* those of before are added to */
}

/* Nothing reaches the memories: no class has a potential, the first wins, nobody contributes. */
static void silent_memories_do_not_contribute(void **state) {
    (void)state;
    draw(5);
    for (size_t mu = 0; mu < MEMORIES; mu++)
        for (size_t i = 0; i < VISIBLE + CLASSES; i++)
            entries[mu * STRIDE + i] = i < VISIBLE ? -1 : 0;
    for (size_t i = 0; i < VISIBLE; i++)
        images[i] = 1;
    struct dam_classifier_model model =
        model_of(DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 60);
    const struct dam_features features = {&model, 500, entries, STRIDE};
    uint64_t contributing[MEMORIES + 1] = {0}, errors = 0;
    uint8_t label = 0;
    assert_int_equal(
        dam_features_contributions(&features, images, &label, 1, 0.9, contributing, &errors, NULL),
        DAM_OK);
    assert_int_equal(contributing[0], 1);
    assert_int_equal(errors, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contributions_are_as_defined),
        cmocka_unit_test(answers_are_the_classifiers),
        cmocka_unit_test(prototypes_stand_alone),
        cmocka_unit_test(connections_are_counted_above_the_cutoff),
        cmocka_unit_test(silent_memories_do_not_contribute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
