/* A fuzzer of study files: whatever the bytes are, they are refused in one line, or they are a
 * study whose resolved text is the same study. What follows a byte 0xFF is an override. */
#include "study/study.h"
#include "fuzz.h"
#include "studies/schema.h"

#include <stdlib.h>
#include <string.h>

static void check_resolved(const struct dam_study *study) {
    struct dam_study *again = NULL;
    struct dam_error error = {0};
    char *text = dam_study_resolved(study);
    FUZZ_EXPECT(text != NULL);
    FUZZ_EXPECT(dam_study_parse(&again, "resolved", text, strlen(text), NULL, 0, schemas,
                                SCHEMA_COUNT, &error) == DAM_OK);
    FUZZ_EXPECT(again->cell_count == study->cell_count);
    for (size_t i = 0; i < study->cell_count; i++) {
        struct dam_cell one, other;
        dam_study_cell(study, i, &one);
        dam_study_cell(again, i, &other);
        FUZZ_EXPECT(memcmp(&one, &other, sizeof one) == 0);
    }
    dam_study_destroy(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct dam_study *study = NULL;
    struct dam_error error = {0};
    const uint8_t *mark = size > 0 ? memchr(data, 0xFF, size) : NULL;
    size_t length = mark != NULL ? (size_t)(mark - data) : size;
    char *override = mark != NULL ? strndup((const char *)mark + 1, size - length - 1) : NULL;
    const char *const overrides[] = {override};
    enum dam_status status = dam_study_parse(&study, "study", (const char *)data, length, overrides,
                                             override != NULL, schemas, SCHEMA_COUNT, &error);
    fuzz_check_answer(status, &error, "", "");
    if (status == DAM_OK) {
        check_resolved(study);
        dam_study_destroy(study);
    }
    free(override);
    return 0;
}
