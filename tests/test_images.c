#include <dam/images.h>

#include "scratch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cmocka.h>

/* The sanitizer would end the test where malloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void write_plain(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void write_compressed(const char *path, const void *data, size_t size) {
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, data, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
}

static size_t file_size(const char *path) {
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return (size_t)about.st_size;
}

static void cut(const char *path, size_t bytes) {
    assert_int_equal(truncate(path, (off_t)(file_size(path) - bytes)), 0);
}

/* Whatever it is, it is not what was there. */
static void flip(const char *path, size_t at) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_not_equal(fputc(byte ^ 0x55, file), EOF);
    assert_int_equal(fclose(file), 0);
}

/* ---- IDX ---- */

enum { COUNT = 7, HEIGHT = 3, WIDTH = 5, IMAGES_HEADER = 16, LABELS_HEADER = 8 };
enum { IMAGES = IMAGES_HEADER + COUNT * HEIGHT * WIDTH, LABELS = LABELS_HEADER + COUNT };

struct idx_files {
    uint8_t images[IMAGES + 1], labels[LABELS + 1]; /* one to spare */
};

static uint8_t pixel_of(size_t place) {
    return (uint8_t)(place * 37 + 200);
}

static struct idx_files good_idx(void) {
    struct idx_files files = {
        .images = {0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, HEIGHT, 0, 0, 0, WIDTH},
        .labels = {0, 0, 8, 1, 0, 0, 0, COUNT}};
    for (size_t i = 0; i < COUNT * HEIGHT * WIDTH; i++)
        files.images[IMAGES_HEADER + i] = pixel_of(i);
    for (size_t i = 0; i < COUNT; i++)
        files.labels[LABELS_HEADER + i] = (uint8_t)(9 - i);
    return files;
}

static void check_good(const struct dam_images *images) {
    assert_int_equal(images->count, COUNT);
    assert_int_equal(images->height, HEIGHT);
    assert_int_equal(images->width, WIDTH);
    assert_int_equal(images->channels, 1);
    assert_int_equal(images->classes, 10);
    assert_int_equal(dam_images_pixels(images), HEIGHT * WIDTH);
    for (size_t i = 0; i < COUNT * HEIGHT * WIDTH; i++)
        assert_int_equal(images->pixels[i], pixel_of(i));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(images->labels[i], 9 - i);
}

static void reads_plain_and_compressed_idx(void **state) {
    (void)state;
    struct idx_files files = good_idx();
    struct dam_images images;
    struct dam_error error;
    write_plain("images", files.images, IMAGES);
    write_plain("labels", files.labels, LABELS);
    assert_int_equal(dam_images_read_idx(&images, "images", "labels", 10, &error), DAM_OK);
    check_good(&images);
    dam_images_destroy(&images);
    assert_null(images.pixels);

    write_compressed("images", files.images, IMAGES);
    write_compressed("labels", files.labels, LABELS);
    assert_int_equal(dam_images_read_idx(&images, "images", "labels", 10, &error), DAM_OK);
    check_good(&images);
    dam_images_destroy(&images);

    assert_int_equal(dam_images_read_idx(&images, "images", NULL, 10, &error), DAM_OK);
    assert_null(images.labels);
    assert_int_equal(images.classes, 0);
    dam_images_destroy(&images);
}

/* Streams one after the other are one file, as `cat a.gz b.gz` makes it. */
static void reads_streams_one_after_the_other(void **state) {
    (void)state;
    struct idx_files files = good_idx();
    struct dam_images images;
    struct dam_error error;
    write_plain("labels", files.labels, LABELS);
    write_compressed("images", files.images, 20);
    gzFile file = gzopen("images", "ab");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, files.images + 20, IMAGES - 20), IMAGES - 20);
    assert_int_equal(gzclose(file), Z_OK);
    assert_int_equal(dam_images_read_idx(&images, "images", "labels", 10, &error), DAM_OK);
    check_good(&images);
    dam_images_destroy(&images);
}

/* [2][2][2][3]: the value tells image, row, column and channel. */
static void makes_colours_planar(void **state) {
    (void)state;
    uint8_t file[20 + 24] = {0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3};
    for (int i = 0; i < 24; i++)
        file[20 + i] = (uint8_t)(1000 * (i / 12) / 10 + 10 * (i / 3 % 4) + i % 3);
    write_compressed("images", file, sizeof file);
    struct dam_images images;
    struct dam_error error;
    assert_int_equal(dam_images_read_idx(&images, "images", NULL, 10, &error), DAM_OK);
    assert_int_equal(images.count, 2);
    assert_int_equal(images.channels, 3);
    for (int image = 0; image < 2; image++)
        for (int channel = 0; channel < 3; channel++)
            for (int place = 0; place < 4; place++)
                assert_int_equal(images.pixels[image * 12 + channel * 4 + place],
                                 100 * image + 10 * place + channel);
    dam_images_destroy(&images);
}

static void refuse_idx(enum dam_status expected, const char *path, const char *text) {
    struct dam_images images;
    struct dam_error error = {0};
    memset(&images, 0x5a, sizeof images);
    assert_int_equal(dam_images_read_idx(&images, "images", "labels", 10, &error), expected);
    if (strncmp(error.text, path, strlen(path)) != 0 || strstr(error.text, text) == NULL)
        fail_msg("expected '%s: ... %s ...', found '%s'", path, text, error.text);
    assert_null(images.pixels);
    assert_null(images.labels);
}

/* One byte of one of the good files, and what is said of it. */
struct spoiled {
    int at, byte;
    enum dam_status status;
    const char *text;
};

static void refuses_headers_that_lie(void **state) {
    (void)state;
    static const struct spoiled of_images[] = {
        {0, 1, DAM_DAMAGED, "begins with 0x01000803, expected 0x00000803 of IDX images"},
        {1, 7, DAM_DAMAGED, "begins with 0x00070803"},
        {2, 0x0d, DAM_DAMAGED, "type 0x0d, expected 0x08"},
        {3, 1, DAM_DAMAGED, "1 dimensions, expected 3 or 4 of images"},
        {3, 255, DAM_DAMAGED, "255 dimensions"},
        {3, 4, DAM_DAMAGED, "more than a file of 121 bytes can hold"},
        {4, 255, DAM_DAMAGED, "4278190087 x 3 x 5 x 1 bytes, more than a file"},
        {7, 0, DAM_DAMAGED, "size 0 in dimension 1"},
        {7, COUNT + 1, DAM_DAMAGED, "ends after 105 of the 120 bytes of images"},
        {7, COUNT - 1, DAM_DAMAGED, "goes on after the last byte"},
        {15, 0, DAM_DAMAGED, "size 0 in dimension 3"},
        {11, HEIGHT + 1, DAM_DAMAGED, "ends after 105 of the 140"},
    };
    static const struct spoiled of_labels[] = {
        {0, 0x1f, DAM_DAMAGED, "begins with 0x1f000801, expected 0x00000801 of IDX labels"},
        {2, 9, DAM_DAMAGED, "type 0x09"},
        {3, 3, DAM_DAMAGED, "3 dimensions, expected 1 of labels"},
        {7, COUNT + 1, DAM_DAMAGED, "ends after 7 of the 8 bytes of labels"},
        {7, COUNT - 1, DAM_DAMAGED, "goes on after"},
        {LABELS_HEADER + 3, 10, DAM_DAMAGED, "the label of image 4 is 10, expected 0 .. 9"},
        {LABELS - 1, 255, DAM_DAMAGED, "the label of image 7 is 255"},
    };
    for (size_t i = 0; i < sizeof of_images / sizeof *of_images; i++) {
        struct idx_files files = good_idx();
        files.images[of_images[i].at] = (uint8_t)of_images[i].byte;
        write_plain("images", files.images, IMAGES);
        write_plain("labels", files.labels, LABELS);
        refuse_idx(of_images[i].status, "images: ", of_images[i].text);
    }
    for (size_t i = 0; i < sizeof of_labels / sizeof *of_labels; i++) {
        struct idx_files files = good_idx();
        files.labels[of_labels[i].at] = (uint8_t)of_labels[i].byte;
        write_plain("images", files.images, IMAGES);
        write_compressed("labels", files.labels, LABELS);
        refuse_idx(of_labels[i].status, "labels: ", of_labels[i].text);
    }
}

static void refuses_labels_of_another_set(void **state) {
    (void)state;
    struct idx_files files = good_idx();
    write_plain("images", files.images, IMAGES);
    files.labels[7] = COUNT - 1;
    write_plain("labels", files.labels, LABELS - 1);
    refuse_idx(DAM_DAMAGED, "labels: ", "6 labels, expected 7, one for each image of images");
}

/* At every length the plain file is refused as cut; so is the compressed one, also within the
 * length and checksum at its end, where all pixels have been read. */
static void refuses_files_cut_anywhere(void **state) {
    (void)state;
    struct idx_files files = good_idx();
    write_plain("labels", files.labels, LABELS);
    for (size_t left = 1; left < IMAGES; left++) {
        write_plain("images", files.images, left);
        refuse_idx(DAM_DAMAGED, "images: ",
                   left < 4               ? "of the 4 bytes of an IDX header"
                   : left < IMAGES_HEADER ? "of the 12 bytes of an IDX header"
                                          : "of the 105 bytes of images");
    }
    write_compressed("images", files.images, IMAGES);
    for (size_t left = file_size("images") - 1; left > 1; left--) {
        cut("images", 1);
        refuse_idx(DAM_DAMAGED, "images: ", "cut off within its compressed data");
    }
    cut("images", 1);
    refuse_idx(DAM_DAMAGED, "images: ", "ends after 1 of the 4 bytes");
    cut("images", 1);
    refuse_idx(DAM_DAMAGED, "images: ", "empty");
}

/* The compressed stream's own checksum finds what is changed in it. Of its header, zlib looks at
 * the first four bytes. */
static void refuses_damaged_compression(void **state) {
    (void)state;
    struct idx_files files = good_idx();
    write_plain("labels", files.labels, LABELS);
    write_compressed("images", files.images, IMAGES);
    size_t size = file_size("images");
    for (size_t at = 0; at < size; at = at == 3 ? 10 : at + 1) {
        struct dam_images images;
        struct dam_error error = {0};
        write_compressed("images", files.images, IMAGES);
        flip("images", at);
        enum dam_status status = dam_images_read_idx(&images, "images", "labels", 10, &error);
        assert_int_equal(status, DAM_DAMAGED);
        assert_null(images.pixels);
    }
    write_compressed("images", files.images, IMAGES);
    flip("images", size - 6); /* of the CRC-32 */
    refuse_idx(DAM_DAMAGED, "images: ", "its compressed data is damaged (incorrect data check)");
}

static void refuses_what_is_no_file(void **state) {
    (void)state;
    struct idx_files files = good_idx();
    refuse_idx(DAM_FILE, "images: ", "cannot be read: No such file");
    assert_int_equal(mkdir("images", 0777), 0);
    refuse_idx(DAM_FILE, "images: ", "it is a folder");
    assert_int_equal(rmdir("images"), 0);
    assert_int_equal(mkfifo("images", 0777), 0);
    refuse_idx(DAM_FILE, "images: ", "it is no file");
    assert_int_equal(unlink("images"), 0);
    write_plain("images", files.images, 0);
    refuse_idx(DAM_DAMAGED, "images: ", "empty");
    write_plain("images", files.images, IMAGES);
    refuse_idx(DAM_FILE, "labels: ", "cannot be read: No such file");
}

/* Sizes whose product overflows 64 bits, and some that would fill the memory: neither is asked for.
 * The last file is long enough, by holes, to hold what its header tells of. */
static void refuses_sizes_beyond_the_memory(void **state) {
    (void)state;
    struct idx_files files = good_idx();
    write_plain("labels", files.labels, LABELS);
    uint8_t header[20] = {0,   0,   8,   4,   255, 255, 255, 255, 255, 255,
                          255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    write_plain("images", header, sizeof header);
    refuse_idx(DAM_DAMAGED, "images: ", "more than a file of 20 bytes can hold");

    /* The product is 2^64: 0 to those who do not look. */
    static const uint8_t wrapping[20] = {0, 0, 8, 4, 1, 0, 0, 0, 1, 0,
                                         0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    write_plain("images", wrapping, sizeof wrapping);
    refuse_idx(DAM_DAMAGED, "images: ", "16777216 x 16777216 x 65536 x 1 bytes, more than");

    static const uint8_t large[16] = {0, 0, 8, 3, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0};
    write_plain("images", large, sizeof large);
    assert_int_equal(truncate("images", 16 + 65537L * 65536), 0);
    refuse_idx(DAM_MEMORY, "images: ", "4295032832 bytes of pixels; sets of up to 4294967296");
}

/* ---- CIFAR-10 ---- */

enum { RECORD = 1 + 3 * 32 * 32, RECORDS = 5000 };

static uint8_t *records(size_t count, uint8_t first) {
    uint8_t *data = malloc(count * RECORD);
    assert_non_null(data);
    for (size_t r = 0; r < count; r++) {
        data[r * RECORD] = (uint8_t)((first + r) % 10);
        for (size_t i = 1; i < RECORD; i++)
            data[r * RECORD + i] = (uint8_t)(r + i * 11 + first);
    }
    return data;
}

static void reads_records_of_several_files(void **state) {
    (void)state;
    uint8_t *one = records(RECORDS, 3), *other = records(2, 8);
    write_compressed("one", one, (size_t)RECORDS * RECORD);
    write_plain("other", other, (size_t)2 * RECORD);
    struct dam_images images;
    struct dam_error error;
    const char *const paths[] = {"one", "other"};
    assert_int_equal(dam_images_read_cifar10(&images, paths, 2, &error), DAM_OK);
    assert_int_equal(images.count, RECORDS + 2);
    assert_int_equal(images.channels, 3);
    assert_int_equal(images.height, 32);
    assert_int_equal(images.width, 32);
    assert_int_equal(images.classes, 10);
    for (size_t r = 0; r < images.count; r++) {
        const uint8_t *record = r < RECORDS ? one + r * RECORD : other + (r - RECORDS) * RECORD;
        assert_int_equal(images.labels[r], record[0]);
        assert_memory_equal(images.pixels + r * (RECORD - 1), record + 1, RECORD - 1);
    }
    dam_images_destroy(&images);
    free(one);
    free(other);
}

static void refuse_cifar10(enum dam_status expected, const char *text) {
    struct dam_images images;
    struct dam_error error = {0};
    const char *const paths[] = {"one", "other"};
    assert_int_equal(dam_images_read_cifar10(&images, paths, 2, &error), expected);
    if (strstr(error.text, text) == NULL)
        fail_msg("expected '%s', found '%s'", text, error.text);
    assert_null(images.pixels);
    assert_null(images.labels);
}

static void refuses_bad_records(void **state) {
    (void)state;
    uint8_t *data = records(3, 0);
    write_plain("one", data, 3 * RECORD);
    refuse_cifar10(DAM_FILE, "other: cannot be read: No such file");
    write_plain("other", data, 0);
    refuse_cifar10(DAM_DAMAGED, "other: empty");
    write_compressed("other", data, 0);
    refuse_cifar10(DAM_DAMAGED, "other: empty once unpacked");
    write_plain("other", data, 3 * RECORD - 1);
    refuse_cifar10(DAM_DAMAGED, "other: ends after 3072 of the 3073 bytes of image 3");
    write_plain("other", data, 2 * RECORD + 1);
    refuse_cifar10(DAM_DAMAGED, "other: ends after 1 of the 3073 bytes of image 3");
    write_compressed("other", data, 3 * RECORD);
    cut("other", 4);
    refuse_cifar10(DAM_DAMAGED, "other: cut off within its compressed data");
    data[RECORD] = 10;
    write_plain("other", data, 3 * RECORD);
    refuse_cifar10(DAM_DAMAGED, "other: the label of image 2 is 10, expected 0 .. 9");
    unlink("other");
    assert_int_equal(mkdir("other", 0777), 0);
    refuse_cifar10(DAM_FILE, "other: cannot be read: it is a folder");
    free(data);
}

static void append(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Which gzip ignores; neither zeros, nor what begins as a stream would, pass. */
static void refuses_bytes_behind_the_compressed_data(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } behind[] = {
        {"x\n", 2, "goes on after the end of its compressed data"},
        {"\0", 1, "goes on after the end of its compressed data"},
        {"\0\0\0\0\0\0\0\0", 8, "goes on after the end of its compressed data"},
        {"\x1f", 1, "cut off within its compressed data"},
        {"\x1fxx", 3, "its compressed data is damaged (incorrect header check)"},
    };
    struct idx_files files = good_idx();
    write_plain("labels", files.labels, LABELS);
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        write_compressed("images", files.images, IMAGES);
        append("images", behind[i].bytes, behind[i].size);
        refuse_idx(DAM_DAMAGED, "images: ", behind[i].text);
    }
    uint8_t *data = records(2, 0);
    const char *const paths[] = {"one"};
    struct dam_images images;
    struct dam_error error = {0};
    write_compressed("one", data, (size_t)2 * RECORD);
    append("one", "x", 1);
    assert_int_equal(dam_images_read_cifar10(&images, paths, 1, &error), DAM_DAMAGED);
    assert_non_null(strstr(error.text, "one: goes on after the end of its compressed data"));
    free(data);
}

/* Published files, where DAM_DATA names a folder that has them. */
static void reads_published_samples(void **state) {
    (void)state;
    const char *data = getenv("DAM_DATA") != NULL ? getenv("DAM_DATA") : "";
    char *cifar10 = NULL, *imagenet = NULL;
    assert_true(asprintf(&cifar10, "%s/cifar10-sample/test_sample.bin.gz", data) > 0);
    assert_true(asprintf(&imagenet, "%s/imagenet64-sample/images-idx4-ubyte.gz", data) > 0);
    bool there = access(cifar10, R_OK) == 0 && access(imagenet, R_OK) == 0;
    if (there) {
        struct dam_images images;
        struct dam_error error;
        const char *const paths[] = {cifar10};
        assert_int_equal(dam_images_read_cifar10(&images, paths, 1, &error), DAM_OK);
        assert_int_equal(images.count, 2000);
        size_t of_class[10] = {0};
        for (size_t i = 0; i < images.count; i++)
            of_class[images.labels[i]]++;
        for (int c = 0; c < 10; c++)
            assert_int_equal(of_class[c], 200);
        dam_images_destroy(&images);
        assert_int_equal(dam_images_read_idx(&images, imagenet, NULL, 10, &error), DAM_OK);
        assert_int_equal(images.count, 500);
        assert_int_equal(images.channels, 3);
        assert_int_equal(dam_images_pixels(&images), 3 * 64 * 64);
        dam_images_destroy(&images);
    } else {
        print_message("skipped: DAM_DATA names no folder with cifar10-sample, imagenet64-sample\n");
    }
    free(cifar10);
    free(imagenet);
    if (!there)
        skip();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scratch_test(reads_plain_and_compressed_idx),
        scratch_test(reads_streams_one_after_the_other),
        scratch_test(makes_colours_planar),
        scratch_test(refuses_headers_that_lie),
        scratch_test(refuses_labels_of_another_set),
        scratch_test(refuses_files_cut_anywhere),
        scratch_test(refuses_bytes_behind_the_compressed_data),
        scratch_test(refuses_damaged_compression),
        scratch_test(refuses_what_is_no_file),
        scratch_test(refuses_sizes_beyond_the_memory),
        scratch_test(reads_records_of_several_files),
        scratch_test(refuses_bad_records),
        cmocka_unit_test(reads_published_samples),
    };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
