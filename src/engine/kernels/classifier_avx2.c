/* Classifiers with vectors of eight floats: see classifier_loops.h. */
#include <immintrin.h>

#define KERNEL_NAME  "avx2"
#define KERNEL_TABLE dam_classifier_kernel_avx2
enum { LANES = 8 };
typedef float vector __attribute__((vector_size(4 * LANES)));

static inline vector maximum(vector a, vector b) {
    return (vector)_mm256_max_ps((__m256)a, (__m256)b);
}

#include "engine/kernels/classifier_loops.h"
