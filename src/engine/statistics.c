/* Wilson's interval with an effective number of trials (Dean & Pagano 2015, J. Surv. Stat.
 * Methodol. 3, 484: of the intervals for clustered samples, this one keeps its coverage best). */
#include <dam/statistics.h>

#include <assert.h>
#include <math.h>

/* Assumed where every trial succeeded or every trial failed: the most seen in our measurements. */
static const double UNSEEN_DESIGN_EFFECT = 5;

static const double NORMAL_QUANTILE = 1.959963984540054; /* 0.975 */

/* P(|T| < t) for Student's t: the finite sums over powers of cos of Abramowitz & Stegun 26.7.3
 * and 26.7.4. */
static double student_body(double t, size_t freedom) {
    double angle = atan2(t, sqrt((double)freedom));
    double cosine = cos(angle);
    double sum = 0;
    double term = freedom % 2 == 0 ? 1 : cosine;
    for (size_t k = freedom % 2; k + 2 <= freedom; k += 2) {
        sum += term;
        term *= cosine * cosine * (double)(k + 1) / (double)(k + 2);
    }
    return freedom % 2 == 0 ? sin(angle) * sum : 2 / M_PI * (angle + sin(angle) * sum);
}

/* The 0.975 quantile of Student's t, by bisection between the normal's and that of freedom 1. */
static double student_quantile(size_t freedom) {
    double low = NORMAL_QUANTILE, high = 12.71;
    while (high - low > 1e-12) {
        double middle = (low + high) / 2;
        *(student_body(middle, freedom) < 0.95 ? &low : &high) = middle;
    }
    return high;
}

static struct dam_interval wilson(double share, double trials, double quantile,
                                  enum dam_interval_scope scope) {
    double pull = quantile * quantile / trials;
    double centre = (share + pull / 2) / (1 + pull);
    double half = sqrt(pull * (share * (1 - share) + pull / 4)) / (1 + pull);
    return (struct dam_interval){share == 0 ? 0 : centre - half, share == 1 ? 1 : centre + half,
                                 scope};
}

/* The variance of a share between `used` sets with trials: sets / (sets - 1) times the sum of
 * (successes - share trials)^2 over total^2. */
static double variance_between_sets(const int64_t *successes, const int64_t *trials, size_t sets,
                                    size_t used, double share, double total) {
    double sum = 0;
    for (size_t k = 0; k < sets; k++) {
        double residual = ((double)successes[k] - share * (double)trials[k]) / total;
        sum += residual * residual;
    }
    return sum * (double)used / (double)(used - 1);
}

struct dam_interval dam_interval_shared(const int64_t *successes, const int64_t *trials,
                                        size_t sets) {
    double succeeded = 0, total = 0;
    size_t used = 0;
    for (size_t k = 0; k < sets; k++) {
        assert(successes[k] >= 0 && successes[k] <= trials[k]);
        succeeded += (double)successes[k];
        total += (double)trials[k];
        used += trials[k] > 0;
    }
    if (used == 0) {
        return (struct dam_interval){NAN, NAN, DAM_INTERVAL_NONE};
    }
    double share = succeeded / total;
    if (used == 1) {
        return wilson(share, total, NORMAL_QUANTILE, DAM_INTERVAL_STARTS);
    }
    if (share == 0 || share == 1) {
        double effective = fmax(total / UNSEEN_DESIGN_EFFECT, (double)used);
        return wilson(share, effective, NORMAL_QUANTILE, DAM_INTERVAL_SETS);
    }
    double variance = variance_between_sets(successes, trials, sets, used, share, total);
    double effective = fmin(share * (1 - share) / variance, total);
    return wilson(share, effective, student_quantile(used - 1), DAM_INTERVAL_SETS);
}
