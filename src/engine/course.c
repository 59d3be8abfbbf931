#include "engine/course.h"

void dam_course_begin(struct dam_course *course, uint64_t start, int8_t *spins, int32_t *order,
                      int neurons, const struct dam_ensemble_options *options) {
    course->outcome = (struct dam_retrieval_outcome){0};
    course->sweep_flips = course->last_turn = 0;
    course->position = 0;
    course->start = start;
    options->begin(options->context, start, spins, &course->stream);
    if (options->order == DAM_ORDER_RANDOM && options->max_sweeps > 0)
        dam_stream_permutation(&course->stream, order, neurons);
}

bool dam_course_sweep(struct dam_course *course, int32_t *order, int neurons,
                      const struct dam_ensemble_options *options) {
    course->outcome.sweeps++;
    course->outcome.converged = course->sweep_flips == 0;
    if (course->outcome.converged || course->outcome.sweeps == options->max_sweeps)
        return false;
    course->sweep_flips = 0;
    course->position = 0;
    if (options->order == DAM_ORDER_RANDOM)
        dam_stream_permutation(&course->stream, order, neurons);
    return true;
}

void dam_course_end(const struct dam_course *course, struct dam_ensemble_end *end, int neurons,
                    struct dam_ensemble_counts *counts,
                    const struct dam_ensemble_options *options) {
    end->outcome = course->outcome;
    counts->starts++;
    counts->flips += (uint64_t)course->outcome.flips;
    counts->visits += (uint64_t)(course->last_turn + neurons);
    options->end(options->context, course->start, end);
}
