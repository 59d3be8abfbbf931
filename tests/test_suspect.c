/* Which deaths make a task a suspect, and which make it given up. */
#include "run/suspect.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { IN_COMPANY, ALONE, CRASH };

static struct dam_death death_of(uint32_t replica, int manner) {
    return (struct dam_death){
        .item = {.cell = 3, .replica = replica, .start_begin = 10, .start_end = 20, .plan = 5},
        .alone = manner == ALONE,
        .ending = manner == CRASH ? DAM_ENDING_CRASHED : DAM_ENDING_OPEN,
        .signal = manner == CRASH ? SIGSEGV : 0,
        .host = "node7",
    };
}

static void add(struct dam_deaths *deaths, uint32_t replica, int manner, int times) {
    struct dam_death death = death_of(replica, manner);
    struct dam_error error;
    for (int t = 0; t < times; t++)
        assert_int_equal(dam_deaths_add(deaths, &death, &error), DAM_OK);
}

static struct dam_suspects suspects_of(struct dam_deaths *deaths) {
    struct dam_suspects suspects;
    struct dam_error error;
    assert_int_equal(dam_suspects_new(&suspects, deaths, &error), DAM_OK);
    dam_deaths_destroy(deaths);
    return suspects;
}

static const struct dam_suspect *find(const struct dam_suspects *suspects, uint32_t replica) {
    struct dam_item item = death_of(replica, ALONE).item;
    item.start_end = 15; /* a study that asks for fewer starts */
    return dam_suspects_find(suspects, &item);
}

static void deaths_in_company_make_a_suspect_and_never_more(void **state) {
    (void)state;
    struct dam_deaths deaths = {0};
    add(&deaths, 1, IN_COMPANY, 1);
    add(&deaths, 2, IN_COMPANY, 2);
    add(&deaths, 3, IN_COMPANY, 50);
    struct dam_suspects suspects = suspects_of(&deaths);
    assert_int_equal(suspects.count, 2);
    assert_null(find(&suspects, 1));
    struct dam_error error;
    assert_false(dam_suspect_given_up(find(&suspects, 2), &error));
    assert_false(dam_suspect_given_up(find(&suspects, 3), &error));
    dam_suspects_destroy(&suspects);
}

static void three_deaths_that_count_give_it_up(void **state) {
    (void)state;
    struct dam_deaths deaths = {0};
    add(&deaths, 4, CRASH, 1);
    add(&deaths, 5, ALONE, DAM_TRIES - 1);
    add(&deaths, 6, ALONE, DAM_TRIES);
    add(&deaths, 7, CRASH, 1);
    add(&deaths, 7, IN_COMPANY, 1);
    add(&deaths, 7, CRASH, DAM_TRIES - 1);
    struct dam_suspects suspects = suspects_of(&deaths);
    struct dam_error error;
    assert_false(dam_suspect_given_up(find(&suspects, 4), &error));
    assert_false(dam_suspect_given_up(find(&suspects, 5), &error));
    assert_true(dam_suspect_given_up(find(&suspects, 6), &error));
    assert_int_equal(error.status, DAM_CRASHED);
    assert_non_null(strstr(error.text, "died 3 times without a word"));
    assert_true(dam_suspect_given_up(find(&suspects, 7), &error));
    assert_non_null(strstr(error.text, "crashed its rank 3 times, the last by signal 11"));
    assert_non_null(strstr(error.text, "node7"));
    dam_suspects_destroy(&suspects);
}

static void another_start_round_replica_or_plan_is_another_task(void **state) {
    (void)state;
    struct dam_deaths deaths = {0};
    add(&deaths, 1, CRASH, 1);
    struct dam_suspects suspects = suspects_of(&deaths);
    struct dam_item items[5];
    for (int i = 0; i < 5; i++)
        items[i] = death_of(1, CRASH).item;
    items[0].cell++;
    items[1].round++;
    items[2].replica++;
    items[3].start_begin++;
    items[4].plan++;
    for (int i = 0; i < 5; i++)
        assert_null(dam_suspects_find(&suspects, &items[i]));
    assert_non_null(find(&suspects, 1));
    dam_suspects_destroy(&suspects);
    struct dam_suspects none = suspects_of(&deaths);
    assert_null(find(&none, 1));
    dam_suspects_destroy(&none);
}

static void suspects_run_in_halves_until_alone(void **state) {
    (void)state;
    struct dam_deaths deaths = {0};
    for (uint32_t replica = 0; replica < 16; replica++)
        add(&deaths, replica, IN_COMPANY, 2 + (int)replica / 4);
    add(&deaths, 3, CRASH, 1);
    struct dam_suspects suspects = suspects_of(&deaths);
    static const size_t companies[] = {8, 4, 2, 1};
    for (uint32_t replica = 0; replica < 16; replica++)
        assert_int_equal(find(&suspects, replica)->company,
                         replica == 3 ? 1 : companies[replica / 4]);
    dam_suspects_destroy(&suspects);
}

static void a_failure_to_be_tried_again_wipes_out_what_was_before(void **state) {
    (void)state;
    struct dam_deaths deaths = {0};
    struct dam_error error;
    for (uint32_t file = 0; file < 8; file++) {
        struct dam_death death = death_of(1, CRASH);
        death.file = 7 - file;
        if (death.file == 3)
            death.ending = DAM_ENDING_LEFT;
        assert_int_equal(dam_deaths_add(&deaths, &death, &error), DAM_OK);
    }
    struct dam_suspects suspects = suspects_of(&deaths);
    assert_int_equal(find(&suspects, 1)->tries, 4);
    dam_suspects_destroy(&suspects);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deaths_in_company_make_a_suspect_and_never_more),
        cmocka_unit_test(three_deaths_that_count_give_it_up),
        cmocka_unit_test(suspects_run_in_halves_until_alone),
        cmocka_unit_test(a_failure_to_be_tried_again_wipes_out_what_was_before),
        cmocka_unit_test(another_start_round_replica_or_plan_is_another_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
