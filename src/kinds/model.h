/* The parameters of the model itself, for the tables of every kind that has them. */
#ifndef DAM_KINDS_MODEL_H
#define DAM_KINDS_MODEL_H

#include "study/schema.h"
#include <dam/energy.h>
#include <dam/retrieval.h>

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

enum dam_start { DAM_START_RANDOM, DAM_START_MEMORY };
extern const char *const dam_start_names[], *const dam_update_order_names[];

#define DAM_PARAMETER_START                                                                        \
    {                                                                                              \
        .name = "start", .type = DAM_CHOICE, .choices = dam_start_names,                           \
        .standard.integer = DAM_START_RANDOM, .unit = "1",                                         \
        .doc = "start from random spins, or from a memory drawn uniformly for each start"          \
    }

#define DAM_PARAMETER_NOISE                                                                        \
    {                                                                                              \
        .name = "noise", .type = DAM_REAL, .low.real = 0, .high.real = 1, .unit = "1",             \
        .doc = "share of the memory's spins flipped, floor(noise N + 0.5) of them, chosen at "     \
               "random; without effect for start: random"                                          \
    }

#define DAM_PARAMETER_ORDER                                                                        \
    {                                                                                              \
        .name = "order", .type = DAM_CHOICE, .choices = dam_update_order_names,                    \
        .standard.integer = DAM_ORDER_RANDOM, .unit = "1",                                         \
        .doc = "order of the updates: a fresh permutation each sweep, or 0 .. N-1"                 \
    }

#define DAM_PARAMETER_MAX_SWEEPS                                                                   \
    {                                                                                              \
        .name = "max_sweeps", .type = DAM_INTEGER, .standard.integer = 1000, .low.integer = 1,     \
        .high.integer = 1000000000, .unit = "sweeps",                                              \
        .doc = "sweeps after which a start that still flips is given up"                           \
    }

#endif
