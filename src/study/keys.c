#include "study/keys.h"

#include "study/scalar.h"
#include "study/selection.h"
#include <stdlib.h>
#include <string.h>

enum { ALLOWED_LENGTH = 512 };

const char *const dam_study_keys[DAM_KEY_COUNT] = {"kind",  "seed",  "replicas", "search",
                                                   "draws", "grids", "from",     "where",
                                                   "best",  "by",    "each",     DAM_SELECTED_KEY};

/* Finding. */

static const struct dam_node *find_override(const struct dam_keys *keys, const char *key) {
    for (size_t i = keys->override_count; i-- > 0;) /* the last one given wins */
        if (strcmp(keys->overrides[i]->key, key) == 0)
            return keys->overrides[i];
    return NULL;
}

const struct dam_node *dam_keys_find(const struct dam_keys *keys, const struct dam_node *block,
                                     const char *key) {
    const struct dam_node *node = find_override(keys, key);
    const struct dam_node *outer = dam_node_find(keys->root, key);
    const struct dam_node *inner = block != NULL ? dam_node_find(block, key) : NULL;
    if (node != NULL)
        return node;
    if (keys->from != NULL)
        return outer != NULL ? outer : inner;
    return inner != NULL ? inner : outer;
}

/* Checking. */

static enum dam_status fail_unknown_key(const struct dam_node *node, const char *const *known,
                                        size_t count, struct dam_error *error) {
    char excerpt[DAM_EXCERPT_LENGTH], allowed[ALLOWED_LENGTH] = "";
    dam_scalar_excerpt(excerpt, node->key);
    const char *nearest = dam_nearest(node->key, known, count);
    if (nearest != NULL)
        return dam_fail_at(error, node->key_place, "%s: unknown key; did you mean \"%s\"?", excerpt,
                           nearest);
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof allowed; i++)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s", i > 0 ? ", " : "",
                                 known[i]);
    return dam_fail_at(error, node->key_place, "%s: unknown key; allowed: %s", excerpt, allowed);
}

static enum dam_status check_key(const struct dam_node *node, const struct dam_schema *schema,
                                 bool in_block, struct dam_error *error) {
    const char *known[DAM_KEY_COUNT + DAM_PARAMETERS_MAX];
    size_t count = 0;
    for (size_t key = 0; key < DAM_KEY_COUNT; key++) {
        bool allowed = !in_block || key == DAM_KEY_REPLICAS;
        if (strcmp(node->key, dam_study_keys[key]) == 0 && !allowed)
            return dam_fail_at(error, node->key_place,
                               "%s: a block of grids cannot give it; allowed: at the top level",
                               node->key);
        if (allowed)
            known[count++] = dam_study_keys[key];
    }
    for (size_t p = 0; p < schema->parameter_count; p++)
        known[count++] = schema->parameters[p].name;
    for (size_t i = 0; i < count; i++)
        if (strcmp(node->key, known[i]) == 0)
            return DAM_OK;
    return fail_unknown_key(node, known, count, error);
}

static enum dam_status check_keys(const struct dam_node *mapping, const struct dam_schema *schema,
                                  bool in_block, struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (const struct dam_node *node = mapping->first; node != NULL && status == DAM_OK;
         node = node->next)
        status = check_key(node, schema, in_block, error);
    return status;
}

enum dam_status dam_keys_check(const struct dam_keys *keys, const struct dam_schema *schema,
                               struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t i = 0; i < keys->override_count && status == DAM_OK; i++)
        status = check_key(keys->overrides[i], schema, false, error);
    return status == DAM_OK ? check_keys(keys->root, schema, false, error) : status;
}

enum dam_status dam_keys_check_block(const struct dam_node *block, const struct dam_schema *schema,
                                     struct dam_error *error) {
    return check_keys(block, schema, true, error);
}

/* Documents: the file's and one for each override. */

/* Parse a text; its document joins the others. */
static enum dam_status read_document(struct dam_keys *keys, const char *name, bool located,
                                     const char *text, size_t length,
                                     struct dam_document **document, struct dam_error *error) {
    enum dam_status status = dam_document_parse(document, name, located, text, length, error);
    if (status == DAM_OK) {
        (*document)->next = keys->documents;
        keys->documents = *document;
    }
    return status;
}

static enum dam_status read_root(struct dam_keys *keys, const char *name, const char *text,
                                 size_t length, struct dam_error *error) {
    struct dam_document *document = NULL;
    enum dam_status status = read_document(keys, name, true, text, length, &document, error);
    if (status != DAM_OK)
        return status;
    keys->root = document->root;
    if (keys->root->type != DAM_NODE_MAPPING)
        return dam_fail_at(error, keys->root->place,
                           "a study is made of lines \"key: value\", with a space after the colon");
    return DAM_OK;
}

/* The result file whose rows an override holds, NULL where it holds others' values: what is wrong
 * with a row is said of the file. */
static const char *rows_of(const struct dam_keys *keys, const char *override) {
    const struct dam_node *from = dam_keys_find(keys, NULL, dam_study_keys[DAM_KEY_FROM]);
    bool rows = strncmp(override, DAM_SELECTED_KEY "=", sizeof DAM_SELECTED_KEY) == 0;
    return rows && from != NULL && from->type == DAM_NODE_SCALAR ? from->text : NULL;
}

static enum dam_status read_override(struct dam_keys *keys, const char *override,
                                     struct dam_error *error) {
    const char *equals = strchr(override, '=');
    if (equals == NULL || equals == override)
        return dam_fail(error, DAM_INPUT, "--set %s: allowed: key=value", override);
    char excerpt[DAM_EXCERPT_LENGTH], given[DAM_EXCERPT_LENGTH + 8];
    snprintf(given, sizeof given, "--set %s", dam_scalar_excerpt(excerpt, override));
    const char *source = rows_of(keys, override);
    struct dam_document *document = NULL;
    enum dam_status status = read_document(keys, source != NULL ? source : given, false, equals + 1,
                                           strlen(equals + 1), &document, error);
    if (status != DAM_OK)
        return status;
    struct dam_node *node = document->root;
    node->key = strndup(override, (size_t)(equals - override));
    if (node->key == NULL)
        return dam_fail(error, DAM_MEMORY, "out of memory while reading the study");
    node->key_place = node->place;
    keys->overrides[keys->override_count++] = node;
    return DAM_OK;
}

enum dam_status dam_keys_read(struct dam_keys *keys, const char *name, const char *text,
                              size_t length, const char *const *overrides, size_t override_count,
                              struct dam_error *error) {
    *keys = (struct dam_keys){.overrides = calloc(override_count + 1, sizeof *keys->overrides)};
    if (keys->overrides == NULL)
        return dam_fail(error, DAM_MEMORY, "out of memory while reading the study");
    enum dam_status status = read_root(keys, name, text, length, error);
    for (size_t i = 0; i < override_count && status == DAM_OK; i++)
        status = read_override(keys, overrides[i], error);
    return status;
}

void dam_keys_destroy(struct dam_keys *keys) {
    dam_documents_destroy(&keys->documents);
    free(keys->overrides);
    *keys = (struct dam_keys){0};
}
