/* A passive checkpoint waits for nobody, and with constant readers it never lets the log begin
 * anew. So past a bound one is made that waits for the readers; new ones do not lengthen its wait,
 * since nothing is committed meanwhile and what they see is in the database.
 *
 * How long to wait? As long as the readers that overlap: twice as long each time, and the next time
 * so many pages later that all waits together are a tenth of a second for 1,000 pages. So readers
 * of up to 800 ms each, however many, cannot grow the log beyond some 24,000 pages, and one that
 * never ends, against which nothing helps, costs no more than that. */
#include "db/checkpoint.h"

#include "core/clock.h"
#include "core/fault_point.h"
#include "core/log.h"
#include "core/metrics.h"

#include "db/db_unit.h"
#include "db/locks.h"

#define STEP_PAGES      1000
#define RESTART_PAGES   8000
#define RESTART_WAIT_MS 100 /* for each STEP_PAGES */
#define RESTART_MAX_MS  1600

static void report(struct checkpoint *checkpoint, enum err e)
{
    if (e && !checkpoint->is_failing)
        LOG_WARN("checkpoints fail", LOG_TEXT("outcome", err_info(e)->name),
            LOG_TEXT("cause", db_text(checkpoint->db)));
    if (!e && checkpoint->is_failing)
        LOG_INFO("checkpoints work again");
    checkpoint->is_failing = e != ERR_NONE;
}

static void begin_anew(struct checkpoint *checkpoint)
{
    checkpoint->last_pages = 0;
    checkpoint->next_restart = 0;
    checkpoint->restart_wait_ms = RESTART_WAIT_MS;
}

/* Readers were waited for in vain. */
static void wait_longer(struct checkpoint *checkpoint, int64_t pages)
{
    int wait_ms = checkpoint->restart_wait_ms;
    checkpoint->next_restart = pages + STEP_PAGES * (wait_ms / RESTART_WAIT_MS);
    checkpoint->restart_wait_ms = 2 * wait_ms < RESTART_MAX_MS ? 2 * wait_ms : RESTART_MAX_MS;
}

static void run(struct checkpoint *checkpoint, int64_t pages)
{
    bool is_restart = pages > RESTART_PAGES && pages >= checkpoint->next_restart;
    int64_t left;
    enum err e = db_checkpoint(checkpoint->db, is_restart ? DB_RESTART : DB_PASSIVE,
        is_restart ? checkpoint->restart_wait_ms : 0, &left);
    FAULT_POINT(checkpoint_made);
    checkpoint->last_pages = pages;
    metrics_add(METRIC_checkpoints_total, 1);
    if (is_restart && e)
        wait_longer(checkpoint, pages);
    if (e || is_restart || pages <= RESTART_PAGES) /* between two restarts, success is no news */
        report(checkpoint, e);
}

void checkpoint_if_due(struct checkpoint *checkpoint, int64_t pages)
{
    if (pages == 0)
        return; /* nothing was written: says nothing of the log */
    if (pages < checkpoint->last_pages || checkpoint->last_pages == 0)
        begin_anew(checkpoint);
    if (pages - checkpoint->last_pages < STEP_PAGES)
        return;
    if (!locks_take_write(checkpoint->write_fd, 0))
        return; /* after the next group then */
    run(checkpoint, pages);
    locks_release_write(checkpoint->write_fd);
}

enum err checkpoint_all(struct db *db, int write_fd, int wait_ms)
{
    int64_t deadline_ms = clock_mono_ms() + wait_ms;
    if (!locks_take_write(write_fd, wait_ms))
        return ERR_BUSY;
    int64_t left = deadline_ms - clock_mono_ms();
    int64_t pages;
    enum err e = db_checkpoint(db, DB_TRUNCATE, left > 0 ? (int)left : 0, &pages);
    FAULT_POINT(checkpoint_log_emptied);
    locks_release_write(write_fd);
    metrics_add(METRIC_checkpoints_total, 1);
    metrics_set(METRIC_wal_pages, pages);
    return e;
}
