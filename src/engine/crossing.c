#include <dam/crossing.h>

#include <assert.h>
#include <dam/portable.h>
#include <math.h>

/* The standard deviation of the guess in ln K. The prior is as if trials had been made at these
 * distances from it on the scale of logits. */
static const double prior_deviation = 1, prior_reach = 2.8;
/* Steps are taken at this distance from the crossing on the scale of logits, and at less as soon as
 * that keeps the slope at the square root of this many standard errors. */
static const double widest = 0.8, slope_certainty = 20;
/* Points further from the crossing than so many times that distance, or than this factor of K, do
 * not count in the fit. */
static const double window = 3, window_factor = 2;
/* A step has so many trials at each of its K, or this share of all before it. */
static const double step_trials = 8, step_share = 0.12;
/* With fewer sets their variance says too little. */
static const double sets_least = 8;
/* While all shares are on one side of the level, steps go beyond what was tried by this factor. */
static const double stride = 2;
/* A search ends when its interval happens to look narrow: intervals are widened by this factor,
 * with which simulated searches cover their 95 %. */
static const double widening = 1.07;
/* Standard errors by which the share at an end of the range must be on the wrong side. */
static const double end_certainty = 3;

static double logit(double share) {
    return dam_portable_log(share / (1 - share));
}

static double logistic(double eta) {
    return 1 / (1 + dam_portable_exp(-eta));
}

/* The 0.975 quantile of Student's t by the first terms of its expansion around the normal's
 * (Abramowitz & Stegun 26.7.5): within 1 % from 4 degrees of freedom on. */
static double student_quantile(double freedom) {
    static const double z = 1.959963984540054;
    double z2 = z * z;
    return z * (1 + (z2 + 1) / (4 * freedom) + ((5 * z2 + 16) * z2 + 3) / (96 * freedom * freedom) +
                (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * freedom * freedom * freedom));
}

/* ---- the points as the fit sees them ---- */

/* One point. The share is made to fall with K: of a rising one the failures are counted. Units are
 * what a share is of: trials times their size. */
struct view {
    double memories, x; /* x = ln K - ln guess */
    double sets, units, successes, squares;
};

struct views {
    struct view list[DAM_CROSSING_POINTS_MAX];
    size_t count;
    double level, set_units;
    double guess, slope; /* beforehand */
    double trials;       /* of all */
};

static void look(struct views *views, const struct dam_crossing_search *search,
                 const struct dam_crossing_point *points, size_t count) {
    assert(count <= DAM_CROSSING_POINTS_MAX && search->level > 0 && search->level < 1);
    assert(search->slope > 0 && 1 <= search->guess && search->guess <= search->most);
    assert(search->set_trials >= 1 && search->trial_size >= 1);
    double size = (double)search->set_trials * (double)search->trial_size;
    views->count = count;
    views->level = search->rising ? 1 - search->level : search->level;
    views->set_units = size;
    views->guess = (double)search->guess;
    views->slope = search->slope;
    views->trials = 0;
    for (size_t p = 0; p < count; p++) {
        const struct dam_crossing_point *point = &points[p];
        struct view *view = &views->list[p];
        double sets = (double)point->sets, successes = (double)point->successes;
        *view = (struct view){.memories = (double)point->memories,
                              .x = dam_portable_log((double)point->memories / views->guess),
                              .sets = sets,
                              .units = sets * size,
                              .successes = successes,
                              .squares = point->squares};
        if (search->rising) {
            view->successes = view->units - successes;
            view->squares += size * (view->units - 2 * successes);
        }
        views->trials += sets * (double)search->set_trials;
    }
}

/* Standard errors by which the share at the K of `at` is above the level, all its points together;
 * 0 where so few units cannot tell: not even one is expected to be rare. */
static double excess(const struct views *views, const struct view *at, double design_effect) {
    double units = 0, successes = 0, level = views->level;
    for (size_t p = 0; p < views->count; p++) {
        if (views->list[p].memories != at->memories)
            continue;
        units += views->list[p].units;
        successes += views->list[p].successes;
    }
    double variance = units * level * (1 - level);
    return variance < 1 ? 0 : (successes - level * units) / sqrt(design_effect * variance);
}

/* ---- a straight line: eta = height - slope x ---- */

struct line {
    double height, slope;
    double information[3]; /* height height, height slope, slope slope */
    double crossing;       /* x where eta is the logit of the level */
};

struct sums {
    double gradient[2], information[3];
};

static void add(struct sums *sums, const struct line *line, double x, double units,
                double successes) {
    double share = logistic(line->height - line->slope * x);
    double residual = successes - units * share, weight = units * share * (1 - share);
    sums->gradient[0] += residual;
    sums->gradient[1] -= residual * x;
    sums->information[0] += weight;
    sums->information[1] -= weight * x;
    sums->information[2] += weight * x * x;
}

/* As if there were trials on the prior's line, with the prior's information about the crossing. */
static void add_prior(struct sums *sums, const struct line *line, const struct views *views) {
    double middle = logit(views->level), scale = prior_deviation * views->slope;
    double above = logistic(middle + prior_reach), below = logistic(middle - prior_reach);
    double units = 1 / (scale * scale * (above * (1 - above) + below * (1 - below)));
    double x = prior_reach / views->slope;
    add(sums, line, -x, units, units * above);
    add(sums, line, x, units, units * below);
}

/* The K whose points count. */
struct part {
    double least, most;
};
static const struct part everything = {0, INFINITY};

static bool counts(const struct part *part, const struct view *view) {
    return part->least <= view->memories && view->memories <= part->most;
}

/* Newton's method from the prior's line, the slope kept at its least; its steps are kept so short
 * that the weights keep their meaning. */
static struct line fit_line(const struct views *views, const struct part *part) {
    enum { STEPS = 200 };
    struct line line = {.height = logit(views->level), .slope = views->slope};
    for (int step = 0; step < STEPS; step++) {
        struct sums sums = {0};
        add_prior(&sums, &line, views);
        for (size_t p = 0; p < views->count; p++) {
            const struct view *view = &views->list[p];
            if (counts(part, view))
                add(&sums, &line, view->x, view->units, view->successes);
        }
        const double *of = sums.information, *gradient = sums.gradient;
        double determinant = of[0] * of[2] - of[1] * of[1];
        double height = (of[2] * gradient[0] - of[1] * gradient[1]) / determinant;
        double slope = (of[0] * gradient[1] - of[1] * gradient[0]) / determinant;
        if (line.slope + slope < DAM_CROSSING_SLOPE_MIN) {
            slope = DAM_CROSSING_SLOPE_MIN - line.slope;
            height = (gradient[0] - of[1] * slope) / of[0];
        }
        double size = fabs(height) + fabs(slope), shorten = size > 1 ? 1 / size : 1;
        line.height += shorten * height;
        line.slope += shorten * slope;
        for (int i = 0; i < 3; i++)
            line.information[i] = of[i];
        if (size < 1e-9)
            break;
    }
    line.crossing = (line.height - logit(views->level)) / line.slope;
    return line;
}

/* How far from the crossing steps are taken on the scale of logits. */
static double reach(const struct dam_crossing_search *search, double trials, double design_effect) {
    double level = search->level;
    double weight = trials * (double)search->trial_size * level * (1 - level) / design_effect;
    return weight > 0 ? fmin(widest, sqrt(slope_certainty / weight)) : widest;
}

/* What lies near a line's crossing: its neighbours among the integers always do. */
static struct part part_around(const struct line *line, double guess, double reach) {
    double memories = guess * dam_portable_exp(line->crossing);
    double factor = fmin(dam_portable_exp(window * reach / line->slope), window_factor);
    return (struct part){fmin(memories / factor, floor(memories)),
                         fmax(memories * factor, floor(memories) + 1)};
}

/* Are there points that count on both sides of the crossing, with a good part of all trials? */
static bool surrounds(const struct views *views, const struct line *line, const struct part *part) {
    double below = 0, above = 0, all = 0;
    for (size_t p = 0; p < views->count; p++) {
        const struct view *view = &views->list[p];
        all += view->units;
        if (counts(part, view))
            *(view->x < line->crossing ? &below : &above) += view->units;
    }
    return below > 0 && above > 0 && below + above >= all / 4;
}

/* ---- the fit and its interval ---- */

struct fit {
    struct line line;
    bool surrounded; /* the points that count do not only point to the crossing from afar */
    double sets;     /* that count */
    double design_effect;
    double low, high; /* of the crossing; infinite where there may be no slope */
};

/* The variance of the sets around the line over the binomial's, at least 1: Pearson's chi-squared
 * per degree of freedom. */
static void measure_design_effect(const struct views *views, const struct part *part,
                                  struct fit *fit) {
    double sum = 0;
    fit->sets = 0;
    for (size_t p = 0; p < views->count; p++) {
        const struct view *view = &views->list[p];
        if (!counts(part, view))
            continue;
        double share = logistic(fit->line.height - fit->line.slope * view->x);
        double expected = views->set_units * share;
        double squares = view->squares + expected * (view->sets * expected - 2 * view->successes);
        sum += squares / (expected * (1 - share));
        fit->sets += view->sets;
    }
    bool shared = views->set_units > 1 && fit->sets > 2;
    fit->design_effect = shared ? fmax(sum / (fit->sets - 2), 1) : 1;
}

/* The x for which height - slope x may be the logit of the level (Fieller):
 * (height - slope x)^2 <= t^2 (variance of that), a quadratic inequality. */
static void bound(const struct views *views, struct fit *fit) {
    const double *of = fit->line.information;
    double t = widening * student_quantile(fmax(fit->sets - 2, 4));
    double scale = t * t * fit->design_effect / (of[0] * of[2] - of[1] * of[1]);
    double height = fit->line.height - logit(views->level), slope = fit->line.slope;
    double a = slope * slope - scale * of[0], b = slope * height + scale * of[1];
    double c = height * height - scale * of[2], root = b * b - a * c;
    bool bounded = a > 0 && root >= 0;
    fit->low = bounded ? (b - sqrt(root)) / a : -INFINITY;
    fit->high = bounded ? (b + sqrt(root)) / a : INFINITY;
}

/* All points first, then those near the crossing that this gives, and so on. */
static struct fit fit_views(const struct dam_crossing_search *search, const struct views *views) {
    enum { NARROWINGS = 4 };
    struct part part = everything;
    struct fit fit = {.line = fit_line(views, &part)};
    measure_design_effect(views, &part, &fit);
    for (int i = 0; i < NARROWINGS; i++) {
        double near = reach(search, views->trials, fit.design_effect);
        struct part narrower = part_around(&fit.line, views->guess, near);
        fit.surrounded = surrounds(views, &fit.line, &narrower);
        if (!fit.surrounded)
            break;
        part = narrower;
        fit.line = fit_line(views, &part);
        measure_design_effect(views, &part, &fit);
    }
    bound(views, &fit);
    return fit;
}

static struct dam_crossing_estimate estimate(const struct views *views, const struct fit *fit) {
    return (struct dam_crossing_estimate){
        .threshold = views->guess * dam_portable_exp(fit->line.crossing),
        .low = views->guess * dam_portable_exp(fit->low),
        .high = views->guess * dam_portable_exp(fit->high),
        .slope = fit->line.slope,
        .design_effect = fit->design_effect,
    };
}

struct dam_crossing_estimate dam_crossing_fit(const struct dam_crossing_search *search,
                                              const struct dam_crossing_point *points,
                                              size_t count) {
    struct views views;
    look(&views, search, points, count);
    struct fit fit = fit_views(search, &views);
    return estimate(&views, &fit);
}

/* ---- the search ---- */

/* Has an end of the range been tried, and is it on the wrong side? At K = 1 other K may say that
 * the share crosses the level further on. */
static enum dam_crossing_outcome look_at_ends(const struct dam_crossing_search *search,
                                              const struct views *views, const struct fit *fit) {
    bool below = false, crosses = false;
    for (size_t p = 0; p < views->count; p++) {
        const struct view *view = &views->list[p];
        double above = excess(views, view, fit->design_effect);
        if (view->memories == (double)search->most && above > end_certainty)
            return DAM_CROSSING_ABOVE;
        below = below || (view->memories == 1 && above < -end_certainty);
        crosses = crosses || above > end_certainty;
    }
    return below && !crosses ? DAM_CROSSING_BELOW : DAM_CROSSING_OPEN;
}

static bool is_narrow(const struct dam_crossing_search *search, const struct views *views,
                      const struct fit *fit) {
    struct dam_crossing_estimate at = estimate(views, fit);
    return fit->surrounded && fit->sets >= sets_least &&
           at.high - at.low <= 2 * search->precision * at.threshold;
}

/* The x around which to try next: the crossing, but a stride beyond what was tried as long as the
 * level has been seen from one side only, and never further. */
static double next_position(const struct views *views, const struct fit *fit) {
    double low = INFINITY, high = -INFINITY, least = INFINITY, most = -INFINITY;
    for (size_t p = 0; p < views->count; p++) {
        const struct view *view = &views->list[p];
        double above = excess(views, view, 1);
        low = fmin(low, view->x);
        high = fmax(high, view->x);
        least = fmin(least, above);
        most = fmax(most, above);
    }
    double beyond = dam_portable_log(stride);
    if (views->count == 0)
        return fit->line.crossing;
    if (most < 0)
        return low - beyond;
    if (least > 0)
        return high + beyond;
    return fmin(fmax(fit->line.crossing, low - beyond), high + beyond);
}

static int64_t memories_at(const struct dam_crossing_search *search, double x) {
    double memories = floor((double)search->guess * dam_portable_exp(x) + 0.5);
    if (!(memories > 1))
        return 1;
    return memories < (double)search->most ? (int64_t)memories : search->most;
}

/* Half the distance in ln K between the two K of a step; wide as long as the slope is not known. */
static double step_half(const struct dam_crossing_search *search, const struct views *views,
                        const struct fit *fit) {
    double half = isfinite(fit->high)
                      ? reach(search, views->trials, fit->design_effect) / fit->line.slope
                      : widest / fmin(fit->line.slope, views->slope);
    return fmin(half, dam_portable_log(stride) / 2);
}

static void take_step(const struct dam_crossing_search *search, const struct views *views,
                      const struct fit *fit, struct dam_crossing_step *step) {
    double x = next_position(views, fit), half = step_half(search, views, fit);
    int64_t *memories = step->memories;
    memories[0] = memories_at(search, x - half);
    memories[1] = memories_at(search, x + half);
    if (memories[0] == memories[1] && memories[0] < search->most) {
        memories[0] = (int64_t)fmax(1, floor(views->guess * dam_portable_exp(x)));
        memories[1] = memories[0] + 1;
    }
    double trials = fmax(step_share * views->trials / 2, step_trials);
    step->sets = (int64_t)ceil(trials / (double)search->set_trials);
}

enum dam_crossing_outcome dam_crossing_next(const struct dam_crossing_search *search,
                                            const struct dam_crossing_point *points, size_t count,
                                            struct dam_crossing_step *step) {
    struct views views;
    look(&views, search, points, count);
    struct fit fit = fit_views(search, &views);
    if (is_narrow(search, &views, &fit))
        return DAM_CROSSING_FOUND;
    enum dam_crossing_outcome outcome = look_at_ends(search, &views, &fit);
    if (outcome != DAM_CROSSING_OPEN)
        return outcome;
    take_step(search, &views, &fit, step);
    double after = views.trials + 2 * (double)step->sets * (double)search->set_trials;
    bool room = count + 2 <= DAM_CROSSING_POINTS_MAX && after <= (double)search->max_trials;
    return room ? DAM_CROSSING_OPEN : DAM_CROSSING_BUDGET;
}
