/* A passive checkpoint waits for nobody, and with constant readers it never lets the log begin
 * anew. So past a bound one that waits for the readers is made, each 1,000 pages, and its wait is
 * short, since nothing is committed meanwhile. */
#include "db/checkpoint.h"

#include "core/clock.h"
#include "core/fault_point.h"
#include "core/log.h"
#include "core/metrics.h"

#include "db/db.h"
#include "db/locks.h"

#define STEP_PAGES      1000
#define RESTART_PAGES   8000
#define RESTART_WAIT_MS 100

static void report(struct checkpoint *checkpoint, enum err e)
{
    if (e && !checkpoint->is_failing)
        LOG_WARN("checkpoints fail", LOG_TEXT("outcome", err_info(e)->name),
            LOG_TEXT("cause", db_text(checkpoint->db)));
    if (!e && checkpoint->is_failing)
        LOG_INFO("checkpoints work again");
    checkpoint->is_failing = e != ERR_NONE;
}

void checkpoint_if_due(struct checkpoint *checkpoint, int64_t pages)
{
    if (pages == 0)
        return; /* nothing was written: says nothing of the log */
    if (pages < checkpoint->last_pages)
        checkpoint->last_pages = 0; /* the log was begun anew */
    if (pages - checkpoint->last_pages < STEP_PAGES)
        return;
    if (!locks_take_write(checkpoint->write_fd, 0))
        return; /* after the next group then */
    enum db_checkpoint kind = pages > RESTART_PAGES ? DB_RESTART : DB_PASSIVE;
    int64_t left;
    enum err e = db_checkpoint(checkpoint->db, kind, RESTART_WAIT_MS, &left);
    FAULT_POINT(checkpoint_made);
    locks_release_write(checkpoint->write_fd);
    checkpoint->last_pages = pages;
    metrics_add(METRIC_checkpoints_total, 1);
    report(checkpoint, e);
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
