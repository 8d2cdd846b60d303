/* The notifier's side of the spool: claims that count, crashes in every state, and whatever
 * somebody may have put there. System calls are made to fail by the linker's --wrap. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/random.h"
#include "spool/layout.h"
#include "spool/seal.h"
#include "spool/spool.h"
#include "spool/take.h"

#include "spool_desk.h"
#include "unit.h"

#define NOW INT64_C(1800000000)

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_openat(int folder_fd, const char *name, int flags, ...);
int __wrap_openat(int folder_fd, const char *name, int flags, ...);

static int rename_errno; /* of every rename; 0: they work */
static int read_errno;   /* of every file that is opened for reading */

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (!rename_errno)
        return __real_renameat(from_fd, from, to_fd, to);
    errno = rename_errno;
    return -1;
}

int __wrap_openat(int folder_fd, const char *name, int flags, ...)
{
    if (read_errno && !(flags & (O_CREAT | O_DIRECTORY))) {
        errno = read_errno;
        return -1;
    }
    return __real_openat(folder_fd, name, flags, 0640);
}

static struct take *take;
static struct arena arena;
static struct fault fault;
static struct taken batch[TAKE_BATCH_MAX];
static size_t count;

static void restart(void)
{
    take_close(take);
    fault_begin(&fault, NULL);
    ck_assert_msg(!take_open(&take, desk_spool(), &fault), "%s", fault.text);
}

static void begin(void)
{
    desk_open();
    arena_init(&arena, 4096);
    restart();
}

static void end(void)
{
    take_close(take);
    arena_fini(&arena);
}

static size_t next_at(int64_t now)
{
    fault_begin(&fault, NULL);
    ck_assert_msg(!take_next(take, &arena, now, batch, &count, &fault), "%s", fault.text);
    return count;
}

static size_t next(void)
{
    return next_at(NOW);
}

static size_t pass(void)
{
    take_begin(take, true);
    return next();
}

/* A whole pass over a spool that has nothing to give. */
static void empty_pass(void)
{
    ck_assert_uint_eq(pass(), 0);
}

START_TEST(a_spool_that_is_not_there_is_a_clear_error)
{
    struct take *other = take;
    fault_begin(&fault, NULL);
    ck_assert_int_eq(take_open(&other, "/nonexistent/spool", &fault), ERR_NOT_FOUND);
    ck_assert_ptr_null(other);
    ck_assert_ptr_nonnull(strstr(fault.text, "/nonexistent/spool"));
    fault_begin(&fault, NULL);
    ck_assert_int_eq(take_open(&other, desk_path("hold", "."), &fault), ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fault.text, "new/"));
}
END_TEST

START_TEST(one_notifier_a_spool)
{
    struct take *other;
    fault_begin(&fault, NULL);
    ck_assert_int_eq(take_open(&other, desk_spool(), &fault), ERR_BUSY);
    ck_assert_ptr_null(other);
    ck_assert_ptr_nonnull(strstr(fault.text, ".notifier.lock"));
    take_close(take);
    take = NULL;
    restart();
}
END_TEST

START_TEST(publisher_and_notifier_do_not_exclude_each_other)
{
    desk_publish(1, 1); /* takes the publisher's lock, while take holds its own */
    ck_assert_uint_eq(pass(), 1);
}
END_TEST

START_TEST(an_empty_spool_gives_nothing)
{
    ck_assert_uint_eq(pass(), 0);
    ck_assert_int_eq(take_due_at(take), INT64_MAX);
}
END_TEST

START_TEST(nothing_is_taken_before_a_pass_begins)
{
    desk_publish(1, 1);
    ck_assert_uint_eq(next(), 0);
    ck_assert_uint_eq(pass(), 1);
}
END_TEST

START_TEST(the_claim_counts_the_attempt)
{
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    ck_assert_str_eq(batch[0].name.uid, desk_uid(1));
    ck_assert_int_eq(batch[0].name.tries, 1);
    ck_assert(!batch[0].was_cut_off);
    ck_assert_str_eq(desk_only("claimed"), "1.00000000000000000000000000000001");
    ck_assert_int_eq(desk_count("new"), 0);
    struct record record;
    ck_assert(!record_decode(&arena, batch[0].bytes, batch[0].len, &record, NULL));
    ck_assert_int_eq(record.order_id, 1);
    ck_assert_uint_eq(next(), 0);
}
END_TEST

START_TEST(what_is_done_is_gone)
{
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    ck_assert(!take_done(take, &batch[0], &fault));
    ck_assert_int_eq(desk_count("claimed"), 0);
    ck_assert_uint_eq(pass(), 0);
}
END_TEST

START_TEST(what_is_deferred_waits_for_its_time)
{
    empty_pass();
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    ck_assert(!take_defer(take, &batch[0], NOW + 30, &fault));
    ck_assert_str_eq(desk_only("deferred"), "1800000030.1.00000000000000000000000000000001");
    ck_assert_int_eq(take_due_at(take), NOW + 30);
    take_begin(take, false);
    ck_assert_uint_eq(next_at(NOW + 29), 0);
    ck_assert_int_eq(take_due_at(take), NOW + 30);
    take_begin(take, false);
    ck_assert_uint_eq(next_at(NOW + 30), 1);
    ck_assert_int_eq(batch[0].name.tries, 2);
    ck_assert_str_eq(desk_only("claimed"), "2.00000000000000000000000000000001");
    ck_assert_int_eq(take_due_at(take), INT64_MAX);
}
END_TEST

START_TEST(the_next_time_is_found_again_after_a_restart)
{
    desk_publish(1, 2);
    desk_move(1, "deferred", "1800000060.3.00000000000000000000000000000001");
    desk_move(2, "deferred", "1800000050.9.00000000000000000000000000000002");
    restart();
    ck_assert_uint_eq(pass(), 0);
    ck_assert_int_eq(take_due_at(take), NOW + 50);
}
END_TEST

START_TEST(a_time_more_than_an_hour_ahead_is_due)
{
    desk_publish(1, 3);
    desk_move(1, "deferred", "1800003601.1.00000000000000000000000000000001");
    desk_move(2, "deferred", "1800003600.1.00000000000000000000000000000002");
    desk_move(3, "deferred", "9223372036854775807.1.00000000000000000000000000000003");
    ck_assert_uint_eq(pass(), 2);
    ck_assert_str_eq(desk_only("deferred"), "1800003600.1.00000000000000000000000000000002");
    ck_assert_int_eq(take_due_at(take), NOW + 3600);
}
END_TEST

START_TEST(a_clock_set_back_makes_what_waits_due)
{
    empty_pass();
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    ck_assert(!take_defer(take, &batch[0], NOW + 30, &fault));
    take_begin(take, false);
    ck_assert_uint_eq(next_at(NOW - 86400), 1);
}
END_TEST

START_TEST(deferred_messages_are_read_only_when_one_may_be_due)
{
    ck_assert_uint_eq(pass(), 0);
    desk_publish(1, 1);
    desk_move(1, "deferred", "1800000000.1.00000000000000000000000000000001"); /* by hand */
    take_begin(take, false);
    ck_assert_uint_eq(next(), 0);
    ck_assert_uint_eq(pass(), 1);
}
END_TEST

START_TEST(what_was_given_up_lies_in_failed_with_its_reason)
{
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    ck_assert(!take_give_up(take, &batch[0], "the reason", &fault));
    ck_assert_int_eq(desk_count("failed"), 2);
    const char *reason = desk_text(desk_path("failed", "00000000000000000000000000000001.reason"));
    ck_assert_str_eq(reason, "tries: 1\nreason: the reason\n");
    ck_assert_int_eq(access(desk_path("failed", desk_uid(1)), R_OK), 0);
    ck_assert_uint_eq(pass(), 0);
}
END_TEST

START_TEST(what_was_given_up_can_be_tried_again_by_a_rename)
{
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    ck_assert(!take_give_up(take, &batch[0], "x", &fault));
    const char *from = desk_path("failed", desk_uid(1));
    ck_assert_int_eq(rename(from, desk_path("new", desk_uid(1))), 0);
    ck_assert_uint_eq(pass(), 1);
    ck_assert_int_eq(batch[0].name.tries, 1);
    ck_assert(!take_give_up(take, &batch[0], "again", &fault));
    ck_assert_int_eq(desk_count("failed"), 2);
}
END_TEST

START_TEST(a_reason_that_cannot_be_written_keeps_nothing_back)
{
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    char reason[UID_SIZE + 8];
    snprintf(reason, sizeof reason, "%s.reason", desk_uid(1));
    ck_assert_int_eq(mkdir(desk_path("failed", reason), 0700), 0);
    ck_assert(!take_give_up(take, &batch[0], "x", &fault));
    ck_assert_int_eq(access(desk_path("failed", desk_uid(1)), R_OK), 0);
}
END_TEST

START_TEST(held_messages_are_left_alone)
{
    desk_publish(1, 1);
    desk_move(1, "hold", desk_uid(1));
    ck_assert_uint_eq(pass(), 0);
    ck_assert_int_eq(desk_count("hold"), 1);
}
END_TEST

START_TEST(an_attempt_that_was_cut_off_is_taken_up_and_counted)
{
    desk_publish(1, 2);
    desk_move(1, "claimed", "1.00000000000000000000000000000001");
    desk_move(2, "claimed", "41.00000000000000000000000000000002");
    restart();
    ck_assert_uint_eq(pass(), 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(batch[i].was_cut_off);
        ck_assert_int_eq(batch[i].name.tries, batch[i].name.uid[31] == '1' ? 2 : 42);
        ck_assert(!take_done(take, &batch[i], &fault));
    }
    ck_assert_uint_eq(next(), 0);
    ck_assert_int_eq(desk_count("claimed"), 0);
}
END_TEST

START_TEST(a_pass_takes_up_what_was_cut_off_once)
{
    desk_publish(1, 1);
    desk_move(1, "claimed", "1.00000000000000000000000000000001");
    ck_assert_uint_eq(pass(), 1); /* and nobody puts it away */
    ck_assert_uint_eq(next(), 0);
    ck_assert_str_eq(desk_only("claimed"), "2.00000000000000000000000000000001");
}
END_TEST

START_TEST(a_pass_takes_up_no_more_than_a_batch_of_it)
{
    desk_publish(1, TAKE_BATCH_MAX + 6);
    for (int64_t i = 1; i <= TAKE_BATCH_MAX + 6; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "1.%s", desk_uid(i));
        desk_move(i, "claimed", name);
    }
    ck_assert_uint_eq(pass(), TAKE_BATCH_MAX);
    ck_assert_uint_eq(next(), 0); /* their new names are not taken for more */
    for (size_t i = 0; i < TAKE_BATCH_MAX; i++)
        ck_assert_int_eq(batch[i].name.tries, 2);
}
END_TEST

START_TEST(the_count_of_tries_has_an_end)
{
    desk_publish(1, 1);
    desk_move(1, "claimed", "999999.00000000000000000000000000000001");
    ck_assert_uint_eq(pass(), 1);
    ck_assert_int_eq(batch[0].name.tries, 999999);
    ck_assert_str_eq(desk_only("claimed"), "999999.00000000000000000000000000000001");
}
END_TEST

START_TEST(a_message_published_again_is_never_twice_in_a_batch)
{
    desk_publish(1, 1);
    desk_move(1, "claimed", "3.00000000000000000000000000000001");
    desk_publish(1, 1);
    desk_move(1, "deferred", "1.2.00000000000000000000000000000001");
    desk_publish(1, 1);
    take_begin(take, true);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(next(), 1);
        ck_assert(!take_done(take, &batch[0], &fault));
    }
    ck_assert_uint_eq(next(), 0);
}
END_TEST

START_TEST(a_backlog_comes_in_batches)
{
    desk_publish(1, 2 * TAKE_BATCH_MAX + 5);
    size_t seen = 0;
    take_begin(take, true);
    while (next()) {
        ck_assert_uint_le(count, TAKE_BATCH_MAX);
        ck_assert_int_eq(desk_count("claimed"), (int)count);
        for (size_t i = 0; i < count; i++)
            ck_assert(!take_done(take, &batch[i], &fault));
        seen += count;
        arena_reset(&arena);
    }
    ck_assert_uint_eq(seen, 2 * TAKE_BATCH_MAX + 5);
    ck_assert_int_eq(desk_count("new"), 0);
}
END_TEST

/* Names that are none, with the folder where they lie. */
static const struct {
    const char *folder;
    const char *name;
} bad_names[] = {
    {"new", "0000000000000000000000000000001"},
    {"new", "000000000000000000000000000000011"},
    {"new", "0000000000000000000000000000000A"},
    {"new", "1.00000000000000000000000000000001"},
    {"new", ".00000000000000000000000000000001"},
    {"new", "00000000000000000000000000000001.reason"},
    {"new", ".hidden"},
    {"new", "a b\nc"},
    {"new", "\xFF\xFE"},
    {"new", "-rf"},
    {"claimed", "00000000000000000000000000000001"},
    {"claimed", "0.00000000000000000000000000000001"},
    {"claimed", "01.00000000000000000000000000000001"},
    {"claimed", "-1.00000000000000000000000000000001"},
    {"claimed", "1000000.00000000000000000000000000000001"},
    {"claimed", "1.2.00000000000000000000000000000001"},
    {"claimed", "1."},
    {"deferred", "1.00000000000000000000000000000001"},
    {"deferred", "1.0.00000000000000000000000000000001"},
    {"deferred", "01.1.00000000000000000000000000000001"},
    {"deferred", "9223372036854775808.1.00000000000000000000000000000001"},
    {"deferred", ".1.00000000000000000000000000000001"},
    {"deferred", "1..00000000000000000000000000000001"},
    {"deferred", "1.1.1.00000000000000000000000000000001"},
};

START_TEST(a_wrong_name_goes_to_corrupt)
{
    desk_publish(1, 2);
    desk_move(1, bad_names[_i].folder, bad_names[_i].name);
    ck_assert_uint_eq(pass(), 1);
    ck_assert_str_eq(batch[0].name.uid, desk_uid(2));
    ck_assert_uint_eq(next(), 0);
    ck_assert_str_eq(desk_only("corrupt"), bad_names[_i].name);
}
END_TEST

static void make_symlink(const char *path)
{
    desk_publish(7, 7);
    desk_move(7, "hold", "whole");
    ck_assert_int_eq(symlink(desk_path("hold", "whole"), path), 0);
}

static void make_dangling_symlink(const char *path)
{
    ck_assert_int_eq(symlink("/nonexistent", path), 0);
}

static void make_hard_link(const char *path)
{
    ck_assert_int_eq(link(path, desk_path("hold", "second name")), 0);
}

static void make_folder(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_full_folder(const char *path)
{
    char inside[800];
    make_folder(path);
    snprintf(inside, sizeof inside, "%s/inside", path);
    ck_assert_int_eq(mkdir(inside, 0700), 0);
}

static void make_fifo(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char parent[800];
    ck_assert_int_eq(unlink(path), 0);
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    ck_assert_int_eq(chdir(parent), 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", strrchr(path, '/') + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void make_foreign(const char *path)
{
    if (geteuid() == 0)
        ck_assert_int_eq(chown(path, 65534, (gid_t)-1), 0);
    else
        ck_assert_int_eq(truncate(path, 3), 0); /* only root can give files away */
}

static void make_empty(const char *path)
{
    ck_assert_int_eq(truncate(path, 0), 0);
}

static void make_shorter(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size - 1), 0);
}

static void make_longer(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size + 1), 0);
}

static void make_oversize(const char *path)
{
    ck_assert_int_eq(truncate(path, SPOOL_FILE_MAX + 1), 0);
}

static void make_sparse_giant(const char *path)
{
    ck_assert_int_eq(truncate(path, (off_t)1 << 40), 0);
}

static void make_flipped(const char *path)
{
    int fd = open(path, O_RDWR);
    char byte;
    ck_assert_int_eq(pread(fd, &byte, 1, 100), 1);
    byte ^= 1;
    ck_assert_int_eq(pwrite(fd, &byte, 1, 100), 1);
    close(fd);
}

static void make_seal_only(const char *path)
{
    char seal[SEAL_SIZE];
    seal_make(seal, "", 0);
    FILE *out = fopen(path, "w");
    ck_assert_uint_eq(fwrite(seal, 1, sizeof seal, out), sizeof seal);
    ck_assert_int_eq(fclose(out), 0);
}

static void (*const misfits[])(const char *) = {make_dangling_symlink, make_symlink, make_hard_link,
    make_folder, make_full_folder, make_fifo, make_socket, make_foreign, make_empty, make_shorter,
    make_longer, make_oversize, make_sparse_giant, make_flipped, make_seal_only};

START_TEST(a_misfit_goes_to_corrupt_and_life_goes_on)
{
    desk_publish(1, 2);
    const char *path = desk_path("new", desk_uid(1));
    if (misfits[_i] == make_symlink || misfits[_i] == make_dangling_symlink)
        ck_assert_int_eq(unlink(path), 0);
    misfits[_i](path);
    ck_assert_uint_eq(pass(), 1);
    ck_assert_str_eq(batch[0].name.uid, desk_uid(2));
    ck_assert_str_eq(desk_only("corrupt"), desk_uid(1));
    ck_assert_int_eq(desk_count("new"), 0);
    ck_assert_int_eq(desk_count("claimed"), 1);
}
END_TEST

START_TEST(a_misfit_is_found_in_the_other_folders_too)
{
    desk_publish(1, 3);
    make_shorter(desk_path("new", desk_uid(1)));
    make_flipped(desk_path("new", desk_uid(2)));
    desk_move(1, "claimed", "1.00000000000000000000000000000001");
    desk_move(2, "deferred", "1.1.00000000000000000000000000000002");
    ck_assert_uint_eq(pass(), 1);
    ck_assert(!take_done(take, &batch[0], &fault));
    ck_assert_uint_eq(next(), 0);
    ck_assert_int_eq(desk_count("corrupt"), 2);
}
END_TEST

START_TEST(corrupt_files_do_not_replace_each_other)
{
    for (int i = 0; i < 3; i++) {
        desk_put("new", desk_uid(1), "nonsense", 8);
        desk_put("new", "wrong", "nonsense", 8);
        ck_assert_uint_eq(pass(), 0);
    }
    ck_assert_int_eq(desk_count("corrupt"), 6);
}
END_TEST

START_TEST(what_makes_no_sense_can_be_rejected)
{
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    take_reject(take, &batch[0], "no sense");
    ck_assert_str_eq(desk_only("corrupt"), desk_uid(1));
    ck_assert_int_eq(desk_count("claimed"), 0);
}
END_TEST

START_TEST(what_cannot_be_read_now_is_not_called_corrupt)
{
    static const int causes[] = {EACCES, EIO, EMFILE};
    desk_publish(1, 1);
    take_begin(take, true);
    read_errno = causes[_i];
    ck_assert_uint_eq(next(), 1);
    read_errno = 0;
    ck_assert_ptr_null(batch[0].bytes);
    ck_assert_int_eq(batch[0].fault.code, ERR_IO);
    ck_assert(!take_defer(take, &batch[0], NOW + 1, &fault));
    take_begin(take, false);
    ck_assert_uint_eq(next_at(NOW + 1), 1);
    ck_assert_ptr_nonnull(batch[0].bytes);
}
END_TEST

START_TEST(what_cannot_be_claimed_stays_and_stops_nobody)
{
    desk_publish(1, 3);
    rename_errno = ENOSPC;
    ck_assert_uint_eq(pass(), 0);
    ck_assert_int_eq(desk_count("new"), 3);
    rename_errno = 0;
    ck_assert_uint_eq(pass(), 3);
}
END_TEST

START_TEST(what_vanishes_before_the_claim_is_nobodys)
{
    desk_publish(1, 1);
    rename_errno = ENOENT;
    ck_assert_uint_eq(pass(), 0);
}
END_TEST

START_TEST(an_end_that_fails_leaves_the_message_to_a_later_pass)
{
    empty_pass();
    desk_publish(1, 1);
    ck_assert_uint_eq(pass(), 1);
    rename_errno = ENOSPC;
    fault_begin(&fault, NULL);
    ck_assert_int_eq(take_defer(take, &batch[0], NOW + 30, &fault), ERR_FULL);
    ck_assert_int_eq(take_due_at(take), INT64_MAX);
    ck_assert_int_eq(take_give_up(take, &batch[0], "x", &fault), ERR_FULL);
    rename_errno = 0;
    ck_assert_uint_eq(pass(), 1);
    ck_assert(batch[0].was_cut_off);
    ck_assert_int_eq(batch[0].name.tries, 2);
    ck_assert_int_eq(unlink(desk_path("claimed", "2.00000000000000000000000000000001")), 0);
    fault_begin(&fault, NULL);
    ck_assert_int_eq(take_done(take, &batch[0], &fault), ERR_IO);
}
END_TEST

static int is_readable(void *arg)
{
    struct pollfd fd = {.fd = take_watch_fd(arg), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

START_TEST(a_new_file_is_noticed)
{
    ck_assert(!is_readable(take));
    desk_publish(1, 1);
    unit_wait(is_readable, take, "the watch");
    ck_assert(!take_noticed(take, &fault));
    ck_assert(!is_readable(take));
    ck_assert_uint_eq(pass(), 1);
    ck_assert(!take_defer(take, &batch[0], NOW, &fault));
    ck_assert(!is_readable(take)); /* our own renames wake nobody */
}
END_TEST

START_TEST(more_events_than_are_kept_are_only_a_scan)
{
    long max = strtol(desk_text("/proc/sys/fs/inotify/max_queued_events"), NULL, 10);
    if (max > 20000)
        return; /* would take too long here */
    desk_publish(1, 1);
    const char *a = desk_path("new", desk_uid(1));
    const char *b = desk_path("new", desk_uid(2));
    for (long i = 0; i <= max / 2; i++) { /* alternating names, as equal events are merged */
        ck_assert_int_eq(rename(a, b), 0);
        ck_assert_int_eq(rename(b, a), 0);
    }
    ck_assert(!take_noticed(take, &fault));
    ck_assert(!is_readable(take));
    ck_assert_uint_eq(pass(), 1);
}
END_TEST

START_TEST(a_spool_that_is_moved_away_is_noticed)
{
    char new_folder[400];
    snprintf(new_folder, sizeof new_folder, "%s/new", desk_spool());
    ck_assert_int_eq(rename(new_folder, desk_path("..", "gone")), 0);
    unit_wait(is_readable, take, "the watch");
    fault_begin(&fault, NULL);
    ck_assert_int_eq(take_noticed(take, &fault), ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fault.text, "new/"));
}
END_TEST

START_TEST(a_folder_that_is_removed_is_noticed)
{
    char new_folder[400];
    snprintf(new_folder, sizeof new_folder, "%s/%s", desk_spool(), _i ? "deferred" : "new");
    ck_assert_int_eq(rmdir(new_folder), 0);
    take_begin(take, true);
    fault_begin(&fault, NULL);
    ck_assert_int_eq(take_next(take, &arena, NOW, batch, &count, &fault), ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fault.text, "removed"));
    ck_assert_uint_eq(next(), 0); /* that pass is over */
}
END_TEST

START_TEST(closing_nothing_is_harmless)
{
    take_close(NULL);
}
END_TEST

/* Two users that share only a group, as an administrator sets it up. */
#define PUBLISHER  64001
#define NOTIFIER   64002
#define SPOOLGROUP 64003

static void become(uid_t user)
{
    gid_t group = SPOOLGROUP;
    if (setgroups(1, &group) || setresgid(user, user, user) || setresuid(user, user, user))
        _exit(99);
    umask(077);
}

static int run_as(uid_t user, int (*what)(void))
{
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        become(user);
        _exit(what());
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int publish_as_publisher(void)
{
    struct spool *spool;
    char bytes[] = "anything";
    struct spool_message messages[] = {
        {desk_uid(1), bytes, 8}, {desk_uid(2), bytes, 8}, {desk_uid(3), bytes, 8}};
    if (spool_open(&spool, desk_spool(), 0, NULL))
        return 1;
    enum err e = spool_publish(spool, messages, 3, NULL);
    spool_close(spool);
    return e ? 2 : 0;
}

static int take_as_notifier(void)
{
    struct take *mine;
    if (take_open(&mine, desk_spool(), NULL))
        return 1;
    take_begin(mine, true);
    if (take_next(mine, &arena, NOW, batch, &count, NULL) || count != 3)
        return 2;
    for (size_t i = 0; i < 3; i++)
        if (!batch[i].bytes || batch[i].len != 8)
            return 3;
    if (take_done(mine, &batch[0], NULL) || take_defer(mine, &batch[1], NOW + 9, NULL) ||
        take_give_up(mine, &batch[2], "x", NULL))
        return 4;
    take_close(mine);
    return 0;
}

static int take_deferred_as_notifier(void)
{
    struct take *mine;
    if (take_open(&mine, desk_spool(), NULL))
        return 1;
    take_begin(mine, true);
    if (take_next(mine, &arena, NOW + 9, batch, &count, NULL) || count != 1)
        return 2;
    bool is_done = batch[0].name.tries == 2 && !take_done(mine, &batch[0], NULL);
    take_close(mine);
    return is_done ? 0 : 3;
}

START_TEST(two_users_share_the_spool_through_a_group)
{
    if (geteuid() != 0)
        return;
    char root[400];
    take_close(take);
    take = NULL;
    snprintf(root, sizeof root, "%s/..", desk_spool());
    ck_assert_int_eq(chmod(root, 0755), 0);
    ck_assert_int_eq(rename(desk_spool(), desk_path("..", "old")), 0);
    ck_assert_int_eq(mkdir(desk_spool(), 0700), 0);
    ck_assert_int_eq(chown(desk_spool(), PUBLISHER, SPOOLGROUP), 0);
    ck_assert_int_eq(chmod(desk_spool(), 03770), 0);
    ck_assert_int_eq(run_as(NOTIFIER, take_as_notifier), 1); /* there is no new/ yet */
    ck_assert_int_eq(run_as(PUBLISHER, publish_as_publisher), 0);
    struct stat st;
    ck_assert_int_eq(stat(desk_path("new", "."), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 02770);
    ck_assert_uint_eq(st.st_gid, SPOOLGROUP);
    ck_assert_int_eq(stat(desk_path("tmp", "."), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 02750);
    ck_assert_int_eq(run_as(NOTIFIER, take_as_notifier), 0);
    ck_assert_int_eq(run_as(NOTIFIER, take_deferred_as_notifier), 0);
    ck_assert_int_eq(desk_count("new") + desk_count("claimed") + desk_count("deferred"), 0);
    ck_assert_int_eq(desk_count("failed"), 2);
    ck_assert_int_eq(run_as(PUBLISHER, publish_as_publisher), 0); /* nothing is in its way */
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static void add_troubles(TCase *tc)
{
    tcase_add_test(tc, a_spool_that_is_not_there_is_a_clear_error);
    tcase_add_test(tc, one_notifier_a_spool);
    tcase_add_loop_test(tc, a_wrong_name_goes_to_corrupt, 0, COUNT_OF(bad_names));
    tcase_add_loop_test(tc, a_misfit_goes_to_corrupt_and_life_goes_on, 0, COUNT_OF(misfits));
    tcase_add_test(tc, a_misfit_is_found_in_the_other_folders_too);
    tcase_add_test(tc, corrupt_files_do_not_replace_each_other);
    tcase_add_test(tc, what_makes_no_sense_can_be_rejected);
    tcase_add_loop_test(tc, what_cannot_be_read_now_is_not_called_corrupt, 0, 3);
    tcase_add_test(tc, what_cannot_be_claimed_stays_and_stops_nobody);
    tcase_add_test(tc, what_vanishes_before_the_claim_is_nobodys);
    tcase_add_test(tc, an_end_that_fails_leaves_the_message_to_a_later_pass);
    tcase_add_test(tc, a_reason_that_cannot_be_written_keeps_nothing_back);
    tcase_add_test(tc, a_spool_that_is_moved_away_is_noticed);
    tcase_add_loop_test(tc, a_folder_that_is_removed_is_noticed, 0, 2);
    tcase_add_test(tc, more_events_than_are_kept_are_only_a_scan);
}

static void add_states(TCase *tc)
{
    tcase_add_test(tc, publisher_and_notifier_do_not_exclude_each_other);
    tcase_add_test(tc, an_empty_spool_gives_nothing);
    tcase_add_test(tc, nothing_is_taken_before_a_pass_begins);
    tcase_add_test(tc, the_claim_counts_the_attempt);
    tcase_add_test(tc, what_is_done_is_gone);
    tcase_add_test(tc, what_is_deferred_waits_for_its_time);
    tcase_add_test(tc, the_next_time_is_found_again_after_a_restart);
    tcase_add_test(tc, a_time_more_than_an_hour_ahead_is_due);
    tcase_add_test(tc, a_clock_set_back_makes_what_waits_due);
    tcase_add_test(tc, deferred_messages_are_read_only_when_one_may_be_due);
    tcase_add_test(tc, what_was_given_up_lies_in_failed_with_its_reason);
    tcase_add_test(tc, what_was_given_up_can_be_tried_again_by_a_rename);
    tcase_add_test(tc, held_messages_are_left_alone);
    tcase_add_test(tc, an_attempt_that_was_cut_off_is_taken_up_and_counted);
    tcase_add_test(tc, a_pass_takes_up_what_was_cut_off_once);
    tcase_add_test(tc, a_pass_takes_up_no_more_than_a_batch_of_it);
    tcase_add_test(tc, the_count_of_tries_has_an_end);
    tcase_add_test(tc, a_message_published_again_is_never_twice_in_a_batch);
    tcase_add_test(tc, a_backlog_comes_in_batches);
    tcase_add_test(tc, a_new_file_is_noticed);
    tcase_add_test(tc, two_users_share_the_spool_through_a_group);
    tcase_add_test(tc, closing_nothing_is_harmless);
}

static Suite *take_suite(void)
{
    Suite *suite = suite_create("take");
    TCase *troubles = tcase_create("troubles");
    TCase *states = tcase_create("states");
    tcase_set_timeout(troubles, 60);
    tcase_set_timeout(states, 60);
    tcase_add_checked_fixture(troubles, begin, end);
    tcase_add_checked_fixture(states, begin, end);
    add_troubles(troubles);
    add_states(states);
    suite_add_tcase(suite, troubles);
    suite_add_tcase(suite, states);
    return suite;
}

int main(void)
{
    return unit_run(take_suite());
}
