/* The rows are the memory: this thread may die anywhere and the next run goes on from them, since
 * captures and voids are idempotent by reference. Results of a round are written in one unit; if
 * that fails the round is simply repeated. Never calls the gateway for a void whose "voiding" it
 * did not read from the database, and nothing at all while a restored database is held. */
#include "services/settle.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/fault_point.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "db/idempotency.h"

#include "services/attempt_end.h"
#include "services/bell.h"
#include "services/crew.h"

#define ROUND_MAX      64              /* rows of one unit */
#define HALF_MAX       (ROUND_MAX / 2) /* of each kind, where there is enough of both */
#define POLL_MS        1000            /* for what is due again */
#define SWEEP_MS       60000
#define SWEEP_ROWS     500
#define SECONDS_OF_DAY 86400

struct settle {
    struct store *store;
    struct payment *payment;
    struct settle_options options;
    struct crew *crew;
    struct end_list ends;
    atomic_bool is_start_passed;

    struct bell bell;
    pthread_t thread;
    int64_t next_sweep_ms;
};

/* One call at the gateway and what came of it. */
struct job {
    bool is_void;
    struct settle_row row;
    bool is_skipped; /* not called: settle ends */
    enum err result;
};

struct settle_round {
    struct settle *settle;
    struct arena *arena;
    int64_t now;
    struct job jobs[ROUND_MAX];
    size_t count;
};

static int64_t store_deadline(const struct settle *settle)
{
    return clock_mono_ms() + settle->options.store_timeout_ms;
}

static void add_jobs(
    struct settle_round *round, bool is_void, const struct settle_row *rows, size_t count)
{
    for (size_t i = 0; i < count && round->count < ROUND_MAX; i++)
        round->jobs[round->count++] = (struct job){.is_void = is_void, .row = rows[i]};
}

/* Half of a round is for each kind, so that neither starves the other; what one leaves is the
 * other's. */
static enum err read_due(struct db *db, void *arg)
{
    struct settle_round *round = arg;
    struct settle_row *captures, *voids;
    size_t capture_count, void_count;
    round->count = 0;
    enum err e = attempts_due(db, round->arena, round->now, ROUND_MAX, &voids, &void_count);
    if (e)
        return e;
    int64_t captures_max = ROUND_MAX - (void_count < HALF_MAX ? (int64_t)void_count : HALF_MAX);
    e = payments_due(db, round->arena, round->now, captures_max, &captures, &capture_count);
    if (e)
        return e;
    add_jobs(round, false, captures, capture_count);
    add_jobs(round, true, voids, void_count);
    return ERR_NONE;
}

static void call_gateway(void *arg, size_t i)
{
    struct settle_round *round = arg;
    struct job *job = &round->jobs[i];
    job->is_skipped = bell_is_over(&round->settle->bell);
    if (job->is_skipped)
        return;
    struct gateway_charge charge = {
        .reference = job->row.uid,
        .amount_minor = job->row.amount_minor,
        .currency = job->row.currency,
    };
    struct arena arena;
    struct context ctx;
    arena_init(&arena, 512);
    context_begin(&ctx, &arena, "settle");
    struct payment *payment = round->settle->payment;
    job->result = job->is_void ? payment_void(payment, &ctx, &charge)
                               : payment_capture(payment, &ctx, &charge);
    arena_fini(&arena);
}

/* Doubles from retry_first to retry_max, less up to a quarter, so that failures do not march in
 * step. Never more than retry_max: a time too far ahead is taken for a clock that was set back, and
 * is due at once. */
static int64_t next_try_at(const struct settle *settle, const struct settle_row *row, int64_t now)
{
    int64_t wait_s = settle->options.retry_first_s;
    for (int64_t i = 0; i < row->tries && wait_s < settle->options.retry_max_s; i++)
        wait_s *= 2;
    if (wait_s > settle->options.retry_max_s)
        wait_s = settle->options.retry_max_s;
    return now + wait_s - random_below((uint32_t)(wait_s / 4 + 1));
}

static enum err write_void(struct db *db, const struct settle_round *round, const struct job *job)
{
    const char *uid = job->row.uid;
    switch (job->result) {
    case ERR_NONE:
        return attempts_settle(db, uid, ATTEMPT_VOIDED, NULL, round->now);
    case ERR_REFUSED:
        return attempts_settle(db, uid, ATTEMPT_VOID_FAILED, "refused", round->now);
    case ERR_CONFLICT:
        return attempts_settle(db, uid, ATTEMPT_CONFLICT, "captured", round->now);
    default:
        return attempts_retry(
            db, uid, "unavailable", next_try_at(round->settle, &job->row, round->now));
    }
}

static enum err write_capture(
    struct db *db, const struct settle_round *round, const struct job *job)
{
    const char *uid = job->row.uid;
    int64_t age_max_s = (int64_t)round->settle->options.capture_days * SECONDS_OF_DAY;
    if (job->result == ERR_NONE)
        return payments_settle(db, uid, PAYMENT_CAPTURED, NULL, round->now);
    if (job->result == ERR_REFUSED)
        return payments_settle(db, uid, PAYMENT_CAPTURE_FAILED, "refused", round->now);
    if (round->now - job->row.since > age_max_s)
        return payments_settle(db, uid, PAYMENT_CAPTURE_FAILED, "expired", round->now);
    return payments_retry(
        db, uid, "unavailable", next_try_at(round->settle, &job->row, round->now));
}

static enum err write_result(struct db *db, const struct settle_round *round, const struct job *job)
{
    if (job->is_skipped)
        return ERR_NONE;
    return job->is_void ? write_void(db, round, job) : write_capture(db, round, job);
}

static enum err write_results(struct db *db, void *arg)
{
    const struct settle_round *round = arg;
    for (size_t i = 0; i < round->count; i++) {
        enum err e = write_result(db, round, &round->jobs[i]);
        if (e)
            return e;
        FAULT_POINT(settle_result_written);
    }
    return ERR_NONE;
}

static void count_results(const struct settle_round *round)
{
    for (size_t i = 0; i < round->count; i++) {
        const struct job *job = &round->jobs[i];
        if (job->is_skipped)
            continue;
        if (job->result == ERR_PAYMENT_UNAVAILABLE)
            metrics_add(METRIC_settle_retries_total, 1);
        else if (job->is_void)
            metrics_add(METRIC_voids_total, 1);
        else
            metrics_add(job->result ? METRIC_captures_failed_total : METRIC_captures_total, 1);
    }
}

/* *count: rows that were due. An error: nothing was written, the rows are still due. */
static enum err run_round(struct settle *settle, struct arena *arena, size_t *count)
{
    struct settle_round round = {.settle = settle, .arena = arena, .now = clock_now()};
    enum err e = store_read(settle->store, -1, read_due, &round, store_deadline(settle));
    *count = round.count;
    if (e || round.count == 0)
        return e;
    FAULT_POINT(settle_rows_read);
    crew_run(settle->crew, call_gateway, &round, round.count);
    e = store_write(settle->store, STORE_FINISH, write_results, &round, store_deadline(settle));
    if (e)
        return e;
    FAULT_POINT(settle_results_committed);
    count_results(&round);
    return ERR_NONE;
}

static enum err abandon_all(struct db *db, void *arg)
{
    return attempts_abandon_all(db, clock_now(), arg);
}

static enum err start_pass(struct settle *settle)
{
    int64_t count = 0;
    enum err e =
        store_write(settle->store, STORE_FINISH, abandon_all, &count, store_deadline(settle));
    if (e)
        return e;
    FAULT_POINT(settle_start_pass_committed);
    if (count > 0)
        LOG_WARN("attempts of a dead process will be voided", LOG_INT("attempts", count));
    atomic_store(&settle->is_start_passed, true);
    return ERR_NONE;
}

struct sweep {
    int64_t before;
    int64_t count;
};

static enum err expire_keys(struct db *db, void *arg)
{
    struct sweep *sweep = arg;
    return idempotency_expire(db, sweep->before, SWEEP_ROWS, &sweep->count);
}

/* One small unit at a time: the writer is everybody's. */
static void sweep_keys(struct settle *settle)
{
    if (clock_mono_ms() < settle->next_sweep_ms)
        return;
    struct sweep sweep = {.before = clock_now() - (int64_t)settle->options.keep_keys_hours * 3600};
    enum err e =
        store_write(settle->store, STORE_FINISH, expire_keys, &sweep, store_deadline(settle));
    FAULT_POINT(settle_keys_swept);
    bool has_more = !e && sweep.count == SWEEP_ROWS;
    settle->next_sweep_ms = clock_mono_ms() + (has_more ? 0 : SWEEP_MS);
}

static enum err work(struct settle *settle, struct arena *arena)
{
    bool is_held;
    enum err e = hold_look(settle->options.hold, &is_held);
    if (e || is_held)
        return e;
    if (!atomic_load(&settle->is_start_passed))
        e = start_pass(settle);
    if (!e)
        e = end_list_write(&settle->ends, settle->store, settle->options.store_timeout_ms);
    for (size_t count = 1; !e && count > 0 && !bell_is_over(&settle->bell);) {
        e = run_round(settle, arena, &count);
        arena_reset(arena);
    }
    if (!e)
        sweep_keys(settle);
    return e;
}

/* What keeps settle from writing is logged when it begins and when it ends, not at each try. */
static void note_trouble(enum err e, enum err *last)
{
    if (e && e != *last)
        LOG_WARN("settle cannot work and tries again", LOG_TEXT("cause", err_info(e)->name));
    if (!e && *last)
        LOG_INFO("settle works again");
    *last = e;
}

static void *settle_main(void *arg)
{
    struct settle *settle = arg;
    struct arena arena;
    enum err last = ERR_NONE;
    arena_init(&arena, 64 * 1024);
    /* Deaf in trouble: wake-ups must not turn it into a busy loop. */
    while (last ? bell_wait_deaf(&settle->bell, POLL_MS) : bell_wait(&settle->bell, POLL_MS)) {
        note_trouble(work(settle, &arena), &last);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return NULL;
}

static void free_settle(struct settle *settle)
{
    crew_close(settle->crew);
    bell_fini(&settle->bell);
    end_list_fini(&settle->ends);
    free(settle);
}

enum err settle_open(struct settle **out, struct store *store, struct payment *payment,
    const struct settle_options *options, struct fault *fault)
{
    struct settle *settle = xalloc(sizeof *settle);
    settle->store = store;
    settle->payment = payment;
    settle->options = *options;
    end_list_init(&settle->ends);
    bell_init(&settle->bell);
    enum err e = hold_is_over(options->hold) ? start_pass(settle) : ERR_NONE;
    if (e)
        LOG_WARN("start pass not written yet, creates are refused",
            LOG_TEXT("cause", err_info(e)->name));
    e = crew_open(&settle->crew, options->parallel, fault);
    if (!e && pthread_create(&settle->thread, NULL, settle_main, settle) != 0)
        e = fail(fault, ERR_IO, NULL, "cannot start the settle thread");
    if (e) {
        free_settle(settle);
        return e;
    }
    *out = settle;
    return ERR_NONE;
}

void settle_close(struct settle *settle)
{
    if (!settle)
        return;
    bell_end(&settle->bell);
    pthread_join(settle->thread, NULL);
    free_settle(settle);
}

void settle_wake(struct settle *settle)
{
    bell_ring(&settle->bell);
}

enum err settle_end_attempt(
    struct settle *settle, const struct attempt_end *end, enum attempt_state *state)
{
    enum err e = attempt_end_write(settle->store, end, store_deadline(settle), state);
    if (e)
        end_list_add(&settle->ends, end);
    settle_wake(settle);
    return e;
}

bool settle_is_held(const struct settle *settle)
{
    return !hold_is_over(settle->options.hold);
}

bool settle_is_backlogged(struct settle *settle)
{
    if (!atomic_load(&settle->is_start_passed))
        return true;
    return end_list_count(&settle->ends) >= (size_t)settle->options.backlog_max;
}
