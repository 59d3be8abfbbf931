/* What a trained classifier's memories are: features that several classes share, or prototypes of
 * one (Krotov & Hopfield 2016, section 4).
 *
 * Two numbers tell. A memory's recognition connections: how many of its class entries are on. An
 * image's contributing memories: with a the class that wins, memory mu adds to its potential U_a
 *
 *     F(h_mu,a) - F(h_mu)            memory form, overlaps as in dam/classifier.h
 *     xi_mu,a f(sum_i xi_mu,i v_i)   dual form
 *
 * and those count whose part is above a share of the largest. Overlaps are sums of 32-bit floats by
 * the BLAS library's sgemm, all else is in doubles; overlaps are taken in units of the image's
 * largest where powers could overflow, so that no n and T matters to what is finite.
 */
#ifndef DAM_FEATURES_H
#define DAM_FEATURES_H

#include <dam/classifier.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memories that belong to a model: of memory mu the model's visible entries, followed by its class
 * entries, begin at entries + mu * stride. Borrowed. */
struct dam_features {
    const struct dam_classifier_model *model; /* loss_power is not used */
    double temperature;                       /* matters to the logistic and tanh alone; >= 1 */
    const float *entries;
    size_t stride; /* at least visible + classes */
};

/* Count the memories that have 0, 1 ... class entries above `cutoff`: adds to connections[0 ..
 * classes]. */
void dam_features_connections(const struct dam_features *features, double cutoff,
                              uint64_t *connections);

/* Bytes that dam_features_contributions takes for `count` images. */
double dam_features_bytes(const struct dam_classifier_model *model, size_t count);

/* Answer `count` images, [count][visible] in [-1, 1], and count those for which 0, 1 ... memories
 * contribute more than `share` (0 .. 1) of the largest contribution, which is positive, to the
 * winning class (the first of equals): adds to contributing[0 .. memories]; 0 where none is
 * positive. Adds the images whose answer is not their label to *errors. Fails with DAM_MEMORY. */
enum dam_status dam_features_contributions(const struct dam_features *features, const float *images,
                                           const uint8_t *labels, size_t count, double share,
                                           uint64_t *contributing, uint64_t *errors,
                                           struct dam_error *error) DAM_CHECKED;

#ifdef __cplusplus
}
#endif

#endif
