/* What a CPU could do at best, measured beside what retrieval does. */
#ifndef DAM_CLI_BENCH_BOUNDS_H
#define DAM_CLI_BENCH_BOUNDS_H

#include <dam/error.h>
#include <stddef.h>

/* Seconds that a call of work takes: the fastest of trials of a millisecond, about `seconds` in
 * all, since what slows others down is not the work's. A call should take microseconds or more: the
 * clock is read after each. */
double dam_bench_time(void (*work)(void *context), void *context, double seconds);

/* Additions of doubles per second by a bare loop over 16 kB, with vectors as wide as those of the
 * kernel of this name. Each addition reads its double from the L1 cache and is masked, by masks
 * that are at hand: how a kernel gets its masks from bits is its own affair. A name that is not
 * known stands for the widest vectors of this CPU. Fails with DAM_MEMORY. */
enum dam_status dam_bench_additions(const char *kernel, double seconds, double *per_second,
                                    struct dam_error *error) DAM_CHECKED;

/* Bytes per second that the loop with the widest vectors of this CPU reads, again and again, from a
 * buffer of so many bytes, but of 16 kB at least: below, the loop's beginning and end would be
 * measured. Fails with DAM_MEMORY. */
enum dam_status dam_bench_stream(size_t bytes, double seconds, double *per_second,
                                 struct dam_error *error) DAM_CHECKED;

/* Bytes of the data cache of level 1 .. 3 that a core sees; 0 where the system does not tell. */
long dam_bench_cache(int level);

#endif
