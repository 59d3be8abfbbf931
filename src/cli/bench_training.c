#include "cli/bench_training.h"
#include "kinds/training.h"
#include <cblas.h>
#include <dam/images.h>
#include <dam/random.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    CLASSES = 10,
    IMAGES = 20000, /* in memory, of which those of an epoch are chosen at random */
    STEPS = 2       /* minibatches of an epoch */
};

const char *dam_bench_blas(void) {
    return openblas_get_corename();
}

/* ---- images ---- */

/* A fifth of the pixels are not black, about as in digits. No test images: epochs then end with
 * the last minibatch. */
static enum dam_status make_images(struct dam_dataset *dataset, struct dam_error *error) {
    *dataset = (struct dam_dataset){.train = {.count = IMAGES,
                                              .height = SIDE,
                                              .width = SIDE,
                                              .channels = 1,
                                              .pixels = malloc((size_t)IMAGES * PIXELS),
                                              .labels = malloc(IMAGES),
                                              .classes = CLASSES},
                                    .test = {.classes = CLASSES}};
    struct dam_images *images = &dataset->train;
    if (images->pixels == NULL || images->labels == NULL)
        return dam_fail(error, DAM_MEMORY, "bench: no memory for %d images", IMAGES);
    struct dam_stream stream = dam_stream_open(0, DAM_PURPOSE_SYNTHETIC, NULL, 0, 0);
    for (size_t i = 0; i < (size_t)IMAGES * PIXELS; i++) {
        uint32_t number = dam_stream_next(&stream);
        images->pixels[i] = number % 5 == 0 ? (uint8_t)(number >> 24) : 0;
    }
    for (size_t i = 0; i < IMAGES; i++)
        images->labels[i] = (uint8_t)(i % CLASSES);
    return DAM_OK;
}

/* ---- bare products ---- */

/* Matrices as a classifier has them. */
struct products {
    size_t memories, minibatch;
    size_t stride;               /* of overlaps */
    float *images;               /* [minibatch][PIXELS] */
    float *entries, *velocities; /* [memories][PIXELS] */
    float *overlaps;             /* [memories][stride] */
};

static float *make_matrix(size_t rows, size_t columns) {
    float *matrix = aligned_alloc(64, (rows * columns * sizeof *matrix + 63) / 64 * 64);
    struct dam_stream stream = dam_stream_open(0, DAM_PURPOSE_SYNTHETIC, NULL, 0, 1);
    for (size_t i = 0; matrix != NULL && i < rows * columns; i++)
        matrix[i] = (float)dam_stream_next(&stream) * 0x1p-32f - 0.5f;
    return matrix;
}

static void destroy_products(struct products *products) {
    free(products->images);
    free(products->entries);
    free(products->velocities);
    free(products->overlaps);
}

static enum dam_status make_products(struct products *products,
                                     const struct dam_bench_training *setting,
                                     struct dam_error *error) {
    size_t memories = setting->memories, minibatch = setting->minibatch,
           stride = (minibatch + 15) / 16 * 16;
    *products = (struct products){.memories = memories,
                                  .minibatch = minibatch,
                                  .stride = stride,
                                  .images = make_matrix(minibatch, PIXELS),
                                  .entries = make_matrix(memories, PIXELS),
                                  .velocities = make_matrix(memories, PIXELS),
                                  .overlaps = make_matrix(memories, stride)};
    if (products->images != NULL && products->entries != NULL && products->velocities != NULL &&
        products->overlaps != NULL)
        return DAM_OK;
    return dam_fail(error, DAM_MEMORY, "bench: no memory for matrices of %zu memories", memories);
}

/* The calls of a minibatch: overlaps, and velocities from the slopes by overlaps. */
static void multiply(const struct products *p) {
    const int memories = (int)p->memories, count = (int)p->minibatch, stride = (int)p->stride;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, memories, count, PIXELS, 1, p->entries,
                PIXELS, p->images, PIXELS, 0, p->overlaps, stride);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, memories, PIXELS, count, -1, p->overlaps,
                stride, p->images, PIXELS, 0.6f, p->velocities, PIXELS);
}

/* ---- both in turn ---- */

/* The paper's for large n. Slopes stay far from 0 with every n. */
static enum dam_status make_training(struct dam_training **training,
                                     const struct dam_bench_training *setting,
                                     const struct dam_dataset *dataset, struct dam_error *error) {
    const struct dam_training_settings settings = {
        .dataset = DAM_DATASET_MNIST, /* in size */
        .model = {.form = setting->form,
                  .activation = DAM_ACTIVATION_RECTIFIED,
                  .power = setting->power,
                  .loss_power = 3,
                  .memories = setting->memories},
        .learning_rate = 0.01,
        .decay = 1,
        .momentum = 0.6,
        .temperature_start = 540,
        .temperature_end = 540,
        .initial_mean = -0.3,
        .initial_sd = 0.3,
        .order = DAM_MINIBATCHES_BALANCED,
        .minibatch = setting->minibatch,
        .training = STEPS * setting->minibatch,
    };
    return dam_training_new_on(training, &settings, dataset, error);
}

static double processor_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct pair {
    double minibatch, sgemm; /* s */
};

static enum dam_status measure_pair(struct dam_training *training, const struct products *products,
                                    struct pair *pair, struct dam_error *error) {
    struct dam_training_errors errors;
    double begin = processor_time();
    enum dam_status status = dam_training_epoch(training, (struct dam_poll){0}, &errors, error);
    double between = processor_time();
    for (int step = 0; step < STEPS; step++)
        multiply(products);
    *pair = (struct pair){(between - begin) / STEPS, (processor_time() - between) / STEPS};
    return status;
}

enum { PAIRS_MAX = 1000 };

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The `quarter`-th quartile of what is in order. */
static double quartile(const double *values, size_t count, size_t quarter) {
    return values[count * quarter / 4];
}

static void summarise(const struct pair *pairs, size_t count, struct dam_bench_epoch *measured) {
    double minibatch[PAIRS_MAX], sgemm[PAIRS_MAX], ratio[PAIRS_MAX];
    for (size_t p = 0; p < count; p++) {
        minibatch[p] = pairs[p].minibatch;
        sgemm[p] = pairs[p].sgemm;
        ratio[p] = minibatch[p] / sgemm[p];
    }
    qsort(minibatch, count, sizeof *minibatch, compare);
    qsort(sgemm, count, sizeof *sgemm, compare);
    qsort(ratio, count, sizeof *ratio, compare);
    *measured = (struct dam_bench_epoch){.pairs = count,
                                         .minibatch = quartile(minibatch, count, 2),
                                         .sgemm = quartile(sgemm, count, 2)};
    for (size_t quarter = 1; quarter <= 3; quarter++)
        measured->quartiles[quarter - 1] = quartile(ratio, count, quarter);
}

static enum dam_status measure(struct dam_training *training, const struct products *products,
                               double seconds, struct dam_bench_epoch *measured,
                               struct dam_error *error) {
    struct pair pairs[PAIRS_MAX];
    size_t count = 0;
    double end = processor_time() + seconds;
    enum dam_status status = measure_pair(training, products, &pairs[0], error); /* to warm up */
    do
        status =
            status != DAM_OK ? status : measure_pair(training, products, &pairs[count++], error);
    while (status == DAM_OK && count < PAIRS_MAX && processor_time() < end);
    if (status == DAM_OK)
        summarise(pairs, count, measured);
    return status;
}

enum dam_status dam_bench_train(const struct dam_bench_training *setting, double seconds,
                                struct dam_bench_epoch *measured, struct dam_error *error) {
    struct dam_dataset dataset;
    struct products products = {0};
    struct dam_training *training = NULL;
    enum dam_status status = make_images(&dataset, error);
    if (status == DAM_OK)
        status = make_products(&products, setting, error);
    if (status == DAM_OK)
        status = make_training(&training, setting, &dataset, error);
    if (status == DAM_OK)
        status = measure(training, &products, seconds, measured, error);
    dam_training_destroy(training);
    destroy_products(&products);
    dam_images_destroy(&dataset.train);
    return status;
}
