#include "cli/bench_bounds.h"
#include "run/stop.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

double dam_bench_time(void (*work)(void *context), void *context, double seconds) {
    work(context); /* caches are warm, pages are there */
    double end = dam_clock() + seconds, fastest = INFINITY;
    do {
        double begin = dam_clock(), passed;
        int64_t calls = 0;
        do {
            work(context);
            calls++;
            passed = dam_clock() - begin;
        } while (passed < 1e-3);
        fastest = fmin(fastest, passed / (double)calls);
    } while (dam_clock() < end);
    return fastest;
}

/* ---- the loops ---- */

enum {
    CHAINS = 8, /* additions under way, enough to hide their latency */
    STEP = 64   /* doubles that every loop takes at a time or divides */
};

/* The sum of the doubles whose number's bit, modulo the lanes of a vector, is set. `span` is
 * aligned to 64 bytes, `count` a multiple of STEP. */
typedef double masked_sum(const double *span, size_t count, unsigned bits);

typedef double reals2 __attribute__((vector_size(16), may_alias));
typedef int64_t lanes2 __attribute__((vector_size(16), may_alias));

static double masked_sum_2(const double *span, size_t count, unsigned bits) {
    const lanes2 mask = {-(int64_t)(bits & 1), -(int64_t)(bits >> 1 & 1)};
    reals2 sums[CHAINS] = {0};
    const lanes2 *at = (const lanes2 *)span;
    for (size_t done = 0; done < count; done += 2 * CHAINS, at += CHAINS)
        for (int c = 0; c < CHAINS; c++)
            sums[c] += (reals2)(at[c] & mask);
    for (int c = 1; c < CHAINS; c++)
        sums[0] += sums[c];
    return sums[0][0] + sums[0][1];
}

#if defined(__x86_64__)
#include <immintrin.h>

typedef double reals4 __attribute__((vector_size(32), may_alias));
typedef int64_t lanes4 __attribute__((vector_size(32), may_alias));

__attribute__((target("avx2"))) static double masked_sum_4(const double *span, size_t count,
                                                           unsigned bits) {
    const lanes4 mask = {-(int64_t)(bits & 1), -(int64_t)(bits >> 1 & 1), -(int64_t)(bits >> 2 & 1),
                         -(int64_t)(bits >> 3 & 1)};
    reals4 sums[CHAINS] = {0};
    const lanes4 *at = (const lanes4 *)span;
    for (size_t done = 0; done < count; done += 4 * CHAINS, at += CHAINS)
        for (int c = 0; c < CHAINS; c++)
            sums[c] += (reals4)(at[c] & mask);
    for (int c = 1; c < CHAINS; c++)
        sums[0] += sums[c];
    return sums[0][0] + sums[0][1] + sums[0][2] + sums[0][3];
}

__attribute__((target("avx512f"))) static double masked_sum_8(const double *span, size_t count,
                                                              unsigned bits) {
    __m512d sums[CHAINS];
    for (int c = 0; c < CHAINS; c++)
        sums[c] = _mm512_setzero_pd();
    for (size_t done = 0; done < count; done += 8 * CHAINS, span += 8 * CHAINS)
        for (int c = 0; c < CHAINS; c++)
            sums[c] =
                _mm512_mask_add_pd(sums[c], (__mmask8)bits, sums[c], _mm512_load_pd(span + 8 * c));
    for (int c = 1; c < CHAINS; c++)
        sums[0] = _mm512_add_pd(sums[0], sums[c]);
    return _mm512_reduce_add_pd(sums[0]);
}

static masked_sum *widest(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return masked_sum_8;
    return __builtin_cpu_supports("avx2") ? masked_sum_4 : masked_sum_2;
}

static masked_sum *loop_of(const char *kernel) {
    if (strcmp(kernel, "generic") == 0)
        return masked_sum_2;
    return strcmp(kernel, "avx2") == 0 ? masked_sum_4 : widest();
}
#else
static masked_sum *widest(void) {
    return masked_sum_2;
}

static masked_sum *loop_of(const char *kernel) {
    (void)kernel;
    return masked_sum_2;
}
#endif
_Static_assert(STEP % (8 * CHAINS) == 0, "the widest loop ends with the array");

/* ---- their speed ---- */

struct reading {
    masked_sum *loop;
    unsigned bits;
    const double *span;
    size_t count;
    int64_t repeats;      /* in one call */
    volatile double sink; /* so that no sum is left out */
};

static void read_again(void *context) {
    struct reading *reading = context;
    for (int64_t r = 0; r < reading->repeats; r++)
        reading->sink = reading->loop(reading->span, reading->count, reading->bits);
}

enum { LEAST = 16384 / sizeof(double) }; /* doubles of an array that fits any L1 cache */

/* Doubles per second from an array of at least `count`. */
static enum dam_status measure(masked_sum *loop, unsigned bits, size_t count, double seconds,
                               double *per_second, struct dam_error *error) {
    static const size_t enough = 100000; /* doubles in one call */
    count = (count / STEP + (count % STEP != 0)) * STEP;
    double *span = aligned_alloc(64, count * sizeof *span);
    if (span == NULL)
        return dam_fail(error, DAM_MEMORY, "bench: no memory for a buffer of %zu bytes",
                        count * sizeof *span);
    for (size_t m = 0; m < count; m++)
        span[m] = (double)m;
    struct reading reading = {.loop = loop,
                              .bits = bits,
                              .span = span,
                              .count = count,
                              .repeats = (int64_t)(1 + enough / count)};
    double time = dam_bench_time(read_again, &reading, seconds);
    *per_second = (double)count * (double)reading.repeats / time;
    free(span);
    return DAM_OK;
}

enum dam_status dam_bench_additions(const char *kernel, double seconds, double *per_second,
                                    struct dam_error *error) {
    return measure(loop_of(kernel), 0xa5, LEAST, seconds, per_second, error);
}

enum dam_status dam_bench_stream(size_t bytes, double seconds, double *per_second,
                                 struct dam_error *error) {
    size_t count = bytes / sizeof(double);
    enum dam_status status =
        measure(widest(), 0xff, count > LEAST ? count : LEAST, seconds, per_second, error);
    *per_second *= sizeof(double);
    return status;
}

/* ---- the machine ---- */

long dam_bench_cache(int level) {
    static const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE,
                                _SC_LEVEL3_CACHE_SIZE};
    long bytes = sysconf(names[level - 1]);
    return bytes > 0 ? bytes : 0;
}
