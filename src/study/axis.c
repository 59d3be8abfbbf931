#include "study/axis.h"

#include "study/scalar.h"
#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    PRECISION = 128, /* bits; the 12 digits of a value need 40 */
    ALLOWED_LENGTH = 256
};

static_assert(sizeof(unsigned long) == sizeof(uint64_t), "MPFR is given 64-bit integers");

static enum dam_status fail_memory(struct dam_error *error, uint64_t bytes) {
    return dam_fail(error, DAM_MEMORY,
                    "out of memory: the values of a range need %" PRIu64 " bytes", bytes);
}

/* One value. */

static const char *read_text(const struct dam_parameter *parameter, const char *text,
                             union dam_value *value) {
    const char *fault = NULL;
    bool below = false, above = false;
    if (parameter->type == DAM_CHOICE) {
        for (value->integer = 0; parameter->choices[value->integer] != NULL; value->integer++)
            if (strcmp(parameter->choices[value->integer], text) == 0)
                return NULL;
        return "is unknown";
    }
    if (parameter->type == DAM_INTEGER) {
        fault = dam_scalar_integer(text, &value->integer);
        below = fault == NULL && value->integer < parameter->low.integer;
        above = fault == NULL && value->integer > parameter->high.integer;
    } else {
        fault = dam_scalar_real(text, &value->real);
        below = fault == NULL && (value->real < parameter->low.real ||
                                  (parameter->low_open && value->real == parameter->low.real));
        above = fault == NULL && (value->real > parameter->high.real ||
                                  (parameter->high_open && value->real == parameter->high.real));
    }
    if (below)
        return "is below the allowed range";
    return above ? "is above the allowed range" : fault;
}

static const char *nearest_choice(const struct dam_parameter *parameter, const char *text) {
    size_t count = 0;
    if (parameter->type != DAM_CHOICE)
        return NULL;
    while (parameter->choices[count] != NULL)
        count++;
    return dam_nearest(text, parameter->choices, count);
}

enum dam_status dam_value_read(const struct dam_parameter *parameter, const struct dam_node *node,
                               union dam_value *value, struct dam_error *error) {
    char excerpt[DAM_EXCERPT_LENGTH], allowed[ALLOWED_LENGTH];
    const char *name = parameter->name;
    dam_parameter_allowed(allowed, sizeof allowed, parameter);
    if (node->type != DAM_NODE_SCALAR)
        return dam_fail_at(error, node->place, "%s: a %s where one value is wanted; allowed: %s",
                           name, node->type == DAM_NODE_SEQUENCE ? "list" : "mapping", allowed);
    dam_scalar_excerpt(excerpt, node->text);
    if (node->quoted && parameter->type != DAM_CHOICE)
        return dam_fail_at(error, node->place,
                           "%s: \"%s\" is text; write a number without quotes; allowed: %s", name,
                           excerpt, allowed);
    if (node->text[0] == '\0')
        return dam_fail_at(error, node->place, "%s: no value is given; allowed: %s", name, allowed);
    const char *fault = read_text(parameter, node->text, value);
    if (fault == NULL)
        return DAM_OK;
    const char *nearest = nearest_choice(parameter, node->text);
    if (nearest != NULL)
        return dam_fail_at(error, node->place, "%s: %s %s; did you mean \"%s\"? allowed: %s", name,
                           excerpt, fault, nearest, allowed);
    return dam_fail_at(error, node->place, "%s: %s %s; allowed: %s", name, excerpt, fault, allowed);
}

/* Ranges as written. */

enum range_key { RANGE_FROM, RANGE_TO, RANGE_STEP, RANGE_COUNT, RANGE_SCALE, RANGE_KEYS };
static const char *const range_keys[RANGE_KEYS] = {"from", "to", "step", "count", "scale"};
static const char *const scales[] = {"linear", "log", NULL};

#define RANGE_FORMS "{from, to, step} or {from, to, count, scale: linear | log}"

struct range {
    const struct dam_node *nodes[RANGE_KEYS]; /* NULL: not given */
    union dam_value values[RANGE_KEYS];
};

/* What a key of a range allows, as a parameter of its own. */
static struct dam_parameter range_parameter(const struct dam_parameter *parameter,
                                            enum range_key key, const char *label) {
    struct dam_parameter own = *parameter;
    own.name = label;
    if (key == RANGE_STEP && own.type == DAM_INTEGER) {
        own.low.integer = 1;
        own.high.integer = INT64_MAX;
    } else if (key == RANGE_STEP) {
        own.low.real = 0;
        own.low_open = true;
        own.high.real = DBL_MAX;
    } else if (key == RANGE_COUNT) {
        own.type = DAM_INTEGER;
        own.low.integer = 1;
        own.high.integer = DAM_GRID_LIMIT - 1;
    } else if (key == RANGE_SCALE) {
        own.type = DAM_CHOICE;
        own.choices = scales;
    }
    return own;
}

static enum dam_status read_range_key(const struct dam_parameter *parameter, struct range *range,
                                      const struct dam_node *node, struct dam_error *error) {
    char label[128], excerpt[DAM_EXCERPT_LENGTH];
    for (enum range_key key = 0; key < RANGE_KEYS; key++) {
        if (strcmp(node->key, range_keys[key]) != 0)
            continue;
        snprintf(label, sizeof label, "%s: %s", parameter->name, range_keys[key]);
        struct dam_parameter own = range_parameter(parameter, key, label);
        range->nodes[key] = node;
        return dam_value_read(&own, node, &range->values[key], error);
    }
    dam_scalar_excerpt(excerpt, node->key);
    const char *nearest = dam_nearest(node->key, range_keys, RANGE_KEYS);
    if (nearest != NULL)
        return dam_fail_at(error, node->key_place,
                           "%s: %s: unknown key of a range; did you mean \"%s\"?", parameter->name,
                           excerpt, nearest);
    return dam_fail_at(error, node->key_place, "%s: %s: unknown key of a range; allowed: %s",
                       parameter->name, excerpt, RANGE_FORMS);
}

static int compare_values(enum dam_type type, union dam_value a, union dam_value b) {
    return type == DAM_INTEGER ? (a.integer > b.integer) - (a.integer < b.integer)
                               : (a.real > b.real) - (a.real < b.real);
}

/* Do the keys of a range, each valid alone, make sense together? */
static enum dam_status check_range(const struct dam_parameter *parameter, const struct range *range,
                                   const struct dam_node *node, bool sampled,
                                   struct dam_error *error) {
    const char *name = parameter->name;
    const struct dam_node *const *nodes = range->nodes;
    const struct dam_node *from = nodes[RANGE_FROM], *to = nodes[RANGE_TO];
    const struct dam_node *step = nodes[RANGE_STEP], *count = nodes[RANGE_COUNT];
    union dam_value zero = {0}; /* 0 and 0.0 have the same bytes */
    if (from == NULL || to == NULL)
        return dam_fail_at(error, node->place, "%s: \"%s\" is missing; allowed: %s", name,
                           from == NULL ? "from" : "to", RANGE_FORMS);
    if (step != NULL && count != NULL)
        return dam_fail_at(error, node->last == step ? step->key_place : count->key_place,
                           "%s: both step and count are given; allowed: one of them", name);
    if (step == NULL && count == NULL && !sampled)
        return dam_fail_at(error, node->place,
                           "%s: step or count is missing; allowed: %s, or search: random to draw "
                           "values",
                           name, RANGE_FORMS);
    int order = compare_values(parameter->type, range->values[RANGE_FROM], range->values[RANGE_TO]);
    if (order > 0)
        return dam_fail_at(error, from->place,
                           "%s: from %s to %s goes backward; allowed: from <= "
                           "to",
                           name, from->text, to->text);
    if (count != NULL && range->values[RANGE_COUNT].integer == 1 && order < 0)
        return dam_fail_at(error, count->place,
                           "%s: count: 1 value cannot be both %s and %s; allowed: 2 or more", name,
                           from->text, to->text);
    bool logarithmic = nodes[RANGE_SCALE] != NULL && range->values[RANGE_SCALE].integer == 1;
    if (logarithmic && step != NULL)
        return dam_fail_at(error, nodes[RANGE_SCALE]->place,
                           "%s: scale: log goes with count, not with step", name);
    if (logarithmic && compare_values(parameter->type, range->values[RANGE_FROM], zero) <= 0)
        return dam_fail_at(error, from->place,
                           "%s: from: %s has no logarithm; allowed with scale: log: above 0", name,
                           from->text);
    return DAM_OK;
}

/* Axes. */

/* A value as the decimal number it was written as: the 12 digits, not their binary rounding. */
static void set_decimal(mpfr_t number, enum dam_type type, union dam_value value) {
    char text[32];
    if (type == DAM_INTEGER) {
        mpfr_set_si(number, value.integer, MPFR_RNDN);
        return;
    }
    dam_scalar_print(text, sizeof text, value.real);
    mpfr_set_str(number, text, 10, MPFR_RNDN);
}

/* The nearest parameter value: an integer, or 12 significant digits. */
static union dam_value settle(mpfr_t number, enum dam_type type) {
    if (type == DAM_INTEGER) {
        mpfr_round(number, number);
        return (union dam_value){.integer = mpfr_get_si(number, MPFR_RNDN)};
    }
    if (mpfr_zero_p(number))
        return (union dam_value){.real = 0};
    /* Integer digits and an exponent: without a point the locale does not matter to strtod. */
    char digits[DAM_SCALAR_DIGITS + 3], text[64];
    mpfr_exp_t exponent;
    mpfr_get_str(digits, &exponent, 10, DAM_SCALAR_DIGITS, number, MPFR_RNDN);
    snprintf(text, sizeof text, "%se%ld", digits, (long)exponent - DAM_SCALAR_DIGITS);
    return (union dam_value){.real = strtod(text, NULL)};
}

/* base + slope numerator / denominator, or the exponential of that. */
static union dam_value interpolate(const struct dam_axis *axis, uint64_t numerator,
                                   uint64_t denominator) {
    MPFR_DECL_INIT(number, PRECISION);
    mpfr_mul_ui(number, axis->slope, numerator, MPFR_RNDN);
    mpfr_div_ui(number, number, denominator, MPFR_RNDN);
    /* -0.3 + 3 * 0.1 is 0, not the 1e-39 that 128 bits leave of it. */
    mpfr_exp_t magnitude = mpfr_zero_p(number) ? 0 : mpfr_get_exp(number);
    mpfr_add(number, number, axis->base, MPFR_RNDN);
    if (!mpfr_zero_p(number) && mpfr_get_exp(number) < magnitude - (PRECISION - 10))
        mpfr_set_zero(number, 1);
    if (axis->logarithmic)
        mpfr_exp(number, number, MPFR_RNDN);
    return settle(number, axis->parameter->type);
}

static union dam_value axis_point(const struct dam_axis *axis, uint64_t index) {
    if (index == 0)
        return axis->from;
    if (axis->ends_at_to && index == axis->points - 1)
        return axis->to;
    return interpolate(axis, index, axis->form == DAM_AXIS_STEPS ? 1 : axis->points - 1);
}

/* How many steps fit, `to` included when it is within 1e-9 of a step. */
static enum dam_status count_steps(struct dam_axis *axis, struct dam_error *error) {
    double tolerance = axis->parameter->type == DAM_INTEGER ? 0 : 1e-9;
    MPFR_DECL_INIT(steps, PRECISION);
    MPFR_DECL_INIT(whole, PRECISION);
    set_decimal(steps, axis->parameter->type, axis->to);
    mpfr_sub(steps, steps, axis->base, MPFR_RNDN);
    mpfr_div(steps, steps, axis->slope, MPFR_RNDN);
    mpfr_add_d(whole, steps, tolerance, MPFR_RNDN);
    mpfr_floor(whole, whole);
    if (mpfr_cmp_ui(whole, DAM_GRID_LIMIT - 1) >= 0)
        return dam_fail_at(error, axis->node->place,
                           "%s: the range has too many values; allowed: fewer than %d",
                           axis->parameter->name, DAM_GRID_LIMIT);
    axis->points = mpfr_get_ui(whole, MPFR_RNDN) + 1;
    mpfr_sub(steps, steps, whole, MPFR_RNDN);
    axis->ends_at_to = mpfr_cmp_d(steps, tolerance) <= 0;
    return DAM_OK;
}

static enum dam_status read_range(struct dam_axis *axis, const struct dam_node *node, bool sampled,
                                  struct dam_error *error) {
    const struct dam_parameter *parameter = axis->parameter;
    if (parameter->type == DAM_CHOICE) {
        union dam_value none;
        return dam_value_read(parameter, node, &none, error); /* refuses the mapping */
    }
    struct range range = {0};
    enum dam_status status = DAM_OK;
    for (const struct dam_node *key = node->first; key != NULL && status == DAM_OK; key = key->next)
        status = read_range_key(parameter, &range, key, error);
    if (status == DAM_OK)
        status = check_range(parameter, &range, node, sampled, error);
    if (status != DAM_OK)
        return status;

    axis->from = range.values[RANGE_FROM];
    axis->to = range.values[RANGE_TO];
    axis->step = range.values[RANGE_STEP];
    axis->logarithmic = range.values[RANGE_SCALE].integer == 1;
    set_decimal(axis->base, parameter->type, axis->from);
    if (range.nodes[RANGE_STEP] != NULL) {
        axis->form = DAM_AXIS_STEPS;
        set_decimal(axis->slope, parameter->type, axis->step);
        return count_steps(axis, error);
    }
    set_decimal(axis->slope, parameter->type, axis->to);
    if (axis->logarithmic) {
        mpfr_log(axis->base, axis->base, MPFR_RNDN);
        mpfr_log(axis->slope, axis->slope, MPFR_RNDN);
    }
    mpfr_sub(axis->slope, axis->slope, axis->base, MPFR_RNDN);
    axis->form = range.nodes[RANGE_COUNT] != NULL ? DAM_AXIS_COUNT : DAM_AXIS_SAMPLED;
    axis->points = axis->form == DAM_AXIS_COUNT ? (uint64_t)range.values[RANGE_COUNT].integer : 0;
    axis->ends_at_to = true;
    return DAM_OK;
}

static enum dam_status read_list(struct dam_axis *axis, const struct dam_node *node,
                                 struct dam_error *error) {
    char allowed[ALLOWED_LENGTH];
    bool list = node->type == DAM_NODE_SEQUENCE;
    dam_parameter_allowed(allowed, sizeof allowed, axis->parameter);
    if (list && node->count == 0)
        return dam_fail_at(error, node->place, "%s: the list is empty; allowed: %s",
                           axis->parameter->name, allowed);
    axis->form = DAM_AXIS_LIST;
    axis->points = axis->count = list ? node->count : 1;
    axis->values = calloc(axis->count, sizeof *axis->values);
    if (axis->values == NULL)
        return fail_memory(error, axis->count * sizeof *axis->values);
    enum dam_status status = DAM_OK;
    const struct dam_node *item = list ? node->first : node;
    for (size_t i = 0; i < axis->count && status == DAM_OK; i++, item = item->next)
        status = dam_value_read(axis->parameter, item, &axis->values[i], error);
    return status;
}

enum dam_status dam_axis_read(struct dam_axis **axes, const struct dam_parameter *parameter,
                              const struct dam_node *node, bool sampled,
                              const struct dam_axis **result, struct dam_error *error) {
    struct dam_axis *axis = calloc(1, sizeof *axis);
    if (axis == NULL)
        return fail_memory(error, sizeof *axis);
    mpfr_inits2(PRECISION, axis->base, axis->slope, (mpfr_ptr)0);
    axis->parameter = parameter;
    axis->node = node;
    axis->stream = (uint32_t)XXH3_64bits(parameter->name, strlen(parameter->name));
    axis->next = *axes;
    *axes = axis;
    *result = axis;
    /* A budget has one value, so neither list nor range: reading one value refuses both. */
    if (parameter->role == DAM_BUDGET && node->type != DAM_NODE_SCALAR) {
        union dam_value none;
        return dam_value_read(parameter, node, &none, error);
    }
    return node->type == DAM_NODE_MAPPING ? read_range(axis, node, sampled, error)
                                          : read_list(axis, node, error);
}

enum dam_status dam_axis_expand(struct dam_axis *axis, struct dam_error *error) {
    if (axis->values != NULL || axis->form == DAM_AXIS_SAMPLED)
        return DAM_OK;
    axis->values = malloc(axis->points * sizeof *axis->values);
    if (axis->values == NULL)
        return fail_memory(error, axis->points * sizeof *axis->values);
    for (uint64_t i = 0; i < axis->points; i++) {
        union dam_value value = axis_point(axis, i);
        if (i == 0 || compare_values(axis->parameter->type, axis->values[axis->count - 1], value))
            axis->values[axis->count++] = value;
    }
    return DAM_OK;
}

static void print_value(FILE *out, const struct dam_axis *axis, union dam_value value) {
    char text[128];
    dam_value_print(text, sizeof text, axis->parameter->type, axis->parameter->choices, value);
    fputs(text, out);
}

void dam_axis_print(FILE *out, const struct dam_axis *axis) {
    if (axis->form == DAM_AXIS_LIST) {
        bool list = axis->node->type == DAM_NODE_SEQUENCE;
        fputs(list ? "[" : "", out);
        for (size_t i = 0; i < axis->count; i++) {
            fputs(i > 0 ? ", " : "", out);
            print_value(out, axis, axis->values[i]);
        }
        fputs(list ? "]" : "", out);
        return;
    }
    fputs("{from: ", out);
    print_value(out, axis, axis->from);
    fputs(", to: ", out);
    print_value(out, axis, axis->to);
    if (axis->form == DAM_AXIS_STEPS) {
        fputs(", step: ", out);
        print_value(out, axis, axis->step);
    } else {
        if (axis->form == DAM_AXIS_COUNT)
            fprintf(out, ", count: %" PRIu64, axis->points);
        fprintf(out, ", scale: %s", scales[axis->logarithmic]);
    }
    fputc('}', out);
}

union dam_value dam_axis_draw(const struct dam_axis *axis, uint64_t seed, uint64_t draw) {
    if (axis->form != DAM_AXIS_SAMPLED && axis->count == 1)
        return axis->values[0];
    struct dam_stream stream = dam_stream_open(seed, DAM_PURPOSE_SEARCH, NULL, axis->stream, draw);
    if (axis->form != DAM_AXIS_SAMPLED)
        return axis->values[dam_stream_below(&stream, axis->count)];
    if (axis->parameter->type == DAM_INTEGER && !axis->logarithmic) {
        /* Rounding would give the two ends half the weight of the others. */
        uint64_t span = (uint64_t)axis->to.integer - (uint64_t)axis->from.integer;
        uint64_t offset =
            span == UINT64_MAX ? dam_stream_next64(&stream) : dam_stream_below(&stream, span + 1);
        return (union dam_value){.integer = (int64_t)((uint64_t)axis->from.integer + offset)};
    }
    const double scale = 0x1p53; /* units are multiples of 2^-53 */
    return interpolate(axis, (uint64_t)(dam_stream_unit(&stream) * scale), (uint64_t)scale);
}

void dam_axis_destroy(struct dam_axis *axis) {
    mpfr_clears(axis->base, axis->slope, (mpfr_ptr)0);
    free(axis->values);
    free(axis);
}
