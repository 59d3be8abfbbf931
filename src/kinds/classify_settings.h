/* What a study says of a training: the parameters of the kind classify, and the settings that a
 * cell's values stand for. */
#ifndef DAM_KINDS_CLASSIFY_SETTINGS_H
#define DAM_KINDS_CLASSIFY_SETTINGS_H

#include "kinds/training.h"
#include "study/schema.h"

enum {
    DAM_CLASSIFY_DATASET,
    DAM_CLASSIFY_FORM,
    DAM_CLASSIFY_ACTIVATION,
    DAM_CLASSIFY_POWER,
    DAM_CLASSIFY_LOSS_POWER,
    DAM_CLASSIFY_MEMORIES,
    DAM_CLASSIFY_LEARNING_RATE,
    DAM_CLASSIFY_DECAY,
    DAM_CLASSIFY_MOMENTUM,
    DAM_CLASSIFY_TEMPERATURE_START,
    DAM_CLASSIFY_TEMPERATURE_END,
    DAM_CLASSIFY_RAMP,
    DAM_CLASSIFY_INITIAL_MEAN,
    DAM_CLASSIFY_INITIAL_SD,
    DAM_CLASSIFY_ORDER,
    DAM_CLASSIFY_MINIBATCH,
    DAM_CLASSIFY_VALIDATION,
    DAM_CLASSIFY_TRAINING,
    DAM_CLASSIFY_EPOCHS,
    DAM_CLASSIFY_PUBLISHED,
    DAM_CLASSIFY_PARAMETER_COUNT
};

extern const struct dam_parameter dam_classify_parameters[DAM_CLASSIFY_PARAMETER_COUNT];

/* The schema's resolve. */
enum dam_status dam_classify_resolve(union dam_value *values, const bool *given, size_t *blame,
                                     struct dam_error *error) DAM_CHECKED;

/* The settings of a cell, but for seed, cell and replica. */
struct dam_training_settings dam_classify_settings(const union dam_value *values);

#endif
