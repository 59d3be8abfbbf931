#include <dam/patterns.h>

#include <assert.h>
#include <dam/energy.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_WORDS = 8 }; /* of a 64-byte cache line */

/* 64-bit words that hold K bits, and those of a padded row. Neither can overflow. */
static size_t used_words(int64_t memories) {
    return (size_t)memories / 64 + (memories % 64 != 0);
}

static size_t row_words(int64_t memories) {
    return (used_words(memories) + LINE_WORDS - 1) / LINE_WORDS * LINE_WORDS;
}

static size_t rows_bytes(int neurons, int64_t memories) {
    size_t bytes;
    if (__builtin_mul_overflow(row_words(memories), (size_t)neurons * sizeof(uint64_t), &bytes))
        return SIZE_MAX;
    return bytes;
}

size_t dam_patterns_bytes(int neurons, int64_t memories) {
    assert(neurons >= 1 && memories >= 1);
    size_t bytes;
    if (__builtin_add_overflow(rows_bytes(neurons, memories), sizeof(struct dam_patterns), &bytes))
        return SIZE_MAX;
    return bytes;
}

enum dam_status dam_patterns_new(struct dam_patterns **patterns, int neurons, int64_t memories,
                                 struct dam_error *error) {
    *patterns = NULL;
    if (neurons < 1 || neurons > DAM_NEURONS_MAX)
        return dam_fail(error, DAM_INPUT, "N = %d is not a number of neurons of 1 .. %d", neurons,
                        DAM_NEURONS_MAX);
    if (memories < 1)
        return dam_fail(error, DAM_INPUT, "K = %lld is not a number of memories: at least 1",
                        (long long)memories);

    size_t bytes = dam_patterns_bytes(neurons, memories);
    size_t size = rows_bytes(neurons, memories);
    struct dam_patterns *made = malloc(sizeof *made);
    uint64_t *rows = bytes < SIZE_MAX ? aligned_alloc(64, size) : NULL;
    if (made == NULL || rows == NULL) {
        free(rows);
        free(made);
        return dam_fail(error, DAM_MEMORY, "K = %lld memories of N = %d neurons need %s%zu bytes",
                        (long long)memories, neurons, bytes < SIZE_MAX ? "" : "more than ", bytes);
    }
    memset(rows, 0, size);
    *made = (struct dam_patterns){
        .neurons = neurons, .memories = memories, .words = row_words(memories), .rows = rows};
    *patterns = made;
    return DAM_OK;
}

void dam_patterns_destroy(struct dam_patterns *patterns) {
    if (patterns == NULL)
        return;
    free(patterns->rows);
    free(patterns);
}

void dam_patterns_draw(struct dam_patterns *patterns, struct dam_stream *stream) {
    size_t used = used_words(patterns->memories);
    unsigned spare = (unsigned)(64 * used - (size_t)patterns->memories);
    for (int i = 0; i < patterns->neurons; i++) {
        uint64_t *row = patterns->rows + (size_t)i * patterns->words;
        dam_stream_fill(stream, row, used);
        row[used - 1] &= UINT64_MAX >> spare;
    }
}

static uint64_t *word_of(const struct dam_patterns *patterns, int64_t memory, int neuron) {
    assert(memory >= 0 && memory < patterns->memories);
    assert(neuron >= 0 && neuron < patterns->neurons);
    return patterns->rows + (size_t)neuron * patterns->words + (size_t)memory / 64;
}

void dam_patterns_set(struct dam_patterns *patterns, int64_t memory, int neuron, int spin) {
    assert(spin == 1 || spin == -1);
    uint64_t bit = UINT64_C(1) << memory % 64;
    uint64_t *word = word_of(patterns, memory, neuron);
    *word = spin > 0 ? *word | bit : *word & ~bit;
}

int dam_patterns_get(const struct dam_patterns *patterns, int64_t memory, int neuron) {
    return *word_of(patterns, memory, neuron) >> memory % 64 & 1 ? 1 : -1;
}
