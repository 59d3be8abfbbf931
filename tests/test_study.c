#include "study/study.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "studies/schema.h"

/* Parsing. */

static enum dam_status try_parse(struct dam_study **study, const char *text,
                                 const char *const *overrides, struct dam_error *error) {
    size_t count = 0;
    while (overrides != NULL && overrides[count] != NULL)
        count++;
    return dam_study_parse(study, "study.yaml", text, strlen(text), overrides, count, schemas,
                           SCHEMA_COUNT, error);
}

/* `overrides` is NULL-terminated or NULL. */
static struct dam_study *parse_with(const char *text, const char *const *overrides) {
    struct dam_study *study = NULL;
    struct dam_error error = {0};
    if (try_parse(&study, text, overrides, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return study;
}

static struct dam_study *parse(const char *text) {
    return parse_with(text, NULL);
}

static void assert_refused_with(const char *text, const char *override, const char *message) {
    struct dam_study *study = NULL;
    struct dam_error error = {0};
    const char *const overrides[] = {override, NULL};
    assert_int_equal(try_parse(&study, text, overrides, &error), DAM_INPUT);
    assert_string_equal(error.text, message);
}

static struct dam_cell cell_of(const struct dam_study *study, size_t index) {
    struct dam_cell cell;
    dam_study_cell(study, index, &cell);
    assert_int_equal(cell.index, index);
    return cell;
}

static void assert_same_cells(const struct dam_study *a, const struct dam_study *b) {
    assert_int_equal(a->cell_count, b->cell_count);
    assert_ptr_equal(a->schema, b->schema);
    assert_true(a->seed == b->seed);
    for (size_t i = 0; i < a->cell_count; i++) {
        struct dam_cell one = cell_of(a, i), other = cell_of(b, i);
        assert_memory_equal(&one, &other, sizeof one);
    }
}

/* Parsing what the study resolves to gives the same cells, and resolves to itself. */
static void assert_resolves(const struct dam_study *study) {
    char *resolved = dam_study_resolved(study);
    assert_non_null(resolved);
    struct dam_study *again = parse(resolved);
    assert_same_cells(study, again);
    char *resolved_again = dam_study_resolved(again);
    assert_string_equal(resolved, resolved_again);
    free(resolved);
    free(resolved_again);
    dam_study_destroy(again);
}

/* The corpus: tests/studies/bad-*.yaml begin with "# refused LINE:COLUMN: message" and
 * good-*.yaml with "# cells COUNT". */

static const char *corpus_directory(void) {
    /* Meson runs tests where it ran the compiler, so this source's name leads to its folder. */
    static char path[4096];
    snprintf(path, sizeof path, "%s", __FILE__);
    char *slash = strrchr(path, '/');
    assert_non_null(slash);
    snprintf(slash, sizeof path - (size_t)(slash - path), "/studies");
    return path;
}

static void check_bad(const char *file, const char *text, size_t length, const char *expected) {
    struct dam_study *study = NULL;
    struct dam_error error = {0};
    char message[1024];
    snprintf(message, sizeof message, "study.yaml:%s", expected);
    if (dam_study_parse(&study, "study.yaml", text, length, NULL, 0, schemas, SCHEMA_COUNT,
                        &error) != DAM_INPUT)
        fail_msg("%s is accepted", file);
    if (strcmp(error.text, message) != 0)
        fail_msg("%s:\n  expected %s\n  read     %s", file, message, error.text);
}

static void check_good(const char *file, const char *text, size_t length, const char *expected) {
    struct dam_study *study = NULL;
    struct dam_error error = {0};
    if (dam_study_parse(&study, "study.yaml", text, length, NULL, 0, schemas, SCHEMA_COUNT,
                        &error) != DAM_OK)
        fail_msg("%s: %s", file, error.text);
    if (study->cell_count != strtoull(expected, NULL, 10))
        fail_msg("%s has %zu cells", file, study->cell_count);
    assert_int_equal(study->text_length, length);
    assert_memory_equal(study->text, text, length + 1);
    assert_resolves(study);
    dam_study_destroy(study);
}

/* Whatever a half-written or garbled file holds, it is a study or one line naming the file. */
static void check_parts(const char *text, size_t length) {
    for (size_t cut = 0; cut < length; cut++) {
        struct dam_study *study = NULL;
        struct dam_error error = {0};
        char *part = malloc(cut + 1); /* of the exact size, for the sanitizer to guard */
        assert_non_null(part);
        memcpy(part, text, cut);
        part[cut] = '\0';
        if (dam_study_parse(&study, "study.yaml", part, cut, NULL, 0, schemas, SCHEMA_COUNT,
                            &error) == DAM_OK)
            dam_study_destroy(study);
        else if (strncmp(error.text, "study.yaml:", 11) != 0 || strchr(error.text, '\n') != NULL)
            fail_msg("%s", error.text);
        free(part);
    }
}

/* Call `check` with each corpus file whose name and first line begin so; returns how many. */
static size_t for_each_file(const char *prefix, const char *mark,
                            void (*check)(const char *file, const char *text, size_t length,
                                          const char *expected)) {
    DIR *directory = opendir(corpus_directory());
    if (directory == NULL)
        fail_msg("%s: %s; run this test in the build directory", corpus_directory(),
                 strerror(errno));
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        char path[8192], expected[1024] = "";
        snprintf(path, sizeof path, "%s/%s", corpus_directory(), entry->d_name);
        char *text = NULL;
        size_t length = 0;
        struct dam_error error = {0};
        if (dam_study_read(path, &text, &length, &error) != DAM_OK)
            fail_msg("%s", error.text);
        const char *first = strstr(text, mark);
        if (first == NULL)
            fail_msg("%s: no line \"%s\"", path, mark);
        first += strlen(mark);
        snprintf(expected, sizeof expected, "%.*s", (int)strcspn(first, "\n"), first);
        check(entry->d_name, text, length, expected);
        check_parts(text, length);
        free(text);
        count++;
    }
    closedir(directory);
    return count;
}

static void bad_studies_are_refused_where_they_are_wrong(void **state) {
    (void)state;
    assert_true(for_each_file("bad-", "# refused ", check_bad) >= 110);
}

static void good_studies_have_their_cells_and_resolve_to_themselves(void **state) {
    (void)state;
    assert_true(for_each_file("good-", "# cells ", check_good) >= 15);
}

/* Cells of a grid. */

static void cells_follow_the_table_with_the_last_parameter_fastest(void **state) {
    (void)state;
    /* In the file K comes first; in the table energy does. */
    struct dam_study *study = parse("kind: capacity\n"
                                    "starts: 3\n"
                                    "K: [9, 7, 8]\n"
                                    "N: [50, 20]\n"
                                    "energy: [rectified, power]\n"
                                    "replicas: 12\n");
    static const int64_t neurons[] = {50, 20}, memories[] = {9, 7, 8};
    assert_int_equal(study->cell_count, 12);
    size_t index = 0;
    for (int64_t energy = 1; energy >= 0; energy--)
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 3; j++) {
                struct dam_cell cell = cell_of(study, index++);
                assert_int_equal(cell.values[ENERGY].integer, energy);
                assert_int_equal(cell.values[POWER].integer, 3);
                assert_int_equal(cell.values[NEURONS].integer, neurons[i]);
                assert_int_equal(cell.values[MEMORIES].integer, memories[j]);
                assert_true(cell.values[LOAD].real == (double)memories[j] / (double)neurons[i]);
                assert_int_equal(cell.values[STARTS].integer, 3);
                assert_int_equal(cell.replicas, 12);
                struct dam_hash hash = dam_cell_hash(&capacity_schema, cell.values);
                assert_memory_equal(&cell.hash, &hash, sizeof hash);
            }
    dam_study_destroy(study);
}

static void assert_axis(const char *range, enum dam_type type, const double *expected,
                        size_t count) {
    char text[256];
    snprintf(text, sizeof text, "kind: plain\n%s: %s\n%s", type == DAM_REAL ? "x" : "m", range,
             type == DAM_REAL ? "" : "x: 1\n");
    struct dam_study *study = parse(text);
    if (study->cell_count != count)
        fail_msg("%s has %zu values", range, study->cell_count);
    for (size_t i = 0; i < count; i++) {
        struct dam_cell cell = cell_of(study, i);
        double value = type == DAM_REAL ? cell.values[0].real : (double)cell.values[1].integer;
        if (value != expected[i] || (value == 0 && signbit(value)))
            fail_msg("%s: value %zu is %.17g", range, i, value);
    }
    assert_resolves(study);
    dam_study_destroy(study);
}

#define ASSERT_AXIS(range, type, ...)                                                              \
    assert_axis(range, type, (const double[]){__VA_ARGS__},                                        \
                sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void ranges_are_decimal_numbers(void **state) {
    (void)state;
    ASSERT_AXIS("{from: 0.1, to: 1, step: 0.1}", DAM_REAL, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8,
                0.9, 1);
    ASSERT_AXIS("{from: -0.3, to: 0.3, step: 0.1}", DAM_REAL, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3);
    ASSERT_AXIS("{from: -0.07, to: 0.02, step: 0.01}", DAM_REAL, -0.07, -0.06, -0.05, -0.04, -0.03,
                -0.02, -0.01, 0, 0.01, 0.02);
    ASSERT_AXIS("{from: -0.7, to: 0.7, count: 3}", DAM_REAL, -0.7, 0, 0.7);
    ASSERT_AXIS("{from: 0, to: 1, count: 4}", DAM_REAL, 0, 0.333333333333, 0.666666666667, 1);
    ASSERT_AXIS("{from: 0.001, to: 1000, count: 7, scale: log}", DAM_REAL, 0.001, 0.01, 0.1, 1, 10,
                100, 1000);
    ASSERT_AXIS("{from: 1, to: 2, count: 3, scale: log}", DAM_REAL, 1, 1.41421356237, 2);
    ASSERT_AXIS("{from: 1e-300, to: 1e300, count: 3, scale: log}", DAM_REAL, 1e-300, 1, 1e300);
    ASSERT_AXIS("{from: -1e308, to: 1e308, count: 3}", DAM_REAL, -1e308, 0, 1e308);
    ASSERT_AXIS("{from: 1e-40, to: 1, count: 2}", DAM_REAL, 1e-40, 1);
    ASSERT_AXIS("[0.1000000000000001, 1e-5]", DAM_REAL, 0.1, 0.00001);
}

static void ranges_include_to_within_a_billionth_of_a_step(void **state) {
    (void)state;
    ASSERT_AXIS("{from: 0, to: 1, step: 0.3}", DAM_REAL, 0, 0.3, 0.6, 0.9);
    ASSERT_AXIS("{from: 0, to: 1, step: 0.333333333333}", DAM_REAL, 0, 0.333333333333,
                0.666666666666, 1);
    ASSERT_AXIS("{from: 0, to: 1, step: 0.333333333334}", DAM_REAL, 0, 0.333333333334,
                0.666666666668, 1);
    ASSERT_AXIS("{from: 0, to: 1, step: 0.33333334}", DAM_REAL, 0, 0.33333334, 0.66666668);
    ASSERT_AXIS("{from: 0, to: 1, step: 5}", DAM_REAL, 0);
    ASSERT_AXIS("{from: 2, to: 2, step: 5}", DAM_REAL, 2);
    ASSERT_AXIS("{from: 20, to: 55, step: 10}", DAM_INTEGER, 20, 30, 40, 50);
    /* Half a billionth of this step is missing, and still the integers differ. */
    ASSERT_AXIS("{from: 0, to: 1999999999, step: 2000000000}", DAM_INTEGER, 0);
}

static void integers_are_rounded_and_equal_ones_joined(void **state) {
    (void)state;
    ASSERT_AXIS("{from: 1, to: 4, count: 7}", DAM_INTEGER, 1, 2, 3, 4);
    ASSERT_AXIS("{from: -2, to: 2, count: 9}", DAM_INTEGER, -2, -1, 0, 1, 2);
    ASSERT_AXIS("{from: 10, to: 1000, count: 9, scale: log}", DAM_INTEGER, 10, 18, 32, 56, 100, 178,
                316, 562, 1000);
    ASSERT_AXIS("{from: 1, to: 3, count: 1000, scale: log}", DAM_INTEGER, 1, 2, 3);
    ASSERT_AXIS("{from: -9223372036854775808, to: 9223372036854775807, count: 2}", DAM_INTEGER,
                -0x1p63, 0x1p63);
}

static void a_cell_that_came_before_keeps_its_first_place(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: capacity\n"
                                    "replicas: 2\n"
                                    "N: 50\n"
                                    "grids:\n"
                                    "  - {K: [5, 6, 5], starts: 3}\n"
                                    "  - {K: [7, 6], replicas: 9}\n"
                                    "  - {load: [0.1, 0.16]}\n"); /* K = 5, 8 */
    static const int64_t memories[] = {5, 6, 7, 8};
    static const int64_t starts[] = {3, 3, 10, 10};
    static const uint32_t replicas[] = {2, 2, 9, 2};
    assert_int_equal(study->cell_count, 4);
    for (size_t i = 0; i < 4; i++) {
        struct dam_cell cell = cell_of(study, i);
        assert_int_equal(cell.values[MEMORIES].integer, memories[i]);
        assert_int_equal(cell.values[STARTS].integer, starts[i]);
        assert_int_equal(cell.replicas, replicas[i]);
    }
    dam_study_destroy(study);
}

/* Contract 2: what is done stays done. */
static void budgets_seed_and_spelling_leave_the_hashes_alone(void **state) {
    (void)state;
    struct dam_study *first = parse("kind: capacity\nN: 100\nK: [20, 50]\nnoise: 0.3\n");
    struct dam_study *second = parse("kind: capacity\nseed: 5\nreplicas: 9\nstarts: 99\nn: 3\n"
                                     "start: random\nload: [0.1, 0.2, 0.3, 0.5]\n");
    static const size_t places[] = {1, 3};
    for (size_t i = 0; i < 2; i++) {
        struct dam_cell one = cell_of(first, i), other = cell_of(second, places[i]);
        assert_memory_equal(&one.hash, &other.hash, sizeof one.hash);
    }
    dam_study_destroy(first);
    dam_study_destroy(second);
}

static void a_million_cells_are_each_in_their_place(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: capacity\n"
                                    "n: {from: 1, to: 10, step: 1}\n"
                                    "N: {from: 1, to: 100, step: 1}\n"
                                    "K: {from: 1, to: 1000, step: 1}\n");
    assert_int_equal(study->cell_count, 1000000);
    for (size_t i = 0; i < 1000000; i += 1237) {
        struct dam_cell cell = cell_of(study, i);
        assert_int_equal(cell.values[POWER].integer, 1 + i / 100000);
        assert_int_equal(cell.values[NEURONS].integer, 1 + i / 1000 % 100);
        assert_int_equal(cell.values[MEMORIES].integer, 1 + i % 1000);
    }
    dam_study_destroy(study);
}

/* The cells of a slice are those of the study, as they are, every count-th. */
static void assert_slices_deal_out(const char *text) {
    struct dam_study *whole = parse(text);
    const uint32_t counts[] = {1, 2, 3, 7, 1000};
    for (size_t n = 0; n < sizeof counts / sizeof *counts; n++) {
        size_t seen = 0;
        for (uint32_t index = 1; index <= counts[n]; index++) {
            struct dam_study *part = parse(text);
            dam_study_slice(part, (struct dam_slice){index, counts[n]});
            assert_string_equal(part->text, whole->text);
            for (size_t c = 0; c < part->cell_count; c++) {
                struct dam_cell cell = cell_of(part, c);
                struct dam_cell same = cell_of(whole, index - 1 + c * counts[n]);
                assert_memory_equal(cell.values, same.values, sizeof cell.values);
                assert_memory_equal(&cell.hash, &same.hash, sizeof cell.hash);
                assert_int_equal(cell.replicas, same.replicas);
                seen++;
            }
            dam_study_destroy(part);
        }
        assert_int_equal(seen, whole->cell_count);
    }
    dam_study_destroy(whole);
}

static void slices_deal_out_every_cell_once(void **state) {
    (void)state;
    assert_slices_deal_out("kind: capacity\ngrids:\n"
                           "  - {N: [10, 20, 30], K: [3, 4], replicas: 2}\n"
                           "  - {N: [20, 40], K: [4, 5, 6], n: [2, 3]}\n");
    assert_slices_deal_out("kind: capacity\nsearch: random\ndraws: 50\n"
                           "N: {from: 10, to: 1000, scale: log}\nK: 3\n");
}

/* Random search. */

#define SEARCH_KEYS                                                                                \
    "kind: capacity\nsearch: random\nenergy: [power, rectified]\nn: {from: 2, to: 4}\n"            \
    "N: {from: 10, to: 1000, scale: log}\nload: {from: 1, to: 100, scale: log}\n"                  \
    "start: memory\nnoise: {from: 0.2, to: 0.6}\n"

static void more_draws_keep_the_first_ones(void **state) {
    (void)state;
    struct dam_study *few = parse(SEARCH_KEYS "draws: 50\n");
    struct dam_study *many = parse(SEARCH_KEYS "draws: 500\n");
    assert_int_equal(few->cell_count, 50);
    assert_int_equal(many->cell_count, 500);
    for (size_t i = 0; i < 50; i++) {
        struct dam_cell one = cell_of(few, i), other = cell_of(many, i);
        assert_memory_equal(&one, &other, sizeof one);
    }
    dam_study_destroy(few);
    dam_study_destroy(many);
}

static void draws_are_pinned(void **state) {
    (void)state;
    struct dam_study *study = parse(SEARCH_KEYS "draws: 2\nseed: 7\n");
    char identity[DAM_IDENTITY_LENGTH];
    struct dam_cell cell = cell_of(study, 0);
    dam_cell_identity(&capacity_schema, cell.values, identity);
    assert_string_equal(identity,
                        "capacity/1;energy=rectified;N=11;K=85;start=memory;noise=0.28336737141");
    cell = cell_of(study, 1);
    dam_cell_identity(&capacity_schema, cell.values, identity);
    assert_string_equal(
        identity, "capacity/1;energy=rectified;N=254;K=2305;start=memory;noise=0.307874392607");
    dam_study_destroy(study);
}

static void draws_differ_by_seed_and_by_parameter(void **state) {
    (void)state;
    struct dam_study *one = parse(SEARCH_KEYS "draws: 100\nseed: 1\n");
    struct dam_study *two = parse(SEARCH_KEYS "draws: 100\nseed: 2\n");
    int equal = 0, together = 0;
    for (size_t i = 0; i < 100; i++) {
        struct dam_cell a = cell_of(one, i), b = cell_of(two, i);
        equal += a.values[NOISE].real == b.values[NOISE].real;
        together += (a.values[NOISE].real < 0.4) == (a.values[NEURONS].integer < 100);
    }
    assert_int_equal(equal, 0);
    assert_in_range(together, 30, 70); /* 50 +- 4 standard deviations */
    dam_study_destroy(one);
    dam_study_destroy(two);
}

/* A parameter added to the kind's table leaves all draws as they are. */
static void draws_do_not_depend_on_the_table(void **state) {
    (void)state;
    struct dam_parameter parameters[3] = {{.name = "new",
                                           .type = DAM_INTEGER,
                                           .high.integer = 5,
                                           .unit = "1",
                                           .doc = "a parameter of a later release"},
                                          plain_parameters[0],
                                          plain_parameters[1]};
    struct dam_schema later = plain_schema;
    later.parameters = parameters;
    later.parameter_count = 3;
    const struct dam_schema *const list[] = {&later};
    const char *text = "kind: plain\nsearch: random\ndraws: 20\nx: {from: 0, to: 1}\nm: [1, 2]\n";
    struct dam_study *before = parse(text), *after = NULL;
    assert_int_equal(
        dam_study_parse(&after, "study.yaml", text, strlen(text), NULL, 0, list, 1, NULL), DAM_OK);
    assert_int_equal(before->cell_count, after->cell_count);
    for (size_t i = 0; i < before->cell_count; i++) {
        struct dam_cell one = cell_of(before, i), other = cell_of(after, i);
        assert_memory_equal(one.values, other.values + 1, 2 * sizeof one.values[0]);
    }
    dam_study_destroy(before);
    dam_study_destroy(after);
}

/* Counts within 4.5 standard deviations of a binomial with this share. */
static void assert_share(size_t count, size_t total, double share) {
    double expected = share * (double)total;
    if (fabs((double)count - expected) > 4.5 * sqrt(expected * (1 - share)))
        fail_msg("%zu of %zu, expected %.0f", count, total, expected);
}

static void draws_are_uniform_on_their_scale(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    struct dam_study *study = parse("kind: capacity\nsearch: random\ndraws: 20000\n"
                                    "energy: [power, rectified, power]\nn: {from: 2, to: 4}\n"
                                    "N: {from: 1, to: 5, count: 9}\nstart: memory\n"
                                    "K: {from: 10, to: 1000000000, scale: log}\n"
                                    "noise: {from: 0.2, to: 0.6}\n");
    assert_true(study->cell_count > DRAWS - 100); /* hardly two small K are equal */
    size_t total = study->cell_count;
    size_t rectified = 0, power[3] = {0}, neurons[5] = {0}, decade[8] = {0}, quarter[4] = {0};
    for (size_t i = 0; i < total; i++) {
        struct dam_cell cell = cell_of(study, i);
        rectified += cell.values[ENERGY].integer == 1;
        power[cell.values[POWER].integer - 2]++;
        neurons[cell.values[NEURONS].integer - 1]++; /* of 1, 1.5, 2 ... 5 */
        double memories = (double)cell.values[MEMORIES].integer, noise = cell.values[NOISE].real;
        assert_true(memories >= 10 && memories <= 1e9 && noise >= 0.2 && noise <= 0.6);
        decade[memories < 1e9 ? (int)log10(memories) - 1 : 7]++;
        quarter[(int)((noise - 0.2) / 0.1000001)]++;
    }
    assert_share(rectified, total, 1.0 / 3);
    for (size_t i = 0; i < 3; i++)
        assert_share(power[i], total, 1.0 / 3);
    for (size_t i = 0; i < 5; i++)
        assert_share(neurons[i], total, 1.0 / 5);
    for (size_t i = 0; i < 8; i++)
        assert_share(decade[i], total, 1.0 / 8);
    for (size_t i = 0; i < 4; i++)
        assert_share(quarter[i], total, 1.0 / 4);
    dam_study_destroy(study);
}

static void blocks_of_a_search_share_their_draws(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: capacity\nsearch: random\ndraws: 10\n"
                                    "K: {from: 1, to: 1000000000}\n"
                                    "grids: [{energy: power}, {energy: rectified}]\n");
    assert_int_equal(study->cell_count, 20);
    for (size_t i = 0; i < 10; i++) {
        struct dam_cell power = cell_of(study, i), rectified = cell_of(study, i + 10);
        assert_int_equal(power.values[ENERGY].integer, 0);
        assert_int_equal(rectified.values[ENERGY].integer, 1);
        assert_int_equal(power.values[MEMORIES].integer, rectified.values[MEMORIES].integer);
    }
    dam_study_destroy(study);
}

/* Overrides. */

static void overrides_act_as_if_written_in_the_file(void **state) {
    (void)state;
    const char *const overrides[] = {
        "K=[7, 9]", "seed=6", "replicas=3", "energy=rectified", "K={from: 8, to: 16, step: 4}",
        NULL};
    struct dam_study *overridden =
        parse_with("kind: capacity\nN: 50\nK: 2\nseed: 1\nenergy: power", overrides);
    struct dam_study *written =
        parse("kind: capacity\nN: 50\nK: [8, 12, 16]\nseed: 6\nenergy: rectified\nreplicas: 3\n");
    assert_same_cells(overridden, written);
    assert_resolves(overridden);
    assert_string_equal(overridden->text, "kind: capacity\nN: 50\nK: 2\nseed: 1\nenergy: power\n"
                                          "# --set K=[7, 9]\n"
                                          "# --set seed=6\n"
                                          "# --set replicas=3\n"
                                          "# --set energy=rectified\n"
                                          "# --set K={from: 8, to: 16, step: 4}\n");
    assert_int_equal(overridden->text_length, strlen(overridden->text));
    dam_study_destroy(overridden);
    dam_study_destroy(written);
}

static void overrides_win_over_blocks(void **state) {
    (void)state;
    const char *const overrides[] = {"K=5", "replicas=4", "starts=6", NULL};
    struct dam_study *study = parse_with("kind: capacity\nK: 1\nreplicas: 2\n"
                                         "grids: [{N: 10, K: [2, 3], replicas: 7, starts: 9}, "
                                         "{N: 20}]\n",
                                         overrides);
    assert_int_equal(study->cell_count, 2);
    for (size_t i = 0; i < 2; i++) {
        struct dam_cell cell = cell_of(study, i);
        assert_int_equal(cell.values[NEURONS].integer, 10 * (i + 1));
        assert_int_equal(cell.values[MEMORIES].integer, 5);
        assert_int_equal(cell.values[STARTS].integer, 6);
        assert_int_equal(cell.replicas, 4);
    }
    dam_study_destroy(study);
}

static void an_override_stays_one_comment(void **state) {
    (void)state;
    const char *const overrides[] = {"K=[7,\n9]", NULL};
    struct dam_study *study = parse_with("kind: capacity\n", overrides);
    assert_string_equal(study->text, "kind: capacity\n# --set K=[7, 9]\n");
    dam_study_destroy(study);
}

static void bad_overrides_are_refused_by_name(void **state) {
    (void)state;
    const char *text = "kind: capacity\nN: 50\nK: 2\n";
    static const struct {
        const char *override, *message;
    } cases[] = {
        {"N", "--set N: allowed: key=value"},
        {"=5", "--set =5: allowed: key=value"},
        {"N=", "--set N=: no value was given"},
        {"N=0", "--set N=0: N: 0 is below the allowed range; allowed: integer 1..32766"},
        {"n=1.5",
         "--set n=1.5: n: 1.5 is not an integer (decimal digits only); allowed: integer 1..60"},
        {"replica=4", "--set replica=4: replica: unknown key; did you mean \"replicas\"?"},
        {"kind=capacty", "--set kind=capacty: kind: capacty is unknown; did you mean "
                         "\"capacity\"? allowed: capacity | plain"},
        {"N={from: 9, to: 1, step: 1}", "--set N={from: 9, to: 1, step: 1}: N: from 9 to 1 goes "
                                        "backward; allowed: from <= to"},
        {"starts=[1, 2]", "--set starts=[1, 2]: starts: a list where one value is wanted; "
                          "allowed: integer 1..1000000"},
        {"load=3", "study.yaml:3:4: K: give either K or load (in the cell N=50, K=2, load=3)"},
        {"draws=3", "--set draws=3: draws: has no effect on a grid; allowed: with search: random"},
        {"K=*a", "--set K=*a: anchors and aliases (& and *) are not allowed; write the value out"},
        {"K=5\n---\n6", "--set K=5?---?6: a second document begins; a study is one document"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused_with(text, cases[i].override, cases[i].message);
}

/* The resolved study. */

static void the_resolved_study_reads_well(void **state) {
    (void)state;
    struct dam_study *study = parse("kind: capacity\nK: {from: 20, to: 60, step: 20}\n"
                                    "N: [50, 100]\nnoise: 0.30000000000000004\n");
    char *resolved = dam_study_resolved(study);
    assert_string_equal(resolved, "kind: capacity\n"
                                  "seed: 1\n"
                                  "replicas: 1\n"
                                  "energy: power\n"
                                  "n: 3\n"
                                  "N: [50, 100]\n"
                                  "K: {from: 20, to: 60, step: 20}\n"
                                  "start: random\n"
                                  "noise: 0.3\n"
                                  "starts: 10\n");
    free(resolved);
    dam_study_destroy(study);

    study = parse("kind: plain\nsearch: random\ndraws: 4\nx: {from: 1, to: 100, scale: log}\n"
                  "grids:\n  - {m: {from: 1, to: 9, count: 3}}\n  - {replicas: 5, x: [1e-7]}\n");
    resolved = dam_study_resolved(study);
    assert_string_equal(resolved, "kind: plain\n"
                                  "seed: 1\n"
                                  "search: random\n"
                                  "draws: 4\n"
                                  "grids:\n"
                                  "  - replicas: 1\n"
                                  "    x: {from: 1, to: 100, scale: log}\n"
                                  "    m: {from: 1, to: 9, count: 3, scale: linear}\n"
                                  "  - replicas: 5\n"
                                  "    x: [1e-07]\n"
                                  "    m: 0\n");
    free(resolved);
    dam_study_destroy(study);
}

/* Rows of another result. */

/* What the text takes over from another result; NULL where nothing is left to be taken. */
static struct dam_selection *selection_of(const char *text, const char *override) {
    struct dam_selection *selection;
    struct dam_error error = {0};
    const char *const overrides[] = {override};
    if (dam_study_selection(&selection, "study.yaml", text, strlen(text), overrides,
                            override != NULL, schemas, SCHEMA_COUNT, &error) != DAM_OK)
        fail_msg("%s", error.text);
    return selection;
}

static void a_selection_is_read(void **state) {
    (void)state;
    const char *text = "kind: capacity\nfrom: one.h5\nbest: 8\nby: recovered\nN: [5, 6]\n"
                       "where: [recovered >=  1.5e1,energy == power , K<3, n > 2, x <= -1]\n";
    static const struct {
        const char *column;
        enum dam_comparison comparison;
        const char *text;
        bool is_number;
        double number;
    } expected[] = {
        {"recovered", DAM_GREATER_OR_EQUAL, "1.5e1", true, 15},
        {"energy", DAM_EQUAL, "power", false, 0},
        {"K", DAM_LESS, "3", true, 3},
        {"n", DAM_GREATER, "2", true, 2},
        {"x", DAM_LESS_OR_EQUAL, "-1", true, -1},
    };
    struct dam_selection *selection = selection_of(text, NULL);
    assert_non_null(selection);
    assert_string_equal(selection->path, "one.h5");
    assert_string_equal(selection->by, "recovered");
    assert_int_equal(selection->best, 8);
    assert_int_equal(selection->condition_count, 5);
    for (size_t c = 0; c < 5; c++) {
        const struct dam_condition *read = &selection->conditions[c];
        assert_string_equal(read->column, expected[c].column);
        assert_string_equal(read->text, expected[c].text);
        assert_int_equal(read->comparison, expected[c].comparison);
        assert_int_equal(read->is_number, expected[c].is_number);
        assert_true(!read->is_number || read->number == expected[c].number);
        assert_int_equal(read->place.line, 6);
    }
    for (size_t p = 0; p < PARAMETERS; p++)
        assert_int_equal(selection->given[p], p == NEURONS);
    dam_selection_destroy(selection);
    assert_null(selection_of("kind: capacity\nK: 5\n", NULL));
    assert_null(selection_of(text, "selected=[{K: 5}]"));
}

static void comparisons_hold_as_they_read(void **state) {
    (void)state;
    static const struct {
        enum dam_comparison comparison;
        bool below, at, above;
    } cases[] = {
        {DAM_LESS, true, false, false},    {DAM_LESS_OR_EQUAL, true, true, false},
        {DAM_GREATER, false, false, true}, {DAM_GREATER_OR_EQUAL, false, true, true},
        {DAM_EQUAL, false, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dam_condition condition = {
            .comparison = cases[i].comparison, .is_number = true, .number = 2};
        assert_int_equal(dam_condition_holds(&condition, 1.5), cases[i].below);
        assert_int_equal(dam_condition_holds(&condition, 2), cases[i].at);
        assert_int_equal(dam_condition_holds(&condition, 2.5), cases[i].above);
        assert_false(dam_condition_holds(&condition, (double)NAN));
    }
}

/* As a row's value, but the study's own wins; rows by rows, each with the study's axes. */
static void the_study_wins_over_rows(void **state) {
    (void)state;
    const char *const overrides[] = {
        "selected=[{n: 2, K: 70, noise: 0.5, replicas: 3}, {n: 3, K: 50}]", NULL};
    struct dam_study *study = parse_with(
        "kind: capacity\nfrom: x.h5\nstart: memory\nnoise: 0.25\nN: [10, 20]\n", overrides);
    assert_string_equal(study->from, "x.h5");
    assert_int_equal(study->cell_count, 4);
    for (size_t c = 0; c < 4; c++) {
        struct dam_cell cell = cell_of(study, c);
        assert_int_equal(cell.values[MEMORIES].integer, c < 2 ? 70 : 50);
        assert_int_equal(cell.values[POWER].integer, c < 2 ? 2 : 3);
        assert_int_equal(cell.values[NEURONS].integer, c % 2 == 0 ? 10 : 20);
        assert_true(cell.values[NOISE].real == 0.25);
        assert_int_equal(cell.replicas, c < 2 ? 3 : 1);
    }
    assert_resolves(study);
    dam_study_destroy(study);

    study = parse_with("kind: capacity\nfrom: x.h5\nreplicas: 9\n", overrides);
    assert_int_equal(cell_of(study, 0).replicas, 9);
    dam_study_destroy(study);
}

/* A row of the file is at fault, not what the study says. */
static void rows_are_blamed_on_their_file(void **state) {
    (void)state;
    assert_refused_with("kind: capacity\nfrom: x.h5\n", "selected=[{K: 3}, {K: 2, N: 0}]",
                        "x.h5: N: 0 is below the allowed range; allowed: integer 1..32766");
}

/* Files. */

static char folder[] = "/tmp/dam-test-study-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static void write_file(const char *path, const char *content, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void assert_unreadable(const char *path, const char *problem) {
    char *text = NULL, message[512];
    size_t length = 0;
    struct dam_error error = {0};
    snprintf(message, sizeof message, "%s: %s; name a study file in YAML", path, problem);
    assert_int_equal(dam_study_read(path, &text, &length, &error), DAM_INPUT);
    assert_string_equal(error.text, message);
    assert_null(text);
}

static void files_are_read_whole(void **state) {
    (void)state;
    char path[256], *text = NULL;
    size_t length = 0;
    struct dam_error error = {0};
    snprintf(path, sizeof path, "%s/study.yaml", folder);
    write_file(path, "kind: capacity", 14);
    assert_int_equal(dam_study_read(path, &text, &length, &error), DAM_OK);
    assert_int_equal(length, 14);
    assert_string_equal(text, "kind: capacity");
    free(text);

    size_t limit = (size_t)16 << 20;
    char *large = malloc(limit + 1);
    assert_non_null(large);
    memset(large, '#', limit + 1);
    write_file(path, large, limit);
    assert_int_equal(dam_study_read(path, &text, &length, &error), DAM_OK);
    assert_int_equal(length, limit);
    free(text);
    text = NULL;
    write_file(path, large, limit + 1);
    free(large);
    assert_unreadable(path, "larger than 16 MiB, too large for a study");
    assert_int_equal(unlink(path), 0);
}

static void files_that_are_no_study_are_refused(void **state) {
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/study.yaml", folder);
    assert_unreadable(path, "No such file or directory");
    assert_unreadable(folder, "a directory");
    assert_unreadable("/proc/self/mem", "Input/output error");
    write_file(path, "", 0);
    assert_unreadable(path, "the file is empty");
    write_file(path, "\x89HDF\r\n\0", 7);
    assert_unreadable(path, "a binary file (it holds zero bytes)");

    assert_int_equal(chmod(path, 0), 0);
    bool root = geteuid() == 0; /* whom no mode keeps out */
    if (root)
        assert_int_equal(seteuid(65534), 0);
    assert_unreadable(path, "Permission denied");
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(unlink(path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_studies_are_refused_where_they_are_wrong),
        cmocka_unit_test(good_studies_have_their_cells_and_resolve_to_themselves),
        cmocka_unit_test(cells_follow_the_table_with_the_last_parameter_fastest),
        cmocka_unit_test(ranges_are_decimal_numbers),
        cmocka_unit_test(ranges_include_to_within_a_billionth_of_a_step),
        cmocka_unit_test(integers_are_rounded_and_equal_ones_joined),
        cmocka_unit_test(a_cell_that_came_before_keeps_its_first_place),
        cmocka_unit_test(budgets_seed_and_spelling_leave_the_hashes_alone),
        cmocka_unit_test(a_million_cells_are_each_in_their_place),
        cmocka_unit_test(slices_deal_out_every_cell_once),
        cmocka_unit_test(more_draws_keep_the_first_ones),
        cmocka_unit_test(draws_are_pinned),
        cmocka_unit_test(draws_differ_by_seed_and_by_parameter),
        cmocka_unit_test(draws_do_not_depend_on_the_table),
        cmocka_unit_test(draws_are_uniform_on_their_scale),
        cmocka_unit_test(blocks_of_a_search_share_their_draws),
        cmocka_unit_test(overrides_act_as_if_written_in_the_file),
        cmocka_unit_test(overrides_win_over_blocks),
        cmocka_unit_test(an_override_stays_one_comment),
        cmocka_unit_test(bad_overrides_are_refused_by_name),
        cmocka_unit_test(the_resolved_study_reads_well),
        cmocka_unit_test(a_selection_is_read),
        cmocka_unit_test(comparisons_hold_as_they_read),
        cmocka_unit_test(the_study_wins_over_rows),
        cmocka_unit_test(rows_are_blamed_on_their_file),
        cmocka_unit_test(files_are_read_whole),
        cmocka_unit_test(files_that_are_no_study_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
