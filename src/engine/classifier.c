#include "engine/kernels/classifier.h"
#include "engine/arrays.h"

#include <assert.h>
#include <cblas.h>
#include <dam/portable.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

/* Everything in one allocation. */
struct dam_classifier {
    struct dam_classifier_model model;
    const struct dam_classifier_kernel *kernel;
    size_t batch; /* images at once */
    void *memory;
    struct dam_classifier_state state;
    double velocity_scale;
    float *overlaps;               /* [memories][stride] */
    float *offsets;                /* [memories][1 + classes] */
    float *top;                    /* [memories] */
    float *largest, *inverse;      /* [stride] */
    float *sums, *slopes;          /* [classes][stride] */
    float *class_slopes;           /* [memories][classes] */
    double *factors;               /* U = factor sum [batch] */
    double *potentials, *steepest; /* U and dC/d(sum) [batch][classes] */
};

static size_t sixteens(size_t count) {
    return (count + CLASSIFIER_LANES - 1) / CLASSIFIER_LANES * CLASSIFIER_LANES;
}

/* ---- memory ---- */

/* An array: where its pointer is within the classifier, and its elements. */
struct array {
    size_t pointer, count, size;
};
#define ARRAY(field, elements)                                                                     \
    {                                                                                              \
        offsetof(struct dam_classifier, field), elements,                                          \
            sizeof *((struct dam_classifier *)NULL)->field                                         \
    }

/* Where each array of *c begins, c->memory being there, or with c = NULL only the bytes of all;
 * false where their size overflows. */
static bool lay_out(struct dam_classifier *c, size_t *bytes,
                    const struct dam_classifier_model *model, size_t batch) {
    const size_t memories = model->memories, classes = (size_t)model->classes,
                 stride = sixteens(batch);
    size_t visible, entries, matrix, variants;
    if (__builtin_mul_overflow(memories, model->visible, &visible) ||
        __builtin_mul_overflow(memories, classes, &entries) ||
        __builtin_mul_overflow(memories, stride, &matrix) ||
        __builtin_mul_overflow(memories, classes + 1, &variants))
        return false;
    const struct array arrays[] = {
        ARRAY(state.visible, visible),
        ARRAY(state.visible_velocity, visible),
        ARRAY(state.classes, entries),
        ARRAY(state.class_velocity, entries),
        ARRAY(overlaps, matrix),
        ARRAY(offsets, variants),
        ARRAY(top, memories),
        ARRAY(largest, stride),
        ARRAY(inverse, stride),
        ARRAY(sums, classes * stride),
        ARRAY(slopes, classes * stride),
        ARRAY(class_slopes, entries),
        ARRAY(factors, batch),
        ARRAY(potentials, batch * classes),
        ARRAY(steepest, batch * classes),
    };
    *bytes = 0;
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
        size_t offset;
        if (!dam_arrays_append(bytes, &offset, arrays[a].count, arrays[a].size))
            return false;
        if (c == NULL)
            continue;
        const void *begin = (char *)c->memory + offset;
        memcpy((char *)c + arrays[a].pointer, &begin, sizeof begin);
    }
    return true;
}

double dam_classifier_bytes(const struct dam_classifier_model *model, size_t batch) {
    size_t bytes;
    return lay_out(NULL, &bytes, model, batch) ? (double)bytes : INFINITY;
}

enum dam_status dam_classifier_new(struct dam_classifier **classifier,
                                   const struct dam_classifier_model *model, size_t batch,
                                   struct dam_error *error) {
    assert(model->power >= 2 && model->power <= DAM_CLASSIFIER_POWER_MAX);
    assert(model->loss_power >= 1 && model->loss_power <= DAM_CLASSIFIER_POWER_MAX);
    assert(model->classes >= 2 && model->classes <= DAM_CLASSIFIER_CLASSES_MAX);
    assert(model->memories >= 1 && model->visible >= 1 && batch >= 1);
    assert(model->form == DAM_CLASSIFIER_DUAL || model->activation == DAM_ACTIVATION_RECTIFIED);
    size_t bytes = 0;
    struct dam_classifier *c = *classifier = calloc(1, sizeof *c);
    if (c == NULL || model->memories > INT32_MAX || model->visible > INT32_MAX ||
        batch > INT32_MAX - CLASSIFIER_LANES || !lay_out(NULL, &bytes, model, batch) ||
        (c->memory = aligned_alloc(64, bytes)) == NULL) {
        free(c);
        *classifier = NULL;
        return dam_fail(error, DAM_MEMORY,
                        "no memory for a classifier of %zu memories of %zu neurons and %zu images "
                        "at once (%.3g bytes): fewer memories, or smaller minibatches",
                        model->memories, model->visible, batch, dam_classifier_bytes(model, batch));
    }
    memset(c->memory, 0, bytes);
    c->model = *model;
    c->kernel = dam_classifier_kernel_chosen();
    c->batch = batch;
    lay_out(c, &bytes, model, batch);
    c->state.velocity_scale = &c->velocity_scale;
    return DAM_OK;
}

void dam_classifier_destroy(struct dam_classifier *classifier) {
    if (classifier == NULL)
        return;
    free(classifier->memory);
    free(classifier);
}

struct dam_classifier_state dam_classifier_state(struct dam_classifier *classifier) {
    return classifier->state;
}

/* ---- numbers too small to matter ---- */

/* High powers of small overlaps are far below the largest term of their sum. As subnormal numbers
 * they would be a hundred times as slow, so they are 0 here, for the BLAS library too. */
static unsigned flush_to_zero(void) {
#ifdef __SSE__
    enum { FLUSH_AND_DENORMALS_ARE_ZERO = 0x8040 };
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | FLUSH_AND_DENORMALS_ARE_ZERO);
    return before;
#else
    return 0;
#endif
}

static void restore(unsigned before) {
#ifdef __SSE__
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

/* ---- forward ---- */

static bool memory_form(const struct dam_classifier *c) {
    return c->model.form == DAM_CLASSIFIER_MEMORY;
}

static bool rectified(const struct dam_classifier *c) {
    return c->model.activation == DAM_ACTIVATION_RECTIFIED;
}

/* What class entries add to overlaps: with all classes off, with each on, and at most. */
static void find_offsets(struct dam_classifier *c) {
    const size_t classes = (size_t)c->model.classes;
    for (size_t mu = 0; mu < c->model.memories; mu++) {
        const float *entries = c->state.classes + mu * classes;
        float *offsets = c->offsets + mu * (classes + 1), off = 0;
        for (size_t a = 0; a < classes; a++)
            off -= entries[a];
        offsets[0] = c->top[mu] = off;
        for (size_t a = 0; a < classes; a++) {
            offsets[a + 1] = off + 2 * entries[a];
            c->top[mu] = fmaxf(c->top[mu], offsets[a + 1]);
        }
    }
}

/* Each image's overlaps are taken in units of its largest where powers could overflow, and U is
 * its sum times a factor in doubles. Where nothing is positive nothing adds to U. */
static void find_scales(struct dam_classifier *c, const struct dam_classifier_batch *batch,
                        size_t count, double temperature) {
    const float least = 1e-6f;
    const int power = c->model.power;
    if (!rectified(c)) {
        for (size_t image = 0; image < count; image++) {
            c->inverse[image] = (float)(1 / temperature);
            c->factors[image] = 2 / temperature;
        }
        return;
    }
    if (!memory_form(c))
        memset(c->top, 0, c->model.memories * sizeof *c->top);
    c->kernel->largest(batch, c->top, c->largest);
    for (size_t image = 0; image < count; image++) {
        bool any = c->largest[image] > least;
        float inverse = c->inverse[image] = any ? 1 / c->largest[image] : 0;
        double ratio = any ? 1 / (inverse * temperature) : 0;
        c->factors[image] = memory_form(c) ? dam_portable_power(ratio, (uint64_t)power)
                                           : 2 * power / temperature *
                                                 dam_portable_power(ratio, (uint64_t)(power - 1));
    }
}

/* Overlaps and potentials of a minibatch. */
static struct dam_classifier_batch forward(struct dam_classifier *c, const float *images,
                                           size_t count, double temperature) {
    assert(count >= 1 && count <= c->batch && temperature >= 1);
    const size_t classes = (size_t)c->model.classes, stride = sixteens(count);
    const int visible = (int)c->model.visible;
    struct dam_classifier_batch batch = {
        .activation = c->model.activation,
        .power = c->model.power,
        .classes = c->model.classes,
        .memories = c->model.memories,
        .stride = stride,
        .overlaps = c->overlaps,
        .entries = c->state.classes,
        .offsets = c->offsets,
        .inverse = c->inverse,
        .sums = c->sums,
        .slopes = c->slopes,
        .class_slopes = c->class_slopes,
    };
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)c->model.memories, (int)count,
                visible, 1, c->state.visible, visible, images, visible, 0, c->overlaps,
                (int)stride);
    for (size_t mu = 0; count < stride && mu < c->model.memories; mu++)
        memset(c->overlaps + mu * stride + count, 0, (stride - count) * sizeof(float));
    for (size_t image = count; image < stride; image++)
        c->inverse[image] = 0;
    if (memory_form(c))
        find_offsets(c);
    find_scales(c, &batch, count, temperature);
    if (memory_form(c))
        c->kernel->memory_forward(&batch);
    else
        c->kernel->dual_forward(&batch);
    for (size_t image = 0; image < count; image++)
        for (size_t a = 0; a < classes; a++)
            c->potentials[image * classes + a] = c->factors[image] * c->sums[a * stride + image];
    return batch;
}

void dam_classifier_potentials(struct dam_classifier *c, const float *images, size_t count,
                               double temperature, double *potentials) {
    unsigned before = flush_to_zero();
    forward(c, images, count, temperature);
    memcpy(potentials, c->potentials, count * (size_t)c->model.classes * sizeof *potentials);
    restore(before);
}

int dam_classifier_answer(const double *potentials, int classes) {
    int answer = 0;
    for (int a = 1; a < classes; a++)
        if (potentials[a] > potentials[answer])
            answer = a;
    return answer;
}

/* ---- backward ---- */

/* tanh U - t, t = 1 or -1, and the slope of tanh there, without cancellation. */
static void answer_of(double potential, int target, double *difference, double *slope) {
    double e = dam_portable_exp(-2 * fabs(potential)), near = 2 * e / (1 + e);
    bool same = (potential >= 0) == (target > 0);
    *difference = same ? near : 2 - near; /* |c - t| */
    *difference *= -target;
    *slope = near * (2 - near);
}

/* The loss; dC/d(sum) of the kernels to c->steepest. */
static double find_slopes(struct dam_classifier *c, const uint8_t *labels, size_t count) {
    const int classes = c->model.classes, loss_power = c->model.loss_power;
    const bool scaled = memory_form(c); /* memory_backward leaves n / scale out */
    double loss = 0;
    for (size_t image = 0; image < count; image++) {
        double factor = c->factors[image] * (scaled ? c->model.power * c->inverse[image] : 1);
        assert(labels[image] < classes);
        for (int a = 0; a < classes; a++) {
            size_t i = image * (size_t)classes + (size_t)a;
            double difference, slope;
            answer_of(c->potentials[i], a == labels[image] ? 1 : -1, &difference, &slope);
            double power = dam_portable_power(difference, (uint64_t)(2 * loss_power - 1));
            loss += power * difference;
            c->steepest[i] = 2 * loss_power * power * slope * factor;
        }
    }
    return loss;
}

/* The kernels get slopes in units of the largest, which is returned: what is much smaller than it
 * does not count. */
static double scale_slopes(struct dam_classifier *c, size_t count, size_t stride) {
    const size_t classes = (size_t)c->model.classes;
    double unit = 0;
    for (size_t i = 0; i < count * classes; i++)
        unit = fmax(unit, fabs(c->steepest[i]));
    memset(c->slopes, 0, classes * stride * sizeof *c->slopes);
    if (unit < DBL_MIN)
        return 0;
    for (size_t image = 0; image < count; image++)
        for (size_t a = 0; a < classes; a++)
            c->slopes[a * stride + image] = (float)(c->steepest[image * classes + a] / unit);
    return unit;
}

/* The loss; *unit, and in its units dC/d(xi v) in c->overlaps and dC/d(xi_a) in c->class_slopes. */
static double backward(struct dam_classifier *c, const struct dam_classifier_batch *batch,
                       const uint8_t *labels, size_t count, double *unit) {
    double loss = find_slopes(c, labels, count);
    *unit = scale_slopes(c, count, batch->stride);
    if (memory_form(c))
        c->kernel->memory_backward(batch);
    else
        c->kernel->dual_backward(batch);
    return loss;
}

/* result = alpha (dC/dxi, visible) + beta result */
static void gather_visible(const struct dam_classifier *c, const struct dam_classifier_batch *batch,
                           const float *images, size_t count, double alpha, double beta,
                           float *result) {
    const int visible = (int)c->model.visible;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)c->model.memories, visible,
                (int)count, (float)alpha, batch->overlaps, (int)batch->stride, images, visible,
                (float)beta, result, visible);
}

double dam_classifier_gradient(struct dam_classifier *c, const float *images, const uint8_t *labels,
                               size_t count, double temperature, float *visible, float *classes,
                               double *unit) {
    unsigned before = flush_to_zero();
    struct dam_classifier_batch batch = forward(c, images, count, temperature);
    double loss = backward(c, &batch, labels, count, unit);
    gather_visible(c, &batch, images, count, 1, 0, visible);
    memcpy(classes, c->class_slopes,
           c->model.memories * (size_t)c->model.classes * sizeof *classes);
    restore(before);
    return loss;
}

/* ---- training ---- */

static size_t count_errors(const struct dam_classifier *c, const uint8_t *labels, size_t count) {
    const int classes = c->model.classes;
    size_t errors = 0;
    for (size_t image = 0; image < count; image++)
        errors += dam_classifier_answer(c->potentials + image * (size_t)classes, classes) !=
                  labels[image];
    return errors;
}

/* xi <- xi + rate V / max|V|, memory by memory. */
static void descend(struct dam_classifier *c, double rate) {
    const size_t visible = c->model.visible, classes = (size_t)c->model.classes;
    const struct dam_classifier_kernel *kernel = c->kernel;
    for (size_t mu = 0; mu < c->model.memories; mu++) {
        const float *v = c->state.visible_velocity + mu * visible;
        const float *w = c->state.class_velocity + mu * classes;
        float most = fmaxf(kernel->magnitude(v, visible), kernel->magnitude(w, classes));
        if (most < FLT_MIN) /* nothing moves this memory */
            continue;
        float factor = (float)rate / most;
        kernel->descend(c->state.visible + mu * visible, v, factor, visible);
        kernel->descend(c->state.classes + mu * classes, w, factor, classes);
    }
}

size_t dam_classifier_train(struct dam_classifier *c, const float *images, const uint8_t *labels,
                            size_t count, double temperature, double rate, double momentum) {
    unsigned before = flush_to_zero();
    struct dam_classifier_batch batch = forward(c, images, count, temperature);
    size_t errors = count_errors(c, labels, count);
    double unit;
    backward(c, &batch, labels, count, &unit);
    /* Velocities are in units of what is larger: the new slopes or what is left of the old. */
    double left = momentum * c->velocity_scale, scale = fmax(left, unit);
    if (scale > DBL_MIN) {
        double alpha = -unit / scale, beta = left / scale;
        gather_visible(c, &batch, images, count, alpha, beta, c->state.visible_velocity);
        for (size_t i = 0; i < c->model.memories * (size_t)c->model.classes; i++)
            c->state.class_velocity[i] =
                (float)beta * c->state.class_velocity[i] + (float)alpha * c->class_slopes[i];
        c->velocity_scale = scale;
        descend(c, rate);
    }
    restore(before);
    return errors;
}
