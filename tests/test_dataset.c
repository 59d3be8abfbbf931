#include "kinds/dataset.h"

#include "scratch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cmocka.h>

static const struct dam_dataset *load(enum dam_dataset_name name) {
    const struct dam_dataset *dataset;
    struct dam_error error = {0};
    if (dam_dataset_load(name, &dataset, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return dataset;
}

static void refuse(enum dam_dataset_name name, enum dam_status expected, const char *text) {
    const struct dam_dataset *dataset;
    struct dam_error error = {0};
    assert_int_equal(dam_dataset_load(name, &dataset, &error), expected);
    assert_null(dataset);
    if (strstr(error.text, text) == NULL)
        fail_msg("expected '%s', found '%s'", text, error.text);
}

static size_t bytes_of(const struct dam_dataset *dataset) {
    return dataset->train.count * (dam_images_pixels(&dataset->train) + 1) +
           dataset->test.count * (dam_images_pixels(&dataset->test) + 1);
}

/* How many images of a class, where all classes have as many. */
static size_t of_each_class(const struct dam_images *images) {
    size_t counts[10] = {0};
    for (size_t i = 0; i < images->count; i++)
        counts[images->labels[i]]++;
    for (int c = 1; c < 10; c++)
        assert_int_equal(counts[c], counts[0]);
    return counts[0];
}

static void every_choice_has_a_name(void **state) {
    (void)state;
    for (int name = 0; name < DAM_DATASET_COUNT; name++)
        assert_non_null(dam_dataset_names[name]);
    assert_null(dam_dataset_names[DAM_DATASET_COUNT]);
}

/* Class means of the training images are prototypes that sort the test images, most of them. */
static void synthetic_images_can_be_learnt(void **state) {
    (void)state;
    const struct dam_dataset *dataset = load(DAM_DATASET_SYNTHETIC);
    const struct dam_images *train = &dataset->train, *test = &dataset->test;
    size_t size = dam_images_pixels(train);
    assert_int_equal(train->count, 2000);
    assert_int_equal(test->count, 500);
    assert_int_equal(size, 64);
    assert_int_equal(of_each_class(train), 200);
    assert_int_equal(of_each_class(test), 50);

    double means[10][64] = {{0}};
    for (size_t i = 0; i < train->count; i++)
        for (size_t p = 0; p < size; p++)
            means[train->labels[i]][p] += train->pixels[i * size + p] / 200.0;
    size_t wrong = 0;
    for (size_t i = 0; i < test->count; i++) {
        int nearest = 0;
        double least = 1e300;
        for (int c = 0; c < 10; c++) {
            double distance = 0;
            for (size_t p = 0; p < size; p++)
                distance += (means[c][p] - test->pixels[i * size + p]) *
                            (means[c][p] - test->pixels[i * size + p]);
            nearest = distance < least ? c : nearest;
            least = distance < least ? distance : least;
        }
        wrong += nearest != test->labels[i];
    }
    print_message("%zu of %zu test images are nearer to another mean\n", wrong, test->count);
    assert_in_range(wrong, 1, 25);
}

static void what_was_loaded_stays(void **state) {
    (void)state;
    const struct dam_dataset *dataset = load(DAM_DATASET_SYNTHETIC);
    const uint8_t *pixels = dataset->train.pixels;
    uint8_t first[64];
    memcpy(first, pixels, sizeof first);
    assert_ptr_equal(load(DAM_DATASET_SYNTHETIC), dataset);
    assert_ptr_equal(dataset->train.pixels, pixels);
    assert_int_equal(bytes_of(dataset), dam_dataset_size(DAM_DATASET_SYNTHETIC).bytes);
    dam_dataset_release();
    assert_int_equal(dataset->train.count, 0);
    assert_memory_equal(load(DAM_DATASET_SYNTHETIC)->train.pixels, first, sizeof first);
    dam_dataset_release();
}

/* An IDX file whose bytes are all `byte`. */
static void write_idx(const char *path, const uint32_t *sizes, int dimensions, uint8_t byte) {
    static uint8_t block[1 << 16];
    memset(block, byte, sizeof block);
    gzFile file = gzopen(path, "wb1");
    assert_non_null(file);
    uint8_t header[4] = {0, 0, 8, (uint8_t)dimensions};
    assert_int_equal(gzwrite(file, header, 4), 4);
    size_t left = 1;
    for (int d = 0; d < dimensions; d++) {
        uint8_t size[4] = {(uint8_t)(sizes[d] >> 24), (uint8_t)(sizes[d] >> 16),
                           (uint8_t)(sizes[d] >> 8), (uint8_t)sizes[d]};
        assert_int_equal(gzwrite(file, size, 4), 4);
        left *= sizes[d];
    }
    for (size_t piece; left > 0; left -= piece) {
        piece = left < sizeof block ? left : sizeof block;
        assert_int_equal(gzwrite(file, block, (unsigned)piece), piece);
    }
    assert_int_equal(gzclose(file), Z_OK);
}

static void make_folder(const char *path) {
    assert_int_equal(mkdir(path, 0777), 0);
}

/* A link to the published file of MNIST, or false where DAM_DATA had none. */
static bool link_mnist(const char *data, const char *file) {
    char *from = NULL, *to = NULL;
    assert_true(asprintf(&from, "%s/mnist/%s", data, file) > 0 &&
                asprintf(&to, "mnist/%s", file) > 0);
    bool there = access(from, R_OK) == 0;
    if (there)
        assert_int_equal(symlink(from, to), 0);
    free(from);
    free(to);
    return there;
}

static void says_where_it_looked(void **state) {
    (void)state;
    static const char unset[] =
        "no train-images-idx3-ubyte (or .gz) in $DAM_DATA/mnist (DAM_DATA is not set)";
    unsetenv("DAM_DATA");
    refuse(DAM_DATASET_MNIST, DAM_FILE, unset);
    setenv("DAM_DATA", "", 1); /* which is no folder, and not the root */
    refuse(DAM_DATASET_MNIST, DAM_FILE, unset);
    refuse(DAM_DATASET_MNIST, DAM_FILE, "jobs/fetch-data.sh");
    setenv("DAM_DATA", "no/such", 1);
    refuse(DAM_DATASET_CIFAR10, DAM_FILE, "no data_batch_1.bin (or .gz) in no/such/cifar10;");
    if (access("/usr/share/datasets/fashion-mnist", F_OK) != 0) {
        refuse(DAM_DATASET_FASHION_MNIST, DAM_FILE,
               "in no/such/fashion-mnist or in /usr/share/datasets/fashion-mnist");
        refuse(DAM_DATASET_FASHION_MNIST, DAM_FILE, "install the package dataset-fashion-mnist");
    }
}

static void refuses_other_content(void **state) {
    (void)state;
    setenv("DAM_DATA", ".", 1);
    make_folder("mnist");
    write_idx("mnist/train-images-idx3-ubyte.gz", (uint32_t[]){50, 28, 28}, 3, 0);
    refuse(DAM_DATASET_MNIST, DAM_FILE, "./mnist/train-labels-idx1-ubyte (or .gz) is missing");
    write_idx("mnist/train-labels-idx1-ubyte.gz", (uint32_t[]){50}, 1, 3);
    refuse(DAM_DATASET_MNIST, DAM_DAMAGED,
           "./mnist: 50 training images of 1 x 28 x 28 bytes, expected 60000 of 1 x 28 x 28");
    write_idx("mnist/train-images-idx3-ubyte.gz", (uint32_t[]){60000, 14, 56}, 3, 0);
    write_idx("mnist/train-labels-idx1-ubyte.gz", (uint32_t[]){60000}, 1, 3);
    refuse(DAM_DATASET_MNIST, DAM_DAMAGED, "60000 training images of 1 x 14 x 56 bytes");
    write_idx("mnist/train-images-idx3-ubyte.gz", (uint32_t[]){60000, 28, 1}, 3, 0);
    refuse(DAM_DATASET_MNIST, DAM_DAMAGED, "60000 training images of 1 x 28 x 1 bytes");
    write_idx("mnist/train-images-idx3-ubyte.gz", (uint32_t[]){60000, 28, 28, 2}, 4, 0);
    refuse(DAM_DATASET_MNIST, DAM_DAMAGED, "60000 training images of 2 x 28 x 28 bytes");
    write_idx("mnist/train-images-idx3-ubyte.gz", (uint32_t[]){60000, 28, 28}, 3, 0);
    refuse(DAM_DATASET_MNIST, DAM_DAMAGED, "images or labels are not those of mnist");
    write_idx("mnist/train-labels-idx1-ubyte.gz", (uint32_t[]){60000}, 1, 10);
    refuse(DAM_DATASET_MNIST, DAM_DAMAGED, "the label of image 1 is 10");
}

/* The published set is taken; with the labels of another, it is not. */
static void takes_mnist_alone(void **state) {
    (void)state;
    const char *data = getenv("DAM_DATA") != NULL ? getenv("DAM_DATA") : "";
    make_folder("mnist");
    if (!link_mnist(data, "train-images-idx3-ubyte.gz")) {
        print_message("skipped: DAM_DATA names no folder with mnist\n");
        skip();
    }
    link_mnist(data, "train-labels-idx1-ubyte.gz");
    link_mnist(data, "t10k-images-idx3-ubyte.gz");
    link_mnist(data, "t10k-labels-idx1-ubyte.gz");
    setenv("DAM_DATA", ".", 1);
    const struct dam_dataset *mnist = load(DAM_DATASET_MNIST);
    assert_int_equal(mnist->train.count, 60000);
    assert_int_equal(mnist->test.count, 10000);
    assert_int_equal(mnist->train.labels[0], 5); /* the well-known first digit */
    assert_int_equal(bytes_of(mnist), dam_dataset_size(DAM_DATASET_MNIST).bytes);

    assert_int_equal(rename("mnist", "fashion-mnist"), 0);
    refuse(DAM_DATASET_FASHION_MNIST, DAM_DAMAGED,
           "images or labels are not those of fashion-mnist");
    assert_int_equal(rename("fashion-mnist", "mnist"), 0);
    dam_dataset_release();
    unlink("mnist/t10k-labels-idx1-ubyte.gz");
    write_idx("mnist/t10k-labels-idx1-ubyte.gz", (uint32_t[]){10000}, 1, 3);
    refuse(DAM_DATASET_MNIST, DAM_DAMAGED, "./mnist: the test images or labels are not those");
}

static void finds_the_package(void **state) {
    (void)state;
    unsetenv("DAM_DATA");
    if (access("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", R_OK) != 0) {
        print_message("skipped: the package dataset-fashion-mnist is not installed\n");
        skip();
    }
    const struct dam_dataset *fashion = load(DAM_DATASET_FASHION_MNIST);
    assert_int_equal(of_each_class(&fashion->train), 6000);
    assert_int_equal(of_each_class(&fashion->test), 1000);
    assert_int_equal(bytes_of(fashion), dam_dataset_size(DAM_DATASET_FASHION_MNIST).bytes);
    dam_dataset_release();
}

/* No sum is known here, so that files of the right lengths will do. */
static void reads_cifar10_of_any_content(void **state) {
    (void)state;
    enum { RECORD = 3073, RECORDS = 10000 };
    setenv("DAM_DATA", ".", 1);
    make_folder("cifar10");
    static const char *const files[] = {"data_batch_1", "data_batch_2", "data_batch_3",
                                        "data_batch_4", "data_batch_5", "test_batch"};
    for (size_t f = 0; f < 6; f++) {
        char path[64];
        snprintf(path, sizeof path, "cifar10/%s.bin", files[f]);
        FILE *file = fopen(path, "wb");
        assert_true(file != NULL && fputc((int)f, file) == (int)f && fclose(file) == 0);
        assert_int_equal(truncate(path, (long)RECORD * (RECORDS - (f == 2))), 0);
    }
    refuse(DAM_DATASET_CIFAR10, DAM_DAMAGED, "49999 training images of 3 x 32 x 32");
    assert_int_equal(truncate("cifar10/data_batch_3.bin", (long)RECORD * RECORDS), 0);
    const struct dam_dataset *cifar10 = load(DAM_DATASET_CIFAR10);
    for (size_t f = 0; f < 5; f++)
        assert_int_equal(cifar10->train.labels[f * RECORDS], f);
    assert_int_equal(cifar10->test.labels[0], 5);
    assert_int_equal(bytes_of(cifar10), dam_dataset_size(DAM_DATASET_CIFAR10).bytes);
    dam_dataset_release();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_choice_has_a_name),
        cmocka_unit_test(synthetic_images_can_be_learnt),
        cmocka_unit_test(what_was_loaded_stays),
        scratch_test(takes_mnist_alone), /* before DAM_DATA is changed */
        scratch_test(says_where_it_looked),
        scratch_test(refuses_other_content),
        cmocka_unit_test(finds_the_package),
        scratch_test(reads_cifar10_of_any_content),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
