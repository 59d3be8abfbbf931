#include "run/blas.h"
#include "run/agree.h"
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For CPUs that are newer than the library; NULL: it knows best. */
static const char *best_core(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

/* True where that changes anything. */
static bool set(const char *name, const char *value) {
    const char *before = getenv(name);
    return (before == NULL || strcmp(before, value) != 0) && setenv(name, value, 1) == 0;
}

bool dam_blas_prepare(void) {
    const char *chosen = getenv("OPENBLAS_CORETYPE"), *best = best_core();
    bool changed = set("OPENBLAS_NUM_THREADS", "1");
    changed = set("OMP_NUM_THREADS", "1") || changed; /* what a build for OpenMP reads */
    if ((chosen == NULL || chosen[0] == '\0') && best != NULL)
        changed = set("OPENBLAS_CORETYPE", best) || changed;
    return changed;
}

void dam_blas_core(char core[DAM_BLAS_CORE_LENGTH]) {
    memset(core, 0, DAM_BLAS_CORE_LENGTH);
    snprintf(core, DAM_BLAS_CORE_LENGTH, "%s", openblas_get_corename());
}

enum { PART_BITS = 10, PART_MAX = (1 << PART_BITS) - 1 };

uint32_t dam_blas_version(void) {
    unsigned major, minor, patch;
    if (sscanf(openblas_get_config(), "OpenBLAS %u.%u.%u", &major, &minor, &patch) != 3 ||
        major > PART_MAX || minor > PART_MAX || patch > PART_MAX)
        return 0;
    return (uint32_t)major << 2 * PART_BITS | (uint32_t)minor << PART_BITS | patch;
}

void dam_blas_version_print(uint32_t version, char text[DAM_BLAS_VERSION_LENGTH]) {
    if (version == 0)
        snprintf(text, DAM_BLAS_VERSION_LENGTH, "unknown");
    else
        snprintf(text, DAM_BLAS_VERSION_LENGTH, "%u.%u.%u",
                 (unsigned)(version >> 2 * PART_BITS & PART_MAX),
                 (unsigned)(version >> PART_BITS & PART_MAX), (unsigned)(version & PART_MAX));
}

enum { RISING_COUNT = 3 };
static const char *const rising[RISING_COUNT] = {"Prescott", "Haswell", "SkylakeX"};

static size_t height(const char *core) {
    size_t c = 0;
    while (c < RISING_COUNT && strcmp(core, rising[c]) != 0)
        c++;
    return c;
}

/* What every CPU can run that runs one of these two: where one is not known, the least of all. */
static const char *lesser(const char *one, const char *other) {
    const size_t of_one = height(one), of_other = height(other);
    if (of_one == RISING_COUNT || of_other == RISING_COUNT)
#if defined(__x86_64__)
        return rising[0];
#else
        return "<the oldest CPU's>";
#endif
    return rising[of_one < of_other ? of_one : of_other];
}

static enum dam_status agree_on_version(MPI_Comm comm, struct dam_error *error) {
    const uint32_t mine = dam_blas_version();
    uint32_t first = mine;
    char texts[2][DAM_BLAS_VERSION_LENGTH];
    MPI_Bcast(&first, 1, MPI_UINT32_T, 0, comm);
    enum dam_status status = DAM_OK;
    dam_blas_version_print(first, texts[0]);
    dam_blas_version_print(mine, texts[1]);
    if (first != mine)
        status = dam_fail(error, DAM_INPUT,
                          "the ranks' libraries differ, and so may their results: OpenBLAS %s on "
                          "some and %s on others; install one version on all nodes",
                          texts[0], texts[1]);
    return dam_agree(comm, status, error);
}

enum dam_status dam_blas_agree(MPI_Comm comm, struct dam_error *error) {
    char mine[DAM_BLAS_CORE_LENGTH], first[DAM_BLAS_CORE_LENGTH];
    dam_blas_core(mine);
    memcpy(first, mine, sizeof first);
    MPI_Bcast(first, sizeof first, MPI_CHAR, 0, comm);
    enum dam_status status = DAM_OK;
    if (memcmp(first, mine, sizeof first) != 0)
        status = dam_fail(error, DAM_INPUT,
                          "the ranks' CPUs differ, and so would their results: OpenBLAS has chosen "
                          "%s on some and %s on others; set OPENBLAS_CORETYPE=%s for all of them",
                          first, mine, lesser(first, mine));
    status = dam_agree(comm, status, error);
    return status == DAM_OK ? agree_on_version(comm, error) : status;
}
