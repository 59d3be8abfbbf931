/* Random bits as a pure function of what they are for.
 *
 * A stream is named by (seed, purpose, cell hash, replica, index): the same name gives the same
 * bits on every machine, whatever ran before, on whichever rank. The bits are Philox4x32-10
 * (Salmon et al. 2011, from Random123). The name is folded into the 64-bit key and the upper half
 * of the 128-bit counter by two Philox evaluations; the lower half counts blocks, so a stream
 * holds 2^66 words of 32 bits.
 */
#ifndef DAM_RANDOM_H
#define DAM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the bits are for. Values are part of every result: never change or reuse one. */
#define DAM_PURPOSE_LIST(X)                                                                        \
    X(DAM_PURPOSE_PATTERNS, 1, "the stored memories of a pattern set")                             \
    X(DAM_PURPOSE_START, 2, "a random start, or the choice of the memory started from")            \
    X(DAM_PURPOSE_NOISE, 3, "the spins of a start that are flipped")                               \
    X(DAM_PURPOSE_ORDER, 4, "the order of the updates of a retrieval")                             \
    X(DAM_PURPOSE_SEARCH, 5, "the draws of a study with search: random (shared by all cells)")     \
    X(DAM_PURPOSE_TEST, 6, "the project's own tests")                                              \
    X(DAM_PURPOSE_SYNTHETIC, 7, "the prototypes and images of the synthetic data set")             \
    X(DAM_PURPOSE_SPLIT, 8, "which images are held out of training (shared by all cells)")         \
    X(DAM_PURPOSE_INITIAL, 9, "the memories that a training begins with")                          \
    X(DAM_PURPOSE_MINIBATCHES, 10, "the order in which a training meets its images")

#define DAM_PURPOSE_ENUM(name, value, text) name = value,
enum dam_purpose { DAM_PURPOSE_LIST(DAM_PURPOSE_ENUM) };
#undef DAM_PURPOSE_ENUM

/* A 128-bit content hash; the cell's is made by the study layer. */
struct dam_hash {
    uint64_t low, high;
};

struct dam_stream {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t words[16]; /* four blocks, of which the last `left` words are unused */
    uint32_t left;
};

/* Open a stream. `cell` is NULL for purposes shared by all cells. */
struct dam_stream dam_stream_open(uint64_t seed, enum dam_purpose purpose,
                                  const struct dam_hash *cell, uint32_t replica, uint64_t index);

/* 32 uniform bits. */
uint32_t dam_stream_next(struct dam_stream *stream);

/* 64 uniform bits: the first word drawn is the low half. */
uint64_t dam_stream_next64(struct dam_stream *stream);

/* A uniform integer in 0 .. bound - 1, without bias (rejection). bound >= 1. */
uint64_t dam_stream_below(struct dam_stream *stream, uint64_t bound);

/* A uniform permutation of 0 .. count - 1: shuffled (Fisher and Yates, inside out) with the draws
 * dam_stream_below(2), ..., dam_stream_below(count). What `order` held before does not matter. */
void dam_stream_permutation(struct dam_stream *stream, int32_t *order, int count);

/* A uniform multiple of 2^-53 in [0, 1). */
double dam_stream_unit(struct dam_stream *stream);

/* A standard normal deviate, by the polar method: the same bits on every CPU. */
double dam_stream_normal(struct dam_stream *stream);

/* `count` words of 64 uniform bits, as by that many dam_stream_next64. */
void dam_stream_fill(struct dam_stream *stream, uint64_t *words, size_t count);

#ifdef __cplusplus
}
#endif

#endif
