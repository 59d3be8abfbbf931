/* The loops of classifier.h, for any width of vector. A file for some CPUs defines, before it
 * includes this,
 *
 *     KERNEL_NAME    as a string
 *     KERNEL_TABLE   the table's identifier
 *     LANES          floats in a vector, a divisor of CLASSIFIER_LANES
 *     vector maximum(vector a, vector b), a > b ? a : b, with `vector` of so many floats
 *
 * and else they are what every CPU has, or compilers take apart. Powers of all variants of one
 * image vector are raised together, so that the multiplications of one hide the latency of another.
 * Ten classes are a case of their own: their number is then known to the compiler, which keeps what
 * is summed in registers.
 */
#ifndef DAM_ENGINE_KERNELS_CLASSIFIER_LOOPS_H
#define DAM_ENGINE_KERNELS_CLASSIFIER_LOOPS_H

#include "engine/kernels/classifier.h"

#include <math.h>
#include <string.h>

#ifndef KERNEL_NAME
#define KERNEL_NAME  "generic"
#define KERNEL_TABLE dam_classifier_kernel_generic
enum { LANES = 4 };
typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int32_t mask __attribute__((vector_size(4 * LANES)));

static inline vector maximum(vector a, vector b) {
    mask larger = a > b;
    return (vector)(((mask)a & larger) | ((mask)b & ~larger));
}
#endif

enum { PARTS = CLASSIFIER_LANES / LANES, TEN = 10 };

#define ALWAYS static inline __attribute__((always_inline))

typedef int32_t integers __attribute__((vector_size(4 * LANES)));

ALWAYS vector load(const float *from) {
    return *(const vector *)from;
}

ALWAYS void store(float *to, vector value) {
    *(vector *)to = value;
}

ALWAYS vector all(float value) {
    vector zero = {0};
    return zero + value;
}

/* x[i] <- x[i]^power, power >= 1, by squaring. */
ALWAYS void raise_all(vector *x, int count, int power) {
    vector base[1 + DAM_CLASSIFIER_CLASSES_MAX];
    for (int i = 0; i < count; i++)
        base[i] = x[i];
    for (int bit = 30 - __builtin_clz((unsigned)power); bit >= 0; bit--) {
        for (int i = 0; i < count; i++)
            x[i] *= x[i];
        if ((power >> bit & 1) != 0)
            for (int i = 0; i < count; i++)
                x[i] *= base[i];
    }
}

static void largest(const struct dam_classifier_batch *batch, const float *top, float *most) {
    for (size_t image = 0; image < batch->stride; image += LANES)
        store(most + image, load(batch->overlaps + image) + top[0]);
    for (size_t mu = 1; mu < batch->memories; mu++) {
        const float *row = batch->overlaps + mu * batch->stride;
        for (size_t image = 0; image < batch->stride; image += LANES)
            store(most + image, maximum(load(most + image), load(row + image) + top[mu]));
    }
}

/* ---- memory form ---- */

/* ReP_1 of (overlap + offset) / scale, with all classes off and then with each on. */
ALWAYS void rectify(vector *r, const float *overlap, const float *inverse, const float *offsets,
                    int classes) {
    const vector zero = {0}, h = load(overlap), factor = load(inverse);
    for (int a = 0; a <= classes; a++)
        r[a] = maximum((h + offsets[a]) * factor, zero);
}

ALWAYS void forward_classes(const struct dam_classifier_batch *batch, int classes) {
    const size_t stride = batch->stride;
    memset(batch->sums, 0, (size_t)classes * stride * sizeof *batch->sums);
    for (size_t mu = 0; mu < batch->memories; mu++) {
        const float *offsets = batch->offsets + mu * (size_t)(classes + 1);
        const float *overlaps = batch->overlaps + mu * stride;
        for (size_t image = 0; image < stride; image += LANES) {
            vector r[1 + DAM_CLASSIFIER_CLASSES_MAX];
            rectify(r, overlaps + image, batch->inverse + image, offsets, classes);
            raise_all(r, classes + 1, batch->power);
            for (int a = 0; a < classes; a++) {
                float *sum = batch->sums + (size_t)a * stride + image;
                store(sum, load(sum) + (r[a + 1] - r[0]));
            }
        }
    }
}

static void memory_forward(const struct dam_classifier_batch *batch) {
    if (batch->classes == TEN)
        forward_classes(batch, TEN);
    else
        forward_classes(batch, batch->classes);
}

/* Sixteen sums, added in one order. */
ALWAYS float added(const vector parts[PARTS]) {
    float lanes[CLASSIFIER_LANES];
    memcpy(lanes, parts, sizeof lanes);
    for (int width = CLASSIFIER_LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++)
            lanes[lane] += lanes[lane + width];
    return lanes[0];
}

ALWAYS void backward_classes(const struct dam_classifier_batch *batch, int classes) {
    const size_t stride = batch->stride;
    for (size_t mu = 0; mu < batch->memories; mu++) {
        const float *offsets = batch->offsets + mu * (size_t)(classes + 1);
        float *overlaps = batch->overlaps + mu * stride;
        vector on[DAM_CLASSIFIER_CLASSES_MAX][PARTS] = {{{0}}}, all_classes[PARTS] = {{0}};
        for (size_t sixteen = 0; sixteen < stride; sixteen += CLASSIFIER_LANES) {
            for (int part = 0; part < PARTS; part++) {
                size_t image = sixteen + (size_t)part * LANES;
                vector r[1 + DAM_CLASSIFIER_CLASSES_MAX], total = {0}, slopes = {0};
                rectify(r, overlaps + image, batch->inverse + image, offsets, classes);
                raise_all(r, classes + 1, batch->power - 1);
                for (int a = 0; a < classes; a++) {
                    vector slope = load(batch->slopes + (size_t)a * stride + image);
                    vector term = slope * r[a + 1];
                    slopes += slope;
                    total += term;
                    on[a][part] += term;
                }
                total -= slopes * r[0];
                store(overlaps + image, total);
                all_classes[part] += total;
            }
        }
        float common = added(all_classes);
        for (int a = 0; a < classes; a++)
            batch->class_slopes[mu * (size_t)classes + (size_t)a] = 2 * added(on[a]) - common;
    }
}

static void memory_backward(const struct dam_classifier_batch *batch) {
    if (batch->classes == TEN)
        backward_classes(batch, TEN);
    else
        backward_classes(batch, batch->classes);
}

/* ---- dual form ---- */

/* e^x - 1 = 2^k (e^r - 1) + 2^k - 1, |r| <= ln 2 / 2, by the series of e^r - 1: small x loses no
 * digits. x is kept where 2^k is a normal number. */
ALWAYS vector exponential_less_1(vector x) {
    const float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f, shift = 0x1.8p23f;
    x = maximum(x, all(-87));
    x = -maximum(-x, all(-88));
    vector shifted = x * (float)M_LOG2E + shift;
    vector k = shifted - shift;
    vector r = (x - k * ln2_high) - k * ln2_low;
    vector sum = all(1.0f / 5040);
    static const float terms[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1};
    for (size_t term = 0; term < sizeof terms / sizeof *terms; term++)
        sum = sum * r + terms[term];
    vector scale = (vector)((integers)all(1) + ((integers)shifted << 23));
    return scale * (sum * r) + (scale - 1);
}

/* g(r) and its slope. */
ALWAYS void activate(const struct dam_classifier_batch *batch, vector r, vector *value,
                     vector *slope) {
    const vector zero = {0};
    if (batch->activation == DAM_ACTIVATION_RECTIFIED) {
        vector base = maximum(r, zero), power = base;
        if (batch->power == 2) { /* the slope is a step */
            *value = base;
            *slope = (vector)((integers)all(1) & (integers)(r > zero));
            return;
        }
        if (batch->power > 3)
            raise_all(&power, 1, batch->power - 2);
        *value = power * base;
        *slope = power * (float)(batch->power - 1);
    } else if (batch->activation == DAM_ACTIVATION_LOGISTIC) {
        *value = 1 / (2 + exponential_less_1(-r));
        *slope = *value * (1 - *value);
    } else {
        vector e = exponential_less_1(2 * r);
        *value = e / (e + 2);
        *slope = 1 - *value * *value;
    }
}

static void dual_forward(const struct dam_classifier_batch *batch) {
    const size_t stride = batch->stride, classes = (size_t)batch->classes;
    memset(batch->sums, 0, classes * stride * sizeof *batch->sums);
    for (size_t mu = 0; mu < batch->memories; mu++) {
        const float *entries = batch->entries + mu * classes;
        const float *overlaps = batch->overlaps + mu * stride;
        for (size_t image = 0; image < stride; image += LANES) {
            vector value, slope;
            activate(batch, load(overlaps + image) * load(batch->inverse + image), &value, &slope);
            for (size_t a = 0; a < classes; a++) {
                float *sum = batch->sums + a * stride + image;
                store(sum, load(sum) + value * entries[a]);
            }
        }
    }
}

static void dual_backward(const struct dam_classifier_batch *batch) {
    const size_t stride = batch->stride, classes = (size_t)batch->classes;
    for (size_t mu = 0; mu < batch->memories; mu++) {
        const float *entries = batch->entries + mu * classes;
        float *overlaps = batch->overlaps + mu * stride;
        vector sums[DAM_CLASSIFIER_CLASSES_MAX][PARTS] = {{{0}}};
        for (size_t sixteen = 0; sixteen < stride; sixteen += CLASSIFIER_LANES) {
            for (int part = 0; part < PARTS; part++) {
                size_t image = sixteen + (size_t)part * LANES;
                vector inverse = load(batch->inverse + image), value, slope, total = {0};
                activate(batch, load(overlaps + image) * inverse, &value, &slope);
                for (size_t a = 0; a < classes; a++) {
                    vector above = load(batch->slopes + a * stride + image);
                    sums[a][part] += above * value;
                    total += above * entries[a];
                }
                store(overlaps + image, total * slope * inverse);
            }
        }
        for (size_t a = 0; a < classes; a++)
            batch->class_slopes[mu * classes + a] = added(sums[a]);
    }
}

/* ---- a step ---- */

static float magnitude(const float *x, size_t count) {
    float most = 0;
    vector lanes = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vector value;
        memcpy(&value, x + i, sizeof value);
        lanes = maximum(lanes, (vector)((integers)value & 0x7fffffff));
    }
    for (int lane = 0; lane < LANES; lane++)
        most = lanes[lane] > most ? lanes[lane] : most;
    for (; i < count; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return most;
}

static void descend(float *x, const float *v, float factor, size_t count) {
    size_t i = 0;
    const vector one = all(1);
    for (; i + LANES <= count; i += LANES) {
        vector value, velocity;
        memcpy(&value, x + i, sizeof value);
        memcpy(&velocity, v + i, sizeof velocity);
        value = -maximum(-maximum(value + factor * velocity, -one), -one);
        memcpy(x + i, &value, sizeof value);
    }
    for (; i < count; i++)
        x[i] = fminf(fmaxf(x[i] + factor * v[i], -1), 1);
}

const struct dam_classifier_kernel KERNEL_TABLE = {
    .name = KERNEL_NAME,
    .largest = largest,
    .memory_forward = memory_forward,
    .memory_backward = memory_backward,
    .dual_forward = dual_forward,
    .dual_backward = dual_backward,
    .magnitude = magnitude,
    .descend = descend,
};

#endif
