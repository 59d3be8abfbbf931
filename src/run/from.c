#include "run/from.h"
#include "run/checksum.h"
#include <inttypes.h>
#include <stdlib.h>

/* Of a row in an open file. */
struct place {
    const struct dam_result *result;
    const char *dataset;
    uint64_t row;
};

void dam_from_destroy(struct dam_from *from) {
    free(from->parts);
    *from = (struct dam_from){0};
}

static enum dam_status has_changed(const struct place *place, struct dam_error *error) {
    return dam_fail(error, DAM_INPUT,
                    "%s: %s: row %" PRIu64 " is not what it was when the study chose it; "
                    "start the study again",
                    place->result->name, place->dataset, place->row);
}

static uint32_t checksum_of(uint32_t before, const struct dam_result_floats *floats) {
    return dam_checksum(before, floats->values, floats->count * sizeof *floats->values);
}

static enum dam_status read_part(const struct place *place, uint64_t part,
                                 struct dam_result_floats *floats, struct dam_error *error) {
    return dam_result_floats_part_read(place->result, place->dataset, place->row, part, floats,
                                       error);
}

/* Read every part once: *whole is the row's checksum. */
static enum dam_status sum_parts(struct dam_from *from, const struct place *place, uint32_t *whole,
                                 struct dam_error *error) {
    enum dam_status status = DAM_OK;
    *whole = 0;
    for (uint64_t part = 0; status == DAM_OK && (part == 0 || part < from->count); part++) {
        struct dam_result_floats floats;
        status = read_part(place, part, &floats, error);
        if (status == DAM_OK && part == 0) {
            from->count = (size_t)floats.extent[0];
            from->parts = calloc(from->count, sizeof *from->parts);
            if (from->parts == NULL)
                status = dam_fail(error, DAM_MEMORY, "no memory for %zu checksums", from->count);
        }
        if (status == DAM_OK) {
            from->parts[part] = checksum_of(0, &floats);
            *whole = checksum_of(*whole, &floats);
        }
        free(floats.values);
    }
    return status;
}

static enum dam_status check_row(struct dam_from *from, const struct place *place,
                                 uint32_t checksum, struct dam_error *error) {
    if (from->count > 0 && from->row == place->row && from->checksum == checksum)
        return DAM_OK;
    uint32_t whole;
    dam_from_destroy(from);
    enum dam_status status = sum_parts(from, place, &whole, error);
    if (status == DAM_OK && whole != checksum)
        status = has_changed(place, error);
    if (status != DAM_OK) {
        dam_from_destroy(from);
        return status;
    }
    from->row = place->row;
    from->checksum = checksum;
    return DAM_OK;
}

static enum dam_status read_checked(struct dam_from *from, const struct place *place,
                                    uint32_t checksum, uint32_t replica,
                                    struct dam_result_floats *floats, struct dam_error *error) {
    enum dam_status status = check_row(from, place, checksum, error);
    if (status == DAM_OK && replica >= from->count)
        return dam_fail(error, DAM_INPUT, "%s: %s: has no replica %" PRIu32, place->result->name,
                        place->dataset, replica);
    if (status == DAM_OK)
        status = read_part(place, replica, floats, error);
    if (status == DAM_OK && checksum_of(0, floats) != from->parts[replica])
        status = has_changed(place, error);
    return status;
}

enum dam_status dam_from_read(struct dam_from *from, const char *name, const char *dataset,
                              uint64_t row, uint32_t checksum, uint32_t replica,
                              struct dam_result_floats *floats, struct dam_error *error) {
    struct dam_result *result;
    *floats = (struct dam_result_floats){0};
    enum dam_status status = dam_result_open(&result, name, error);
    if (status != DAM_OK)
        return status;
    const struct place place = {result, dataset, row};
    status = read_checked(from, &place, checksum, replica, floats, error);
    dam_result_close(result);
    return status;
}
