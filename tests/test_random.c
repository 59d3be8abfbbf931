#include <dam/random.h>

#include <Random123/philox.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The known answers of philox4x32-10 that Random123 ships (Salmon et al. 2011). */
static void blocks_are_philox4x32_10(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], block[4];
    } known[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct dam_stream stream = {.left = 0};
        memcpy(stream.counter, known[i].counter, sizeof stream.counter);
        memcpy(stream.key, known[i].key, sizeof stream.key);
        for (int word = 0; word < 4; word++)
            assert_int_equal(dam_stream_next(&stream), known[i].block[word]);
    }
}

/* Several are made at a time; here they come one by one, from Random123. */
static void each_block_is_that_of_its_number(void **state) {
    (void)state;
    for (uint64_t index = 0; index < 50; index++) {
        struct dam_stream stream = dam_stream_open(2, DAM_PURPOSE_TEST, NULL, 0, index);
        philox4x32_key_t key = {{stream.key[0], stream.key[1]}};
        philox4x32_ctr_t counter = {
            {stream.counter[0], stream.counter[1], stream.counter[2], stream.counter[3]}};
        for (int number = 0; number < 50; number++, counter.v[0]++) {
            philox4x32_ctr_t block = philox4x32(counter, key);
            for (int word = 0; word < 4; word++)
                assert_int_equal(dam_stream_next(&stream), block.v[word]);
        }
    }
}

/* Worked out by another implementation, in Python, from the header's description: results of
 * finished studies hold only as long as these bits do. */
static void streams_never_change(void **state) {
    (void)state;
    static const struct dam_hash zero = {0, 0};
    static const struct dam_hash hash = {UINT64_C(0x1111222233334444),
                                         UINT64_C(0x5555666677778888)};
    static const uint32_t pinned[3][6] = {
        {0x48e6b35b, 0xaffe8413, 0x840ba3f1, 0x5c49f232, 0x7fa5468b, 0x16e724ce},
        {0x58c81a0d, 0xfcd2dc02, 0x3689b201, 0xa0db63be, 0xf3107775, 0x272aed44},
        {0xe53d6d4f, 0xe3568947, 0x664cdd09, 0x9d438e62, 0x4bfe72f7, 0x8eb1db92},
    };
    struct dam_stream streams[3] = {
        dam_stream_open(1, DAM_PURPOSE_TEST, NULL, 0, 0),
        dam_stream_open(1, DAM_PURPOSE_TEST, &zero, 0, 0),
        dam_stream_open(UINT64_C(0x0123456789abcdef), DAM_PURPOSE_PATTERNS, &hash, 9,
                        UINT64_C(0xaaaabbbbccccdddd)),
    };
    for (int i = 0; i < 3; i++)
        for (int word = 0; word < 6; word++)
            assert_int_equal(dam_stream_next(&streams[i]), pinned[i][word]);
}

static void purposes_have_values_of_their_own(void **state) {
    (void)state;
    static const int values[] = {
#define VALUE(name, value, text) value,
        DAM_PURPOSE_LIST(VALUE)
#undef VALUE
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(values[i], values[j]);
}

static int by_value(const void *a, const void *b) {
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Names that differ in one small part give streams that share neither start nor bits: 64 bits
 * each, all different, and half of the bits differ between neighbours (to 5 sigma). */
static void neighbouring_names_give_independent_streams(void **state) {
    (void)state;
    enum { SIDE = 4, NAMES = SIDE * SIDE * SIDE * SIDE * SIDE * SIDE };
    uint64_t *words = malloc(NAMES * sizeof *words);
    assert_non_null(words);
    int differing = 0;
    for (uint32_t name = 0; name < NAMES; name++) {
        uint32_t part[6];
        for (uint32_t p = 0, rest = name; p < 6; p++, rest /= SIDE)
            part[p] = rest % SIDE;
        struct dam_hash cell = {part[2], part[3]};
        struct dam_stream stream = dam_stream_open(
            part[0], (enum dam_purpose)(DAM_PURPOSE_PATTERNS + part[1]), &cell, part[4], part[5]);
        words[name] = dam_stream_next64(&stream);
        differing += name > 0 ? __builtin_popcountll(words[name] ^ words[name - 1]) : 0;
    }
    double bits = 64.0 * (NAMES - 1);
    assert_true(fabs(differing - bits / 2) < 5 * sqrt(bits / 4));
    qsort(words, NAMES, sizeof *words, by_value);
    for (int i = 1; i < NAMES; i++)
        assert_true(words[i] != words[i - 1]);
    free(words);
}

static void every_bit_of_a_name_counts(void **state) {
    (void)state;
    struct dam_stream plain = dam_stream_open(0, DAM_PURPOSE_TEST, NULL, 0, 0);
    uint64_t first = dam_stream_next64(&plain);
    for (int bit = 0; bit < 64; bit++) {
        uint64_t one = UINT64_C(1) << bit;
        struct dam_stream others[] = {
            dam_stream_open(one, DAM_PURPOSE_TEST, NULL, 0, 0),
            dam_stream_open(0, DAM_PURPOSE_TEST, &(struct dam_hash){one, 0}, 0, 0),
            dam_stream_open(0, DAM_PURPOSE_TEST, &(struct dam_hash){0, one}, 0, 0),
            dam_stream_open(0, DAM_PURPOSE_TEST, NULL, 0, one),
            dam_stream_open(0, DAM_PURPOSE_TEST, NULL, (uint32_t)1 << bit % 32, 0),
        };
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            assert_true(dam_stream_next64(&others[i]) != first);
    }
}

/* The counter's carry into its second word, and the words of 64 bits. */
static void the_counter_passes_two_to_the_32_blocks(void **state) {
    (void)state;
    struct dam_stream low = dam_stream_open(3, DAM_PURPOSE_TEST, NULL, 0, 0);
    low.counter[0] = UINT32_MAX;
    struct dam_stream high = low;
    high.counter[0] = 0;
    high.counter[1] = 1;
    for (int word = 0; word < 4; word++)
        (void)dam_stream_next(&low);
    for (int word = 0; word < 8; word++)
        assert_int_equal(dam_stream_next(&low), dam_stream_next(&high));
}

static void fill_equals_single_words_from_any_place(void **state) {
    (void)state;
    for (int skip = 0; skip < 9; skip++) {
        for (size_t count = 0; count < 12; count++) {
            struct dam_stream filled = dam_stream_open(5, DAM_PURPOSE_TEST, NULL, 0, 0);
            for (int i = 0; i < skip; i++)
                (void)dam_stream_next(&filled);
            struct dam_stream single = filled;
            uint64_t words[12];
            dam_stream_fill(&filled, words, count);
            for (size_t i = 0; i < count; i++) {
                uint64_t low = dam_stream_next(&single), high = dam_stream_next(&single);
                assert_true(words[i] == (high << 32 | low));
            }
            assert_int_equal(dam_stream_next(&filled), dam_stream_next(&single));
        }
    }
}

/* Chi-square of counts expected to be equal, within 5 sigma of its Gaussian limit. */
static void assert_equally_likely(const double *counts, size_t cells) {
    double total = 0, chi = 0, freedom = (double)cells - 1;
    for (size_t c = 0; c < cells; c++)
        total += counts[c];
    double expected = total / (double)cells;
    for (size_t c = 0; c < cells; c++)
        chi += (counts[c] - expected) * (counts[c] - expected) / expected;
    assert_true(chi < freedom + 5 * sqrt(2 * freedom) + 5);
}

/* By size and by remainder. The large bounds are three quarters of a power of two: without
 * rejection, every third value or the smaller values would come twice as often. */
static void below_is_uniform(void **state) {
    (void)state;
    enum { DRAWS = 60000, CELLS = 12 };
    static const uint64_t bounds[] = {CELLS,
                                      1200,
                                      UINT64_C(3) << 30,
                                      UINT32_MAX / CELLS * CELLS,
                                      UINT64_C(12) << 30,
                                      UINT64_C(3) << 62};
    struct dam_stream stream = dam_stream_open(7, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        double sizes[CELLS] = {0}, remainders[CELLS] = {0};
        for (int i = 0; i < DRAWS; i++) {
            uint64_t draw = dam_stream_below(&stream, bounds[b]);
            assert_true(draw < bounds[b]);
            sizes[draw / (bounds[b] / CELLS)]++;
            remainders[draw % CELLS]++;
        }
        assert_equally_likely(sizes, CELLS);
        assert_equally_likely(remainders, CELLS);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(dam_stream_below(&stream, 1), 0);
}

/* Neurons 0 .. N-1, each in turn swapped with a drawn one of those up to itself. */
static void permutations_are_swaps_with_drawn_places(void **state) {
    (void)state;
    enum { MOST = 300 };
    struct dam_stream stream = dam_stream_open(8, DAM_PURPOSE_TEST, NULL, 0, 0);
    int32_t order[MOST + 1], expected[MOST];
    for (int count = 0; count <= MOST; count++) {
        struct dam_stream copy = stream;
        memset(order, 0xff, sizeof order);
        dam_stream_permutation(&copy, order, count);
        for (int i = 0; i < count; i++)
            expected[i] = i;
        for (int i = 1; i < count; i++) {
            int j = (int)dam_stream_below(&stream, (uint64_t)i + 1);
            int32_t swapped = expected[j];
            expected[j] = expected[i];
            expected[i] = swapped;
        }
        assert_memory_equal(order, expected, (size_t)count * sizeof *order);
        assert_int_equal(order[count], -1);
        assert_int_equal(dam_stream_next(&copy), dam_stream_next(&stream));
    }
}

static void unit_is_a_uniform_multiple_of_two_to_the_minus_53(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    struct dam_stream stream = dam_stream_open(9, DAM_PURPOSE_TEST, NULL, 0, 0);
    double sum = 0, squares = 0;
    bool odd = false;
    for (int i = 0; i < DRAWS; i++) {
        double u = dam_stream_unit(&stream);
        assert_true(u >= 0 && u < 1);
        double scaled = u * 0x1p53;
        assert_true(scaled == floor(scaled));
        odd = odd || fmod(scaled, 2) != 0;
        sum += u;
        squares += u * u;
    }
    assert_true(odd);
    assert_true(fabs(sum / DRAWS - 1.0 / 2) < 5 * sqrt(1.0 / 12 / DRAWS));
    assert_true(fabs(squares / DRAWS - 1.0 / 3) < 5 * sqrt(4.0 / 45 / DRAWS));
}

/* To a unit in the last place what another implementation, in Python and 200 bits, has from the
 * same words; results of trainings hold only as long as these bits do. */
static void normal_deviates_never_change(void **state) {
    (void)state;
    static const double pinned[] = {0x1.a2f6e948095aap+1,  0x1.4a5ee5d09e4f4p-2,
                                    -0x1.2b6d1eafca7dfp+0, 0x1.7eaef6323679p+0,
                                    -0x1.7533f9b037451p+0, -0x1.b9876bd39b44p-1};
    struct dam_stream stream = dam_stream_open(10, DAM_PURPOSE_TEST, NULL, 0, 0);
    for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++) {
        double deviate = dam_stream_normal(&stream);
        assert_memory_equal(&deviate, &pinned[i], sizeof deviate);
    }
}

/* The first four moments, and the numbers in cells that are equally likely. */
static void normal_deviates_are_normal(void **state) {
    (void)state;
    enum { DRAWS = 200000, CELLS = 40 };
    static const double expected[] = {0, 1, 0, 3}, variances[] = {1, 2, 15, 96};
    struct dam_stream stream = dam_stream_open(11, DAM_PURPOSE_TEST, NULL, 0, 0);
    double sums[4] = {0}, counts[CELLS] = {0}, product = 0, before = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = dam_stream_normal(&stream), power = 1;
        for (int moment = 0; moment < 4; moment++)
            sums[moment] += power *= x;
        counts[(int)(CELLS * 0.5 * erfc(-x * M_SQRT1_2))]++;
        product += x * before;
        before = x;
    }
    for (int moment = 0; moment < 4; moment++)
        assert_true(fabs(sums[moment] / DRAWS - expected[moment]) <
                    5 * sqrt(variances[moment] / DRAWS));
    assert_true(fabs(product / DRAWS) < 5 * sqrt(1.0 / DRAWS));
    assert_equally_likely(counts, CELLS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_philox4x32_10),
        cmocka_unit_test(each_block_is_that_of_its_number),
        cmocka_unit_test(streams_never_change),
        cmocka_unit_test(purposes_have_values_of_their_own),
        cmocka_unit_test(neighbouring_names_give_independent_streams),
        cmocka_unit_test(every_bit_of_a_name_counts),
        cmocka_unit_test(the_counter_passes_two_to_the_32_blocks),
        cmocka_unit_test(fill_equals_single_words_from_any_place),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(permutations_are_swaps_with_drawn_places),
        cmocka_unit_test(unit_is_a_uniform_multiple_of_two_to_the_minus_53),
        cmocka_unit_test(normal_deviates_never_change),
        cmocka_unit_test(normal_deviates_are_normal),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
