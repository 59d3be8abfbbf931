#include "study/study.h"

#include "study/grid.h"
#include "study/keys.h"
#include "study/scalar.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS_MAX = 100000000, KINDS_MAX = 64, ALLOWED_LENGTH = 512 };

enum search { SEARCH_GRID, SEARCH_RANDOM };
static const char *const searches[] = {"grid", "random", NULL};
static const struct dam_parameter search_parameter = {
    .name = "search", .type = DAM_CHOICE, .choices = searches};
static const struct dam_parameter draws_parameter = {
    .name = "draws", .type = DAM_INTEGER, .low.integer = 1, .high.integer = DRAWS_MAX};

/* What parsing needs to hold together. */
struct reader {
    const struct dam_schema *schema; /* once the kind is known */
    struct dam_keys keys;
    struct dam_grid *grid;
    struct dam_error *error;
};

/* Where a study gives one of these keys, or NULL. */
static const struct dam_node *find_key(const struct reader *reader, enum dam_study_key key) {
    return dam_keys_find(&reader->keys, NULL, dam_study_keys[key]);
}

/* Top-level keys. */

static enum dam_status fail_missing(const struct reader *reader, struct dam_place place,
                                    const struct dam_parameter *parameter) {
    char allowed[ALLOWED_LENGTH];
    dam_parameter_allowed(allowed, sizeof allowed, parameter);
    return dam_fail_at(reader->error, place, "%s: missing; allowed: %s", parameter->name, allowed);
}

static enum dam_status read_kind(struct reader *reader, const struct dam_schema *const *schemas,
                                 size_t schema_count) {
    const char *names[KINDS_MAX + 1] = {NULL};
    assert(schema_count > 0 && schema_count <= KINDS_MAX);
    for (size_t i = 0; i < schema_count; i++)
        names[i] = schemas[i]->name;
    const struct dam_parameter parameter = {.name = "kind", .type = DAM_CHOICE, .choices = names};
    const struct dam_node *node = find_key(reader, DAM_KEY_KIND);
    if (node == NULL)
        return fail_missing(reader, reader->keys.root->place, &parameter);
    union dam_value kind = {0};
    enum dam_status status = dam_value_read(&parameter, node, &kind, reader->error);
    if (status == DAM_OK)
        reader->schema = schemas[kind.integer];
    return status;
}

/* A parameter of one value, or its default. */
static enum dam_status read_single(const struct reader *reader, const struct dam_node *block,
                                   const struct dam_parameter *parameter, union dam_value *value) {
    const struct dam_node *node = dam_keys_find(&reader->keys, block, parameter->name);
    *value = parameter->standard;
    return node != NULL ? dam_value_read(parameter, node, value, reader->error) : DAM_OK;
}

static enum dam_status read_search(struct reader *reader) {
    union dam_value search, draws;
    const struct dam_node *node = find_key(reader, DAM_KEY_DRAWS);
    enum dam_status status = read_single(reader, NULL, &search_parameter, &search);
    if (status == DAM_OK)
        status = read_single(reader, NULL, &draws_parameter, &draws);
    if (status != DAM_OK)
        return status;
    if (search.integer == SEARCH_RANDOM && node == NULL)
        return fail_missing(reader, find_key(reader, DAM_KEY_SEARCH)->place, &draws_parameter);
    if (search.integer != SEARCH_RANDOM && node != NULL)
        return dam_fail_at(reader->error, node->key_place,
                           "draws: has no effect on a grid; allowed: with search: random");
    reader->grid->draws = (uint64_t)draws.integer;
    return DAM_OK;
}

static enum dam_status read_settings(struct reader *reader) {
    union dam_value seed = {0};
    enum dam_status status =
        read_single(reader, NULL, &dam_common_parameters[DAM_COMMON_SEED], &seed);
    if (status != DAM_OK)
        return status;
    reader->grid->schema = reader->schema;
    reader->grid->seed = (uint64_t)seed.integer;
    return read_search(reader);
}

/* Rows of another result. */

/* `from` decides about the blocks, so nothing else may; without it, what belongs to it is idle. */
static enum dam_status check_from(const struct reader *reader) {
    static const enum dam_study_key others[] = {DAM_KEY_GRIDS, DAM_KEY_SEARCH, DAM_KEY_DRAWS};
    static const enum dam_study_key own[] = {DAM_KEY_WHERE, DAM_KEY_BEST, DAM_KEY_BY, DAM_KEY_EACH,
                                             DAM_KEY_SELECTED};
    const struct dam_node *from = find_key(reader, DAM_KEY_FROM);
    for (size_t i = 0; from != NULL && i < sizeof others / sizeof *others; i++) {
        const struct dam_node *node = find_key(reader, others[i]);
        if (node != NULL)
            return dam_fail_at(reader->error, node->key_place,
                               "%s: does not go with from, whose rows are the blocks; allowed "
                               "beside from: values, lists and ranges of parameters",
                               node->key);
    }
    for (size_t i = 0; from == NULL && i < sizeof own / sizeof *own; i++) {
        const struct dam_node *node = find_key(reader, own[i]);
        if (node != NULL)
            return dam_fail_at(reader->error, node->key_place,
                               "%s: has no effect without from; allowed: with from: FILE.h5",
                               node->key);
    }
    return DAM_OK;
}

/* What chooses rows, and what they are held against: the file is none of this layer's business. */
static enum dam_status read_selection(const struct reader *reader,
                                      struct dam_selection *selection) {
    selection->schema = reader->schema;
    for (size_t p = 0; p < reader->schema->parameter_count; p++)
        selection->given[p] =
            dam_keys_find(&reader->keys, NULL, reader->schema->parameters[p].name) != NULL;
    const struct dam_parameter *replicas = &dam_common_parameters[DAM_COMMON_REPLICAS];
    const struct dam_node *node = dam_keys_find(&reader->keys, NULL, replicas->name);
    union dam_value value = {0};
    enum dam_status status =
        node != NULL ? dam_value_read(replicas, node, &value, reader->error) : DAM_OK;
    if (status != DAM_OK)
        return status;
    selection->replicas = (uint64_t)value.integer;
    selection->replicas_place = node != NULL ? node->place : selection->replicas_place;
    return dam_selection_read(selection, find_key(reader, DAM_KEY_FROM),
                              find_key(reader, DAM_KEY_WHERE), find_key(reader, DAM_KEY_BEST),
                              find_key(reader, DAM_KEY_BY), find_key(reader, DAM_KEY_EACH),
                              reader->error);
}

/* The study's rows must be at hand, so what chose them is only checked. */
static enum dam_status read_from(struct reader *reader) {
    const struct dam_node *from = find_key(reader, DAM_KEY_FROM);
    enum dam_status status = check_from(reader);
    if (status != DAM_OK || from == NULL)
        return status;
    struct dam_selection *selection = calloc(1, sizeof *selection);
    if (selection == NULL)
        return dam_fail(reader->error, DAM_MEMORY, "out of memory while reading the study");
    status = read_selection(reader, selection);
    dam_selection_destroy(selection);
    if (status == DAM_OK && find_key(reader, DAM_KEY_SELECTED) == NULL)
        status = dam_fail_at(reader->error, from->place,
                             "from: its rows can be taken over only where the study is a plain "
                             "file, not a pipe");
    reader->keys.from = from->text;
    return status;
}

/* Blocks. */

static enum dam_status read_replicas(const struct reader *reader, const struct dam_node *block,
                                     struct dam_block *into) {
    const struct dam_parameter *parameter = &dam_common_parameters[DAM_COMMON_REPLICAS];
    const char *decides = reader->schema->replicas_by;
    union dam_value replicas;
    enum dam_status status = read_single(reader, block, parameter, &replicas);
    into->replicas = (uint32_t)replicas.integer;
    if (status == DAM_OK && decides != NULL && replicas.integer != parameter->standard.integer)
        status =
            dam_fail_at(reader->error, dam_keys_find(&reader->keys, block, parameter->name)->place,
                        "replicas: kind %s decides itself how many there are; give %s",
                        reader->schema->name, decides);
    return status;
}

/* Read what the mapping (the top level or a block) itself gives for each parameter. Parameters
 * for which another place wins over the block are not read from it. */
static enum dam_status read_axes(struct reader *reader, const struct dam_node *block,
                                 struct dam_block *into) {
    const struct dam_schema *schema = reader->schema;
    enum dam_status status = DAM_OK;
    for (size_t p = 0; p < schema->parameter_count && status == DAM_OK; p++) {
        const struct dam_parameter *parameter = &schema->parameters[p];
        const struct dam_node *node = NULL;
        if (block == NULL)
            node = dam_keys_find(&reader->keys, NULL, parameter->name);
        else if (dam_keys_find(&reader->keys, block, parameter->name) ==
                 dam_node_find(block, parameter->name))
            node = dam_node_find(block, parameter->name);
        if (node != NULL)
            status = dam_axis_read(&reader->grid->axes, parameter, node, reader->grid->draws > 0,
                                   &into->axes[p], reader->error);
    }
    return status == DAM_OK ? read_replicas(reader, block, into) : status;
}

static enum dam_status read_block(struct reader *reader, const struct dam_node *node,
                                  struct dam_block *block) {
    if (node->type != DAM_NODE_MAPPING)
        return dam_fail_at(reader->error, node->place,
                           "%s: each block is a mapping, such as {N: [50, 100], K: 20}",
                           reader->keys.from != NULL ? DAM_SELECTED_KEY : "grids");
    enum dam_status status = dam_keys_check_block(node, reader->schema, reader->error);
    block->place = node->place;
    return status == DAM_OK ? read_axes(reader, node, block) : status;
}

static enum dam_status read_blocks(struct reader *reader) {
    struct dam_grid *grid = reader->grid;
    const enum dam_study_key key = reader->keys.from != NULL ? DAM_KEY_SELECTED : DAM_KEY_GRIDS;
    const struct dam_node *list = find_key(reader, key);
    struct dam_block top = {.place = reader->keys.root->place};
    enum dam_status status = read_axes(reader, NULL, &top);
    if (status != DAM_OK)
        return status;
    if (list != NULL && (list->type != DAM_NODE_SEQUENCE || list->count == 0))
        return dam_fail_at(reader->error, list->place,
                           "%s: %s; allowed: a list of at least one block", dam_study_keys[key],
                           list->type == DAM_NODE_SEQUENCE ? "the list is empty" : "not a list");
    size_t count = list != NULL ? list->count : 1;
    grid->blocks = calloc(count, sizeof *grid->blocks);
    if (grid->blocks == NULL)
        return dam_fail(reader->error, DAM_MEMORY, "out of memory for %zu blocks of grids", count);
    grid->block_count = count;
    grid->blocks[0] = top;
    const struct dam_node *node = list != NULL ? list->first : NULL;
    for (size_t b = 0; node != NULL && status == DAM_OK; node = node->next, b++) {
        grid->blocks[b] = top;
        status = read_block(reader, node, &grid->blocks[b]);
    }
    return status;
}

/* Parsing. */

/* Everything up to the keys' values. */
static enum dam_status read_keys(struct reader *reader, const char *name, const char *text,
                                 size_t length, const char *const *overrides, size_t override_count,
                                 const struct dam_schema *const *schemas, size_t schema_count) {
    enum dam_status status =
        dam_keys_read(&reader->keys, name, text, length, overrides, override_count, reader->error);
    if (status == DAM_OK)
        status = read_kind(reader, schemas, schema_count);
    return status == DAM_OK ? dam_keys_check(&reader->keys, reader->schema, reader->error) : status;
}

static enum dam_status read_study(struct reader *reader) {
    enum dam_status status = read_from(reader);
    if (status == DAM_OK)
        status = read_settings(reader);
    if (status == DAM_OK)
        status = read_blocks(reader);
    if (status == DAM_OK)
        status = dam_grid_unroll(reader->grid, reader->error);
    return status;
}

/* The file's text and the overrides as comments, one a line. */
static char *compose_text(const char *text, size_t length, const char *const *overrides,
                          size_t override_count, size_t *composed_length) {
    char *composed = NULL;
    FILE *out = open_memstream(&composed, composed_length);
    if (out == NULL)
        return NULL;
    fwrite(text, 1, length, out);
    if (override_count > 0 && text[length - 1] != '\n')
        fputc('\n', out);
    for (size_t i = 0; i < override_count; i++) {
        fputs("# --set ", out);
        for (const char *c = overrides[i]; *c != '\0'; c++)
            fputc(*c == '\n' || *c == '\r' ? ' ' : *c, out);
        fputc('\n', out);
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(composed);
        return NULL;
    }
    return composed;
}

enum dam_status dam_study_parse(struct dam_study **result, const char *name, const char *text,
                                size_t length, const char *const *overrides, size_t override_count,
                                const struct dam_schema *const *schemas, size_t schema_count,
                                struct dam_error *error) {
    enum dam_status status = DAM_OK;
    struct dam_study *study = calloc(1, sizeof *study);
    struct reader reader = {.error = error};
    if (study != NULL)
        study->grid = reader.grid = calloc(1, sizeof *reader.grid);
    if (reader.grid == NULL)
        status = dam_fail(error, DAM_MEMORY, "out of memory while reading the study");
    if (status == DAM_OK)
        status = read_keys(&reader, name, text, length, overrides, override_count, schemas,
                           schema_count);
    if (status == DAM_OK)
        status = read_study(&reader);
    if (status == DAM_OK) {
        study->schema = reader.schema;
        study->from = reader.keys.from;
        study->seed = reader.grid->seed;
        study->cell_count = reader.grid->cell_count;
        study->slice = (struct dam_slice){1, 1};
        study->text = compose_text(text, length, overrides, override_count, &study->text_length);
        if (study->text == NULL)
            status = dam_fail(error, DAM_MEMORY, "out of memory while reading the study");
    }
    if (status == DAM_OK) {
        study->grid->documents = reader.keys.documents;
        reader.keys.documents = NULL;
        *result = study;
    } else {
        dam_study_destroy(study);
    }
    dam_keys_destroy(&reader.keys);
    return status;
}

enum dam_status dam_study_selection(struct dam_selection **result, const char *name,
                                    const char *text, size_t length, const char *const *overrides,
                                    size_t override_count, const struct dam_schema *const *schemas,
                                    size_t schema_count, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    struct dam_selection *selection = calloc(1, sizeof *selection);
    struct reader reader = {.error = error};
    *result = NULL;
    if (selection == NULL)
        status = dam_fail(error, DAM_MEMORY, "out of memory while reading the study");
    if (status == DAM_OK)
        status = read_keys(&reader, name, text, length, overrides, override_count, schemas,
                           schema_count);
    if (status == DAM_OK)
        status = check_from(&reader);
    bool wanted = status == DAM_OK && find_key(&reader, DAM_KEY_FROM) != NULL &&
                  find_key(&reader, DAM_KEY_SELECTED) == NULL;
    if (wanted)
        status = read_selection(&reader, selection);
    if (wanted && status == DAM_OK) {
        selection->documents = reader.keys.documents;
        reader.keys.documents = NULL;
        *result = selection;
    } else {
        dam_selection_destroy(selection);
    }
    dam_keys_destroy(&reader.keys);
    return status;
}

void dam_study_destroy(struct dam_study *study) {
    if (study == NULL)
        return;
    dam_grid_destroy(study->grid);
    free(study->text);
    free(study);
}

void dam_study_slice(struct dam_study *study, struct dam_slice slice) {
    assert(study->slice.count == 1 && slice.index >= 1 && slice.index <= slice.count);
    dam_grid_keep(study->grid, slice.index - 1, slice.count);
    study->cell_count = study->grid->cell_count;
    study->slice = slice;
}

void dam_study_cell(const struct dam_study *study, size_t index, struct dam_cell *cell) {
    dam_grid_cell(study->grid, index, cell);
}
