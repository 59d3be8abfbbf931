/* A folder of its own for a test that writes files: cmocka's setup and teardown. */
#ifndef DAM_TESTS_SCRATCH_H
#define DAM_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The test runs in the fresh folder; *state is its path. */
static inline int enter_scratch(void **state) {
    const char *where = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/dam-test-XXXXXX", where == NULL ? "/tmp" : where) < 0)
        return -1;
    *state = path;
    return mkdtemp(path) == NULL ? -1 : chdir(path);
}

static inline int remove_one(const char *path, const struct stat *about, int type,
                             struct FTW *place) {
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

static inline int leave_scratch(void **state) {
    int left = chdir("/") == 0 ? nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
    free(*state);
    return left;
}

#define scratch_test(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

#endif
