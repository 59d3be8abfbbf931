/* Theory as a table. Its arguments are those of a study, so that ranges, lists and messages are
 * the same: it has a parameter table like a kind's, and its rows are the cells of the grid. */
#include "cli/arguments.h"
#include "cli/table.h"
#include "kinds/model.h"
#include "study/study.h"
#include <dam/theory.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENERGY, POWER, NEURONS, MEMORIES, THRESHOLD };

static const struct dam_parameter parameters[] = {
    [ENERGY] = DAM_PARAMETER_ENERGY,
    [POWER] = DAM_PARAMETER_POWER,
    [NEURONS] = DAM_PARAMETER_NEURONS,
    [MEMORIES] = {.name = "K",
                  .type = DAM_INTEGER,
                  .required = true, /* resolve() sets 0, for none */
                  .low.integer = 1,
                  .high.integer = INT64_C(1000000000000),
                  .unit = "memories",
                  .doc = "stored memories"},
    [THRESHOLD] = {.name = "p",
                   .type = DAM_REAL,
                   .standard.real = 0.005,
                   .low.real = 0,
                   .low_open = true,
                   .high.real = 0.5,
                   .unit = "1",
                   .doc = "error probability that alpha_n allows"},
};

static enum dam_status resolve(union dam_value *values, const bool *given, size_t *blame,
                               struct dam_error *error) {
    if (!given[MEMORIES])
        values[MEMORIES].integer = 0;
    *blame = THRESHOLD;
    if (values[THRESHOLD].real >= 0.5)
        return dam_fail(error, DAM_INPUT, "%.12g; allowed: above 0 and below 0.5",
                        values[THRESHOLD].real);
    return DAM_OK;
}

static const struct dam_schema schema = {
    .name = "theory",
    .summary = "error probabilities and capacities",
    .reference = "Krotov & Hopfield 2016, arXiv 1606.01164",
    .version = 1,
    .parameters = parameters,
    .parameter_count = sizeof parameters / sizeof parameters[0],
    .resolve = resolve,
};

/* The columns after the parameters. Without K there is no error probability: NaN. */
static const struct {
    const char *name, *unit;
} results[] = {
    {"alpha_n", "1"},          {"k_max", "memories"},
    {"p_error_gaussian", "1"}, {"p_error_asymptotic", "1"},
    {"p_error_exact", "1"},
};

static void add_row(struct dam_table *table, const union dam_value *values) {
    enum dam_energy_form form = (enum dam_energy_form)values[ENERGY].integer;
    int power = (int)values[POWER].integer;
    int neurons = (int)values[NEURONS].integer;
    int64_t memories = values[MEMORIES].integer;
    dam_table_text(table, dam_energy_form_names[form], strlen(dam_energy_form_names[form]));
    dam_table_integer(table, power);
    dam_table_integer(table, neurons);
    if (memories > 0)
        dam_table_integer(table, memories);
    else
        dam_table_real(table, NAN);
    dam_table_real(table, values[THRESHOLD].real);
    dam_table_real(table, dam_theory_alpha(form, power, values[THRESHOLD].real));
    dam_table_real(table, dam_theory_k_max(form, power, neurons));
    if (memories > 0) {
        dam_table_real(table, dam_theory_p_error_gaussian(form, power, neurons, memories));
        dam_table_real(table, dam_theory_p_error_asymptotic(form, power, neurons, memories));
        dam_table_real(table, dam_theory_p_error_exact(form, power, neurons, memories));
    } else {
        for (int c = 0; c < 3; c++)
            dam_table_real(table, NAN);
    }
}

static enum dam_status print(const struct dam_study *study, bool csv, struct dam_error *error) {
    struct dam_table *table = dam_table_new(csv);
    if (!table)
        return dam_fail(error, DAM_MEMORY, "theory: out of memory");
    for (size_t p = 0; p < schema.parameter_count; p++)
        dam_table_column(table, parameters[p].name, parameters[p].unit);
    for (size_t r = 0; r < sizeof results / sizeof results[0]; r++)
        dam_table_column(table, results[r].name, results[r].unit);
    for (size_t c = 0; c < study->cell_count; c++) {
        struct dam_cell cell;
        dam_study_cell(study, c, &cell);
        add_row(table, cell.values);
    }
    enum dam_status status = dam_table_print(table, stdout, error);
    dam_table_destroy(table);
    return status;
}

struct command {
    bool csv;
    char **settings; /* "N=50", "N=[50,100]": owned */
    size_t count;
};

enum { KEY_CSV = 256 };

static const struct argp_option options[] = {
    {"csv", KEY_CSV, NULL, 0, "comma-separated values with numbers in full precision", 0},
    {0},
};

/* "N=50,100" is the list "N=[50,100]" of a study. */
static char *setting(const char *argument) {
    const char *equals = strchr(argument, '=');
    if (!equals || !strchr(equals, ',') || strpbrk(equals, "[{"))
        return strdup(argument);
    char *text = NULL;
    if (asprintf(&text, "%.*s[%s]", (int)(equals + 1 - argument), argument, equals + 1) < 0)
        return NULL;
    return text;
}

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    struct command *command = context;
    if (key == KEY_CSV) {
        command->csv = true;
        return DAM_OK;
    }
    char *text = setting(value);
    if (!text)
        return dam_fail(error, DAM_MEMORY, "theory: out of memory");
    command->settings[command->count++] = text;
    return DAM_OK;
}

/* The study layer knows settings as those of --set, which this command does not have. */
static enum dam_status without_option(enum dam_status status, struct dam_error *error) {
    static const char option[] = "--set ";
    char text[DAM_ERROR_LENGTH];
    memcpy(text, error->text, sizeof text);
    bool named = strncmp(text, option, strlen(option)) == 0;
    return dam_fail(error, status, "theory: %s", text + (named ? strlen(option) : 0));
}

static enum dam_status compute(const struct command *command, struct dam_error *error) {
    static const char text[] = "kind: theory\n";
    const struct dam_schema *const schemas[] = {&schema};
    struct dam_study *study;
    enum dam_status status =
        dam_study_parse(&study, "theory", text, strlen(text),
                        (const char *const *)command->settings, command->count, schemas, 1, error);
    if (status != DAM_OK)
        return without_option(status, error);
    status = print(study, command->csv, error);
    dam_study_destroy(study);
    return status;
}

enum dam_status dam_cli_theory(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "[energy=power|rectified] [n=3] [N=100] [K=2000] [p=0.005]",
        .most = SIZE_MAX,
        .doc = "Values may be lists (N=50,100) or a study's ranges. alpha_n keeps the Gaussian "
               "error probability below p at K = alpha_n N^(n-1); k_max stores without errors "
               "(probability below 1/N). The error probabilities of one spin of a stored memory "
               "need K; the exact one is left out where its lattice is too large.",
        .options = options,
        .take = take,
    };
    struct command command = {0};
    command.settings = calloc((size_t)call->argc, sizeof *command.settings);
    if (!command.settings)
        return dam_fail(error, DAM_MEMORY, "theory: out of memory");
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &command, &helped, error);
    if (status == DAM_OK && !helped)
        status = compute(&command, error);
    for (size_t s = 0; s < command.count; s++)
        free(command.settings[s]);
    free(command.settings);
    return status;
}
