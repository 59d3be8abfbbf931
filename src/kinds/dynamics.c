#include "kinds/dynamics.h"

#include <math.h>

/* The energy is even: a memory attracts from its negative too. */
static bool is_even(const struct dam_dynamics_setting *setting) {
    return setting->form == DAM_ENERGY_POWER && setting->power % 2 == 0;
}

/* The square of the mean largest of K standard normal numbers (2 K for an even energy). */
static double largest_square(const struct dam_dynamics_setting *setting) {
    double twice_log = 2 * log((double)setting->memories * (is_even(setting) ? 2 : 1));
    return twice_log - 1.25 * log1p(twice_log);
}

/* m = h / N of the memory that attracts most. */
static double first_overlap(const struct dam_dynamics_setting *setting) {
    double N = setting->neurons;
    /* The largest of K overlaps; the second order is that of the binomial's large deviations. */
    double square = fmin(largest_square(setting) / N, 1.38);
    double overlap = fmax(sqrt(square * (1 - 0.2 * square)), 0.5 / sqrt(N));
    if (!setting->from_memory)
        return overlap;
    double own = 1 - 2 * floor(setting->noise * N + 0.5) / N;
    return fmax(is_even(setting) ? fabs(own) : own, overlap);
}

/* ln S */
static double log_signal_to_noise(const struct dam_dynamics_setting *setting) {
    double N = setting->neurons, K = (double)setting->memories, slope = setting->power - 1;
    double square = fmax(fmin(2 * slope, largest_square(setting) - 2.7), 0.3); /* y^2 */
    double share = setting->form == DAM_ENERGY_RECTIFIED ? 0.5 : 1;
    return slope / 2 * log(N / square) - (log(1.4 * K * share) - square / 2) / 2;
}

struct dam_dynamics dam_dynamics_expected(const struct dam_dynamics_setting *setting) {
    double N = setting->neurons, n = setting->power;
    if (setting->power == 1 && setting->form == DAM_ENERGY_POWER)
        return (struct dam_dynamics){.sweeps = 2, .flips = N / 2}; /* fields without state */

    double m = first_overlap(setting), log_end = log_signal_to_noise(setting);
    double log_begin = log_end + (n - 1) * log(m);
    /* From n = 3 on, the nearest memory grows ahead of the others. */
    double log_mean = log_end + ((n - 1) / 2 - (n > 2 ? 0.3 / (n - 1) : 0)) * log(m);
    double lost = 1 / (1 + exp((0.5 + m) * log(N) * (log_mean - log(1.7))));

    double errors = 0.1 * sqrt(N) * exp(-exp(log_begin)); /* that the first sweep leaves */
    double slowness = setting->order == DAM_ORDER_SEQUENTIAL ? 0.65 : 0.69;
    double retrieval_sweeps = m < 1 ? 3 - exp(-errors) : 1;
    double lost_sweeps = 0.2 + slowness * sqrt(N);
    double retrieval_flips = (1 - m) / 2;
    double lost_flips = (0.5 + 0.075 * log(N)) * pow(n, -0.3) * (1 - 0.3 * m * m);
    double undecided_flips = 0.15 * log(N) * (1 - m); /* many on the edge between the two */
    double sweeps = retrieval_sweeps + (lost_sweeps - retrieval_sweeps) * lost;
    double flips = N * (retrieval_flips + (lost_flips - retrieval_flips) * lost +
                        undecided_flips * lost * (1 - lost));

    /* Away from every memory the rectified energy is flat, and random spins stay. */
    bool may_stay = setting->form == DAM_ENERGY_RECTIFIED && !setting->from_memory;
    double moves = may_stay ? 1 - exp2(-(double)setting->memories) : 1;
    return (struct dam_dynamics){.sweeps = 1 + (fmax(sweeps, 1) - 1) * moves,
                                 .flips = fmax(flips, 0) * moves};
}
