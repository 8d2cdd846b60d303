/* The difficulty: a line that was torn may be cut off and written over at any time. So the end of
 * the last whole line is looked for while nobody writes; what lies before it never changes again
 * and is read at leisure. */
#include "gateway/ledger_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/file.h"

#define CHUNK_SIZE   65536
#define LOCK_POLL_MS 1

struct scan {
    const char *path;
    int fd;
    int64_t end; /* of the last whole line */
    int64_t line_count;
    ledger_visit *visit;
    void *arg;
    struct fault *fault;
};

static enum err lock(const struct scan *scan, int wait_ms)
{
    int64_t deadline_ms = clock_mono_ms() + wait_ms;
    while (flock(scan->fd, LOCK_SH | LOCK_NB)) {
        if (errno != EINTR && errno != EWOULDBLOCK)
            return fail_errno(scan->fault, ERR_IO, "cannot lock %s", scan->path);
        if (clock_mono_ms() >= deadline_ms)
            return fail(scan->fault, ERR_BUSY, NULL, "%s is locked by another process", scan->path);
        clock_sleep_until(clock_mono_ms() + LOCK_POLL_MS);
    }
    return ERR_NONE;
}

static enum err too_long(const struct scan *scan)
{
    return fail(scan->fault, ERR_CORRUPT, NULL, "%s: line %lld is too long for an event",
        scan->path, (long long)scan->line_count + 1);
}

/* With the lock held. */
static enum err find_end(struct scan *scan)
{
    char tail[EVENT_LINE_MAX];
    struct stat st;
    if (fstat(scan->fd, &st))
        return fail_errno(scan->fault, ERR_IO, "cannot read %s", scan->path);
    if (!S_ISREG(st.st_mode))
        return fail(scan->fault, ERR_CORRUPT, NULL, "%s is no regular file", scan->path);
    size_t len = st.st_size < EVENT_LINE_MAX ? (size_t)st.st_size : EVENT_LINE_MAX;
    int64_t begin = st.st_size - (int64_t)len;
    if (pread(scan->fd, tail, len, begin) != (ssize_t)len)
        return fail_errno(scan->fault, ERR_IO, "cannot read %s", scan->path);
    const char *newline = memrchr(tail, '\n', len);
    if (!newline && begin)
        return fail(scan->fault, ERR_CORRUPT, NULL, "%s: the last line is too long for an event",
            scan->path);
    scan->end = newline ? begin + (newline - tail) + 1 : 0;
    return ERR_NONE;
}

/* *used: bytes of whole lines. */
static enum err read_lines(struct scan *scan, const char *bytes, size_t len, size_t *used)
{
    const char *at = bytes, *newline;
    while ((newline = memchr(at, '\n', len - (size_t)(at - bytes)))) {
        struct event event;
        if (!event_parse(at, (size_t)(newline - at), &event))
            return fail(scan->fault, ERR_CORRUPT, NULL,
                "%s: line %lld is not an event of the gateway", scan->path,
                (long long)scan->line_count + 1);
        scan->line_count++;
        scan->visit(scan->arg, &event);
        at = newline + 1;
    }
    *used = (size_t)(at - bytes);
    return ERR_NONE;
}

static enum err read_all(struct scan *scan, char *chunk)
{
    size_t used = 0;
    for (int64_t at = 0; at < scan->end; at += (int64_t)used) {
        size_t wanted = scan->end - at < CHUNK_SIZE ? (size_t)(scan->end - at) : CHUNK_SIZE;
        ssize_t got = pread(scan->fd, chunk, wanted, at);
        if (got <= 0)
            return fail_errno(scan->fault, ERR_IO, "cannot read %s", scan->path);
        enum err e = read_lines(scan, chunk, (size_t)got, &used);
        if (e)
            return e;
        if (!used)
            return too_long(scan);
    }
    return ERR_NONE;
}

static enum err scan_file(struct scan *scan, int wait_ms)
{
    enum err e = lock(scan, wait_ms);
    if (e)
        return e;
    e = find_end(scan);
    if (flock(scan->fd, LOCK_UN) && !e)
        e = fail_errno(scan->fault, ERR_IO, "cannot unlock %s", scan->path);
    if (e)
        return e;
    struct arena arena;
    arena_init(&arena, CHUNK_SIZE);
    e = read_all(scan, arena_alloc(&arena, CHUNK_SIZE));
    arena_fini(&arena);
    return e;
}

enum err ledger_scan(
    const char *path, int wait_ms, ledger_visit *visit, void *arg, struct fault *fault)
{
    struct scan scan = {.path = path, .visit = visit, .arg = arg, .fault = fault};
    scan.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (scan.fd < 0 && errno == ENOENT)
        return ERR_NONE;
    if (scan.fd < 0)
        return fail_errno(fault, ERR_IO, "cannot open %s", path);
    enum err e = scan_file(&scan, wait_ms);
    file_close(&scan.fd);
    return e;
}
