#include "study/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct dam_document *parse(const char *text) {
    struct dam_document *document = NULL;
    struct dam_error error = {0};
    if (dam_document_parse(&document, "study.yaml", true, text, strlen(text), &error) != DAM_OK)
        fail_msg("%s", error.text);
    return document;
}

static void assert_refused_bytes(const char *text, size_t length, const char *message) {
    struct dam_document *document = NULL;
    struct dam_error error = {0};
    enum dam_status status =
        dam_document_parse(&document, "study.yaml", true, text, length, &error);
    assert_int_equal(status, DAM_INPUT);
    assert_string_equal(error.text, message);
}

static void assert_refused(const char *text, const char *message) {
    assert_refused_bytes(text, strlen(text), message);
}

static void assert_place(struct dam_place place, int line, int column) {
    assert_string_equal(place.source, "study.yaml");
    assert_int_equal(place.line, line);
    assert_int_equal(place.column, column);
}

static void every_key_and_value_knows_its_place(void **state) {
    (void)state;
    struct dam_document *document = parse("# comment\n"
                                          "N: 50\n"
                                          "  \n"
                                          "K: [20, {from: 1}]\n"
                                          "grids:\n"
                                          "  - energy: 'power'\n"
                                          "    note: |\n"
                                          "      two\n"
                                          "      lines\n");
    const struct dam_node *root = document->root;
    assert_int_equal(root->type, DAM_NODE_MAPPING);
    assert_int_equal(root->count, 3);

    const struct dam_node *neurons = dam_node_find(root, "N");
    assert_int_equal(neurons->type, DAM_NODE_SCALAR);
    assert_string_equal(neurons->text, "50");
    assert_false(neurons->quoted);
    assert_place(neurons->key_place, 2, 1);
    assert_place(neurons->place, 2, 4);

    const struct dam_node *list = dam_node_find(root, "K");
    assert_int_equal(list->type, DAM_NODE_SEQUENCE);
    assert_int_equal(list->count, 2);
    assert_place(list->place, 4, 4);
    assert_place(list->first->place, 4, 5);
    assert_null(list->first->key);
    assert_place(list->last->place, 4, 9);
    assert_place(list->last->first->key_place, 4, 10);
    assert_place(list->last->first->place, 4, 16);

    const struct dam_node *block = dam_node_find(root, "grids")->first;
    assert_place(block->place, 6, 5);
    assert_string_equal(block->first->text, "power");
    assert_true(block->first->quoted);
    assert_string_equal(block->last->text, "two\nlines\n");
    assert_true(block->last->quoted);
    assert_null(dam_node_find(root, "n"));
    assert_null(dam_node_find(block, "N"));
    dam_document_destroy(document);
}

static void columns_count_characters(void **state) {
    (void)state;
    struct dam_document *document = parse("{\xC3\xA9\xE2\x82\xAC: 1, b: 2}");
    assert_place(document->root->last->key_place, 1, 9);
    dam_document_destroy(document);
    assert_refused("\xC3\xA9: [\xFF]\n",
                   "study.yaml:1:5: not plain UTF-8 text: invalid leading UTF-8 octet");
}

static void the_root_may_be_anything(void **state) {
    (void)state;
    struct dam_document *document = parse("5");
    assert_int_equal(document->root->type, DAM_NODE_SCALAR);
    dam_document_destroy(document);
    document = parse("[]");
    assert_int_equal(document->root->type, DAM_NODE_SEQUENCE);
    assert_int_equal(document->root->count, 0);
    dam_document_destroy(document);
}

static void unlocated_documents_speak_of_their_source_alone(void **state) {
    (void)state;
    struct dam_document *document = NULL;
    struct dam_error error = {0};
    assert_int_equal(dam_document_parse(&document, "--set K", false, "[1,", 3, &error), DAM_INPUT);
    assert_int_equal(strncmp(error.text, "--set K: not valid YAML: ", 25), 0);
    assert_int_equal(dam_document_parse(&document, "--set K", false, "", 0, &error), DAM_INPUT);
    assert_string_equal(error.text, "--set K: no value was given");
    assert_int_equal(dam_document_parse(&document, "--set K", false, "[1]", 3, &error), DAM_OK);
    assert_int_equal(document->root->first->place.line, 0);
    dam_document_destroy(document);
}

static void only_utf8_text_is_read(void **state) {
    (void)state;
    assert_refused_bytes("kind: a\nK: \0", 12,
                         "study.yaml:2:4: a zero byte: this is a binary file, not a study in YAML");
    assert_refused_bytes("\xFF\xFEk\0:\0", 6,
                         "study.yaml:1:4: a zero byte: this is a binary file, not a study in YAML");
    assert_refused("K: \xC3(\n",
                   "study.yaml:1:5: not plain UTF-8 text: invalid trailing UTF-8 octet");
    assert_refused("K: \x1B[2J\n",
                   "study.yaml:1:4: not plain UTF-8 text: control characters are not allowed");
    struct dam_document *document = parse("\xEF\xBB\xBFN: 5\nK: 6\n");
    assert_place(document->root->first->key_place, 1, 1);
    assert_place(document->root->last->key_place, 2, 1);
    dam_document_destroy(document);
}

static void empty_texts_are_refused(void **state) {
    (void)state;
    const char *message = "study.yaml:1:1: nothing is written here; a study begins with kind: NAME";
    assert_refused("", message);
    assert_refused("\n\n", message);
    assert_refused("# only a comment\n", message);
    assert_refused("\xEF\xBB\xBF", message);
}

/* "K: " and `depth` lists inside one another below the root mapping. */
static char *nested_text(int depth) {
    char *text = calloc(1, (size_t)depth * 2 + 8);
    assert_non_null(text);
    strcpy(text, "K: ");
    memset(text + 3, '[', (size_t)depth);
    memset(text + 3 + depth, ']', (size_t)depth);
    return text;
}

static void depth_is_bounded(void **state) {
    (void)state;
    char *text = nested_text(DAM_DOCUMENT_DEPTH_MAX - 1);
    dam_document_destroy(parse(text));
    free(text);
    text = nested_text(DAM_DOCUMENT_DEPTH_MAX);
    assert_refused(text, "study.yaml:1:11: nested more than 8 levels deep");
    free(text);
    text = nested_text(100000);
    assert_refused(text, "study.yaml:1:11: nested more than 8 levels deep");
    free(text);
}

static void the_number_of_values_is_bounded(void **state) {
    (void)state;
    /* The root, its key and the list are three nodes of the million. */
    size_t items = DAM_DOCUMENT_NODES_MAX - 3;
    char *text = calloc(1, 2 * items + 16);
    assert_non_null(text);
    strcpy(text, "K: [");
    char *end = text + 4;
    for (size_t i = 0; i < items; i++, end += 2)
        memcpy(end, i + 1 < items ? "1," : "1]", 2);
    struct dam_document *document = parse(text);
    assert_int_equal(document->root->first->count, items);
    dam_document_destroy(document);
    memcpy(end - 1, ",1]", 4);
    char message[128];
    snprintf(message, sizeof message,
             "study.yaml:1:%zu: more than 1000000 values; write ranges {from, to, step} instead of "
             "lists",
             (size_t)(end - text) + 1);
    assert_refused(text, message);
    free(text);
}

static void the_number_of_keys_is_bounded(void **state) {
    (void)state;
    char text[2048] = "";
    size_t used = 0;
    for (int i = 0; i < DAM_DOCUMENT_KEYS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "k%d: 1\n", i);
    dam_document_destroy(parse(text));
    snprintf(text + used, sizeof text - used, "more: 1\n");
    assert_refused(text, "study.yaml:101:1: more than 100 keys in one mapping");
}

static void nothing_but_plain_nodes_is_accepted(void **state) {
    (void)state;
    const char *alias = "anchors and aliases (& and *) are not allowed; write the value out";
    const char *tag = "tags (!) are not allowed; write the plain value";
    static const struct {
        const char *text, *place;
        bool is_tag;
    } cases[] = {
        {"K: &a 1\n", "1:4", false},      {"K: &a [1]\n", "1:4", false},
        {"K: &a {b: 1}\n", "1:4", false}, {"&a K: 1\n", "1:1", false},
        {"*a : 1\n", "1:1", false},       {"[*a]\n", "1:2", false},
        {"K: !x 1\n", "1:4", true},       {"K: !!seq [1]\n", "1:4", true},
        {"K: !!map {}\n", "1:4", true},   {"!!str K: 1\n", "1:1", true},
    };
    char message[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(message, sizeof message, "study.yaml:%s: %s", cases[i].place,
                 cases[i].is_tag ? tag : alias);
        assert_refused(cases[i].text, message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_and_value_knows_its_place),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(the_root_may_be_anything),
        cmocka_unit_test(unlocated_documents_speak_of_their_source_alone),
        cmocka_unit_test(only_utf8_text_is_read),
        cmocka_unit_test(empty_texts_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(the_number_of_keys_is_bounded),
        cmocka_unit_test(nothing_but_plain_nodes_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
