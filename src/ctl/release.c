/* See release.h. */
#include "ctl/release.h"

#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "db/admin.h"
#include "db/attempts.h"

#include "ctl/ctl.h"

#define FIRST_CAP 16

void release_begin(struct release *r, struct arena *arena)
{
    *r = (struct release){.arena = arena};
}

void release_add(struct release *r, const char *uid)
{
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : FIRST_CAP;
        const char **grown = arena_array(r->arena, cap, sizeof *grown);
        if (r->count)
            memcpy(grown, r->captured, r->count * sizeof *grown);
        r->captured = grown;
        r->cap = cap;
    }
    r->captured[r->count++] = arena_text(r->arena, uid);
}

static enum err release_unit(struct db *db, void *arg)
{
    const struct release *r = arg;
    int64_t now = clock_now();
    for (size_t n = 0; n < r->count; n++) {
        enum err e = attempts_captured(db, r->captured[n], now);
        if (e)
            return e;
    }
    return restored_release(db, &r->restored);
}

enum err release_hold(struct ctl *ctl, const struct release *r)
{
    struct admin_options options = ctl_database(ctl);
    enum err e = admin_write(&options, release_unit, (void *)r, &ctl->fault);
    if (e == ERR_REFUSED)
        return fail(&ctl->fault, e, NULL, "somebody else has let it go, or restored it anew");
    if (!e)
        ctl_note(ctl, "the database is held no more");
    return e;
}
