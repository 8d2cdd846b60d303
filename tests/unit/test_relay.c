/* Relay: outbox rows become spool files, and only then are deleted. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/metrics.h"
#include "core/text.h"
#include "spool/record.h"

#include "shop.h"
#include "unit.h"

static struct shop shop;

static void create_one(void)
{
    struct order_created created;
    ck_assert_int_eq(shop_create(&shop, "tok_ok", NULL, &created), ERR_NONE);
    free((char *)created.answer);
}

static int spooled(void)
{
    int count = 0;
    DIR *dir = opendir(unit_path(shop.folder, "spool/new"));
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += text_is_uid(entry->d_name);
    if (dir)
        closedir(dir);
    return count;
}

static int has_one_file(void *arg)
{
    (void)arg;
    return spooled() == 1;
}

START_TEST(row_becomes_a_file_of_its_uid_and_goes)
{
    shop_open(&shop, NULL);
    create_one();
    shop_wait(&shop, "SELECT count(*) FROM outbox", "0");
    ck_assert_int_eq(spooled(), 1);
    shop_close(&shop);
}
END_TEST

START_TEST(file_says_what_the_mail_needs)
{
    struct record record;
    struct fault fault;
    char sql[] = "SELECT hex(message) FROM outbox";
    /* No spool: the row stays and can be looked at. */
    shop_open(&shop, &(struct shop_options){.spool = "/dev/null/spool"});
    create_one();
    const char *hex = shop_text(&shop, sql);
    size_t len = strlen(hex) / 2;
    char *bytes = arena_alloc(&shop.arena, len + 1);
    for (size_t i = 0; i < len; i++)
        sscanf(hex + 2 * i, "%2hhx", (unsigned char *)&bytes[i]);
    fault_begin(&fault, NULL);
    ck_assert_int_eq(record_decode(&shop.arena, bytes, len, &record, &fault), ERR_NONE);
    ck_assert_str_eq(record.recipient, "shop@example.com");
    ck_assert_str_eq(record.request_id, "request-1");
    ck_assert_int_eq(record.order_id, 1);
    ck_assert_int_eq(record.total_minor, 2595);
    ck_assert_str_eq(record.reference, "WEB-1");
    ck_assert_uint_eq(record.item_count, 2);
    ck_assert_str_eq(record.items[0].name, "Gr\xc3\xbcner Tee");
    ck_assert_ptr_null(record.items[1].name);
    shop_close(&shop);
}
END_TEST

static int is_degraded(void *arg)
{
    (void)arg;
    return relay_is_degraded(shop.relay);
}

static int is_well(void *arg)
{
    return !is_degraded(arg);
}

/* A spool that cannot be opened stops no order; the mails follow when it can. */
START_TEST(spool_that_cannot_be_opened_is_tried_again)
{
    char path[512];
    const char *folder = unit_folder();
    snprintf(path, sizeof path, "%s/blocked", folder);
    FILE *file = fopen(path, "w"); /* a file where the folder should be: fails for root too */
    ck_assert_ptr_nonnull(file);
    fclose(file);
    shop_open(&shop, &(struct shop_options){.spool = path});
    create_one();
    unit_wait(is_degraded, NULL, "degraded");
    create_one();
    ck_assert_int_eq(shop_rows(&shop, "outbox"), 2);
    ck_assert_int_eq(unlink(path), 0);
    shop_wait(&shop, "SELECT count(*) FROM outbox", "0");
    unit_wait(is_well, NULL, "well again");
    shop_close(&shop);
}
END_TEST

/* Somebody removed new/, and put a file in its place: nothing is lost, and it heals by itself. */
START_TEST(spool_that_goes_away_loses_nothing)
{
    char new[512], command[1100];
    shop_open(&shop, NULL);
    create_one();
    shop_wait(&shop, "SELECT count(*) FROM outbox", "0");
    snprintf(new, sizeof new, "%s/spool/new", shop.folder);
    snprintf(command, sizeof command, "rm -r %s && touch %s", new, new);
    ck_assert_int_eq(system(command), 0);
    create_one();
    unit_wait(is_degraded, NULL, "degraded");
    ck_assert_int_eq(shop_rows(&shop, "outbox"), 1);
    ck_assert_int_eq(unlink(new), 0);
    shop_wait(&shop, "SELECT count(*) FROM outbox", "0");
    ck_assert_int_eq(spooled(), 1);
    unit_wait(is_well, NULL, "well again");
    shop_close(&shop);
}
END_TEST

static int has_failed_thrice(void *arg)
{
    return metrics_get(METRIC_store_failures_total) >= *(int64_t *)arg + 3;
}

/* The spool takes the mail, and the database does not let its row go (it is full, say): the mail
 * must not go out again at each try. */
START_TEST(row_that_cannot_be_deleted_is_published_once)
{
    char path[512];
    shop_open(&shop, NULL);
    shop_exec(&shop, "CREATE TRIGGER keep BEFORE DELETE ON outbox BEGIN"
                     " SELECT RAISE(ABORT, 'kept'); END");
    create_one();
    unit_wait(has_one_file, NULL, "the file");
    snprintf(path, sizeof path, "%s/spool/new/%s", shop.folder,
        shop_text(&shop, "SELECT uid FROM outbox"));
    ck_assert_int_eq(unlink(path), 0); /* as the notifier does */
    int64_t failures = metrics_get(METRIC_store_failures_total);
    unit_wait(has_failed_thrice, &failures, "three more tries");
    ck_assert_int_eq(spooled(), 0);
    shop_exec(&shop, "DROP TRIGGER keep");
    shop_wait(&shop, "SELECT count(*) FROM outbox", "0");
    ck_assert_int_eq(spooled(), 0);
    create_one(); /* and others follow */
    unit_wait(has_one_file, NULL, "the next file");
    shop_close(&shop);
}
END_TEST

START_TEST(hundreds_of_rows_are_relayed)
{
    shop_open(&shop, &(struct shop_options){.spool = "/dev/null/spool"});
    for (int i = 0; i < 150; i++)
        create_one();
    ck_assert_int_eq(shop_rows(&shop, "outbox"), 150);
    shop.options.spool = NULL;
    shop_reopen(&shop);
    shop_wait(&shop, "SELECT count(*) FROM outbox", "0");
    ck_assert_int_eq(spooled(), 150);
    shop_close(&shop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("relay");
    TCase *tests = tcase_create("relay");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, spool_that_cannot_be_opened_is_tried_again);
    tcase_add_test(tests, spool_that_goes_away_loses_nothing);
    tcase_add_test(tests, row_that_cannot_be_deleted_is_published_once);
    tcase_add_test(tests, hundreds_of_rows_are_relayed);
    tcase_add_test(tests, row_becomes_a_file_of_its_uid_and_goes);
    tcase_add_test(tests, file_says_what_the_mail_needs);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
