/* Classifiers against the model's definition in long double, evaluated neuron by neuron. */
#include <dam/classifier.h>
#include <dam/kernel.h>
#include <dam/random.h>

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the definition ---- */

/* Memories and an image hold all neurons: visible ones, then classes. */
struct network {
    struct dam_classifier_model model;
    size_t neurons;
    long double *memories, *velocities, *slopes; /* [K][neurons] */
};

static long double *numbers(size_t count) {
    long double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

static struct network network_new(const struct dam_classifier_model *model) {
    size_t neurons = model->visible + (size_t)model->classes, count = model->memories * neurons;
    return (struct network){.model = *model,
                            .neurons = neurons,
                            .memories = numbers(count),
                            .velocities = numbers(count),
                            .slopes = numbers(count)};
}

static void network_destroy(struct network *network) {
    free(network->memories);
    free(network->velocities);
    free(network->slopes);
}

static long double power_of(long double x, int power) {
    long double product = 1;
    for (int i = 0; i < power; i++)
        product *= x;
    return product;
}

static long double energy(long double x, int n) {
    return x > 0 ? power_of(x, n) : 0;
}

/* f of the model, and f'. */
static long double activation(const struct dam_classifier_model *model, long double x) {
    switch (model->activation) {
    case DAM_ACTIVATION_LOGISTIC:
        return 1 / (1 + expl(-x));
    case DAM_ACTIVATION_TANH:
        return tanhl(x);
    default:
        return x > 0 ? model->power * power_of(x, model->power - 1) : 0;
    }
}

static long double steepness(const struct dam_classifier_model *model, long double x) {
    const int n = model->power;
    switch (model->activation) {
    case DAM_ACTIVATION_LOGISTIC:
        return 1 / ((1 + expl(-x)) * (1 + expl(x)));
    case DAM_ACTIVATION_TANH:
        return 1 / (coshl(x) * coshl(x));
    default:
        return x > 0 ? n * (n - 1) * power_of(x, n - 2) : 0;
    }
}

/* The overlap of a memory with the image and with every class neuron off but `on` (-1: none). */
static long double overlap(const struct network *network, size_t mu, const float *image, int on) {
    const long double *memory = network->memories + mu * network->neurons;
    const size_t visible = network->model.visible;
    long double sum = 0;
    for (size_t i = 0; i < visible; i++)
        sum += memory[i] * image[i];
    for (int a = 0; a < network->model.classes; a++)
        sum += memory[visible + (size_t)a] * (a == on ? 1 : -1);
    return sum;
}

static long double visible_overlap(const struct network *network, size_t mu, const float *image) {
    long double sum = 0;
    for (size_t i = 0; i < network->model.visible; i++)
        sum += network->memories[mu * network->neurons + i] * image[i];
    return sum;
}

/* U_a; *size is the sum of its terms without their signs. */
static long double potential(const struct network *network, const float *image, int a,
                             long double temperature, long double *size) {
    const struct dam_classifier_model *model = &network->model;
    long double sum = 0;
    *size = 0;
    for (size_t mu = 0; mu < model->memories; mu++) {
        if (model->form == DAM_CLASSIFIER_MEMORY) {
            long double on = energy(overlap(network, mu, image, a) / temperature, model->power);
            long double off = energy(overlap(network, mu, image, -1) / temperature, model->power);
            sum += on - off;
            *size += on + off;
        } else {
            long double entry =
                network->memories[mu * network->neurons + model->visible + (size_t)a];
            long double term = 2 * entry / temperature *
                               activation(model, visible_overlap(network, mu, image) / temperature);
            sum += term;
            *size += fabsl(term);
        }
    }
    return sum;
}

/* tanh U - t, without cancellation. */
static long double difference(long double potential, bool is_class) {
    return is_class ? -2 / (1 + expl(2 * potential)) : 2 / (1 + expl(-2 * potential));
}

static long double loss(const struct network *network, const float *images, const uint8_t *labels,
                        size_t count, long double temperature) {
    long double sum = 0, size;
    for (size_t image = 0; image < count; image++)
        for (int a = 0; a < network->model.classes; a++) {
            const float *pixels = images + image * network->model.visible;
            long double u = potential(network, pixels, a, temperature, &size);
            sum += power_of(difference(u, a == labels[image]), 2 * network->model.loss_power);
        }
    return sum;
}

/* `slope` times the gradient of one image's U_a with memory mu, added to its slopes. */
static void add_slope(struct network *network, size_t mu, const float *image, int a,
                      long double temperature, long double slope) {
    const struct dam_classifier_model *model = &network->model;
    const long double *memory = network->memories + mu * network->neurons;
    long double *slopes = network->slopes + mu * network->neurons;
    if (model->form == DAM_CLASSIFIER_DUAL) {
        long double h = visible_overlap(network, mu, image) / temperature;
        long double entry = memory[model->visible + (size_t)a], factor = 2 * slope / temperature;
        slopes[model->visible + (size_t)a] += factor * activation(model, h);
        for (size_t i = 0; i < model->visible; i++)
            slopes[i] += factor * entry * steepness(model, h) * image[i] / temperature;
        return;
    }
    long double on = overlap(network, mu, image, a) / temperature,
                off = overlap(network, mu, image, -1) / temperature;
    long double up = slope * activation(model, on) / temperature,
                down = slope * activation(model, off) / temperature;
    for (size_t i = 0; i < model->visible; i++)
        slopes[i] += (up - down) * image[i];
    for (int b = 0; b < model->classes; b++)
        slopes[model->visible + (size_t)b] += up * (b == a ? 1 : -1) + down;
}

/* dC/dxi to network->slopes. */
static void find_gradient(struct network *network, const float *images, const uint8_t *labels,
                          size_t count, long double temperature) {
    const struct dam_classifier_model *model = &network->model;
    memset(network->slopes, 0, model->memories * network->neurons * sizeof *network->slopes);
    for (size_t image = 0; image < count; image++)
        for (int a = 0; a < model->classes; a++) {
            const float *pixels = images + image * model->visible;
            long double size, u = potential(network, pixels, a, temperature, &size);
            long double slope = 1 / (coshl(u) * coshl(u));
            slope *= 2 * model->loss_power *
                     power_of(difference(u, a == labels[image]), 2 * model->loss_power - 1);
            if (slope == 0)
                continue;
            for (size_t mu = 0; mu < model->memories; mu++)
                add_slope(network, mu, pixels, a, temperature, slope);
        }
}

/* V <- p V - dC/dxi; xi <- clip(xi + rate V / max |V|, over all entries of the memory). */
static void step(struct network *network, const float *images, const uint8_t *labels, size_t count,
                 long double temperature, long double rate, long double momentum) {
    const size_t neurons = network->neurons;
    find_gradient(network, images, labels, count, temperature);
    for (size_t mu = 0; mu < network->model.memories; mu++) {
        long double *v = network->velocities + mu * neurons, most = 0;
        for (size_t i = 0; i < neurons; i++) {
            v[i] = momentum * v[i] - network->slopes[mu * neurons + i];
            most = fmaxl(most, fabsl(v[i]));
        }
        for (size_t i = 0; i < neurons && most > 0; i++) {
            long double *entry = &network->memories[mu * neurons + i];
            *entry = fminl(fmaxl(*entry + rate * v[i] / most, -1), 1);
        }
    }
}

/* ---- cases ---- */

/* A classifier, the definition of the same, and images with labels. Entries and pixels are
 * multiples of 1/64: overlaps are exact in floats, so that what differs from the definition is
 * the error of all that follows. */
struct bench {
    struct dam_classifier *classifier;
    struct network network;
    float *images;
    uint8_t *labels;
    size_t count;
};

static float sixty_fourth(struct dam_stream *stream, double mean, double sd) {
    double value = floor((mean + sd * dam_stream_normal(stream)) * 64 + 0.5) / 64;
    return (float)fmin(fmax(value, -1), 1);
}

/* The definition takes over the classifier's memories. */
static void copy_memories(struct bench *bench) {
    struct network *network = &bench->network;
    const struct dam_classifier_model *model = &network->model;
    struct dam_classifier_state state = dam_classifier_state(bench->classifier);
    for (size_t mu = 0; mu < model->memories; mu++)
        for (size_t i = 0; i < network->neurons; i++)
            network->memories[mu * network->neurons + i] =
                i < model->visible
                    ? state.visible[mu * model->visible + i]
                    : state.classes[mu * (size_t)model->classes + i - model->visible];
}

static struct bench bench_new(const struct dam_classifier_model *model, size_t count,
                              uint64_t number) {
    struct bench bench = {.network = network_new(model), .count = count};
    struct dam_error error;
    if (dam_classifier_new(&bench.classifier, model, count, &error) != DAM_OK)
        fail_msg("%s", error.text);
    bench.images = calloc(count * model->visible, sizeof *bench.images);
    bench.labels = calloc(count, 1);
    assert_true(bench.images != NULL && bench.labels != NULL);
    struct dam_stream stream = dam_stream_open(11, DAM_PURPOSE_TEST, NULL, 0, number);
    struct dam_classifier_state state = dam_classifier_state(bench.classifier);
    for (size_t i = 0; i < model->memories * model->visible; i++)
        state.visible[i] = sixty_fourth(&stream, 0, 0.5);
    for (size_t i = 0; i < model->memories * (size_t)model->classes; i++)
        state.classes[i] = sixty_fourth(&stream, -0.2, 0.4);
    for (size_t i = 0; i < count * model->visible; i++)
        bench.images[i] = sixty_fourth(&stream, 0, 0.8);
    for (size_t i = 0; i < count; i++)
        bench.labels[i] = (uint8_t)dam_stream_below(&stream, (uint64_t)model->classes);
    copy_memories(&bench);
    return bench;
}

static void bench_destroy(struct bench *bench) {
    dam_classifier_destroy(bench->classifier);
    network_destroy(&bench->network);
    free(bench->images);
    free(bench->labels);
}

/* The temperature at which the largest of all |U_a| is about `size` (rectified: exactly). */
static long double temperature_for(const struct bench *bench, long double size) {
    const struct dam_classifier_model *model = &bench->network.model;
    long double most = 0, ignored;
    for (size_t image = 0; image < bench->count; image++)
        for (int a = 0; a < model->classes; a++)
            most =
                fmaxl(most, fabsl(potential(&bench->network, bench->images + image * model->visible,
                                            a, 1, &ignored)));
    return fmaxl(1, powl(most / size, 1.0L / model->power));
}

/* Every form and activation with a few powers, in sizes that fill no vector. */
struct shape {
    enum dam_classifier_form form;
    enum dam_activation activation;
    int power;
};
static const struct shape shapes[] = {
    {DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 2},
    {DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 3},
    {DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 20},
    {DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 30},
    {DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 60},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_RECTIFIED, 2},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_RECTIFIED, 3},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_RECTIFIED, 4},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_RECTIFIED, 20},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_RECTIFIED, 30},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_RECTIFIED, 60},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_LOGISTIC, 3},
    {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_TANH, 3},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static struct dam_classifier_model model_of(const struct shape *shape, int loss_power,
                                            size_t memories, size_t visible, int classes) {
    return (struct dam_classifier_model){.form = shape->form,
                                         .activation = shape->activation,
                                         .power = shape->power,
                                         .loss_power = loss_power,
                                         .memories = memories,
                                         .visible = visible,
                                         .classes = classes};
}

/* ---- potentials ---- */

/* Rounding: a few units a multiplication of each term, and one an addition; and of each image's
 * terms those that no float holds in units of the largest, or that no double holds. */
static void assert_potentials(const struct bench *bench, size_t count, double temperature) {
    const struct dam_classifier_model *model = &bench->network.model;
    const size_t classes = (size_t)model->classes;
    const double rounding = FLT_EPSILON * (model->power + (double)model->memories / 4);
    double potentials[64 * DAM_CLASSIFIER_CLASSES_MAX];
    assert_true(count * classes <= sizeof potentials / sizeof *potentials);
    dam_classifier_potentials(bench->classifier, bench->images, count, temperature, potentials);
    for (size_t image = 0; image < count; image++) {
        long double expected[DAM_CLASSIFIER_CLASSES_MAX], sizes[DAM_CLASSIFIER_CLASSES_MAX],
            most = 0;
        for (int a = 0; a < model->classes; a++) {
            expected[a] = potential(&bench->network, bench->images + image * model->visible, a,
                                    temperature, &sizes[a]);
            most = fmaxl(most, sizes[a]);
        }
        for (int a = 0; a < model->classes; a++) {
            double got = potentials[image * classes + (size_t)a];
            if (!(fabsl(got - expected[a]) <=
                  rounding * sizes[a] + 100 * (FLT_MIN * most + DBL_MIN)))
                fail_msg("form %d activation %d n %d T %g image %zu class %d: %.9g, not %.9Lg",
                         (int)model->form, (int)model->activation, model->power, temperature, image,
                         a, got, expected[a]);
        }
    }
}

static void potentials_are_those_of_the_definition(void **state) {
    (void)state;
    static const int classes[] = {10, 3, 2, 16};
    for (int s = 0; s < SHAPES; s++)
        for (size_t c = 0; c < 4; c++) {
            size_t memories = c == 1 ? 1 : 37, visible = c == 2 ? 1 : 29, count = 35;
            struct dam_classifier_model model =
                model_of(&shapes[s], 2, memories, visible, classes[c]);
            struct bench bench = bench_new(&model, count, c);
            static const double temperatures[] = {1, 3.7, 30, 600, 1e5};
            for (size_t t = 0; t < 5; t++)
                assert_potentials(&bench, count, temperatures[t]);
            /* Fewer than there is room for: nothing is left of those before. */
            assert_potentials(&bench, 17, 5);
            assert_potentials(&bench, 1, 5);
            bench_destroy(&bench);
        }
}

static void the_answer_is_the_first_of_the_largest(void **state) {
    (void)state;
    assert_int_equal(dam_classifier_answer((double[]){-3, -1, -2}, 3), 1);
    assert_int_equal(dam_classifier_answer((double[]){0, 0, 0}, 3), 0);
    assert_int_equal(dam_classifier_answer((double[]){-1, 2e300, 2e300, 1}, 4), 1);
}

/* Their difference, in units of the potentials, is linear in the class entries. */
static void forms_agree_where_class_entries_are_small(void **state) {
    (void)state;
    enum { COUNT = 20, CLASSES = 4, HALVINGS = 5 };
    for (int power = 2; power <= 6; power += 2) {
        double distances[HALVINGS];
        for (int h = 0; h < HALVINGS; h++) {
            double potentials[2][COUNT * CLASSES];
            for (int form = 0; form < 2; form++) {
                struct shape shape = {(enum dam_classifier_form)form, DAM_ACTIVATION_RECTIFIED,
                                      power};
                struct dam_classifier_model model = model_of(&shape, 1, 9, 40, CLASSES);
                struct bench bench = bench_new(&model, COUNT, 5);
                float *entries = dam_classifier_state(bench.classifier).classes;
                for (size_t i = 0; i < model.memories * CLASSES; i++)
                    entries[i] = ldexpf(entries[i], -h - 1);
                dam_classifier_potentials(bench.classifier, bench.images, COUNT, 4,
                                          potentials[form]);
                bench_destroy(&bench);
            }
            double far = 0, most = 0;
            for (int i = 0; i < COUNT * CLASSES; i++) {
                far = fmax(far, fabs(potentials[0][i] - potentials[1][i]));
                most = fmax(most, fabs(potentials[1][i]));
            }
            distances[h] = far / most;
        }
        assert_true(distances[0] > 0.01);
        for (int h = 2; h < HALVINGS; h++) {
            double ratio = distances[h] / distances[h - 1];
            if (!(ratio > 0.4 && ratio < 0.6))
                fail_msg("n %d: halved entries, distance %g times as large", power, ratio);
        }
    }
}

static void nothing_positive_is_no_potential(void **state) {
    (void)state;
    enum { CLASSES = 3, COUNT = 5 };
    for (int form = 0; form < 2; form++)
        for (int power = 2; power <= 60; power += 29) {
            struct shape shape = {(enum dam_classifier_form)form, DAM_ACTIVATION_RECTIFIED, power};
            struct dam_classifier_model model = model_of(&shape, 3, 4, 30, CLASSES);
            struct bench bench = bench_new(&model, COUNT, 6);
            struct dam_classifier_state entries = dam_classifier_state(bench.classifier);
            for (size_t i = 0; i < model.memories * model.visible; i++)
                entries.visible[i] = -1;
            for (size_t i = 0; i < COUNT * model.visible; i++)
                bench.images[i] = 1;
            double potentials[COUNT * CLASSES], unit;
            dam_classifier_potentials(bench.classifier, bench.images, COUNT, 10, potentials);
            for (int i = 0; i < COUNT * CLASSES; i++)
                assert_true(potentials[i] == 0);
            float visible[4 * 30], classes[4 * CLASSES];
            double got = dam_classifier_gradient(bench.classifier, bench.images, bench.labels,
                                                 COUNT, 10, visible, classes, &unit);
            assert_true(got == COUNT * CLASSES); /* (0 - t)^2m each */
            for (size_t i = 0; i < sizeof visible / sizeof *visible; i++)
                assert_true(unit * visible[i] == 0);
            for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
                assert_true(unit * classes[i] == 0);
            bench_destroy(&bench);
        }
}

/* ---- gradients ---- */

/* The definition's slopes are its loss's central differences. */
static void assert_slopes_are_differences(struct bench *bench, long double temperature,
                                          struct dam_stream *stream) {
    enum { SAMPLES = 24 };
    struct network *network = &bench->network;
    const long double shift = 1e-6L;
    long double most = 0;
    size_t entries = network->model.memories * network->neurons;
    for (size_t i = 0; i < entries; i++)
        most = fmaxl(most, fabsl(network->slopes[i]));
    for (int s = 0; s < SAMPLES; s++) {
        size_t mu = dam_stream_below(stream, network->model.memories), neuron;
        if (s % 2 == 0)
            neuron = dam_stream_below(stream, network->model.visible);
        else
            neuron =
                network->model.visible + dam_stream_below(stream, (uint64_t)network->model.classes);
        long double *entry = &network->memories[mu * network->neurons + neuron], kept = *entry;
        *entry = kept + shift;
        long double above = loss(network, bench->images, bench->labels, bench->count, temperature);
        *entry = kept - shift;
        long double below = loss(network, bench->images, bench->labels, bench->count, temperature);
        *entry = kept;
        long double expected = (above - below) / (2 * shift),
                    got = network->slopes[mu * network->neurons + neuron];
        if (!(fabsl(got - expected) <= 1e-5L * most))
            fail_msg("entry %zu of memory %zu: slope %Lg, difference %Lg", neuron, mu, got,
                     expected);
    }
}

/* The classifier's are the definition's, to `tolerance` of the largest. */
static void assert_gradient(struct bench *bench, double temperature, double tolerance) {
    struct network *network = &bench->network;
    const struct dam_classifier_model *model = &network->model;
    const size_t visible = model->visible, classes = (size_t)model->classes;
    float *pixels = calloc(model->memories * visible, sizeof *pixels),
          *entries = calloc(model->memories * classes, sizeof *entries);
    assert_true(pixels != NULL && entries != NULL);
    double unit, got = dam_classifier_gradient(bench->classifier, bench->images, bench->labels,
                                               bench->count, temperature, pixels, entries, &unit);
    long double expected = loss(network, bench->images, bench->labels, bench->count, temperature);
    if (!(fabsl(got - expected) <= tolerance * expected))
        fail_msg("loss %g, not %Lg", got, expected);
    find_gradient(network, bench->images, bench->labels, bench->count, temperature);
    long double most = 0, far = 0;
    for (size_t mu = 0; mu < model->memories; mu++)
        for (size_t i = 0; i < network->neurons; i++) {
            long double slope = network->slopes[mu * network->neurons + i];
            float ours =
                i < visible ? pixels[mu * visible + i] : entries[mu * classes + i - visible];
            assert_true(isfinite(ours));
            most = fmaxl(most, fabsl(slope));
            far = fmaxl(far, fabsl(unit * (long double)ours - slope));
        }
    assert_true(most > 0);
    if (!(far <= tolerance * most))
        fail_msg("form %d activation %d n %d m %d T %g: %Lg of the largest slope wrong",
                 (int)model->form, (int)model->activation, model->power, model->loss_power,
                 temperature, far / most);
    free(pixels);
    free(entries);
}

static void gradients_are_those_of_the_definition(void **state) {
    (void)state;
    static const int loss_powers[] = {1, 3, 30}, class_counts[] = {10, 3, 16};
    struct dam_stream stream = dam_stream_open(12, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (int s = 0; s < SHAPES; s++)
        for (int l = 0; l < 3; l++) {
            struct dam_classifier_model model =
                model_of(&shapes[s], loss_powers[l], 7 + 6 * (size_t)l, 11, class_counts[l]);
            struct bench bench = bench_new(&model, 19, 20 + (uint64_t)l);
            /* Potentials of every size, none of them the only one that counts. */
            double temperature = (double)temperature_for(&bench, 1.5L);
            assert_gradient(&bench, temperature, 1e-4);
            assert_slopes_are_differences(&bench, temperature, &stream);
            assert_gradient(&bench, 1.5 * temperature, 1e-4);
            bench_destroy(&bench);
        }
}

/* Overlaps of 784 neurons at T = 30 to the 60th: potentials from 1e-30 to 1e40 in one minibatch. */
static void the_largest_powers_at_the_lowest_temperature_stay_right(void **state) {
    (void)state;
    enum { COUNT = 35, CLASSES = 10, MEMORIES = 12 };
    for (int form = 0; form < 2; form++) {
        struct shape shape = {(enum dam_classifier_form)form, DAM_ACTIVATION_RECTIFIED, 60};
        struct dam_classifier_model model = model_of(&shape, 30, MEMORIES, 784, CLASSES);
        struct bench bench = bench_new(&model, COUNT, 30);
        /* Images from faint ones to such as a memory is: overlaps from 10 to 300. */
        float *memories = dam_classifier_state(bench.classifier).visible;
        for (size_t image = 0; image < COUNT; image++)
            for (size_t i = 0; i < 784; i++)
                bench.images[image * 784 + i] =
                    image < 20 ? bench.images[image * 784 + i] * (float)(image + 1) / 8
                               : memories[image % MEMORIES * 784 + i] * (float)(image - 19) / 16;
        for (size_t i = 0; i < COUNT * (size_t)784; i++)
            bench.images[i] = fminf(fmaxf(floorf(bench.images[i] * 64) / 64, -1), 1);
        long double smallest = INFINITY, largest = 0;
        for (size_t image = 0; image < COUNT; image++) {
            long double size, most = 0;
            for (int a = 0; a < CLASSES; a++)
                most = fmaxl(most, fabsl(potential(&bench.network, bench.images + image * 784, a,
                                                   30, &size)));
            smallest = fminl(smallest, most);
            largest = fmaxl(largest, most);
        }
        if (!(smallest < 1e-30L && largest > 1e40L))
            fail_msg("potentials from %Lg to %Lg", smallest, largest);
        assert_potentials(&bench, COUNT, 30);
        assert_gradient(&bench, 30, 1e-3);
        bench_destroy(&bench);
    }
}

/* ---- steps ---- */

/* The classifier's memories are the definition's, to `tolerance`. */
static void assert_memories(const struct bench *bench, double tolerance, const char *when) {
    const struct network *network = &bench->network;
    const struct dam_classifier_model *model = &network->model;
    struct dam_classifier_state state = dam_classifier_state(bench->classifier);
    for (size_t mu = 0; mu < model->memories; mu++)
        for (size_t i = 0; i < network->neurons; i++) {
            float got = i < model->visible
                            ? state.visible[mu * model->visible + i]
                            : state.classes[mu * (size_t)model->classes + i - model->visible];
            long double expected = network->memories[mu * network->neurons + i];
            if (!(fabsl(got - expected) <= tolerance))
                fail_msg("form %d activation %d n %d, %s: entry %zu of memory %zu is %g, not %Lg",
                         (int)model->form, (int)model->activation, model->power, when, i, mu, got,
                         expected);
        }
}

/* How many answers are wrong, and of how many images the largest potentials are so close that
 * rounding decides. */
static size_t count_wrong(const struct bench *bench, long double temperature, size_t *open) {
    const struct dam_classifier_model *model = &bench->network.model;
    size_t wrong = 0;
    *open = 0;
    for (size_t image = 0; image < bench->count; image++) {
        long double u[DAM_CLASSIFIER_CLASSES_MAX], size, most = 0;
        int answer = 0, close = 0;
        for (int a = 0; a < model->classes; a++) {
            u[a] = potential(&bench->network, bench->images + image * model->visible, a,
                             temperature, &size);
            most = fmaxl(most, size);
            answer = u[a] > u[answer] ? a : answer;
        }
        for (int a = 0; a < model->classes; a++)
            close += u[answer] - u[a] < 1e-6L * most;
        *open += close > 1;
        wrong += answer != bench->labels[image];
    }
    return wrong;
}

static size_t count_bounded(const struct network *network) {
    size_t bounded = 0;
    for (size_t i = 0; i < network->model.memories * network->neurons; i++)
        bounded += fabsl(network->memories[i]) == 1;
    return bounded;
}

/* The first rate is large enough for many entries to end at their bounds. */
static void steps_are_those_of_the_paper(void **state) {
    (void)state;
    static const double momenta[] = {0, 0.9};
    for (int s = 0; s < SHAPES; s++)
        for (int p = 0; p < 2; p++) {
            struct dam_classifier_model model = model_of(&shapes[s], 2, 5, 13, p == 0 ? 10 : 4);
            struct bench bench = bench_new(&model, 21, 40);
            double temperature = (double)temperature_for(&bench, 1);
            for (int i = 0; i < 3; i++) {
                double rate = i == 0 ? 1.2 : 0.05;
                size_t open, expected = count_wrong(&bench, temperature, &open);
                size_t wrong = dam_classifier_train(bench.classifier, bench.images, bench.labels,
                                                    bench.count, temperature, rate, momenta[p]);
                assert_in_range(wrong + open, expected, expected + 2 * open);
                assert_true(open <= bench.count / 2);
                step(&bench.network, bench.images, bench.labels, bench.count, temperature, rate,
                     momenta[p]);
                static const char *const when[] = {"first step", "second step", "third step"};
                assert_memories(&bench, 2e-3 * rate, when[i]);
                assert_true(i > 0 || count_bounded(&bench.network) > 0);
            }
            bench_destroy(&bench);
        }
}

/* 1/T^20 makes the later slopes 1e30 times as small as the first: with momentum 0.05 the velocity
 * is the first step's for two dozen steps, then the new ones'; and large slopes again end that. */
static void velocities_keep_their_place_among_slopes_of_any_size(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        struct shape shape = {(enum dam_classifier_form)form, DAM_ACTIVATION_RECTIFIED, 20};
        struct dam_classifier_model model = model_of(&shape, 1, 3, 9, 4);
        struct bench bench = bench_new(&model, 18, 50 + (uint64_t)form);
        double warm = (double)temperature_for(&bench, 0.3), hot = warm * pow(10, 1.5);
        for (int i = 0; i < 34; i++) {
            double temperature = i == 0 || i == 32 ? warm : hot, rate = 0.004;
            dam_classifier_train(bench.classifier, bench.images, bench.labels, bench.count,
                                 temperature, rate, 0.05);
            step(&bench.network, bench.images, bench.labels, bench.count, temperature, rate, 0.05);
            char when[32];
            snprintf(when, sizeof when, "step %d", i);
            assert_memories(&bench, 1e-3 * rate * (i + 1), when);
        }
        bench_destroy(&bench);
    }
}

/* Where every answer is saturated its slope is 0: nothing is learnt, and nothing breaks. */
static void saturated_answers_move_nothing(void **state) {
    (void)state;
    enum { COUNT = 20, MEMORIES = 12, VISIBLE = 300, CLASSES = 10 };
    for (int form = 0; form < 2; form++)
        for (int power = 20; power <= 60; power += 20) {
            struct shape shape = {(enum dam_classifier_form)form, DAM_ACTIVATION_RECTIFIED, power};
            struct dam_classifier_model model = model_of(&shape, 30, MEMORIES, VISIBLE, CLASSES);
            struct bench bench = bench_new(&model, COUNT, 60);
            for (int i = 0; i < 3; i++) {
                dam_classifier_train(bench.classifier, bench.images, bench.labels, COUNT, 1, 0.5,
                                     0.9);
                assert_memories(&bench, 0, "a saturated step");
            }
            double unit;
            float visible[MEMORIES * VISIBLE], classes[MEMORIES * CLASSES];
            double got = dam_classifier_gradient(bench.classifier, bench.images, bench.labels,
                                                 COUNT, 1, visible, classes, &unit);
            assert_true(isfinite(got) && unit == 0);
            for (size_t i = 0; i < MEMORIES * VISIBLE; i++)
                assert_true(visible[i] == 0);
            for (size_t i = 0; i < MEMORIES * CLASSES; i++)
                assert_true(classes[i] == 0);
            bench_destroy(&bench);
        }
}

/* ---- kernels ---- */

enum { KERNEL_COUNT = 50, KERNEL_MEMORIES = 37, KERNEL_VISIBLE = 45 };

/* All that a classifier computes: potentials, a gradient, and memories after ten steps. */
struct outcome {
    double potentials[KERNEL_COUNT * DAM_CLASSIFIER_CLASSES_MAX], loss, unit, scale;
    float visible[KERNEL_MEMORIES * KERNEL_VISIBLE];
    float classes[KERNEL_MEMORIES * DAM_CLASSIFIER_CLASSES_MAX];
    float trained[KERNEL_MEMORIES * KERNEL_VISIBLE];
    float trained_classes[KERNEL_MEMORIES * DAM_CLASSIFIER_CLASSES_MAX];
    size_t wrong;
};

static struct outcome *outcome_of(const struct dam_classifier_model *model, const char *kernel) {
    struct dam_error error;
    assert_int_equal(dam_kernel_choose(kernel, &error), DAM_OK);
    struct outcome *outcome = calloc(1, sizeof *outcome);
    assert_non_null(outcome);
    struct bench bench = bench_new(model, KERNEL_COUNT, 70);
    double temperature = (double)temperature_for(&bench, 2);
    dam_classifier_potentials(bench.classifier, bench.images, KERNEL_COUNT, temperature,
                              outcome->potentials);
    outcome->loss =
        dam_classifier_gradient(bench.classifier, bench.images, bench.labels, KERNEL_COUNT,
                                temperature, outcome->visible, outcome->classes, &outcome->unit);
    for (int i = 0; i < 10; i++)
        outcome->wrong += dam_classifier_train(bench.classifier, bench.images, bench.labels,
                                               KERNEL_COUNT - (size_t)i, temperature, 0.05, 0.7);
    struct dam_classifier_state state = dam_classifier_state(bench.classifier);
    memcpy(outcome->trained, state.visible, sizeof outcome->trained);
    memcpy(outcome->trained_classes, state.classes,
           KERNEL_MEMORIES * (size_t)model->classes * sizeof(float));
    outcome->scale = *state.velocity_scale;
    bench_destroy(&bench);
    assert_int_equal(dam_kernel_choose(NULL, &error), DAM_OK);
    return outcome;
}

static void kernels_give_the_same_bits(void **state) {
    (void)state;
    static const int class_counts[] = {10, 3, 16};
    for (int s = 0; s < SHAPES; s++)
        for (int c = 0; c < 3; c++) {
            struct dam_classifier_model model =
                model_of(&shapes[s], 2, KERNEL_MEMORIES, KERNEL_VISIBLE, class_counts[c]);
            const char *const *names = dam_kernel_names();
            struct outcome *generic = outcome_of(&model, names[0]);
            assert_true(generic->unit > 0 && generic->scale > 0);
            for (int k = 1; names[k] != NULL; k++) {
                struct outcome *other = outcome_of(&model, names[k]);
                if (memcmp(generic, other, sizeof *generic) != 0)
                    fail_msg("%s differs: form %d, activation %d, n %d, %d classes", names[k],
                             (int)model.form, (int)model.activation, model.power, model.classes);
                free(other);
            }
            free(generic);
        }
}

/* ---- memory ---- */

static void what_cannot_be_had_is_refused(void **state) {
    (void)state;
    struct dam_classifier_model model = model_of(&shapes[0], 1, 1000000, 32768, 10);
    struct dam_classifier *classifier;
    struct dam_error error;
    assert_true(dam_classifier_bytes(&model, 1000) > 2.6e11);
    model.memories = SIZE_MAX / 8;
    assert_true(isinf(dam_classifier_bytes(&model, 1000)));
    assert_int_equal(dam_classifier_new(&classifier, &model, 1000, &error), DAM_MEMORY);
    assert_null(classifier);
    assert_non_null(strstr(error.text, "fewer memories"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(potentials_are_those_of_the_definition),
        cmocka_unit_test(the_answer_is_the_first_of_the_largest),
        cmocka_unit_test(forms_agree_where_class_entries_are_small),
        cmocka_unit_test(nothing_positive_is_no_potential),
        cmocka_unit_test(gradients_are_those_of_the_definition),
        cmocka_unit_test(the_largest_powers_at_the_lowest_temperature_stay_right),
        cmocka_unit_test(steps_are_those_of_the_paper),
        cmocka_unit_test(velocities_keep_their_place_among_slopes_of_any_size),
        cmocka_unit_test(saturated_answers_move_nothing),
        cmocka_unit_test(kernels_give_the_same_bits),
        cmocka_unit_test(what_cannot_be_had_is_refused),
    };
    return cmocka_run_group_tests_name("classifier", tests, NULL, NULL);
}
