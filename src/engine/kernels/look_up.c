/* A memory is one load of its entry in the energy's table, span, rise and magnitude side by side,
 * added as it is to a sum of all three; the span is stored on the way. Five instructions a memory
 * take less time than two gathers and their sums. Four sums side by side hide the additions'
 * latency. */
#include "engine/kernels/look_up.h"

#include <immintrin.h>

_Static_assert(sizeof(struct dam_energy_terms) == 4 * sizeof(double), "an entry is a vector");

/* The entries' middle is that of h = 0; overlaps are two apart. */
static inline __m256d look_up_one(double *span, int16_t overlap, const double *middle) {
    __m256d terms = _mm256_load_pd(middle + 2 * (ptrdiff_t)overlap);
    *span = _mm256_cvtsd_f64(terms);
    return terms;
}

void dam_look_up(struct dam_field *field, const struct dam_energy *energy) {
    const double *middle = (const double *)energy->terms + 2 * (ptrdiff_t)energy->neurons;
    const int16_t *overlaps = field->overlaps;
    double *span = field->span;
    __m256d a = _mm256_setzero_pd(), b = a, c = a, d = a;
    int64_t mu = 0;
    for (; mu + 3 < field->memories; mu += 4) {
        a = _mm256_add_pd(a, look_up_one(&span[mu], overlaps[mu], middle));
        b = _mm256_add_pd(b, look_up_one(&span[mu + 1], overlaps[mu + 1], middle));
        c = _mm256_add_pd(c, look_up_one(&span[mu + 2], overlaps[mu + 2], middle));
        d = _mm256_add_pd(d, look_up_one(&span[mu + 3], overlaps[mu + 3], middle));
    }
    for (; mu < field->memories; mu++)
        a = _mm256_add_pd(a, look_up_one(&span[mu], overlaps[mu], middle));
    a = _mm256_add_pd(_mm256_add_pd(a, b), _mm256_add_pd(c, d));
    field->span_sum = a[0];
    field->rise_sum = a[1];
    field->magnitude = a[2];
}
