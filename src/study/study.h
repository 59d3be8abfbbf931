/* A study: one YAML file, parsed, checked, and unrolled into cells.
 *
 *     kind: capacity        # flat keys: kind, seed, replicas, and the kind's parameters
 *     seed: 1
 *     N: [50, 100]                       # a list
 *     K: {from: 20, to: 200, step: 20}   # or {from, to, count, scale: linear | log}
 *     grids: [{...}, {...}]              # optional: blocks, each with the flat keys as defaults
 *
 * or, with `search: random` and `draws: D`, parameters given as {from, to, scale} are sampled:
 * draw i is a function of (seed, i) and of nothing else. Or blocks are rows of another result's
 * table, taken over by `from: FILE.h5` (study/selection.h): what the top level gives then replaces
 * a row's value, and each row's cells follow each other in the order of the rows.
 *
 * Parsing is a pure function of the text and the overrides: ranks that parse the same text hold
 * the same study. No function here is collective.
 */
#ifndef DAM_STUDY_STUDY_H
#define DAM_STUDY_STUDY_H

#include "study/selection.h"

/* Part `index` (1 .. count) of a study's cells: every count-th, so that costs spread evenly. */
struct dam_slice {
    uint32_t index, count;
};

/* Opaque besides these: how cells are unrolled is the study layer's matter. */
struct dam_study {
    const struct dam_schema *schema;
    uint64_t seed;
    size_t cell_count;      /* of its slice */
    struct dam_slice slice; /* which of the cells are in cell_count: 1/1, all */
    char *text; /* the file's text followed by the overrides as comments, 0-terminated */
    size_t text_length;
    const char *from; /* the result whose rows are the blocks, as written; NULL: none */
    struct dam_grid *grid;
};

/* Parse `length` bytes of text. `name` is the file's name, for messages. `overrides` are
 * "key=value" strings (value in YAML), which replace top-level keys. `schemas` are the kinds that
 * may be named. *study is the caller's, to be freed with dam_study_destroy.
 * Fails with DAM_INPUT; the text is "name:line:column: key: what was read; what is allowed", with
 * the nearest valid key for an unknown one; DAM_MEMORY. */
enum dam_status dam_study_parse(struct dam_study **study, const char *name, const char *text,
                                size_t length, const char *const *overrides, size_t override_count,
                                const struct dam_schema *const *schemas, size_t schema_count,
                                struct dam_error *error) DAM_CHECKED;

/* What the study takes over from another result and does not hold yet: *selection is NULL where it
 * has no `from`, or the rows already. The rest as dam_study_parse; free it with
 * dam_selection_destroy. */
enum dam_status dam_study_selection(struct dam_selection **selection, const char *name,
                                    const char *text, size_t length, const char *const *overrides,
                                    size_t override_count, const struct dam_schema *const *schemas,
                                    size_t schema_count, struct dam_error *error) DAM_CHECKED;

/* Read a file (at most 16 MiB; a directory, an empty or a binary file is an error that says so)
 * into a fresh 0-terminated buffer of the caller's. */
enum dam_status dam_study_read(const char *path, char **text, size_t *length,
                               struct dam_error *error) DAM_CHECKED;

void dam_study_destroy(struct dam_study *study);

/* Leave only the cells i with i % slice.count == slice.index - 1, in their order; there may be
 * none. Text, seed and the cells' hashes stay those of the whole study. Once for a study. */
void dam_study_slice(struct dam_study *study, struct dam_slice slice);

/* Cell `index` (0 .. cell_count - 1) with every default filled in and resolve() applied. Cells
 * are in the order of the design: by the kind's parameter table, last parameter fastest, blocks
 * as written; a cell whose identity came before is left out. O(parameters). */
void dam_study_cell(const struct dam_study *study, size_t index, struct dam_cell *cell);

/* The resolved parameters, every default filled in, as YAML that parses to the same study.
 * A fresh 0-terminated string of the caller's; NULL when out of memory. */
char *dam_study_resolved(const struct dam_study *study);

#endif
