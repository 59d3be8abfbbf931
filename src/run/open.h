/* From the text of a study to the study and its kind. */
#ifndef DAM_RUN_OPEN_H
#define DAM_RUN_OPEN_H

#include "kinds/kind.h"
#include "study/study.h"

/* Parse a study of one of these kinds; *kind is its kind. Not collective. */
enum dam_status dam_open_text(const struct dam_kinds *kinds, const char *name, const char *text,
                              size_t length, const char *const *overrides, size_t override_count,
                              struct dam_study **study, const struct dam_kind **kind,
                              struct dam_error *error) DAM_CHECKED;

/* What the study takes over from another result and does not hold yet; NULL: nothing. As
 * dam_study_selection. */
enum dam_status dam_open_selection(const struct dam_kinds *kinds, const char *name,
                                   const char *text, size_t length, const char *const *overrides,
                                   size_t override_count, struct dam_selection **selection,
                                   struct dam_error *error) DAM_CHECKED;

/* See to what the tasks need besides the study, on this rank: the kind's prepare() of every cell.
 * Not collective. */
enum dam_status dam_open_prepare(const struct dam_study *study, const struct dam_kind *kind,
                                 struct dam_error *error) DAM_CHECKED;

/* What a study takes, from the kind's tables alone. Kinds with rounds: their first round. */
struct dam_sizes {
    uint64_t tasks;                    /* replicas' blocks of starts */
    double task_bytes;                 /* memory of the largest running task ... */
    char largest[DAM_IDENTITY_LENGTH]; /* ... and the identity of its cell */
    double journal_bytes, state_bytes, result_bytes;
    double row_bytes;         /* the longest row of an array of the result ... */
    const char *longest_rows; /* ... and the array's name; NULL where the kind has none */
};
void dam_open_sizes(const struct dam_study *study, const struct dam_kind *kind,
                    struct dam_sizes *sizes);

/* Bytes of journal that a task of this cell takes. */
double dam_open_row_bytes(const struct dam_kind *kind, const struct dam_cell *cell);

/* Memory of this machine, in bytes. */
double dam_physical_memory(void);

/* Bytes for people: "12.5 GB". Returns text. */
const char *dam_bytes_text(char text[32], double bytes);

#endif
