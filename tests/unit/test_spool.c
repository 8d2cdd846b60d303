/* Publishing: what is reported as durable is there, and what failed left nothing behind that would
 * be taken for whole. System calls are made to fail by the linker's --wrap. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"
#include "spool/seal.h"
#include "spool/spool.h"

#include "unit.h"

int __real_syncfs(int fd);
int __real_fsync(int fd);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_syncfs(int fd);
int __wrap_fsync(int fd);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);

/* The errno of the next calls; 0: they work. */
static int syncfs_errno;
static int fsync_errno;
static int rename_errno;
static int renames_before_it;
static char journal[512]; /* what was called, in order: s(yncfs), r(ename), f(sync) */

static void note(char what)
{
    size_t len = strlen(journal);
    if (len < sizeof journal - 1)
        journal[len] = what;
}

static int fail_with(int cause)
{
    errno = cause;
    return -1;
}

int __wrap_syncfs(int fd)
{
    note('s');
    return syncfs_errno ? fail_with(syncfs_errno) : __real_syncfs(fd);
}

int __wrap_fsync(int fd)
{
    note('f');
    return fsync_errno ? fail_with(fsync_errno) : __real_fsync(fd);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    note('r');
    if (rename_errno && renames_before_it-- == 0)
        return fail_with(rename_errno);
    return __real_renameat(from_fd, from, to_fd, to);
}

static const struct spool_message three[] = {
    {"00000000000000000000000000000001", "first", 5},
    {"00000000000000000000000000000002", "second", 6},
    {"00000000000000000000000000000003", "third", 5},
};

static char folder[300];
static struct spool *spool;
static struct fault fault;

static void begin(void)
{
    snprintf(folder, sizeof folder, "%s/spool", unit_folder());
    fault_begin(&fault, NULL);
    ck_assert_msg(!spool_open(&spool, folder, 0, &fault), "%s", fault.text);
    memset(journal, 0, sizeof journal);
}

static void end(void)
{
    spool_close(spool);
}

static int count_in(const char *name)
{
    DIR *stream = opendir(unit_path(folder, name));
    ck_assert_ptr_nonnull(stream);
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(stream)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count;
}

static const char *new_file(const char *uid)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/new/%s", folder, uid);
    return path;
}

static void assert_holds(const struct spool_message *message)
{
    struct arena arena;
    arena_init(&arena, 1024);
    char *bytes;
    size_t len;
    size_t content_len;
    fault_begin(&fault, NULL);
    ck_assert_msg(!file_read(&arena, new_file(message->uid), SPOOL_FILE_MAX, &bytes, &len, &fault),
        "%s", fault.text);
    ck_assert(seal_check(bytes, len, &content_len));
    ck_assert_uint_eq(content_len, message->len);
    ck_assert(!memcmp(bytes, message->bytes, content_len));
    arena_fini(&arena);
}

static void put_file(const char *name, const char *text)
{
    FILE *out = fopen(unit_path(folder, name), "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

START_TEST(what_is_no_message_is_refused_and_nothing_is_written)
{
    static char large[SPOOL_FILE_MAX];
    const struct spool_message bad[] = {
        {"0000000000000000000000000000000", "x", 1},
        {"000000000000000000000000000000011", "x", 1},
        {"0000000000000000000000000000000A", "x", 1},
        {"../../../../../../../../etc/abcd", "x", 1},
        {"", "x", 1},
        {"00000000000000000000000000000009", "", 0},
        {"00000000000000000000000000000009", large, SPOOL_FILE_MAX - SEAL_SIZE + 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct spool_message pair[] = {three[0], bad[i]};
        fault_begin(&fault, NULL);
        ck_assert_int_eq(spool_publish(spool, pair, 2, &fault), ERR_CORRUPT);
        ck_assert_int_eq(count_in("tmp") + count_in("new"), 0);
    }
}
END_TEST

static void assert_fails_cleanly(enum err expected)
{
    fault_begin(&fault, NULL);
    ck_assert_int_eq(spool_publish(spool, three, 3, &fault), expected);
    ck_assert_int_eq(fault.code, expected);
    ck_assert_ptr_nonnull(fault.text);
    ck_assert_int_eq(count_in("tmp"), 0);
    ck_assert_int_eq(count_in("new"), 0);
}

static void assert_heals(void)
{
    syncfs_errno = fsync_errno = rename_errno = 0;
    ck_assert_int_eq(spool_publish(spool, three, 3, NULL), ERR_NONE);
    for (size_t i = 0; i < 3; i++)
        assert_holds(&three[i]);
}

START_TEST(a_failed_sync_of_the_content_shows_nothing)
{
    syncfs_errno = EIO;
    assert_fails_cleanly(ERR_IO);
    ck_assert_str_eq(journal, "s");
    assert_heals();
}
END_TEST

START_TEST(a_full_disk_is_told_from_a_broken_one)
{
    syncfs_errno = ENOSPC;
    assert_fails_cleanly(ERR_FULL);
    syncfs_errno = EDQUOT;
    assert_fails_cleanly(ERR_FULL);
    assert_heals();
}
END_TEST

START_TEST(a_failed_sync_of_the_names_takes_them_back)
{
    fsync_errno = EIO;
    assert_fails_cleanly(ERR_IO);
    assert_heals();
}
END_TEST

START_TEST(a_rename_that_fails_takes_back_those_before_it)
{
    rename_errno = ENOSPC;
    renames_before_it = 2;
    assert_fails_cleanly(ERR_FULL);
    assert_heals();
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_a_clean_failure)
{
    ck_assert_int_eq(mkdir(unit_path(folder, "tmp/00000000000000000000000000000003"), 0700), 0);
    fault_begin(&fault, NULL);
    ck_assert_int_eq(spool_publish(spool, three, 3, &fault), ERR_IO);
    ck_assert_int_eq(count_in("tmp"), 1);
    ck_assert_int_eq(count_in("new"), 0);
    ck_assert_int_eq(rmdir(unit_path(folder, "tmp/00000000000000000000000000000003")), 0);
    assert_heals();
}
END_TEST

START_TEST(content_then_names_then_their_folder)
{
    ck_assert_int_eq(spool_publish(spool, three, 3, &fault), ERR_NONE);
    ck_assert_str_eq(journal, "srrrf");
    ck_assert_int_eq(count_in("tmp"), 0);
    ck_assert_int_eq(count_in("new"), 3);
    for (size_t i = 0; i < 3; i++)
        assert_holds(&three[i]);
}
END_TEST

START_TEST(nothing_to_publish_is_nothing_done)
{
    ck_assert_int_eq(spool_publish(spool, NULL, 0, &fault), ERR_NONE);
    ck_assert_str_eq(journal, "");
}
END_TEST

START_TEST(publishing_again_replaces_by_the_same)
{
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(spool_publish(spool, three, 2, &fault), ERR_NONE);
    ck_assert_int_eq(count_in("new"), 2);
    assert_holds(&three[0]);
}
END_TEST

START_TEST(the_largest_message_fits)
{
    static char large[SPOOL_FILE_MAX - SEAL_SIZE];
    memset(large, 'x', sizeof large);
    struct spool_message message = {three[0].uid, large, sizeof large};
    ck_assert_int_eq(spool_publish(spool, &message, 1, &fault), ERR_NONE);
    assert_holds(&message);
}
END_TEST

START_TEST(one_publisher_a_spool)
{
    struct spool *second = spool;
    fault_begin(&fault, NULL);
    ck_assert_int_eq(spool_open(&second, folder, 30, &fault), ERR_BUSY);
    ck_assert_ptr_null(second);
    spool_close(spool);
    ck_assert_int_eq(spool_open(&spool, folder, 0, NULL), ERR_NONE);
}
END_TEST

START_TEST(a_refused_start_leaves_the_other_ones_files_alone)
{
    put_file("tmp/00000000000000000000000000000001", "half a fi");
    struct spool *second;
    ck_assert_int_eq(spool_open(&second, folder, 0, NULL), ERR_BUSY);
    ck_assert_int_eq(count_in("tmp"), 1);
}
END_TEST

START_TEST(a_start_empties_tmp_and_nothing_else)
{
    put_file("tmp/00000000000000000000000000000001", "half a fi");
    put_file("tmp/anything", "");
    ck_assert_int_eq(symlink("/etc/passwd", unit_path(folder, "tmp/link")), 0);
    ck_assert_int_eq(mkdir(unit_path(folder, "tmp/folder"), 0700), 0);
    put_file("new/00000000000000000000000000000002", "x");
    spool_close(spool);
    ck_assert_int_eq(spool_open(&spool, folder, 0, NULL), ERR_NONE);
    ck_assert_int_eq(count_in("tmp"), 1); /* the folder: no name of ours will meet it */
    ck_assert_int_eq(count_in("new"), 1);
    ck_assert_int_eq(access("/etc/passwd", F_OK), 0);
}
END_TEST

START_TEST(a_spool_where_none_can_be_is_a_clear_error)
{
    put_file("file", "x");
    struct spool *other;
    fault_begin(&fault, NULL);
    ck_assert_int_eq(spool_open(&other, unit_path(folder, "file"), 0, &fault), ERR_IO);
    ck_assert_ptr_null(other);
    ck_assert_ptr_nonnull(strstr(fault.text, "file"));
}
END_TEST

START_TEST(a_link_in_place_of_a_folder_is_refused)
{
    spool_close(spool);
    ck_assert_int_eq(rmdir(unit_path(folder, "new")), 0);
    ck_assert_int_eq(symlink("/tmp", unit_path(folder, "new")), 0);
    fault_begin(&fault, NULL);
    ck_assert_int_eq(spool_open(&spool, folder, 0, &fault), ERR_IO);
    ck_assert_ptr_nonnull(strstr(fault.text, "new/"));
}
END_TEST

static mode_t mode_of(const char *name)
{
    struct stat st;
    ck_assert_int_eq(lstat(unit_path(folder, name), &st), 0);
    return st.st_mode & 07777;
}

START_TEST(modes_do_not_depend_on_the_umask)
{
    spool_close(spool);
    ck_assert_int_eq(rmdir(unit_path(folder, "new")), 0);
    ck_assert_int_eq(rmdir(unit_path(folder, "tmp")), 0);
    static const mode_t umasks[] = {0, 0077, 0027, 0777};
    mode_t old = umask(0077);
    ck_assert_int_eq(spool_open(&spool, folder, 0, &fault), ERR_NONE);
    ck_assert_uint_eq(mode_of("tmp"), 02750);
    ck_assert_uint_eq(mode_of("new"), 02770);
    for (size_t i = 0; i < sizeof umasks / sizeof *umasks; i++) {
        umask(umasks[i]);
        enum err e = spool_publish(spool, three, 3, &fault);
        umask(old);
        ck_assert_int_eq(e, ERR_NONE);
        ck_assert_uint_eq(mode_of("new/00000000000000000000000000000001"), 0640);
        ck_assert_uint_eq(mode_of("new/00000000000000000000000000000003"), 0640);
    }
}
END_TEST

START_TEST(folders_that_exist_are_left_as_they_are)
{
    spool_close(spool);
    ck_assert_int_eq(chmod(unit_path(folder, "new"), 0700), 0);
    ck_assert_int_eq(spool_open(&spool, folder, 0, &fault), ERR_NONE);
    ck_assert_uint_eq(mode_of("new"), 0700);
}
END_TEST

START_TEST(closing_nothing_is_harmless)
{
    spool_close(NULL);
}
END_TEST

static Suite *spool_suite(void)
{
    Suite *suite = suite_create("spool");
    TCase *tc = tcase_create("publish");
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, what_is_no_message_is_refused_and_nothing_is_written);
    tcase_add_test(tc, a_failed_sync_of_the_content_shows_nothing);
    tcase_add_test(tc, a_full_disk_is_told_from_a_broken_one);
    tcase_add_test(tc, a_failed_sync_of_the_names_takes_them_back);
    tcase_add_test(tc, a_rename_that_fails_takes_back_those_before_it);
    tcase_add_test(tc, a_file_that_cannot_be_written_is_a_clean_failure);
    tcase_add_test(tc, one_publisher_a_spool);
    tcase_add_test(tc, a_refused_start_leaves_the_other_ones_files_alone);
    tcase_add_test(tc, a_spool_where_none_can_be_is_a_clear_error);
    tcase_add_test(tc, a_link_in_place_of_a_folder_is_refused);
    tcase_add_test(tc, a_start_empties_tmp_and_nothing_else);
    tcase_add_test(tc, content_then_names_then_their_folder);
    tcase_add_test(tc, nothing_to_publish_is_nothing_done);
    tcase_add_test(tc, publishing_again_replaces_by_the_same);
    tcase_add_test(tc, the_largest_message_fits);
    tcase_add_test(tc, modes_do_not_depend_on_the_umask);
    tcase_add_test(tc, folders_that_exist_are_left_as_they_are);
    tcase_add_test(tc, closing_nothing_is_harmless);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return unit_run(spool_suite());
}
