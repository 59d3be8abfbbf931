/* The course of one start among many that are under way: its sweeps over the neurons, from its
 * first state until it ends, as dam_ensemble_options asks for them. What flips a neuron is the
 * matter of tiles.h and tensor.h, which let starts wait for each other.
 */
#ifndef DAM_ENGINE_COURSE_H
#define DAM_ENGINE_COURSE_H

#include <dam/ensemble.h>

struct dam_course {
    struct dam_retrieval_outcome outcome;
    int64_t sweep_flips; /* in this sweep */
    int64_t last_turn;   /* turns up to and including the last flip */
    int position;        /* in the sweep */
    int next;            /* the start that waits behind it, for those who keep lists */
    uint64_t start;
    struct dam_stream stream; /* of its permutations; needed between sweeps alone, so it is last */
};

/* Have the first state of a start put into `spins` [N]. `order` [N], the neurons in the order of
 * the sweep, is filled in and used for random order alone. */
void dam_course_begin(struct dam_course *course, uint64_t start, int8_t *spins, int32_t *order,
                      int neurons, const struct dam_ensemble_options *options);

/* The neuron at the course's position has flipped, and the next one has its turn. */
static inline void dam_course_flip(struct dam_course *course, int neurons) {
    course->sweep_flips++;
    course->outcome.flips++;
    course->position++;
    course->last_turn = course->outcome.sweeps * neurons + course->position;
}

/* A sweep is over: begin the next one. False where the start has ended, by a sweep without a flip
 * or as it has made all that it may. */
bool dam_course_sweep(struct dam_course *course, int32_t *order, int neurons,
                      const struct dam_ensemble_options *options);

/* Tell how it ended, and count it. The caller has filled in all of *end but the outcome. */
void dam_course_end(const struct dam_course *course, struct dam_ensemble_end *end, int neurons,
                    struct dam_ensemble_counts *counts, const struct dam_ensemble_options *options);

#endif
