/* The kind that the study files of this directory are written for, and the fuzzer's. It stands for
 * no real experiment, so that no change of one changes these tests. */
#ifndef DAM_TESTS_STUDIES_SCHEMA_H
#define DAM_TESTS_STUDIES_SCHEMA_H

#include "study/schema.h"
#include <float.h>
#include <math.h>

enum { ENERGY, POWER, NEURONS, MEMORIES, LOAD, START, NOISE, STARTS, PARAMETERS };

static const char *const energies[] = {"power", "rectified", NULL};
static const char *const start_names[] = {"random", "memory", NULL};

static const struct dam_parameter capacity_parameters[PARAMETERS] = {
    [ENERGY] = {.name = "energy",
                .type = DAM_CHOICE,
                .choices = energies,
                .unit = "1",
                .doc = "energy function"},
    [POWER] = {.name = "n",
               .type = DAM_INTEGER,
               .standard.integer = 3,
               .low.integer = 1,
               .high.integer = 60,
               .unit = "1",
               .doc = "interaction vertex power"},
    [NEURONS] = {.name = "N",
                 .type = DAM_INTEGER,
                 .standard.integer = 100,
                 .low.integer = 1,
                 .high.integer = 32766,
                 .unit = "neurons",
                 .doc = "binary neurons"},
    [MEMORIES] = {.name = "K",
                  .type = DAM_INTEGER,
                  .required = true,
                  .low.integer = 1,
                  .high.integer = INT64_MAX,
                  .unit = "memories",
                  .doc = "stored memories"},
    [LOAD] = {.name = "load",
              .type = DAM_REAL,
              .role = DAM_DERIVED,
              .low.real = 0,
              .low_open = true,
              .high.real = DBL_MAX,
              .unit = "1",
              .doc = "K / N"},
    [START] = {.name = "start",
               .type = DAM_CHOICE,
               .choices = start_names,
               .unit = "1",
               .doc = "where retrieval starts"},
    [NOISE] = {.name = "noise",
               .type = DAM_REAL,
               .low.real = 0,
               .high.real = 1,
               .unit = "1",
               .doc = "share of spins flipped; no effect on random starts"},
    [STARTS] = {.name = "starts",
                .type = DAM_INTEGER,
                .role = DAM_BUDGET,
                .standard.integer = 10,
                .low.integer = 1,
                .high.integer = 1000000,
                .unit = "1",
                .doc = "starts of each pattern set"},
};

/* K = floor(load N + 0.5), an error below 1; noise without effect is 0. */
static enum dam_status capacity_resolve(union dam_value *values, const bool *given, size_t *blame,
                                        struct dam_error *error) {
    if (given[MEMORIES] == given[LOAD]) {
        *blame = MEMORIES;
        return dam_fail(error, DAM_INPUT, "give either K or load");
    }
    if (given[LOAD]) {
        double memories = floor(values[LOAD].real * (double)values[NEURONS].integer + 0.5);
        if (memories < 1 || memories > 1e15) {
            *blame = LOAD;
            return dam_fail(error, DAM_INPUT, "makes K = %.0f memories", memories);
        }
        values[MEMORIES].integer = (int64_t)memories;
    }
    values[LOAD].real = (double)values[MEMORIES].integer / (double)values[NEURONS].integer;
    if (values[START].integer == 0)
        values[NOISE].real = 0;
    return DAM_OK;
}

static const struct dam_schema capacity_schema = {
    .name = "capacity",
    .summary = "share of starts that end in a stored memory",
    .reference = "Krotov & Hopfield 2016",
    .version = 1,
    .parameters = capacity_parameters,
    .parameter_count = PARAMETERS,
    .resolve = capacity_resolve,
};

/* A kind without resolve(): required parameters are the study layer's to ask for. */
static const struct dam_parameter plain_parameters[] = {
    {.name = "x",
     .type = DAM_REAL,
     .required = true,
     .low.real = -DBL_MAX,
     .high.real = DBL_MAX,
     .unit = "1",
     .doc = "any number"},
    {.name = "m",
     .type = DAM_INTEGER,
     .low.integer = INT64_MIN,
     .high.integer = INT64_MAX,
     .unit = "1",
     .doc = "any integer"},
};
static const struct dam_schema plain_schema = {
    .name = "plain",
    .summary = "two parameters",
    .reference = "none",
    .version = 7,
    .parameters = plain_parameters,
    .parameter_count = 2,
};

static const struct dam_schema *const schemas[] = {&capacity_schema, &plain_schema};
enum { SCHEMA_COUNT = 2 };

#endif
