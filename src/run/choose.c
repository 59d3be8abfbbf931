#include "run/choose.h"
#include "run/array.h"
#include "run/compare.h"
#include "run/ledger.h"
#include "run/open.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of a source that may become one of the output. */
struct candidate {
    struct dam_hash hash; /* of the cell */
    uint64_t seed;
    uint32_t source, study; /* study: the first source that has the same */
    bool complete;
    size_t row;   /* in the source */
    size_t place; /* among the rows of its study */
};

/* The sources, and all of their rows. */
struct choosing {
    const struct dam_source *sources;
    size_t source_count;
    const uint32_t *studies;
    const struct dam_kinds *kinds;
    struct candidate *candidates;
    size_t candidate_count;
};

static uint64_t seed_of(const struct dam_source *source, size_t row) {
    uint64_t seed = source->seeds[0];
    memcpy(&seed, dam_source_row(source, row), dam_seed_bytes(source->seed_count));
    return seed;
}

/* The cells of the study that a source is a slice of; none where it is not one study's: where it
 * was merged from several, or this program's study is another one. */
static enum dam_status study_cells(const struct choosing *choosing, const struct dam_source *source,
                                   struct dam_cell_finder *finder, struct dam_error *error) {
    struct dam_study *study;
    const struct dam_kind *kind;
    *finder = (struct dam_cell_finder){0};
    if (source->seed_count > 1)
        return DAM_OK;
    enum dam_status status = dam_open_text(choosing->kinds, source->name, source->resolved,
                                           strlen(source->resolved), NULL, 0, &study, &kind, error);
    if (status != DAM_OK)
        return status == DAM_INPUT ? DAM_OK : status;
    if (kind == source->results.kind && study->seed == source->seeds[0])
        status = dam_cell_finder_new(finder, study, error);
    dam_study_destroy(study);
    return status;
}

static enum dam_status add_rows(struct choosing *choosing, size_t s,
                                const struct dam_cell_finder *finder, struct dam_error *error) {
    const struct dam_source *source = &choosing->sources[s];
    const struct dam_layout *layout = &source->results.layout;
    const struct dam_schema *schema = &source->results.kind->schema;
    union dam_value values[DAM_PARAMETERS_MAX] = {{0}};
    for (size_t row = 0; row < source->results.count; row++) {
        const unsigned char *bytes = dam_source_row(source, row);
        int state = dam_layout_status(layout, bytes);
        if (state < 0 || !dam_layout_parameters(layout, bytes, values))
            return dam_fail(error, DAM_INPUT,
                            "%s: row %zu of /results has a value that is none of the kind's "
                            "choices; merge it with the dam that wrote it",
                            source->name, row + 1);
        struct candidate *candidate = &choosing->candidates[choosing->candidate_count];
        *candidate = (struct candidate){.hash = dam_cell_hash(schema, values),
                                        .seed = seed_of(source, row),
                                        .source = (uint32_t)s,
                                        .study = choosing->studies[s],
                                        .complete = state == DAM_CELL_COMPLETE,
                                        .row = row};
        uint32_t cell = finder->count > 0 ? dam_cell_find(finder, &candidate->hash) : UINT32_MAX;
        /* A row that is none of the study's cells follows those that are. */
        candidate->place = cell != UINT32_MAX ? cell : finder->count + choosing->candidate_count;
        choosing->candidate_count++;
    }
    return DAM_OK;
}

/* All rows of all sources, with their places. */
static enum dam_status gather(struct choosing *choosing, struct dam_error *error) {
    size_t all = 0;
    for (size_t s = 0; s < choosing->source_count; s++)
        all += choosing->sources[s].results.count;
    choosing->candidates = calloc(all + 1, sizeof *choosing->candidates);
    if (choosing->candidates == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to merge %zu rows", all);
    enum dam_status status = DAM_OK;
    for (size_t first = 0; status == DAM_OK && first < choosing->source_count; first++) {
        if (choosing->studies[first] != first)
            continue;
        struct dam_cell_finder finder;
        status = study_cells(choosing, &choosing->sources[first], &finder, error);
        for (size_t s = first; status == DAM_OK && s < choosing->source_count; s++)
            if (choosing->studies[s] == first)
                status = add_rows(choosing, s, &finder, error);
        dam_cell_finder_destroy(&finder);
    }
    return status;
}

/* ---- choosing ---- */

static int compare_cells(const struct candidate *one, const struct candidate *other) {
    int order = dam_compare(one->seed, other->seed);
    order = order != 0 ? order : dam_compare(one->hash.high, other->hash.high);
    return order != 0 ? order : dam_compare(one->hash.low, other->hash.low);
}

static int compare_places(const void *left, const void *right) {
    const struct candidate *one = left, *other = right;
    int order = dam_compare(one->study, other->study);
    order = order != 0 ? order : dam_compare(one->place, other->place);
    order = order != 0 ? order : dam_compare(one->source, other->source);
    return order != 0 ? order : dam_compare(one->row, other->row);
}

/* Those of one cell together, the one that may stand for all first. */
static int compare_candidates(const void *left, const void *right) {
    const struct candidate *one = left, *other = right;
    int order = compare_cells(one, other);
    order = order != 0 ? order : dam_compare(other->complete, one->complete);
    return order != 0 ? order : compare_places(one, other);
}

/* Rows of one cell: equal but for the cell's number. */
static bool same_rows(const struct dam_source *one, size_t one_row, const struct dam_source *other,
                      size_t other_row, size_t t) {
    const struct dam_rows *left = &one->results.tables[t], *right = &other->results.tables[t];
    size_t count, other_count;
    size_t first = dam_source_table(one, t, one_row, &count);
    size_t other_first = dam_source_table(other, t, other_row, &other_count);
    bool same = count == other_count;
    for (size_t i = 0; same && i < count; i++)
        same = memcmp(dam_rows_row(left, first + i) + 1, dam_rows_row(right, other_first + i) + 1,
                      (left->width - 1) * sizeof(union dam_value)) == 0;
    return same;
}

static bool same_results(const struct choosing *choosing, const struct candidate *a,
                         const struct candidate *b) {
    const struct dam_source *one = &choosing->sources[a->source],
                            *other = &choosing->sources[b->source];
    const struct dam_kind *kind = one->results.kind;
    size_t one_skip = dam_seed_bytes(one->seed_count),
           other_skip = dam_seed_bytes(other->seed_count);
    size_t size = one->results.layout.row_size - one_skip;
    bool same = memcmp(dam_source_row(one, a->row) + one_skip,
                       dam_source_row(other, b->row) + other_skip, size) == 0;
    for (size_t c = 0; same && c < kind->column_count; c++)
        if (kind->columns[c].shape == DAM_ARRAY)
            same = dam_array_same(&kind->columns[c], dam_results_elements(&one->results, c, a->row),
                                  &one->results.extents[c],
                                  dam_results_elements(&other->results, c, b->row),
                                  &other->results.extents[c]);
    for (size_t t = 0; same && t < kind->table_count; t++)
        same = same_rows(one, a->row, other, b->row, t);
    return same;
}

/* Cells whose candidates contradict each other: how many, and two of the one that comes first. */
struct clash {
    size_t cells;
    struct candidate one, other;
};

static enum dam_status refuse(const struct choosing *choosing, const struct clash *clash,
                              struct dam_error *error) {
    const struct candidate *candidate = &clash->one;
    const struct dam_source *one = &choosing->sources[candidate->source];
    union dam_value values[DAM_PARAMETERS_MAX] = {{0}};
    char cell[DAM_IDENTITY_LENGTH], more[64] = "";
    dam_layout_parameters(&one->results.layout, dam_source_row(one, candidate->row), values);
    dam_cell_identity(&one->results.kind->schema, values, cell);
    if (clash->cells > 1)
        snprintf(more, sizeof more, " (and %zu cells more)", clash->cells - 1);
    return dam_fail(error, DAM_INPUT,
                    "%.200s and %.200s contradict each other: the cell %.300s, seed %" PRIu64
                    ", is %s in both with different results%s; %s",
                    one->name, choosing->sources[clash->other.source].name, cell, candidate->seed,
                    candidate->complete ? "complete" : "unfinished", more,
                    candidate->complete
                        ? "were replicas or starts raised in one of them? merge only that one"
                        : "finish one of them, or merge only one");
}

static bool is_before(const struct candidate *one, const struct candidate *other) {
    return one->study < other->study || (one->study == other->study && one->place < other->place);
}

/* Of the candidates of one cell, the first stands for it: none that is as complete may differ. It
 * takes the first place that any of them has. */
static struct candidate choose_one(const struct choosing *choosing, const struct candidate *group,
                                   size_t count, struct clash *clash) {
    struct candidate chosen = group[0];
    size_t differing = 0;
    for (size_t i = 1; i < count; i++) {
        if (differing == 0 && group[i].complete == group[0].complete &&
            !same_results(choosing, &group[0], &group[i]))
            differing = i;
        if (is_before(&group[i], &chosen)) {
            chosen.study = group[i].study;
            chosen.place = group[i].place;
        }
    }
    if (differing > 0 && (clash->cells++ == 0 || compare_places(&group[0], &clash->one) < 0)) {
        clash->one = group[0];
        clash->other = group[differing];
    }
    return chosen;
}

/* Leave one candidate a cell, in the order of the output. */
static enum dam_status choose(struct choosing *choosing, struct dam_error *error) {
    struct candidate *candidates = choosing->candidates;
    qsort(candidates, choosing->candidate_count, sizeof *candidates, compare_candidates);
    struct clash clash = {0};
    size_t chosen = 0;
    for (size_t begin = 0, end; begin < choosing->candidate_count; begin = end) {
        end = begin + 1;
        while (end < choosing->candidate_count &&
               compare_cells(&candidates[begin], &candidates[end]) == 0)
            end++;
        candidates[chosen++] = choose_one(choosing, &candidates[begin], end - begin, &clash);
    }
    if (clash.cells > 0)
        return refuse(choosing, &clash, error);
    qsort(candidates, chosen, sizeof *candidates, compare_places);
    choosing->candidate_count = chosen;
    return DAM_OK;
}

enum dam_status dam_choose(const struct dam_source *sources, size_t source_count,
                           const uint32_t *studies, const struct dam_kinds *kinds,
                           struct dam_choice **choices, size_t *count, struct dam_error *error) {
    struct choosing choosing = {
        .sources = sources, .source_count = source_count, .studies = studies, .kinds = kinds};
    *choices = NULL;
    enum dam_status status = gather(&choosing, error);
    if (status == DAM_OK)
        status = choose(&choosing, error);
    if (status == DAM_OK) {
        *count = choosing.candidate_count;
        *choices = calloc(*count + 1, sizeof **choices);
        if (*choices == NULL)
            status = dam_fail(error, DAM_MEMORY, "no memory to merge %zu rows", *count);
    }
    for (size_t i = 0; status == DAM_OK && i < *count; i++)
        (*choices)[i] = (struct dam_choice){.seed = choosing.candidates[i].seed,
                                            .source = choosing.candidates[i].source,
                                            .row = choosing.candidates[i].row};
    free(choosing.candidates);
    return status;
}
