#include "kinds/threshold_guess.h"
#include <dam/portable.h>
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

/* Spins that are `overlap` N from a memory find back to it while they feel it strongly enough, and
 * while no other of K is likely to be nearer: K Q(overlap sqrt(N)) = ln 2. */
static double recovered_memories(const struct dam_dynamics_setting *setting) {
    double N = setting->neurons;
    double stable = signal_to_noise(setting) / (2 * dam_portable_log(fmax(N, 2)));
    if (!setting->from_memory)
        return stable;
    double overlap = fabs(1 - 2 * setting->noise), x = overlap * sqrt(N);
    double nearest = 1 + M_LN2 * sqrt(2 * M_PI) * x * dam_portable_exp(x * x / 2);
    for (int i = 1; i < setting->power; i++)
        stable *= overlap;
    return fmin(stable, nearest);
}

struct dam_threshold_guess dam_threshold_guess(const struct dam_dynamics_setting *setting,
                                               enum dam_criterion criterion, double level) {
    double scale = signal_to_noise(setting), N = setting->neurons;
    /* Expected errors where no error has the probability `level`. */
    double errors = -dam_portable_log(level);
    struct dam_threshold_guess guess = {recovered_memories(setting), recovery_slope};
    double square = 0;
    switch (criterion) {
    case DAM_RECOVERED:
        break;
    case DAM_RETAINED:
        square = quantile_square(errors / N);
        guess.slope = errors * (square + 1) / 2 / (1 - level);
        guess.memories = scale / square;
        break;
    case DAM_RETAINED_ALL:
        square = quantile_square(errors / N);
        for (int i = 0; i < 8; i++)
            square = quantile_square(errors / (N * fmax(scale / square, 1)));
        guess.slope = errors * (square + 3) / 2 / (1 - level);
        guess.memories = scale / square;
        break;
    case DAM_UNSTABLE_SPINS:
        square = quantile_square(level);
        guess.slope = (square + 1) / 2 / (1 - level);
        guess.memories = scale / square;
        break;
    }
    guess.memories = fmax(guess.memories, 1);
    return guess;
}
