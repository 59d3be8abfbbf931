#include "run/select.h"
#include "run/checksum.h"
#include "run/layout.h"
#include "run/result_study.h"
#include "study/scalar.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row that may be chosen, and what it is ordered by. */
struct candidate {
    size_t row;
    double rank;
};

struct selecting {
    const struct dam_selection *selection;
    const struct dam_kind *kind;
    const struct dam_result *result;
    const struct dam_result_dataset *table; /* /results */
    uint64_t replica_bytes;                 /* of a replica's part of what the kind reads */
    const struct dam_result_column *columns[DAM_PARAMETERS_MAX]; /* by parameter; NULL: none */
    struct candidate *chosen;
    size_t chosen_count;
    struct dam_error *note, *error;
};

static enum dam_status fail_memory(const struct selecting *selecting) {
    return dam_fail(selecting->error, DAM_MEMORY, "%s: out of memory while choosing rows",
                    selecting->selection->path);
}

/* ---- columns ---- */

static bool is_number(const struct dam_result_column *column) {
    return column->type != DAM_STORED_TEXT;
}

static double number_of(const struct selecting *selecting, size_t row,
                        const struct dam_result_column *column) {
    if (column->type == DAM_STORED_INTEGER)
        return (double)dam_result_integer(selecting->table, row, column);
    if (column->type == DAM_STORED_UNSIGNED)
        return (double)dam_result_unsigned(selecting->table, row, column);
    return dam_result_real(selecting->table, row, column);
}

/* The column that `key` names. */
static enum dam_status find_column(const struct selecting *selecting, const char *key,
                                   const char *name, struct dam_place place,
                                   const struct dam_result_column **column) {
    const struct dam_result_dataset *table = selecting->table;
    *column = dam_result_find(table, name);
    if (*column != NULL)
        return DAM_OK;
    const char **names = calloc(table->column_count, sizeof *names);
    if (names == NULL)
        return fail_memory(selecting);
    for (size_t c = 0; c < table->column_count; c++)
        names[c] = table->columns[c].name;
    char excerpt[DAM_EXCERPT_LENGTH];
    const char *nearest = dam_nearest(name, names, table->column_count);
    dam_fail_at(selecting->error, place, "%s: %s: no such column in %s%s%s%s", key,
                dam_scalar_excerpt(excerpt, name), selecting->selection->path,
                nearest != NULL ? "; did you mean \"" : "; 'dam show' lists them",
                nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    free(names);
    return DAM_INPUT;
}

/* May values of the column be this parameter's? */
static bool may_give(const struct dam_result_column *column, enum dam_type type) {
    return dam_result_stores(column, type) ||
           (type == DAM_REAL && dam_result_stores(column, DAM_INTEGER));
}

static bool has_role(const struct dam_result_column *column, enum dam_field_role role) {
    return strcmp(column->role, dam_field_role_name(role)) == 0;
}

/* Does the source say what this parameter is? Of a kind that reads the source's data, its results
 * say it too. */
static bool is_told(const struct selecting *selecting, const struct dam_parameter *parameter,
                    const struct dam_result_column *column) {
    return column != NULL && parameter->role == DAM_SCIENCE &&
           (has_role(column, DAM_FIELD_PARAMETER) ||
            (selecting->kind->reads != NULL && has_role(column, DAM_FIELD_RESULT)));
}

/* Is this parameter, of a kind that reads a dataset of its source, which part of it is read? */
static bool is_source(const struct selecting *selecting, const struct dam_parameter *parameter) {
    return selecting->kind->reads != NULL && (strcmp(parameter->name, DAM_SOURCE_ROW) == 0 ||
                                              strcmp(parameter->name, DAM_SOURCE_CRC) == 0);
}

/* Has the source what the kind reads, in the shape that it reads? */
static enum dam_status check_data(struct selecting *selecting) {
    const char *path = selecting->kind->reads, *kind = selecting->kind->schema.name,
               *source = selecting->selection->path;
    if (path == NULL)
        return DAM_OK;
    if (!dam_result_has(selecting->result, path))
        return dam_fail_at(selecting->error, selecting->selection->place,
                           "from: %s has no dataset %s, which kind %s reads: run its study so that "
                           "it keeps them",
                           source, path, kind);
    struct dam_result_dataset *data;
    enum dam_status status = dam_result_describe(selecting->result, path, &data, selecting->error);
    if (status != DAM_OK)
        return status;
    if (data->rank != 4)
        status = dam_fail_at(selecting->error, selecting->selection->place,
                             "from: %s of %s has %d dimensions behind the cell, and kind %s reads "
                             "3, of which the first are replicas: name the result that this one "
                             "was made from",
                             path, source, data->rank - 1, kind);
    else if (data->compound || data->columns[0].type != DAM_STORED_REAL ||
             data->row_size != sizeof(float))
        status = dam_fail(selecting->error, DAM_DAMAGED,
                          "%s: %s: is not stored as dam stores 32-bit floats", source, path);
    selecting->replica_bytes = data->extent[2] * data->extent[3] * sizeof(float);
    dam_result_dataset_destroy(data);
    return status;
}

/* Which columns are parameters of this kind too. */
static enum dam_status match_columns(struct selecting *selecting, const char *kind) {
    const struct dam_schema *schema = selecting->selection->schema;
    size_t common = 0;
    /* Another kind's parameters of the same name are others: K means stored or trained memories. */
    if (selecting->kind->reads == NULL && strcmp(kind, schema->name) != 0)
        return dam_fail_at(selecting->error, selecting->selection->place,
                           "from: %s holds results of kind %s; kind %s takes rows of its own kind "
                           "alone: name a result of it, or write the values out under grids",
                           selecting->selection->path, kind, schema->name);
    for (size_t p = 0; p < schema->parameter_count; p++) {
        const struct dam_parameter *parameter = &schema->parameters[p];
        const struct dam_result_column *column = dam_result_find(selecting->table, parameter->name);
        bool same = !is_source(selecting, parameter) && is_told(selecting, parameter, column);
        common += same;
        if (selecting->kind->reads != NULL && same && selecting->selection->given[p])
            return dam_fail_at(selecting->error, selecting->selection->place,
                               "from: %s says what %s is, since kind %s reads its data; leave it "
                               "out of the study",
                               selecting->selection->path, parameter->name, schema->name);
        if (!same || selecting->selection->given[p])
            continue;
        if (!may_give(column, parameter->type))
            return dam_fail_at(selecting->error, selecting->selection->place,
                               "from: column %s of %s has another type than kind %s's parameter; "
                               "give %s in the study",
                               parameter->name, selecting->selection->path, schema->name,
                               parameter->name);
        selecting->columns[p] = column;
    }
    if (common > 0)
        return DAM_OK;
    return dam_fail_at(selecting->error, selecting->selection->place,
                       "from: %s holds results of kind %s, none of whose parameters kind %s has",
                       selecting->selection->path, kind, schema->name);
}

/* ---- rows ---- */

static enum dam_status check_condition(const struct selecting *selecting,
                                       const struct dam_condition *condition,
                                       const struct dam_result_column **column) {
    enum dam_status status =
        find_column(selecting, "where", condition->column, condition->place, column);
    if (status != DAM_OK)
        return status;
    char excerpt[DAM_EXCERPT_LENGTH];
    if (is_number(*column) && !condition->is_number)
        return dam_fail_at(selecting->error, condition->place,
                           "where: column %s holds numbers, and %s is none", condition->column,
                           dam_scalar_excerpt(excerpt, condition->text));
    if (!is_number(*column) && condition->comparison != DAM_EQUAL)
        return dam_fail_at(
            selecting->error, condition->place,
            "where: column %s holds names, which have no order; allowed: ==", condition->column);
    return DAM_OK;
}

/* Add one condition's verdict on every row. */
static enum dam_status apply_condition(const struct selecting *selecting,
                                       const struct dam_condition *condition, bool *holds) {
    const struct dam_result_column *column;
    enum dam_status status = check_condition(selecting, condition, &column);
    for (size_t row = 0; status == DAM_OK && row < selecting->table->row_count; row++)
        if (is_number(column))
            holds[row] &= dam_condition_holds(condition, number_of(selecting, row, column));
        else
            holds[row] &= dam_result_text_is(selecting->table, row, column, condition->text);
    return status;
}

/* Equal ones stay in the file's order. */
static int compare_candidates(const void *left, const void *right) {
    const struct candidate *one = left, *other = right;
    int order = (one->rank > other->rank) - (one->rank < other->rank);
    return order != 0 ? order : (one->row > other->row) - (one->row < other->row);
}

/* Rows that have nothing to be ordered by are left out. */
static enum dam_status order_rows(struct selecting *selecting) {
    const struct dam_selection *selection = selecting->selection;
    if (selection->by == NULL)
        return DAM_OK;
    const struct dam_result_column *column;
    enum dam_status status =
        find_column(selecting, "by", selection->by, selection->by_place, &column);
    if (status != DAM_OK)
        return status;
    if (!is_number(column))
        return dam_fail_at(selecting->error, selection->by_place,
                           "by: column %s holds names, which have no order", selection->by);
    size_t kept = 0;
    for (size_t i = 0; i < selecting->chosen_count; i++) {
        size_t row = selecting->chosen[i].row;
        double rank = number_of(selecting, row, column);
        if (!isnan(rank))
            selecting->chosen[kept++] = (struct candidate){row, rank};
    }
    if (kept == 0)
        return dam_fail_at(selecting->error, selection->by_place,
                           "by: %s is NaN in all rows that could be chosen, %zu of %s; order by "
                           "another column",
                           selection->by, selecting->chosen_count, selection->path);
    selecting->chosen_count = kept;
    qsort(selecting->chosen, selecting->chosen_count, sizeof *selecting->chosen,
          compare_candidates);
    return DAM_OK;
}

/* The rows that are complete and satisfy every condition, in the file's order. */
static enum dam_status filter_rows(struct selecting *selecting) {
    const struct dam_selection *selection = selecting->selection;
    const struct dam_result_dataset *table = selecting->table;
    const struct dam_result_column *state = dam_result_find(table, "status");
    size_t complete = 0;
    bool *holds = calloc(table->row_count + 1, sizeof *holds);
    selecting->chosen = calloc(table->row_count + 1, sizeof *selecting->chosen);
    if (holds == NULL || selecting->chosen == NULL) {
        free(holds);
        return fail_memory(selecting);
    }
    for (size_t row = 0; row < table->row_count; row++)
        complete += holds[row] =
            dam_result_text_is(table, row, state, dam_cell_status_names[DAM_CELL_COMPLETE]);
    enum dam_status status = DAM_OK;
    for (size_t c = 0; c < selection->condition_count && status == DAM_OK; c++)
        status = apply_condition(selecting, &selection->conditions[c], holds);
    for (size_t row = 0; row < table->row_count; row++)
        if (holds[row])
            selecting->chosen[selecting->chosen_count++].row = row;
    free(holds);
    if (status == DAM_OK && selecting->chosen_count == 0)
        status = dam_fail_at(selecting->error, selection->place,
                             "from: no row is left of the %zu in %s, of which %zu are complete%s",
                             table->row_count, selection->path, complete,
                             selection->condition_count > 0 ? ": loosen where" : "");
    return status;
}

/* How many of the first `kept` chosen rows have the value of another row in a column. */
static size_t count_alike(const struct selecting *selecting, size_t kept, size_t row,
                          const struct dam_result_column *column) {
    const struct dam_result_dataset *table = selecting->table;
    const unsigned char *values = table->bytes + column->offset;
    size_t alike = 0;
    for (size_t k = 0; k < kept; k++)
        alike += memcmp(values + selecting->chosen[k].row * table->row_size,
                        values + row * table->row_size, column->size) == 0;
    return alike;
}

static void print_value(const struct selecting *selecting, FILE *out, size_t row,
                        const struct dam_result_column *column) {
    char text[64];
    size_t length;
    if (column->type == DAM_STORED_TEXT) {
        const char *name = dam_result_text(selecting->table, row, column, &length);
        fprintf(out, "%.*s", (int)length, name);
    } else if (column->type == DAM_STORED_INTEGER) {
        fprintf(out, "%" PRId64, dam_result_integer(selecting->table, row, column));
    } else {
        dam_scalar_print(text, sizeof text, number_of(selecting, row, column));
        fputs(text, out);
    }
}

/* Is the row the first with its value, of which none is kept? */
static bool is_left_out(const struct selecting *selecting, size_t row,
                        const struct dam_result_column *column) {
    const struct dam_result_dataset *table = selecting->table;
    const unsigned char *values = table->bytes + column->offset;
    if (count_alike(selecting, selecting->chosen_count, row, column) > 0)
        return false;
    for (size_t before = 0; before < row; before++)
        if (memcmp(values + before * table->row_size, values + row * table->row_size,
                   column->size) == 0)
            return false;
    return true;
}

/* Say which values of `each` have no row left: a study that lacks them still runs. */
static enum dam_status note_left_out(const struct selecting *selecting,
                                     const struct dam_result_column *each) {
    enum { NAMED_MAX = 16 };
    char *values = NULL;
    size_t length = 0, count = 0;
    FILE *out = open_memstream(&values, &length);
    if (out == NULL)
        return fail_memory(selecting);
    for (size_t row = 0; row < selecting->table->row_count && count <= NAMED_MAX; row++) {
        if (!is_left_out(selecting, row, each))
            continue;
        fputs(count > 0 ? ", " : "", out);
        if (count++ < NAMED_MAX)
            print_value(selecting, out, row, each);
        else
            fputs("...", out);
    }
    bool failed = ferror(out) != 0;
    failed = fclose(out) != 0 || failed;
    if (count > 0 && !failed)
        dam_fail_at(selecting->note, selecting->selection->each_place,
                    "each: %s: no row of %s is left for %s; the study goes on without",
                    selecting->selection->each, selecting->selection->path, values);
    free(values);
    return failed ? fail_memory(selecting) : DAM_OK;
}

/* Keep the first `best` of all rows, or of those with each value of a column. */
static enum dam_status keep_best(struct selecting *selecting) {
    const struct dam_selection *selection = selecting->selection;
    const struct dam_result_column *each = NULL;
    enum dam_status status =
        selection->each == NULL
            ? DAM_OK
            : find_column(selecting, "each", selection->each, selection->each_place, &each);
    size_t kept = 0;
    for (size_t i = 0; status == DAM_OK && i < selecting->chosen_count; i++) {
        size_t alike =
            each == NULL ? kept : count_alike(selecting, kept, selecting->chosen[i].row, each);
        if (alike < selection->best)
            selecting->chosen[kept++] = selecting->chosen[i];
    }
    selecting->chosen_count = status == DAM_OK ? kept : selecting->chosen_count;
    return status == DAM_OK && each != NULL ? note_left_out(selecting, each) : status;
}

static enum dam_status choose_rows(struct selecting *selecting) {
    enum dam_status status = filter_rows(selecting);
    if (status == DAM_OK)
        status = order_rows(selecting);
    if (status == DAM_OK && selecting->selection->best > 0)
        status = keep_best(selecting);
    return status;
}

/* ---- blocks ---- */

static enum dam_status write_value(const struct selecting *selecting, FILE *out, size_t row,
                                   const struct dam_parameter *parameter,
                                   const struct dam_result_column *column) {
    fprintf(out, "%s: ", parameter->name);
    if (is_number(column)) {
        print_value(selecting, out, row, column);
        return DAM_OK;
    }
    for (const char *const *choice = parameter->choices; *choice != NULL; choice++)
        if (dam_result_text_is(selecting->table, row, column, *choice)) {
            fputs(*choice, out);
            return DAM_OK;
        }
    return dam_fail_at(selecting->error, selecting->selection->place,
                       "from: kind %s does not know the %s of row %zu of %s; give %s in the study",
                       selecting->selection->schema->name, parameter->name, row,
                       selecting->selection->path, parameter->name);
}

/* What a row of the data is known by, as its bytes go by. */
struct digest {
    uint64_t replica_bytes, seen; /* of one replica; of all so far */
    uint64_t replicas;            /* whose part is there: the others' are NaN */
    bool ended;
    uint32_t checksum;
};

static void add_to_digest(void *context, const unsigned char *bytes, size_t size) {
    struct digest *digest = context;
    const uint64_t part = digest->replica_bytes, end = digest->seen + size;
    digest->checksum = dam_checksum(digest->checksum, bytes, size);
    for (uint64_t at = (digest->seen + part - 1) / part * part; at < end; at += part) {
        float first;
        memcpy(&first, bytes + (at - digest->seen), sizeof first);
        digest->ended = digest->ended || isnan(first);
        digest->replicas += !digest->ended;
    }
    digest->seen = end;
}

/* What a kind that reads a dataset of its source knows it by. */
static enum dam_status write_source(const struct selecting *selecting, FILE *out, size_t row,
                                    const char *separator) {
    const char *path = selecting->kind->reads;
    struct digest digest = {.replica_bytes = selecting->replica_bytes};
    enum dam_status status =
        dam_result_scan(selecting->result, path, row, 1, add_to_digest, &digest, selecting->error);
    if (status != DAM_OK)
        return status;
    const uint64_t replicas = digest.replicas;
    if (replicas == 0)
        status = dam_fail_at(selecting->error, selecting->selection->place,
                             "from: row %zu of %s has nothing in %s, which kind %s reads: leave it "
                             "out by where",
                             row, selecting->selection->path, path, selecting->kind->schema.name);
    else if (selecting->selection->replicas > replicas)
        status = dam_fail_at(selecting->error, selecting->selection->replicas_place,
                             "replicas: %" PRIu64 ", and row %zu of %s has %" PRIu64 " in %s: give "
                             "at most so many, or none for as many as each row has",
                             selecting->selection->replicas, row, selecting->selection->path,
                             replicas, path);
    else
        fprintf(out,
                "%s" DAM_SOURCE_ROW ": %zu, " DAM_SOURCE_CRC ": %" PRIu32 ", replicas: %" PRIu64,
                separator, row, digest.checksum, replicas);
    return status;
}

static enum dam_status write_block(const struct selecting *selecting, FILE *out, size_t row) {
    const struct dam_schema *schema = selecting->selection->schema;
    enum dam_status status = DAM_OK;
    const char *separator = "";
    fputc('{', out);
    for (size_t p = 0; p < schema->parameter_count && status == DAM_OK; p++) {
        if (selecting->columns[p] == NULL)
            continue;
        fputs(separator, out);
        status = write_value(selecting, out, row, &schema->parameters[p], selecting->columns[p]);
        separator = ", ";
    }
    if (status == DAM_OK && selecting->kind->reads != NULL)
        status = write_source(selecting, out, row, separator);
    fputc('}', out);
    return status;
}

static enum dam_status write_override(const struct selecting *selecting, char **override) {
    size_t length = 0;
    FILE *out = open_memstream(override, &length);
    if (out == NULL)
        return fail_memory(selecting);
    enum dam_status status = DAM_OK;
    fputs(DAM_SELECTED_KEY "=[", out);
    for (size_t i = 0; i < selecting->chosen_count && status == DAM_OK; i++) {
        fputs(i > 0 ? ", " : "", out);
        status = write_block(selecting, out, selecting->chosen[i].row);
    }
    fputc(']', out);
    bool failed = ferror(out) != 0;
    if ((fclose(out) != 0 || failed) && status == DAM_OK)
        status = fail_memory(selecting);
    return status;
}

/* ---- the file ---- */

/* A run that has not published yet has only a journal. */
static enum dam_status check_file(const struct dam_selection *selection, struct dam_error *error) {
    char *journal = NULL;
    if (access(selection->path, F_OK) == 0)
        return DAM_OK;
    if (asprintf(&journal, "%s.journal", selection->path) < 0)
        return dam_fail(error, DAM_MEMORY, "%s: out of memory", selection->path);
    bool running = access(journal, F_OK) == 0;
    free(journal);
    return dam_fail_at(error, selection->place,
                       running
                           ? "from: %s is not published yet, or was moved away: let its run end "
                             "('dam status' tells how far it is), or name where it is now"
                           : "from: %s: no such file; name a result file of dam",
                       selection->path);
}

static enum dam_status select_rows(struct selecting *selecting, char **override) {
    struct dam_result_study study;
    struct dam_result_dataset *table;
    enum dam_status status = dam_result_study_read(selecting->result, &study, selecting->error);
    if (status != DAM_OK)
        return status;
    status = dam_result_read(selecting->result, "/results", &table, selecting->error);
    if (status == DAM_OK) {
        selecting->table = table;
        const struct dam_result_column *state = dam_result_find(table, "status");
        if (table->rank != 1 || state == NULL || state->type != DAM_STORED_TEXT)
            status = dam_fail(selecting->error, DAM_DAMAGED,
                              "%s: /results: is not the table that dam writes",
                              selecting->selection->path);
    }
    if (status == DAM_OK)
        status = check_data(selecting);
    if (status == DAM_OK)
        status = match_columns(selecting, study.kind);
    if (status == DAM_OK)
        status = choose_rows(selecting);
    if (status == DAM_OK)
        status = write_override(selecting, override);
    free(selecting->chosen);
    dam_result_dataset_destroy(table);
    dam_result_study_destroy(&study);
    return status;
}

enum dam_status dam_select(const struct dam_selection *selection, const struct dam_kind *kind,
                           char **override, struct dam_error *note, struct dam_error *error) {
    assert(selection->schema == &kind->schema);
    struct selecting selecting = {
        .selection = selection, .kind = kind, .note = note, .error = error};
    struct dam_result *result;
    *override = NULL;
    *note = (struct dam_error){DAM_OK, ""};
    enum dam_status status = check_file(selection, error);
    if (status == DAM_OK)
        status = dam_result_open(&result, selection->path, error);
    if (status != DAM_OK)
        return status;
    selecting.result = result;
    status = select_rows(&selecting, override);
    dam_result_close(result);
    if (status != DAM_OK) {
        free(*override);
        *override = NULL;
    }
    return status;
}
