/* The parameters of the model itself, for the tables of every kind that has them. */
#ifndef DAM_KINDS_MODEL_H
#define DAM_KINDS_MODEL_H

#include "study/schema.h"
#include <dam/energy.h>

#define DAM_PARAMETER_ENERGY                                                                       \
    {                                                                                              \
        .name = "energy", .type = DAM_CHOICE, .choices = dam_energy_form_names,                    \
        .standard.integer = DAM_ENERGY_POWER, .unit = "1",                                         \
        .doc = "energy function F(x): x^n, or x^n for x >= 0 and 0 otherwise"                      \
    }

#define DAM_PARAMETER_POWER                                                                        \
    {                                                                                              \
        .name = "n", .type = DAM_INTEGER, .standard.integer = 3, .low.integer = 1,                 \
        .high.integer = DAM_POWER_MAX, .unit = "1", .doc = "interaction vertex power"              \
    }

#define DAM_PARAMETER_NEURONS                                                                      \
    {                                                                                              \
        .name = "N", .type = DAM_INTEGER, .standard.integer = 100, .low.integer = 1,               \
        .high.integer = DAM_NEURONS_MAX, .unit = "neurons", .doc = "binary neurons"                \
    }

#endif
