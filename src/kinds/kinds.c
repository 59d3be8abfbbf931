#include "kinds/kinds.h"

static const struct dam_kind *const list[] = {
    &dam_kind_anatomy, &dam_kind_capacity, &dam_kind_classify, &dam_kind_threshold, &dam_kind_xor,
};

const struct dam_kinds dam_kinds = {list, sizeof list / sizeof *list};
