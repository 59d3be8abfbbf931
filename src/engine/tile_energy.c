#include "engine/tile_energy.h"

#include "engine/energy_tables.h"

/* The values of one of the two functions at the half overlaps low .. high of N neurons. */
struct values {
    int low, high;
    int64_t at[TILE_NEURONS_MAX + 1]; /* of y at y - low */
};

static int64_t value_at(const struct values *values, int y) {
    return values->at[y - values->low];
}

static int64_t second_difference(const struct values *values, int y) {
    return value_at(values, y + 1) - 2 * value_at(values, y) + value_at(values, y - 1);
}

/* Both functions at all half overlaps; false where F is beyond 2^46, below which nothing here
 * overflows or is rounded. */
static bool evaluate(const struct dam_energy *energy, struct values *span, struct values *self) {
    int parity = energy->neurons % 2;
    int64_t at[TILE_NEURONS_MAX + 3]; /* F from overlap -N - 2 on */
    bool fits = true;
    mpz_t value;
    mpz_init(value);
    for (int k = 0; fits && k < energy->neurons + 3; k++) {
        dam_energy_value(energy, 2 * k - energy->neurons - 2, value);
        fits = mpz_sizeinbase(value, 2) <= 46;
        at[k] = fits ? mpz_get_si(value) : 0;
    }
    mpz_clear(value);
    span->low = self->low = -(energy->neurons + parity) / 2;
    span->high = self->high = (energy->neurons - parity) / 2;
    for (int k = 0; fits && k <= energy->neurons; k++) {
        span->at[k] = at[k + 2] - at[k];
        self->at[k] = at[k + 2] - 2 * at[k + 1] + at[k];
    }
    return fits;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* The rest of the values in units, without a line of this slope: its extent. */
static int64_t extent(const int64_t *rest, int count, int64_t slope, int64_t *lowest) {
    int64_t low = rest[0], high = rest[0];
    for (int k = 1; k < count; k++) {
        int64_t value = rest[k] - slope * k;
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    *lowest = low;
    return high - low;
}

/* The slope that leaves the least extent, which is a convex function of the slope. */
static int64_t best_slope(const int64_t *rest, int count) {
    int64_t low = 0, high = 0, ignored;
    for (int k = 1; k < count; k++) {
        int64_t step = rest[k] - rest[k - 1];
        low = step < low ? step : low;
        high = step > high ? step : high;
    }
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (extent(rest, count, middle, &ignored) <= extent(rest, count, middle + 1, &ignored))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static double split_at(const struct dam_tile_split *split, int y) {
    double rest = 0;
    for (int d = split->digits - 1; d >= 0; d--)
        rest = 256 * rest + split->table[d][(uint8_t)y % TILE_TABLE];
    return split->constant + split->linear * y + split->square * y * y + split->unit * rest;
}

static double magnitude(double value) {
    return value < 0 ? -value : value;
}

/* No sum over the memories of parts of the split, or of what it lacks, is larger. */
static double largest_sum(const struct dam_tile_split *split, int64_t memories) {
    double lacking = 0, rest = 1;
    for (int y = 0; y < 256; y++)
        if (magnitude(split->excess[y]) > lacking)
            lacking = magnitude(split->excess[y]);
    for (int d = 0; d < split->digits; d++)
        rest *= 256;
    return (double)memories * (magnitude(split->constant) + 128 * magnitude(split->linear) +
                               16384 * magnitude(split->square) + split->unit * rest + lacking);
}

/* Split with tables for |y| <= range. False where they need too many digits. */
static bool split_values(struct dam_tile_split *split, const struct values *values, bool squares,
                         int range) {
    int low = values->low > -range ? values->low : -range;
    int high = values->high < range ? values->high : range;
    int count = high - low + 1;
    *split = (struct dam_tile_split){.unit = 1};

    /* The square is the mean curvature of the two ends: all of it for a parabola. */
    int64_t square = 0;
    if (squares && count >= 3)
        square = (second_difference(values, low + 1) + second_difference(values, high - 1)) / 4;

    /* Without it, from the point and the slope at the lower end on, in units of the curvatures'
     * greatest common divisor. */
    int64_t unit = 0;
    for (int y = low + 1; y < high; y++)
        unit = greatest_common_divisor(unit, second_difference(values, y) - 2 * square);
    int64_t rest[TILE_TABLE] = {0};
    for (int k = 2; k < count && unit > 0; k++)
        rest[k] = 2 * rest[k - 1] - rest[k - 2] +
                  (second_difference(values, low + k - 1) - 2 * square) / unit;

    int64_t lowest, slope = best_slope(rest, count);
    int64_t most = extent(rest, count, slope, &lowest);
    while (most >> 8 * split->digits > 0) {
        if (++split->digits > TILE_DIGITS_MAX)
            return false;
    }
    for (int k = 0; k < count; k++)
        for (int d = 0; d < split->digits; d++)
            split->table[d][(uint8_t)(low + k) % TILE_TABLE] =
                (uint8_t)((rest[k] - slope * k - lowest) >> 8 * d);

    /* What is left is a line: take it from its first two points. */
    split->unit = (double)unit;
    split->square = (double)square;
    double first = (double)value_at(values, low) - split_at(split, low);
    double second = (double)value_at(values, low + 1) - split_at(split, low + 1);
    split->linear = second - first;
    split->constant = first - split->linear * low;
    for (int y = values->low; y <= values->high; y++)
        split->excess[(uint8_t)y] = (double)value_at(values, y) - split_at(split, y);
    return true;
}

static bool split_both(struct dam_tile_energy *split, const struct values *span,
                       const struct values *self, int range) {
    split->range = range;
    return split_values(&split->span, span, false, range) &&
           split_values(&split->self, self, true, range);
}

static int digits_of(const struct dam_tile_energy *split) {
    return split->span.digits + split->self.digits;
}

bool dam_tile_energy_may_split(int power, int neurons, int64_t memories) {
    double value = 1; /* of F at the largest overlap that evaluate() asks for */
    for (int i = 0; i < power; i++)
        value *= neurons + 2;
    return neurons <= TILE_NEURONS_MAX && memories <= INT32_MAX / 256 && value <= 0x1p46;
}

bool dam_tile_energy_split(struct dam_tile_energy *split, const struct dam_energy *energy,
                           int64_t memories) {
    int neurons = energy->neurons;
    struct values span, self;
    if (neurons > TILE_NEURONS_MAX || memories > INT32_MAX / 256 || !evaluate(energy, &span, &self))
        return false;

    /* Random half overlaps have a standard deviation of sqrt(N) / 2: reach 4.2 of them at least,
     * and further as long as that needs no more digits. */
    int least = 1;
    while (least < TILE_RANGE_MAX && 100 * least * least < 441 * neurons)
        least++;
    split->parity = neurons % 2;
    if (!split_both(split, &span, &self, least))
        return false;
    struct dam_tile_energy wider = {.parity = neurons % 2};
    int range = TILE_RANGE_MAX;
    while (range > least &&
           (!split_both(&wider, &span, &self, range) || digits_of(&wider) > digits_of(split)))
        range--;
    if (range > least)
        *split = wider;
    return largest_sum(&split->span, memories) < 0x1p52 &&
           largest_sum(&split->self, memories) < 0x1p52;
}
