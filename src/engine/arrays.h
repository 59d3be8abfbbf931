/* Several arrays in one allocation. */
#ifndef DAM_ENGINE_ARRAYS_H
#define DAM_ENGINE_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>

/* Append an array of `count` elements of `size` bytes to an allocation of *bytes: *offset is where
 * it begins, a multiple of 64 like all lengths. False when the size overflows. */
static inline bool dam_arrays_append(size_t *bytes, size_t *offset, size_t count, size_t size) {
    size_t length;
    if (__builtin_mul_overflow(count, size, &length) ||
        __builtin_add_overflow(length, (size_t)63, &length))
        return false;
    *offset = *bytes;
    return !__builtin_add_overflow(*bytes, length / 64 * 64, bytes);
}

#endif
