#include "run/ledger.h"
#include "run/compare.h"
#include "run/grow.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum dam_status dam_ledger_add(struct dam_ledger *ledger, const struct dam_entry *entry,
                               struct dam_error *error) {
    struct dam_entry *entries =
        dam_grow(ledger->entries, ledger->count, &ledger->capacity, sizeof *entries);
    if (entries == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory for the index of %zu rows",
                        ledger->count + 1);
    ledger->entries = entries;
    ledger->entries[ledger->count++] = *entry;
    return DAM_OK;
}

enum dam_status dam_ledger_add_file(struct dam_ledger *ledger, const char *path,
                                    struct dam_error *error) {
    char **files = reallocarray(ledger->files, ledger->file_count + 1, sizeof *files);
    char *copy = strdup(path);
    if (files != NULL)
        ledger->files = files;
    if (files == NULL || copy == NULL) {
        free(copy);
        return dam_fail(error, DAM_MEMORY, "no memory for a file's name");
    }
    ledger->files[ledger->file_count++] = copy;
    return DAM_OK;
}

enum dam_status dam_ledger_join(struct dam_ledger *ledger, struct dam_ledger *more,
                                struct dam_error *error) {
    enum dam_status status = DAM_OK;
    for (size_t e = 0; status == DAM_OK && e < more->count; e++)
        status = dam_ledger_add(ledger, &more->entries[e], error);
    if (status == DAM_OK)
        dam_ledger_destroy(more);
    return status;
}

void dam_ledger_destroy(struct dam_ledger *ledger) {
    for (size_t f = 0; f < ledger->file_count; f++)
        free(ledger->files[f]);
    free(ledger->files);
    free(ledger->entries);
    *ledger = (struct dam_ledger){0};
}

const struct dam_item *dam_known_item(const struct dam_known *known, size_t i) {
    return (const void *)((const char *)known->items + i * known->stride);
}

uint64_t dam_plan_hash(const struct dam_round *round) {
    return round->plan_size == 0 ? 0 : XXH3_64bits(round->plan, round->plan_size);
}

int dam_item_compare(const void *left, const void *right) {
    const struct dam_item *a = left, *b = right;
    int order = dam_compare(a->cell, b->cell);
    if (order == 0)
        order = dam_compare(a->round, b->round);
    if (order == 0)
        order = dam_compare(a->replica, b->replica);
    if (order == 0)
        order = dam_compare(a->start_begin, b->start_begin);
    if (order == 0)
        order = dam_compare(a->status != DAM_OK, b->status != DAM_OK);
    return order == 0 ? dam_compare(b->start_end, a->start_end) : order;
}

const struct dam_item *dam_cover(const void *items, size_t count, size_t stride, uint64_t plan,
                                 uint64_t begin, uint64_t starts) {
    for (size_t i = 0; i < count; i++) {
        const struct dam_item *item = (const void *)((const char *)items + i * stride);
        if (item->start_begin > begin)
            break;
        if (item->plan == plan && item->start_begin == begin && item->start_end <= starts)
            return item;
    }
    return NULL;
}

static int compare_hashes(const void *left, const void *right) {
    const struct dam_hash *a = left, *b = right;
    int order = dam_compare(a->high, b->high);
    return order == 0 ? dam_compare(a->low, b->low) : order;
}

enum dam_status dam_cell_finder_new(struct dam_cell_finder *finder, const struct dam_study *study,
                                    struct dam_error *error) {
    finder->count = study->cell_count;
    finder->places = calloc(finder->count + 1, sizeof *finder->places);
    if (finder->places == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to look up %zu cells", finder->count);
    struct dam_cell cell;
    for (size_t c = 0; c < finder->count; c++) {
        dam_study_cell(study, c, &cell);
        finder->places[c] = (struct dam_cell_place){cell.hash, (uint32_t)c};
    }
    qsort(finder->places, finder->count, sizeof *finder->places, compare_hashes);
    return DAM_OK;
}

void dam_cell_finder_destroy(struct dam_cell_finder *finder) {
    free(finder->places);
    *finder = (struct dam_cell_finder){0};
}

uint32_t dam_cell_find(const struct dam_cell_finder *finder, const struct dam_hash *hash) {
    const struct dam_cell_place *place =
        bsearch(hash, finder->places, finder->count, sizeof *finder->places, compare_hashes);
    return place == NULL ? UINT32_MAX : place->cell;
}
