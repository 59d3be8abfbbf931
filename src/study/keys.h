/* What a study says, and where: the value of each key, from the command line, from a block of
 * `grids` or from the top level; and which keys there may be. What values mean is read elsewhere.
 */
#ifndef DAM_STUDY_KEYS_H
#define DAM_STUDY_KEYS_H

#include "study/document.h"
#include "study/schema.h"

/* The keys of a study besides its kind's parameters. */
enum dam_study_key {
    DAM_KEY_KIND,
    DAM_KEY_SEED,
    DAM_KEY_REPLICAS,
    DAM_KEY_SEARCH,
    DAM_KEY_DRAWS,
    DAM_KEY_GRIDS,
    DAM_KEY_FROM,
    DAM_KEY_WHERE,
    DAM_KEY_BEST,
    DAM_KEY_BY,
    DAM_KEY_EACH,
    DAM_KEY_SELECTED,
    DAM_KEY_COUNT
};
extern const char *const dam_study_keys[DAM_KEY_COUNT];

struct dam_keys {
    const struct dam_node *root;       /* a mapping */
    const struct dam_node **overrides; /* values whose `key` is set, in the order given */
    size_t override_count;
    const char *from; /* the result whose rows the blocks are, set by the caller; NULL: none */
    struct dam_document *documents; /* owns all nodes; may be taken away */
};

/* Parse a study's text and its overrides, as dam_study_parse. Fails with DAM_INPUT, DAM_MEMORY;
 * destroy the keys in any case. */
enum dam_status dam_keys_read(struct dam_keys *keys, const char *name, const char *text,
                              size_t length, const char *const *overrides, size_t override_count,
                              struct dam_error *error) DAM_CHECKED;
void dam_keys_destroy(struct dam_keys *keys);

/* What the study gives for a key in a block (NULL: at the top), or NULL: the command line wins over
 * the block, the block over the top; but where blocks are the rows of a result, the top over them.
 */
const struct dam_node *dam_keys_find(const struct dam_keys *keys, const struct dam_node *block,
                                     const char *key);

/* Is every key of the top level and of the overrides one of a study of this kind? Fails with
 * DAM_INPUT at the first that is not, with the nearest one that is. */
enum dam_status dam_keys_check(const struct dam_keys *keys, const struct dam_schema *schema,
                               struct dam_error *error) DAM_CHECKED;

/* And is every key of this block one that a block may give? */
enum dam_status dam_keys_check_block(const struct dam_node *block, const struct dam_schema *schema,
                                     struct dam_error *error) DAM_CHECKED;

#endif
