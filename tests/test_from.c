#include "run/from.h"

#include "run/checksum.h"
#include "scratch.h"
#include <hdf5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROWS = 2, REPLICAS = 3, LISTS = 2, ENTRIES = 4, PART = LISTS * ENTRIES };
enum { ROW = REPLICAS * PART };

static const char dataset_path[] = "/memories", file_name[] = "source.h5";

static float value_of(size_t row, size_t place) {
    return (float)(1000 * row + place);
}

static void write_file(void) {
    const hsize_t extent[] = {ROWS, REPLICAS, LISTS, ENTRIES};
    float values[ROWS * ROW];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        values[i] = value_of(i / ROW, i % ROW);
    hid_t file = H5Fcreate(file_name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(4, extent, NULL);
    hid_t dataset = H5Dcreate2(file, dataset_path, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT,
                               H5P_DEFAULT);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    assert_true(H5Dclose(dataset) >= 0 && H5Sclose(space) >= 0 && H5Fclose(file) >= 0);
}

/* Another value within one replica's part, in place. */
static void change(size_t row, size_t replica) {
    const hsize_t extent[] = {1, 1, 1, 1}, at[] = {row, replica, 1, 2};
    const float other = -1;
    hid_t file = H5Fopen(file_name, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t dataset = H5Dopen2(file, dataset_path, H5P_DEFAULT);
    hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(4, extent, NULL);
    assert_true(H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, extent, NULL) >= 0);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, &other) >= 0);
    assert_true(H5Sclose(memory) >= 0 && H5Sclose(space) >= 0 && H5Dclose(dataset) >= 0 &&
                H5Fclose(file) >= 0);
}

/* Of the row as it was written. */
static uint32_t checksum_of(size_t row) {
    float values[ROW];
    for (size_t i = 0; i < ROW; i++)
        values[i] = value_of(row, i);
    return dam_checksum(0, values, sizeof values);
}

static void take(struct dam_from *from, size_t row, uint32_t replica) {
    struct dam_result_floats floats;
    struct dam_error error = {0};
    if (dam_from_read(from, file_name, dataset_path, row, checksum_of(row), replica, &floats,
                      &error) != DAM_OK)
        fail_msg("%s", error.text);
    assert_int_equal(floats.rank, 3);
    assert_int_equal(floats.extent[0], REPLICAS);
    assert_int_equal(floats.extent[1], LISTS);
    assert_int_equal(floats.extent[2], ENTRIES);
    assert_int_equal(floats.count, PART); /* however many replicas there are */
    for (size_t i = 0; i < PART; i++)
        assert_true(floats.values[i] == value_of(row, replica * PART + i));
    free(floats.values);
}

static void refuse(struct dam_from *from, size_t row, uint32_t replica, const char *text) {
    struct dam_result_floats floats;
    struct dam_error error = {0};
    assert_int_equal(dam_from_read(from, file_name, dataset_path, row, checksum_of(row), replica,
                                   &floats, &error),
                     DAM_INPUT);
    if (strstr(error.text, text) == NULL)
        fail_msg("expected '%s', found '%s'", text, error.text);
    free(floats.values);
}

static void every_part_is_the_rows(void **state) {
    (void)state;
    struct dam_from from = {0};
    write_file();
    for (int again = 0; again < 2; again++)
        for (size_t row = 0; row < ROWS; row++)
            for (uint32_t replica = 0; replica < REPLICAS; replica++)
                take(&from, row, replica);
    refuse(&from, 0, REPLICAS, "source.h5: /memories: has no replica 3");
    refuse(&from, ROWS, 0, "source.h5: /memories: row 2: has fewer rows");
    take(&from, 1, 2);
    dam_from_destroy(&from);
}

/* The checksum that is known is of all of them: a row is read whole once. */
static void another_replica_makes_another_row(void **state) {
    (void)state;
    struct dam_from from = {0};
    write_file();
    change(1, 2);
    refuse(&from, 1, 0, "row 1 is not what it was when the study chose it");
    refuse(&from, 1, 0, "row 1 is not what it was when the study chose it");
    take(&from, 0, 0);
    dam_from_destroy(&from);
}

/* Then each part alone, which is still checked: what happens to others is not seen. */
static void a_checked_row_is_read_in_parts(void **state) {
    (void)state;
    struct dam_from from = {0};
    write_file();
    take(&from, 1, 0);
    change(1, 2);
    take(&from, 1, 0);
    take(&from, 1, 1);
    refuse(&from, 1, 2, "row 1 is not what it was when the study chose it");
    take(&from, 0, 2);
    refuse(&from, 1, 0, "row 1 is not what it was when the study chose it");
    dam_from_destroy(&from);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scratch_test(every_part_is_the_rows),
        scratch_test(another_replica_makes_another_row),
        scratch_test(a_checked_row_is_read_in_parts),
    };
    return cmocka_run_group_tests_name("from", tests, NULL, NULL);
}
