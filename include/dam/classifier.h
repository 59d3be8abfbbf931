/* Dense associative memories that classify (Krotov & Hopfield 2016, section 4).
 *
 * K memories xi hold entries for `visible` neurons, clamped to an image v in [-1, 1], and for
 * `classes` neurons, of which class a answers c_a = tanh(U_a). The largest U_a wins.
 *
 * Memory form: class neurons begin off (x = -1) and are updated once,
 *
 *     U_a = sum_mu [F(h_mu,a / T) - F(h_mu / T)],   F(x) = x^n for x >= 0, else 0,
 *     h_mu = sum_i xi_mu,i v_i - sum_b xi_mu,b   (all off),   h_mu,a = h_mu + 2 xi_mu,a (a on),
 *
 * which is the paper's with beta = 1 / T^n. Dual form, to which it tends where class entries are
 * small: the network with one hidden layer of K units and the activation f = F',
 *
 *     U_a = sum_mu (2 xi_mu,a / T) f(sum_i xi_mu,i v_i / T).
 *
 * Training descends C = sum over images and classes of (c_a - t_a)^(2 m), t_a = 1 for the image's
 * class and -1 for others. All is computed in 32-bit floats, images against each other scaled so
 * that every n and T here stays finite; sums have an order of their own, so that results depend on
 * the sgemm of the BLAS library and on nothing else. Set OPENBLAS_NUM_THREADS=1 and, where the
 * library does not know the CPU, OPENBLAS_CORETYPE.
 */
#ifndef DAM_CLASSIFIER_H
#define DAM_CLASSIFIER_H

#include <dam/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dam_classifier_form { DAM_CLASSIFIER_MEMORY, DAM_CLASSIFIER_DUAL };

/* f of the dual form, and the F that it belongs to: n x^(n-1) for x >= 0 (F = x^n; n = 2 is ReLU,
 * others are ReP_(n-1)), 1 / (1 + e^-x) (ln(1 + e^x)), tanh x (ln cosh x). */
enum dam_activation { DAM_ACTIVATION_RECTIFIED, DAM_ACTIVATION_LOGISTIC, DAM_ACTIVATION_TANH };

enum { DAM_CLASSIFIER_POWER_MAX = 60, DAM_CLASSIFIER_CLASSES_MAX = 16 };

struct dam_classifier_model {
    enum dam_classifier_form form;
    enum dam_activation activation; /* rectified in the memory form */
    int power;                      /* n, 2 .. DAM_CLASSIFIER_POWER_MAX */
    int loss_power;                 /* m, 1 .. DAM_CLASSIFIER_POWER_MAX */
    size_t memories;                /* K >= 1 */
    size_t visible;                 /* 1 .. 32768 */
    int classes;                    /* 2 .. DAM_CLASSIFIER_CLASSES_MAX */
};

struct dam_classifier;

/* A classifier whose memories and velocities are zero, with room for `batch` images at once.
 * *classifier is the caller's, to be freed with dam_classifier_destroy. Fails with DAM_MEMORY. */
enum dam_status dam_classifier_new(struct dam_classifier **classifier,
                                   const struct dam_classifier_model *model, size_t batch,
                                   struct dam_error *error) DAM_CHECKED;
void dam_classifier_destroy(struct dam_classifier *classifier);

/* Bytes that dam_classifier_new would take; infinity for none that could be had. */
double dam_classifier_bytes(const struct dam_classifier_model *model, size_t batch);

/* The vectors that new classifiers compute with, "generic", "avx2" or "avx512": those of the kernel
 * in use (dam/kernel.h). */
const char *dam_classifier_kernel_name(void);

/* What training changes: entries of memories, in [-1, 1], and of velocities, in units of
 * velocity_scale. To be read and written by the caller between calls. */
struct dam_classifier_state {
    float *visible, *visible_velocity; /* [memories][visible] */
    float *classes, *class_velocity;   /* [memories][classes] */
    double *velocity_scale;
};
struct dam_classifier_state dam_classifier_state(struct dam_classifier *classifier);

/* U_a of `count` (at most the batch) images, [count][visible] in [-1, 1], to [count][classes].
 * 1 <= temperature. Values beyond the range of doubles' exp are exact; the sign and order of U_a
 * are what counts there. */
void dam_classifier_potentials(struct dam_classifier *classifier, const float *images, size_t count,
                               double temperature, double *potentials);

/* The class of the largest potential, the first of equals. */
int dam_classifier_answer(const double *potentials, int classes);

/* The loss of `count` images with `labels` (0 .. classes - 1), returned, and its gradient in units
 * of *unit: the slope of C with memory mu's visible entry i is *unit visible[mu][i]. */
double dam_classifier_gradient(struct dam_classifier *classifier, const float *images,
                               const uint8_t *labels, size_t count, double temperature,
                               float *visible, float *classes, double *unit);

/* One step of training on a minibatch: V <- momentum V - dC/dxi, then xi <- xi + rate V / max|V|,
 * the largest of each memory's visible and class entries, clipped to [-1, 1]. Returns how many of
 * the images were answered wrongly, before the step. */
size_t dam_classifier_train(struct dam_classifier *classifier, const float *images,
                            const uint8_t *labels, size_t count, double temperature, double rate,
                            double momentum);

#ifdef __cplusplus
}
#endif

#endif
