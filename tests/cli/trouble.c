/* Preloaded, it stands for an HDF5 library that a damaged file leads astray: reading a dataset does
 * what DAM_TEST_TROUBLE says; where DAM_TEST_DATASET names one, reading that one alone. */
#include <dlfcn.h>
#include <hdf5.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool exhausted;

/* Take all memory that there is; more than 64 GB is endless. Small blocks go on being found among
 * the freed ones, but not by calloc. */
static void grow(void) {
    enum { BLOCK = 1 << 26 };
    size_t total = 0;
    for (void *volatile more; (more = malloc(BLOCK)) != NULL; total += BLOCK)
        if (total > (size_t)1 << 36)
            abort();
    exhausted = true;
}

#ifdef OWN_CALLOC /* which sanitizers must have for themselves */
void *__libc_calloc(size_t count, size_t size);
void *calloc(size_t count, size_t size) {
    return exhausted ? NULL : __libc_calloc(count, size);
}
#endif

static bool is_meant(hid_t dataset) {
    const char *meant = getenv("DAM_TEST_DATASET");
    char name[256];
    return meant == NULL ||
           (H5Iget_name(dataset, name, sizeof name) > 0 && strcmp(name, meant) == 0);
}

typedef herr_t read_function(hid_t, hid_t, hid_t, hid_t, hid_t, void *);

herr_t H5Dread(hid_t dataset, hid_t memory_type, hid_t memory_space, hid_t file_space,
               hid_t transfer, void *buffer) {
    if (!is_meant(dataset)) {
        read_function *real;
        *(void **)&real = dlsym(RTLD_NEXT, "H5Dread");
        return real(dataset, memory_type, memory_space, file_space, transfer, buffer);
    }
    const char *trouble = getenv("DAM_TEST_TROUBLE");
    if (strcmp(trouble, "corrupt") == 0) {
        static const char words[] = "first\nfree(): invalid pointer\n";
        if (write(STDERR_FILENO, words, sizeof words - 1) > 0)
            abort();
    } else if (strcmp(trouble, "loop") == 0) {
        for (volatile int turn = 0;; turn = !turn)
            ;
    } else if (strcmp(trouble, "grow") == 0) {
        grow();
        return 0;
    } else if (strcmp(trouble, "exit") == 0) {
        _exit(3);
    } else if (strcmp(trouble, "wait") == 0) {
        kill(getppid(), SIGUSR2); /* the test's way to know that the child is here */
        pause();
    } else {
        raise(atoi(trouble));
    }
    return -1;
}
