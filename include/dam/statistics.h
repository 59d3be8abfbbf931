/* Intervals for shares of trials whose starts share pattern sets. */
#ifndef DAM_STATISTICS_H
#define DAM_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an interval allows for. */
enum dam_interval_scope {
    DAM_INTERVAL_NONE,   /* no trials: low and high are NaN */
    DAM_INTERVAL_STARTS, /* one pattern set: it covers the starts of that set only */
    DAM_INTERVAL_SETS    /* several sets: it covers the variance between sets too */
};

struct dam_interval {
    double low, high;
    enum dam_interval_scope scope;
};

/* A 95 % interval for the share of successes. Set k has trials[k] trials of which successes[k]
 * succeeded (0 <= successes[k] <= trials[k]); sets without trials are ignored.
 *
 * With several sets: Wilson's interval with the effective number of trials p (1 - p) / v, v the
 * between-set variance of the ratio estimator, and Student's t of sets - 1 degrees of freedom
 * (Dean & Pagano 2015). The effective number never exceeds the trials (design effect >= 1).
 * Where no trial or every trial succeeded v cannot be seen: a design effect of 5 is assumed,
 * but at least one effective trial a set, with the normal quantile, since v is not estimated.
 * With one set: Wilson's interval for its trials. */
struct dam_interval dam_interval_shared(const int64_t *successes, const int64_t *trials,
                                        size_t sets);

#ifdef __cplusplus
}
#endif

#endif
