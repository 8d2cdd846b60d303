/* The listening socket: made, replaced, refused, inherited. */
#include "unit.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "http/fastcgi.h"

#include "peer.h"

static const char *folder;
static const char *path;
static struct fault fault;
static int fd;

static void set_up(void)
{
    folder = unit_folder();
    path = unit_path(folder, "s");
    fault_begin(&fault, NULL);
    fd = -1;
}

static void tear_down(void)
{
    file_close(&fd);
}

static enum err listen_at(const char *where)
{
    return fastcgi_listen(where, 0660, "", 4, &fd, &fault);
}

static void accept_one_of_ours(void)
{
    int peer = peer_connect(path);
    int accepted = accept(fd, NULL, NULL);
    ck_assert_int_ge(accepted, 0);
    close(accepted);
    close(peer);
}

START_TEST(test_makes_a_socket_with_the_mode_it_is_told)
{
    ck_assert_int_eq(listen_at(path), ERR_NONE);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert(S_ISSOCK(st.st_mode));
    ck_assert_int_eq(st.st_mode & 07777, 0660);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    accept_one_of_ours();
}
END_TEST

START_TEST(test_replaces_what_a_dead_process_left)
{
    ck_assert_int_eq(listen_at(path), ERR_NONE);
    file_close(&fd);
    ck_assert_int_eq(listen_at(path), ERR_NONE);
    accept_one_of_ours();
}
END_TEST

START_TEST(test_leaves_a_live_one_alone)
{
    ck_assert_int_eq(listen_at(path), ERR_NONE);
    int live = fd;
    ck_assert_int_eq(listen_at(path), ERR_BUSY);
    ck_assert_int_eq(fd, -1);
    ck_assert_ptr_nonnull(strstr(fault.text, "in use"));
    fd = live;
    int waiting = accept(fd, NULL, NULL); /* the one that asked */
    ck_assert_int_ge(waiting, 0);
    close(waiting);
    accept_one_of_ours();
}
END_TEST

START_TEST(test_one_with_a_full_backlog_is_live)
{
    ck_assert_int_eq(fastcgi_listen(path, 0660, "", 0, &fd, &fault), ERR_NONE);
    int live = fd, first = peer_connect(path);
    ck_assert_int_eq(listen_at(path), ERR_BUSY);
    ck_assert_int_eq(listen_at(path), ERR_BUSY);
    fd = live;
    close(first);
}
END_TEST

START_TEST(test_removes_nothing_but_sockets)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fputs("precious", file), 1);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(listen_at(path), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "no socket"));
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 8);
}
END_TEST

START_TEST(test_does_not_follow_a_link)
{
    const char *other = unit_path(folder, "other");
    ck_assert_int_eq(listen_at(other), ERR_NONE);
    file_close(&fd);
    ck_assert_int_eq(symlink(other, path), 0);
    ck_assert_int_eq(listen_at(path), ERR_CONFIG);
    ck_assert_int_eq(access(other, F_OK), 0);
}
END_TEST

START_TEST(test_a_path_that_cannot_be_is_refused)
{
    char longest[109];
    memset(longest, 'x', sizeof longest);
    longest[108] = '\0';
    ck_assert_int_eq(listen_at(longest), ERR_CONFIG);
    ck_assert_int_eq(listen_at(""), ERR_CONFIG);
    fault_clear(&fault);
    ck_assert_int_eq(listen_at(unit_path(folder, "missing/s")), ERR_IO);
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(test_a_group_that_is_not_there_is_refused)
{
    ck_assert_int_eq(fastcgi_listen(path, 0660, "no-such-group-here", 4, &fd, &fault), ERR_CONFIG);
    ck_assert_int_eq(fd, -1);
    ck_assert_ptr_nonnull(strstr(fault.text, "no-such-group-here"));
}
END_TEST

START_TEST(test_gives_the_socket_to_a_group)
{
    struct group *group = getgrgid(getgid());
    if (!group)
        return;
    ck_assert_int_eq(fastcgi_listen(path, 0620, group->gr_name, 4, &fd, &fault), ERR_NONE);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_gid, getgid());
    ck_assert_int_eq(st.st_mode & 07777, 0620);
}
END_TEST

/* Handed over. In a child, since descriptors 0 and 3 are Check's. */

struct handed {
    const char *what;
    int socket_at; /* -1: nowhere */
    bool is_listening;
    const char *fds; /* LISTEN_FDS, or NULL */
    int pid_off;     /* LISTEN_PID is so far from the child's own */
    int expected;
};

static const struct handed handed[] = {
    {"nothing", -1, false, NULL, 0, -1},
    {"a listening socket as descriptor 0", 0, true, NULL, 0, 0},
    {"a socket as descriptor 0 that does not listen", 0, false, NULL, 0, -1},
    {"a socket from systemd", 3, true, "1", 0, 3},
    {"a socket that does not listen from systemd", 3, false, "1", 0, -1},
    {"a promise without a socket", -1, false, "1", 0, -1},
    {"two sockets from systemd", 3, true, "2", 0, -1},
    {"none from systemd", 3, true, "0", 0, -1},
    {"no number from systemd", 3, true, "x", 0, -1},
    {"a socket for another process", 3, true, "1", 1, -1},
    {"descriptor 0 before systemd's", 0, true, "1", 0, 0},
};

static void place(const struct handed *row, int socket_fd)
{
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 3) < 0)
        _exit(10);
    if (row->socket_at >= 0 && dup2(socket_fd, row->socket_at) < 0)
        _exit(11);
}

static void set_variables(const struct handed *row)
{
    char pid[24];
    snprintf(pid, sizeof pid, "%d", (int)getpid() + row->pid_off);
    if (!row->fds)
        return;
    if (setenv("LISTEN_PID", pid, 1) || setenv("LISTEN_FDS", row->fds, 1) ||
        setenv("LISTEN_FDNAMES", "a", 1))
        _exit(12);
}

/* The exit status of a child: 0 is right. */
static int inherit(const struct handed *row, int socket_fd)
{
    place(row, socket_fd);
    set_variables(row);
    int found = fastcgi_inherited();
    if (found != row->expected)
        return 1;
    if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES"))
        return 2;
    if (found >= 0 && !(fcntl(found, F_GETFD) & FD_CLOEXEC))
        return 3;
    return 0;
}

START_TEST(test_finds_what_was_handed_over)
{
    const struct handed *row = &handed[_i];
    int socket_fd;
    if (row->is_listening) {
        ck_assert_int_eq(listen_at(path), ERR_NONE);
        socket_fd = fd;
    } else {
        socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    }
    ck_assert_int_ge(socket_fd, 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child)
        _exit(inherit(row, fcntl(socket_fd, F_DUPFD, 10)));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %d", row->what, status);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fastcgi_listen");
    TCase *tcase = tcase_create("listen");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_makes_a_socket_with_the_mode_it_is_told);
    tcase_add_test(tcase, test_replaces_what_a_dead_process_left);
    tcase_add_test(tcase, test_leaves_a_live_one_alone);
    tcase_add_test(tcase, test_one_with_a_full_backlog_is_live);
    tcase_add_test(tcase, test_removes_nothing_but_sockets);
    tcase_add_test(tcase, test_does_not_follow_a_link);
    tcase_add_test(tcase, test_a_path_that_cannot_be_is_refused);
    tcase_add_test(tcase, test_a_group_that_is_not_there_is_refused);
    tcase_add_test(tcase, test_gives_the_socket_to_a_group);
    tcase_add_loop_test(tcase, test_finds_what_was_handed_over, 0, sizeof handed / sizeof *handed);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
