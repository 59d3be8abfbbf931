#include "kinds/classify_settings.h"
#include "kinds/classifier_model.h"

static const char *const no_or_yes[] = {"no", "yes", NULL};

/* Paper's values for large n, from this one on, differ from those for small n. */
enum { LARGE_POWER = 10 };

const struct dam_parameter dam_classify_parameters[DAM_CLASSIFY_PARAMETER_COUNT] = {
    [DAM_CLASSIFY_DATASET] = DAM_PARAMETER_DATASET,
    [DAM_CLASSIFY_FORM] = DAM_PARAMETER_FORM,
    [DAM_CLASSIFY_ACTIVATION] = DAM_PARAMETER_ACTIVATION,
    [DAM_CLASSIFY_POWER] = DAM_PARAMETER_RECTIFIED_POWER,
    [DAM_CLASSIFY_LOSS_POWER] = {.name = "m",
                                 .type = DAM_INTEGER,
                                 .standard_varies = true,
                                 .standard.integer = 3,
                                 .low.integer = 1,
                                 .high.integer = DAM_CLASSIFIER_POWER_MAX,
                                 .unit = "1",
                                 .doc =
                                     "loss: sum of (c_a - t_a)^(2m); not given: 30 from n = 10 on"},
    [DAM_CLASSIFY_MEMORIES] = DAM_PARAMETER_TRAINED_MEMORIES,
    [DAM_CLASSIFY_LEARNING_RATE] =
        {.name = "learning_rate",
         .type = DAM_REAL,
         .standard.real = 0.02,
         .low.real = 0,
         .low_open = true,
         .high.real = 1,
         .unit = "1",
         .doc = "eps0: the largest change of each memory's entries in a step of the "
                "first epoch"},
    [DAM_CLASSIFY_DECAY] = {.name = "decay",
                            .type = DAM_REAL,
                            .standard.real = 0.998,
                            .low.real = 0,
                            .low_open = true,
                            .high.real = 1,
                            .unit = "1",
                            .doc = "f: epoch e has the learning rate eps0 f^e, e = 0, 1, ..."},
    [DAM_CLASSIFY_MOMENTUM] = {.name = "momentum",
                               .type = DAM_REAL,
                               .standard.real = 0.6,
                               .low.real = 0,
                               .high.real = 0.999,
                               .unit = "1",
                               .doc = "p: velocities are V <- p V - dC/dxi"},
    [DAM_CLASSIFY_TEMPERATURE_START] =
        {.name = "temperature_start",
         .type = DAM_REAL,
         .standard_varies = true,
         .standard.real = 300,
         .low.real = 1,
         .high.real = 1e5,
         .unit = "1",
         .doc = "T of the first epoch, beta = 1 / T^n; not given: 540 from n = 10 "
                "on"},
    [DAM_CLASSIFY_TEMPERATURE_END] =
        {.name = "temperature_end",
         .type = DAM_REAL,
         .standard_varies = true,
         .standard.real = 60,
         .low.real = 1,
         .high.real = 1e5,
         .unit = "1",
         .doc = "T from epoch `ramp` on; not given: temperature_start from n = 10 "
                "on"},
    [DAM_CLASSIFY_RAMP] = {.name = "ramp",
                           .type = DAM_INTEGER,
                           .standard.integer = 200,
                           .high.integer = 1000000,
                           .unit = "epochs",
                           .doc = "epochs over which T goes from one to the other, in equal steps"},
    [DAM_CLASSIFY_INITIAL_MEAN] =
        {.name = "initial_mean",
         .type = DAM_REAL,
         .standard.real = -0.3,
         .low.real = -1,
         .high.real = 1,
         .unit = "1",
         .doc = "mean of the normal distribution that memories are drawn from at first"},
    [DAM_CLASSIFY_INITIAL_SD] = {.name = "initial_sd",
                                 .type = DAM_REAL,
                                 .standard.real = 0.3,
                                 .low.real = 0,
                                 .high.real = 10,
                                 .unit = "1",
                                 .doc = "its standard deviation; entries are clipped to [-1, 1]"},
    [DAM_CLASSIFY_ORDER] =
        {.name = "order",
         .type = DAM_CHOICE,
         .choices = dam_minibatch_order_names,
         .standard.integer = DAM_MINIBATCHES_BALANCED,
         .unit = "1",
         .doc = "minibatches: as many images of each class in each, or all images shuffled"},
    [DAM_CLASSIFY_MINIBATCH] =
        {.name = "minibatch",
         .type = DAM_INTEGER,
         .standard.integer = 1000,
         .low.integer = 1,
         .high.integer = 60000,
         .unit = "images",
         .doc = "images of a step; order: balanced: a multiple of the 10 classes"},
    [DAM_CLASSIFY_VALIDATION] =
        {.name = "validation",
         .type = DAM_INTEGER,
         .standard_varies = true,
         .standard.integer = 10000,
         .high.integer = 59999,
         .unit = "images",
         .doc = "images held out of training, at random, the same in all cells; not "
                "given: a sixth of the data set's"},
    [DAM_CLASSIFY_TRAINING] = {.name = "training",
                               .type = DAM_INTEGER,
                               .high.integer = 60000,
                               .unit = "images",
                               .doc = "images trained on; 0: all that are not held out"},
    [DAM_CLASSIFY_EPOCHS] = {.name = "epochs",
                             .type = DAM_INTEGER,
                             .role = DAM_BUDGET,
                             .standard.integer = 100,
                             .low.integer = 1,
                             .high.integer = 1000000,
                             .unit = "epochs",
                             .doc =
                                 "epochs of training; more of them go on where a training stopped"},
    [DAM_CLASSIFY_PUBLISHED] = {.name = "memories",
                                .type = DAM_CHOICE,
                                .role = DAM_BUDGET,
                                .choices = no_or_yes,
                                .unit = "1",
                                .doc = "publish the trained memories"},
};

struct dam_training_settings dam_classify_settings(const union dam_value *values) {
    return (struct dam_training_settings){
        .dataset = (enum dam_dataset_name)values[DAM_CLASSIFY_DATASET].integer,
        .model = {.form = (enum dam_classifier_form)values[DAM_CLASSIFY_FORM].integer,
                  .activation = (enum dam_activation)values[DAM_CLASSIFY_ACTIVATION].integer,
                  .power = (int)values[DAM_CLASSIFY_POWER].integer,
                  .loss_power = (int)values[DAM_CLASSIFY_LOSS_POWER].integer,
                  .memories = (size_t)values[DAM_CLASSIFY_MEMORIES].integer},
        .learning_rate = values[DAM_CLASSIFY_LEARNING_RATE].real,
        .decay = values[DAM_CLASSIFY_DECAY].real,
        .momentum = values[DAM_CLASSIFY_MOMENTUM].real,
        .temperature_start = values[DAM_CLASSIFY_TEMPERATURE_START].real,
        .temperature_end = values[DAM_CLASSIFY_TEMPERATURE_END].real,
        .ramp = (uint64_t)values[DAM_CLASSIFY_RAMP].integer,
        .initial_mean = values[DAM_CLASSIFY_INITIAL_MEAN].real,
        .initial_sd = values[DAM_CLASSIFY_INITIAL_SD].real,
        .order = (enum dam_minibatch_order)values[DAM_CLASSIFY_ORDER].integer,
        .minibatch = (size_t)values[DAM_CLASSIFY_MINIBATCH].integer,
        .validation = (size_t)values[DAM_CLASSIFY_VALIDATION].integer,
        .training = (size_t)values[DAM_CLASSIFY_TRAINING].integer,
    };
}

/* What was not given follows n and the data set. */
static void fill_in(union dam_value *values, const bool *given) {
    const bool large = values[DAM_CLASSIFY_POWER].integer >= LARGE_POWER;
    struct dam_dataset_size size =
        dam_dataset_size((enum dam_dataset_name)values[DAM_CLASSIFY_DATASET].integer);
    if (!given[DAM_CLASSIFY_VALIDATION])
        values[DAM_CLASSIFY_VALIDATION].integer = (int64_t)size.train / 6;
    if (!given[DAM_CLASSIFY_LOSS_POWER] && large)
        values[DAM_CLASSIFY_LOSS_POWER].integer = 30;
    if (!given[DAM_CLASSIFY_TEMPERATURE_START] && large)
        values[DAM_CLASSIFY_TEMPERATURE_START].real = 540;
    if (!given[DAM_CLASSIFY_TEMPERATURE_END] && large)
        values[DAM_CLASSIFY_TEMPERATURE_END].real = values[DAM_CLASSIFY_TEMPERATURE_START].real;
}

/* What has no effect is what it would be by default. */
static void level_network(union dam_value *values) {
    if (values[DAM_CLASSIFY_FORM].integer == DAM_CLASSIFIER_MEMORY)
        values[DAM_CLASSIFY_ACTIVATION] = dam_classify_parameters[DAM_CLASSIFY_ACTIVATION].standard;
    if (values[DAM_CLASSIFY_ACTIVATION].integer != DAM_ACTIVATION_RECTIFIED)
        values[DAM_CLASSIFY_POWER] = dam_classify_parameters[DAM_CLASSIFY_POWER].standard;
}

static void level_protocol(union dam_value *values) {
    struct dam_dataset_size size =
        dam_dataset_size((enum dam_dataset_name)values[DAM_CLASSIFY_DATASET].integer);
    if (values[DAM_CLASSIFY_RAMP].integer == 0)
        values[DAM_CLASSIFY_TEMPERATURE_START] = values[DAM_CLASSIFY_TEMPERATURE_END];
    if (values[DAM_CLASSIFY_TEMPERATURE_START].real == values[DAM_CLASSIFY_TEMPERATURE_END].real)
        values[DAM_CLASSIFY_RAMP] = dam_classify_parameters[DAM_CLASSIFY_RAMP].standard;
    if (values[DAM_CLASSIFY_TRAINING].integer + values[DAM_CLASSIFY_VALIDATION].integer ==
        (int64_t)size.train)
        values[DAM_CLASSIFY_TRAINING].integer = 0;
}

enum dam_status dam_classify_resolve(union dam_value *values, const bool *given, size_t *blame,
                                     struct dam_error *error) {
    level_network(values);
    fill_in(values, given);
    level_protocol(values);
    const struct dam_training_settings settings = dam_classify_settings(values);
    struct dam_dataset_size size = dam_dataset_size(settings.dataset);
    if (settings.validation >= size.train) {
        *blame = DAM_CLASSIFY_VALIDATION;
        return dam_fail(error, DAM_INPUT, "%s has %zu images to train on: hold out fewer",
                        dam_dataset_names[settings.dataset], size.train);
    }
    if (settings.training > size.train - settings.validation) {
        *blame = DAM_CLASSIFY_TRAINING;
        return dam_fail(error, DAM_INPUT, "%s has %zu images that are not held out",
                        dam_dataset_names[settings.dataset], size.train - settings.validation);
    }
    *blame = DAM_CLASSIFY_MINIBATCH;
    if (settings.minibatch > dam_training_images(&settings))
        return dam_fail(error, DAM_INPUT, "more than the %zu images that are trained on",
                        dam_training_images(&settings));
    if (settings.order == DAM_MINIBATCHES_BALANCED &&
        settings.minibatch % (size_t)size.classes != 0)
        return dam_fail(error, DAM_INPUT,
                        "no multiple of the %d classes (order: shuffled needs none)", size.classes);
    return DAM_OK;
}
