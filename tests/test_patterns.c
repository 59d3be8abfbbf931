#include <dam/patterns.h>

#include <dam/energy.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The sanitizer would end the test where malloc returns NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static const int64_t sizes[] = {1, 2, 63, 64, 65, 100, 511, 512, 513, 2000};
enum { SIZES = sizeof sizes / sizeof sizes[0], NEURONS = 13 };

static struct dam_patterns *make(int neurons, int64_t memories) {
    struct dam_patterns *patterns;
    struct dam_error error;
    assert_int_equal(dam_patterns_new(&patterns, neurons, memories, &error), DAM_OK);
    return patterns;
}

static void rows_are_whole_cache_lines_of_minus_ones(void **state) {
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        struct dam_patterns *patterns = make(NEURONS, sizes[i]);
        assert_int_equal(patterns->words % 8, 0);
        assert_true(64 * patterns->words >= (size_t)sizes[i]);
        assert_true(64 * patterns->words < (size_t)sizes[i] + 512);
        assert_int_equal((uintptr_t)patterns->rows % 64, 0);
        assert_int_equal(dam_patterns_bytes(NEURONS, sizes[i]),
                         sizeof *patterns + NEURONS * patterns->words * 8);
        for (size_t word = 0; word < NEURONS * patterns->words; word++)
            assert_true(patterns->rows[word] == 0);
        assert_int_equal(dam_patterns_get(patterns, sizes[i] - 1, NEURONS - 1), -1);
        dam_patterns_destroy(patterns);
    }
}

/* Each spin by itself from the stream's words of 32 bits, and no bit beyond K. */
static void draw_takes_whole_words_row_by_row(void **state) {
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        struct dam_patterns *patterns = make(NEURONS, sizes[i]);
        struct dam_stream stream = dam_stream_open(1, DAM_PURPOSE_TEST, NULL, 0, 0);
        struct dam_stream again = stream;
        dam_patterns_draw(patterns, &stream);
        for (int neuron = 0; neuron < NEURONS; neuron++) {
            uint32_t bits = 0;
            for (int64_t mu = 0; mu < (sizes[i] + 63) / 64 * 64; mu++, bits >>= 1) {
                if (mu % 32 == 0)
                    bits = dam_stream_next(&again);
                if (mu < sizes[i])
                    assert_int_equal(dam_patterns_get(patterns, mu, neuron),
                                     (bits & 1) != 0 ? 1 : -1);
            }
            const uint64_t *row = patterns->rows + (size_t)neuron * patterns->words;
            for (int64_t mu = sizes[i]; mu < (int64_t)patterns->words * 64; mu++)
                assert_int_equal(row[mu / 64] >> mu % 64 & 1, 0);
        }
        assert_int_equal(dam_stream_next(&stream), dam_stream_next(&again));
        dam_patterns_destroy(patterns);
    }
}

/* Mean spin, and mean product of neighbouring spins either way, within 5 sigma of zero. */
static void drawn_spins_are_fair_and_uncorrelated(void **state) {
    (void)state;
    enum { N = 101, K = 1009 };
    struct dam_patterns *patterns = make(N, K);
    struct dam_stream stream = dam_stream_open(2, DAM_PURPOSE_TEST, NULL, 0, 0);
    dam_patterns_draw(patterns, &stream);
    int sum = 0, beside = 0, below = 0;
    for (int i = 1; i < N; i++) {
        for (int mu = 1; mu < K; mu++) {
            int spin = dam_patterns_get(patterns, mu, i);
            sum += spin;
            beside += spin * dam_patterns_get(patterns, mu - 1, i);
            below += spin * dam_patterns_get(patterns, mu, i - 1);
        }
    }
    double limit = 5 * sqrt((N - 1.0) * (K - 1.0));
    assert_true(fabs((double)sum) < limit);
    assert_true(fabs((double)beside) < limit);
    assert_true(fabs((double)below) < limit);
    dam_patterns_destroy(patterns);
}

static void set_changes_one_spin_alone(void **state) {
    (void)state;
    enum { N = 5, K = 130 };
    struct dam_patterns *patterns = make(N, K);
    struct dam_stream stream = dam_stream_open(3, DAM_PURPOSE_TEST, NULL, 0, 0);
    int8_t wanted[N][K];
    for (int step = 0; step < 3000; step++) {
        int i = (int)dam_stream_below(&stream, N), mu = (int)dam_stream_below(&stream, K);
        if (step == 0)
            memset(wanted, -1, sizeof wanted);
        wanted[i][mu] = dam_stream_below(&stream, 2) == 0 ? 1 : -1;
        dam_patterns_set(patterns, mu, i, wanted[i][mu]);
    }
    for (int i = 0; i < N; i++)
        for (int mu = 0; mu < K; mu++)
            assert_int_equal(dam_patterns_get(patterns, mu, i), wanted[i][mu]);
    dam_patterns_destroy(patterns);
}

static void refuses_what_is_out_of_range(void **state) {
    (void)state;
    static const struct {
        int neurons;
        int64_t memories;
    } bad[] = {{0, 1}, {-1, 1}, {DAM_NEURONS_MAX + 1, 1}, {1, 0}, {1, INT64_MIN}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dam_patterns *patterns = (struct dam_patterns *)&patterns;
        struct dam_error error;
        assert_int_equal(dam_patterns_new(&patterns, bad[i].neurons, bad[i].memories, &error),
                         DAM_INPUT);
        assert_null(patterns);
        assert_non_null(strstr(error.text, i < 3 ? "N = " : "K = "));
    }
    dam_patterns_destroy(NULL);
}

static void says_how_many_bytes_are_missing(void **state) {
    (void)state;
    struct dam_patterns *patterns;
    struct dam_error error;
    int64_t memories = INT64_C(1) << 56;
    assert_int_equal(dam_patterns_new(&patterns, 3, memories, &error), DAM_MEMORY);
    assert_null(patterns);
    char bytes[64];
    snprintf(bytes, sizeof bytes, "need %zu bytes", 3 * ((size_t)1 << 53) + sizeof *patterns);
    assert_non_null(strstr(error.text, bytes));

    assert_true(dam_patterns_bytes(DAM_NEURONS_MAX, INT64_MAX) == SIZE_MAX);
    assert_int_equal(dam_patterns_new(&patterns, DAM_NEURONS_MAX, INT64_MAX, &error), DAM_MEMORY);
    assert_null(patterns);
    assert_non_null(strstr(error.text, "more than"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole_cache_lines_of_minus_ones),
        cmocka_unit_test(draw_takes_whole_words_row_by_row),
        cmocka_unit_test(drawn_spins_are_fair_and_uncorrelated),
        cmocka_unit_test(set_changes_one_spin_alone),
        cmocka_unit_test(refuses_what_is_out_of_range),
        cmocka_unit_test(says_how_many_bytes_are_missing),
    };
    return cmocka_run_group_tests_name("patterns", tests, NULL, NULL);
}
