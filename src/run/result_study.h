/* What a result file holds results of: its /study. */
#ifndef DAM_RUN_RESULT_STUDY_H
#define DAM_RUN_RESULT_STUDY_H

#include "run/result.h"

/* kind, text and resolved are 0-terminated; all is owned. */
struct dam_result_study {
    char *kind, *text, *resolved;
    uint64_t *seeds; /* ascending */
    size_t seed_count;
    uint64_t seed; /* the first */
    uint32_t version;
};

/* Fails with DAM_DAMAGED where it is not as dam writes it, DAM_MEMORY: then nothing is owned.
 * Destroying one that was read, or is all zero, leaves it all zero. Not collective. */
enum dam_status dam_result_study_read(const struct dam_result *result,
                                      struct dam_result_study *study,
                                      struct dam_error *error) DAM_CHECKED;
void dam_result_study_destroy(struct dam_result_study *study);

#endif
