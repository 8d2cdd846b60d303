/* See hold.h. Not knowing is holding: an error never lets anything go. */
#include "services/hold.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/log.h"
#include "db/restored.h"

struct hold {
    struct store *store;
    int store_timeout_ms;
    atomic_bool is_over;
    atomic_bool is_told;
};

static enum err read_mark(struct db *db, void *arg)
{
    return restored_get(db, arg);
}

/* Several threads look: each turn is told once. */
static void tell(struct hold *hold, const struct restored *restored)
{
    if (restored->is_held && !atomic_exchange(&hold->is_told, true))
        LOG_WARN("the database was restored and is held: no orders, captures, voids or mails until "
                 "orderctl reconcile --restored lets it go",
            LOG_TEXT("restored_at", restored->held_since));
    if (!restored->is_held && atomic_exchange(&hold->is_told, false))
        LOG_INFO("the restored database is held no more");
}

enum err hold_look(struct hold *hold, bool *is_held)
{
    struct restored restored = {.is_held = true};
    *is_held = !hold_is_over(hold);
    if (!*is_held)
        return ERR_NONE;
    int64_t deadline_ms = clock_mono_ms() + hold->store_timeout_ms;
    enum err e = store_read(hold->store, -1, read_mark, &restored, deadline_ms);
    if (e)
        return e;
    tell(hold, &restored);
    *is_held = restored.is_held;
    if (!*is_held)
        atomic_store(&hold->is_over, true);
    return ERR_NONE;
}

bool hold_is_over(const struct hold *hold)
{
    return atomic_load(&hold->is_over);
}

struct hold *hold_open(struct store *store, int store_timeout_ms)
{
    struct hold *hold = xalloc(sizeof *hold);
    bool is_held;
    hold->store = store;
    hold->store_timeout_ms = store_timeout_ms;
    enum err e = hold_look(hold, &is_held);
    if (e)
        LOG_WARN("cannot read whether the database is held", LOG_TEXT("cause", err_info(e)->name));
    return hold;
}

void hold_close(struct hold *hold)
{
    free(hold);
}
