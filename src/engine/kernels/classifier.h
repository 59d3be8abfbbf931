/* The loops of ../classifier.c over memories, images and classes, as a table of functions. The
 * matrix products, which take most of the time, are the BLAS library's.
 *
 * Images are by sixteens, [memory][image] with rows of `stride` floats, so that every sum over
 * memories is one lane's and every sum over images is sixteen of them, added at the end: kernels
 * of all widths give the same bits.
 */
#ifndef DAM_ENGINE_KERNELS_CLASSIFIER_H
#define DAM_ENGINE_KERNELS_CLASSIFIER_H

#include <dam/classifier.h>
#include <stdbool.h>

enum { CLASSIFIER_LANES = 16 };

/* One minibatch. Arrays are aligned to 64 bytes; images beyond the last have inverse and slopes
 * 0 and finite overlaps. */
struct dam_classifier_batch {
    enum dam_activation activation;
    int power, classes;
    size_t memories;
    size_t stride;        /* images, a multiple of CLASSIFIER_LANES */
    float *overlaps;      /* xi v [memories][stride]; backward leaves dC/d(xi v) there */
    const float *entries; /* class entries xi_a [memories][classes] */
    const float *offsets; /* memory form: h - xi v of off and of every class on, [memories][1 +
                             classes] */
    const float *inverse; /* 1 / scale [stride] */
    float *sums;          /* of the potentials, [classes][stride] */
    const float *slopes;  /* dC / d(sum) [classes][stride] */
    float *class_slopes;  /* dC/d xi_a [memories][classes] */
};

struct dam_classifier_kernel {
    const char *name;

    /* largest[image] = max over memories of overlap + top[memory] */
    void (*largest)(const struct dam_classifier_batch *batch, const float *top, float *largest);

    /* With r = (xi v + offset) / scale: sums_a = sum_mu ReP_n(r_a) - ReP_n(r_off), and the slopes
     * of sum_a slopes_a sums_a, by n / scale too small. */
    void (*memory_forward)(const struct dam_classifier_batch *batch);
    void (*memory_backward)(const struct dam_classifier_batch *batch);

    /* With r = xi v / scale and g = ReP_(n-1), logistic or tanh: sums_a = sum_mu xi_a g(r), and
     * the slopes of sum_a slopes_a sums_a. */
    void (*dual_forward)(const struct dam_classifier_batch *batch);
    void (*dual_backward)(const struct dam_classifier_batch *batch);

    /* The largest |x|. */
    float (*magnitude)(const float *x, size_t count);

    /* x <- x + factor v, clipped to [-1, 1] */
    void (*descend)(float *x, const float *v, float factor, size_t count);
};

extern const struct dam_classifier_kernel dam_classifier_kernel_generic;
extern const struct dam_classifier_kernel dam_classifier_kernel_avx2; /* x86-64 */
extern const struct dam_classifier_kernel dam_classifier_kernel_avx512;

/* The one that new classifiers use. */
const struct dam_classifier_kernel *dam_classifier_kernel_chosen(void);

#endif
