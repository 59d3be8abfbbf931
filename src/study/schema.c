#include "study/schema.h"

#include "study/scalar.h"
#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

const struct dam_parameter dam_common_parameters[] = {
    [DAM_COMMON_SEED] = {.name = "seed",
                         .type = DAM_INTEGER,
                         .role = DAM_BUDGET,
                         .standard.integer = 1,
                         .low.integer = 0,
                         .high.integer = INT64_MAX,
                         .unit = "1",
                         .doc = "names all random numbers of the study; one for all blocks"},
    [DAM_COMMON_REPLICAS] = {.name = "replicas",
                             .type = DAM_INTEGER,
                             .role = DAM_BUDGET,
                             .standard.integer = 1,
                             .low.integer = 1,
                             .high.integer = 1000000000,
                             .unit = "1",
                             .doc = "independent repetitions of every cell"},
};
const size_t dam_common_parameter_count =
    sizeof dam_common_parameters / sizeof dam_common_parameters[0];

int64_t dam_cell_integer(const struct dam_schema *schema, const struct dam_cell *cell,
                         const char *name) {
    size_t p = 0;
    while (p < schema->parameter_count && strcmp(schema->parameters[p].name, name) != 0)
        p++;
    assert(p < schema->parameter_count && schema->parameters[p].type != DAM_REAL);
    return cell->values[p].integer;
}

int dam_value_print(char *text, size_t size, enum dam_type type, const char *const *choices,
                    union dam_value value) {
    switch (type) {
    case DAM_INTEGER:
        return snprintf(text, size, "%" PRId64, value.integer);
    case DAM_REAL:
        return dam_scalar_print(text, size, value.real);
    case DAM_CHOICE:
        return snprintf(text, size, "%s", choices[value.integer]);
    }
    assert(!"a type of the enum");
    return -1;
}

static int print_integer_range(char *text, size_t size, int64_t low, int64_t high) {
    if (low == INT64_MIN && high == INT64_MAX)
        return snprintf(text, size, "integer");
    if (high == INT64_MAX)
        return snprintf(text, size, "integer, at least %" PRId64, low);
    if (low == INT64_MIN)
        return snprintf(text, size, "integer, at most %" PRId64, high);
    return snprintf(text, size, "integer %" PRId64 "..%" PRId64, low, high);
}

static int print_real_range(char *text, size_t size, const struct dam_parameter *parameter) {
    const double low = parameter->low.real, high = parameter->high.real;
    const char *above = parameter->low_open ? "above" : "at least",
               *below = parameter->high_open ? "below" : "at most";
    char least[32], most[32];
    dam_scalar_print(least, sizeof least, low);
    dam_scalar_print(most, sizeof most, high);
    bool bounded_below = low > -DBL_MAX, bounded_above = high < DBL_MAX;
    if (!bounded_below && !bounded_above)
        return snprintf(text, size, "real");
    if (!bounded_above)
        return snprintf(text, size, "real, %s %s", above, least);
    if (!bounded_below)
        return snprintf(text, size, "real, %s %s", below, most);
    if (!parameter->low_open && !parameter->high_open)
        return snprintf(text, size, "real %s..%s", least, most);
    return snprintf(text, size, "real, %s %s, %s %s", above, least, below, most);
}

static int print_choices(char *text, size_t size, const char *const *choices) {
    int length = 0;
    for (size_t c = 0; choices[c] != NULL; c++) {
        size_t used = (size_t)length < size ? (size_t)length : size;
        length += snprintf(text + used, size - used, "%s%s", c > 0 ? " | " : "", choices[c]);
    }
    return length;
}

int dam_parameter_allowed(char *text, size_t size, const struct dam_parameter *parameter) {
    union dam_value low = parameter->low, high = parameter->high;
    switch (parameter->type) {
    case DAM_INTEGER:
        return print_integer_range(text, size, low.integer, high.integer);
    case DAM_REAL:
        return print_real_range(text, size, parameter);
    case DAM_CHOICE:
        return print_choices(text, size, parameter->choices);
    }
    assert(!"a type of the enum");
    return -1;
}

static bool is_default(const struct dam_parameter *parameter, union dam_value value) {
    if (parameter->required)
        return false;
    return parameter->type == DAM_REAL ? value.real == parameter->standard.real
                                       : value.integer == parameter->standard.integer;
}

static char *append_text(char *end, const char *limit, const char *text) {
    size_t length = strlen(text);
    assert(length < (size_t)(limit - end)); /* DAM_IDENTITY_LENGTH holds any schema's cells */
    memcpy(end, text, length + 1);
    return end + length;
}

void dam_cell_identity(const struct dam_schema *schema, const union dam_value *values, char *text) {
    char value[128];
    const char *limit = text + DAM_IDENTITY_LENGTH;
    snprintf(value, sizeof value, "/%" PRIu32, schema->version);
    char *end = append_text(append_text(text, limit, schema->name), limit, value);
    for (size_t p = 0; p < schema->parameter_count; p++) {
        const struct dam_parameter *parameter = &schema->parameters[p];
        if (parameter->role != DAM_SCIENCE || is_default(parameter, values[p]))
            continue;
        dam_value_print(value, sizeof value, parameter->type, parameter->choices, values[p]);
        end = append_text(end, limit, ";");
        end = append_text(end, limit, parameter->name);
        end = append_text(end, limit, "=");
        end = append_text(end, limit, value);
    }
}

struct dam_hash dam_cell_hash(const struct dam_schema *schema, const union dam_value *values) {
    char text[DAM_IDENTITY_LENGTH];
    dam_cell_identity(schema, values, text);
    XXH128_hash_t hash = XXH3_128bits(text, strlen(text));
    return (struct dam_hash){.low = hash.low64, .high = hash.high64};
}
