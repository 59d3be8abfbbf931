#include "run/suspect.h"
#include "run/compare.h"
#include "run/grow.h"
#include <stdlib.h>
#include <string.h>

/* Deaths without a word, in company, until a task is run alone. */
enum { DEATHS_IN_COMPANY = 2 };

enum dam_status dam_deaths_add(struct dam_deaths *deaths, const struct dam_death *death,
                               struct dam_error *error) {
    struct dam_death *list = dam_grow(deaths->list, deaths->count, &deaths->capacity, sizeof *list);
    if (list == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to note %zu deaths", deaths->count + 1);
    deaths->list = list;
    deaths->list[deaths->count++] = *death;
    return DAM_OK;
}

void dam_deaths_destroy(struct dam_deaths *deaths) {
    free(deaths->list);
    *deaths = (struct dam_deaths){0};
}

/* By start of replica and round, and by plan. */
static int compare_beginnings(const void *left, const void *right) {
    struct dam_item a = *(const struct dam_item *)left, b = *(const struct dam_item *)right;
    a.status = b.status = DAM_OK;
    a.start_end = b.start_end = 0;
    int order = dam_item_compare(&a, &b);
    return order != 0 ? order : dam_compare(a.plan, b.plan);
}

static int compare_deaths(const void *left, const void *right) {
    const struct dam_death *a = left, *b = right;
    int order = compare_beginnings(a, b);
    return order != 0 ? order : dam_compare(a->file, b->file);
}

static void count(struct dam_suspect *suspect, const struct dam_death *death) {
    if (death->ending == DAM_ENDING_LEFT) {
        *suspect = (struct dam_suspect){.item = suspect->item};
        return;
    }
    bool counts = death->ending == DAM_ENDING_CRASHED || death->alone;
    suspect->tries += counts;
    suspect->deaths += !counts;
    if (!counts)
        return;
    suspect->signal = death->signal;
    memcpy(suspect->host, death->host, sizeof suspect->host);
}

/* The half of all, a quarter, ... */
static size_t company_of(const struct dam_suspect *suspect, size_t all) {
    uint32_t halvings = suspect->deaths - 1;
    size_t company = suspect->tries > 0 || halvings >= 32 ? 1 : all >> halvings;
    return company > 1 ? company : 1;
}

enum dam_status dam_suspects_new(struct dam_suspects *suspects, struct dam_deaths *deaths,
                                 struct dam_error *error) {
    *suspects = (struct dam_suspects){.list = calloc(deaths->count + 1, sizeof *suspects->list)};
    if (suspects->list == NULL)
        return dam_fail(error, DAM_MEMORY, "no memory to note %zu deaths", deaths->count);
    if (deaths->count > 0)
        qsort(deaths->list, deaths->count, sizeof *deaths->list, compare_deaths);
    for (size_t first = 0, end; first < deaths->count; first = end) {
        struct dam_suspect suspect = {.item = deaths->list[first].item};
        for (end = first;
             end < deaths->count && compare_beginnings(&suspect.item, &deaths->list[end].item) == 0;
             end++)
            count(&suspect, &deaths->list[end]);
        if (suspect.tries > 0 || suspect.deaths >= DEATHS_IN_COMPANY)
            suspects->list[suspects->count++] = suspect;
    }
    for (size_t s = 0; s < suspects->count; s++)
        suspects->list[s].company = company_of(&suspects->list[s], suspects->count);
    return DAM_OK;
}

void dam_suspects_destroy(struct dam_suspects *suspects) {
    free(suspects->list);
    *suspects = (struct dam_suspects){0};
}

const struct dam_suspect *dam_suspects_find(const struct dam_suspects *suspects,
                                            const struct dam_item *item) {
    if (suspects->count == 0)
        return NULL;
    return bsearch(item, suspects->list, suspects->count, sizeof *suspects->list,
                   compare_beginnings);
}

bool dam_suspect_given_up(const struct dam_suspect *suspect, struct dam_error *error) {
    if (suspect->tries < DAM_TRIES)
        return false;
    if (suspect->signal != 0)
        dam_fail(error, DAM_CRASHED, "crashed its rank %u times, the last by signal %u (%s) on %s",
                 suspect->tries, suspect->signal, strsignal((int)suspect->signal), suspect->host);
    else
        dam_fail(error, DAM_CRASHED,
                 "its rank died %u times without a word (SIGKILL: no memory?), the last time while "
                 "nothing else ran, on %s",
                 suspect->tries, suspect->host);
    return true;
}
