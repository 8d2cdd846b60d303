/* ctl/terminal: passwords from pipes, and from a person at a real (pseudo) terminal.
 *
 * At the terminal a child asks, and the test is the person: it sees the prompts through a pipe,
 * types into the terminal's other end, and looks at what the terminal shows and at its state. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/arena.h"

#include "ctl/terminal.h"

#include "unit.h"

static struct fault fault;
static char password[TERMINAL_LINE_SIZE];
static size_t len;

/* ---- pipes */

static int ends[2];

static void begin_pipe(void)
{
    fault_begin(&fault, NULL);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

static void say(const char *text, size_t text_len)
{
    ck_assert_int_eq(write(ends[1], text, text_len), (ssize_t)text_len);
}

static enum err take(int wait_ms)
{
    return terminal_read_password(ends[0], wait_ms, password, &len, &fault);
}

START_TEST(nothing_to_read_is_no_password)
{
    close(ends[1]);
    ck_assert_int_eq(take(5000), ERR_VALIDATION);
}
END_TEST

START_TEST(a_silent_pipe_ends_by_its_deadline)
{
    ck_assert_int_eq(take(20), ERR_TIMEOUT);
}
END_TEST

START_TEST(half_a_line_ends_by_its_deadline)
{
    say("half", 4);
    ck_assert_int_eq(take(20), ERR_TIMEOUT);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_read_is_told)
{
    close(ends[0]);
    ck_assert_int_eq(take(5000), ERR_IO);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_refused)
{
    char long_line[TERMINAL_LINE_SIZE + 1];
    memset(long_line, 'x', sizeof long_line);
    say(long_line, sizeof long_line);
    ck_assert_int_eq(take(5000), ERR_VALIDATION);
}
END_TEST

START_TEST(the_longest_line_fits)
{
    char line[TERMINAL_LINE_SIZE];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    say(line, sizeof line);
    ck_assert_int_eq(take(5000), ERR_NONE);
    ck_assert_uint_eq(len, TERMINAL_LINE_SIZE - 1);
    ck_assert_uint_eq(strlen(password), TERMINAL_LINE_SIZE - 1);
}
END_TEST

START_TEST(only_the_first_line_is_taken)
{
    char rest[16] = "";
    say("first line\nsecond\n", 18);
    ck_assert_int_eq(take(5000), ERR_NONE);
    ck_assert_str_eq(password, "first line");
    ck_assert_uint_eq(len, 10);
    ck_assert_int_eq(read(ends[0], rest, sizeof rest - 1), 7);
    ck_assert_str_eq(rest, "second\n");
}
END_TEST

START_TEST(the_last_line_may_lack_its_newline)
{
    say("secret", 6);
    close(ends[1]);
    ck_assert_int_eq(take(5000), ERR_NONE);
    ck_assert_str_eq(password, "secret");
}
END_TEST

START_TEST(an_empty_line_is_an_empty_password)
{
    say("\n", 1);
    ck_assert_int_eq(take(5000), ERR_NONE);
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(no_byte_of_a_line_is_changed)
{
    say(" a\0b\r\t \n", 8);
    ck_assert_int_eq(take(5000), ERR_NONE);
    ck_assert_uint_eq(len, 7);
    ck_assert_mem_eq(password, " a\0b\r\t ", 8);
}
END_TEST

/* ---- a terminal */

struct person {
    int master;
    int slave;
    int prompts;
    int result; /* the child's password, when all went well */
    pid_t child;
    char seen[4096];
};

static struct person person;

static void ask_in_child(int wait_ms)
{
    close(person.master);
    signal(SIGINT, SIG_DFL); /* Check has handlers of its own */
    signal(SIGTERM, SIG_DFL);
    enum err e = terminal_read_password(person.slave, wait_ms, password, &len, &fault);
    if (!e && write(person.result, password, len) != (ssize_t)len)
        abort();
    _exit((int)e);
}

static void begin_terminal(int wait_ms)
{
    int prompts[2], result[2];
    fault_begin(&fault, NULL);
    ck_assert_int_eq(openpty(&person.master, &person.slave, NULL, NULL, NULL), 0);
    ck_assert_int_eq(pipe(prompts), 0);
    ck_assert_int_eq(pipe(result), 0);
    person.child = fork();
    ck_assert_int_ge(person.child, 0);
    if (person.child == 0) {
        dup2(prompts[1], STDERR_FILENO);
        person.result = result[1];
        ask_in_child(wait_ms);
    }
    close(prompts[1]);
    close(result[1]);
    person.prompts = prompts[0];
    person.result = result[0];
}

static bool echoes(void)
{
    struct termios state;
    ck_assert_int_eq(tcgetattr(person.slave, &state), 0);
    return state.c_lflag & ECHO;
}

static void see_prompt(const char *prompt)
{
    size_t used = strlen(person.seen);
    while (!strstr(person.seen, prompt)) {
        struct pollfd fd = {.fd = person.prompts, .events = POLLIN};
        ck_assert_msg(poll(&fd, 1, 10000) == 1, "waited in vain for \"%s\"", prompt);
        ssize_t got = read(person.prompts, person.seen + used, sizeof person.seen - used - 1);
        ck_assert_msg(got > 0, "no \"%s\" in \"%s\"", prompt, person.seen);
        used += (size_t)got;
        person.seen[used] = '\0';
    }
}

static void type(const char *text)
{
    ck_assert(!echoes());
    ck_assert_int_eq(write(person.master, text, strlen(text)), (ssize_t)strlen(text));
}

static int wait_status(void)
{
    int status;
    ck_assert_int_eq(waitpid(person.child, &status, 0), person.child);
    return status;
}

static enum err outcome(void)
{
    int status = wait_status();
    ck_assert(WIFEXITED(status));
    return (enum err)WEXITSTATUS(status);
}

static void shown_is_nothing(void)
{
    struct pollfd fd = {.fd = person.master, .events = POLLIN};
    ck_assert_int_eq(poll(&fd, 1, 0), 0);
}

START_TEST(a_person_is_asked_twice_and_sees_nothing)
{
    char got[64] = "";
    begin_terminal(10000);
    see_prompt("Password: ");
    type("correct horse\n");
    see_prompt("Once more: ");
    type("correct horse\n");
    ck_assert_int_eq(outcome(), ERR_NONE);
    ck_assert_int_gt(read(person.result, got, sizeof got - 1), 0);
    ck_assert_str_eq(got, "correct horse");
    shown_is_nothing();
    ck_assert(echoes());
}
END_TEST

START_TEST(two_answers_that_differ_are_refused)
{
    static const char *const seconds[] = {"correct hors\n", "correct horse \n", "\n"};
    begin_terminal(10000);
    see_prompt("Password: ");
    type("correct horse\n");
    see_prompt("Once more: ");
    type(seconds[_i]);
    ck_assert_int_eq(outcome(), ERR_VALIDATION);
    ck_assert(echoes());
}
END_TEST

START_TEST(a_person_who_says_nothing_gets_the_echo_back)
{
    begin_terminal(50);
    ck_assert_int_eq(outcome(), ERR_TIMEOUT);
    ck_assert(echoes());
}
END_TEST

START_TEST(a_signal_ends_the_program_with_the_echo_back_on)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    begin_terminal(10000);
    see_prompt("Password: ");
    type("half a pass");
    ck_assert_int_eq(kill(person.child, signals[_i]), 0);
    int status = wait_status();
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), signals[_i]);
    ck_assert(echoes());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("terminal");
    TCase *pipes = tcase_create("pipes");
    tcase_add_checked_fixture(pipes, begin_pipe, NULL);
    tcase_add_test(pipes, nothing_to_read_is_no_password);
    tcase_add_test(pipes, a_silent_pipe_ends_by_its_deadline);
    tcase_add_test(pipes, half_a_line_ends_by_its_deadline);
    tcase_add_test(pipes, a_descriptor_that_cannot_be_read_is_told);
    tcase_add_test(pipes, a_line_that_is_too_long_is_refused);
    tcase_add_test(pipes, the_longest_line_fits);
    tcase_add_test(pipes, only_the_first_line_is_taken);
    tcase_add_test(pipes, the_last_line_may_lack_its_newline);
    tcase_add_test(pipes, an_empty_line_is_an_empty_password);
    tcase_add_test(pipes, no_byte_of_a_line_is_changed);
    suite_add_tcase(suite, pipes);
    TCase *terminals = tcase_create("terminals");
    tcase_add_test(terminals, a_person_is_asked_twice_and_sees_nothing);
    tcase_add_loop_test(terminals, two_answers_that_differ_are_refused, 0, 3);
    tcase_add_test(terminals, a_person_who_says_nothing_gets_the_echo_back);
    tcase_add_loop_test(terminals, a_signal_ends_the_program_with_the_echo_back_on, 0, 4);
    suite_add_tcase(suite, terminals);
    return unit_run(suite);
}
