/* See relay.h. Rows are read, published and deleted in batches of one syncfs each.
 *
 * Special difficulty: rows that are published and cannot be deleted (a full disk, a tool that holds
 * the database) must not be published again at each try, or their mails go out again each time. So
 * their names are kept until the deletion is durable, and nothing else is done before. */
#include "services/relay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "db/outbox.h"
#include "spool/spool.h"

#include "services/bell.h"

#define BATCH_MAX 64
#define POLL_MS   1000 /* in case a wake-up was for rows that were not committed yet */

struct relay {
    struct store *store;
    char *folder;
    struct relay_options options;
    struct spool *spool; /* NULL until it could be opened */
    atomic_bool is_degraded;

    struct bell bell;
    pthread_t thread;

    char published[BATCH_MAX][UID_SIZE]; /* whose rows are not known to be deleted */
    size_t published_count;
};

struct batch {
    struct arena *arena;
    struct outbox_row *rows;
    size_t count;
};

static enum err read_rows(struct db *db, void *arg)
{
    struct batch *batch = arg;
    return outbox_next(db, batch->arena, BATCH_MAX, &batch->rows, &batch->count);
}

static enum err delete_rows(struct db *db, void *arg)
{
    const struct relay *relay = arg;
    for (size_t i = 0; i < relay->published_count; i++) {
        enum err e = outbox_delete(db, relay->published[i]);
        if (e)
            return e;
    }
    return ERR_NONE;
}

static enum err delete_published(struct relay *relay)
{
    if (relay->published_count == 0)
        return ERR_NONE;
    int64_t deadline_ms = clock_mono_ms() + relay->options.store_timeout_ms;
    enum err e = store_write(relay->store, STORE_FINISH, delete_rows, relay, deadline_ms);
    if (e)
        return e;
    FAULT_POINT(relay_deletion_committed);
    metrics_add(METRIC_relayed_total, (int64_t)relay->published_count);
    relay->published_count = 0;
    return ERR_NONE;
}

static enum err publish(struct relay *relay, const struct batch *batch, struct fault *fault)
{
    struct spool_message messages[BATCH_MAX];
    for (size_t i = 0; i < batch->count; i++)
        messages[i] = (struct spool_message){
            .uid = batch->rows[i].uid,
            .bytes = batch->rows[i].message,
            .len = batch->rows[i].message_len,
        };
    enum err e = relay->spool ? ERR_NONE : spool_open(&relay->spool, relay->folder, 0, fault);
    if (!e)
        e = spool_publish(relay->spool, messages, batch->count, fault);
    if (e) {
        /* Opened anew by the next try: somebody may have moved or mounted something. */
        spool_close(relay->spool);
        relay->spool = NULL;
        return e;
    }
    for (size_t i = 0; i < batch->count; i++)
        memcpy(relay->published[i], batch->rows[i].uid, UID_SIZE);
    relay->published_count = batch->count;
    FAULT_POINT(relay_batch_published);
    return ERR_NONE;
}

/* Trouble is logged when it begins and when it ends, not at each try. */
static void note_spool(struct relay *relay, enum err e, const struct fault *fault)
{
    bool was_degraded = atomic_exchange(&relay->is_degraded, e != ERR_NONE);
    if (e)
        metrics_add(METRIC_relay_failures_total, 1);
    if (e && !was_degraded)
        LOG_ERROR("spool cannot be written, mails wait", LOG_TEXT("cause", fault->text),
            LOG_TEXT("folder", relay->folder));
    if (!e && was_degraded)
        LOG_INFO("spool can be written again", LOG_TEXT("folder", relay->folder));
}

/* *count: rows that are published and deleted. */
static enum err run_batch(struct relay *relay, struct arena *arena, size_t *count)
{
    struct batch batch = {.arena = arena};
    struct fault fault;
    fault_begin(&fault, arena);
    bool is_held;
    *count = 0;
    enum err e = hold_look(relay->options.hold, &is_held);
    if (e || is_held)
        return e;
    e = delete_published(relay); /* of an earlier try */
    if (e)
        return e;
    int64_t deadline_ms = clock_mono_ms() + relay->options.store_timeout_ms;
    e = store_read(relay->store, -1, read_rows, &batch, deadline_ms);
    if (e)
        return e;
    if (batch.count == 0 && relay->spool && !atomic_load(&relay->is_degraded))
        return ERR_NONE;
    FAULT_POINT(relay_rows_read);
    e = publish(relay, &batch, &fault);
    note_spool(relay, e, &fault);
    if (!e)
        e = delete_published(relay);
    if (!e)
        *count = batch.count;
    return e;
}

static void *relay_main(void *arg)
{
    struct relay *relay = arg;
    struct arena arena;
    enum err e = ERR_NONE;
    arena_init(&arena, 256 * 1024);
    while (e ? bell_wait_deaf(&relay->bell, relay->options.retry_ms)
             : bell_wait(&relay->bell, POLL_MS)) {
        size_t count;
        do {
            e = run_batch(relay, &arena, &count);
            arena_reset(&arena);
        } while (!e && count > 0 && !bell_is_over(&relay->bell));
    }
    arena_fini(&arena);
    return NULL;
}

static void free_relay(struct relay *relay)
{
    spool_close(relay->spool);
    bell_fini(&relay->bell);
    free(relay->folder);
    free(relay);
}

enum err relay_open(struct relay **out, struct store *store, const struct relay_options *options,
    struct fault *fault)
{
    struct relay *relay = xalloc(sizeof *relay);
    relay->store = store;
    relay->folder = xstrdup(options->spool);
    relay->options = *options;
    bell_init(&relay->bell);
    if (pthread_create(&relay->thread, NULL, relay_main, relay) != 0) {
        free_relay(relay);
        return fail(fault, ERR_IO, NULL, "cannot start the relay thread");
    }
    *out = relay;
    return ERR_NONE;
}

void relay_close(struct relay *relay)
{
    if (!relay)
        return;
    bell_end(&relay->bell);
    pthread_join(relay->thread, NULL);
    free_relay(relay);
}

void relay_wake(struct relay *relay)
{
    bell_ring(&relay->bell);
}

bool relay_is_degraded(const struct relay *relay)
{
    return atomic_load(&relay->is_degraded);
}
