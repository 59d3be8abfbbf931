/* Classifiers with vectors of four floats: see classifier_loops.h. */
#include "engine/kernels/classifier_loops.h"
