/* What the kinds of the tests of dealing, planning and simulating have in common: kinds that exist
 * for their costs and rounds. */
#ifndef DAM_TESTS_COSTS_H
#define DAM_TESTS_COSTS_H

#include "kinds/kind.h"

enum { SECONDS, FACTOR, ROUNDS, STARTS };

static const struct dam_parameter parameters[] = {
    [SECONDS] = {.name = "seconds",
                 .type = DAM_REAL,
                 .required = true,
                 .low.real = 1e-6,
                 .high.real = 1e6,
                 .unit = "s",
                 .doc = "predicted time of a start"},
    [FACTOR] = {.name = "factor",
                .type = DAM_REAL,
                .standard.real = 1,
                .low.real = 1e-3,
                .high.real = 1e3,
                .unit = "1",
                .doc = "how much longer it takes, where it runs"},
    [ROUNDS] = {.name = "rounds",
                .type = DAM_INTEGER,
                .standard.integer = 1,
                .low.integer = 0,
                .high.integer = 100,
                .unit = "1",
                .doc = "rounds, where the kind has them"},
    [STARTS] = {.name = "starts",
                .type = DAM_INTEGER,
                .role = DAM_BUDGET,
                .standard.integer = 1,
                .low.integer = 1,
                .high.integer = 1000000,
                .unit = "1",
                .doc = "starts of a replica"},
};

#define COSTS_SCHEMA(called)                                                                       \
    {                                                                                              \
        .name = called, .summary = "nothing", .reference = "none", .version = 1,                   \
        .parameters = parameters, .parameter_count = sizeof parameters / sizeof *parameters        \
    }

static void cost(const struct dam_cell *cell, struct dam_cost *cost) {
    *cost = (struct dam_cost){.start_seconds = cell->values[SECONDS].real, .bytes = 8};
}

static uint64_t starts_of(const struct dam_cell *cell) {
    return (uint64_t)cell->values[STARTS].integer;
}

#endif
