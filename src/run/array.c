#include "run/array.h"
#include "run/layout.h"
#include <assert.h>
#include <math.h>
#include <string.h>

int dam_array_rank(const struct dam_column *column) {
    int rank = 0;
    while (rank < DAM_DIMENSIONS_MAX && column->dimensions[rank] != NULL)
        rank++;
    return rank == 0 ? 1 : rank;
}

size_t dam_array_element_size(const struct dam_column *column) {
    return column->single ? sizeof(float) : sizeof(union dam_value);
}

size_t dam_array_size(const struct dam_column *column, const struct dam_extent *extent) {
    size_t size = dam_array_element_size(column);
    bool overflows = false;
    for (int d = 0; d < extent->rank; d++) {
        if (extent->sizes[d] == 0)
            return 0;
        overflows = __builtin_mul_overflow(size, extent->sizes[d], &size) || overflows;
    }
    return overflows ? SIZE_MAX : size;
}

struct dam_extent dam_array_least(const struct dam_column *column) {
    struct dam_extent least = {.rank = dam_array_rank(column)};
    for (int d = 0; !column->optional && d < least.rank; d++)
        least.sizes[d] = 1;
    return least;
}

void dam_array_widen(struct dam_extent *extent, const struct dam_extent *other) {
    assert(extent->rank == other->rank);
    for (int d = 0; d < extent->rank; d++)
        if (other->sizes[d] > extent->sizes[d])
            extent->sizes[d] = other->sizes[d];
}

struct dam_extent dam_array_widest(const struct dam_kind *kind, size_t c,
                                   const struct dam_study *study, size_t first, size_t count) {
    struct dam_extent widest = dam_array_least(&kind->columns[c]);
    for (size_t i = first; i < first + count; i++) {
        struct dam_cell cell;
        dam_study_cell(study, i, &cell);
        struct dam_extent extent = kind->extent(&cell, c);
        dam_array_widen(&widest, &extent);
    }
    return widest;
}

/* ---- rows: runs of elements along the last dimension ---- */

/* The sizes of three dimensions, the first ones 1 where there are fewer. */
struct box {
    size_t sizes[DAM_DIMENSIONS_MAX];
};

static struct box box_of(const struct dam_extent *extent) {
    struct box box = {{1, 1, 1}};
    for (int d = 0; d < extent->rank; d++)
        box.sizes[DAM_DIMENSIONS_MAX - extent->rank + d] = extent->sizes[d];
    return box;
}

static bool has_row(const struct box *box, size_t i, size_t j) {
    return i < box->sizes[0] && j < box->sizes[1];
}

static size_t row_at(const struct box *box, size_t i, size_t j) {
    return (i * box->sizes[1] + j) * box->sizes[2];
}

static float canonical_single(float x) {
    const uint32_t bits = UINT32_C(0x7fc00000);
    float nan;
    memcpy(&nan, &bits, sizeof nan);
    return isnan(x) ? nan : x;
}

static void pad(const struct dam_column *column, void *row, size_t begin, size_t end) {
    if (column->type == DAM_INTEGER)
        memset((int64_t *)row + begin, 0, (end - begin) * sizeof(int64_t));
    for (size_t e = begin; column->type == DAM_REAL && e < end; e++)
        if (column->single)
            ((float *)row)[e] = canonical_single(NAN);
        else
            ((double *)row)[e] = dam_canonical(NAN);
}

static void make_canonical(const struct dam_column *column, void *row, size_t end) {
    for (size_t e = 0; column->type == DAM_REAL && e < end; e++)
        if (column->single)
            ((float *)row)[e] = canonical_single(((float *)row)[e]);
        else
            ((double *)row)[e] = dam_canonical(((double *)row)[e]);
}

void dam_array_place(const struct dam_column *column, void *to, const struct dam_extent *to_extent,
                     const void *from, const struct dam_extent *from_extent) {
    const struct box large = box_of(to_extent), small = box_of(from_extent);
    size_t size = dam_array_element_size(column), length = large.sizes[2];
    for (size_t i = 0; i < large.sizes[0]; i++)
        for (size_t j = 0; j < large.sizes[1]; j++) {
            char *row = (char *)to + row_at(&large, i, j) * size;
            size_t own = has_row(&small, i, j) ? small.sizes[2] : 0;
            if (own > 0)
                memcpy(row, (const char *)from + row_at(&small, i, j) * size, own * size);
            make_canonical(column, row, own);
            pad(column, row, own, length);
        }
}

/* Elements begin .. of a row are padding. */
static bool is_padding(const struct dam_column *column, const char *row, size_t begin, size_t end) {
    union dam_value padding;
    size_t size = dam_array_element_size(column);
    pad(column, &padding, 0, 1);
    for (size_t e = begin; e < end; e++)
        if (memcmp(row + e * size, &padding, size) != 0)
            return false;
    return true;
}

bool dam_array_same(const struct dam_column *column, const void *one,
                    const struct dam_extent *one_extent, const void *other,
                    const struct dam_extent *other_extent) {
    struct dam_extent all = *one_extent;
    dam_array_widen(&all, other_extent);
    const struct box box = box_of(&all), left = box_of(one_extent), right = box_of(other_extent);
    size_t size = dam_array_element_size(column);
    bool same = true;
    for (size_t i = 0; same && i < box.sizes[0]; i++)
        for (size_t j = 0; same && j < box.sizes[1]; j++) {
            size_t a = has_row(&left, i, j) ? left.sizes[2] : 0,
                   b = has_row(&right, i, j) ? right.sizes[2] : 0, both = a < b ? a : b;
            const char *row = a > 0 ? (const char *)one + row_at(&left, i, j) * size : NULL;
            const char *match = b > 0 ? (const char *)other + row_at(&right, i, j) * size : NULL;
            same = (both == 0 || memcmp(row, match, both * size) == 0) &&
                   is_padding(column, row, both, a) && is_padding(column, match, both, b);
        }
    return same;
}
