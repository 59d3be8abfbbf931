/* Where does a share of trials cross a level? A sequential search over the number of memories K.
 *
 * Near the crossing K* the share is taken to be logistic in ln K:
 *
 *     logit p(K) = logit(level) -+ slope (ln K - ln K*)          (- falling, + rising)
 *
 * Trials come in sets (pattern sets) that share what is random, so that their variance exceeds the
 * binomial's by a design effect, which is estimated from the sets. The curve is fitted by
 * quasi-likelihood to what was tried near the crossing (within 2.5 of it on the scale of logits), a
 * weak prior of about one trial holding it where there is little; the interval follows from the
 * fit's covariance with Student's t, and allows for a slope that is not known well (Fieller).
 *
 * A search is a sequence of steps. Each asks for sets at two K on either side of the present
 * estimate, closer to it as the slope becomes known, so that in the end almost all trials are
 * spent where they decide and the true curve need be logistic only there. A step is an eighth of
 * all trials before it: far fewer steps than trials, and sets enough to run side by side. It
 * depends on the trials before it alone, not on the precision or the budget: raising them goes on
 * where the search stopped. Where the share crosses the level more than once, the search comes to
 * the crossing next to its guess: below it, if the share there is already beyond the level, else
 * above it. With a guess that is not far too low that is the crossing at the largest K.
 *
 * These functions use no libm: the same data give the same bits on every CPU.
 */
#ifndef DAM_CROSSING_H
#define DAM_CROSSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DAM_CROSSING_POINTS_MAX = 256 };

/* A smaller slope is taken for this. */
#define DAM_CROSSING_SLOPE_MIN 0.1

struct dam_crossing_search {
    double level;       /* 0 < level < 1 */
    bool rising;        /* the share grows with K; else it falls */
    int64_t guess;      /* K* beforehand, 1 .. most */
    double slope;       /* slope beforehand, > 0 */
    int64_t most;       /* the largest K to be tried */
    int64_t set_trials; /* trials of each set, at least 1 */
    int64_t trial_size; /* what a trial counts: 1 success at most, or so many (spins) */
    double precision;   /* half the 95 % interval over K* that is enough */
    int64_t max_trials;
};

/* What was seen at one K in one step. */
struct dam_crossing_point {
    int64_t memories;
    int64_t sets;
    int64_t successes; /* of all sets; at most sets set_trials trial_size */
    double squares;    /* sum over the sets of their successes squared */
};

enum dam_crossing_outcome {
    DAM_CROSSING_OPEN,  /* the search goes on */
    DAM_CROSSING_FOUND, /* the interval is as narrow as asked for */
    DAM_CROSSING_BELOW, /* already K = 1 is beyond the crossing */
    DAM_CROSSING_ABOVE, /* `most` is not beyond it yet */
    DAM_CROSSING_BUDGET /* another step would exceed max_trials (or 256 points) */
};

struct dam_crossing_estimate {
    double threshold, low, high; /* K* and its 95 % interval; high may be infinite, low 0 */
    double slope;                /* at least DAM_CROSSING_SLOPE_MIN */
    double design_effect;        /* at least 1 */
};

/* Fit the points. With none it is the prior. */
struct dam_crossing_estimate dam_crossing_fit(const struct dam_crossing_search *search,
                                              const struct dam_crossing_point *points,
                                              size_t count);

/* What to try next: `sets` sets at each of two K, which may be equal. */
struct dam_crossing_step {
    int64_t memories[2];
    int64_t sets;
};

/* Has the search ended, and if not, what is its next step? */
enum dam_crossing_outcome dam_crossing_next(const struct dam_crossing_search *search,
                                            const struct dam_crossing_point *points, size_t count,
                                            struct dam_crossing_step *step);

#ifdef __cplusplus
}
#endif

#endif
