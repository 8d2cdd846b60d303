/* Faults are made to happen: /dev/full for a full disk, RLIMIT_FSIZE for a write that is cut short,
 * the linker's --wrap for what else a file system may refuse. They must work for root too, whom no
 * permission stops. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"

static struct arena arena;
static struct fault fault;
static const char *folder;

int __real_renameat2(int, const char *, int, const char *, unsigned);
int __wrap_renameat2(int, const char *, int, const char *, unsigned);
int __real_unlink(const char *);
int __wrap_unlink(const char *);
int __real_fsync(int);
int __wrap_fsync(int);

static int rename_errno; /* of every call; 0: they work */
static int unlink_errno; /* of the next one */
static int fsync_errno;  /* of the one after fsyncs_left */
static int fsyncs_left;

static int fail_with(int number)
{
    errno = number;
    return -1;
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return rename_errno ? fail_with(rename_errno)
                        : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_unlink(const char *path)
{
    int number = unlink_errno;
    unlink_errno = 0;
    return number ? fail_with(number) : __real_unlink(path);
}

int __wrap_fsync(int fd)
{
    if (!fsync_errno || fsyncs_left-- > 0)
        return __real_fsync(fd);
    int number = fsync_errno;
    fsync_errno = 0;
    return fail_with(number);
}

static void begin(void)
{
    rename_errno = unlink_errno = fsync_errno = 0;
    folder = unit_folder();
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
}

static void end(void)
{
    arena_fini(&arena);
}

static const char *put(const char *name, const void *bytes, size_t len, mode_t mode)
{
    const char *path = unit_path(folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static void assert_content(const char *path, const char *bytes, size_t len)
{
    char *got;
    size_t got_len;
    ck_assert_int_eq(file_read(&arena, path, 1 << 20, &got, &got_len, &fault), ERR_NONE);
    ck_assert_uint_eq(got_len, len);
    ck_assert_int_eq(memcmp(got, bytes, len + 1), 0); /* the NUL too */
}

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    int count = 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static void assert_read_fails(const char *path, size_t max, enum err code)
{
    char *out = NULL;
    size_t len;
    fault_clear(&fault);
    ck_assert_int_eq(file_read(&arena, path, max, &out, &len, &fault), code);
    ck_assert_int_eq(fault.code, code);
    ck_assert_ptr_nonnull(strstr(fault.text, path));
}

START_TEST(what_cannot_be_read_says_why)
{
    const char *fifo = unit_path(folder, "fifo");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    assert_read_fails(fifo, 100, ERR_IO); /* and does not wait for a writer */
    assert_read_fails(folder, 100, ERR_IO);
    assert_read_fails(unit_path(folder, "missing"), 100, ERR_NOT_FOUND);
    assert_read_fails(unit_path(put("file", "", 0, 0600), "below"), 100, ERR_NOT_FOUND);
    assert_read_fails(put("large", "12345", 5, 0600), 4, ERR_CORRUPT);
    const char *loop = unit_path(folder, "loop");
    ck_assert_int_eq(symlink("loop", loop), 0);
    assert_read_fails(loop, 100, ERR_IO);
}
END_TEST

START_TEST(a_file_is_read_to_its_last_byte)
{
    assert_content(put("empty", "", 0, 0600), "", 0);
    assert_content(put("nuls", "a\0b\0", 4, 0600), "a\0b\0", 4);
    char *out;
    size_t len;
    const char *exact = put("exact", "1234", 4, 0600);
    ck_assert_int_eq(file_read(&arena, exact, 4, &out, &len, &fault), ERR_NONE);
    ck_assert_str_eq(out, "1234");
}
END_TEST

START_TEST(a_full_disk_is_full)
{
    int fd = open("/dev/full", O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(file_write_all(fd, "x", 1, &fault), ERR_FULL);
    ck_assert_int_eq(file_write_all(fd, "", 0, &fault), ERR_NONE);
    close(fd);
    ck_assert_int_eq(file_write_all(fd, "x", 1, NULL), ERR_IO);
}
END_TEST

static int pipe_ends[2];
static volatile sig_atomic_t ticks;
static volatile size_t drained;

/* The first signals find a full pipe and a write that has written nothing; later ones make room. */
static void make_room(int number)
{
    static char room[65536];
    (void)number;
    if (++ticks < 4)
        return;
    ssize_t got = read(pipe_ends[0], room, sizeof room);
    if (got > 0)
        drained += (size_t)got;
}

static void signal_every_10_ms(bool on)
{
    struct itimerval every = {{0, on ? 10000 : 0}, {0, on ? 10000 : 0}};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &every, NULL), 0);
}

START_TEST(short_and_interrupted_writes_go_on)
{
    static char bytes[1 << 18];
    struct sigaction action = {.sa_handler = make_room}; /* without SA_RESTART */
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(pipe(pipe_ends), 0);
    int capacity = fcntl(pipe_ends[1], F_GETPIPE_SZ);
    ck_assert_int_eq(file_write_all(pipe_ends[1], bytes, (size_t)capacity, &fault), ERR_NONE);
    signal_every_10_ms(true);
    ck_assert_int_eq(file_write_all(pipe_ends[1], bytes, sizeof bytes, &fault), ERR_NONE);
    signal_every_10_ms(false);
    ck_assert_uint_ge(drained, sizeof bytes);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}
END_TEST

START_TEST(replacing_makes_and_replaces_with_just_this_mode)
{
    struct stat st;
    const char *path = unit_path(folder, "file");
    umask(077);
    ck_assert_int_eq(file_replace(path, "old", 3, 0600, &fault), ERR_NONE);
    ck_assert_int_eq(file_replace(path, "new\0one", 7, 0644, &fault), ERR_NONE);
    assert_content(path, "new\0one", 7);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0644);
    ck_assert_int_eq(count_entries(folder), 1);
}
END_TEST

START_TEST(a_name_without_a_folder_is_in_the_working_folder)
{
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(file_replace("bare", "x", 1, 0600, &fault), ERR_NONE);
    assert_content(unit_path(folder, "bare"), "x", 1);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* Writing stops in the middle, as on a disk that fills up. */
START_TEST(a_replacement_that_fails_leaves_the_old_content_alone)
{
    static char bytes[8192];
    const char *path = put("file", "old", 3, 0600);
    struct rlimit limit = {4096, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(file_replace(path, bytes, sizeof bytes, 0600, &fault), ERR_IO);
    ck_assert_int_eq(fault.code, ERR_IO);
    assert_content(path, "old", 3);
    ck_assert_int_eq(count_entries(folder), 1);
}
END_TEST

START_TEST(a_replacement_that_cannot_take_the_name_leaves_nothing_behind)
{
    const char *path = unit_path(folder, "sub");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(file_replace(path, "x", 1, 0600, &fault), ERR_IO);
    ck_assert_int_eq(count_entries(folder), 1);
    fault_clear(&fault);
    ck_assert_int_eq(file_replace(unit_path(folder, "no/where"), "x", 1, 0600, &fault), ERR_IO);
    char longer[PATH_MAX + 10];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    fault_clear(&fault);
    ck_assert_int_eq(file_replace(longer, "x", 1, 0600, &fault), ERR_IO);
    longer[0] = '/';
    longer[PATH_MAX + 5] = '/';
    fault_clear(&fault);
    ck_assert_int_eq(file_replace(longer, "x", 1, 0600, &fault), ERR_IO);
}
END_TEST

START_TEST(only_folders_can_be_synced_as_such)
{
    ck_assert_int_eq(file_sync_dir(folder, &fault), ERR_NONE);
    ck_assert_int_eq(file_sync_dir(put("file", "", 0, 0600), &fault), ERR_IO);
    ck_assert_int_eq(file_sync_dir(unit_path(folder, "missing"), NULL), ERR_IO);
}
END_TEST

START_TEST(folders_are_made_with_their_parents)
{
    static const char *const names[] = {"a", "a", "b/c/d", "b/c/e/", "f//g", "b/../h"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = unit_path(folder, names[i]);
        struct stat st;
        ck_assert_int_eq(file_make_dir(path, 0750, &fault), ERR_NONE);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert(S_ISDIR(st.st_mode));
    }
    ck_assert_int_eq(file_make_dir("/", 0750, &fault), ERR_NONE);
}
END_TEST

START_TEST(a_folder_in_whose_way_something_stands_is_not_made)
{
    const char *file = put("file", "x", 1, 0600);
    char longer[PATH_MAX + 1];
    memset(longer, 'a', PATH_MAX);
    longer[PATH_MAX] = '\0';
    ck_assert_int_eq(file_make_dir(file, 0750, &fault), ERR_IO);
    ck_assert_int_eq(file_make_dir(unit_path(file, "below"), 0750, NULL), ERR_IO);
    ck_assert_int_eq(symlink("nowhere", unit_path(folder, "dangling")), 0);
    ck_assert_int_eq(file_make_dir(unit_path(folder, "dangling"), 0750, NULL), ERR_IO);
    ck_assert_int_eq(file_make_dir("", 0750, NULL), ERR_IO);
    ck_assert_int_eq(file_make_dir(longer, 0750, NULL), ERR_IO);
    assert_content(file, "x", 1);
}
END_TEST

START_TEST(a_lock_is_one_owner_s_until_it_is_closed)
{
    const char *path = unit_path(folder, "lock");
    int first;
    int second;
    ck_assert_int_eq(file_lock(path, 0, &first, &fault), ERR_NONE);
    ck_assert_int_ge(first, 0);
    ck_assert_int_eq(file_lock(path, 0, &second, &fault), ERR_BUSY);
    ck_assert_int_eq(second, -1);
    ck_assert_ptr_nonnull(strstr(fault.text, path));
    file_close(&first);
    ck_assert_int_eq(file_lock(path, 0, &second, &fault), ERR_NONE);
    file_close(&second);
}
END_TEST

START_TEST(waiting_for_a_lock_ends_at_its_deadline)
{
    const char *path = unit_path(folder, "lock");
    int first;
    int second;
    ck_assert_int_eq(file_lock(path, 0, &first, &fault), ERR_NONE);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(file_lock(path, 50, &second, &fault), ERR_BUSY);
    ck_assert_int_ge(clock_mono_ms() - before, 50);
    file_close(&first);
}
END_TEST

static void *release_soon(void *arg)
{
    clock_sleep_until(clock_mono_ms() + 30);
    file_close(arg);
    return NULL;
}

START_TEST(a_lock_that_is_let_go_is_taken_by_who_waits)
{
    const char *path = unit_path(folder, "lock");
    int first;
    int second;
    pthread_t thread;
    ck_assert_int_eq(file_lock(path, 0, &first, &fault), ERR_NONE);
    int64_t before = clock_mono_ms();
    ck_assert_int_eq(pthread_create(&thread, NULL, release_soon, &first), 0);
    ck_assert_int_eq(file_lock(path, 60000, &second, &fault), ERR_NONE);
    ck_assert_int_lt(clock_mono_ms() - before, 30000);
    pthread_join(thread, NULL);
    file_close(&second);
}
END_TEST

START_TEST(a_lock_is_private_and_no_child_inherits_it)
{
    struct stat st;
    int fd;
    umask(0);
    ck_assert_int_eq(file_lock(unit_path(folder, "lock"), 0, &fd, &fault), ERR_NONE);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    file_close(&fd);
}
END_TEST

START_TEST(a_lock_file_that_is_a_link_or_nowhere_is_refused)
{
    int fd;
    ck_assert_int_eq(symlink("target", unit_path(folder, "link")), 0);
    ck_assert_int_eq(file_lock(unit_path(folder, "link"), 0, &fd, &fault), ERR_IO);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(access(unit_path(folder, "target"), F_OK), -1);
    ck_assert_int_eq(file_lock(unit_path(folder, "no/lock"), 0, &fd, NULL), ERR_IO);
}
END_TEST

START_TEST(closing_twice_is_harmless)
{
    int fd = dup(STDERR_FILENO);
    file_close(&fd);
    ck_assert_int_eq(fd, -1);
    file_close(&fd);
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(a_secret_is_for_its_owner_alone)
{
    static const mode_t open_modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0777};
    ck_assert_int_eq(file_check_secret(put("key", "s", 1, 0600), &fault), ERR_NONE);
    ck_assert_int_eq(file_check_secret(put("key", "s", 1, 0400), &fault), ERR_NONE);
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        fault_clear(&fault);
        const char *path = put("key", "s", 1, open_modes[i]);
        ck_assert_int_eq(file_check_secret(path, &fault), ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(fault.text, path));
    }
}
END_TEST

START_TEST(a_secret_is_a_regular_file)
{
    const char *key = put("key", "s", 1, 0600);
    const char *link = unit_path(folder, "link");
    const char *fifo = unit_path(folder, "fifo");
    ck_assert_int_eq(symlink(key, link), 0);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(file_check_secret(link, &fault), ERR_CONFIG);
    ck_assert_int_eq(file_check_secret(fifo, NULL), ERR_CONFIG);
    ck_assert_int_eq(file_check_secret(folder, NULL), ERR_CONFIG);
    ck_assert_int_eq(file_check_secret(unit_path(folder, "missing"), NULL), ERR_CONFIG);
}
END_TEST

/* root makes somebody else's file; anybody else looks at one of root's, which is as good as one's
 * own. */
START_TEST(a_secret_belongs_to_root_or_to_us)
{
    if (geteuid() != 0)
        return;
    const char *path = put("key", "s", 1, 0600);
    ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
    ck_assert_int_eq(file_check_secret(path, &fault), ERR_CONFIG);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_int_eq(setresuid(12345, 12345, 0), 0);
    fault_clear(&fault);
    ck_assert_int_eq(file_check_secret(path, &fault), ERR_NONE);
    ck_assert_int_eq(setresuid(0, 0, 0), 0);
    ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
    ck_assert_int_eq(setresuid(12345, 12345, 0), 0);
    ck_assert_int_eq(file_check_secret(path, &fault), ERR_NONE);
    ck_assert_int_eq(setresuid(0, 0, 0), 0);
}
END_TEST

/* ---- publishing */

START_TEST(a_published_name_spares_what_is_there)
{
    const char *path = put("partial", "new", 3, 0600);
    const char *name = put("name", "old", 3, 0600);
    ck_assert_int_eq(file_publish(path, name, &fault), ERR_TAKEN);
    ck_assert_ptr_nonnull(strstr(fault.text, "exists already"));
    char *text;
    size_t len;
    ck_assert_int_eq(file_read(&arena, name, 10, &text, &len, NULL), ERR_NONE);
    ck_assert_str_eq(text, "old");
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(symlink("nowhere", name), 0);
    ck_assert_int_eq(file_publish(path, name, NULL), ERR_TAKEN);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(file_publish(path, name, NULL), ERR_NONE);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(file_read(&arena, name, 10, &text, &len, NULL), ERR_NONE);
    ck_assert_str_eq(text, "new");
}
END_TEST

START_TEST(what_cannot_be_published_has_no_name)
{
    const char *name = unit_path(folder, "name");
    ck_assert_int_eq(file_publish(unit_path(folder, "none"), name, &fault), ERR_IO);
    ck_assert_int_eq(
        file_publish(put("partial", "x", 1, 0600), unit_path(folder, "none/name"), NULL), ERR_IO);
    ck_assert_int_ne(access(name, F_OK), 0);
}
END_TEST

static void expect_unpublished(const char *path, const char *name)
{
    ck_assert_int_eq(file_publish(path, name, NULL), ERR_IO);
    ck_assert_int_ne(access(name, F_OK), 0);
}

START_TEST(where_a_rename_cannot_spare_a_name_links_do)
{
    const char *path = put("partial", "new", 3, 0600);
    const char *name = unit_path(folder, "name");
    rename_errno = EINVAL;
    unlink_errno = EIO; /* the first; taking the new name back works */
    expect_unpublished(path, name);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_int_eq(file_publish(path, name, NULL), ERR_NONE);
    ck_assert_int_ne(access(path, F_OK), 0);
    path = put("partial", "newer", 5, 0600);
    ck_assert_int_eq(file_publish(path, name, NULL), ERR_TAKEN);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(what_is_not_synced_has_no_name)
{
    const char *name = unit_path(folder, "name");
    for (int before_it = 0; before_it < 2; before_it++) { /* the file, its folder */
        fsync_errno = EIO;
        fsyncs_left = before_it;
        expect_unpublished(put("partial", "x", 1, 0600), name);
        ck_assert_int_eq(fsync_errno, 0);
    }
}
END_TEST

START_TEST(a_new_file_has_its_mode_whatever_the_umask)
{
    const char *path = unit_path(folder, "made");
    struct stat st;
    int fd;
    mode_t before = umask(0777);
    ck_assert_int_eq(file_make(path, 0640, &fd, NULL), ERR_NONE);
    (void)umask(before);
    ck_assert_int_eq(file_write_all(fd, "x", 1, NULL), ERR_NONE);
    file_close(&fd);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(a_new_file_is_made_over_nothing_that_is_there)
{
    const char *path = put("made", "mine", 4, 0600);
    int fd;
    ck_assert_int_eq(file_make(path, 0600, &fd, &fault), ERR_IO);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    ck_assert_int_eq(file_make(path, 0600, &fd, NULL), ERR_IO);
}
END_TEST

static TCase *make_tcase(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, begin, end);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_locks(TCase *tcase)
{
    tcase_add_test(tcase, a_lock_is_one_owner_s_until_it_is_closed);
    tcase_add_test(tcase, waiting_for_a_lock_ends_at_its_deadline);
    tcase_add_test(tcase, a_lock_that_is_let_go_is_taken_by_who_waits);
    tcase_add_test(tcase, a_lock_is_private_and_no_child_inherits_it);
    tcase_add_test(tcase, a_lock_file_that_is_a_link_or_nowhere_is_refused);
}

static void add_secrets(TCase *tcase)
{
    tcase_add_test(tcase, a_secret_is_for_its_owner_alone);
    tcase_add_test(tcase, a_secret_is_a_regular_file);
    tcase_add_test(tcase, a_secret_belongs_to_root_or_to_us);
}

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = make_tcase(suite, "content");
    add_locks(make_tcase(suite, "locks"));
    add_secrets(make_tcase(suite, "secrets"));
    tcase_add_test(tcase, what_cannot_be_read_says_why);
    tcase_add_test(tcase, a_file_is_read_to_its_last_byte);
    tcase_add_test(tcase, a_full_disk_is_full);
    tcase_add_test(tcase, short_and_interrupted_writes_go_on);
    tcase_add_test(tcase, replacing_makes_and_replaces_with_just_this_mode);
    tcase_add_test(tcase, a_name_without_a_folder_is_in_the_working_folder);
    tcase_add_test(tcase, a_replacement_that_fails_leaves_the_old_content_alone);
    tcase_add_test(tcase, a_replacement_that_cannot_take_the_name_leaves_nothing_behind);
    tcase_add_test(tcase, a_published_name_spares_what_is_there);
    tcase_add_test(tcase, what_cannot_be_published_has_no_name);
    tcase_add_test(tcase, where_a_rename_cannot_spare_a_name_links_do);
    tcase_add_test(tcase, what_is_not_synced_has_no_name);
    tcase_add_test(tcase, a_new_file_has_its_mode_whatever_the_umask);
    tcase_add_test(tcase, a_new_file_is_made_over_nothing_that_is_there);
    tcase_add_test(tcase, only_folders_can_be_synced_as_such);
    tcase_add_test(tcase, folders_are_made_with_their_parents);
    tcase_add_test(tcase, a_folder_in_whose_way_something_stands_is_not_made);
    tcase_add_test(tcase, closing_twice_is_harmless);
    return unit_run(suite);
}
