/* What the targets share. A target takes the bytes of one input; it aborts where the program broke
 * a promise. libFuzzer calls it, or replay.c. */
#ifndef DAM_FUZZ_H
#define DAM_FUZZ_H

#include <dam/error.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Abort, after saying what was expected, unless it is so. */
#define FUZZ_EXPECT(condition) fuzz_expect((condition), #condition, __FILE__, __LINE__)
void fuzz_expect(int holds, const char *condition, const char *file, int line);

/* A folder of this process, in TMPDIR or else in memory, removed as it exits. */
enum { FUZZ_PATH = 1024 }; /* has room for its path and a name */
const char *fuzz_folder(void);

/* The path of a file there that holds these bytes, until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* What a command left: an error is one line that says something; where `complaints` went to stderr
 * all of them begin with "dam: ", and they may be all that is said. Nothing printed can move a
 * terminal's cursor. */
void fuzz_check_answer(enum dam_status status, const struct dam_error *error, const char *output,
                       const char *complaints);

/* libFuzzer's counters of coverage; none in other builds. */
uint8_t *fuzz_counters(size_t *count);

#endif
