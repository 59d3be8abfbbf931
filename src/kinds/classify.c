/* Dense associative memories trained to classify images (Krotov & Hopfield 2016, section 4).
 *
 * A replica is a training with its own initial memories and order of images. Its rounds are a few
 * epochs each, of which the record has the errors, and the state what the next round begins with:
 * where epochs are added later the training goes on. A record says itself which epochs it is
 * about, since a replica that joined later may be behind the others. */
#include "kinds/classify_settings.h"
#include "kinds/kinds.h"
#include <assert.h>
#include <dam/classifier.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DONE,
    TEMPERATURE,
    TRAIN_ERROR,
    VALIDATION_ERROR,
    TEST_ERROR,
    TEST_ERROR_SD,
    TRAIN_ERRORS,
    VALIDATION_ERRORS,
    TEST_ERRORS,
    TRAINED,
    COLUMN_COUNT
};

static const struct dam_column columns[COLUMN_COUNT] = {
    [DONE] = {.name = "epochs", .unit = "epochs", .doc = "epochs that every replica has made"},
    [TEMPERATURE] = {.name = "temperature",
                     .type = DAM_REAL,
                     .unit = "1",
                     .doc = "T of the last of them; NaN where there is none"},
    [TRAIN_ERROR] = {.name = "train_error",
                     .type = DAM_REAL,
                     .unit = "%",
                     .doc = "wrong answers in the last epoch, each minibatch before its step; mean "
                            "over replicas"},
    [VALIDATION_ERROR] = {.name = "validation_error",
                          .type = DAM_REAL,
                          .unit = "%",
                          .doc =
                              "wrong answers to images held out, after the last epoch; mean over "
                              "replicas"},
    [TEST_ERROR] = {.name = "test_error",
                    .type = DAM_REAL,
                    .unit = "%",
                    .doc =
                        "wrong answers to test images, after the last epoch; mean over replicas"},
    [TEST_ERROR_SD] = {.name = "test_error_sd",
                       .type = DAM_REAL,
                       .unit = "%",
                       .doc = "standard deviation of test_error between replicas"},
#define CURVE(array_name, text)                                                                    \
    {                                                                                              \
        .name = array_name, .type = DAM_REAL, .shape = DAM_ARRAY, .unit = "%", .doc = text,        \
        .dimensions = {                                                                            \
            "replica",                                                                             \
            "epoch"                                                                                \
        }                                                                                          \
    }
    [TRAIN_ERRORS] = CURVE("train_errors", "train_error in each epoch"),
    [VALIDATION_ERRORS] = CURVE("validation_errors", "validation_error after each epoch"),
    [TEST_ERRORS] = CURVE("test_errors", "test_error after each epoch"),
#undef CURVE
    [TRAINED] = {.name = "memories",
                 .type = DAM_REAL,
                 .shape = DAM_ARRAY,
                 .unit = "1",
                 .doc = "memories after the last epoch, entries in [-1, 1]: pixels, then classes",
                 .dimensions = {"replica", "memory", "entry"},
                 .single = true,
                 .from_state = true,
                 .optional = true},
};

enum { FIRST_REPLICA, FIRST_THRESHOLD, FIRST_VALIDATION, FIRST_TEST, FIRST_COUNT };

static const struct dam_column first_columns[FIRST_COUNT] = {
    [FIRST_REPLICA] = {.name = "replica", .unit = "1", .doc = "replica of the cell"},
    [FIRST_THRESHOLD] = {.name = "threshold", .type = DAM_REAL, .unit = "%", .doc = "error"},
    [FIRST_VALIDATION] = {.name = "validation_epoch",
                          .unit = "epochs",
                          .doc = "first epoch, from 1, with a validation error below it; 0: none"},
    [FIRST_TEST] = {.name = "test_epoch",
                    .unit = "epochs",
                    .doc = "first epoch, from 1, with a test error below it; 0: none"},
};

static const double thresholds[] = {30, 20, 15,  12, 11,  10,  9,   8,   7,   6,  5,
                                    4,  3,  2.5, 2,  1.9, 1.8, 1.7, 1.6, 1.5, 1.4};
enum { THRESHOLD_COUNT = sizeof thresholds / sizeof *thresholds };

static const struct dam_kind_table tables[] = {{.name = "first_epochs",
                                                .columns = first_columns,
                                                .column_count = FIRST_COUNT,
                                                .unit = "1",
                                                .doc = "when errors first fell below thresholds"}};

/* ---- rounds ---- */

/* A round takes about half a minute, at most a hundred epochs. Records and states depend on this:
 * another rule needs another schema version. */
static int64_t round_epochs(const struct dam_cell *cell) {
    const struct dam_training_settings settings = dam_classify_settings(cell->values);
    struct dam_dataset_size size = dam_dataset_size(settings.dataset);
    double shown =
        (double)dam_training_images(&settings) + (double)(settings.validation + size.test) / 3;
    double products = shown * (double)settings.model.memories * (double)size.pixels;
    double epochs = 7e11 / products;
    return epochs < 1 ? 1 : epochs > 100 ? 100 : (int64_t)epochs;
}

/* Seconds of a part of a training, as measured with AVX-512: the products of an image, the loops
 * over memories and classes (powers are by squaring), what is done once an image, and steps. */
static double part_seconds(const struct dam_training_settings *settings,
                           const struct dam_training_part *part) {
    struct dam_dataset_size size = dam_dataset_size(settings->dataset);
    double memories = (double)settings->model.memories, entries = memories * (double)size.pixels;
    double product = entries * 2 / 125e9;
    double loops = memories * (2 + 0.4 * log2(settings->model.power)) * 1e-9;
    return part->learnt * (2 * product + loops + 0.6e-6) +
           part->answered * (product + loops / 2 + 0.3e-6) + part->steps * entries * 1.5e-9;
}

/* The last round may be shorter. */
static double mean_round(const struct dam_cell *cell) {
    double epochs = (double)cell->values[DAM_CLASSIFY_EPOCHS].integer;
    return epochs / ceil(epochs / (double)round_epochs(cell));
}

static double start_seconds(const struct dam_cell *cell) {
    const struct dam_training_settings settings = dam_classify_settings(cell->values);
    const struct dam_training_part epoch = dam_training_part_of_epoch(&settings);
    return part_seconds(&settings, &epoch) * mean_round(cell);
}

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    const struct dam_training_settings settings = dam_classify_settings(cell->values);
    struct dam_dataset_size size = dam_dataset_size(settings.dataset);
    double memories = (double)settings.model.memories;
    double state = 8 * memories * (double)(size.pixels + (size_t)size.classes);
    *cost =
        (struct dam_cost){.replica_seconds = 0.005 + 50e-9 * memories * (double)size.pixels,
                          .start_seconds = start_seconds(cell),
                          .bytes = dam_training_bytes(&settings) + (double)size.bytes + 2 * state,
                          .state_bytes = state};
}

/* What a round leaves: epochs first .. first + count - 1, from 0, and their errors, each kind's in
 * a row of round_epochs. */
struct record {
    int64_t first, count;
    double errors[];
};
enum { TRAIN, VALIDATE, TEST, KINDS_OF_ERROR };

static size_t record_size(const struct dam_cell *cell) {
    return sizeof(struct record) + (size_t)round_epochs(cell) * KINDS_OF_ERROR * sizeof(double);
}

/* How many epochs a round makes of a training that has made `done`. */
static int64_t epochs_of_round(const struct dam_cell *cell, int64_t done) {
    int64_t left = cell->values[DAM_CLASSIFY_EPOCHS].integer - done, most = round_epochs(cell);
    return left < 0 ? 0 : left < most ? left : most;
}

static enum dam_status train(const struct dam_task *task, struct dam_training *training,
                             struct record *record, struct dam_error *error) {
    const int64_t width = round_epochs(task->cell);
    enum dam_status status = DAM_OK;
    record->first = (int64_t)dam_training_epochs(training);
    int64_t count = epochs_of_round(task->cell, record->first);
    for (int64_t e = 0; status == DAM_OK && e < count; e++) {
        struct dam_training_errors errors;
        status = dam_training_epoch(training, task->poll, &errors, error);
        if (status != DAM_OK)
            break;
        record->errors[TRAIN * width + e] = errors.train;
        record->errors[VALIDATE * width + e] = errors.validation;
        record->errors[TEST * width + e] = errors.test;
        record->count++;
    }
    return status;
}

static enum dam_status prepare(const struct dam_cell *cell, struct dam_error *error) {
    const struct dam_dataset *dataset;
    return dam_dataset_load(dam_classify_settings(cell->values).dataset, &dataset, error);
}

/* The task's training, before its first epoch. */
static enum dam_status begin(const struct dam_task *task, struct dam_training **training,
                             struct dam_error *error) {
    struct dam_training_settings settings = dam_classify_settings(task->cell->values);
    settings.seed = task->seed;
    settings.cell = task->cell->hash;
    settings.replica = task->replica;
    return dam_training_new(training, &settings, error);
}

static enum dam_status part(const struct dam_task *task, double *share, struct dam_error *error) {
    const struct dam_training_settings settings = dam_classify_settings(task->cell->values);
    struct dam_training_part done;
    struct dam_training *training;
    enum dam_status status = begin(task, &training, error);
    if (status == DAM_OK) {
        dam_training_some(training, task->poll, &done);
        *share = part_seconds(&settings, &done) / start_seconds(task->cell);
    }
    dam_training_destroy(training);
    return status;
}

static enum dam_status run(const struct dam_task *task, void *record, struct dam_error *error) {
    struct dam_training *training;
    enum dam_status status = begin(task, &training, error);
    if (status == DAM_OK && task->round > 0)
        status = dam_training_load(training, task->state, task->state_size, error);
    if (status == DAM_OK)
        status = train(task, training, record, error);
    if (status == DAM_OK)
        status = dam_training_save(training, task->next_state, task->next_state_size, error);
    dam_training_destroy(training);
    return status;
}

static void imagine(const struct dam_task *task, void *record) {
    struct record *imagined = record;
    imagined->first = task->round * round_epochs(task->cell);
    imagined->count = epochs_of_round(task->cell, imagined->first);
}

/* Epochs that a replica has made by the end of these rounds; 0 where it has no row. */
static int64_t epochs_done(const struct dam_history *history, uint32_t replica) {
    int64_t done = 0;
    for (size_t round = 0; round < history->round_count; round++) {
        const struct dam_round_rows *rows = &history->rounds[round];
        for (size_t r = 0; r < rows->count; r++) {
            const struct record *record = rows->records[r];
            if (rows->replicas[r] == replica && record->first + record->count > done)
                done = record->first + record->count;
        }
    }
    return done;
}

static bool more(const struct dam_cell *cell, const struct dam_history *history,
                 struct dam_round *next) {
    *next = (struct dam_round){.replicas = cell->replicas, .starts = 1};
    for (uint32_t replica = 0; replica < cell->replicas; replica++)
        if (epochs_done(history, replica) < cell->values[DAM_CLASSIFY_EPOCHS].integer)
            return true;
    return false;
}

/* ---- results ---- */

static struct dam_extent extent(const struct dam_cell *cell, size_t column) {
    const union dam_value *values = cell->values;
    struct dam_dataset_size size =
        dam_dataset_size((enum dam_dataset_name)values[DAM_CLASSIFY_DATASET].integer);
    if (column != TRAINED)
        return (struct dam_extent){2,
                                   {cell->replicas, (size_t)values[DAM_CLASSIFY_EPOCHS].integer}};
    if (values[DAM_CLASSIFY_PUBLISHED].integer == 0)
        return (struct dam_extent){3, {0, 0, 0}};
    return (struct dam_extent){3,
                               {cell->replicas, (size_t)values[DAM_CLASSIFY_MEMORIES].integer,
                                size.pixels + (size_t)size.classes}};
}

/* Where the errors of a replica begin in an array of all. */
static double *curve(const struct dam_cell *cell, const struct dam_output *output, size_t column,
                     uint32_t replica) {
    return (double *)output->arrays[column] +
           replica * (size_t)cell->values[DAM_CLASSIFY_EPOCHS].integer;
}

static const size_t curve_columns[KINDS_OF_ERROR] = {
    [TRAIN] = TRAIN_ERRORS, [VALIDATE] = VALIDATION_ERRORS, [TEST] = TEST_ERRORS};

static void fill_curves(const struct dam_cell *cell, const struct dam_history *history,
                        const struct dam_output *output) {
    const int64_t width = round_epochs(cell), epochs = cell->values[DAM_CLASSIFY_EPOCHS].integer;
    for (uint32_t replica = 0; replica < cell->replicas; replica++)
        for (int kind = 0; kind < KINDS_OF_ERROR; kind++)
            for (int64_t e = 0; e < epochs; e++)
                curve(cell, output, curve_columns[kind], replica)[e] = NAN;
    for (size_t round = 0; round < history->round_count; round++) {
        const struct dam_round_rows *rows = &history->rounds[round];
        for (size_t r = 0; r < rows->count; r++) {
            const struct record *record = rows->records[r];
            assert(rows->replicas[r] < cell->replicas);
            for (int kind = 0; kind < KINDS_OF_ERROR; kind++)
                for (int64_t e = 0; e < record->count && record->first + e < epochs; e++)
                    curve(cell, output, curve_columns[kind], rows->replicas[r])[record->first + e] =
                        record->errors[kind * width + e];
        }
    }
}

/* The mean over replicas that have an error of this epoch, from 1, and the standard deviation. */
static double mean_error(const struct dam_cell *cell, const struct dam_output *output,
                         size_t column, int64_t epoch, double *sd) {
    double sum = 0, squares = 0;
    uint32_t count = 0;
    for (uint32_t replica = 0; epoch > 0 && replica < cell->replicas; replica++) {
        double error_rate = curve(cell, output, column, replica)[epoch - 1];
        sum += isnan(error_rate) ? 0 : error_rate;
        count += !isnan(error_rate);
    }
    double mean = count > 0 ? sum / count : NAN;
    for (uint32_t replica = 0; epoch > 0 && replica < cell->replicas; replica++) {
        double difference = curve(cell, output, column, replica)[epoch - 1] - mean;
        squares += isnan(difference) ? 0 : difference * difference;
    }
    *sd = count > 1 ? sqrt(squares / (count - 1)) : NAN;
    return mean;
}

static int64_t first_below(const double *errors, int64_t epochs, double threshold) {
    for (int64_t e = 0; e < epochs; e++)
        if (errors[e] < threshold)
            return e + 1;
    return 0;
}

static enum dam_status add_first_epochs(const struct dam_cell *cell,
                                        const struct dam_history *history,
                                        const struct dam_output *output, struct dam_error *error) {
    const int64_t epochs = cell->values[DAM_CLASSIFY_EPOCHS].integer;
    enum dam_status status = DAM_OK;
    for (uint32_t replica = 0; replica < cell->replicas; replica++) {
        if (epochs_done(history, replica) == 0)
            continue;
        for (size_t t = 0; status == DAM_OK && t < THRESHOLD_COUNT; t++) {
            const union dam_value row[FIRST_COUNT] = {
                [FIRST_REPLICA].integer = replica,
                [FIRST_THRESHOLD].real = thresholds[t],
                [FIRST_VALIDATION].integer = first_below(
                    curve(cell, output, VALIDATION_ERRORS, replica), epochs, thresholds[t]),
                [FIRST_TEST].integer =
                    first_below(curve(cell, output, TEST_ERRORS, replica), epochs, thresholds[t])};
            status = dam_rows_add(&output->tables[0], row, error);
        }
    }
    return status;
}

/* What a replica has learnt so far; the NaN that are there stay where it has not begun. */
static enum dam_status fill_memories(const struct dam_cell *cell, const struct dam_history *history,
                                     const struct dam_output *output, uint32_t replica,
                                     struct dam_error *error) {
    const struct dam_training_settings settings = dam_classify_settings(cell->values);
    const struct dam_extent whole = extent(cell, TRAINED);
    const size_t length = whole.sizes[1] * whole.sizes[2];
    float *memories = (float *)output->arrays[TRAINED] + replica * length;
    const int64_t wanted = cell->values[DAM_CLASSIFY_EPOCHS].integer;
    const int64_t done = epochs_done(history, replica);
    uint64_t epochs;
    void *state;
    size_t size;
    if (done > wanted)
        return dam_fail(error, DAM_INPUT,
                        "replica %" PRIu32 " has gone on to epoch %" PRId64
                        ", which superseded its memories of epoch %" PRId64
                        ": raise epochs again, or publish without them (memories: no)",
                        replica, done, wanted);
    enum dam_status status = history->state(history->state_context, replica, &state, &size, error);
    if (status == DAM_OK && state != NULL)
        status = dam_training_memories(&settings, state, size, memories, &epochs, error);
    free(state);
    return status;
}

static enum dam_status reduce(const struct dam_cell *cell, const struct dam_history *history,
                              const struct dam_output *output, struct dam_error *error) {
    int64_t epochs = cell->values[DAM_CLASSIFY_EPOCHS].integer;
    bool any = false;
    for (uint32_t replica = 0; replica < cell->replicas; replica++) {
        int64_t done = epochs_done(history, replica);
        any = any || done > 0;
        epochs = done > 0 && done < epochs ? done : epochs;
    }
    epochs = any ? epochs : 0;
    fill_curves(cell, history, output);
    double sd;
    const struct dam_training_settings settings = dam_classify_settings(cell->values);
    output->scalars[DONE].integer = epochs;
    output->scalars[TEMPERATURE].real =
        epochs > 0 ? dam_training_temperature(&settings, (uint64_t)epochs - 1) : NAN;
    output->scalars[TRAIN_ERROR].real = mean_error(cell, output, TRAIN_ERRORS, epochs, &sd);
    output->scalars[VALIDATION_ERROR].real =
        mean_error(cell, output, VALIDATION_ERRORS, epochs, &sd);
    output->scalars[TEST_ERROR].real = mean_error(cell, output, TEST_ERRORS, epochs, &sd);
    output->scalars[TEST_ERROR_SD].real = sd;
    enum dam_status status = add_first_epochs(cell, history, output, error);
    const struct dam_extent trained = extent(cell, TRAINED);
    const size_t length = trained.sizes[0] * trained.sizes[1] * trained.sizes[2];
    for (size_t i = 0; i < length; i++)
        ((float *)output->arrays[TRAINED])[i] = NAN;
    for (uint32_t replica = 0; replica < trained.sizes[0]; replica++)
        if (status == DAM_OK)
            status = fill_memories(cell, history, output, replica, error);
    return status;
}

const struct dam_kind dam_kind_classify = {
    .schema = {.name = "classify",
               .summary = "dense associative memories trained to classify images",
               .reference = "Krotov & Hopfield 2016, arXiv 1606.01164",
               .version = 1,
               .parameters = dam_classify_parameters,
               .parameter_count = DAM_CLASSIFY_PARAMETER_COUNT,
               .resolve = dam_classify_resolve},
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .tables = tables,
    .table_count = sizeof tables / sizeof *tables,
    .cost = cost,
    .record_size = record_size,
    .prepare = prepare,
    .run = run,
    .part = part,
    .extent = extent,
    .keeps_state = true,
    .blas = true,
    .reduce = reduce,
    .more = more,
    .imagine = imagine,
};
