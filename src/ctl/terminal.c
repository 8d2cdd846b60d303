/* See terminal.h.
 *
 * The difficulty: a signal between "echo off" and "echo on" would leave a terminal that shows
 * nothing. So the signals that end us are blocked meanwhile and read from a descriptor beside the
 * line; the terminal is mended first, and then the signal does its work. It never keeps a copy of
 * what was typed. */
#include "ctl/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"

struct line {
    int fd;
    int signal_fd; /* -1: signals do what they always do */
    int signal;    /* that came; 0: none */
    int64_t deadline_ms;
    char *out;
    size_t len;
};

/* Waits for something to read. ERR_REFUSED: a signal came. */
static enum err line_wait(struct line *l, struct fault *fault)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = l->fd, .events = POLLIN}, {.fd = l->signal_fd, .events = POLLIN}};
        int64_t left_ms = l->deadline_ms - clock_mono_ms();
        int ready = poll(fds, 2, left_ms > 0 ? (int)left_ms : 0);
        if (ready < 0 && errno != EINTR)
            return fail_errno(fault, ERR_IO, "cannot wait for the password");
        if (ready == 0)
            return fail(fault, ERR_TIMEOUT, NULL, "no password was given in time");
        if (ready > 0 && fds[1].revents) {
            struct signalfd_siginfo info;
            if (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
                l->signal = (int)info.ssi_signo;
            return fail(fault, ERR_REFUSED, NULL, "interrupted");
        }
        if (ready > 0)
            return ERR_NONE;
    }
}

/* Byte by byte: what stands behind the line belongs to whoever reads next. */
static enum err line_read(struct line *l, struct fault *fault)
{
    for (l->len = 0; l->len < TERMINAL_LINE_SIZE;) {
        enum err e = line_wait(l, fault);
        if (e)
            return e;
        char *c = l->out + l->len;
        ssize_t got = read(l->fd, c, 1);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return fail_errno(fault, ERR_IO, "cannot read the password");
        if (got == 0 && l->len == 0)
            return fail(fault, ERR_VALIDATION, NULL, "no password: there is nothing to read");
        if (got == 0 || (got == 1 && *c == '\n')) {
            *c = '\0';
            return ERR_NONE;
        }
        l->len += got == 1;
    }
    return fail(fault, ERR_VALIDATION, NULL, "the password is too long");
}

static enum err ask(struct line *l, const char *question, struct fault *fault)
{
    enum err e = file_write_all(STDERR_FILENO, question, strlen(question), fault);
    if (!e)
        e = line_read(l, fault);
    /* the newline that was typed was not shown either */
    enum err newline = file_write_all(STDERR_FILENO, "\n", 1, fault);
    return e ? e : newline;
}

static enum err ask_twice(struct line *l, struct fault *fault)
{
    char first[TERMINAL_LINE_SIZE];
    enum err e = ask(l, "Password: ", fault);
    if (e)
        return e;
    size_t first_len = l->len;
    memcpy(first, l->out, first_len);
    e = ask(l, "Once more: ", fault);
    if (!e && (l->len != first_len || memcmp(first, l->out, first_len) != 0))
        e = fail(fault, ERR_VALIDATION, NULL, "the two passwords are not the same");
    explicit_bzero(first, sizeof first);
    return e;
}

static enum err ask_without_echo(struct line *l, struct fault *fault)
{
    struct termios shown, hidden;
    if (tcgetattr(l->fd, &shown) != 0)
        return fail_errno(fault, ERR_IO, "cannot read the state of the terminal");
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    hidden.c_lflag |= ICANON;
    if (tcsetattr(l->fd, TCSAFLUSH, &hidden) != 0)
        return fail_errno(fault, ERR_IO, "cannot turn the terminal's echo off");
    enum err e = ask_twice(l, fault);
    if (tcsetattr(l->fd, TCSAFLUSH, &shown) != 0 && !e)
        e = fail_errno(fault, ERR_IO, "cannot turn the terminal's echo on again");
    return e;
}

/* Asks with the signals held; the one that came is let through at the end. */
static enum err ask_guarded(struct line *l, struct fault *fault)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t held, before;
    sigemptyset(&held);
    for (size_t n = 0; n < sizeof signals / sizeof *signals; n++)
        sigaddset(&held, signals[n]);
    if (sigprocmask(SIG_BLOCK, &held, &before) != 0)
        return fail_errno(fault, ERR_IO, "cannot hold signals");
    l->signal_fd = signalfd(-1, &held, SFD_CLOEXEC);
    enum err e = l->signal_fd < 0 ? fail_errno(fault, ERR_IO, "cannot watch for signals")
                                  : ask_without_echo(l, fault);
    file_close(&l->signal_fd);
    if (l->signal)
        raise(l->signal);
    if (sigprocmask(SIG_SETMASK, &before, NULL) != 0 && !e)
        e = fail_errno(fault, ERR_IO, "cannot let signals through");
    return e;
}

enum err terminal_read_password(
    int fd, int wait_ms, char out[TERMINAL_LINE_SIZE], size_t *len, struct fault *fault)
{
    struct line l = {
        .fd = fd, .signal_fd = -1, .deadline_ms = clock_mono_ms() + wait_ms, .out = out};
    enum err e = isatty(fd) ? ask_guarded(&l, fault) : line_read(&l, fault);
    *len = l.len;
    return e;
}
