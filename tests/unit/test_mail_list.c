/* ctl/mail_list: which orders' mails lie in a spool and in a Maildir, whatever else lies there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

#include "ctl/mail_list.h"

#include "spool_desk.h"
#include "unit.h"

#define UID    "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
#define ID     "Message-ID: <" UID "@orderd.invalid>\n"
#define ORDER  "X-Order-Id: 17\n"
#define NOBODY 65534

static struct mail_list list;
static struct fault fault;

static void begin(void)
{
    desk_open();
    mail_list_begin(&list);
    fault_begin(&fault, NULL);
}

static void end(void)
{
    mail_list_end(&list);
}

/* The order's place, -1: there is no mail of it. */
static int place_of(int64_t order_id)
{
    for (size_t n = 0; n < list.count; n++)
        if (list.mails[n].order_id == order_id)
            return (int)list.mails[n].place;
    return -1;
}

static enum err read_spool(void)
{
    list.count = 0;
    return mail_list_read_spool(&list, desk_spool(), &fault);
}

/* ---- the spool */

START_TEST(a_spool_that_is_not_there_is_empty)
{
    ck_assert_int_eq(mail_list_read_spool(&list, "/nonexistent/spool", &fault), ERR_NONE);
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(what_is_no_folder_is_told)
{
    ck_assert_int_eq(mail_list_read_spool(&list, "/dev/null", &fault), ERR_IO);
}
END_TEST

START_TEST(every_folder_that_mails_wait_in_is_read)
{
    static const char *const folders[] = {"claimed", "deferred", "hold", "failed"};
    static const char *const before[] = {"1.", "99.1.", "", ""};
    desk_publish(1, 5);
    for (int n = 0; n < 4; n++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s", before[n], desk_uid(n + 2));
        ck_assert_int_eq(mkdir(desk_path(folders[n], ""), 0750), 0);
        desk_move(n + 2, folders[n], name);
    }
    desk_put("failed", "x.reason", "no such user\n", 13);
    ck_assert_int_eq(read_spool(), ERR_NONE);
    ck_assert_uint_eq(list.count, 5);
    for (int64_t n = 1; n <= 4; n++)
        ck_assert_int_eq(place_of(n), MAIL_WAITING);
    ck_assert_int_eq(place_of(5), MAIL_GIVEN_UP);
    mail_list_sort(&list);
    for (int64_t n = 1; n <= 5; n++)
        ck_assert_str_eq(list.mails[n - 1].uid, desk_uid(n));
}
END_TEST

START_TEST(what_is_not_whole_is_nobody_s_mail)
{
    desk_publish(1, 1);
    desk_put("new", desk_uid(2), "not sealed", 10);
    desk_put("new", "README", "", 0);
    ck_assert_int_eq(mkdir(desk_path("new", "folder"), 0700), 0);
    ck_assert_int_eq(symlink("/etc/passwd", desk_path("new", "link")), 0);
    ck_assert_int_eq(mkfifo(desk_path("new", "fifo"), 0600), 0);
    ck_assert_int_eq(read_spool(), ERR_NONE);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(place_of(1), MAIL_WAITING);
}
END_TEST

/* Runs as somebody who may not pass everywhere. */
static enum err as_nobody(enum err (*run)(void))
{
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(NOBODY), 0);
    enum err e = run();
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    return e;
}

START_TEST(a_folder_of_somebody_else_is_refused)
{
    desk_publish(1, 1);
    ck_assert_int_eq(chmod(desk_path("..", ""), 0755), 0);
    ck_assert_int_eq(chmod(_i ? desk_path("new", "") : desk_spool(), 0), 0);
    if (_i)
        ck_assert_int_eq(chmod(desk_spool(), 0755), 0);
    ck_assert_int_eq(as_nobody(read_spool), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(fault.text, "not ours"));
    ck_assert_int_eq(chmod(desk_spool(), 0755), 0);
    ck_assert_int_eq(chmod(desk_path("new", ""), 0755), 0);
}
END_TEST

/* ---- the Maildir */

static void make_maildir(void)
{
    ck_assert_int_eq(mkdir(desk_mail(), 0700), 0);
    ck_assert_int_eq(mkdir(unit_path(desk_mail(), "new"), 0700), 0);
    ck_assert_int_eq(mkdir(unit_path(desk_mail(), "cur"), 0700), 0);
}

static void put_mail(const char *name, const char *text)
{
    ck_assert_int_eq(
        file_replace(unit_path(desk_mail(), name), text, strlen(text), 0600, NULL), ERR_NONE);
}

static enum err read_mail(void)
{
    list.count = 0;
    return mail_list_read_maildir(&list, desk_mail(), &fault);
}

START_TEST(a_maildir_that_is_not_there_is_empty)
{
    ck_assert_int_eq(read_mail(), ERR_NONE);
    ck_assert_int_eq(mkdir(desk_mail(), 0700), 0);
    ck_assert_int_eq(read_mail(), ERR_NONE);
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(a_maildir_of_somebody_else_is_refused)
{
    make_maildir();
    if (getuid() == 0) {
        ck_assert_int_eq(chown(desk_mail(), NOBODY, NOBODY), 0);
        ck_assert_int_eq(read_mail(), ERR_REFUSED);
        ck_assert_ptr_nonnull(strstr(fault.text, "not ours"));
    }
    ck_assert_int_eq(chmod(unit_path(desk_mail(), "cur"), 0), 0);
    ck_assert_int_eq(as_nobody(read_mail), ERR_REFUSED);
    ck_assert_int_eq(chmod(unit_path(desk_mail(), "cur"), 0700), 0);
}
END_TEST

START_TEST(mails_of_both_folders_are_read)
{
    make_maildir();
    put_mail("new/1", ID ORDER "\nbody");
    put_mail("cur/2:2,S", "X-Order-Id: 18\nSubject: x\n" ID "\n");
    ck_assert_int_eq(read_mail(), ERR_NONE);
    ck_assert_uint_eq(list.count, 2);
    ck_assert_int_eq(place_of(17), MAIL_DELIVERED);
    ck_assert_int_eq(place_of(18), MAIL_DELIVERED);
    ck_assert_str_eq(list.mails[0].uid, UID);
}
END_TEST

static const char *const taken[] = {
    ID ORDER,
    ORDER ID "\n",
    "message-id:<" UID "@a>\nX-ORDER-ID:17\n\n",
    "Message-ID:\n <" UID "@orderd.invalid>\nX-Order-Id:\n\t17\n\nbody",
    "Message-ID: <" UID "@orderd.invalid>\r\nX-Order-Id:\r\n  17 \r\n\r\nbody",
    "Received: from a\n by b\n" ID "Subject: X-Order-Id: 3\n" ORDER,
    "To: x\n" ID ORDER "X-Order-Id: 18\n",
};

START_TEST(the_headers_are_read_as_mail_has_them)
{
    make_maildir();
    put_mail("new/1", taken[_i]);
    ck_assert_int_eq(read_mail(), ERR_NONE);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.mails[0].order_id, 17);
    ck_assert_str_eq(list.mails[0].uid, UID);
}
END_TEST

static const char *const passed_over[] = {
    "",
    "\n",
    ID,
    ORDER,
    "Subject: x\n\n" ID ORDER,
    ID "\n" ORDER,
    "Subject: x\r\n\r\n" ID ORDER,
    "Subject: x\n " ID " " ORDER,
    "Message-ID: " UID "@a\n" ORDER,
    "Message-ID: <" UID ">\n" ORDER,
    "Message-ID: <" UID "@a\n" ORDER,
    "Message-ID: <0" UID "@a>\n" ORDER,
    "Message-ID: <0A0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a@a>\n" ORDER,
    "Message-ID: <>\n" ORDER,
    "Message-ID:\n" ORDER,
    ID "X-Order-Id: 0\n",
    ID "X-Order-Id: 017\n",
    ID "X-Order-Id: -1\n",
    ID "X-Order-Id: 17x\n",
    ID "X-Order-Id: 99999999999999999999\n",
    ID "X-Order-Id:\n",
    ID "X-Order-Id",
};

START_TEST(what_is_no_mail_of_an_order_is_passed_over)
{
    make_maildir();
    put_mail("new/1", passed_over[_i]);
    ck_assert_int_eq(read_mail(), ERR_NONE);
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(files_of_any_kind_and_size_do_no_harm)
{
    char *large = malloc(1 << 20);
    ck_assert_ptr_nonnull(large);
    memset(large, 'x', (1 << 20) - 1);
    large[(1 << 20) - 1] = '\0';
    make_maildir();
    put_mail("new/large", large);
    memcpy(large, ID ORDER, strlen(ID ORDER));
    put_mail("new/large2", large);
    free(large);
    ck_assert_int_eq(mkdir(unit_path(desk_mail(), "new/folder"), 0700), 0);
    ck_assert_int_eq(symlink("large2", unit_path(desk_mail(), "new/link")), 0);
    ck_assert_int_eq(mkfifo(unit_path(desk_mail(), "new/fifo"), 0600), 0);
    put_mail("new/.hidden", ID ORDER);
    ck_assert_int_eq(read_mail(), ERR_NONE);
    ck_assert_uint_eq(list.count, 1);
}
END_TEST

START_TEST(a_list_of_any_length_is_sorted_by_order_and_uid)
{
    for (int n = 0; n < 1000; n++)
        mail_list_add(&list, (n * 7) % 1000, n % 2 ? "b" : "a", MAIL_DELIVERED);
    mail_list_add(&list, 500, "A", MAIL_DELIVERED);
    mail_list_sort(&list);
    ck_assert_uint_eq(list.count, 1001);
    ck_assert_int_eq(list.mails[500].order_id, 500);
    ck_assert_str_eq(list.mails[500].uid, "A");
    ck_assert_int_eq(list.mails[501].order_id, 500);
    ck_assert_int_eq(list.mails[1000].order_id, 999);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mail list");
    TCase *tc = tcase_create("mail list");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_spool_that_is_not_there_is_empty);
    tcase_add_test(tc, what_is_no_folder_is_told);
    tcase_add_test(tc, every_folder_that_mails_wait_in_is_read);
    tcase_add_test(tc, what_is_not_whole_is_nobody_s_mail);
    tcase_add_loop_test(tc, a_folder_of_somebody_else_is_refused, 0, 2);
    tcase_add_test(tc, a_maildir_that_is_not_there_is_empty);
    tcase_add_test(tc, a_maildir_of_somebody_else_is_refused);
    tcase_add_test(tc, mails_of_both_folders_are_read);
    tcase_add_loop_test(
        tc, the_headers_are_read_as_mail_has_them, 0, (int)(sizeof taken / sizeof *taken));
    tcase_add_loop_test(tc, what_is_no_mail_of_an_order_is_passed_over, 0,
        (int)(sizeof passed_over / sizeof *passed_over));
    tcase_add_test(tc, files_of_any_kind_and_size_do_no_harm);
    tcase_add_test(tc, a_list_of_any_length_is_sorted_by_order_and_uid);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
