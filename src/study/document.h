/* A YAML text as a tree of mappings, sequences and scalars that know where they stand.
 *
 * Only what a study needs is accepted: one document of untagged nodes. Anchors and aliases, by
 * which a small text can describe a huge one, tags, duplicate and non-scalar keys are refused.
 */
#ifndef DAM_STUDY_DOCUMENT_H
#define DAM_STUDY_DOCUMENT_H

#include <dam/error.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    DAM_DOCUMENT_DEPTH_MAX = 8,      /* collections inside one another; a study needs 4 */
    DAM_DOCUMENT_KEYS_MAX = 100,     /* of one mapping */
    DAM_DOCUMENT_NODES_MAX = 1000000 /* keys count too */
};

/* Where something was written: line and column count characters from 1. Line 0: `source` says it
 * all (a value from the command line). */
struct dam_place {
    const char *source; /* borrowed from the document */
    int line, column;
};

enum dam_node_type { DAM_NODE_SCALAR, DAM_NODE_SEQUENCE, DAM_NODE_MAPPING };

/* Owned by its document. */
struct dam_node {
    enum dam_node_type type;
    struct dam_place place;
    char *text;  /* scalars: UTF-8, 0-terminated, without 0 inside */
    bool quoted; /* scalars: written in quotes or as a block, so meant as text */
    size_t count;
    struct dam_node *first, *last; /* children of sequences and mappings */
    struct dam_node *next;
    char *key; /* children of mappings; NULL elsewhere */
    struct dam_place key_place;
};

struct dam_document {
    char *source;
    struct dam_node *root;
    struct dam_document *next; /* for lists kept by the owner */
};

/* Parse `length` bytes. `source` (copied) names them in messages; `located`: places carry lines
 * and columns. *document is the caller's, to be freed with dam_document_destroy. Fails with
 * DAM_INPUT at the first thing refused; DAM_MEMORY. */
enum dam_status dam_document_parse(struct dam_document **document, const char *source, bool located,
                                   const char *text, size_t length,
                                   struct dam_error *error) DAM_CHECKED;
void dam_document_destroy(struct dam_document *document);

/* Destroy all of a list, which is then empty. */
void dam_documents_destroy(struct dam_document **list);

/* The value of a mapping's key, or NULL. */
const struct dam_node *dam_node_find(const struct dam_node *mapping, const char *key);

/* dam_fail with DAM_INPUT and the place in front: "source:line:column: ...". */
enum dam_status dam_fail_at(struct dam_error *error, struct dam_place place, const char *format,
                            ...) DAM_PRINTF(3, 4);

#endif
