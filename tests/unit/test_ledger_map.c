/* ctl/ledger_map: the last that the ledger says of each reference. */
#include <stdio.h>
#include <string.h>

#include "ctl/ledger_map.h"

#include "gateway_desk.h"
#include "unit.h"

#define TIME  "time=2026-11-24T15:04:05Z "
#define MONEY " amount=2590 currency=EUR"

static struct ledger_map map;
static struct fault fault;

static void begin(void)
{
    desk_begin();
    fault_begin(&fault, NULL);
}

static void end(void)
{
    ledger_map_close(&map);
}

static void read_map(void)
{
    enum err e = ledger_map_open(&map, desk_ledger(), 1000, &fault);
    ck_assert_msg(!e, "%s", fault.text);
}

START_TEST(a_ledger_that_cannot_be_read_is_told_and_the_map_closed)
{
    desk_write("nonsense\n");
    ck_assert_int_eq(ledger_map_open(&map, desk_ledger(), 1000, &fault), ERR_CORRUPT);
}
END_TEST

START_TEST(a_ledger_that_is_not_there_knows_nothing)
{
    read_map();
    ck_assert_uint_eq(map.count, 0);
    ck_assert_ptr_null(ledger_map_find(&map, REF_A));
}
END_TEST

START_TEST(the_last_event_counts_and_captures_are_counted)
{
    desk_write(TIME "event=authorise reference=" REF_A " amount=1 currency=USD\n" TIME
                    "event=void reference=" REF_B "\n" TIME "event=capture reference=" REF_A MONEY
                    "\n" TIME "event=capture reference=" REF_A MONEY "\n");
    read_map();
    ck_assert_uint_eq(map.count, 2);
    const struct account *a = ledger_map_find(&map, REF_A);
    ck_assert_int_eq(a->kind, EVENT_CAPTURE);
    ck_assert_int_eq(a->amount_minor, 2590);
    ck_assert_str_eq(a->currency, "EUR");
    ck_assert_int_eq(a->capture_count, 2);
    const struct account *b = ledger_map_find(&map, REF_B);
    ck_assert_int_eq(b->kind, EVENT_VOID);
    ck_assert_str_eq(b->currency, "");
    ck_assert(!b->is_known);
    ck_assert_ptr_null(ledger_map_find(&map, "0"));
}
END_TEST

START_TEST(many_references_are_all_found)
{
    char reference[32];
    FILE *file = fopen(desk_ledger(), "w");
    ck_assert_ptr_nonnull(file);
    for (int n = 0; n < 5000; n++)
        fprintf(file, TIME "event=authorise reference=%d amount=%d currency=EUR\n", n, n);
    ck_assert_int_eq(fclose(file), 0);
    read_map();
    ck_assert_uint_eq(map.count, 5000);
    for (int n = 0; n < 5000; n++) {
        (void)snprintf(reference, sizeof reference, "%d", n);
        ck_assert_int_eq(ledger_map_find(&map, reference)->amount_minor, n);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ledger map");
    TCase *tc = tcase_create("ledger map");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_ledger_that_cannot_be_read_is_told_and_the_map_closed);
    tcase_add_test(tc, a_ledger_that_is_not_there_knows_nothing);
    tcase_add_test(tc, the_last_event_counts_and_captures_are_counted);
    tcase_add_test(tc, many_references_are_all_found);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
