/* The table of kinds: the line to add when a kind is added, here and in kinds.c. */
#ifndef DAM_KINDS_KINDS_H
#define DAM_KINDS_KINDS_H

#include "kinds/kind.h"

extern const struct dam_kind dam_kind_anatomy;
extern const struct dam_kind dam_kind_capacity;
extern const struct dam_kind dam_kind_classify;
extern const struct dam_kind dam_kind_threshold;
extern const struct dam_kind dam_kind_xor;

#endif
