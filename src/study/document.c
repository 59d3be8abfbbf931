#include "study/document.h"

#include "study/scalar.h"
#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct dam_document *document;
    bool located;
    const char *text; /* without a byte order mark */
    size_t length;
    size_t nodes;
    struct dam_error *error;
};

enum dam_status dam_fail_at(struct dam_error *error, struct dam_place place, const char *format,
                            ...) {
    char message[DAM_ERROR_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (place.line == 0)
        return dam_fail(error, DAM_INPUT, "%s: %s", place.source, message);
    return dam_fail(error, DAM_INPUT, "%s:%d:%d: %s", place.source, place.line, place.column,
                    message);
}

static enum dam_status fail_memory(struct dam_error *error) {
    return dam_fail(error, DAM_MEMORY, "out of memory while reading the study");
}

static struct dam_place place_of(const struct reader *reader, yaml_mark_t mark) {
    struct dam_place place = {.source = reader->document->source};
    if (reader->located) {
        place.line = mark.line < INT_MAX ? (int)mark.line + 1 : INT_MAX;
        place.column = mark.column < INT_MAX ? (int)mark.column + 1 : INT_MAX;
    }
    return place;
}

static struct dam_place place_of_byte(const struct reader *reader, size_t offset) {
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < reader->length; i++) {
        unsigned char byte = (unsigned char)reader->text[i];
        mark.column += (byte & 0xC0) != 0x80; /* continuation bytes are no characters */
        if (byte == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return place_of(reader, mark);
}

/* Turn libyaml's complaint into ours. */
static enum dam_status fail_parser(const struct reader *reader) {
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "not valid YAML";
    if (parser->error == YAML_MEMORY_ERROR)
        return fail_memory(reader->error);
    if (parser->error == YAML_READER_ERROR)
        return dam_fail_at(reader->error, place_of_byte(reader, parser->problem_offset),
                           "not plain UTF-8 text: %s", problem);
    struct dam_place place = place_of(reader, parser->problem_mark);
    if (strcmp(problem, "did not find expected <document start>") == 0)
        return dam_fail_at(reader->error, place, "text after the end of the study");
    if (parser->context == NULL)
        return dam_fail_at(reader->error, place, "not valid YAML: %s", problem);
    return dam_fail_at(reader->error, place, "not valid YAML: %s %s (line %zu)", problem,
                       parser->context, parser->context_mark.line + 1);
}

/* The caller deletes the event when this succeeds. */
static enum dam_status next_event(struct reader *reader, yaml_event_t *event) {
    return yaml_parser_parse(&reader->parser, event) ? DAM_OK : fail_parser(reader);
}

static enum dam_status refuse_extras(const struct reader *reader, const yaml_event_t *event) {
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    struct dam_place place = place_of(reader, event->start_mark);
    if (event->type == YAML_ALIAS_EVENT || anchor != NULL)
        return dam_fail_at(reader->error, place,
                           "anchors and aliases (& and *) are not allowed; write the value out");
    if (tag != NULL)
        return dam_fail_at(reader->error, place, "tags (!) are not allowed; write the plain value");
    return DAM_OK;
}

/* Count one more node. */
static enum dam_status admit(struct reader *reader, const yaml_event_t *event) {
    enum dam_status status = refuse_extras(reader, event);
    if (status == DAM_OK && ++reader->nodes > DAM_DOCUMENT_NODES_MAX)
        status = dam_fail_at(reader->error, place_of(reader, event->start_mark),
                             "more than %d values; write ranges {from, to, step} instead of lists",
                             DAM_DOCUMENT_NODES_MAX);
    return status;
}

static enum dam_status copy_scalar(const struct reader *reader, const yaml_event_t *event,
                                   char **text) {
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(value, '\0', length) != NULL)
        return dam_fail_at(reader->error, place_of(reader, event->start_mark),
                           "a text with a zero byte is not allowed");
    *text = strdup(value);
    return *text != NULL ? DAM_OK : fail_memory(reader->error);
}

static struct dam_node *append_child(struct dam_node *parent) {
    struct dam_node *child = calloc(1, sizeof *child);
    if (child == NULL)
        return NULL;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
    return child;
}

static enum dam_status check_key(const struct reader *reader, const struct dam_node *mapping,
                                 const char *key, struct dam_place place) {
    char excerpt[DAM_EXCERPT_LENGTH];
    const struct dam_node *earlier = dam_node_find(mapping, key);
    if (earlier != NULL)
        return dam_fail_at(reader->error, place, "%s: given twice; first on line %d",
                           dam_scalar_excerpt(excerpt, key), earlier->key_place.line);
    if (mapping->count == DAM_DOCUMENT_KEYS_MAX)
        return dam_fail_at(reader->error, place, "more than %d keys in one mapping",
                           DAM_DOCUMENT_KEYS_MAX);
    return DAM_OK;
}

/* Read the key that `event` holds and append a child, still without value, that carries it. */
static enum dam_status read_key(struct reader *reader, const yaml_event_t *event,
                                struct dam_node *mapping, struct dam_node **child) {
    struct dam_place place = place_of(reader, event->start_mark);
    enum dam_status status = admit(reader, event);
    if (status != DAM_OK)
        return status;
    if (event->type != YAML_SCALAR_EVENT)
        return dam_fail_at(reader->error, place, "a key must be a name, not a list or mapping");

    char *key = NULL;
    status = copy_scalar(reader, event, &key);
    if (status == DAM_OK)
        status = check_key(reader, mapping, key, place);
    if (status == DAM_OK) {
        *child = append_child(mapping);
        if (*child == NULL)
            status = fail_memory(reader->error);
    }
    if (status != DAM_OK) {
        free(key);
        return status;
    }
    (*child)->key = key;
    (*child)->key_place = place;
    return DAM_OK;
}

static enum dam_status read_children(struct reader *reader, struct dam_node *node, int depth);

/* Fill `node` with the value that `event` begins. Recursion is bounded by the depth. */
static enum dam_status read_value(struct reader *reader, const yaml_event_t *event,
                                  struct dam_node *node, int depth) {
    node->place = place_of(reader, event->start_mark);
    enum dam_status status = admit(reader, event);
    if (status != DAM_OK)
        return status;
    if (event->type == YAML_SCALAR_EVENT) {
        node->type = DAM_NODE_SCALAR;
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return copy_scalar(reader, event, &node->text);
    }
    if (depth == DAM_DOCUMENT_DEPTH_MAX)
        return dam_fail_at(reader->error, node->place, "nested more than %d levels deep",
                           DAM_DOCUMENT_DEPTH_MAX);
    node->type = event->type == YAML_MAPPING_START_EVENT ? DAM_NODE_MAPPING : DAM_NODE_SEQUENCE;
    return read_children(reader, node, depth + 1);
}

/* Read one child of a collection, whose first event (not the collection's end) is `event`. */
static enum dam_status read_child(struct reader *reader, const yaml_event_t *event,
                                  struct dam_node *parent, int depth) {
    struct dam_node *child = NULL;
    if (parent->type == DAM_NODE_SEQUENCE) {
        child = append_child(parent);
        return child != NULL ? read_value(reader, event, child, depth) : fail_memory(reader->error);
    }
    yaml_event_t value;
    enum dam_status status = read_key(reader, event, parent, &child);
    if (status == DAM_OK)
        status = next_event(reader, &value);
    if (status != DAM_OK)
        return status;
    status = read_value(reader, &value, child, depth);
    yaml_event_delete(&value);
    return status;
}

static enum dam_status read_children(struct reader *reader, struct dam_node *node, int depth) {
    for (;;) {
        yaml_event_t event;
        enum dam_status status = next_event(reader, &event);
        if (status != DAM_OK)
            return status;
        bool end = event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
        if (!end)
            status = read_child(reader, &event, node, depth);
        yaml_event_delete(&event);
        if (end || status != DAM_OK)
            return status;
    }
}

static enum dam_status fail_empty(const struct reader *reader) {
    return dam_fail_at(reader->error, place_of(reader, (yaml_mark_t){0}),
                       reader->located ? "nothing is written here; a study begins with kind: NAME"
                                       : "no value was given");
}

/* Handle one event between the document's nodes. */
static enum dam_status read_outer(struct reader *reader, const yaml_event_t *event) {
    struct dam_document *document = reader->document;
    switch (event->type) {
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return DAM_OK;
    case YAML_STREAM_END_EVENT:
        return document->root != NULL ? DAM_OK : fail_empty(reader);
    case YAML_DOCUMENT_START_EVENT:
        if (document->root != NULL)
            return dam_fail_at(reader->error, place_of(reader, event->start_mark),
                               "a second document begins; a study is one document");
        return DAM_OK;
    default:
        document->root = calloc(1, sizeof *document->root);
        return document->root != NULL ? read_value(reader, event, document->root, 0)
                                      : fail_memory(reader->error);
    }
}

static enum dam_status read_stream(struct reader *reader) {
    const char *zero = memchr(reader->text, '\0', reader->length);
    if (zero != NULL)
        return dam_fail_at(reader->error, place_of_byte(reader, (size_t)(zero - reader->text)),
                           "a zero byte: this is a binary file, not a study in YAML");
    if (!yaml_parser_initialize(&reader->parser))
        return fail_memory(reader->error);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text,
                                 reader->length);
    enum dam_status status = DAM_OK;
    for (bool end = false; !end && status == DAM_OK;) {
        yaml_event_t event;
        status = next_event(reader, &event);
        if (status != DAM_OK)
            break;
        end = event.type == YAML_STREAM_END_EVENT;
        status = read_outer(reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&reader->parser);
    return status;
}

enum dam_status dam_document_parse(struct dam_document **document, const char *source, bool located,
                                   const char *text, size_t length, struct dam_error *error) {
    /* libyaml counts a byte order mark as a column when it is told the encoding. */
    size_t mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    struct reader reader = {
        .located = located, .text = text + mark, .length = length - mark, .error = error};
    reader.document = calloc(1, sizeof *reader.document);
    if (reader.document == NULL)
        return fail_memory(error);
    reader.document->source = strdup(source);
    enum dam_status status =
        reader.document->source != NULL ? read_stream(&reader) : fail_memory(error);
    if (status != DAM_OK) {
        dam_document_destroy(reader.document);
        return status;
    }
    *document = reader.document;
    return DAM_OK;
}

/* Recursion is bounded by the depth: siblings are freed in the loop. */
static void destroy_nodes(struct dam_node *node) {
    while (node != NULL) {
        struct dam_node *next = node->next;
        destroy_nodes(node->first);
        free(node->text);
        free(node->key);
        free(node);
        node = next;
    }
}

void dam_document_destroy(struct dam_document *document) {
    if (document == NULL)
        return;
    destroy_nodes(document->root);
    free(document->source);
    free(document);
}

void dam_documents_destroy(struct dam_document **list) {
    while (*list != NULL) {
        struct dam_document *document = *list;
        *list = document->next;
        dam_document_destroy(document);
    }
}

const struct dam_node *dam_node_find(const struct dam_node *mapping, const char *key) {
    assert(mapping->type == DAM_NODE_MAPPING);
    const struct dam_node *child = mapping->first;
    while (child != NULL && strcmp(child->key, key) != 0)
        child = child->next;
    return child;
}
