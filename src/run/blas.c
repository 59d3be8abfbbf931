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

/* The core type that every CPU has which runs one of these two. */
static const char *lesser(const char *one, const char *other) {
    static const char *const rising[] = {"Prescott", "Haswell", "SkylakeX"};
    for (size_t c = 0; c < sizeof rising / sizeof *rising; c++)
        if (strcmp(one, rising[c]) == 0 || strcmp(other, rising[c]) == 0)
            return rising[c];
    return one;
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
    return dam_agree(comm, status, error);
}
