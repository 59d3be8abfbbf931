#include "run/plan.h"
#include "cli/arguments.h"
#include "cli/select.h"
#include "cli/table.h"
#include "run/open.h"
#include "run/progress.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SET = 256, KEY_RANKS, KEY_CSV, FORECASTS_MAX = 32, RANKS_MAX = 1 << 24 };

/* Time spent on measuring this machine. */
static const double calibration_seconds = 2;

struct command {
    const char *study_path;
    const char **overrides;
    size_t override_count;
    struct dam_forecast forecasts[FORECASTS_MAX];
    size_t forecast_count;
    bool csv;
};

static const struct argp_option options[] = {
    {"ranks", KEY_RANKS, "COUNTS", 0,
     "rank counts to predict for, such as 1,64,4096 (1,2,4,...,64)", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "replace a key of the study; may be repeated", 0},
    {"csv", KEY_CSV, NULL, 0, "the predictions alone, for programs: seconds, fractions", 0},
    {0},
};

static bool read_ranks(struct command *command, const char *text) {
    command->forecast_count = 0;
    for (;;) {
        char *end;
        if (*text < '1' || *text > '9' || command->forecast_count == FORECASTS_MAX)
            return false;
        unsigned long long ranks = strtoull(text, &end, 10);
        if (ranks > RANKS_MAX || (*end != ',' && *end != '\0'))
            return false;
        command->forecasts[command->forecast_count++].ranks = ranks;
        if (*end == '\0')
            return true;
        text = end + 1;
    }
}

static enum dam_status take(int key, const char *value, void *context, struct dam_error *error) {
    struct command *command = context;
    if (key == DAM_POSITIONAL)
        command->study_path = value;
    else if (key == KEY_SET)
        command->overrides[command->override_count++] = value;
    else if (key == KEY_CSV)
        command->csv = true;
    else if (!read_ranks(command, value))
        return dam_fail(error, DAM_INPUT,
                        "plan: --ranks: '%s'; allowed: up to %d counts 1..%d, as in 1,64,4096",
                        value, FORECASTS_MAX, RANKS_MAX);
    return DAM_OK;
}

/* Where the times come from. */
static const char *origin_of(const struct dam_plan *plan) {
    if (plan->measured_cells == 0)
        return "as the kind guesses: no start could be measured within the calibration";
    return plan->by_parts ? "from parts of starts measured on this machine's core"
                          : "measured on this machine's core";
}

static void print_sizes(const char *study_path, const struct dam_kind *kind,
                        const struct dam_plan *plan) {
    char core[32], longest[32], memory[32], journal[32], states[32], result[32];
    printf("%s: kind %s\n", study_path, kind->schema.name);
    printf("cells        %" PRIu64 "\n", plan->cells);
    printf("tasks        %" PRIu64 ", the longest %s\n", plan->sizes.tasks,
           dam_duration_text(longest, plan->longest_seconds));
    printf("core time    %s, %s\n", dam_duration_text(core, plan->core_seconds), origin_of(plan));
    printf("memory       %s a rank\n", dam_bytes_text(memory, plan->sizes.task_bytes));
    if (plan->sizes.task_bytes > dam_physical_memory())
        printf("             more than this machine has: cell %s\n", plan->sizes.largest);
    printf("disk         %s of journal, ", dam_bytes_text(journal, plan->sizes.journal_bytes));
    if (plan->sizes.state_bytes > 0)
        printf("%s of states, ", dam_bytes_text(states, plan->sizes.state_bytes));
    printf("%s of results\n", dam_bytes_text(result, plan->sizes.result_bytes));
    if (plan->rounds == DAM_PLAN_IMAGINED)
        printf(
            "Results decide about further rounds: this is for as many as typical ones ask for.\n");
    if (plan->rounds == DAM_PLAN_FIRST_ROUNDS)
        printf("Results decide about further rounds: this is for the first ones alone.\n");
    printf("\n");
}

static void add_forecast(struct dam_table *table, const struct dam_forecast *forecast) {
    char time[32], efficiency[32];
    dam_duration_text(time, forecast->seconds);
    snprintf(efficiency, sizeof efficiency, "%.1f %%", 100 * forecast->efficiency);
    dam_table_integer(table, (int64_t)forecast->ranks);
    dam_table_text(table, time, strlen(time));
    dam_table_text(table, efficiency, strlen(efficiency));
}

static void add_forecast_csv(struct dam_table *table, const struct dam_forecast *forecast,
                             double longest_seconds) {
    dam_table_integer(table, (int64_t)forecast->ranks);
    dam_table_real(table, forecast->seconds);
    dam_table_real(table, forecast->efficiency);
    dam_table_real(table, longest_seconds);
}

static enum dam_status print_plan(const struct command *command, const struct dam_kind *kind,
                                  const struct dam_plan *plan, struct dam_error *error) {
    struct dam_table *table = dam_table_new(command->csv);
    if (table == NULL)
        return dam_fail(error, DAM_MEMORY, "plan: out of memory");
    if (!command->csv)
        print_sizes(command->study_path, kind, plan);
    dam_table_column(table, "ranks", "1");
    dam_table_column(table, command->csv ? "seconds" : "time", "1");
    dam_table_column(table, "efficiency", "1");
    if (command->csv)
        dam_table_column(table, "longest_task_seconds", "1");
    for (size_t f = 0; f < command->forecast_count; f++)
        if (command->csv)
            add_forecast_csv(table, &command->forecasts[f], plan->longest_seconds);
        else
            add_forecast(table, &command->forecasts[f]);
    enum dam_status status = dam_table_print(table, stdout, error);
    dam_table_destroy(table);
    return status;
}

static enum dam_status plan_study(struct command *command, const struct dam_kinds *kinds,
                                  struct dam_error *error) {
    char *text;
    size_t length;
    enum dam_status status = dam_study_read(command->study_path, &text, &length, error);
    if (status != DAM_OK)
        return status;
    struct dam_study *study;
    const struct dam_kind *kind;
    status = dam_open_text(kinds, command->study_path, text, length, command->overrides,
                           command->override_count, &study, &kind, error);
    free(text);
    if (status != DAM_OK)
        return status;
    struct dam_plan plan;
    status = dam_plan_make(study, kind, calibration_seconds, &plan, command->forecasts,
                           command->forecast_count, error);
    if (status == DAM_OK)
        status = print_plan(command, kind, &plan, error);
    dam_study_destroy(study);
    return status;
}

enum dam_status dam_cli_plan(const struct dam_call *call, struct dam_error *error) {
    static const struct dam_arguments arguments = {
        .positional = "STUDY.yaml",
        .least = 1,
        .most = 1,
        .doc = "Measures a few starts, or parts of long ones, on this machine and simulates the "
               "dealing.",
        .options = options,
        .take = take,
    };
    struct command command = {.overrides = calloc((size_t)call->argc, sizeof(char *))};
    if (command.overrides == NULL)
        return dam_fail(error, DAM_MEMORY, "plan: out of memory");
    read_ranks(&command, "1,2,4,8,16,32,64");
    bool helped;
    enum dam_status status = dam_arguments_parse(&arguments, call, &command, &helped, error);
    char *selected = NULL;
    if (status == DAM_OK && !helped)
        status = dam_cli_select(call->kinds, command.study_path, command.overrides,
                                &command.override_count, &selected, error);
    if (status == DAM_OK && !helped)
        status = plan_study(&command, call->kinds, error);
    free(selected);
    free(command.overrides);
    return status;
}
