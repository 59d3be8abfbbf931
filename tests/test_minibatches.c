/* The images of minibatches, counted one by one. */
#include <dam/minibatches.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLASSES = 3, COUNT = 47, SIZE = 12, EPOCHS = 40 };
enum { EACH = SIZE / CLASSES, PER_EPOCH = COUNT / SIZE };
static const struct dam_hash cell = {1, 2};

/* Classes of 24, 16 and 7 images, mixed up. */
static void fill_labels(uint8_t labels[COUNT]) {
    for (int i = 0; i < COUNT; i++)
        labels[i] = i % 2 == 0 ? 0 : i % 6 == 1 ? 2 : 1;
    labels[1] = 1;
}

static struct dam_minibatches *make(enum dam_minibatch_order order, size_t size, uint64_t seed,
                                    struct dam_hash hash, uint32_t replica) {
    struct dam_minibatches *minibatches;
    struct dam_error error;
    uint8_t labels[COUNT];
    fill_labels(labels);
    if (dam_minibatches_new(&minibatches, order, size, labels, COUNT, CLASSES, seed, &hash, replica,
                            &error) != DAM_OK)
        fail_msg("%s", error.text);
    memset(labels, 0, sizeof labels); /* they are copied */
    return minibatches;
}

/* A class goes through its images, one pass after the other, in minibatch after minibatch. */
static void balanced_minibatches_hold_as_many_of_each_class(void **state) {
    (void)state;
    uint8_t labels[COUNT];
    fill_labels(labels);
    int sizes[CLASSES] = {0}, met[CLASSES] = {0}, times[COUNT] = {0};
    for (int i = 0; i < COUNT; i++)
        sizes[labels[i]]++;
    struct dam_minibatches *minibatches = make(DAM_MINIBATCHES_BALANCED, SIZE, 1, cell, 0);
    assert_int_equal(dam_minibatches_per_epoch(minibatches), PER_EPOCH);
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (size_t index = 0; index < PER_EPOCH; index++) {
            uint32_t images[SIZE];
            int counts[CLASSES] = {0};
            assert_int_equal(dam_minibatches_take(minibatches, epoch, index, images), SIZE);
            for (int i = 0; i < SIZE; i++) {
                assert_in_range(images[i], 0, COUNT - 1);
                int class = labels[images[i]];
                counts[class]++;
                /* Not again before all others of its class were met as often. */
                assert_int_equal(times[images[i]]++, met[class]++ / sizes[class]);
            }
            for (int c = 0; c < CLASSES; c++)
                assert_int_equal(counts[c], EACH);
        }
    dam_minibatches_destroy(minibatches);
}

static void shuffled_minibatches_are_all_images_once(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 10, SIZE, COUNT};
    for (size_t s = 0; s < 4; s++) {
        struct dam_minibatches *minibatches = make(DAM_MINIBATCHES_SHUFFLED, sizes[s], 1, cell, 0);
        size_t per_epoch = (COUNT + sizes[s] - 1) / sizes[s];
        assert_int_equal(dam_minibatches_per_epoch(minibatches), per_epoch);
        for (uint64_t epoch = 0; epoch < 3; epoch++) {
            int times[COUNT] = {0};
            size_t met = 0;
            for (size_t index = 0; index < per_epoch; index++) {
                uint32_t images[COUNT];
                size_t taken = dam_minibatches_take(minibatches, epoch, index, images);
                assert_int_equal(taken, met + sizes[s] > COUNT ? COUNT - met : sizes[s]);
                for (size_t i = 0; i < taken; i++)
                    assert_int_equal(times[images[i]]++, 0);
                met += taken;
            }
            assert_int_equal(met, COUNT);
        }
        dam_minibatches_destroy(minibatches);
    }
}

/* Every image is as likely as another to be an epoch's first, and orders differ by epoch. */
static void orders_are_random(void **state) {
    (void)state;
    enum { DRAWS = 4700 };
    struct dam_minibatches *minibatches = make(DAM_MINIBATCHES_SHUFFLED, SIZE, 2, cell, 0);
    double counts[COUNT] = {0}, chi = 0;
    for (uint64_t epoch = 0; epoch < DRAWS; epoch++) {
        uint32_t images[SIZE];
        (void)dam_minibatches_take(minibatches, epoch, 0, images);
        counts[images[0]]++;
    }
    for (int i = 0; i < COUNT; i++)
        chi += (counts[i] - 100) * (counts[i] - 100) / 100;
    assert_true(chi < 46 + 5 * 9.6); /* five standard deviations */
    dam_minibatches_destroy(minibatches);
}

/* The images of an epoch, minibatch after minibatch. */
static void take_epoch(struct dam_minibatches *minibatches, uint64_t epoch,
                       uint32_t images[COUNT]) {
    memset(images, 0xff, COUNT * sizeof *images);
    size_t taken = 0;
    for (size_t index = 0; index < dam_minibatches_per_epoch(minibatches); index++)
        taken += dam_minibatches_take(minibatches, epoch, index, images + taken);
    assert_true(taken <= COUNT);
}

static void any_epoch_can_be_taken_up(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        uint32_t in_order[EPOCHS][COUNT], images[COUNT];
        struct dam_minibatches *minibatches =
            make((enum dam_minibatch_order)order, SIZE, 1, cell, 3);
        for (uint64_t epoch = 0; epoch < EPOCHS; epoch++)
            take_epoch(minibatches, epoch, in_order[epoch]);
        for (uint64_t epoch = EPOCHS; epoch-- > 0;) { /* backwards, by one and by another */
            take_epoch(minibatches, epoch, images);
            assert_memory_equal(images, in_order[epoch], sizeof images);
            struct dam_minibatches *fresh = make((enum dam_minibatch_order)order, SIZE, 1, cell, 3);
            take_epoch(fresh, epoch, images);
            assert_memory_equal(images, in_order[epoch], sizeof images);
            dam_minibatches_destroy(fresh);
        }
        dam_minibatches_destroy(minibatches);
    }
}

static void every_training_has_its_own_order(void **state) {
    (void)state;
    enum { OTHERS = 5 };
    for (int order = 0; order < 2; order++) {
        const enum dam_minibatch_order o = (enum dam_minibatch_order)order;
        struct dam_minibatches *all[OTHERS] = {make(o, SIZE, 1, cell, 0), make(o, SIZE, 2, cell, 0),
                                               make(o, SIZE, 1, cell, 1),
                                               make(o, SIZE, 1, (struct dam_hash){3, 2}, 0),
                                               make(o, SIZE, 1, (struct dam_hash){1, 3}, 0)};
        uint32_t images[OTHERS][COUNT];
        for (int i = 0; i < OTHERS; i++)
            take_epoch(all[i], 0, images[i]);
        for (int i = 0; i < OTHERS; i++)
            for (int j = 0; j < i; j++)
                assert_memory_not_equal(images[i], images[j], sizeof images[i]);
        for (int i = 0; i < OTHERS; i++)
            dam_minibatches_destroy(all[i]);
    }
}

/* Classes of as many images do not go through them side by side. */
static void every_class_has_its_own_order(void **state) {
    (void)state;
    enum { PAIRS = 20 };
    uint8_t labels[2 * PAIRS];
    for (int i = 0; i < 2 * PAIRS; i++)
        labels[i] = (uint8_t)(i % 2);
    struct dam_minibatches *minibatches;
    struct dam_error error;
    assert_int_equal(dam_minibatches_new(&minibatches, DAM_MINIBATCHES_BALANCED, 2 * PAIRS, labels,
                                         2 * PAIRS, 2, 1, &cell, 0, &error),
                     DAM_OK);
    uint32_t images[2 * PAIRS];
    assert_int_equal(dam_minibatches_take(minibatches, 0, 0, images), 2 * PAIRS);
    int same = 0;
    for (int i = 0; i < PAIRS; i++)
        same += images[i] / 2 == images[PAIRS + i] / 2;
    assert_in_range(same, 0, PAIRS / 2);
    dam_minibatches_destroy(minibatches);
}

static void balance_needs_an_image_of_every_class(void **state) {
    (void)state;
    static const uint8_t labels[] = {0, 1, 3, 3, 1, 0, 3, 1};
    struct dam_minibatches *minibatches;
    struct dam_error error;
    assert_int_equal(dam_minibatches_new(&minibatches, DAM_MINIBATCHES_BALANCED, 4, labels, 8, 4, 1,
                                         &cell, 0, &error),
                     DAM_INPUT);
    assert_non_null(strstr(error.text, "no image of class 2 among the 8"));
    assert_null(strchr(error.text, '\n'));
    dam_minibatches_destroy(minibatches);
    assert_int_equal(dam_minibatches_new(&minibatches, DAM_MINIBATCHES_SHUFFLED, 4, labels, 8, 4, 1,
                                         &cell, 0, &error),
                     DAM_OK);
    dam_minibatches_destroy(minibatches);
    dam_minibatches_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced_minibatches_hold_as_many_of_each_class),
        cmocka_unit_test(shuffled_minibatches_are_all_images_once),
        cmocka_unit_test(orders_are_random),
        cmocka_unit_test(any_epoch_can_be_taken_up),
        cmocka_unit_test(every_training_has_its_own_order),
        cmocka_unit_test(every_class_has_its_own_order),
        cmocka_unit_test(balance_needs_an_image_of_every_class),
    };
    return cmocka_run_group_tests_name("minibatches", tests, NULL, NULL);
}
