/* One thread, and signals only through a descriptor: so nothing is ever interrupted, and the
 * program stops between two batches. It looks at the spool when it is told of new files, when a
 * deferred message becomes due, and every notify.scan seconds in any case: a lost event or a clock
 * that jumped costs at most that.
 *
 * Owns the configuration, the log and the queue with all it works on.
 */
#include "notify/service.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/command.h"
#include "core/file.h"
#include "core/log.h"
#include "spool/take.h"

#include "notify/queue.h"
#include "notify/transport_maildir.h"

#define SPOOL_WAIT_MS 10000
#define SPOOL_POLL_MS 50

struct service {
    const char *config_path;
    struct config *config;
    int signal_fd;
    bool is_stopping;
    bool wants_reload;
    struct take *take;
    struct transport transport;
    struct queue *queue; /* NULL: the transport is not open either */
};

static struct message_options message_options(const struct config *config)
{
    return (struct message_options){
        .from = config_text(config, OPT_notify_from),
        .from_name = config_text(config, OPT_notify_from_name),
        .domain = config_text(config, OPT_notify_domain),
    };
}

enum err service_check(const struct config *config, struct fault *fault)
{
    struct message_options options = message_options(config);
    if (config_int(config, OPT_notify_retry_first) > config_int(config, OPT_notify_retry_max))
        return fail(fault, ERR_CONFIG, NULL, "notify.retry_first exceeds notify.retry_max");
    return message_check(&options, fault);
}

static enum err open_log(const struct config *config, struct fault *fault)
{
    struct log_options options = {
        .path = config_text(config, OPT_log_notifier_file),
        .level = (enum log_level)config_choice(config, OPT_log_level),
        .rotate_size = config_int(config, OPT_log_rotate_size),
        .rotate_count = config_int(config, OPT_log_rotate_count),
    };
    return log_open(&options, fault);
}

static void close_queue(struct service *service)
{
    if (!service->queue)
        return;
    queue_free(service->queue);
    service->queue = NULL;
    service->transport.ops->close(service->transport.self);
}

static void open_queue(struct service *service)
{
    const struct config *config = service->config;
    struct queue_options options = {
        .message = message_options(config),
        .backoff = {.first_s = config_int(config, OPT_notify_retry_first),
            .max_s = config_int(config, OPT_notify_retry_max),
            .give_up_s = config_int(config, OPT_notify_give_up) * 3600},
    };
    transport_maildir_open(&service->transport, config_text(config, OPT_notify_maildir));
    service->queue = queue_new(service->take, &service->transport, &options);
}

static enum err open_signals(struct service *service, struct fault *fault)
{
    sigset_t waited;
    command_block_signals(&waited);
    service->signal_fd = signalfd(-1, &waited, SFD_NONBLOCK | SFD_CLOEXEC);
    if (service->signal_fd < 0)
        return fail_errno(fault, ERR_IO, "cannot wait for signals");
    return ERR_NONE;
}

static enum err open_all(struct service *service, struct fault *fault)
{
    enum err e = service_check(service->config, fault);
    if (!e)
        e = open_log(service->config, fault);
    return e ? e : open_signals(service, fault);
}

enum err service_open(
    struct service **out, const char *config_path, struct config *config, struct fault *fault)
{
    struct service *service = xalloc(sizeof *service);
    *service = (struct service){.config_path = config_path, .config = config, .signal_fd = -1};
    enum err e = open_all(service, fault);
    if (e) {
        LOG_ERROR("orderd-notifier cannot start", LOG_TEXT("cause", fault->text));
        service_close(service);
        service = NULL;
    }
    *out = service;
    return e;
}

void service_close(struct service *service)
{
    if (!service)
        return;
    if (service->queue) {
        close_queue(service);
        message_fini();
        LOG_INFO("orderd-notifier has stopped");
    }
    take_close(service->take);
    file_close(&service->signal_fd);
    config_close(service->config);
    log_close();
    free(service);
}

/* Reads the configuration as at a start; what is wrong is logged, and *out is NULL then. */
static void read_config(const struct service *service, struct config **out)
{
    struct arena arena;
    struct buffer problems;
    struct fault fault;
    arena_init(&arena, 4096);
    fault_begin(&fault, &arena);
    buffer_begin(&problems, &arena, 1024);
    enum err e = config_open(out, service->config_path, &problems, &fault);
    if (!e) {
        e = service_check(*out, &fault);
        if (!e)
            e = open_log(*out, &fault);
        if (e)
            config_close(*out);
    }
    if (e) {
        LOG_ERROR("configuration not taken over", LOG_TEXT("cause", fault.text),
            LOG_TEXT("problems", problems.data));
        *out = NULL;
    }
    arena_fini(&arena);
}

/* The spool stays the one that was locked at the start. */
static void reload(struct service *service)
{
    struct config *config;
    service->wants_reload = false;
    read_config(service, &config);
    if (!config)
        return;
    if (strcmp(config_text(config, OPT_spool_path), config_text(service->config, OPT_spool_path)))
        LOG_WARN("spool.path takes effect at the next start");
    close_queue(service); /* borrows from the old configuration */
    config_close(service->config);
    service->config = config;
    open_queue(service);
    LOG_INFO("configuration taken over", LOG_TEXT("file", service->config_path));
}

static void take_signals(struct service *service)
{
    struct signalfd_siginfo info;
    while (read(service->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            log_reopen();
        else if (info.ssi_signo == SIGHUP)
            service->wants_reload = service->config_path != NULL;
        else
            service->is_stopping = true;
    }
}

static bool is_stopping(struct service *service)
{
    take_signals(service);
    return service->is_stopping;
}

static bool may_go_on(void *arg)
{
    struct service *service = arg;
    return !is_stopping(service) && !service->wants_reload;
}

/* Takes the spool, which the publisher may just be about to make: waits for it for a while, unless
 * it is to stop. */
static enum err take_spool(struct service *service, bool once, struct fault *fault)
{
    const char *path = config_text(service->config, OPT_spool_path);
    int64_t deadline_ms = clock_mono_ms() + (once ? 0 : SPOOL_WAIT_MS);
    bool is_told = false;
    for (;;) {
        enum err e = take_open(&service->take, path, fault);
        take_signals(service);
        if (e != ERR_NOT_FOUND || service->is_stopping || clock_mono_ms() >= deadline_ms)
            return e;
        if (!is_told)
            LOG_WARN("waiting for the spool", LOG_TEXT("cause", fault->text));
        is_told = true;
        fault_clear(fault);
        struct pollfd fd = {.fd = service->signal_fd, .events = POLLIN};
        (void)poll(&fd, 1, SPOOL_POLL_MS);
    }
}

/* Until the next deferred message, but at most until the next scan; in milliseconds. */
static int wait_ms(const struct service *service, int64_t scan_at_ms)
{
    int64_t wait = scan_at_ms - clock_mono_ms();
    int64_t due_in_s = take_due_at(service->take) - clock_now(); /* no overflow: both positive */
    if (due_in_s < wait / 1000)
        wait = due_in_s * 1000;
    return wait < 0 ? 0 : (int)wait; /* notify.scan is at most an hour */
}

/* Waits for anything to do. After a pass that failed, new files do not count: it waits for the
 * scan. */
static enum err wait_for_work(
    struct service *service, int64_t scan_at_ms, bool has_failed, struct fault *fault)
{
    struct pollfd fds[] = {
        {.fd = service->signal_fd, .events = POLLIN},
        {.fd = has_failed ? -1 : take_watch_fd(service->take), .events = POLLIN},
    };
    int64_t left_ms = scan_at_ms - clock_mono_ms();
    int timeout_ms = !has_failed ? wait_ms(service, scan_at_ms) : left_ms > 0 ? (int)left_ms : 0;
    int count = poll(fds, 2, timeout_ms);
    if (count < 0 && errno != EINTR)
        return fail_errno(fault, ERR_IO, "cannot wait");
    take_signals(service);
    return count > 0 && fds[1].revents ? take_noticed(service->take, fault) : ERR_NONE;
}

/* One pass. Its failure is logged; nothing is lost by it. */
static enum err run_pass(struct service *service, bool everything, struct fault *fault)
{
    enum err e = queue_run(service->queue, everything, may_go_on, service, fault);
    if (e)
        LOG_ERROR("spool cannot be read", LOG_TEXT("cause", fault->text));
    return e;
}

/* Passes until the program shall end, or after one pass; e: the spool has gone. */
static enum err run_passes(struct service *service, bool once, struct fault *fault)
{
    int64_t scan_at_ms = 0;
    while (!is_stopping(service)) {
        if (service->wants_reload) {
            reload(service);
            scan_at_ms = 0;
        }
        bool everything = clock_mono_ms() >= scan_at_ms;
        if (everything)
            scan_at_ms = clock_mono_ms() + 1000 * config_int(service->config, OPT_notify_scan);
        enum err pass = run_pass(service, everything, fault);
        if (service->wants_reload || service->is_stopping)
            continue; /* noticed during the pass: there is nothing to wait for */
        if (once || pass == ERR_NOT_FOUND)
            return pass;
        fault_clear(fault);
        enum err e = wait_for_work(service, scan_at_ms, pass != ERR_NONE, fault);
        if (e)
            return e;
    }
    return ERR_NONE;
}

static enum err run(struct service *service, bool once, struct fault *fault)
{
    enum err e = take_spool(service, once, fault);
    if (service->is_stopping)
        return ERR_NONE;
    if (e)
        return e;
    message_init();
    open_queue(service);
    LOG_INFO("orderd-notifier is ready",
        LOG_TEXT("spool", config_text(service->config, OPT_spool_path)),
        LOG_TEXT("maildir", config_text(service->config, OPT_notify_maildir)));
    return run_passes(service, once, fault);
}

enum err service_run(struct service *service, bool once, struct fault *fault)
{
    enum err e = run(service, once, fault);
    if (e)
        LOG_ERROR("orderd-notifier cannot work", LOG_TEXT("cause", fault->text));
    return e;
}
