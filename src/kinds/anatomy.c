/* What the memories of trained classifiers are, features or prototypes (Krotov & Hopfield 2016,
 * section 4): two histograms, of each memory's recognition connections and of each test image's
 * contributing memories (dam/features.h).
 *
 * A cell is a row of a result of kind classify that published its memories, and its replicas are
 * that row's. The first one's memories are published again, to be drawn beside the histograms. */
#include "kinds/classifier_model.h"
#include "kinds/kinds.h"
#include <assert.h>
#include <dam/features.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DATASET,
    FORM,
    ACTIVATION,
    POWER,
    MEMORIES,
    TEMPERATURE,
    CUTOFF,
    SHARE,
    SOURCE_ROW,
    SOURCE_CRC,
    PARAMETER_COUNT
};

static const struct dam_parameter parameters[PARAMETER_COUNT] = {
    [DATASET] = DAM_PARAMETER_DATASET,
    [FORM] = DAM_PARAMETER_FORM,
    [ACTIVATION] = DAM_PARAMETER_ACTIVATION,
    [POWER] = DAM_PARAMETER_RECTIFIED_POWER,
    [MEMORIES] = DAM_PARAMETER_TRAINED_MEMORIES,
    [TEMPERATURE] = {.name = "temperature",
                     .type = DAM_REAL,
                     .standard.real = 60,
                     .low.real = 1,
                     .high.real = 1e5,
                     .unit = "1",
                     .doc = "T of the source's last epoch; at its default with the activation "
                            "rectified, where it has no effect"},
    [CUTOFF] = {.name = "cutoff",
                .type = DAM_REAL,
                .standard.real = 0.9,
                .low.real = -1,
                .high.real = 1,
                .unit = "1",
                .doc = "a memory's class entry is on above it"},
    [SHARE] = {.name = "share",
               .type = DAM_REAL,
               .standard.real = 0.9,
               .low.real = 0,
               .high.real = 1,
               .high_open = true,
               .unit = "1",
               .doc = "a memory contributes to an answer that adds more to the winning class than "
                      "this share of the largest addition"},
    DAM_PARAMETERS_SOURCE(SOURCE_ROW),
};

enum {
    TEST_ERROR,
    SINGLE_CONNECTION,
    MEAN_CONNECTIONS,
    SINGLE_MEMORY,
    MEDIAN_MEMORIES,
    CONNECTIONS,
    CONTRIBUTING,
    FIRST_MEMORIES,
    COLUMN_COUNT
};

static const struct dam_column columns[COLUMN_COUNT] = {
    [TEST_ERROR] = {.name = "test_error",
                    .type = DAM_REAL,
                    .unit = "%",
                    .doc = "wrong answers to test images; mean over replicas"},
    [SINGLE_CONNECTION] = {.name = "single_connection",
                           .type = DAM_REAL,
                           .unit = "1",
                           .doc = "share of memories with exactly one class entry on"},
    [MEAN_CONNECTIONS] = {.name = "mean_connections",
                          .type = DAM_REAL,
                          .unit = "1",
                          .doc = "class entries that are on, mean over memories"},
    [SINGLE_MEMORY] = {.name = "single_memory",
                       .type = DAM_REAL,
                       .unit = "1",
                       .doc = "share of test images with exactly one contributing memory"},
    [MEDIAN_MEMORIES] = {.name = "median_memories",
                         .type = DAM_REAL,
                         .unit = "memories",
                         .doc = "contributing memories of a test image, median over images"},
    [CONNECTIONS] = {.name = "recognition_connections",
                     .shape = DAM_ARRAY,
                     .unit = "memories",
                     .doc = "memories with 0, 1, ... class entries on, of all replicas",
                     .dimensions = {"connections"}},
    [CONTRIBUTING] = {.name = "contributing_memories",
                      .shape = DAM_ARRAY,
                      .unit = "images",
                      .doc = "test images with 0, 1, ... contributing memories, of all replicas",
                      .dimensions = {"contributing"}},
    [FIRST_MEMORIES] = {.name = "memories",
                        .type = DAM_REAL,
                        .shape = DAM_ARRAY,
                        .unit = "1",
                        .doc = "the first replica's memories: pixels, then classes",
                        .dimensions = {"memory", "entry"},
                        .single = true},
};

static struct dam_classifier_model model_of(const struct dam_cell *cell) {
    const union dam_value *values = cell->values;
    struct dam_dataset_size size = dam_dataset_size((enum dam_dataset_name)values[DATASET].integer);
    return (struct dam_classifier_model){
        .form = (enum dam_classifier_form)values[FORM].integer,
        .activation = (enum dam_activation)values[ACTIVATION].integer,
        .power = (int)values[POWER].integer,
        .loss_power = 1,
        .memories = (size_t)values[MEMORIES].integer,
        .visible = size.pixels,
        .classes = size.classes,
    };
}

static size_t entries_of(const struct dam_classifier_model *model) {
    return model->visible + (size_t)model->classes;
}

/* What has no effect is what it would be by default; what has is the training's own. */
static enum dam_status resolve(union dam_value *values, const bool *given, size_t *blame,
                               struct dam_error *error) {
    if (values[FORM].integer == DAM_CLASSIFIER_MEMORY)
        values[ACTIVATION] = parameters[ACTIVATION].standard;
    const size_t idle =
        values[ACTIVATION].integer == DAM_ACTIVATION_RECTIFIED ? TEMPERATURE : POWER;
    values[idle] = parameters[idle].standard;
    *blame = TEMPERATURE;
    if (idle != TEMPERATURE && !given[TEMPERATURE])
        return dam_fail(error, DAM_INPUT,
                        "missing: answers depend on it with this activation, and the source does "
                        "not tell it; run the source's study again, which publishes it");
    return DAM_OK;
}

/* ---- a replica ---- */

enum { SHOWN = 500 }; /* images at once */

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    const struct dam_classifier_model model = model_of(cell);
    const struct dam_dataset_size size =
        dam_dataset_size((enum dam_dataset_name)cell->values[DATASET].integer);
    const double memories = (double)model.memories, entries = (double)entries_of(&model);
    const double products = memories * (double)model.visible * 2 / 120e9;
    const double parts = memories * model.classes * (2 + log2(model.power)) * 1e-9;
    *cost = (struct dam_cost){
        .start_seconds = 0.02 + (double)size.test * (products + parts),
        .bytes = (double)size.bytes + dam_features_bytes(&model, SHOWN) +
                 SHOWN * 4.0 * (double)model.visible +
                 2 * 4 * memories * entries, /* the replica's, and those to be published */
    };
}

/* The counts of a replica; the histograms follow one another, [classes + 1] and [K + 1]. */
struct record {
    uint64_t images, errors;
    uint64_t counts[];
};

static size_t record_size(const struct dam_cell *cell) {
    const struct dam_classifier_model model = model_of(cell);
    return sizeof(struct record) +
           ((size_t)model.classes + 1 + model.memories + 1) * sizeof(uint64_t);
}

/* Is what the source holds as large as the cell says, and all there? What lies behind the cell's
 * own memories is padding. */
static enum dam_status check_source(const struct dam_task *task,
                                    const struct dam_classifier_model *model,
                                    struct dam_error *error) {
    const size_t entries = entries_of(model);
    if (task->source == NULL || task->source_extents[0] < model->memories ||
        task->source_extents[1] < entries)
        return dam_fail(error, DAM_INPUT,
                        "the source holds %zu memories of %zu entries, not %zu of %zu: are dataset "
                        "and K those of its row?",
                        task->source_extents[0], task->source_extents[1], model->memories, entries);
    for (size_t mu = 0; mu < model->memories; mu++)
        for (size_t i = 0; i < entries; i++)
            if (isnan(task->source[mu * task->source_extents[1] + i]))
                return dam_fail(error, DAM_INPUT,
                                "the source has no memories of replica %u: leave replicas to from",
                                task->replica);
    return DAM_OK;
}

static enum dam_status answer_images(const struct dam_task *task,
                                     const struct dam_features *features,
                                     const struct dam_images *images, struct record *record,
                                     struct dam_error *error) {
    const size_t pixels = dam_images_pixels(images);
    uint64_t *contributing = record->counts + features->model->classes + 1;
    float *shown = calloc(SHOWN, pixels * sizeof *shown);
    enum dam_status status = DAM_OK;
    if (shown == NULL)
        status = dam_fail(error, DAM_MEMORY, "no memory for %d images", SHOWN);
    for (size_t first = 0; status == DAM_OK && first < images->count; first += SHOWN) {
        size_t left = images->count - first, count = left < SHOWN ? left : SHOWN;
        for (size_t i = 0; i < count; i++)
            dam_images_show(images, first + i, shown + i * pixels);
        status = dam_features_contributions(features, shown, images->labels + first, count,
                                            task->cell->values[SHARE].real, contributing,
                                            &record->errors, error);
        if (status == DAM_OK && task->poll.call != NULL && task->poll.call(task->poll.context))
            status = dam_fail(error, DAM_STOPPED, "stopped on request");
    }
    free(shown);
    return status;
}

/* What is published of the first replica: memories without the padding; of others nothing. */
static enum dam_status leave_memories(const struct dam_task *task,
                                      const struct dam_classifier_model *model,
                                      struct dam_error *error) {
    const size_t row = entries_of(model) * sizeof(float);
    const size_t size = task->replica == 0 ? model->memories * row : 0;
    char *memories = malloc(size + 1);
    if (memories == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for %zu bytes of memories", size);
    for (size_t mu = 0; mu * row < size; mu++)
        memcpy(memories + mu * row, task->source + mu * task->source_extents[1], row);
    *task->next_state = memories;
    *task->next_state_size = size;
    return DAM_OK;
}

static enum dam_status prepare(const struct dam_cell *cell, struct dam_error *error) {
    const struct dam_dataset *dataset;
    return dam_dataset_load((enum dam_dataset_name)cell->values[DATASET].integer, &dataset, error);
}

static enum dam_status run(const struct dam_task *task, void *out, struct dam_error *error) {
    const union dam_value *values = task->cell->values;
    const struct dam_classifier_model model = model_of(task->cell);
    const struct dam_features features = {&model, values[TEMPERATURE].real, task->source,
                                          task->source_extents[1]};
    const struct dam_dataset *dataset;
    struct record *record = out;
    enum dam_status status = check_source(task, &model, error);
    if (status == DAM_OK)
        status = dam_dataset_load((enum dam_dataset_name)values[DATASET].integer, &dataset, error);
    if (status != DAM_OK)
        return status;
    record->images = dataset->test.count;
    dam_features_connections(&features, values[CUTOFF].real, record->counts);
    status = answer_images(task, &features, &dataset->test, record, error);
    return status == DAM_OK ? leave_memories(task, &model, error) : status;
}

/* ---- results ---- */

static struct dam_extent extent(const struct dam_cell *cell, size_t column) {
    const struct dam_classifier_model model = model_of(cell);
    if (column == CONNECTIONS)
        return (struct dam_extent){1, {(size_t)model.classes + 1}};
    if (column == CONTRIBUTING)
        return (struct dam_extent){1, {model.memories + 1}};
    assert(column == FIRST_MEMORIES);
    return (struct dam_extent){2, {model.memories, entries_of(&model)}};
}

/* Of what a histogram counts: how many there are, their sum, and their middle. NaN of none. */
struct summary {
    double count, mean, median;
};

static struct summary summarise(const int64_t *histogram, size_t size) {
    double count = 0, sum = 0, below = 0;
    for (size_t value = 0; value < size; value++) {
        count += (double)histogram[value];
        sum += (double)value * (double)histogram[value];
    }
    if (count == 0)
        return (struct summary){0, NAN, NAN};
    size_t lower = size, upper = size; /* the two in the middle */
    for (size_t value = 0; upper == size; value++) {
        below += (double)histogram[value];
        if (lower == size && 2 * below >= count)
            lower = value;
        if (2 * below > count)
            upper = value;
    }
    return (struct summary){count, sum / count, (double)(lower + upper) / 2};
}

/* The state of the first replica, where its row is there. */
static enum dam_status publish_memories(const struct dam_cell *cell,
                                        const struct dam_history *history, float *memories,
                                        struct dam_error *error) {
    const struct dam_classifier_model model = model_of(cell);
    const size_t count = model.memories * entries_of(&model);
    void *state = NULL;
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        memories[i] = NAN;
    if (history->state == NULL)
        return DAM_OK;
    enum dam_status status = history->state(history->state_context, 0, &state, &size, error);
    if (status == DAM_OK && state != NULL && size != count * sizeof *memories)
        status = dam_fail(error, DAM_DAMAGED,
                          "the first replica's memories take %zu bytes, not %zu: discard the run "
                          "with --fresh",
                          size, count * sizeof *memories);
    if (status == DAM_OK && state != NULL)
        memcpy(memories, state, size);
    free(state);
    return status;
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    const struct dam_classifier_model model = model_of(cell);
    const size_t classes = (size_t)model.classes;
    int64_t *connections = output->arrays[CONNECTIONS],
            *contributing = output->arrays[CONTRIBUTING];
    double images = 0, errors = 0;
    for (size_t r = 0; history->round_count > 0 && r < history->rounds[0].count; r++) {
        const struct record *record = history->rounds[0].records[r];
        images += (double)record->images;
        errors += (double)record->errors;
        for (size_t on = 0; on <= classes; on++)
            connections[on] += (int64_t)record->counts[on];
        for (size_t c = 0; c <= model.memories; c++)
            contributing[c] += (int64_t)record->counts[classes + 1 + c];
    }
    const struct summary on = summarise(connections, classes + 1);
    const struct summary added = summarise(contributing, model.memories + 1);
    output->scalars[TEST_ERROR].real = images > 0 ? 100 * errors / images : NAN;
    output->scalars[SINGLE_CONNECTION].real = (double)connections[1] / on.count; /* 0 / 0: NaN */
    output->scalars[MEAN_CONNECTIONS].real = on.mean;
    output->scalars[SINGLE_MEMORY].real = (double)contributing[1] / added.count;
    output->scalars[MEDIAN_MEMORIES].real = added.median;
    return publish_memories(cell, history, output->arrays[FIRST_MEMORIES], error);
}

const struct dam_kind dam_kind_anatomy = {
    .schema = {.name = "anatomy",
               .summary = "the memories of trained classifiers: features of classes or prototypes",
               .reference = "Krotov & Hopfield 2016, arXiv 1606.01164, section 4",
               .version = 1,
               .parameters = parameters,
               .parameter_count = PARAMETER_COUNT,
               .resolve = resolve},
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .cost = cost,
    .record_size = record_size,
    .prepare = prepare,
    .run = run,
    .extent = extent,
    .keeps_state = true,
    .blas = true,
    .reads = "/memories",
    .reduce = reduce,
};
