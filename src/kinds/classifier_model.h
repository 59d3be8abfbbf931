/* The parameters that say what a trained classifier is, for the tables of the kinds that train
 * and that look into them. */
#ifndef DAM_KINDS_CLASSIFIER_MODEL_H
#define DAM_KINDS_CLASSIFIER_MODEL_H

#include "kinds/dataset.h"
#include "kinds/training.h"
#include "study/schema.h"

#define DAM_PARAMETER_DATASET                                                                      \
    {                                                                                              \
        .name = "dataset", .type = DAM_CHOICE, .choices = dam_dataset_names,                       \
        .standard.integer = DAM_DATASET_FASHION_MNIST, .unit = "1",                                \
        .doc = "images to learn, and to be tested with"                                            \
    }

#define DAM_PARAMETER_FORM                                                                         \
    {                                                                                              \
        .name = "form", .type = DAM_CHOICE, .choices = dam_classifier_form_names, .unit = "1",     \
        .doc = "energy differences of class neurons, or the dual network with one hidden layer"    \
    }

#define DAM_PARAMETER_ACTIVATION                                                                   \
    {                                                                                              \
        .name = "activation", .type = DAM_CHOICE, .choices = dam_activation_names, .unit = "1",    \
        .doc = "form: dual: of hidden units: ReP_(n-1), 1/(1+exp(-x)) or tanh"                     \
    }

#define DAM_PARAMETER_RECTIFIED_POWER                                                              \
    {                                                                                              \
        .name = "n", .type = DAM_INTEGER, .standard.integer = 3, .low.integer = 2,                 \
        .high.integer = DAM_CLASSIFIER_POWER_MAX, .unit = "1",                                     \
        .doc = "interaction vertex power, of the rectified energy"                                 \
    }

#define DAM_PARAMETER_TRAINED_MEMORIES                                                             \
    {                                                                                              \
        .name = "K", .type = DAM_INTEGER, .standard.integer = 2000, .low.integer = 1,              \
        .high.integer = 1000000, .unit = "memories", .doc = "memories"                             \
    }

#endif
