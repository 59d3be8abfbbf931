#include "run/result_study.h"
#include <stdlib.h>

/* One seed, or those of a merged file. */
static enum dam_status read_seeds(const struct dam_result *result, struct dam_result_study *study,
                                  struct dam_error *error) {
    struct dam_result_dataset *dataset;
    enum dam_status status = dam_result_read(result, "/study/seed", &dataset, error);
    if (status != DAM_OK)
        return status;
    const struct dam_result_column *column = &dataset->columns[0];
    size_t count = dataset->row_count;
    bool seeds = count > 0 && dataset->rank <= 1 && !dataset->compound &&
                 column->type == DAM_STORED_UNSIGNED;
    study->seeds = calloc(count + 1, sizeof *study->seeds);
    if (study->seeds == NULL)
        status = dam_fail(error, DAM_MEMORY, "%s: out of memory while reading", result->name);
    for (size_t s = 0; status == DAM_OK && seeds && s < count; s++) {
        study->seeds[s] = dam_result_unsigned(dataset, s, column);
        seeds = s == 0 || study->seeds[s] > study->seeds[s - 1];
    }
    if (status == DAM_OK && !seeds)
        status =
            dam_fail(error, DAM_DAMAGED,
                     "%s: /study/seed: is neither a number nor several, ascending", result->name);
    study->seed_count = count;
    study->seed = status == DAM_OK ? study->seeds[0] : 0;
    dam_result_dataset_destroy(dataset);
    return status;
}

enum dam_status dam_result_study_read(const struct dam_result *result,
                                      struct dam_result_study *study, struct dam_error *error) {
    *study = (struct dam_result_study){0};
    uint64_t version = 0;
    enum dam_status status = dam_result_text_read(result, "/study/kind", &study->kind, error);
    if (status == DAM_OK)
        status = dam_result_text_read(result, "/study/text", &study->text, error);
    if (status == DAM_OK)
        status = dam_result_text_read(result, "/study/resolved", &study->resolved, error);
    if (status == DAM_OK)
        status = read_seeds(result, study, error);
    if (status == DAM_OK)
        status = dam_result_number_read(result, "/study/schema_version", &version, error);
    if (status == DAM_OK && version > UINT32_MAX)
        status = dam_fail(error, DAM_DAMAGED, "%s: /study/schema_version: is out of range",
                          result->name);
    study->version = (uint32_t)version;
    if (status != DAM_OK)
        dam_result_study_destroy(study);
    return status;
}

void dam_result_study_destroy(struct dam_result_study *study) {
    free(study->kind);
    free(study->text);
    free(study->resolved);
    free(study->seeds);
    *study = (struct dam_result_study){0};
}
