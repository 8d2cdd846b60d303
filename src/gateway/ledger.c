/* A call is four system calls where its reference is new or was heard of lately: lock, size, write,
 * unlock. For that the end of the file is kept in memory, as it was read, or written by us.
 *
 * A full disk can cut a line in two and a crash can lose its end; both leave a tail without
 * newline, and whoever wrote it did not promise it to anybody. So whoever holds the lock and finds
 * such a tail removes it, and no other code repairs anything. A whole line that is no event is
 * never guessed at: nothing works until an administrator has mended the file.
 *
 * A line that was written whole is taken into memory by what reads anybody's, so there is one way
 * into it, and what could not be written is not there either. */
#include "gateway/ledger.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/file.h"

#include "gateway/index.h"

#define TAIL_SIZE    ((size_t)65536)
#define TAIL_KEPT    (TAIL_SIZE / 2) /* holds a line whole */
#define LOCK_POLL_MS 1
#define OPEN_WAIT_MS 1000
#define PAIR_SIZE    192 /* of an authorise and its capture: for a first guess */

/* The bytes of the file from at on; up to ledger.end they are lines that were taken. */
struct tail {
    char *bytes; /* TAIL_SIZE */
    size_t len;
    int64_t at;
};

struct ledger {
    char *path;
    int fd;
    pthread_mutex_t mutex;
    pthread_cond_t turn_free;
    bool is_taken; /* whoever took the turn owns all below, and the one lock of the descriptor */
    int64_t end;   /* the file is read up to here */
    int64_t line_count;
    struct index index;
    struct arena scratch;
    struct tail tail;
};

static int64_t tail_end(const struct ledger *ledger)
{
    return ledger->tail.at + (int64_t)ledger->tail.len;
}

/* Forgets what is in memory behind the last line that was taken. */
static void cut_tail(struct ledger *ledger)
{
    ledger->tail.len = (size_t)(ledger->end - ledger->tail.at);
}

/* Makes room for a line at least. */
static void slide_tail(struct ledger *ledger)
{
    struct tail *tail = &ledger->tail;
    if (TAIL_SIZE - tail->len >= EVENT_LINE_MAX)
        return;
    size_t gone = tail->len - TAIL_KEPT;
    memmove(tail->bytes, tail->bytes + gone, TAIL_KEPT);
    tail->at += (int64_t)gone;
    tail->len = TAIL_KEPT;
}

static enum err read_event(
    struct ledger *ledger, int64_t offset, struct event *out, struct fault *fault)
{
    char bytes[EVENT_LINE_MAX];
    const char *line = bytes;
    ssize_t got;
    if (offset >= ledger->tail.at) {
        line = ledger->tail.bytes + (offset - ledger->tail.at);
        got = (ssize_t)(tail_end(ledger) - offset);
    } else {
        got = pread(ledger->fd, bytes, sizeof bytes, offset);
    }
    if (got < 0)
        return fail_errno(fault, ERR_IO, "cannot read %s", ledger->path);
    const char *newline = memchr(line, '\n', (size_t)got);
    if (!newline || !event_parse(line, (size_t)(newline - line), out))
        return fail(fault, ERR_CORRUPT, NULL, "%s was changed at byte %lld", ledger->path,
            (long long)offset);
    return ERR_NONE;
}

/* *slot: of the reference, or the free one where the walk ended; *out: its last event. */
static enum err locate(struct ledger *ledger, const char *reference, uint32_t hash, size_t *slot,
    struct event *out, struct fault *fault)
{
    for (*slot = index_first(&ledger->index, hash);;
         *slot = index_next(&ledger->index, hash, *slot)) {
        int64_t offset = index_offset(&ledger->index, *slot);
        *out = (struct event){.kind = EVENT_NONE};
        if (offset == INDEX_NOWHERE)
            return ERR_NONE;
        enum err e = read_event(ledger, offset, out, fault);
        if (e || !strcmp(out->reference, reference))
            return e;
    }
}

enum err ledger_find(
    struct ledger *ledger, const char *reference, struct event *out, struct fault *fault)
{
    size_t slot;
    return locate(ledger, reference, index_hash(reference), &slot, out, fault);
}

/* Takes one line into the index. */
static enum err read_line(struct ledger *ledger, const char *line, size_t len, struct fault *fault)
{
    struct event event, last;
    if (!event_parse(line, len, &event))
        return fail(fault, ERR_CORRUPT, NULL, "%s: line %lld is not an event of the gateway",
            ledger->path, (long long)ledger->line_count + 1);
    size_t slot;
    uint32_t hash = index_hash(event.reference);
    enum err e = locate(ledger, event.reference, hash, &slot, &last, fault);
    if (e)
        return e;
    if (last.kind == EVENT_NONE)
        index_add(&ledger->index, hash, ledger->end);
    else
        index_move(&ledger->index, slot, ledger->end);
    ledger->end += (int64_t)len + 1;
    ledger->line_count++;
    return ERR_NONE;
}

/* Takes all whole lines that are in memory. */
static enum err read_lines(struct ledger *ledger, struct fault *fault)
{
    const struct tail *tail = &ledger->tail;
    for (;;) {
        const char *line = tail->bytes + (ledger->end - tail->at);
        size_t len = (size_t)(tail_end(ledger) - ledger->end);
        const char *newline = memchr(line, '\n', len);
        if (!newline && len >= EVENT_LINE_MAX)
            return fail(fault, ERR_CORRUPT, NULL,
                "%s: line %lld is too long for an event of the gateway", ledger->path,
                (long long)ledger->line_count + 1);
        if (!newline)
            return ERR_NONE;
        enum err e = read_line(ledger, line, (size_t)(newline - line), fault);
        if (e)
            return e;
    }
}

static enum err remove_torn(struct ledger *ledger, struct fault *fault)
{
    if (ftruncate(ledger->fd, ledger->end))
        return fail_errno(fault, ERR_IO, "cannot remove the torn last line of %s", ledger->path);
    cut_tail(ledger);
    return ERR_NONE;
}

/* Asks how long the file is now. */
static enum err measure(struct ledger *ledger, int64_t *size, struct fault *fault)
{
    struct stat st;
    if (fstat(ledger->fd, &st))
        return fail_errno(fault, ERR_IO, "cannot read %s", ledger->path);
    if (st.st_size < ledger->end)
        return fail(fault, ERR_CORRUPT, NULL, "%s was cut while in use", ledger->path);
    if (st.st_size > INDEX_OFFSET_MAX)
        return fail(fault, ERR_FULL, NULL, "%s is larger than 64 GiB", ledger->path);
    *size = st.st_size;
    return ERR_NONE;
}

/* Reads what was appended since; under the lock. */
static enum err catch_up(struct ledger *ledger, struct fault *fault)
{
    int64_t size = 0;
    struct tail *tail = &ledger->tail;
    enum err e = measure(ledger, &size, fault);
    cut_tail(ledger);
    if (!e && !ledger->line_count)
        index_reserve(&ledger->index, (size_t)size / PAIR_SIZE);
    while (!e && tail_end(ledger) < size) {
        slide_tail(ledger);
        ssize_t got =
            pread(ledger->fd, tail->bytes + tail->len, TAIL_SIZE - tail->len, tail_end(ledger));
        if (got <= 0)
            return fail_errno(fault, ERR_IO, "cannot read %s", ledger->path);
        tail->len += (size_t)got;
        e = read_lines(ledger, fault);
    }
    return !e && ledger->end < size ? remove_torn(ledger, fault) : e;
}

/* flock(2) has no time limit of its own, and the holder may be a stopped process. */
static enum err lock_file(struct ledger *ledger, int64_t deadline_ms, struct fault *fault)
{
    while (flock(ledger->fd, LOCK_EX | LOCK_NB)) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return fail_errno(fault, ERR_IO, "cannot lock %s", ledger->path);
        if (clock_mono_ms() >= deadline_ms)
            return fail(fault, ERR_TIMEOUT, NULL, "%s is locked by another process", ledger->path);
        clock_sleep_until(clock_mono_ms() + LOCK_POLL_MS);
    }
    return ERR_NONE;
}

static void unlock_file(struct ledger *ledger)
{
    int rc = flock(ledger->fd, LOCK_UN);
    assert(!rc);
}

static enum err lock_and_read(struct ledger *ledger, int64_t deadline_ms, struct fault *fault)
{
    enum err e = lock_file(ledger, deadline_ms, fault);
    if (e)
        return e;
    e = catch_up(ledger, fault);
    if (e)
        unlock_file(ledger);
    return e;
}

static bool take_turn(struct ledger *ledger, int64_t deadline_ms)
{
    bool is_in_time = true;
    pthread_mutex_lock(&ledger->mutex);
    while (ledger->is_taken && is_in_time)
        is_in_time = clock_cond_wait(&ledger->turn_free, &ledger->mutex, deadline_ms);
    bool is_ours = !ledger->is_taken;
    ledger->is_taken = true;
    pthread_mutex_unlock(&ledger->mutex);
    return is_ours;
}

static void end_turn(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->mutex);
    ledger->is_taken = false;
    pthread_cond_signal(&ledger->turn_free);
    pthread_mutex_unlock(&ledger->mutex);
}

enum err ledger_begin(struct ledger *ledger, int64_t deadline_ms, struct fault *fault)
{
    if (!take_turn(ledger, deadline_ms))
        return fail(fault, ERR_TIMEOUT, NULL, "no turn at %s in time", ledger->path);
    enum err e = lock_and_read(ledger, deadline_ms, fault);
    if (e)
        end_turn(ledger);
    return e;
}

void ledger_end(struct ledger *ledger)
{
    unlock_file(ledger);
    end_turn(ledger);
}

enum err ledger_append(struct ledger *ledger, const struct event *event, struct fault *fault)
{
    struct buffer line;
    struct tail *tail = &ledger->tail;
    buffer_begin(&line, &ledger->scratch, EVENT_LINE_MAX);
    event_write(event, clock_now(), &line);
    ssize_t put = write(ledger->fd, line.data, line.len);
    bool is_whole = put == (ssize_t)line.len;
    if (is_whole) {
        slide_tail(ledger);
        memcpy(tail->bytes + tail->len, line.data, line.len);
        tail->len += line.len;
    }
    arena_reset(&ledger->scratch);
    if (put < 0)
        return fail_errno(fault, ERR_IO, "cannot write to %s", ledger->path);
    if (!is_whole)
        return fail(fault, ERR_FULL, NULL, "cannot write a whole line to %s", ledger->path);
    return read_lines(ledger, fault);
}

enum err ledger_open(struct ledger **out, const char *path, struct fault *fault)
{
    *out = NULL;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(fault, ERR_IO, "cannot open %s", path);
    struct ledger *ledger = xalloc(sizeof *ledger);
    ledger->fd = fd;
    ledger->path = xstrdup(path);
    ledger->tail.bytes = xalloc(TAIL_SIZE);
    pthread_mutex_init(&ledger->mutex, NULL);
    clock_cond_init(&ledger->turn_free);
    arena_init(&ledger->scratch, EVENT_LINE_MAX * 2);
    enum err e = ledger_begin(ledger, clock_mono_ms() + OPEN_WAIT_MS, fault);
    if (e) {
        ledger_close(ledger);
        return e == ERR_TIMEOUT ? ERR_BUSY : e;
    }
    ledger_end(ledger);
    *out = ledger;
    return ERR_NONE;
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    file_close(&ledger->fd);
    index_fini(&ledger->index);
    arena_fini(&ledger->scratch);
    pthread_cond_destroy(&ledger->turn_free);
    pthread_mutex_destroy(&ledger->mutex);
    free(ledger->tail.bytes);
    free(ledger->path);
    free(ledger);
}
