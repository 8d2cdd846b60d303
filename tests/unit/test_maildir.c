/* Delivery to a Maildir: sent means on disk, and trouble means later. System calls are made to fail
 * by the linker's --wrap. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "notify/transport_maildir.h"

#include "spool_desk.h"
#include "unit.h"

int __real_syncfs(int fd);
int __real_fsync(int fd);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
ssize_t __real_write(int fd, const void *bytes, size_t len);
int __wrap_syncfs(int fd);
int __wrap_fsync(int fd);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

static struct {
    int cause;  /* errno; 0: the call works */
    int before; /* so many calls work first */
} syncfs_fails, fsync_fails, rename_fails, write_fails;

static char journal[512]; /* what was called, in order: s(yncfs), f(sync), r(ename) */

static void note(char what)
{
    size_t len = strlen(journal);
    if (len < sizeof journal - 1)
        journal[len] = what;
}

#define FAILS(what) ((what).cause && (what).before-- <= 0 && (errno = (what).cause))

int __wrap_syncfs(int fd)
{
    note('s');
    return FAILS(syncfs_fails) ? -1 : __real_syncfs(fd);
}

int __wrap_fsync(int fd)
{
    note('f');
    return FAILS(fsync_fails) ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    note('r');
    return FAILS(rename_fails) ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    return fd > STDERR_FILENO && FAILS(write_fails) ? -1 : __real_write(fd, bytes, len);
}

#define MANY 20

static struct transport transport;
static struct arena arena;
static struct transport_mail mails[MANY];

static void begin(void)
{
    desk_open();
    arena_init(&arena, 4096);
    transport_maildir_open(&transport, desk_mail());
    memset(journal, 0, sizeof journal);
}

static void end(void)
{
    transport.ops->close(transport.self);
    arena_fini(&arena);
}

static const char *in_mail(const char *name)
{
    return unit_path(desk_mail(), name);
}

static int count_in(const char *name)
{
    return desk_count(in_mail(name));
}

static void deliver(size_t count)
{
    struct transport_mail *list[MANY];
    for (size_t i = 0; i < count; i++) {
        mails[i] = (struct transport_mail){
            .uid = desk_uid((int64_t)i + 1),
            .sender = "shop@example.org",
            .recipient = "alice@example.com",
            .created_at = 1764000000,
            .bytes = "Subject: x\n\nbody\n",
            .len = strlen("Subject: x\n\nbody\n"),
        };
        mails[i].uid = arena_text(&arena, mails[i].uid);
        fault_begin(&mails[i].fault, &arena);
        list[i] = &mails[i];
    }
    transport.ops->deliver(transport.self, list, count);
}

static void assert_outcomes(size_t count, enum transport_outcome expected)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(mails[i].outcome, expected);
        ck_assert_int_eq(mails[i].fault.code != ERR_NONE, expected != TRANSPORT_SENT);
        ck_assert_int_eq(mails[i].fault.text != NULL, expected != TRANSPORT_SENT);
    }
}

/* Once nothing fails any more, the same mails arrive, once each. */
static void assert_heals(size_t count)
{
    syncfs_fails.cause = fsync_fails.cause = rename_fails.cause = write_fails.cause = 0;
    deliver(count);
    assert_outcomes(count, TRANSPORT_SENT);
    ck_assert_int_eq(count_in("new"), (int)count);
    ck_assert_int_eq(count_in("tmp"), 0);
}

START_TEST(a_failed_sync_of_a_mail_is_temporary)
{
    assert_heals(1); /* makes the folders, which syncs them too */
    fsync_fails.cause = EIO;
    deliver(1);
    assert_outcomes(1, TRANSPORT_TEMPORARY);
    ck_assert_int_eq(mails[0].fault.code, ERR_IO);
    ck_assert_int_eq(count_in("tmp"), 0);
    assert_heals(1);
}
END_TEST

START_TEST(one_mails_failure_is_not_anothers)
{
    assert_heals(3);
    fsync_fails.cause = ENOSPC;
    fsync_fails.before = 2;
    deliver(3); /* the third; the folder's sync is the fourth and fails as well */
    ck_assert_int_eq(mails[2].fault.code, ERR_FULL);
    fsync_fails.cause = 0;
    write_fails.cause = EFBIG;
    write_fails.before = 2;
    deliver(3);
    ck_assert_int_eq(mails[0].outcome, TRANSPORT_SENT);
    ck_assert_int_eq(mails[1].outcome, TRANSPORT_SENT);
    ck_assert_int_eq(mails[2].outcome, TRANSPORT_TEMPORARY);
    assert_heals(3);
}
END_TEST

START_TEST(a_failed_sync_of_many_fails_all)
{
    syncfs_fails.cause = EIO;
    deliver(MANY);
    assert_outcomes(MANY, TRANSPORT_TEMPORARY);
    ck_assert_int_eq(count_in("new"), 0);
    ck_assert_int_eq(count_in("tmp"), 0);
    assert_heals(MANY);
}
END_TEST

START_TEST(a_failed_sync_of_the_names_fails_all)
{
    assert_heals(MANY);
    fsync_fails.cause = EIO; /* of many, only new/ is synced so */
    deliver(MANY);
    assert_outcomes(MANY, TRANSPORT_TEMPORARY);
    assert_heals(MANY);
}
END_TEST

START_TEST(a_failed_rename_fails_its_mail)
{
    rename_fails.cause = ENOSPC;
    rename_fails.before = MANY - 1;
    deliver(MANY);
    ck_assert_int_eq(mails[MANY - 1].outcome, TRANSPORT_TEMPORARY);
    ck_assert_int_eq(mails[MANY - 1].fault.code, ERR_FULL);
    assert_outcomes(MANY - 1, TRANSPORT_SENT);
    ck_assert_int_eq(count_in("tmp"), 0);
    assert_heals(MANY);
}
END_TEST

START_TEST(a_full_disk_is_temporary)
{
    write_fails.cause = ENOSPC;
    deliver(2);
    assert_outcomes(2, TRANSPORT_TEMPORARY);
    ck_assert_int_eq(mails[0].fault.code, ERR_FULL);
    ck_assert_int_eq(count_in("new") + count_in("tmp"), 0);
    assert_heals(2);
}
END_TEST

static void put_file(const char *path)
{
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(fclose(out), 0);
}

START_TEST(a_maildir_that_is_none_is_temporary)
{
    put_file(desk_mail());
    deliver(2);
    assert_outcomes(2, TRANSPORT_TEMPORARY);
    ck_assert_ptr_nonnull(strstr(mails[0].fault.text, "mail"));
    ck_assert_int_eq(unlink(desk_mail()), 0);
    assert_heals(2);
}
END_TEST

START_TEST(a_folder_of_it_that_is_none_is_temporary)
{
    static const char *const folders[] = {"tmp", "new"};
    ck_assert_int_eq(mkdir(desk_mail(), 0700), 0);
    put_file(in_mail(folders[_i]));
    deliver(1);
    assert_outcomes(1, TRANSPORT_TEMPORARY);
    ck_assert_int_eq(unlink(in_mail(folders[_i])), 0);
    assert_heals(1);
}
END_TEST

START_TEST(a_maildir_that_goes_away_is_made_again)
{
    assert_heals(1);
    ck_assert_int_eq(rename(desk_mail(), desk_path("..", "elsewhere")), 0);
    assert_heals(1);
}
END_TEST

START_TEST(a_mail_is_synced_before_it_is_shown)
{
    assert_heals(1);
    memset(journal, 0, sizeof journal);
    deliver(2);
    ck_assert_str_eq(journal, "ffrrf");
}
END_TEST

START_TEST(many_mails_share_a_sync)
{
    assert_heals(1);
    memset(journal, 0, sizeof journal);
    deliver(8);
    ck_assert_str_eq(journal, "srrrrrrrrf");
}
END_TEST

START_TEST(new_folders_are_synced_as_well)
{
    deliver(1);
    ck_assert_str_eq(journal, "fffrf"); /* the folder it is in, the Maildir; the mail */
}
END_TEST

/* Delivers one to that Maildir, by a process that has just begun. */
static void deliver_anew(const char *path)
{
    transport.ops->close(transport.self);
    transport_maildir_open(&transport, path);
    memset(journal, 0, sizeof journal);
    deliver(1);
}

START_TEST(all_folders_on_the_way_are_synced)
{
    deliver_anew(desk_path("..", "a/b/mail"));
    assert_outcomes(1, TRANSPORT_SENT);
    ck_assert_str_eq(journal, "fffffrf");
}
END_TEST

START_TEST(folders_that_another_run_made_are_synced)
{
    assert_heals(1);
    deliver_anew(desk_mail());
    ck_assert_str_eq(journal, "ffrf");
}
END_TEST

START_TEST(new_folders_whose_sync_failed_are_synced_again)
{
    fsync_fails.cause = EIO;
    fsync_fails.before = _i;
    deliver(1);
    assert_outcomes(1, TRANSPORT_TEMPORARY);
    memset(journal, 0, sizeof journal);
    assert_heals(1);
    ck_assert_str_eq(journal, _i ? "ffrf" : "fffrf");
}
END_TEST

START_TEST(the_file_is_the_mail)
{
    struct stat st;
    deliver(1);
    ck_assert_str_eq(
        desk_only(in_mail("new")), "1764000000.00000000000000000000000000000001.orderd");
    const char *path = in_mail("new/1764000000.00000000000000000000000000000001.orderd");
    ck_assert_str_eq(desk_text(path), "Subject: x\n\nbody\n");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(in_mail("cur"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
}
END_TEST

START_TEST(a_repeated_delivery_replaces_the_first)
{
    for (int i = 0; i < 3; i++) {
        deliver(2);
        assert_outcomes(2, TRANSPORT_SENT);
    }
    ck_assert_int_eq(count_in("new"), 2);
}
END_TEST

START_TEST(what_a_crash_left_in_tmp_is_in_nobodys_way)
{
    assert_heals(1);
    const char *left = in_mail("tmp/1764000000.00000000000000000000000000000001.orderd");
    put_file(left);
    assert_heals(1);
    ck_assert_int_eq(symlink("/nonexistent", left), 0);
    assert_heals(1);
    ck_assert_int_ne(access("/nonexistent", F_OK), 0);
}
END_TEST

static Suite *maildir_suite(void)
{
    Suite *suite = suite_create("maildir");
    TCase *tc = tcase_create("deliver");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_failed_sync_of_a_mail_is_temporary);
    tcase_add_test(tc, one_mails_failure_is_not_anothers);
    tcase_add_test(tc, a_failed_sync_of_many_fails_all);
    tcase_add_test(tc, a_failed_sync_of_the_names_fails_all);
    tcase_add_test(tc, a_failed_rename_fails_its_mail);
    tcase_add_test(tc, a_full_disk_is_temporary);
    tcase_add_test(tc, a_maildir_that_is_none_is_temporary);
    tcase_add_loop_test(tc, a_folder_of_it_that_is_none_is_temporary, 0, 2);
    tcase_add_test(tc, a_maildir_that_goes_away_is_made_again);
    tcase_add_test(tc, a_mail_is_synced_before_it_is_shown);
    tcase_add_test(tc, many_mails_share_a_sync);
    tcase_add_test(tc, new_folders_are_synced_as_well);
    tcase_add_test(tc, all_folders_on_the_way_are_synced);
    tcase_add_test(tc, folders_that_another_run_made_are_synced);
    tcase_add_loop_test(tc, new_folders_whose_sync_failed_are_synced_again, 0, 2);
    tcase_add_test(tc, the_file_is_the_mail);
    tcase_add_test(tc, a_repeated_delivery_replaces_the_first);
    tcase_add_test(tc, what_a_crash_left_in_tmp_is_in_nobodys_way);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return unit_run(maildir_suite());
}
