#include "study/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "studies/schema.h"

static const union dam_value cell_values[PARAMETERS] = {
    [POWER].integer = 3, [NEURONS].integer = 50,   [MEMORIES].integer = 200,
    [LOAD].real = 4,     [NOISE].real = 0.1 + 0.2, [STARTS].integer = 77,
};

static void assert_allowed(struct dam_parameter parameter, const char *expected) {
    char text[128];
    assert_int_equal(dam_parameter_allowed(text, sizeof text, &parameter), strlen(expected));
    assert_string_equal(text, expected);
}

static struct dam_parameter integers(int64_t low, int64_t high) {
    return (struct dam_parameter){.type = DAM_INTEGER, .low.integer = low, .high.integer = high};
}

static struct dam_parameter reals(double low, bool low_open, double high) {
    return (struct dam_parameter){
        .type = DAM_REAL, .low.real = low, .low_open = low_open, .high.real = high};
}

static void what_is_allowed_reads_plainly(void **state) {
    (void)state;
    assert_allowed(integers(1, 32766), "integer 1..32766");
    assert_allowed(integers(1, INT64_MAX), "integer, at least 1");
    assert_allowed(integers(INT64_MIN, 0), "integer, at most 0");
    assert_allowed(integers(INT64_MIN, INT64_MAX), "integer");
    assert_allowed(reals(0, false, 1), "real 0..1");
    assert_allowed(reals(0, true, 1), "real, above 0, at most 1");
    assert_allowed(reals(0, true, INFINITY), "real, above 0");
    assert_allowed(reals(0.5, false, DBL_MAX), "real, at least 0.5");
    assert_allowed(reals(-INFINITY, false, 2), "real, at most 2");
    assert_allowed(reals(-DBL_MAX, true, DBL_MAX), "real");
    struct dam_parameter share = reals(0, false, 1);
    share.high_open = true;
    assert_allowed(share, "real, at least 0, below 1");
    share.low.real = -INFINITY;
    assert_allowed(share, "real, below 1");
    assert_allowed(capacity_parameters[ENERGY], "power | rectified");
}

static void a_text_cut_short_stays_in_its_room(void **state) {
    (void)state;
    char text[8];
    assert_int_equal(dam_parameter_allowed(text, sizeof text, &capacity_parameters[ENERGY]),
                     strlen("power | rectified"));
    assert_string_equal(text, "power |");
}

static void assert_prints(enum dam_type type, union dam_value value, const char *expected) {
    char text[64];
    assert_int_equal(dam_value_print(text, sizeof text, type, energies, value), strlen(expected));
    assert_string_equal(text, expected);
}

static void values_print_so_that_they_read_back(void **state) {
    (void)state;
    assert_prints(DAM_INTEGER, (union dam_value){.integer = INT64_MIN}, "-9223372036854775808");
    assert_prints(DAM_REAL, (union dam_value){.real = 0.1}, "0.1");
    assert_prints(DAM_REAL, (union dam_value){.real = 0.1 + 0.2}, "0.30000000000000004");
    assert_prints(DAM_CHOICE, (union dam_value){.integer = 1}, "rectified");
}

static void identity_names_what_differs_from_the_defaults(void **state) {
    (void)state;
    char text[DAM_IDENTITY_LENGTH];
    dam_cell_identity(&capacity_schema, cell_values, text);
    assert_string_equal(text, "capacity/1;N=50;K=200;noise=0.30000000000000004");
    union dam_value values[PARAMETERS] = {[POWER].integer = 3, [NEURONS].integer = 100};
    values[ENERGY].integer = 1;
    dam_cell_identity(&capacity_schema, values, text);
    /* K has no default, so it is always there. */
    assert_string_equal(text, "capacity/1;energy=rectified;K=0");
}

/* Journals and random streams are keyed by these: a change would orphan all that is stored. The
 * figures are `printf %s 'capacity/1;N=50;K=200;noise=0.30000000000000004' | xxhsum -H2`. */
static void hashes_never_change(void **state) {
    (void)state;
    struct dam_hash hash = dam_cell_hash(&capacity_schema, cell_values);
    assert_true(hash.low == UINT64_C(0x22fc4468a9f88cd2));
    assert_true(hash.high == UINT64_C(0xda310faa6b93e026));
}

static void budgets_and_derived_values_are_no_part_of_the_hash(void **state) {
    (void)state;
    union dam_value values[PARAMETERS];
    struct dam_hash hash = dam_cell_hash(&capacity_schema, cell_values);
    for (size_t p = 0; p < PARAMETERS; p++) {
        memcpy(values, cell_values, sizeof values);
        if (capacity_parameters[p].type == DAM_REAL)
            values[p].real += 1;
        else
            values[p].integer = !values[p].integer;
        struct dam_hash other = dam_cell_hash(&capacity_schema, values);
        bool same = hash.low == other.low && hash.high == other.high;
        assert_int_equal(same, capacity_parameters[p].role != DAM_SCIENCE);
    }
    struct dam_schema schema = capacity_schema;
    schema.version++;
    assert_true(dam_cell_hash(&schema, cell_values).low != hash.low);
}

/* A release that adds a parameter keeps the cells that do not use it. */
static void a_new_parameter_at_its_default_keeps_the_hash(void **state) {
    (void)state;
    struct dam_parameter parameters[PARAMETERS + 1];
    union dam_value values[PARAMETERS + 1];
    memcpy(parameters + 1, capacity_parameters, sizeof capacity_parameters);
    memcpy(values + 1, cell_values, sizeof cell_values);
    parameters[0] = integers(0, 9);
    parameters[0].name = "delay";
    parameters[0].standard.integer = 4;
    values[0].integer = 4;
    struct dam_schema schema = capacity_schema;
    schema.parameters = parameters;
    schema.parameter_count++;
    assert_true(dam_cell_hash(&schema, values).low ==
                dam_cell_hash(&capacity_schema, cell_values).low);
    values[0].integer = 5;
    assert_true(dam_cell_hash(&schema, values).low !=
                dam_cell_hash(&capacity_schema, cell_values).low);
}

/* Make every run of white space one blank. */
static void join_words(char *text) {
    char *end = text;
    for (const char *c = text; *c != '\0'; c++) {
        bool blank = *c == ' ' || *c == '\n';
        if (!blank || (end > text && end[-1] != ' '))
            *end++ = blank ? ' ' : *c;
    }
    *end = '\0';
}

static void describe_tells_everything_within_100_columns(void **state) {
    (void)state;
    struct dam_parameter parameters[PARAMETERS];
    memcpy(parameters, capacity_parameters, sizeof parameters);
    parameters[POWER].unit = "a unit that is wider than its column";
    parameters[START].doc = "a sentence that is long enough to be wrapped more than once, since a "
                            "terminal has only one hundred columns and the doc is the last of them";
    struct dam_schema schema = capacity_schema;
    schema.parameters = parameters;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    dam_schema_describe(out, &schema);
    assert_int_equal(fclose(out), 0);

    assert_non_null(strstr(text, "capacity: share of starts that end in a stored memory\n"));
    assert_non_null(strstr(text, "Krotov & Hopfield 2016\n"));
    assert_non_null(strstr(text, "\nenergy     power | rectified "));
    assert_non_null(strstr(text, "  power     1         energy function\n"));
    assert_non_null(strstr(text, "integer, at least 1    required  memories  stored memories\n"));
    assert_non_null(strstr(text, "derived   1         K / N\n"));
    assert_non_null(strstr(text, " a unit that is wider than its column\n"
                                 "                                                      "
                                 "interaction vertex power\n"));
    const char *budget = strstr(text, "\nbudget and seed: one value each");
    assert_non_null(budget);
    assert_non_null(strstr(budget, "\nstarts "));
    assert_non_null(strstr(budget, "\nseed "));
    assert_non_null(strstr(budget, "\nreplicas "));
    assert_true(strstr(text, "\nnoise ") < budget);
    for (const char *line = text; *line != '\0';) {
        size_t columns = strcspn(line, "\n");
        assert_true(columns <= 100);
        assert_int_equal(line[columns], '\n');
        line += columns + 1;
    }
    join_words(text);
    assert_non_null(strstr(text, parameters[START].doc));
    free(text);
}

static void misspelt_names_find_the_nearest(void **state) {
    (void)state;
    static const char *const names[] = {"kind", "seed", "replicas", "n",     "N",
                                        "K",    "load", "start",    "starts"};
    static const struct {
        const char *name, *nearest;
    } cases[] = {
        {"replica", "replicas"},
        {"repilcas", "replicas"},
        {"REPLICAS", "replicas"},
        {"seeds", "seed"},
        {"k", "K"},
        {"nn", "n"},
        {"NN", "N"},
        {"lod", "load"},
        {"laod", "load"},
        {"strats", "starts"},
        {"strat", "start"},
        {"rpeliacs", "replicas"},
        {"z", NULL},
        {"", NULL},
        {"x_y_z", NULL},
        {"relics_x", NULL},
        {"temperature", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = dam_nearest(cases[i].name, names, sizeof names / sizeof names[0]);
        if ((nearest == NULL) != (cases[i].nearest == NULL) ||
            (nearest != NULL && strcmp(nearest, cases[i].nearest) != 0))
            fail_msg("%s: %s", cases[i].name, nearest != NULL ? nearest : "nothing");
    }
    char longest[100000];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(dam_nearest(longest, names, sizeof names / sizeof names[0]));
    const char *const only_long[] = {longest};
    assert_null(dam_nearest("n", only_long, 1));
    assert_null(dam_nearest("n", NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_allowed_reads_plainly),
        cmocka_unit_test(a_text_cut_short_stays_in_its_room),
        cmocka_unit_test(values_print_so_that_they_read_back),
        cmocka_unit_test(identity_names_what_differs_from_the_defaults),
        cmocka_unit_test(hashes_never_change),
        cmocka_unit_test(budgets_and_derived_values_are_no_part_of_the_hash),
        cmocka_unit_test(a_new_parameter_at_its_default_keeps_the_hash),
        cmocka_unit_test(describe_tells_everything_within_100_columns),
        cmocka_unit_test(misspelt_names_find_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
