#include "kinds/capacity_cost.h"

#include <math.h>

/* Digits of the small integers that tiles make of an energy (engine/tile_energy.h); with more than
 * 3 they cannot. To split an energy costs too much here: this follows the size of its values at
 * the overlaps that occur, and is right for 83 % of (energy, n, N). */
static double tile_digits(enum dam_energy_form form, int power, int neurons) {
    if (form == DAM_ENERGY_POWER && power <= 2)
        return 0;
    int odd = neurons % 2;
    double reach = fmin(neurons / 2.0, 2.1 * sqrt(neurons));
    double rest = form == DAM_ENERGY_POWER ? 1.3 * odd - 3 : 5 * odd + 3;
    return fmax(1, ceil(((power - 1) * log2(reach) + rest) / 8));
}

/* Mirrors dam_ensemble_can with a kernel for tiles. How many starts a task has does not enter,
 * since blocks are cut by this; of a few, sums are as fast, and of thousands with F = x^3 the
 * tensor is twice as fast, for which `dam plan` allows by measuring. */
static bool takes_tiles(const struct dam_dynamics_setting *setting) {
    double power = setting->power, K = (double)setting->memories;
    return setting->neurons <= 255 &&
           tile_digits(setting->form, setting->power, setting->neurons) <= 3 &&
           log2(4 * power * K) + (power - 1) * log2(setting->neurons) < 52;
}

/* The terms of both formulas are what the algorithms do, their constants nanoseconds on the
 * reference core with its fastest kernel, larger where the memories leave its cache: fitted to 1698
 * tasks, whose times they meet, given their sweeps and flips, within 8 % in the median and 25 % for
 * nine of ten. */
static void cost_by_tiles(const struct dam_dynamics_setting *setting,
                          const struct dam_dynamics *dynamics, struct dam_cost *cost) {
    double N = setting->neurons, K = (double)setting->memories, bands = ceil(N / 16);
    double digits = tile_digits(setting->form, setting->power, setting->neurons);
    bool plain = setting->form == DAM_ENERGY_POWER && setting->power <= 4; /* no digits of self */
    bool random = setting->order == DAM_ORDER_RANDOM, far = N * K > 2e6 && digits > 0;
    double runs = setting->from_memory ? 2 : 1; /* the first for unstable_spins */

    /* Every flip asks for new fields: of all bands in random order, else of one, and each sweep
     * once for every band. */
    double turns = random ? dynamics->flips + 1 : dynamics->flips + bands * (dynamics->sweeps - 1);
    double turn_bands = random ? turns * bands : turns;
    turns += runs - 1;
    turn_bands += (runs - 1) * bands;

    cost->replica_seconds = 1e-9 * (12900 + (0.46 + 0.177 * bands) * N * K);
    cost->start_seconds =
        1e-9 * (runs * (208 + 17.3 * N) + (digits > 0 ? runs : 1) * 0.0043 * N * K +
                (random ? 3.3 * N * dynamics->sweeps : 0) +
                turns * (43 + ((plain ? 1 : 2) * digits * 0.0143 + (far ? 0.062 : 0)) * K) +
                turn_bands * (digits > 0 ? 20 + (digits * 0.0116 + (far ? 0.0134 : 0)) * K : 10));
}

static void cost_by_sums(const struct dam_dynamics_setting *setting,
                         const struct dam_dynamics *dynamics, struct dam_cost *cost) {
    double N = setting->neurons, K = (double)setting->memories, flips = dynamics->flips;
    bool random = setting->order == DAM_ORDER_RANDOM, far = K > 2.4e5;
    double runs = setting->from_memory ? 2 : 1; /* the first for unstable_spins */
    /* The last sweep ends where nothing can flip any more. */
    double visits = N * fmax(1, dynamics->sweeps - 0.5) + N * (runs - 1);

    cost->replica_seconds = 1e-9 * (1500 + 0.1 * N * K + 0.97 * N * setting->power);
    cost->start_seconds =
        1e-9 * (runs * (233 + 0.04 * N * K) + (random ? 4.8 * N * dynamics->sweeps : 0) +
                visits * (14 + 0.046 * K) + flips * (27 + 0.44 * K) +
                (far ? 0.18 * (visits + flips) * K : 0));
}

void dam_capacity_seconds(const struct dam_dynamics_setting *setting, int64_t max_sweeps,
                          struct dam_cost *cost) {
    struct dam_dynamics dynamics = dam_dynamics_expected(setting);
    double most = (double)max_sweeps;
    dynamics.sweeps = fmin(dynamics.sweeps, most);
    dynamics.flips = fmin(dynamics.flips, setting->neurons * most / 2);
    *cost = (struct dam_cost){.bytes = 0};
    if (takes_tiles(setting))
        cost_by_tiles(setting, &dynamics, cost);
    else
        cost_by_sums(setting, &dynamics, cost);
}
