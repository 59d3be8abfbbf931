/* The kinds of the tests' own program. */
#include "kinds_test.h"

static const struct dam_kind *const list[] = {
    &dam_kind_capacity,  &dam_test_kind_relay, &dam_test_kind_march,   &dam_test_kind_crash,
    &dam_test_kind_fail, &dam_test_kind_spin,  &dam_test_kind_product,
};

const struct dam_kinds dam_kinds = {list, sizeof list / sizeof *list};
