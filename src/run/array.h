/* Array columns: a cell's elements, and their place in the dataset of all cells, whose sizes are
 * the largest of all. */
#ifndef DAM_RUN_ARRAY_H
#define DAM_RUN_ARRAY_H

#include "kinds/kind.h"
#include "study/study.h"

/* Dimensions behind the cell. */
int dam_array_rank(const struct dam_column *column);

/* Bytes of an element: 4 or 8. */
size_t dam_array_element_size(const struct dam_column *column);

/* Bytes of an array of this extent; SIZE_MAX where that overflows. */
size_t dam_array_size(const struct dam_column *column, const struct dam_extent *extent);

/* What the dataset has at least, whatever its cells have. */
struct dam_extent dam_array_least(const struct dam_column *column);

/* Grow to the larger of both in each dimension. */
void dam_array_widen(struct dam_extent *extent, const struct dam_extent *other);

/* The extent that column `c` needs for the cells first .. first + count - 1. */
struct dam_extent dam_array_widest(const struct dam_kind *kind, size_t c,
                                   const struct dam_study *study, size_t first, size_t count);

/* Put the elements of one cell into a larger array: padding, 0 or NaN, fills what they do not
 * reach. NaNs get one bit pattern. */
void dam_array_place(const struct dam_column *column, void *to, const struct dam_extent *to_extent,
                     const void *from, const struct dam_extent *from_extent);

/* Are two cells' elements equal where both have them, and padding beyond? */
bool dam_array_same(const struct dam_column *column, const void *one,
                    const struct dam_extent *one_extent, const void *other,
                    const struct dam_extent *other_extent);

#endif
