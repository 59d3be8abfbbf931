/* A fuzzer of study files: whatever the bytes are, they are refused in one line, or they are a
 * study whose resolved text is the same study. What follows a byte 0xFF is an override.
 *
 *     clang -std=c17 -D_GNU_SOURCE -g -O1 -ffp-contract=off -DDAM_GRID_LIMIT=20000 \
 *         -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *         -Iinclude -Isrc -Itests tests/fuzz/study.c src/study/[a-z]*.c src/engine/error.c \
 *         src/engine/random.c -lyaml -lxxhash -lmpfr -lgmp -lm -o build/fuzz-study
 *     build/fuzz-study -max_total_time=300 CORPUS tests/studies
 *
 * CORPUS is a folder of one's own, for what the fuzzer finds. A low DAM_GRID_LIMIT keeps it from
 * spending its time on long ranges. */
#include "study/study.h"
#include "studies/schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_resolved(const struct dam_study *study) {
    struct dam_study *again = NULL;
    struct dam_error error = {0};
    char *text = dam_study_resolved(study);
    if (text == NULL || dam_study_parse(&again, "resolved", text, strlen(text), NULL, 0, schemas,
                                        SCHEMA_COUNT, &error) != DAM_OK)
        abort();
    if (again->cell_count != study->cell_count)
        abort();
    for (size_t i = 0; i < study->cell_count; i++) {
        struct dam_cell one, other;
        dam_study_cell(study, i, &one);
        dam_study_cell(again, i, &other);
        if (memcmp(&one, &other, sizeof one) != 0)
            abort();
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
    if (dam_study_parse(&study, "study", (const char *)data, length, overrides, override != NULL,
                        schemas, SCHEMA_COUNT, &error) == DAM_OK) {
        check_resolved(study);
        dam_study_destroy(study);
    } else if (error.text[0] == '\0' || strchr(error.text, '\n') != NULL) {
        abort();
    }
    free(override);
    return 0;
}
