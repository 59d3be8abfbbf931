/* Classifiers with vectors of four floats, which every CPU has or compilers take apart: see
 * classifier_loops.h. */
#include "engine/kernels/classifier.h"

#include <math.h>

#define KERNEL_NAME  "generic"
#define KERNEL_TABLE dam_classifier_kernel_generic
enum { LANES = 4 };
typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int32_t mask __attribute__((vector_size(4 * LANES)));

static inline vector maximum(vector a, vector b) {
    mask larger = a > b;
    return (vector)(((mask)a & larger) | ((mask)b & ~larger));
}

#include "engine/kernels/classifier_loops.h"
