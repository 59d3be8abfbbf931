/* Classifiers with vectors of sixteen floats: see classifier_loops.h. */
#include <immintrin.h>

#define KERNEL_NAME  "avx512"
#define KERNEL_TABLE dam_classifier_kernel_avx512
enum { LANES = 16 };
typedef float vector __attribute__((vector_size(4 * LANES)));

static inline vector maximum(vector a, vector b) {
    return (vector)_mm512_max_ps((__m512)a, (__m512)b);
}

#include "engine/kernels/classifier_loops.h"
