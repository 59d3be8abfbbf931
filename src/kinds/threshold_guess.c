#include "kinds/threshold_guess.h"
#include "engine/portable.h"
#include <math.h>

/* A recovered share falls about so steeply near one half: measured from N = 20 to 200. */
static const double recovery_slope = 4;

/* Signal to noise of a memory's spins, squared, times K: c N^(n-1) / (2n-3)!!. */
static double signal_to_noise(const struct dam_dynamics_setting *setting) {
    double product = setting->form == DAM_ENERGY_RECTIFIED ? 2 : 1;
    for (int i = 1; i < setting->power; i++)
        product *= setting->neurons / (i == 1 ? 1.0 : 2.0 * i - 1);
    return product;
}

/* x^2, x the Gaussian's quantile: Q(x) = p (Abramowitz & Stegun 26.2.23). */
static double quantile_square(double p) {
    static const double most = 0.45; /* beyond it K is without bound */
    double t = sqrt(-2 * dam_portable_log(fmin(p, most)));
    double x = t - ((0.010328 * t + 0.802853) * t + 2.515517) /
                       (((0.001308 * t + 0.189269) * t + 1.432788) * t + 1);
    return x * x;
}

struct dam_threshold_guess dam_threshold_guess(const struct dam_dynamics_setting *setting,
                                               enum dam_criterion criterion, double level) {
    double scale = signal_to_noise(setting), N = setting->neurons;
    /* Expected errors where no error has the probability `level`. */
    double errors = -dam_portable_log(level);
    double square = 0, slope = recovery_slope;
    switch (criterion) {
    case DAM_RECOVERED:
        /* No errors; a start that is nearer to others needs a stronger signal. */
        square = 2 * dam_portable_log(fmax(N, 2));
        if (setting->from_memory)
            square /= fmax(fabs(1 - 2 * setting->noise), 1 / sqrt(N));
        break;
    case DAM_RETAINED:
        square = quantile_square(errors / N);
        slope = errors * (square + 1) / 2 / (1 - level);
        break;
    case DAM_RETAINED_ALL:
        square = quantile_square(errors / N);
        for (int i = 0; i < 8; i++)
            square = quantile_square(errors / (N * fmax(scale / square, 1)));
        slope = errors * (square + 3) / 2 / (1 - level);
        break;
    case DAM_UNSTABLE_SPINS:
        square = quantile_square(level);
        slope = (square + 1) / 2 / (1 - level);
        break;
    }
    return (struct dam_threshold_guess){fmax(scale / square, 1), slope};
}
