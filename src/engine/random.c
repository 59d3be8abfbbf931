#include <dam/random.h>

#include <Random123/philox.h>
#include <assert.h>
#include <dam/portable.h>
#include <math.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

enum { WORDS = sizeof((struct dam_stream *)0)->words / sizeof(uint32_t), BLOCKS = WORDS / 4 };

/* The next four blocks, one at a time. */
#ifndef __SSE2__
static void refill(struct dam_stream *stream) {
    for (int b = 0; b < BLOCKS; b++) {
        philox(stream->key, stream->counter, stream->words + 4 * b);
        if (++stream->counter[0] == 0)
            stream->counter[1]++;
    }
    stream->left = WORDS;
}
#else
/* The same, side by side, since each of the ten rounds waits for the one before. A vector holds one
 * word of two blocks in the lower halves of its lanes, as the multiplication takes them; the upper
 * halves are of no use. */
static void refill(struct dam_stream *stream) {
    const __m128i factors[2] = {_mm_set1_epi64x(0xd2511f53), _mm_set1_epi64x(0xcd9e8d57)};
    const __m128i weyl[2] = {_mm_set1_epi64x(0x9e3779b9), _mm_set1_epi64x(0xbb67ae85)};
    __m128i key[2] = {_mm_set1_epi64x(stream->key[0]), _mm_set1_epi64x(stream->key[1])};
    uint64_t count = (uint64_t)stream->counter[1] << 32 | stream->counter[0];
    __m128i words[BLOCKS / 2][4];
    for (int pair = 0; pair < BLOCKS / 2; pair++, count += 2) {
        words[pair][0] = _mm_set_epi64x((int64_t)(count + 1), (int64_t)count);
        words[pair][1] = _mm_srli_epi64(words[pair][0], 32);
        words[pair][2] = _mm_set1_epi64x(stream->counter[2]);
        words[pair][3] = _mm_set1_epi64x(stream->counter[3]);
    }
    for (int round = 0; round < 10; round++) {
        for (int pair = 0; pair < BLOCKS / 2; pair++) {
            __m128i *w = words[pair];
            __m128i product = _mm_mul_epu32(w[0], factors[0]);
            __m128i other = _mm_mul_epu32(w[2], factors[1]);
            w[0] = _mm_xor_si128(_mm_srli_epi64(other, 32), _mm_xor_si128(w[1], key[0]));
            w[1] = other;
            w[2] = _mm_xor_si128(_mm_srli_epi64(product, 32), _mm_xor_si128(w[3], key[1]));
            w[3] = product;
        }
        key[0] = _mm_add_epi32(key[0], weyl[0]);
        key[1] = _mm_add_epi32(key[1], weyl[1]);
    }
    for (int pair = 0; pair < BLOCKS / 2; pair++) {
        __m128i *w = words[pair], *to = (__m128i *)(stream->words + 8 * pair);
        __m128i first = _mm_unpacklo_epi32(w[0], w[1]), second = _mm_unpacklo_epi32(w[2], w[3]);
        _mm_storeu_si128(&to[0], _mm_unpacklo_epi64(first, second));
        first = _mm_unpackhi_epi32(w[0], w[1]), second = _mm_unpackhi_epi32(w[2], w[3]);
        _mm_storeu_si128(&to[1], _mm_unpacklo_epi64(first, second));
    }
    stream->counter[0] = (uint32_t)count;
    stream->counter[1] = (uint32_t)(count >> 32);
    stream->left = WORDS;
}
#endif

static inline uint32_t next(struct dam_stream *stream) {
    if (stream->left == 0)
        refill(stream);
    return stream->words[WORDS - stream->left--];
}

uint32_t dam_stream_next(struct dam_stream *stream) {
    return next(stream);
}

uint64_t dam_stream_next64(struct dam_stream *stream) {
    uint64_t low = next(stream);
    uint64_t high = next(stream);
    return high << 32 | low;
}

/* Lemire 2019 (arXiv 1805.10941): the upper word of `draw * bound`, drawn again where the lower
 * one is among the 2^32 mod bound values that would be hit once too often. */
static uint32_t below32(struct dam_stream *stream, uint32_t bound) {
    uint64_t product = (uint64_t)next(stream) * bound;
    if ((uint32_t)product < bound) {
        uint32_t excess = (0 - bound) % bound;
        while ((uint32_t)product < excess)
            product = (uint64_t)next(stream) * bound;
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

void dam_stream_permutation(struct dam_stream *stream, int32_t *order, int count) {
    for (int i = 0; i < count; i++) {
        uint32_t j = i == 0 ? 0 : below32(stream, (uint32_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

double dam_stream_unit(struct dam_stream *stream) {
    return (double)(dam_stream_next64(stream) >> 11) * 0x1p-53;
}

double dam_stream_normal(struct dam_stream *stream) {
    double x, square;
    do {
        double y = 2 * dam_stream_unit(stream) - 1;
        x = 2 * dam_stream_unit(stream) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    return x * sqrt(-2 * dam_portable_log(square) / square);
}

void dam_stream_fill(struct dam_stream *stream, uint64_t *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        words[i] = dam_stream_next64(stream);
}
