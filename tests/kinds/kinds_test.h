/* Kinds without science, for what experiments do to the program. */
#ifndef DAM_TESTS_KINDS_TEST_H
#define DAM_TESTS_KINDS_TEST_H

#include "kinds/kinds.h"

/* The version of their schemas: another program is built with another. */
#ifndef DAM_TEST_SCHEMA
#define DAM_TEST_SCHEMA 1
#endif

/* The axis that all of them have. */
#define DAM_TEST_PARAMETER_SPOT                                                                    \
    {                                                                                              \
        .name = "spot", .type = DAM_INTEGER, .low.integer = 0, .high.integer = 1000000,            \
        .unit = "1", .doc = "an axis"                                                              \
    }

extern const struct dam_kind dam_test_kind_product;
extern const struct dam_kind dam_test_kind_relay;
extern const struct dam_kind dam_test_kind_march;
extern const struct dam_kind dam_test_kind_crash;
extern const struct dam_kind dam_test_kind_fail;
extern const struct dam_kind dam_test_kind_spin;

/* Keep a core busy for this long, asking the task's poll now and then. */
enum dam_status dam_test_spin(const struct dam_task *task, double seconds,
                              struct dam_error *error) DAM_CHECKED;

/* What every one of them has, from what its file declares by these names. */
#define DAM_TEST_KIND(kind_name, kind_summary)                                                     \
    .schema = {.name = kind_name,                                                                  \
               .summary = kind_summary,                                                            \
               .reference = "none",                                                                \
               .version = DAM_TEST_SCHEMA,                                                         \
               .parameters = parameters,                                                           \
               .parameter_count = sizeof parameters / sizeof *parameters},                         \
    .columns = columns, .column_count = sizeof columns / sizeof *columns, .cost = cost,            \
    .record_size = record_size, .run = run, .reduce = reduce

#endif
