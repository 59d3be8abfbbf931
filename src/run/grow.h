/* Lists that grow by one. */
#ifndef DAM_RUN_GROW_H
#define DAM_RUN_GROW_H

#include <stdlib.h>

/* Room for one more behind the `count` elements of a list that has room for *capacity, of `size`
 * bytes each: the list, longer where it was full. NULL where there is no memory for that; the list
 * is then as it was. A list is the caller's, to be freed with free; NULL is one without room. */
static inline void *dam_grow(void *list, size_t count, size_t *capacity, size_t size) {
    size_t more;
    if (count < *capacity)
        return list;
    if (__builtin_mul_overflow(*capacity, (size_t)2, &more) ||
        __builtin_add_overflow(more, (size_t)16, &more))
        return NULL;
    void *grown = reallocarray(list, more, size);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

#endif
