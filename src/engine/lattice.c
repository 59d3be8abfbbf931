/* The exact P_error of a stored random memory at finite N and K.
 *
 * Each of the K - 1 other memories adds Y = x f(r) to the energy gap G = F(N) - F(N-2), with
 * f(r) = F(r+1) - F(r-1), r a sum of N - 1 random signs and x a random sign. Y is symmetric, so
 * P_error = P(S > G), S the sum of K - 1 independent Y. All Y are integer multiples of a unit h,
 * their greatest common divisor, and G is the largest of them. With Y and S in units of h:
 *
 * - Tilting. Under the weights P(y) e^(theta y) / E e^(theta Y), theta such that the mean of S is
 *   about G (the saddle point), the sum below has terms of order one however small P_error is:
 *       P_error = e^((K-1) kappa(theta) - theta s0) sum_(j >= 0) e^(-theta step j) P~(s0 + step j),
 *   s0 the least value of S above G, kappa(theta) = log E e^(theta Y), P~ the tilted probability.
 * - Inversion. On the cyclic lattice of `period` units,
 *       P~(s) = step / period sum_k phi(t_k)^(K-1) e^(-i t_k s),   t_k = 2 pi k / period,
 *   phi the tilted characteristic function. The period is so long that what it folds back into
 *   the sum has a probability below TAIL, by Chernoff's bound. It is a power of two: then t_k y
 *   modulo 2 pi is exact in wrapping integer arithmetic.
 * - Leaps. Only frequencies with |phi|^(K-1) > TAIL count, a few around t = 0 if K is large. Since
 *   |phi(t)| changes by at most E|Y| |t - t'|, a small |phi(t)| proves that many neighbours are
 *   small too, and they are passed over unseen. The smallest |Y| alone, frequent and of little
 *   slope, mostly suffice for that. So the work does not grow with the length of the lattice.
 */
#include <dam/theory.h>

#include <assert.h>
#include <gmp.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* log of the probability TAIL that is neglected, relative to a sum of order one: 1e-20. */
static const double TAIL_LOG = -46;

/* The documented limit of the work: one term is one value of |Y| at one frequency. */
static const uint64_t TERMS_MAX = UINT64_C(1) << 22;

/* The distribution of |Y| > 0 (the rest of the probability is Y = 0), tilted by theta. */
struct lattice {
    int64_t draws;      /* K - 1 */
    int step;           /* S takes every step-th integer: 2 if all |Y| are odd, else 1 */
    int64_t threshold;  /* s0 */
    size_t count;       /* of |Y|, ascending */
    uint64_t *value;    /* |Y| in units of h */
    double *log_weight; /* log P(|Y| = value) */
    double *cosine;     /* tilted P(|Y| = value), the weight of cos(t value) in phi */
    double *sine;       /* tilted P(Y = value) - P(Y = -value), the weight of i sin(t value) */
    double theta, cumulant, mean, variance; /* of one Y under the tilt; cumulant = kappa */
};

/* The frequencies of the inversion and how far each evaluation may leap. */
struct inversion {
    int period_bits; /* period = 2^period_bits units of h */
    int64_t terms;   /* values of S from s0 on that are summed */
    double weight;   /* the total of y->cosine, summed in the order of `leap` */
    double floor;    /* |phi| below this does not count */
};

/* f(r) = F(r+1) - F(r-1) for r >= 0. */
static void flip_energy(mpz_t result, enum dam_energy_form form, int power, int overlap) {
    mpz_ui_pow_ui(result, (unsigned long)overlap + 1, (unsigned long)power);
    if (overlap > 0) {
        mpz_t below;
        mpz_init(below);
        mpz_ui_pow_ui(below, (unsigned long)overlap - 1, (unsigned long)power);
        mpz_sub(result, result, below);
        mpz_clear(below);
    } else if (form == DAM_ENERGY_POWER) {
        mpz_set_ui(result, power % 2 == 0 ? 0 : 2);
    }
}

/* Fill value[] and step; false where values pass 2^60 units. */
static bool fill_values(struct lattice *y, enum dam_energy_form form, int power, int neurons) {
    mpz_t unit, f;
    mpz_inits(unit, f, NULL);
    int least = (neurons - 1) % 2;
    for (int r = least; r < neurons; r += 2) {
        flip_energy(f, form, power, r);
        mpz_gcd(unit, unit, f);
    }
    bool all_odd = form == DAM_ENERGY_POWER || neurons == 1; /* else Y = 0 occurs, for r < 0 */
    bool fits = true;
    y->count = 0;
    for (int r = least; r < neurons && fits; r += 2) {
        flip_energy(f, form, power, r);
        if (mpz_sgn(f) == 0) {
            all_odd = false;
            continue;
        }
        mpz_divexact(f, f, unit);
        fits = mpz_sizeinbase(f, 2) <= 60;
        all_odd = all_odd && mpz_odd_p(f);
        y->value[y->count++] = mpz_get_ui(f);
    }
    y->step = all_odd ? 2 : 1;
    mpz_clears(unit, f, NULL);
    return fits;
}

/* Fill log_weight[] with the binomial weights of r, from the ratios of neighbours: every weight
 * is then good to a relative 1e-15 |log weight|. */
static void fill_weights(struct lattice *y, enum dam_energy_form form, int neurons) {
    int least = (neurons - 1) % 2;
    size_t skipped = (size_t)((neurons + 1) / 2) - y->count; /* a leading f(0) = 0 */
    double log_weight = 0, total = 0;
    for (int r = least; r < neurons; r += 2) {
        double signs = r == 0 ? 1 : 2;
        total += signs * exp(log_weight);
        size_t i = (size_t)(r / 2);
        if (i >= skipped) {
            y->log_weight[i - skipped] = log_weight + (form == DAM_ENERGY_POWER ? log(signs) : 0);
        }
        log_weight += log((double)(neurons - 1 - r) / (neurons + 1 + r));
    }
    for (size_t i = 0; i < y->count; i++) {
        y->log_weight[i] -= log(total);
    }
}

/* kappa(theta) = log E e^(theta Y), theta >= 0, with full relative accuracy for small theta:
 * log1p of sum P(|Y|) (cosh(theta |Y|) - 1), scaled by e^-shift against overflow. */
static double cumulant(const struct lattice *y, double theta) {
    double shift = 0, sum = 0;
    for (size_t i = 0; i < y->count; i++) {
        shift = fmax(shift, y->log_weight[i] + theta * (double)y->value[i]);
    }
    for (size_t i = 0; i < y->count; i++) {
        double x = theta * (double)y->value[i];
        sum += exp(y->log_weight[i] + x - shift) * expm1(-x) * expm1(-x) / 2;
    }
    return shift + log1p(expm1(-shift) + sum);
}

static void tilt(struct lattice *y, double theta) {
    y->theta = theta;
    y->cumulant = cumulant(y, theta);
    y->mean = 0;
    y->variance = 0;
    for (size_t i = 0; i < y->count; i++) {
        double value = (double)y->value[i];
        double x = theta * value;
        double log_cosh = x + log1p(exp(-2 * x)) - M_LN2;
        y->cosine[i] = exp(y->log_weight[i] + log_cosh - y->cumulant);
        y->sine[i] = y->cosine[i] * tanh(x);
        y->mean += y->sine[i] * value;
        y->variance += y->cosine[i] * value * value;
    }
    y->variance -= y->mean * y->mean;
}

/* Tilt so that the mean of S is about s0. The result does not depend on theta, its accuracy does:
 * a few digits are enough. */
static void tilt_to_threshold(struct lattice *y) {
    double target = (double)y->threshold / (double)y->draws;
    tilt(y, 0);
    double low = 0, high = target / y->variance;
    for (tilt(y, high); y->mean < target; tilt(y, high)) {
        low = high;
        high *= 2;
    }
    for (int i = 0; i < 30; i++) {
        double middle = (low + high) / 2;
        tilt(y, middle);
        *(y->mean < target ? &low : &high) = middle;
    }
}

/* The least x found with P~(sign S >= x) <= TAIL by Chernoff's bound
 * (K-1) (kappa(theta + sign u) - kappa(theta)) - u x <= TAIL_LOG. Any u > 0 will do; the search
 * comes down from where u is too large even for a Gaussian S. */
static double tail_reach(const struct lattice *y, int sign) {
    double draws = (double)y->draws;
    double gaussian = sqrt(-2 * TAIL_LOG / (draws * y->variance));
    double best = draws * (double)y->value[y->count - 1] + 1; /* S never reaches this */
    double previous = INFINITY;
    for (double u = 16 * gaussian; u > 1e-12 * gaussian; u /= 1.5) {
        double growth = draws * (cumulant(y, fabs(y->theta + sign * u)) - y->cumulant);
        double reach = (growth - TAIL_LOG) / u;
        if (reach > previous) {
            break;
        }
        previous = reach;
    }
    return ceil(fmin(best, previous));
}

/* False where the period passes 2^61 units. */
static bool plan_inversion(struct inversion *plan, const struct lattice *y) {
    double above = tail_reach(y, 1) - (double)y->threshold; /* the sum ends there */
    double below = tail_reach(y, -1) + (double)y->threshold;
    double width = above + below;
    if (!(width < 0x1p60)) {
        return false;
    }
    plan->terms = (int64_t)fmax(above, 0) / y->step + 1;
    plan->period_bits = 1;
    while (ldexp(1, plan->period_bits) < width + 2 * y->step) {
        plan->period_bits++;
    }
    plan->floor = exp(TAIL_LOG / (double)y->draws);
    plan->weight = 0;
    for (size_t i = 0; i < y->count; i++) {
        plan->weight += y->cosine[i];
    }
    return true;
}

/* t_k times an integer number of units, halved, in [-pi/2, pi/2). */
static double half_angle(const struct inversion *plan, uint64_t frequency, uint64_t units) {
    uint64_t turns = frequency * units << (64 - plan->period_bits); /* times 2^64 */
    return (double)(int64_t)turns * (M_PI / 0x1p64);
}

/* 1 - phi = fall - i imaginary at a frequency, as if |Y| = 0 in place of all but the `count` first
 * values: so no digits are lost where phi is near 1. slope bounds the derivative. */
struct phi {
    size_t count;
    double fall, imaginary, weight, slope;
};

/* Let phi depend on the `count` first values. */
static void extend(struct phi *phi, const struct lattice *y, const struct inversion *plan,
                   uint64_t frequency, size_t count) {
    for (; phi->count < count; phi->count++) {
        double half = half_angle(plan, frequency, y->value[phi->count]);
        double sine = sin(half);
        phi->fall += y->cosine[phi->count] * 2 * sine * sine;
        phi->imaginary += y->sine[phi->count] * 2 * sine * cos(half);
        phi->weight += y->cosine[phi->count];
        phi->slope += y->cosine[phi->count] * (double)y->value[phi->count];
    }
}

/* |z| and arg z of z = 1 - e^(-(theta + i t_k) units). */
struct polar {
    double modulus, angle;
};

static struct polar one_minus_power(const struct lattice *y, const struct inversion *plan,
                                    uint64_t frequency, int64_t units) {
    double half = half_angle(plan, frequency, (uint64_t)units);
    double decay = y->theta * (double)units;
    double real = 2 * exp(-decay) * sin(half) * sin(half) - expm1(-decay);
    double imaginary = 2 * exp(-decay) * sin(half) * cos(half);
    return (struct polar){hypot(real, imaginary), atan2(imaginary, real)};
}

/* Re phi^(K-1) e^(-i t_k s0) sum_(j < terms) e^(-(theta + i t_k) step j), a geometric series. */
static double frequency_term(const struct lattice *y, const struct inversion *plan,
                             uint64_t frequency, const struct phi *phi) {
    struct polar above = one_minus_power(y, plan, frequency, y->step * plan->terms);
    struct polar below = one_minus_power(y, plan, frequency, y->step);
    double square_minus_1 = phi->fall * (phi->fall - 2) + phi->imaginary * phi->imaginary;
    double draws = (double)y->draws;
    double modulus = exp(draws * log1p(fmax(square_minus_1, -1)) / 2);
    double angle = draws * atan2(phi->imaginary, 1 - phi->fall) -
                   2 * half_angle(plan, frequency, (uint64_t)y->threshold);
    return modulus * above.modulus / below.modulus * cos(angle + above.angle - below.angle);
}

/* How many frequencies from this one on are proven not to count; 0 if this one counts, and then
 * phi depends on all values. The values that are not evaluated yet may add their weight to |phi|
 * at most; they join only while that leaves no room below the floor. */
static double leap(struct phi *phi, const struct lattice *y, const struct inversion *plan,
                   uint64_t frequency) {
    double room = -1;
    *phi = (struct phi){0};
    for (size_t count = 1; room <= 0 && phi->count < y->count; count *= 2) {
        extend(phi, y, plan, frequency, count < y->count ? count : y->count);
        double rest = plan->weight - phi->weight;
        room = plan->floor - rest - hypot(1 - rest - phi->fall, phi->imaginary);
    }
    double spacing = 2 * M_PI / ldexp(1, plan->period_bits);
    return room > 0 ? floor(room / (phi->slope * spacing)) + 1 : 0;
}

/* Whether the work to pass the frequencies 0 .. last is surely over TERMS_MAX, judged by a few in
 * golden section: this spares most sums that would give up. One probe counts for an eighth of
 * them at most, so that rare peaks cannot condemn the whole. */
static bool hopeless(const struct lattice *y, const struct inversion *plan, uint64_t last) {
    const int probes = 64;
    double share = 0; /* of TERMS_MAX */
    for (int i = 0; i < probes; i++) {
        double place = fmod(0.6180339887498949 * (i + 0.5), 1);
        struct phi phi;
        double passed = leap(&phi, y, plan, (uint64_t)(place * (double)last));
        double work = (double)phi.count / fmax(passed, 1) * (double)last;
        share += fmin(work / (double)TERMS_MAX / probes, 0.125);
    }
    return share > 1;
}

/* The mean of frequency_term over all frequencies, from those in the first half of phi's period:
 * the others are their complex conjugates. NaN where it takes more than TERMS_MAX terms. */
static double invert(const struct lattice *y, const struct inversion *plan) {
    uint64_t frequencies = (UINT64_C(1) << plan->period_bits) / (uint64_t)y->step;
    uint64_t last = frequencies / 2;
    if (hopeless(y, plan, last)) {
        return NAN;
    }
    double sum = 0;
    uint64_t work = 0;
    for (uint64_t k = 0; k <= last;) {
        struct phi phi;
        double passed = leap(&phi, y, plan, k);
        work += phi.count;
        if (work > TERMS_MAX) {
            return NAN;
        }
        if (passed == 0) {
            double twins = k == 0 || k == last ? 1 : 2;
            sum += twins * frequency_term(y, plan, k, &phi);
        }
        k += (uint64_t)fmin(fmax(passed, 1), (double)frequencies);
    }
    return sum / (double)frequencies;
}

/* P(every Y = G). */
static double all_largest(const struct lattice *y) {
    double probability = 0;
    for (size_t i = 0; i < y->count; i++) {
        probability += y->value[i] == y->value[y->count - 1] ? exp(y->log_weight[i]) / 2 : 0;
    }
    return pow(probability, (double)y->draws);
}

/* P(S > G) for a filled lattice, G = its largest value. */
static double tail_probability(struct lattice *y) {
    int64_t gap = (int64_t)y->value[y->count - 1];
    y->threshold = gap + 1;
    if (y->step == 2 && y->draws % 2 == 1) { /* S is odd like G */
        y->threshold = gap + 2;
    }
    if (y->draws <= 3 && y->draws * gap == y->threshold) {
        return all_largest(y); /* no tilt has its mean there */
    }
    tilt_to_threshold(y);
    struct inversion plan;
    if (!plan_inversion(&plan, y)) {
        return NAN;
    }
    double scale = (double)y->draws * y->cumulant - y->theta * (double)y->threshold;
    return exp(scale) * invert(y, &plan);
}

double dam_theory_p_error_exact(enum dam_energy_form form, int power, int neurons,
                                int64_t memories) {
    assert(power >= 1 && power <= DAM_POWER_MAX);
    assert(neurons >= 1 && neurons <= DAM_NEURONS_MAX);
    assert(memories >= 1);
    if (memories <= 2) {
        return 0; /* one memory's noise never exceeds G */
    }
    size_t count = (size_t)(neurons + 1) / 2;
    struct lattice y = {.draws = memories - 1};
    y.value = malloc(count * sizeof *y.value);
    double *reals = malloc(3 * count * sizeof *reals);
    double probability = NAN;
    if (y.value != NULL && reals != NULL && fill_values(&y, form, power, neurons)) {
        y.log_weight = reals;
        y.cosine = reals + count;
        y.sine = reals + 2 * count;
        fill_weights(&y, form, neurons);
        probability = y.count == 0 ? 0 : tail_probability(&y);
    }
    free(reals);
    free(y.value);
    return probability;
}
