/* The nearest valid name, for messages about a misspelt one. */
#include "study/schema.h"

#include <ctype.h>
#include <string.h>

enum {
    NAME_MAX_LENGTH = 48, /* longer names are nobody's typing error */
    EDIT = 64             /* cost of one edit; a letter in the wrong case costs 1, to settle ties */
};

static int minimum(int a, int b) {
    return a < b ? a : b;
}

static int substitution_cost(char a, char b) {
    if (a == b)
        return 0;
    return tolower((unsigned char)a) == tolower((unsigned char)b) ? 1 : EDIT;
}

/* Edit distance where swapping two neighbours counts as one edit (optimal string alignment).
 * cost[i][j] takes the first i letters of a to the first j of b. */
static int distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    int cost[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
    for (size_t i = 0; i <= a_length; i++)
        for (size_t j = 0; j <= b_length; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = EDIT * (int)(i + j);
                continue;
            }
            int edit = EDIT + minimum(cost[i - 1][j], cost[i][j - 1]);
            int keep = cost[i - 1][j - 1] + substitution_cost(a[i - 1], b[j - 1]);
            cost[i][j] = minimum(edit, keep);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = minimum(cost[i][j], cost[i - 2][j - 2] + EDIT);
        }
    return cost[a_length][b_length];
}

const char *dam_nearest(const char *name, const char *const *candidates, size_t count) {
    size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX_LENGTH)
        return NULL;
    /* Changing every letter is no likeness, though a third of one letter rounds up to one. */
    int edits = minimum((int)(length + 2) / 3, (int)length - 1);
    int nearest_distance = (edits + 1) * EDIT;
    const char *nearest = NULL;
    for (size_t c = 0; c < count; c++) {
        size_t candidate_length = strlen(candidates[c]);
        if (candidate_length > NAME_MAX_LENGTH)
            continue;
        int candidate_distance = distance(name, length, candidates[c], candidate_length);
        if (candidate_distance < nearest_distance) {
            nearest_distance = candidate_distance;
            nearest = candidates[c];
        }
    }
    return nearest;
}
