/* Trainings on the synthetic data set, against an epoch made of the engine's parts and errors
 * counted image by image. */
#include "kinds/training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PIXELS = 64, CLASSES = 10, ENTRIES = PIXELS + CLASSES, MEMORIES = 24, HELD_OUT = 300 };

static struct dam_training_settings settings_new(int power) {
    return (struct dam_training_settings){
        .dataset = DAM_DATASET_SYNTHETIC,
        .model = {.power = power, .loss_power = 2, .memories = MEMORIES},
        .learning_rate = 0.1,
        .decay = 0.9,
        .momentum = 0.6,
        .temperature_start = 20,
        .temperature_end = 8,
        .ramp = 6,
        .initial_mean = -0.3,
        .initial_sd = 0.3,
        .order = DAM_MINIBATCHES_BALANCED,
        .minibatch = 100,
        .validation = HELD_OUT,
        .seed = 3,
        .cell = {5, 6},
        .replica = 2,
    };
}

static struct dam_training *begin(const struct dam_training_settings *settings) {
    struct dam_training *training;
    struct dam_error error;
    if (dam_training_new(&training, settings, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return training;
}

static struct dam_training_errors epoch(struct dam_training *training) {
    struct dam_training_errors errors;
    struct dam_error error;
    if (dam_training_epoch(training, (struct dam_poll){0}, &errors, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return errors;
}

struct blob {
    void *bytes;
    size_t size;
};

static struct blob save(struct dam_training *training) {
    struct blob blob;
    struct dam_error error;
    assert_int_equal(dam_training_save(training, &blob.bytes, &blob.size, &error), DAM_OK);
    return blob;
}

static void load(struct dam_training *training, const struct blob *blob) {
    struct dam_error error;
    if (dam_training_load(training, blob->bytes, blob->size, &error) != DAM_OK)
        fail_msg("%s", error.text);
}

/* Memories [MEMORIES][ENTRIES], the caller's to free. */
static float *memories_of(struct dam_training *training,
                          const struct dam_training_settings *settings) {
    struct blob blob = save(training);
    float *memories = calloc(settings->model.memories * ENTRIES, sizeof *memories);
    assert_non_null(memories);
    struct dam_error error;
    uint64_t epochs;
    assert_int_equal(
        dam_training_memories(settings, blob.bytes, blob.size, memories, &epochs, &error), DAM_OK);
    assert_int_equal(epochs, dam_training_epochs(training));
    free(blob.bytes);
    return memories;
}

/* ---- the data, as the header says it is divided ---- */

static const struct dam_dataset *data(void) {
    const struct dam_dataset *dataset;
    struct dam_error error;
    assert_int_equal(dam_dataset_load(DAM_DATASET_SYNTHETIC, &dataset, &error), DAM_OK);
    return dataset;
}

/* A permutation of the training part that all cells of a seed share: those held out come first. */
static int32_t *split_of(uint64_t seed) {
    size_t count = data()->train.count;
    int32_t *order = calloc(count, sizeof *order);
    assert_non_null(order);
    struct dam_stream stream = dam_stream_open(seed, DAM_PURPOSE_SPLIT, NULL, 0, 0);
    dam_stream_permutation(&stream, order, (int)count);
    return order;
}

static void show(float values[PIXELS], const struct dam_images *images, size_t image) {
    for (size_t i = 0; i < PIXELS; i++)
        values[i] = (float)images->pixels[image * PIXELS + i] * 2 / 255 - 1;
}

/* ---- errors ---- */

static double positive_power(double x, int power) {
    return x > 0 ? pow(x, power) : 0;
}

/* Is the image answered wrongly by a memory-form classifier? Powers compared at any temperature
 * give the same answer. */
static bool answered_wrongly(const float *memories, int power, const struct dam_images *images,
                             size_t image) {
    float values[PIXELS];
    double potentials[CLASSES] = {0};
    show(values, images, image);
    for (int mu = 0; mu < MEMORIES; mu++) {
        const float *memory = memories + mu * ENTRIES, *classes = memory + PIXELS;
        double off = 0;
        for (int i = 0; i < PIXELS; i++)
            off += (double)memory[i] * values[i];
        for (int a = 0; a < CLASSES; a++)
            off -= classes[a];
        for (int a = 0; a < CLASSES; a++)
            potentials[a] +=
                positive_power(off + 2 * classes[a], power) - positive_power(off, power);
    }
    int answer = 0;
    for (int a = 1; a < CLASSES; a++)
        answer = potentials[a] > potentials[answer] ? a : answer;
    return answer != images->labels[image];
}

/* Per cent of count images, of which rounding may decide one. */
static void assert_errors(double got, const float *memories, int power,
                          const struct dam_images *images, const int32_t *which, size_t count) {
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += answered_wrongly(memories, power, images, which ? (size_t)which[i] : i);
    if (!(fabs(got * (double)count / 100 - (double)wrong) < 1.5))
        fail_msg("%g %% of %zu are wrong, not %zu of them", got, count, wrong);
}

static void errors_are_counted_on_their_own_images(void **state) {
    (void)state;
    for (int power = 3; power <= 20; power += 17) {
        struct dam_training_settings settings = settings_new(power);
        struct dam_training *training = begin(&settings);
        int32_t *split = split_of(settings.seed);
        for (int e = 0; e < 3; e++) {
            struct dam_training_errors errors = epoch(training);
            float *memories = memories_of(training, &settings);
            assert_errors(errors.validation, memories, power, &data()->train, split, HELD_OUT);
            assert_errors(errors.test, memories, power, &data()->test, NULL, data()->test.count);
            free(memories);
        }
        free(split);
        dam_training_destroy(training);
    }
}

static void the_synthetic_images_are_learnt(void **state) {
    (void)state;
    static const struct {
        enum dam_classifier_form form;
        enum dam_activation activation;
        int power;
        double most; /* per cent */
    } cases[] = {{DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 2, 13},
                 {DAM_CLASSIFIER_MEMORY, DAM_ACTIVATION_RECTIFIED, 20, 40},
                 {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_RECTIFIED, 2, 13},
                 {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_LOGISTIC, 3, 13},
                 {DAM_CLASSIFIER_DUAL, DAM_ACTIVATION_TANH, 3, 13}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct dam_training_settings settings = settings_new(cases[c].power);
        settings.model.form = cases[c].form;
        settings.model.activation = cases[c].activation;
        struct dam_training *training = begin(&settings);
        struct dam_training_errors first = epoch(training), last = first;
        for (int e = 1; e < 15; e++)
            last = epoch(training);
        assert_true(first.train > 2 * last.train);
        assert_true(last.train < cases[c].most && last.validation < cases[c].most &&
                    last.test < cases[c].most);
        dam_training_destroy(training);
    }
}

/* ---- an epoch ---- */

/* What a training is: its own loop over the engine's parts. */
struct course {
    const struct dam_training_settings *settings;
    struct dam_classifier *classifier;
    struct dam_minibatches *minibatches;
    int32_t *split;
};

static void draw_memories(const struct course *course) {
    const struct dam_training_settings *s = course->settings;
    struct dam_classifier_state entries = dam_classifier_state(course->classifier);
    struct dam_stream stream =
        dam_stream_open(s->seed, DAM_PURPOSE_INITIAL, &s->cell, s->replica, 0);
    for (size_t i = 0; i < MEMORIES * ENTRIES; i++) {
        double value = s->initial_mean + s->initial_sd * dam_stream_normal(&stream);
        float clipped = (float)(value < -1 ? -1 : value > 1 ? 1 : value);
        size_t mu = i / ENTRIES, entry = i % ENTRIES;
        if (entry < PIXELS)
            entries.visible[mu * PIXELS + entry] = clipped;
        else
            entries.classes[mu * CLASSES + entry - PIXELS] = clipped;
    }
}

static struct course course_new(const struct dam_training_settings *s, size_t trained) {
    struct dam_classifier_model model = s->model;
    model.visible = PIXELS;
    model.classes = CLASSES;
    struct course course = {.settings = s, .split = split_of(s->seed)};
    struct dam_error error;
    assert_int_equal(dam_classifier_new(&course.classifier, &model, s->minibatch, &error), DAM_OK);
    uint8_t labels[2000];
    for (size_t i = 0; i < trained; i++)
        labels[i] = data()->train.labels[course.split[s->validation + i]];
    assert_int_equal(dam_minibatches_new(&course.minibatches, s->order, s->minibatch, labels,
                                         trained, CLASSES, s->seed, &s->cell, s->replica, &error),
                     DAM_OK);
    draw_memories(&course);
    return course;
}

static void course_destroy(struct course *course) {
    dam_classifier_destroy(course->classifier);
    dam_minibatches_destroy(course->minibatches);
    free(course->split);
}

/* Per cent of wrong answers. */
static double course_epoch(struct course *course, uint64_t e) {
    const struct dam_training_settings *s = course->settings;
    double share = e < s->ramp ? (double)e / (double)s->ramp : 1;
    double temperature = (1 - share) * s->temperature_start + share * s->temperature_end;
    double rate = s->learning_rate * pow(s->decay, (double)e);
    float values[200 * PIXELS];
    uint8_t labels[200];
    uint32_t chosen[200];
    size_t met = 0, wrong = 0;
    for (size_t batch = 0; batch < dam_minibatches_per_epoch(course->minibatches); batch++) {
        size_t taken = dam_minibatches_take(course->minibatches, e, batch, chosen);
        for (size_t i = 0; i < taken; i++) {
            size_t image = (size_t)course->split[s->validation + chosen[i]];
            show(values + i * PIXELS, &data()->train, image);
            labels[i] = data()->train.labels[image];
        }
        wrong += dam_classifier_train(course->classifier, values, labels, taken, temperature, rate,
                                      s->momentum);
        met += taken;
    }
    return 100 * (double)wrong / (double)met;
}

/* Pixels, rates and temperatures may differ by a rounding. */
static void assert_course(struct dam_training_settings settings, size_t trained) {
    struct course course = course_new(&settings, trained);
    struct dam_training *training = begin(&settings);
    assert_int_equal(dam_training_images(&settings), trained);
    for (uint64_t e = 0; e < 9; e++) {
        double expected = course_epoch(&course, e);
        struct dam_training_errors errors = epoch(training);
        assert_true(fabs(errors.train - expected) < 0.2);
        assert_int_equal(isnan(errors.validation), settings.validation == 0);
    }
    struct dam_classifier_state state = dam_classifier_state(course.classifier);
    float *memories = memories_of(training, &settings);
    for (size_t mu = 0; mu < MEMORIES; mu++)
        for (size_t i = 0; i < ENTRIES; i++) {
            float expected = i < PIXELS ? state.visible[mu * PIXELS + i]
                                        : state.classes[mu * CLASSES + i - PIXELS];
            if (!(fabsf(memories[mu * ENTRIES + i] - expected) < 1e-3F))
                fail_msg("entry %zu of memory %zu: %g, not %g", i, mu,
                         (double)memories[mu * ENTRIES + i], (double)expected);
        }
    free(memories);
    dam_training_destroy(training);
    course_destroy(&course);
}

static void an_epoch_is_a_pass_over_the_images_that_are_not_held_out(void **state) {
    (void)state;
    struct dam_training_settings settings = settings_new(3);
    assert_course(settings, 2000 - HELD_OUT);
    settings.order = DAM_MINIBATCHES_SHUFFLED;
    settings.minibatch = 130;
    assert_course(settings, 2000 - HELD_OUT);
    settings.training = 300;
    assert_course(settings, 300);
    settings = settings_new(3);
    settings.validation = 0;
    settings.initial_sd = 3; /* many are clipped */
    settings.ramp = 0;
    assert_course(settings, 2000);
}

/* Held-out images depend on the seed alone: cells and replicas are judged by the same. */
static void the_split_is_shared_by_the_cells_of_a_seed(void **state) {
    (void)state;
    int32_t *split = split_of(3), *other = split_of(4);
    assert_memory_not_equal(split, other, HELD_OUT * sizeof *split);
    for (int cell = 0; cell < 2; cell++) {
        struct dam_training_settings settings = settings_new(3);
        settings.cell.low += (uint64_t)cell;
        settings.replica += (uint32_t)cell;
        settings.seed = 4;
        struct dam_training *training = begin(&settings);
        struct dam_training_errors errors = epoch(training);
        float *memories = memories_of(training, &settings);
        assert_errors(errors.validation, memories, 3, &data()->train, other, HELD_OUT);
        free(memories);
        dam_training_destroy(training);
    }
    free(split);
    free(other);
}

/* ---- taking up ---- */

static void a_training_taken_up_ends_with_the_same_bytes(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct dam_training_settings settings = settings_new(3);
        settings.order = (enum dam_minibatch_order)order;
        struct dam_training *whole = begin(&settings), *part = begin(&settings);
        for (int e = 0; e < 9; e++) {
            struct dam_training_errors one = epoch(whole), other = epoch(part);
            assert_memory_equal(&one, &other, sizeof one);
            struct blob blob = save(part);
            dam_training_destroy(part);
            part = begin(&settings);
            load(part, &blob);
            assert_int_equal(dam_training_epochs(part), e + 1);
            struct blob again = save(part), expected = save(whole);
            assert_int_equal(blob.size, expected.size);
            assert_memory_equal(blob.bytes, expected.bytes, expected.size);
            assert_memory_equal(blob.bytes, again.bytes, expected.size);
            free(blob.bytes);
            free(again.bytes);
            free(expected.bytes);
        }
        dam_training_destroy(whole);
        dam_training_destroy(part);
    }
}

static void trainings_differ_by_seed_cell_and_replica(void **state) {
    (void)state;
    enum { OTHERS = 4 };
    struct blob blobs[OTHERS];
    for (int i = 0; i < OTHERS; i++) {
        struct dam_training_settings settings = settings_new(3);
        settings.seed += i == 1;
        settings.cell.high += i == 2;
        settings.replica += i == 3;
        struct dam_training *training = begin(&settings);
        blobs[i] = save(training);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(blobs[i].bytes, blobs[j].bytes, blobs[i].size);
        dam_training_destroy(training);
    }
    for (int i = 0; i < OTHERS; i++)
        free(blobs[i].bytes);
}

static void a_state_of_another_size_is_refused(void **state) {
    (void)state;
    struct dam_training_settings settings = settings_new(3), larger = settings;
    larger.model.memories++;
    struct dam_training *training = begin(&settings), *other = begin(&larger);
    epoch(training);
    struct blob blob = save(training);
    float memories[(MEMORIES + 1) * ENTRIES];
    struct dam_error error;
    assert_int_equal(dam_training_load(other, blob.bytes, blob.size, &error), DAM_DAMAGED);
    assert_non_null(strstr(error.text, "of 25 memories"));
    assert_int_equal(dam_training_epochs(other), 0);
    uint64_t epochs;
    const size_t sizes[] = {0, 1, 40, blob.size - 1, blob.size - 4};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        void *part = malloc(sizes[s] + 1); /* so that reading beyond is seen */
        assert_non_null(part);
        memcpy(part, blob.bytes, sizes[s]);
        assert_int_equal(dam_training_load(training, part, sizes[s], &error), DAM_DAMAGED);
        assert_int_equal(
            dam_training_memories(&settings, part, sizes[s], memories, &epochs, &error),
            DAM_DAMAGED);
        free(part);
    }
    assert_int_equal(
        dam_training_memories(&larger, blob.bytes, blob.size, memories, &epochs, &error),
        DAM_DAMAGED);
    assert_int_equal(dam_training_epochs(training), 1);
    free(blob.bytes);
    dam_training_destroy(training);
    dam_training_destroy(other);
}

/* ---- stopping ---- */

static bool stop_at_0(void *context) {
    int *left = context;
    return (*left)-- == 0;
}

/* Asked once a minibatch at least, and between all of them. */
static void a_poll_stops_an_epoch(void **state) {
    (void)state;
    struct dam_training_settings settings = settings_new(3);
    struct dam_training *training = begin(&settings);
    struct dam_training_errors errors;
    struct dam_error error;
    int calls = -1;
    struct dam_poll poll = {stop_at_0, &calls};
    assert_int_equal(dam_training_epoch(training, poll, &errors, &error), DAM_OK);
    int asked = -1 - calls;
    assert_in_range(asked, 17 + 1 + 1, 1000);
    for (int moment = 0; moment < asked; moment++) {
        calls = moment;
        assert_int_equal(dam_training_epoch(training, poll, &errors, &error), DAM_STOPPED);
        assert_int_equal(dam_training_epochs(training), 1);
    }
    calls = asked;
    assert_int_equal(dam_training_epoch(training, poll, &errors, &error), DAM_OK);
    assert_int_equal(dam_training_epochs(training), 2);
    dam_training_destroy(training);
}

static void balance_over_too_few_images_is_refused(void **state) {
    (void)state;
    struct dam_training_settings settings = settings_new(3);
    settings.training = settings.minibatch = 10;
    struct dam_training *training;
    struct dam_error error;
    assert_int_equal(dam_training_new(&training, &settings, &error), DAM_INPUT);
    assert_non_null(strstr(error.text, "no image of class"));
    dam_training_destroy(training);
}

static int forget(void **state) {
    (void)state;
    dam_dataset_release();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_counted_on_their_own_images),
        cmocka_unit_test(the_synthetic_images_are_learnt),
        cmocka_unit_test(an_epoch_is_a_pass_over_the_images_that_are_not_held_out),
        cmocka_unit_test(the_split_is_shared_by_the_cells_of_a_seed),
        cmocka_unit_test(a_training_taken_up_ends_with_the_same_bytes),
        cmocka_unit_test(trainings_differ_by_seed_cell_and_replica),
        cmocka_unit_test(a_state_of_another_size_is_refused),
        cmocka_unit_test(a_poll_stops_an_epoch),
        cmocka_unit_test(balance_over_too_few_images_is_refused),
    };
    return cmocka_run_group_tests_name("training", tests, NULL, forget);
}
