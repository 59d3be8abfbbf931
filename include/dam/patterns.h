/* K binary memories of N neurons, one bit each. */
#ifndef DAM_PATTERNS_H
#define DAM_PATTERNS_H

#include <dam/error.h>
#include <dam/random.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* rows[i * words + mu / 64] >> (mu % 64) & 1 is 1 where xi^mu_i = +1 and 0 where it is -1.
 * A row is padded to `words` 64-bit words, a multiple of 8 (64 bytes); padding bits are 0.
 * `rows` is aligned to 64 bytes and owned by the struct. */
struct dam_patterns {
    int neurons;      /* N, 1 .. DAM_NEURONS_MAX */
    int64_t memories; /* K, at least 1 */
    size_t words;
    uint64_t *rows;
};

/* Bytes dam_patterns_new would allocate; SIZE_MAX when that overflows. */
size_t dam_patterns_bytes(int neurons, int64_t memories);

/* Allocate patterns with every spin -1. Free with dam_patterns_destroy. Fails with DAM_INPUT out
 * of range, DAM_MEMORY (the text says how many bytes). */
enum dam_status dam_patterns_new(struct dam_patterns **patterns, int neurons, int64_t memories,
                                 struct dam_error *error) DAM_CHECKED;
void dam_patterns_destroy(struct dam_patterns *patterns);

/* Draw every spin independently, +1 or -1 with probability 1/2. Row i takes the next
 * ceil(K / 64) words of the stream. */
void dam_patterns_draw(struct dam_patterns *patterns, struct dam_stream *stream);

/* Set xi^mu_i to spin = +1 or -1; read it. */
void dam_patterns_set(struct dam_patterns *patterns, int64_t memory, int neuron, int spin);
int dam_patterns_get(const struct dam_patterns *patterns, int64_t memory, int neuron);

#ifdef __cplusplus
}
#endif

#endif
