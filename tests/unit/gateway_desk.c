/* See gateway_desk.h. */
#include "gateway_desk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

#include "unit.h"

static char path[512];
static const struct gateway_answer nothing;
static struct gateway_answer answer;

void desk_begin(void)
{
    snprintf(path, sizeof path, "%s/gateway.ledger", unit_folder());
}

const char *desk_ledger(void)
{
    return path;
}

struct gateway *desk_open(struct simulated_options options)
{
    struct gateway *gateway;
    struct fault fault;
    fault_begin(&fault, NULL);
    options.ledger = path;
    enum err e = simulated_open(&gateway, &options, &fault);
    ck_assert_msg(!e, "%s", e ? fault.text : "");
    return gateway;
}

struct gateway *desk_open_plain(void)
{
    return desk_open((struct simulated_options){.latency_ms = 0});
}

enum err desk_try_open(struct gateway **gateway, const char **text)
{
    static struct fault fault;
    fault_begin(&fault, NULL);
    enum err e = simulated_open(gateway, &(struct simulated_options){.ledger = path}, &fault);
    *text = e ? fault.text : "";
    return e;
}

const struct gateway_answer *desk_answer(void)
{
    return &answer;
}

int64_t desk_soon(void)
{
    return clock_mono_ms() + 30000;
}

static struct gateway_charge charge(const char *reference, const char *token)
{
    return (struct gateway_charge){
        .reference = reference, .amount_minor = 2590, .currency = "EUR", .payment_token = token};
}

enum gateway_result desk_authorise(
    struct gateway *gateway, const char *reference, const char *token)
{
    struct gateway_charge wanted = charge(reference, token);
    answer = nothing;
    return gateway->ops->authorise(gateway, &wanted, desk_soon(), &answer);
}

enum gateway_result desk_capture(struct gateway *gateway, const char *reference)
{
    struct gateway_charge wanted = charge(reference, NULL);
    answer = nothing;
    return gateway->ops->capture(gateway, &wanted, desk_soon(), &answer);
}

enum gateway_result desk_void(struct gateway *gateway, const char *reference)
{
    answer = nothing;
    return gateway->ops->void_(gateway, reference, desk_soon(), &answer);
}

enum gateway_state desk_status(struct gateway *gateway, const char *reference)
{
    answer = nothing;
    enum gateway_result result = gateway->ops->status(gateway, reference, desk_soon(), &answer);
    ck_assert_int_eq(result, GATEWAY_DONE);
    return answer.state;
}

const char *desk_code(void)
{
    ck_assert_ptr_nonnull(memchr(answer.decline_code, '\0', sizeof answer.decline_code));
    return answer.decline_code;
}

const char *desk_read(void)
{
    static char text[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return "";
    ssize_t got = read(fd, text, sizeof text - 1);
    ck_assert(got >= 0 && (size_t)got < sizeof text - 1);
    text[got] = '\0';
    close(fd);
    return text;
}

int desk_lines(void)
{
    int lines = 0;
    for (const char *at = desk_read(); (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

int desk_count(const char *event, const char *reference)
{
    char wanted[160];
    int count = 0;
    snprintf(wanted, sizeof wanted, " event=%s reference=%s", event, reference);
    for (const char *at = desk_read(); (at = strstr(at, wanted)); at++)
        count += strchr(" \n", at[strlen(wanted)]) != NULL;
    return count;
}

static void put(const char *text, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

void desk_write(const char *text)
{
    put(text, O_TRUNC);
}

void desk_append(const char *text)
{
    put(text, O_APPEND);
}
