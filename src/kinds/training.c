#include "kinds/training.h"
#include <assert.h>
#include <dam/portable.h>
#include <dam/random.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Images that are shown at once where nothing is learnt. */
enum { SHOWN = 1000 };

const char *const dam_classifier_form_names[] = {
    [DAM_CLASSIFIER_MEMORY] = "memory", [DAM_CLASSIFIER_DUAL] = "dual", NULL};
const char *const dam_activation_names[] = {[DAM_ACTIVATION_RECTIFIED] = "rectified",
                                            [DAM_ACTIVATION_LOGISTIC] = "logistic",
                                            [DAM_ACTIVATION_TANH] = "tanh",
                                            NULL};

struct dam_training {
    struct dam_training_settings settings;
    const struct dam_dataset *dataset;
    struct dam_classifier *classifier;
    struct dam_minibatches *minibatches;
    uint64_t epochs;
    size_t trained; /* how many images are trained on */

    int32_t *split;   /* images of the training part: those held out, then those trained on */
    uint32_t *chosen; /* of one minibatch, among those trained on */
    float *images;    /* [SHOWN or minibatch][pixels] */
    uint8_t *labels;  /* of a minibatch, or of those trained on */
    double *potentials;
};

static size_t batch_of(const struct dam_training_settings *settings) {
    return settings->minibatch > SHOWN ? settings->minibatch : SHOWN;
}

static struct dam_classifier_model model_of(const struct dam_training_settings *settings) {
    struct dam_dataset_size size = dam_dataset_size(settings->dataset);
    struct dam_classifier_model model = settings->model;
    model.visible = size.pixels;
    model.classes = size.classes;
    return model;
}

size_t dam_training_images(const struct dam_training_settings *settings) {
    size_t left = dam_dataset_size(settings->dataset).train - settings->validation;
    return settings->training > 0 ? settings->training : left;
}

double dam_training_bytes(const struct dam_training_settings *settings) {
    struct dam_classifier_model model = model_of(settings);
    size_t batch = batch_of(settings);
    return dam_classifier_bytes(&model, batch) +
           (double)batch * (double)model.visible * sizeof(float);
}

/* ---- beginning ---- */

static enum dam_status allocate(struct dam_training *training, struct dam_error *error) {
    const struct dam_classifier_model model = model_of(&training->settings);
    size_t batch = batch_of(&training->settings), images = training->dataset->train.count;
    training->split = calloc(images, sizeof *training->split);
    training->chosen = calloc(batch, sizeof *training->chosen);
    training->images = calloc(batch, model.visible * sizeof *training->images);
    training->labels = calloc(images > batch ? images : batch, 1);
    training->potentials = calloc(batch, (size_t)model.classes * sizeof *training->potentials);
    if (training->split == NULL || training->chosen == NULL || training->images == NULL ||
        training->labels == NULL || training->potentials == NULL)
        return dam_fail(
            error, DAM_MEMORY,
            "no memory for minibatches of %zu images of %zu pixels: a smaller minibatch",
            training->settings.minibatch, model.visible);
    return dam_classifier_new(&training->classifier, &model, batch, error);
}

static enum dam_status choose_images(struct dam_training *training, struct dam_error *error) {
    const struct dam_training_settings *settings = &training->settings;
    const struct dam_images *images = &training->dataset->train;
    struct dam_stream stream = dam_stream_open(settings->seed, DAM_PURPOSE_SPLIT, NULL, 0, 0);
    dam_stream_permutation(&stream, training->split, (int)images->count);
    training->trained = dam_training_images(settings);
    for (size_t i = 0; i < training->trained; i++)
        training->labels[i] = images->labels[training->split[settings->validation + i]];
    return dam_minibatches_new(&training->minibatches, settings->order, settings->minibatch,
                               training->labels, training->trained, images->classes, settings->seed,
                               &settings->cell, settings->replica, error);
}

static float clipped_normal(struct dam_stream *stream, double mean, double sd) {
    return (float)fmin(fmax(mean + sd * dam_stream_normal(stream), -1), 1);
}

static void draw_memories(struct dam_training *training) {
    const struct dam_training_settings *settings = &training->settings;
    const struct dam_classifier_model model = model_of(settings);
    struct dam_classifier_state state = dam_classifier_state(training->classifier);
    const size_t classes = (size_t)model.classes;
    struct dam_stream stream =
        dam_stream_open(settings->seed, DAM_PURPOSE_INITIAL, &settings->cell, settings->replica, 0);
    for (size_t mu = 0; mu < model.memories; mu++) {
        for (size_t i = 0; i < model.visible; i++)
            state.visible[mu * model.visible + i] =
                clipped_normal(&stream, settings->initial_mean, settings->initial_sd);
        for (size_t a = 0; a < classes; a++)
            state.classes[mu * classes + a] =
                clipped_normal(&stream, settings->initial_mean, settings->initial_sd);
    }
}

enum dam_status dam_training_new_on(struct dam_training **training,
                                    const struct dam_training_settings *settings,
                                    const struct dam_dataset *dataset, struct dam_error *error) {
    struct dam_training *t = *training = calloc(1, sizeof *t);
    if (t == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a training");
    t->settings = *settings;
    t->dataset = dataset;
    enum dam_status status = allocate(t, error);
    if (status == DAM_OK)
        status = choose_images(t, error);
    if (status == DAM_OK)
        draw_memories(t);
    return status;
}

enum dam_status dam_training_new(struct dam_training **training,
                                 const struct dam_training_settings *settings,
                                 struct dam_error *error) {
    const struct dam_dataset *dataset;
    *training = NULL;
    enum dam_status status = dam_dataset_load(settings->dataset, &dataset, error);
    return status == DAM_OK ? dam_training_new_on(training, settings, dataset, error) : status;
}

void dam_training_destroy(struct dam_training *training) {
    if (training == NULL)
        return;
    dam_classifier_destroy(training->classifier);
    dam_minibatches_destroy(training->minibatches);
    free(training->split);
    free(training->chosen);
    free(training->images);
    free(training->labels);
    free(training->potentials);
    free(training);
}

uint64_t dam_training_epochs(const struct dam_training *training) {
    return training->epochs;
}

/* ---- states ---- */

/* What a blob begins with; then memories and velocities, visible and class entries of each. */
struct header {
    uint64_t epochs, memories, visible, classes;
    double velocity_scale;
};

static size_t blob_size(const struct dam_classifier_model *model) {
    return sizeof(struct header) +
           2 * model->memories * (model->visible + (size_t)model->classes) * sizeof(float);
}

static enum dam_status read_header(struct header *header, const struct dam_classifier_model *model,
                                   const void *blob, size_t size, struct dam_error *error) {
    if (size >= sizeof *header)
        memcpy(header, blob, sizeof *header);
    if (size != blob_size(model) || header->memories != model->memories ||
        header->visible != model->visible || header->classes != (uint64_t)model->classes)
        return dam_fail(error, DAM_DAMAGED,
                        "the state of a training has %zu bytes, not the %zu of %zu memories", size,
                        blob_size(model), model->memories);
    return DAM_OK;
}

/* The parts of a state in the blob's order, [part], and their lengths in floats. */
static void parts_of(struct dam_training *training, float *parts[4], size_t lengths[4]) {
    const struct dam_classifier_model model = model_of(&training->settings);
    struct dam_classifier_state state = dam_classifier_state(training->classifier);
    float *const all[4] = {state.visible, state.classes, state.visible_velocity,
                           state.class_velocity};
    for (int part = 0; part < 4; part++) {
        parts[part] = all[part];
        lengths[part] = model.memories * (part % 2 == 0 ? model.visible : (size_t)model.classes);
    }
}

enum dam_status dam_training_save(struct dam_training *training, void **blob, size_t *size,
                                  struct dam_error *error) {
    const struct dam_classifier_model model = model_of(&training->settings);
    struct header header = {.epochs = training->epochs,
                            .memories = model.memories,
                            .visible = model.visible,
                            .classes = (uint64_t)model.classes,
                            .velocity_scale =
                                *dam_classifier_state(training->classifier).velocity_scale};
    *size = blob_size(&model);
    char *bytes = *blob = malloc(*size);
    if (bytes == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for a state of %zu bytes", *size);
    memcpy(bytes, &header, sizeof header);
    bytes += sizeof header;
    float *parts[4];
    size_t lengths[4];
    parts_of(training, parts, lengths);
    for (int part = 0; part < 4; part++) {
        memcpy(bytes, parts[part], lengths[part] * sizeof(float));
        bytes += lengths[part] * sizeof(float);
    }
    return DAM_OK;
}

enum dam_status dam_training_load(struct dam_training *training, const void *blob, size_t size,
                                  struct dam_error *error) {
    const struct dam_classifier_model model = model_of(&training->settings);
    struct header header;
    enum dam_status status = read_header(&header, &model, blob, size, error);
    if (status != DAM_OK)
        return status;
    training->epochs = header.epochs;
    *dam_classifier_state(training->classifier).velocity_scale = header.velocity_scale;
    const char *bytes = (const char *)blob + sizeof header;
    float *parts[4];
    size_t lengths[4];
    parts_of(training, parts, lengths);
    for (int part = 0; part < 4; part++) {
        memcpy(parts[part], bytes, lengths[part] * sizeof(float));
        bytes += lengths[part] * sizeof(float);
    }
    return DAM_OK;
}

enum dam_status dam_training_memories(const struct dam_training_settings *settings,
                                      const void *blob, size_t size, float *memories,
                                      uint64_t *epochs, struct dam_error *error) {
    const struct dam_classifier_model model = model_of(settings);
    struct header header;
    enum dam_status status = read_header(&header, &model, blob, size, error);
    if (status != DAM_OK)
        return status;
    *epochs = header.epochs;
    const size_t classes = (size_t)model.classes, length = model.visible + classes;
    const char *visible = (const char *)blob + sizeof header,
               *entries = visible + model.memories * model.visible * sizeof(float);
    for (size_t mu = 0; mu < model.memories; mu++) {
        memcpy(memories + mu * length, visible + mu * model.visible * sizeof(float),
               model.visible * sizeof(float));
        memcpy(memories + mu * length + model.visible, entries + mu * classes * sizeof(float),
               classes * sizeof(float));
    }
    return DAM_OK;
}

/* ---- an epoch ---- */

double dam_training_temperature(const struct dam_training_settings *settings, uint64_t epoch) {
    if (epoch >= settings->ramp)
        return settings->temperature_end;
    double done = (double)epoch / (double)settings->ramp;
    return settings->temperature_start +
           (settings->temperature_end - settings->temperature_start) * done;
}

static double temperature_of(const struct dam_training *training) {
    return dam_training_temperature(&training->settings, training->epochs);
}

static double rate_of(const struct dam_training *training) {
    const struct dam_training_settings *settings = &training->settings;
    return settings->learning_rate * dam_portable_power(settings->decay, training->epochs);
}

static bool stop_asked(struct dam_poll poll) {
    return poll.call != NULL && poll.call(poll.context);
}

static enum dam_status stopped(struct dam_error *error) {
    return dam_fail(error, DAM_STOPPED, "stopped within an epoch");
}

/* Learn from an epoch's minibatch of that index, of *taken images; how many were answered wrongly
 * when met. */
static size_t learn_batch(struct dam_training *training, size_t batch, size_t *taken) {
    const struct dam_training_settings *settings = &training->settings;
    const struct dam_images *images = &training->dataset->train;
    const size_t pixels = dam_images_pixels(images);
    *taken = dam_minibatches_take(training->minibatches, training->epochs, batch, training->chosen);
    for (size_t i = 0; i < *taken; i++) {
        size_t image = (size_t)training->split[settings->validation + training->chosen[i]];
        dam_images_show(images, image, training->images + i * pixels);
        training->labels[i] = images->labels[image];
    }
    return dam_classifier_train(training->classifier, training->images, training->labels, *taken,
                                temperature_of(training), rate_of(training), settings->momentum);
}

/* Per cent of the minibatches' images that were answered wrongly when met. */
static enum dam_status learn(struct dam_training *training, struct dam_poll poll,
                             double *error_rate, struct dam_error *error) {
    const size_t count = dam_minibatches_per_epoch(training->minibatches);
    size_t met = 0, wrong = 0, taken;
    for (size_t batch = 0; batch < count; batch++) {
        if (stop_asked(poll))
            return stopped(error);
        wrong += learn_batch(training, batch, &taken);
        met += taken;
    }
    *error_rate = 100.0 * (double)wrong / (double)met;
    return DAM_OK;
}

/* How many of `count` images, at most SHOWN, are answered wrongly; image i is which[i], or
 * begin + i where which is NULL. */
static size_t answer(struct dam_training *training, const struct dam_images *images,
                     const int32_t *which, size_t begin, size_t count) {
    const size_t pixels = dam_images_pixels(images), classes = (size_t)images->classes;
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        dam_images_show(images, which != NULL ? (size_t)which[i] : begin + i,
                        training->images + i * pixels);
    dam_classifier_potentials(training->classifier, training->images, count,
                              temperature_of(training), training->potentials);
    for (size_t i = 0; i < count; i++) {
        size_t image = which != NULL ? (size_t)which[i] : begin + i;
        wrong += dam_classifier_answer(training->potentials + i * classes, images->classes) !=
                 images->labels[image];
    }
    return wrong;
}

/* Per cent of `count` images that are answered wrongly; image i is which[i], or i where which is
 * NULL. NaN of none. */
static enum dam_status examine(struct dam_training *training, const struct dam_images *images,
                               const int32_t *which, size_t count, struct dam_poll poll,
                               double *error_rate, struct dam_error *error) {
    size_t wrong = 0;
    for (size_t begin = 0; begin < count; begin += SHOWN) {
        if (stop_asked(poll))
            return stopped(error);
        size_t shown = count - begin < SHOWN ? count - begin : SHOWN;
        wrong += answer(training, images, which != NULL ? which + begin : NULL, begin, shown);
    }
    *error_rate = count == 0 ? NAN : 100.0 * (double)wrong / (double)count;
    return DAM_OK;
}

enum dam_status dam_training_epoch(struct dam_training *training, struct dam_poll poll,
                                   struct dam_training_errors *errors, struct dam_error *error) {
    enum dam_status status = learn(training, poll, &errors->train, error);
    if (status == DAM_OK)
        status = examine(training, &training->dataset->train, training->split,
                         training->settings.validation, poll, &errors->validation, error);
    if (status == DAM_OK)
        status = examine(training, &training->dataset->test, NULL, training->dataset->test.count,
                         poll, &errors->test, error);
    training->epochs += status == DAM_OK;
    return status;
}

struct dam_training_part dam_training_part_of_epoch(const struct dam_training_settings *settings) {
    const struct dam_dataset_size size = dam_dataset_size(settings->dataset);
    const double learnt = (double)dam_training_images(settings);
    return (struct dam_training_part){.learnt = learnt,
                                      .steps = learnt / (double)settings->minibatch,
                                      .answered = (double)(settings->validation + size.test)};
}

void dam_training_some(struct dam_training *training, struct dam_poll poll,
                       struct dam_training_part *part) {
    const struct dam_images *images = &training->dataset->train;
    const size_t batches = dam_minibatches_per_epoch(training->minibatches),
                 count = images->count < SHOWN ? images->count : SHOWN;
    const struct dam_training_part epoch = dam_training_part_of_epoch(&training->settings);
    *part = (struct dam_training_part){0};
    (void)stop_asked(poll);
    do {
        if (part->answered * epoch.learnt < part->learnt * epoch.answered) {
            (void)answer(training, images, NULL, 0, count);
            part->answered += (double)count;
        } else {
            size_t taken;
            (void)learn_batch(training, (size_t)part->steps % batches, &taken);
            part->steps++;
            part->learnt += (double)taken;
        }
    } while (!stop_asked(poll));
}
