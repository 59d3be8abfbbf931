/* Result files written here with plain HDF5 calls, read back and verified; and what is damaged,
 * foreign or hostile, which must be refused with one line and never crash. */
#include "run/result_study.h"
#include "run/verify.h"
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A kind with a column of every sort. */

static const char *const energies[] = {"power", "rectified", NULL};
static const struct dam_parameter probe_parameters[] = {
    {.name = "energy", .type = DAM_CHOICE, .choices = energies, .unit = "1", .doc = "energy"},
    {.name = "N", .type = DAM_INTEGER, .high.integer = 99, .unit = "neurons", .doc = "neurons"},
    {.name = "load", .type = DAM_REAL, .role = DAM_DERIVED, .unit = "1", .doc = "load"},
    {.name = "starts", .type = DAM_INTEGER, .role = DAM_BUDGET, .unit = "1", .doc = "starts"},
};
static const struct dam_column probe_columns[] = {
    {.name = "count", .type = DAM_INTEGER, .unit = "starts", .doc = "count"},
    {.name = "histogram", .type = DAM_INTEGER, .shape = DAM_ARRAY, .unit = "1", .doc = "bins"},
    {.name = "share", .type = DAM_REAL, .unit = "1", .doc = "share"},
    {.name = "memories",
     .type = DAM_REAL,
     .shape = DAM_ARRAY,
     .unit = "1",
     .doc = "memories",
     .dimensions = {"replica", "memory", "entry"},
     .single = true,
     .optional = true},
};
static const struct dam_kind probe = {
    .schema = {.name = "probe", .version = 7, .parameters = probe_parameters, .parameter_count = 4},
    .columns = probe_columns,
    .column_count = 4,
};
static const struct dam_kind *const probe_list[] = {&probe};
static const struct dam_kinds kinds = {probe_list, 1};

enum { ROWS = 3, BINS = 5 };
struct __attribute__((packed)) row {
    char energy[9]; /* "rectified" fills it to the last byte */
    int64_t neurons;
    double load;
    int64_t count;
    double share;
    char status[8];
};
static const struct row rows[ROWS] = {
    {"rectified", 50, 0.1, INT64_MIN, 1.0 / 3, "complete"},
    {"power", 51, 2.5, -1, NAN, "partial"},
    {"power", 52, -0.0, INT64_MAX, 5e-324, "failed"},
};
static const int64_t bins[ROWS][BINS] = {{1, 2, 3, 4, 5}, {-6, 7, 8, 9, 10}, {0, 0, 0, 0, 11}};

/* Writing. */

/* CRC-32C bit by bit: reflected polynomial 0x82f63b78. */
static uint32_t checksum_of(const void *data, size_t size) {
    const unsigned char *bytes = data;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static hid_t text_type(size_t size) {
    hid_t type = H5Tcopy(H5T_C_S1);
    assert_true(H5Tset_size(type, size) >= 0);
    assert_true(H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0);
    return type;
}

static void put_attribute(hid_t object, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, value) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
}

static void put_text_attribute(hid_t object, const char *name, const char *text) {
    hid_t type = text_type(strlen(text));
    put_attribute(object, name, type, text);
    H5Tclose(type);
}

static void put_checksum(hid_t dataset, uint32_t checksum) {
    if (H5Aexists(dataset, "crc32c") > 0)
        assert_true(H5Adelete(dataset, "crc32c") >= 0);
    put_attribute(dataset, "crc32c", H5T_STD_U32LE, &checksum);
}

/* A dataset as dam writes it; the caller closes it. rank 0: a scalar. */
static hid_t put(hid_t file, const char *path, hid_t type, int rank, const hsize_t *extent,
                 const void *data) {
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, extent, NULL);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    assert_true(H5Pset_create_intermediate_group(links, 1) >= 0);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_attr_phase_change(creation, 1000, 0) >= 0);
    hid_t dataset = H5Dcreate(file, path, type, space, links, creation, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Pclose(creation);
    size_t count = (size_t)H5Sget_simple_extent_npoints(space);
    if (count > 0)
        assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    put_checksum(dataset, checksum_of(data, count * H5Tget_size(type)));
    put_text_attribute(dataset, "unit", "1");
    put_text_attribute(dataset, "doc", path);
    H5Pclose(links);
    H5Sclose(space);
    return dataset;
}

static void put_text(hid_t file, const char *path, const char *text) {
    hid_t type = text_type(strlen(text));
    H5Dclose(put(file, path, type, 0, NULL, text));
    H5Tclose(type);
}

static void insert_text(hid_t type, const char *name, size_t offset, size_t size) {
    hid_t text = text_type(size);
    assert_true(H5Tinsert(type, name, offset, text) >= 0);
    H5Tclose(text);
}

static hid_t row_type(void) {
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct row));
    insert_text(type, "energy", offsetof(struct row, energy), sizeof rows[0].energy);
    H5Tinsert(type, "N", offsetof(struct row, neurons), H5T_STD_I64LE);
    H5Tinsert(type, "load", offsetof(struct row, load), H5T_IEEE_F64LE);
    H5Tinsert(type, "count", offsetof(struct row, count), H5T_STD_I64LE);
    H5Tinsert(type, "share", offsetof(struct row, share), H5T_IEEE_F64LE);
    insert_text(type, "status", offsetof(struct row, status), sizeof rows[0].status);
    return type;
}

static void put_column_notes(hid_t results) {
    static const char *const attributes[][4] = {
        {"energy", "1", "the energy", "parameter"}, {"N", "neurons", "neurons", "parameter"},
        {"load", "1", "the load", "parameter"},     {"count", "starts", "counted", "result"},
        {"share", "1", "the share", "result"},      {"status", "1", "how whole", "status"},
    };
    for (size_t c = 0; c < 6; c++) {
        static const char *const what[] = {"", ".unit", ".doc", ".role"};
        for (size_t a = 1; a < 4; a++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", attributes[c][0], what[a]);
            put_text_attribute(results, name, attributes[c][a]);
        }
    }
}

static void put_results(hid_t file) {
    hid_t type = row_type();
    const hsize_t extent = ROWS;
    hid_t results = put(file, "/results", type, 1, &extent, rows);
    put_column_notes(results);
    H5Dclose(results);
    H5Tclose(type);
}

static void put_failures(hid_t file) {
    static const char *const names[] = {"cell", "round"};
    hid_t type = H5Tcreate(H5T_COMPOUND, 16);
    for (size_t c = 0; c < 2; c++)
        H5Tinsert(type, names[c], 8 * c, H5T_STD_I64LE);
    const hsize_t none = 0;
    hid_t failures = put(file, "/failures", type, 1, &none, "");
    for (size_t c = 0; c < 2; c++) {
        char name[32];
        snprintf(name, sizeof name, "%s.unit", names[c]);
        put_text_attribute(failures, name, "1");
        snprintf(name, sizeof name, "%s.doc", names[c]);
        put_text_attribute(failures, name, names[c]);
    }
    H5Dclose(failures);
    H5Tclose(type);
}

static void put_study(hid_t file) {
    const uint64_t seed = UINT64_MAX;
    const uint32_t version = 7;
    put_text(file, "/study/kind", "probe");
    put_text(file, "/study/text", "kind: probe\nN: [50, 51, 52]\n");
    put_text(file, "/study/resolved", "kind: probe\nseed: 1\n");
    H5Dclose(put(file, "/study/seed", H5T_STD_U64LE, 0, NULL, &seed));
    H5Dclose(put(file, "/study/schema_version", H5T_STD_U32LE, 0, NULL, &version));
}

static void put_histogram(hid_t file) {
    const hsize_t extent[] = {ROWS, BINS};
    H5Dclose(put(file, "/histogram", H5T_STD_I64LE, 2, extent, bins));
}

/* HDF5 leaks when it meets damaged structures; LeakSanitizer asks for this function. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libhdf5";
}

/* Every file of a test lies in a folder of its own. */
static char folder[] = "/tmp/dam-test-result-XXXXXX";
static char path[sizeof folder + 16];

/* In the format of 1.10, whose structures carry checksums, with all attributes in their object's
 * header: in what else there is, HDF5 1.10.8 reads past its buffers when it is damaged. */
static void write_file(void) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    assert_true(H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    assert_true(file >= 0);
    put_results(file);
    put_histogram(file);
    put_failures(file);
    put_study(file);
    H5Fclose(file);
}

static hid_t reopen(void) {
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

/* Verifying. */

struct said {
    size_t lines;
    char text[8192]; /* the lines, one after another */
};

static void note(void *context, const char *line) {
    struct said *said = context;
    said->lines++;
    size_t used = strlen(said->text);
    snprintf(said->text + used, sizeof said->text - used, "%s\n", line);
}

/* Verify the file; what is wrong with it goes to *said, a refusal to open it too. */
static enum dam_status verify(struct said *said) {
    *said = (struct said){0};
    struct dam_verification verification;
    struct dam_error error;
    enum dam_status status = dam_verify(path, &kinds, note, said, &verification, &error);
    if (status != DAM_OK && error.text[0] != '\0')
        note(said, error.text);
    return status;
}

static void assert_only_complaint(const char *expected) {
    struct said said;
    assert_int_equal(verify(&said), DAM_DAMAGED);
    if (said.lines != 1 || !strstr(said.text, expected))
        fail_msg("expected one line with '%s', got:\n%s", expected, said.text);
}

/* Reading back. */

static void reads_back_every_type(void **state) {
    (void)state;
    write_file();
    struct dam_result *result;
    struct dam_result_dataset *results;
    assert_int_equal(dam_result_open(&result, path, NULL), DAM_OK);
    assert_int_equal(dam_result_read(result, "/results", &results, NULL), DAM_OK);
    assert_int_equal(results->row_count, ROWS);
    assert_int_equal(results->column_count, 6);
    assert_string_equal(dam_result_find(results, "N")->unit, "neurons");
    assert_string_equal(dam_result_find(results, "count")->doc, "counted");
    assert_string_equal(dam_result_find(results, "load")->role, "parameter");
    assert_null(dam_result_find(results, "nothing"));
    for (size_t r = 0; r < ROWS; r++) {
        assert_true(dam_result_text_is(results, r, dam_result_find(results, "energy"),
                                       r == 0 ? "rectified" : "power"));
        assert_int_equal(dam_result_integer(results, r, dam_result_find(results, "N")), 50 + r);
        assert_int_equal(dam_result_integer(results, r, dam_result_find(results, "count")),
                         rows[r].count);
        double load = dam_result_real(results, r, dam_result_find(results, "load"));
        double share = dam_result_real(results, r, dam_result_find(results, "share"));
        assert_memory_equal(&load, (const char *)&rows[r] + offsetof(struct row, load), 8);
        assert_memory_equal(&share, (const char *)&rows[r] + offsetof(struct row, share), 8);
    }
    assert_false(dam_result_text_is(results, 1, dam_result_find(results, "energy"), "powe"));
    assert_false(dam_result_text_is(results, 1, dam_result_find(results, "energy"), "powers"));
    dam_result_dataset_destroy(results);

    struct dam_result_dataset *histogram;
    assert_int_equal(dam_result_read(result, "/histogram", &histogram, NULL), DAM_OK);
    assert_int_equal(histogram->rank, 2);
    assert_int_equal(histogram->extent[1], BINS);
    assert_int_equal(dam_result_integer(histogram, BINS, &histogram->columns[0]), -6);
    dam_result_dataset_destroy(histogram);
    dam_result_close(result);
}

static void reads_back_the_study(void **state) {
    (void)state;
    write_file();
    struct dam_result *result;
    struct dam_result_study study;
    assert_int_equal(dam_result_open(&result, path, NULL), DAM_OK);
    assert_int_equal(dam_result_study_read(result, &study, NULL), DAM_OK);
    assert_string_equal(study.kind, "probe");
    assert_string_equal(study.text, "kind: probe\nN: [50, 51, 52]\n");
    assert_string_equal(study.resolved, "kind: probe\nseed: 1\n");
    assert_true(study.seed == UINT64_MAX);
    assert_int_equal(study.version, 7);
    dam_result_study_destroy(&study);
    dam_result_close(result);
}

/* Verifying whole, changed and damaged files. */

static void finds_a_whole_file_whole(void **state) {
    (void)state;
    write_file();
    struct said said = {0};
    struct dam_verification verification;
    assert_int_equal(dam_verify(path, &kinds, note, &said, &verification, NULL), DAM_OK);
    assert_int_equal(said.lines, 0);
    assert_int_equal(verification.datasets, 8);
    assert_true(verification.kind_compared);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(verification.bytes, file.st_size);
}

static void does_not_compare_an_unknown_kind(void **state) {
    (void)state;
    write_file();
    const struct dam_kinds none = {NULL, 0};
    struct said said = {0};
    struct dam_verification verification;
    assert_int_equal(dam_verify(path, &none, note, &said, &verification, NULL), DAM_OK);
    assert_false(verification.kind_compared);
}

static void flip(long offset, unsigned char mask) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_true(fputc(byte ^ mask, file) != EOF);
    assert_int_equal(fclose(file), 0);
}

static void names_the_dataset_with_a_flipped_byte(void **state) {
    (void)state;
    static const char *const datasets[] = {
        "/results",    "/histogram",      "/study/kind",          "/study/text",
        "/study/seed", "/study/resolved", "/study/schema_version"};
    for (size_t d = 0; d < sizeof datasets / sizeof datasets[0]; d++) {
        write_file();
        hid_t file = reopen();
        hid_t dataset = H5Dopen(file, datasets[d], H5P_DEFAULT);
        haddr_t offset = H5Dget_offset(dataset);
        H5Dclose(dataset);
        H5Fclose(file);
        assert_true(offset != HADDR_UNDEF);
        flip((long)offset + 1, 0x10);
        struct said said;
        char expected[64];
        snprintf(expected, sizeof expected, "%s: damaged: its bytes have", datasets[d]);
        assert_int_equal(verify(&said), DAM_DAMAGED);
        assert_int_equal(said.lines, 1);
        assert_non_null(strstr(said.text, expected));
    }
}

static void asks_for_checksum_unit_and_doc(void **state) {
    (void)state;
    static const char *const missing[][3] = {
        {"/histogram", "crc32c", "/histogram: has no crc32c"},
        {"/study/seed", "unit", "/study/seed: has no unit"},
        {"/failures", "doc", "/failures: has no doc"},
        {"/results", "share.unit", "/results: column share has no unit"},
        {"/results", "N.doc", "/results: column N has no doc"},
        {"/results", "N.role", "/results: column N has the role ''"},
    };
    for (size_t m = 0; m < sizeof missing / sizeof missing[0]; m++) {
        write_file();
        hid_t file = reopen();
        assert_true(H5Adelete_by_name(file, missing[m][0], missing[m][1], H5P_DEFAULT) >= 0);
        H5Fclose(file);
        assert_only_complaint(missing[m][2]);
    }
}

static void asks_for_every_dataset(void **state) {
    (void)state;
    static const char *const datasets[] = {"/results", "/histogram", "/failures", "/study/kind",
                                           "/study/resolved"};
    for (size_t d = 0; d < sizeof datasets / sizeof datasets[0]; d++) {
        write_file();
        hid_t file = reopen();
        assert_true(H5Ldelete(file, datasets[d], H5P_DEFAULT) >= 0);
        H5Fclose(file);
        char expected[64];
        snprintf(expected, sizeof expected, "%s: no such dataset", datasets[d]);
        assert_only_complaint(expected);
    }
}

/* Make the file one of `count` seeds whose rows have a column of them. */
static void write_seeds(const uint64_t *seeds, hsize_t count, const int64_t *of_rows) {
    struct __attribute__((packed)) {
        int64_t seed;
        struct row row;
    } table[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        table[r].seed = of_rows[r];
        table[r].row = rows[r];
    }
    write_file();
    hid_t file = reopen();
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof *table);
    hid_t inner = row_type();
    H5Tinsert(type, "seed", 0, H5T_STD_I64LE);
    for (unsigned c = 0; c < 6; c++) {
        char *name = H5Tget_member_name(inner, c);
        hid_t member = H5Tget_member_type(inner, c);
        H5Tinsert(type, name, sizeof(int64_t) + H5Tget_member_offset(inner, c), member);
        H5Tclose(member);
        H5free_memory(name);
    }
    H5Tclose(inner);
    assert_true(H5Ldelete(file, "/results", H5P_DEFAULT) >= 0);
    assert_true(H5Ldelete(file, "/study/seed", H5P_DEFAULT) >= 0);
    const hsize_t extent = ROWS;
    hid_t results = put(file, "/results", type, 1, &extent, table);
    put_column_notes(results);
    put_text_attribute(results, "seed.unit", "1");
    put_text_attribute(results, "seed.doc", "the seed");
    put_text_attribute(results, "seed.role", "parameter");
    H5Dclose(results);
    H5Tclose(type);
    H5Dclose(put(file, "/study/seed", H5T_STD_U64LE, 1, &count, seeds));
    H5Fclose(file);
}

static void knows_files_of_several_seeds(void **state) {
    (void)state;
    const int64_t of_rows[ROWS] = {9, 2, 9};
    struct said said;
    write_seeds((const uint64_t[]){2, 5, 9}, 3, of_rows);
    assert_int_equal(verify(&said), DAM_OK);
    struct dam_result *result;
    struct dam_result_study study;
    assert_int_equal(dam_result_open(&result, path, NULL), DAM_OK);
    assert_int_equal(dam_result_study_read(result, &study, NULL), DAM_OK);
    assert_int_equal(study.seed_count, 3);
    assert_memory_equal(study.seeds, ((const uint64_t[]){2, 5, 9}), sizeof(uint64_t[3]));
    dam_result_study_destroy(&study);
    dam_result_close(result);

    write_seeds((const uint64_t[]){2, 5, 8}, 3, of_rows);
    assert_only_complaint("/results: the seed of row 1 is none of /study/seed");
    const char *const no_seeds = "/study/seed: is neither a number nor several, ascending";
    write_seeds((const uint64_t[]){9, 2}, 2, of_rows);
    assert_only_complaint(no_seeds);
    write_seeds((const uint64_t[]){2, 2, 9}, 3, of_rows);
    assert_only_complaint(no_seeds);
    write_seeds((const uint64_t[]){0}, 0, of_rows);
    assert_only_complaint(no_seeds);
    /* Of one seed no column tells, of several one must. */
    write_seeds((const uint64_t[]){9}, 1, of_rows);
    assert_int_equal(verify(&said), DAM_DAMAGED);
    assert_non_null(strstr(said.text, "column 1 is seed and should be energy"));
}

/* Replace /results by a table of the columns given, of which `integer` is one of integers. */
static void replace_results(const char *const *names, size_t count, const char *integer) {
    write_file();
    hid_t file = reopen();
    assert_true(H5Ldelete(file, "/results", H5P_DEFAULT) >= 0);
    hid_t type = H5Tcreate(H5T_COMPOUND, 8 * count);
    for (size_t c = 0; c < count; c++) {
        if (strcmp(names[c], "energy") == 0 || strcmp(names[c], "status") == 0)
            insert_text(type, names[c], 8 * c, 8);
        else if (strcmp(names[c], integer) != 0 &&
                 (strcmp(names[c], "load") == 0 || strcmp(names[c], "share") == 0))
            H5Tinsert(type, names[c], 8 * c, H5T_IEEE_F64LE);
        else
            H5Tinsert(type, names[c], 8 * c, H5T_STD_I64LE);
    }
    char data[3 * 8 * 16];
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < count; c++)
            memcpy(data + 8 * (count * r + c), "complete", 8);
    const hsize_t extent = ROWS;
    hid_t results = put(file, "/results", type, 1, &extent, data);
    for (size_t c = 0; c < count; c++) {
        char name[64];
        snprintf(name, sizeof name, "%s.unit", names[c]);
        put_text_attribute(results, name, "1");
        snprintf(name, sizeof name, "%s.doc", names[c]);
        put_text_attribute(results, name, "1");
        snprintf(name, sizeof name, "%s.role", names[c]);
        put_text_attribute(results, name,
                           strcmp(names[c], "status") == 0 ? "status"
                           : c < 3                         ? "parameter"
                                                           : "result");
    }
    H5Dclose(results);
    H5Tclose(type);
    H5Fclose(file);
}

static void compares_the_columns_with_the_kind(void **state) {
    (void)state;
    const char *names[] = {"energy", "N", "load", "count", "share", "status", "more"};
    struct said said;
    replace_results(names, 6, "");
    assert_int_equal(verify(&said), DAM_OK);
    replace_results(names, 7, "");
    assert_only_complaint("column more is not the kind's");
    replace_results(names, 5, "");
    assert_only_complaint("column status is missing");
    replace_results(names, 6, "share");
    assert_only_complaint("column share has another type than the kind's");
    names[3] = "counts";
    replace_results(names, 6, "");
    assert_only_complaint("column 4 is counts and should be count");
}

static void compares_types_and_extents_with_the_kind(void **state) {
    (void)state;
    write_file();
    hid_t file = reopen();
    H5Ldelete(file, "/histogram", H5P_DEFAULT);
    const hsize_t few[] = {ROWS - 1, BINS};
    H5Dclose(put(file, "/histogram", H5T_STD_I64LE, 2, few, bins));
    H5Fclose(file);
    assert_only_complaint("/histogram: its first dimension should be the 3 cells");

    write_file();
    file = reopen();
    H5Ldelete(file, "/histogram", H5P_DEFAULT);
    const hsize_t extent[] = {ROWS, BINS};
    H5Dclose(put(file, "/histogram", H5T_IEEE_F64LE, 2, extent, bins));
    H5Fclose(file);
    assert_only_complaint("/histogram: has another type than the kind's");

    write_file();
    file = reopen();
    H5Ldelete(file, "/histogram", H5P_DEFAULT);
    const hsize_t deeper[] = {ROWS, 1, BINS};
    H5Dclose(put(file, "/histogram", H5T_STD_I64LE, 3, deeper, bins));
    H5Fclose(file);
    assert_only_complaint("/histogram: has 3 dimensions and should have 2");
}

struct gathered {
    unsigned char *bytes;
    size_t size, pieces;
};

static void gather(void *context, const unsigned char *bytes, size_t size) {
    struct gathered *gathered = context;
    assert_true(size > 0 && size <= DAM_RESULT_PIECE);
    gathered->bytes = realloc(gathered->bytes, gathered->size + size);
    assert_non_null(gathered->bytes);
    memcpy(gathered->bytes + gathered->size, bytes, size);
    gathered->size += size;
    gathered->pieces++;
}

/* The pieces of rows first .. first + count - 1 are the rows' bytes. */
static void assert_scanned(const struct dam_result *result, const char *name, const int32_t *values,
                           size_t row, uint64_t first, uint64_t count, size_t pieces) {
    struct gathered gathered = {NULL, 0, 0};
    assert_int_equal(dam_result_scan(result, name, first, count, gather, &gathered, NULL), DAM_OK);
    assert_int_equal(gathered.size, count * row * sizeof *values);
    assert_int_equal(gathered.pieces, pieces);
    if (count > 0)
        assert_memory_equal(gathered.bytes, values + first * row, gathered.size);
    free(gathered.bytes);
}

/* A piece holds 2^18 of these numbers: whole rows, part of one, or part of its last dimension. */
static void scans_in_pieces(void **state) {
    (void)state;
    const struct {
        const char *name;
        hsize_t extent[4];
        size_t of_one, of_all; /* pieces */
    } shapes[] = {
        {"/whole_rows", {700, 3, 10, 20}, 1, 2}, /* 436 rows, 264 */
        {"/middle", {2, 3, 500, 300}, 3, 6},     /* 500 x 300 */
        {"/uneven", {2, 2, 900, 300}, 4, 8},     /* 873 x 300, 27 x 300 */
        {"/last", {3, 1, 2, 300001}, 4, 12},     /* 262144, 37857 */
    };
    enum { SHAPES = sizeof shapes / sizeof *shapes, NUMBERS_MAX = 2000000 };
    int32_t *values = malloc(NUMBERS_MAX * sizeof *values);
    assert_non_null(values);
    for (int32_t i = 0; i < NUMBERS_MAX; i++)
        values[i] = i;
    write_file();
    hid_t file = reopen();
    for (size_t s = 0; s < SHAPES; s++)
        H5Dclose(put(file, shapes[s].name, H5T_STD_I32LE, 4, shapes[s].extent, values));
    H5Fclose(file);
    struct dam_result *result;
    struct dam_error error;
    assert_int_equal(dam_result_open(&result, path, &error), DAM_OK);
    for (size_t s = 0; s < SHAPES; s++) {
        const hsize_t *extent = shapes[s].extent;
        const size_t row = extent[1] * extent[2] * extent[3];
        assert_true(extent[0] * row <= NUMBERS_MAX);
        const char *name = shapes[s].name;
        assert_scanned(result, name, values, row, 0, extent[0], shapes[s].of_all);
        assert_scanned(result, name, values, row, 1, 1, shapes[s].of_one);
        assert_scanned(result, name, values, row, extent[0], 0, 0);
        struct gathered none = {NULL, 0, 0};
        assert_int_equal(dam_result_scan(result, name, extent[0], 1, gather, &none, &error),
                         DAM_DAMAGED);
        assert_non_null(strstr(error.text, "has fewer rows"));
        struct dam_result_dataset *described;
        assert_int_equal(dam_result_describe(result, name, &described, &error), DAM_OK);
        assert_null(described->bytes);
        assert_int_equal(described->row_count, extent[0] * row);
        dam_result_dataset_destroy(described);
    }
    struct gathered seed = {NULL, 0, 0};
    assert_int_equal(dam_result_scan(result, "/study/seed", 0, 1, gather, &seed, &error), DAM_OK);
    assert_int_equal(seed.size, sizeof(uint64_t));
    free(seed.bytes);
    dam_result_close(result);
    free(values);
}

/* A column of 32-bit reals of three dimensions, which need not be there. */
static void compares_optional_arrays_of_single_reals(void **state) {
    (void)state;
    const struct dam_column *memories = &probe_columns[3];
    const hsize_t extents[] = {ROWS, 1, BINS, 1};
    float singles[ROWS * BINS];
    double doubles[ROWS * BINS];
    for (size_t e = 0; e < ROWS * BINS; e++)
        doubles[e] = singles[e] = (float)e / 3;
    char name[64];
    snprintf(name, sizeof name, "/%s", memories->name);

    write_file();
    hid_t file = reopen();
    H5Dclose(put(file, name, H5T_IEEE_F32LE, 4, extents, singles));
    H5Fclose(file);
    struct said said;
    assert_int_equal(verify(&said), DAM_OK);
    struct dam_result *result;
    struct dam_result_dataset *read;
    struct dam_error error;
    assert_int_equal(dam_result_open(&result, path, &error), DAM_OK);
    assert_int_equal(dam_result_read(result, name, &read, &error), DAM_OK);
    for (size_t e = 0; e < ROWS * BINS; e++)
        assert_true(dam_result_real(read, e, &read->columns[0]) == doubles[e]);
    dam_result_dataset_destroy(read);
    dam_result_close(result);

    write_file();
    file = reopen();
    H5Dclose(put(file, name, H5T_IEEE_F64LE, 4, extents, doubles));
    H5Fclose(file);
    assert_only_complaint("/memories: has another type than the kind's");
}

/* What is no result file. */

static void write_bytes(const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void refuses_what_is_no_result_file(void **state) {
    (void)state;
    struct dam_result *result;
    struct dam_error error;
    assert_int_equal(dam_result_open(&result, "/nonexistent/file.h5", &error), DAM_FILE);
    assert_non_null(strstr(error.text, "/nonexistent/file.h5: No such file"));
    assert_int_equal(dam_result_open(&result, folder, &error), DAM_FILE);
    assert_non_null(strstr(error.text, "is a directory"));
    assert_int_equal(dam_result_open(&result, "/dev/null", &error), DAM_FILE);
    assert_non_null(strstr(error.text, "not a regular file"));
    write_bytes("", 0);
    assert_int_equal(dam_result_open(&result, path, &error), DAM_DAMAGED);
    assert_non_null(strstr(error.text, "is empty"));
    write_bytes("kind: capacity\n", 15);
    assert_int_equal(dam_result_open(&result, path, &error), DAM_DAMAGED);
    assert_non_null(strstr(error.text, "is not an HDF5 file"));
    assert_null(result);

    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_only_complaint("/study/kind: no such dataset; is this dam's result file?");
}

static void refuses_a_file_cut_short_anywhere(void **state) {
    (void)state;
    write_file();
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    for (off_t size = file.st_size - 1; size > 0; size = size * 9 / 10) {
        assert_int_equal(truncate(path, size), 0);
        struct said said;
        assert_int_equal(verify(&said), DAM_DAMAGED);
        assert_int_equal(said.lines, 1);
    }
}

/* Add a dataset made in a way dam never does. */
static void add_strange(hid_t type, int rank, const hsize_t *extent, hid_t creation) {
    write_file();
    hid_t file = reopen();
    hid_t space = H5Screate_simple(rank, extent, NULL);
    hid_t dataset = H5Dcreate(file, "/strange", type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
}

static void refuses_absurd_sizes_before_taking_memory(void **state) {
    (void)state;
    const hsize_t huge = (hsize_t)1 << 50;
    add_strange(H5T_STD_I64LE, 1, &huge, H5P_DEFAULT);
    assert_only_complaint("/strange: claims more bytes than the file has");

    hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[] = {16, 16, 16}, extents[] = {huge, huge, huge};
    assert_true(H5Pset_chunk(chunked, 3, chunk) >= 0);
    add_strange(H5T_STD_I64LE, 3, extents, chunked);
    H5Pclose(chunked);
    assert_only_complaint("/strange: claims more elements than the file has bytes");
}

static void refuses_types_and_layouts_that_dam_does_not_write(void **state) {
    (void)state;
    const hsize_t few = 4;
    hid_t variable = text_type(H5T_VARIABLE);
    add_strange(variable, 1, &few, H5P_DEFAULT);
    H5Tclose(variable);
    assert_only_complaint("/strange: has a type that dam does not write");
    add_strange(H5T_STD_I64BE, 1, &few, H5P_DEFAULT);
    assert_only_complaint("/strange: has a type that dam does not write");
    add_strange(H5T_STD_REF_OBJ, 1, &few, H5P_DEFAULT);
    assert_only_complaint("/strange: has a type that dam does not write");

    add_strange(H5T_STD_I64LE, 1, &few, H5P_DEFAULT); /* never written */
    assert_only_complaint("/strange: is not stored as dam stores it");
    hid_t external = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_external(external, "/etc/passwd", 0, 32) >= 0);
    add_strange(H5T_STD_I64LE, 1, &few, external);
    H5Pclose(external);
    assert_only_complaint("/strange: is not stored as dam stores it");
}

static void follows_no_link_out_of_the_file(void **state) {
    (void)state;
    write_file();
    char other[sizeof path + 8];
    snprintf(other, sizeof other, "%s.other", path);
    assert_int_equal(rename(path, other), 0);
    write_file();
    hid_t file = reopen();
    H5Ldelete(file, "/results", H5P_DEFAULT);
    assert_true(H5Lcreate_external(other, "/results", file, "/results", H5P_DEFAULT, H5P_DEFAULT) >=
                0);
    H5Fclose(file);
    assert_only_complaint("/results: no such dataset");
    assert_int_equal(unlink(other), 0);
}

/* The checksum of all that the study and the results say. */
static uint32_t digest(void) {
    static const char *const datasets[] = {
        "/results",    "/histogram",      "/study/kind",          "/study/seed",
        "/study/text", "/study/resolved", "/study/schema_version"};
    struct dam_result *result;
    assert_int_equal(dam_result_open(&result, path, NULL), DAM_OK);
    uint32_t sum = 0;
    for (size_t d = 0; d < sizeof datasets / sizeof datasets[0]; d++) {
        struct dam_result_dataset *dataset;
        assert_int_equal(dam_result_read(result, datasets[d], &dataset, NULL), DAM_OK);
        sum = 31 * sum + checksum_of(dataset->bytes, dataset->row_count * dataset->row_size);
        dam_result_dataset_destroy(dataset);
    }
    dam_result_close(result);
    return sum;
}

/* Wherever one byte of the file changes, in data or in HDF5's own structures: reading never
 * crashes, and a file that verifies says what it said before. */
static void notices_a_flip_of_any_byte_that_matters(void **state) {
    (void)state;
    write_file();
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    uint32_t before = digest();
    const long stride = 7;
    for (long offset = 0; offset < (long)file.st_size; offset += stride) {
        static const unsigned char masks[] = {0x01, 0x80, 0xff};
        unsigned char mask = masks[offset / stride % 3];
        flip(offset, mask);
        struct said said;
        if (verify(&said) == DAM_OK)
            assert_true(digest() == before);
        else
            assert_true(said.lines > 0);
        flip(offset, mask);
    }
    assert_true(digest() == before);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file.h5", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return unlink(path) != 0 || rmdir(folder) != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_every_type),
        cmocka_unit_test(reads_back_the_study),
        cmocka_unit_test(finds_a_whole_file_whole),
        cmocka_unit_test(does_not_compare_an_unknown_kind),
        cmocka_unit_test(names_the_dataset_with_a_flipped_byte),
        cmocka_unit_test(asks_for_checksum_unit_and_doc),
        cmocka_unit_test(asks_for_every_dataset),
        cmocka_unit_test(compares_the_columns_with_the_kind),
        cmocka_unit_test(compares_types_and_extents_with_the_kind),
        cmocka_unit_test(compares_optional_arrays_of_single_reals),
        cmocka_unit_test(knows_files_of_several_seeds),
        cmocka_unit_test(refuses_what_is_no_result_file),
        cmocka_unit_test(scans_in_pieces),
        cmocka_unit_test(refuses_a_file_cut_short_anywhere),
        cmocka_unit_test(refuses_absurd_sizes_before_taking_memory),
        cmocka_unit_test(refuses_types_and_layouts_that_dam_does_not_write),
        cmocka_unit_test(follows_no_link_out_of_the_file),
        cmocka_unit_test(notices_a_flip_of_any_byte_that_matters),
    };
    H5dont_atexit(); /* see dam_result_open; here the library starts before it */
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
