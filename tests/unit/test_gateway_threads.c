/* Several at one ledger: threads in one gateway, gateways in one process, processes. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/random.h"
#include "gateway/gateway.h"

#include "gateway_desk.h"
#include "unit.h"

enum {
    THREADS = 8,
    ROUNDS = 50
};

struct rush {
    struct gateway *gateway;
    int number;
    char (*uids)[UID_SIZE];
    enum gateway_result authorised[ROUNDS], voided[ROUNDS];
};

static void *rush_same(void *arg)
{
    struct rush *rush = arg;
    struct gateway_charge charge = {
        .amount_minor = 1, .currency = "EUR", .payment_token = "tok_ok"};
    struct gateway_answer answer = {.amount_minor = 0};
    for (int i = 0; i < ROUNDS; i++) {
        charge.reference = rush->uids[i];
        if (rush->number % 2)
            rush->voided[i] =
                rush->gateway->ops->void_(rush->gateway, rush->uids[i], desk_soon(), &answer);
        else
            rush->authorised[i] =
                rush->gateway->ops->authorise(rush->gateway, &charge, desk_soon(), &answer);
    }
    return NULL;
}

/* Half of the threads authorise what the other half voids, in one gateway or in two on one ledger:
 * whoever is first, each reference ends voided, once, and was authorised before that or never. */
START_TEST(authorise_and_void_of_one_reference_race_to_one_end)
{
    static char uids[ROUNDS][UID_SIZE];
    static struct rush rush[THREADS];
    pthread_t threads[THREADS];
    struct gateway *gateways[2] = {desk_open_plain()};
    gateways[1] = _i ? desk_open_plain() : gateways[0];
    for (int i = 0; i < ROUNDS; i++)
        random_uid(uids[i]);
    for (int i = 0; i < THREADS; i++) {
        rush[i] = (struct rush){.gateway = gateways[i % 2], .number = i, .uids = uids};
        ck_assert(!pthread_create(&threads[i], NULL, rush_same, &rush[i]));
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert(!pthread_join(threads[i], NULL));
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(desk_status(gateways[0], uids[i]), GATEWAY_STATE_VOIDED);
        ck_assert_int_eq(desk_count("void", uids[i]), 1);
        ck_assert_int_le(desk_count("authorise", uids[i]), 1);
        for (int j = 0; j < THREADS; j++)
            if (j % 2)
                ck_assert_int_eq(rush[j].voided[i], GATEWAY_DONE);
            else if (!desk_count("authorise", uids[i]))
                ck_assert_int_eq(rush[j].authorised[i], GATEWAY_REFUSED);
    }
    gateway_close(gateways[0]);
    if (_i)
        gateway_close(gateways[1]);
}
END_TEST

struct hurry {
    struct gateway *gateway;
    int number, done;
};

/* Whoever has no turn at the ledger within a millisecond goes away. */
static void *run_in_a_hurry(void *arg)
{
    struct hurry *hurry = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char reference[32];
        struct gateway_answer answer = {.amount_minor = 0};
        snprintf(reference, sizeof reference, "hurry-%d-%d", hurry->number, i);
        struct gateway_charge charge = {.reference = reference,
            .amount_minor = 1,
            .currency = "EUR",
            .payment_token = "tok_ok"};
        hurry->done += hurry->gateway->ops->authorise(hurry->gateway, &charge,
                           clock_mono_ms() + 1 + i % 2, &answer) == GATEWAY_DONE;
    }
    return NULL;
}

START_TEST(callers_that_give_up_disturb_nobody)
{
    struct hurry hurry[THREADS];
    pthread_t threads[THREADS];
    struct gateway *gateway = desk_open_plain();
    int done = 0;
    for (int i = 0; i < THREADS; i++) {
        hurry[i] = (struct hurry){.gateway = gateway, .number = i};
        ck_assert(!pthread_create(&threads[i], NULL, run_in_a_hurry, &hurry[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert(!pthread_join(threads[i], NULL));
        done += hurry[i].done;
    }
    ck_assert_int_eq(desk_authorise(gateway, REF_A, "tok_ok"), GATEWAY_DONE);
    gateway_close(gateway);
    /* what ran late, without its caller, is there as well */
    ck_assert_int_ge(desk_lines(), done + 1);
    ck_assert_int_le(desk_lines(), THREADS * ROUNDS + 1);
    gateway_close(desk_open_plain());
}
END_TEST

/* In a process of its own: authorises ROUNDS references. */
static void run_process(int number)
{
    struct gateway *gateway = desk_open_plain();
    for (int i = 0; i < ROUNDS; i++) {
        char reference[32];
        snprintf(reference, sizeof reference, "process-%d-%d", number, i);
        if (desk_authorise(gateway, reference, "tok_ok") != GATEWAY_DONE)
            _exit(1);
    }
    gateway_close(gateway);
    _exit(0);
}

START_TEST(processes_share_one_ledger)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        ck_assert_int_ge(pids[i], 0);
        if (!pids[i])
            run_process(i);
    }
    for (int i = 0; i < 4; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    struct gateway *gateway = desk_open_plain();
    ck_assert_int_eq(desk_lines(), 4 * ROUNDS);
    ck_assert_int_eq(desk_status(gateway, "process-3-49"), GATEWAY_STATE_AUTHORISED);
    gateway_close(gateway);
}
END_TEST

START_TEST(what_another_one_records_is_seen_at_once)
{
    struct gateway *one = desk_open_plain(), *other = desk_open_plain();
    ck_assert_int_eq(desk_authorise(one, REF_A, "tok_ok"), GATEWAY_DONE);
    ck_assert_int_eq(desk_capture(other, REF_A), GATEWAY_DONE);
    ck_assert_int_eq(desk_void(one, REF_A), GATEWAY_CONFLICT);
    ck_assert_int_eq(desk_lines(), 2);
    gateway_close(one);
    gateway_close(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway_threads");
    TCase *together = tcase_create("together");
    tcase_add_checked_fixture(together, desk_begin, NULL);
    tcase_set_timeout(together, 60);
    tcase_add_loop_test(together, authorise_and_void_of_one_reference_race_to_one_end, 0, 2);
    tcase_add_test(together, callers_that_give_up_disturb_nobody);
    tcase_add_test(together, processes_share_one_ledger);
    tcase_add_test(together, what_another_one_records_is_seen_at_once);
    suite_add_tcase(suite, together);
    return unit_run(suite);
}
