/* Where a search for a threshold begins: theory, with nothing that differs by CPU. */
#ifndef DAM_KINDS_THRESHOLD_GUESS_H
#define DAM_KINDS_THRESHOLD_GUESS_H

#include "kinds/criterion.h"

struct dam_threshold_guess {
    double memories; /* at least 1; may be very large */
    double slope;    /* of the criterion's share there, in ln K on the scale of logits */
};

/* `setting` without its memories. Of the Gaussian P_error, whose tail is approximated to 1 %. */
struct dam_threshold_guess dam_threshold_guess(const struct dam_dynamics_setting *setting,
                                               enum dam_criterion criterion, double level);

#endif
