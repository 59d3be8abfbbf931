/* Comparing numbers, for orders made of several. */
#ifndef DAM_RUN_COMPARE_H
#define DAM_RUN_COMPARE_H

#include <stdint.h>

/* Negative, 0 or positive. */
static inline int dam_compare(uint64_t left, uint64_t right) {
    return (left > right) - (left < right);
}

#endif
