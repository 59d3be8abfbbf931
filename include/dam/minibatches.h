/* Which images a training meets, and when: a pure function of (seed, cell, replica, epoch), so that
 * a training can be taken up at any epoch. */
#ifndef DAM_MINIBATCHES_H
#define DAM_MINIBATCHES_H

#include <dam/error.h>
#include <dam/random.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dam_minibatch_order {
    DAM_MINIBATCHES_BALANCED, /* as many of each class in every minibatch; each class goes through
                                 its images again and again, in a new order each time, so that those
                                 of rare classes are met more often; images that would not fill a
                                 minibatch wait for the next epoch */
    DAM_MINIBATCHES_SHUFFLED  /* all images in a new order every epoch; the last minibatch may be
                                 smaller */
};
extern const char *const dam_minibatch_order_names[]; /* NULL at the end */

struct dam_minibatches;

/* Minibatches of `size` out of `count` images whose labels (0 .. classes - 1, copied) are given,
 * size <= count. Balanced: size is a multiple of classes, each of which has an image, else
 * DAM_INPUT. *minibatches is the caller's, to be freed with dam_minibatches_destroy. Fails with
 * DAM_MEMORY too. */
enum dam_status dam_minibatches_new(struct dam_minibatches **minibatches,
                                    enum dam_minibatch_order order, size_t size,
                                    const uint8_t *labels, size_t count, int classes, uint64_t seed,
                                    const struct dam_hash *cell, uint32_t replica,
                                    struct dam_error *error) DAM_CHECKED;
void dam_minibatches_destroy(struct dam_minibatches *minibatches);

/* Minibatches in an epoch. */
size_t dam_minibatches_per_epoch(const struct dam_minibatches *minibatches);

/* The images (0 .. count - 1) of minibatch `index` (0 .. per_epoch - 1) of an epoch (from 0); room
 * for `size` of them. Returns how many. Fast where epochs and indices come in order. */
size_t dam_minibatches_take(struct dam_minibatches *minibatches, uint64_t epoch, size_t index,
                            uint32_t *images);

#ifdef __cplusplus
}
#endif

#endif
