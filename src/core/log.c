/* Many threads write while the file under them is rotated. Whole lines go by one write(2) to a
 * descriptor opened with O_APPEND, so they never mix; writers share a read lock, and only whoever
 * exchanges the descriptor excludes them. Two processes may share a file: an old orderd that
 * drains, and its successor.
 *
 * Owns the log's descriptor. It must never end the process, wait for a disk that is full, or lose a
 * line because a rotation failed: it then goes on in the old file. */
#include "core/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/log_file.h"
#include "core/logfmt.h"
#include "core/metrics.h"

static struct {
    pthread_rwlock_t lock; /* for all but the atomics */
    int fd;
    char *path; /* NULL: standard error */
    int64_t rotate_size;
    int64_t rotate_count;
    _Atomic int64_t size; /* bytes in the file, or since a rotation failed */
    _Atomic bool is_torn; /* the disk filled up in the middle of the last line */
    _Atomic int level;
} sink = {
    .lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP, /* else rotation starves */
    .fd = STDERR_FILENO,
    .level = LOG_LEVEL_INFO,
};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
    atomic_store(&sink.level, (int)level);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load(&sink.level);
}

static void lock_shared(void)
{
    if (pthread_rwlock_rdlock(&sink.lock))
        abort();
}

static void lock_alone(void)
{
    if (pthread_rwlock_wrlock(&sink.lock))
        abort();
}

static void unlock(void)
{
    if (pthread_rwlock_unlock(&sink.lock))
        abort();
}

/* Standard error is borrowed, never closed. */
static void replace_sink(const struct log_options *options, int fd, char *path, int64_t size)
{
    lock_alone();
    char *old_path = sink.path;
    if (old_path)
        file_close(&sink.fd);
    sink.fd = fd;
    sink.path = path;
    sink.rotate_size = options->rotate_size;
    sink.rotate_count = options->rotate_count;
    atomic_store(&sink.size, size);
    atomic_store(&sink.is_torn, false);
    unlock();
    free(old_path);
}

enum err log_open(const struct log_options *options, struct fault *fault)
{
    int fd = STDERR_FILENO;
    int64_t size = 0;
    char *path = NULL;
    if (options->path && *options->path) {
        enum err e = log_file_open(options->path, &fd, &size, fault);
        if (e)
            return e;
        path = xstrdup(options->path);
    }
    replace_sink(options, fd, path, size);
    log_set_level(options->level);
    return ERR_NONE;
}

void log_close(void)
{
    const struct log_options standard = {.level = LOG_LEVEL_INFO};
    replace_sink(&standard, STDERR_FILENO, NULL, 0);
    log_set_level(standard.level);
}

/* Under the shared lock. False: the disk is full, the reader of standard error is gone, ... */
static bool write_lines(const char *lines, size_t len)
{
    if (atomic_exchange(&sink.is_torn, false) && file_write_all(sink.fd, "\n", 1, NULL)) {
        atomic_store(&sink.is_torn, true);
        return false;
    }
    ssize_t put;
    do
        put = write(sink.fd, lines, len);
    while (put < 0 && errno == EINTR);
    if (put < 0)
        return false;
    atomic_fetch_add(&sink.size, put);
    if ((size_t)put == len || !file_write_all(sink.fd, lines + put, len - (size_t)put, NULL))
        return true;
    atomic_store(&sink.is_torn, true);
    return false;
}

static bool is_rotation_due(void)
{
    return sink.path && sink.rotate_size > 0 && atomic_load(&sink.size) > sink.rotate_size;
}

static int64_t count_lines(const char *lines, size_t len)
{
    int64_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += lines[i] == '\n';
    return count;
}

/* Returns whether a rotation is due. */
static bool emit(const char *lines, size_t len)
{
    lock_shared();
    bool written = write_lines(lines, len);
    bool is_due = is_rotation_due();
    unlock();
    if (!written)
        metrics_add(METRIC_log_lines_lost_total, count_lines(lines, len));
    return is_due;
}

static void begin(struct logfmt *line, enum log_level level, const char *event)
{
    char now[CLOCK_TEXT_SIZE];
    clock_text(now, clock_now());
    logfmt_begin(line);
    logfmt_text(line, "time", now);
    logfmt_text(line, "level", level_names[level]);
    logfmt_text(line, "event", event);
}

/* For what goes wrong with the log itself: it never rotates, so it cannot call itself for ever. */
static void complain(const char *event, const struct fault *fault)
{
    struct logfmt line;
    begin(&line, LOG_LEVEL_ERROR, event);
    logfmt_text(&line, "cause", fault->text);
    logfmt_end(&line);
    (void)emit(line.data, line.len);
}

/* Whoever comes second finds that it is no longer due. After a failure the size counts from 0
 * again, so that the next try comes after as many bytes as a file may have. */
static void rotate(void)
{
    struct fault fault;
    fault_begin(&fault, NULL);
    enum err e = ERR_NONE;
    lock_alone();
    if (is_rotation_due()) {
        int64_t size = 0;
        e = log_file_rotate(sink.path, sink.rotate_count, &sink.fd, &size, &fault);
        atomic_store(&sink.size, e ? 0 : size);
    }
    unlock();
    if (e)
        complain("log rotation failed", &fault);
}

void log_reopen(void)
{
    struct fault fault;
    fault_begin(&fault, NULL);
    enum err e = ERR_NONE;
    lock_alone();
    if (sink.path) {
        int fd;
        int64_t size;
        e = log_file_open(sink.path, &fd, &size, &fault);
        if (!e) {
            file_close(&sink.fd);
            sink.fd = fd;
            atomic_store(&sink.size, size);
            atomic_store(&sink.is_torn, false);
        }
    }
    unlock();
    if (e)
        complain("log reopen failed", &fault);
}

static void add_pairs(struct logfmt *line, const struct log_pair *pair)
{
    for (; pair && pair->key; pair++)
        if (pair->text)
            logfmt_text(line, pair->key, pair->text);
        else
            logfmt_int(line, pair->key, pair->number);
}

static void write_all(const char *lines, size_t len)
{
    if (len && emit(lines, len))
        rotate();
}

void log_write(enum log_level level, const char *event, const struct log_pair *pairs)
{
    if (!log_enabled(level))
        return;
    struct logfmt line;
    begin(&line, level, event);
    add_pairs(&line, pairs);
    logfmt_end(&line);
    write_all(line.data, line.len);
}

static enum log_level outcome_level(enum err outcome)
{
    if (outcome == ERR_INTERNAL || outcome == ERR_BROKEN)
        return LOG_LEVEL_ERROR;
    return err_info(outcome)->status >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

/* Names of offending fields are the client's words and may be anything; their number says enough.
 */
static void add_fault(struct logfmt *line, const struct fault *fault)
{
    if (fault->text)
        logfmt_text(line, "cause", fault->text);
    if (fault->decline_code)
        logfmt_text(line, "decline_code", fault->decline_code);
    if (fault->field_count)
        logfmt_int(line, "fields", (int64_t)fault->field_count);
}

static void put_outcome(struct logfmt *line, enum log_level level, const struct log_outcome *o)
{
    begin(line, level, o->name);
    logfmt_text(line, "kind", o->kind);
    if (o->request_id)
        logfmt_text(line, "request_id", o->request_id);
    if (o->user_id)
        logfmt_int(line, "user_id", o->user_id);
    logfmt_int(line, "duration_us", o->duration_us);
    logfmt_text(line, "outcome", err_info(o->outcome)->name);
    if (o->outcome && o->fault)
        add_fault(line, o->fault);
    add_pairs(line, o->extra); /* last, since what a client chose may fill the line */
    logfmt_end(line);
}

void log_outcome(const struct log_outcome *o)
{
    enum log_level level = outcome_level(o->outcome);
    struct logfmt line;
    line.len = 0;
    if (log_enabled(level))
        put_outcome(&line, level, o);
    if (!o->lines) {
        write_all(line.data, line.len);
        return;
    }
    buffer_bytes(o->lines, line.data, line.len);
    if (o->is_last) {
        write_all(o->lines->data, o->lines->len);
        o->lines->len = 0;
    }
}
