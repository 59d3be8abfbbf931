/* XOR as an associative memory: what Krotov & Hopfield 2016 say of every power, in closed form. */
#include "kinds/kinds.h"
#include "study/study.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- one cell through the kind's own functions ---- */

enum { CORNERS = 8, COLUMNS_MAX = 16, RECORD_MAX = 256 };

struct answer {
    int64_t solved, correct, ties;
    double coefficient, constant, levels[CORNERS];
};

static size_t column(const char *name) {
    for (size_t c = 0; c < dam_kind_xor.column_count; c++)
        if (strcmp(dam_kind_xor.columns[c].name, name) == 0)
            return c;
    fail_msg("no column %s", name);
    return 0;
}

/* The cell the study layer makes of a study's text. */
static struct dam_cell cell_of(const char *energy, int power) {
    static const struct dam_schema *const schemas[] = {&dam_kind_xor.schema};
    char text[64];
    int length = snprintf(text, sizeof text, "kind: xor\nenergy: %s\nn: %d\n", energy, power);
    struct dam_study *study;
    struct dam_error error;
    if (dam_study_parse(&study, "study", text, (size_t)length, NULL, 0, schemas, 1, &error) !=
        DAM_OK)
        fail_msg("%s", error.text);
    struct dam_cell cell;
    dam_study_cell(study, 0, &cell);
    dam_study_destroy(study);
    return cell;
}

static struct answer ask(const char *energy, int power) {
    const struct dam_kind *kind = &dam_kind_xor;
    struct dam_cell cell = cell_of(energy, power);
    struct dam_round plan = {.replicas = 1, .starts = 1};
    struct dam_task task = {.cell = &cell, .seed = 1, .start_end = 1, .plan = &plan};
    _Alignas(8) unsigned char record[RECORD_MAX] = {0};
    assert_true(kind->record_size(&cell) <= sizeof record);
    struct dam_error error;
    assert_int_equal(kind->run(&task, record, &error), DAM_OK);

    const uint32_t replica = 0;
    const void *records[] = {record};
    struct dam_round_rows rows = {
        .plan = plan, .count = 1, .replicas = &replica, .records = records};
    struct dam_history history = {.round_count = 1, .rounds = &rows};
    union dam_value scalars[COLUMNS_MAX] = {0};
    double levels[CORNERS] = {0};
    void *arrays[COLUMNS_MAX] = {0};
    assert_true(kind->column_count <= COLUMNS_MAX);
    assert_int_equal(kind->extent(&cell, column("energy_levels")).sizes[0], CORNERS);
    arrays[column("energy_levels")] = levels;
    struct dam_output output = {.scalars = scalars, .arrays = arrays};
    assert_int_equal(kind->reduce(&cell, &history, &output, &error), DAM_OK);
    struct answer answer = {
        .solved = scalars[column("solved")].integer,
        .correct = scalars[column("correct")].integer,
        .ties = scalars[column("ties")].integer,
        .coefficient = scalars[column("coefficient")].real,
        .constant = scalars[column("constant")].real,
    };
    memcpy(answer.levels, levels, sizeof levels);
    return answer;
}

static void assert_near(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-14 * fabs(expected)))
        fail_msg("got %.17g, expected %.17g", got, expected);
}

static int spin_at(int corner, int bit) {
    return corner >> bit & 1 ? 1 : -1;
}

/* ---- power ---- */

static void power_1_has_no_energy_at_all(void **state) {
    (void)state;
    struct answer answer = ask("power", 1);
    for (int c = 0; c < CORNERS; c++)
        assert_true(answer.levels[c] == 0);
    assert_true(answer.solved == 0 && answer.correct == 0 && answer.ties == 4);
    assert_true(answer.coefficient == 0 && answer.constant == 0);
}

/* One overlap is +-3 and three are +-1 at every corner: E = -(3^n + 3). */
static void an_even_power_cannot_tell_the_corners_apart(void **state) {
    (void)state;
    for (int n = 2; n <= DAM_POWER_MAX; n += 2) {
        struct answer answer = ask("power", n);
        for (int c = 0; c < CORNERS; c++)
            assert_near(answer.levels[c], -(pow(3, n) + 3));
        assert_near(answer.constant, -(pow(3, n) + 3));
        assert_true(fabs(answer.coefficient) <= 1e-14 * pow(3, n));
        assert_true(answer.solved == 0 && answer.correct == 0 && answer.ties == 4);
    }
}

/* E_n = C_n xyz with C_n = 3^n - 3 > 0, hence z = Sign[-xy]. */
static void an_odd_power_from_3_on_is_a_product(void **state) {
    (void)state;
    for (int n = 3; n < DAM_POWER_MAX; n += 2) {
        struct answer answer = ask("power", n);
        for (int c = 0; c < CORNERS; c++)
            assert_near(answer.levels[c],
                        (pow(3, n) - 3) * spin_at(c, 2) * spin_at(c, 1) * spin_at(c, 0));
        assert_near(answer.coefficient, pow(3, n) - 3);
        assert_true(fabs(answer.constant) <= 1e-14 * pow(3, n));
        assert_true(answer.solved == 1 && answer.correct == 4 && answer.ties == 0);
    }
}

/* ---- rectified ---- */

/* A row of the truth table (xyz = -1) has one overlap of 3, any other corner three of 1: levels
 * -3^n and -3. They are one for n = 1 alone. */
static void rectified_solves_every_power_from_2_on(void **state) {
    (void)state;
    for (int n = 1; n <= DAM_POWER_MAX; n++) {
        struct answer answer = ask("rectified", n);
        for (int c = 0; c < CORNERS; c++) {
            bool row = spin_at(c, 2) * spin_at(c, 1) * spin_at(c, 0) < 0;
            assert_near(answer.levels[c], row ? -pow(3, n) : -3);
        }
        assert_near(answer.constant, -(pow(3, n) + 3) / 2);
        assert_near(answer.coefficient, (pow(3, n) - 3) / 2);
        assert_int_equal(answer.solved, n >= 2);
        assert_int_equal(answer.correct, n >= 2 ? 4 : 0);
        assert_int_equal(answer.ties, n >= 2 ? 0 : 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_1_has_no_energy_at_all),
        cmocka_unit_test(an_even_power_cannot_tell_the_corners_apart),
        cmocka_unit_test(an_odd_power_from_3_on_is_a_product),
        cmocka_unit_test(rectified_solves_every_power_from_2_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
