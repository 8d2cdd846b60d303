/* The database of orderctl check, read in one snapshot: nothing is changed, and a responder runs
 * on. */
#include "ctl/checks.h"

#include "db/restored.h"

#include "ctl/ctl.h"
#include "ctl/findings.h"

static const char *hint_for(enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return "start orderd, or run orderctl migrate, to make it";
    case ERR_CONFIG:
    case ERR_BROKEN:
        return "stop orderd and run orderctl migrate";
    case ERR_CORRUPT:
        return "stop orderd, keep the files, and restore a backup";
    default:
        return "see that it can be read, and try again";
    }
}

static enum err read_mark(struct db *db, void *arg)
{
    return restored_get(db, arg);
}

/* What cannot be read has been told already. */
static void check_hold(struct ctl *ctl, struct findings *f, const struct admin_options *options)
{
    struct restored restored = {.is_held = false};
    struct fault cause;
    fault_begin(&cause, &ctl->arena);
    if (!admin_read(options, read_mark, &restored, &cause) && restored.is_held)
        findings_add(f, "database", options->path, "run orderctl reconcile --restored",
            "it was restored at %s, and no orders are taken yet", restored.held_since);
}

void check_database(struct ctl *ctl, struct findings *f)
{
    struct admin_options options = ctl_database(ctl);
    struct admin_health health;
    struct fault cause;
    fault_begin(&cause, &ctl->arena);
    enum err e = admin_check(&options, &ctl->arena, &health, &cause);
    if (e)
        findings_add(f, "database", options.path, hint_for(e), "%s", cause.text);
    for (size_t n = 0; n < health.problem_count; n++)
        findings_add(f, "database", options.path, hint_for(ERR_CORRUPT), "%s", health.problems[n]);
    if (health.pending_count)
        findings_add(f, "database", options.path, hint_for(ERR_CONFIG),
            "%lld migration%s not applied", (long long)health.pending_count,
            health.pending_count == 1 ? " is" : "s are");
    if (!e)
        check_hold(ctl, f, &options);
}
