#include "run/result.h"
#include "run/result_handle.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The part of a dataset that is read: piece after piece, each of as much of its last dimensions as
 * it may hold. */
struct window {
    int rank;
    hsize_t first[DAM_RANK_MAX], end[DAM_RANK_MAX];
    hsize_t start[DAM_RANK_MAX], step[DAM_RANK_MAX]; /* of a piece */
    size_t elements;                                 /* of a piece, at most */
};

static struct window window_of(const struct dam_result_dataset *described) {
    struct window window = {.rank = described->rank};
    for (int d = 0; d < window.rank; d++)
        window.end[d] = described->extent[d];
    return window;
}

static void narrow(struct window *window, int dimension, uint64_t first, uint64_t count) {
    window->first[dimension] = first;
    window->end[dimension] = first + count;
}

static void begin(struct window *window, size_t element_size) {
    window->elements = 1;
    for (int d = window->rank - 1; d >= 0; d--) {
        hsize_t most = DAM_RESULT_PIECE / element_size / window->elements;
        hsize_t length = window->end[d] - window->first[d];
        window->start[d] = window->first[d];
        window->step[d] = most < 1 ? 1 : length < most ? length : most;
        window->elements *= window->step[d];
    }
}

/* Go on behind the piece; false at the end. */
static bool advance(struct window *window) {
    for (int d = window->rank - 1; d >= 0; d--) {
        window->start[d] += window->step[d];
        if (window->start[d] < window->end[d])
            return true;
        window->start[d] = window->first[d];
    }
    return false;
}

/* *count: of the elements read. */
static bool read_piece(hid_t dataset, hid_t type, hid_t space, const struct window *window,
                       void *bytes, hsize_t *count) {
    hsize_t size[DAM_RANK_MAX];
    *count = 1;
    for (int d = 0; d < window->rank; d++) {
        hsize_t left = window->end[d] - window->start[d];
        size[d] = left < window->step[d] ? left : window->step[d];
        *count *= size[d];
    }
    hid_t memory = H5Screate_simple(1, count, NULL);
    bool read = memory >= 0 &&
                (window->rank == 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, window->start,
                                                          NULL, size, NULL) >= 0) &&
                H5Dread(dataset, type, memory, space, H5P_DEFAULT, bytes) >= 0;
    if (memory >= 0)
        H5Sclose(memory);
    return read;
}

static enum dam_status visit_pieces(hid_t dataset, size_t element_size, struct window *window,
                                    dam_result_visit *visit, void *context) {
    begin(window, element_size);
    hid_t type = H5Dget_type(dataset);
    hid_t space = H5Dget_space(dataset);
    unsigned char *bytes = malloc(window->elements * element_size);
    enum dam_status status = bytes == NULL ? DAM_MEMORY : DAM_OK;
    bool more = true;
    while (status == DAM_OK && more) {
        hsize_t count;
        if (type < 0 || space < 0 || !read_piece(dataset, type, space, window, bytes, &count))
            status = DAM_DAMAGED;
        else
            visit(context, bytes, count * element_size);
        more = advance(window);
    }
    free(bytes);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return status;
}

/* Visit what a window, none of whose lengths is 0, shows of a dataset. */
static enum dam_status visit_window(const struct dam_result *result, const char *path,
                                    const struct dam_result_dataset *described,
                                    struct window window, dam_result_visit *visit, void *context,
                                    struct dam_error *error) {
    enum dam_status status = DAM_DAMAGED;
    hid_t dataset = H5Dopen(result->handle->file, path, H5P_DEFAULT);
    if (dataset >= 0) {
        status = visit_pieces(dataset, described->row_size, &window, visit, context);
        H5Dclose(dataset);
    }
    if (status == DAM_OK)
        return DAM_OK;
    if (status == DAM_MEMORY)
        return dam_fail(error, status, "%s: out of memory while reading", result->name);
    return dam_fail(error, status, "%s: %s: cannot be read", result->name, path);
}

enum dam_status dam_result_scan(const struct dam_result *result, const char *path, uint64_t first,
                                uint64_t count, dam_result_visit *visit, void *context,
                                struct dam_error *error) {
    struct dam_result_dataset *described;
    enum dam_status status = dam_result_describe(result, path, &described, error);
    if (status != DAM_OK)
        return status;
    const uint64_t indices = described->rank == 0 ? 1 : described->extent[0];
    struct window window = window_of(described);
    if (first > indices || count > indices - first) {
        status = dam_fail(error, DAM_DAMAGED, "%s: %s: has fewer rows", result->name, path);
    } else if (count > 0 && described->row_count > 0) {
        if (window.rank > 0)
            narrow(&window, 0, first, count);
        status = visit_window(result, path, described, window, visit, context, error);
    }
    dam_result_dataset_destroy(described);
    return status;
}

/* ---- one part of a row of floats ---- */

static enum dam_status check_floats(const struct dam_result_dataset *described, uint64_t row,
                                    uint64_t part, const char **complaint) {
    *complaint = "is not stored as dam stores 32-bit floats";
    if (described->compound || described->columns[0].type != DAM_STORED_REAL ||
        described->row_size != sizeof(float) || described->rank < 2)
        return DAM_DAMAGED;
    *complaint = "has fewer rows";
    if (row >= described->extent[0])
        return DAM_INPUT;
    *complaint = "has fewer parts";
    if (part >= described->extent[1])
        return DAM_INPUT;
    return DAM_OK;
}

static void append(void *context, const unsigned char *bytes, size_t size) {
    char **end = context;
    memcpy(*end, bytes, size);
    *end += size;
}

static enum dam_status read_floats(const struct dam_result *result, const char *path,
                                   const struct dam_result_dataset *described, uint64_t row,
                                   uint64_t part, struct dam_result_floats *floats,
                                   struct dam_error *error) {
    const char *complaint;
    enum dam_status status = check_floats(described, row, part, &complaint);
    if (status != DAM_OK)
        return dam_fail(error, status, "%s: %s: row %" PRIu64 ": %s", result->name, path, row,
                        complaint);
    floats->rank = described->rank - 1;
    floats->count = 1;
    for (int d = 1; d < described->rank; d++) {
        floats->extent[d - 1] = described->extent[d];
        floats->count *= d > 1 ? described->extent[d] : 1; /* of them all, it fits the file */
    }
    floats->values = malloc(floats->count > 0 ? floats->count * sizeof *floats->values : 1);
    if (floats->values == NULL)
        return dam_fail(error, DAM_MEMORY, "%s: out of memory while reading", result->name);
    if (floats->count == 0)
        return DAM_OK;
    struct window window = window_of(described);
    narrow(&window, 0, row, 1);
    narrow(&window, 1, part, 1);
    char *end = (char *)floats->values;
    return visit_window(result, path, described, window, append, &end, error);
}

enum dam_status dam_result_floats_part_read(const struct dam_result *result, const char *path,
                                            uint64_t row, uint64_t part,
                                            struct dam_result_floats *floats,
                                            struct dam_error *error) {
    struct dam_result_dataset *described;
    *floats = (struct dam_result_floats){0};
    enum dam_status status = dam_result_describe(result, path, &described, error);
    if (status == DAM_OK)
        status = read_floats(result, path, described, row, part, floats, error);
    if (status != DAM_OK) {
        free(floats->values);
        floats->values = NULL;
    }
    dam_result_dataset_destroy(described);
    return status;
}
