#include <dam/random.h>

#include <Random123/philox.h>
#include <assert.h>
#include <string.h>

_Static_assert(sizeof(enum dam_purpose) <= sizeof(uint32_t), "a purpose is one word of the name");

/* Added to the purpose of a stream that belongs to a cell: no stream shared by all cells is then
 * that of a cell whose hash is zero. */
#define CELL_FLAG UINT32_C(0x80000000)

static void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t block[4]) {
    philox4x32_ctr_t input;
    philox4x32_key_t name;
    memcpy(input.v, counter, sizeof input.v);
    memcpy(name.v, key, sizeof name.v);
    philox4x32_ctr_t output = philox4x32(input, name);
    memcpy(block, output.v, sizeof output.v);
}

/* Philox permutes the 128-bit blocks of one key. Within a seed and a cell, distinct names
 * therefore give distinct (key, upper half of the counter): their streams never meet. */
struct dam_stream dam_stream_open(uint64_t seed, enum dam_purpose purpose,
                                  const struct dam_hash *cell, uint32_t replica, uint64_t index) {
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t folded[4] = {0};
    if (cell != NULL) {
        folded[0] = (uint32_t)cell->low;
        folded[1] = (uint32_t)(cell->low >> 32);
        folded[2] = (uint32_t)cell->high;
        folded[3] = (uint32_t)(cell->high >> 32);
    }
    philox(key, folded, folded);
    folded[0] ^= (uint32_t)purpose | (cell != NULL ? CELL_FLAG : 0);
    folded[1] ^= replica;
    folded[2] ^= (uint32_t)index;
    folded[3] ^= (uint32_t)(index >> 32);
    philox(key, folded, folded);
    return (struct dam_stream){
        .key = {folded[0], folded[1]},
        .counter = {0, 0, folded[2], folded[3]},
    };
}

static void next_block(struct dam_stream *stream) {
    philox(stream->key, stream->counter, stream->block);
    if (++stream->counter[0] == 0)
        stream->counter[1]++;
    stream->left = 4;
}

uint32_t dam_stream_next(struct dam_stream *stream) {
    if (stream->left == 0)
        next_block(stream);
    return stream->block[4 - stream->left--];
}

uint64_t dam_stream_next64(struct dam_stream *stream) {
    uint64_t low = dam_stream_next(stream);
    uint64_t high = dam_stream_next(stream);
    return high << 32 | low;
}

/* Lemire 2019 (arXiv 1805.10941): the upper word of `draw * bound`, drawn again where the lower
 * one is among the 2^32 mod bound values that would be hit once too often. */
static uint32_t below32(struct dam_stream *stream, uint32_t bound) {
    uint64_t product = (uint64_t)dam_stream_next(stream) * bound;
    if ((uint32_t)product < bound) {
        uint32_t excess = (0 - bound) % bound;
        while ((uint32_t)product < excess)
            product = (uint64_t)dam_stream_next(stream) * bound;
    }
    return (uint32_t)(product >> 32);
}

/* Bounds below 2^32 take words of 32 bits, others of 64. */
uint64_t dam_stream_below(struct dam_stream *stream, uint64_t bound) {
    assert(bound >= 1);
    if (bound <= UINT32_MAX)
        return below32(stream, (uint32_t)bound);
    uint64_t excess = (0 - bound) % bound; /* 2^64 mod bound */
    uint64_t draw = dam_stream_next64(stream);
    while (draw < excess)
        draw = dam_stream_next64(stream);
    return draw % bound;
}

double dam_stream_unit(struct dam_stream *stream) {
    return (double)(dam_stream_next64(stream) >> 11) * 0x1p-53;
}

void dam_stream_fill(struct dam_stream *stream, uint64_t *words, size_t count) {
    size_t i = 0;
    while (i < count) {
        if (stream->left > 0 || count - i < 2) {
            words[i++] = dam_stream_next64(stream);
            continue;
        }
        next_block(stream);
        words[i++] = (uint64_t)stream->block[1] << 32 | stream->block[0];
        words[i++] = (uint64_t)stream->block[3] << 32 | stream->block[2];
        stream->left = 0;
    }
}
