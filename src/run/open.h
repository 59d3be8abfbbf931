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

/* The most memory any cell's task takes, in bytes, and that cell's identity (room for
 * DAM_IDENTITY_LENGTH bytes). */
double dam_open_largest(const struct dam_study *study, const struct dam_kind *kind, char *identity);

/* Bytes for people: "12.5 GB". Returns text. */
const char *dam_bytes_text(char text[32], double bytes);

#endif
