/* orderctl user disable, enable, role, password: each ends every token of the user at once.
 *
 * A user is named, and changed by id: both in one unit, which also reads how it came out. Whether
 * somebody would be the last admin is decided by the statement that changes it (db/users.h). */
#include "ctl/subjects.h"

#include <string.h>

#include "core/clock.h"
#include "db/users.h"
#include "security/password.h"

#include "ctl/ctl.h"
#include "ctl/new_password.h"
#include "ctl/user_row.h"

struct change {
    struct arena *arena;
    const char *username;
    enum err (*apply)(struct db *, const struct change *, const struct user *);
    enum role role;
    const char *hash;
    int64_t now;
    struct user user; /* how it came out */
};

static enum err find_unit(struct db *db, void *arg)
{
    struct change *c = arg;
    return users_find(db, c->arena, c->username, &c->user);
}

static enum err change_unit(struct db *db, void *arg)
{
    struct change *c = arg;
    struct user before;
    enum err e = users_find(db, c->arena, c->username, &before);
    if (!e)
        e = c->apply(db, c, &before);
    return e ? e : users_get(db, c->arena, before.id, &c->user);
}

static enum err explain(struct ctl *ctl, enum err e)
{
    if (e != ERR_NOT_FOUND || ctl->fault.text)
        return e;
    return fail(&ctl->fault, e, NULL, "there is no user of that name");
}

static enum err find(struct ctl *ctl, struct change *c)
{
    struct admin_options options = ctl_database(ctl);
    return explain(ctl, admin_read(&options, find_unit, c, &ctl->fault));
}

static enum err run(struct ctl *ctl, struct change *c)
{
    struct admin_options options = ctl_database(ctl);
    enum err e = admin_write(&options, change_unit, c, &ctl->fault);
    if (e == ERR_REFUSED && !ctl->fault.text)
        e = fail(&ctl->fault, e, NULL,
            "%s is the only admin who is not disabled, and must remain one", c->username);
    e = explain(ctl, e);
    return e ? e : user_row_write(ctl, &c->user);
}

static struct change begin(struct ctl *ctl)
{
    return (struct change){.arena = &ctl->arena, .username = ctl->operand, .now = clock_now()};
}

static enum err disable(struct db *db, const struct change *c, const struct user *user)
{
    return users_disable(db, user->id, c->now);
}

static enum err enable(struct db *db, const struct change *c, const struct user *user)
{
    (void)c;
    return users_enable(db, user->id);
}

static enum err set_role(struct db *db, const struct change *c, const struct user *user)
{
    return users_set_role(db, user->id, c->role);
}

/* The epoch was read in this same unit, so nobody has changed it. */
static enum err set_password(struct db *db, const struct change *c, const struct user *user)
{
    return users_set_password(db, user->id, user->epoch, c->hash);
}

enum err user_disable(struct ctl *ctl)
{
    struct change c = begin(ctl);
    c.apply = disable;
    return run(ctl, &c);
}

enum err user_enable(struct ctl *ctl)
{
    struct change c = begin(ctl);
    c.apply = enable;
    return run(ctl, &c);
}

enum err user_role(struct ctl *ctl)
{
    struct change c = begin(ctl);
    c.apply = set_role;
    c.role = role_parse(ctl_value(ctl, "role"));
    return run(ctl, &c);
}

/* Nobody is asked for the password of a user that there is not. */
enum err user_password(struct ctl *ctl)
{
    char hash[PASSWORD_HASH_SIZE];
    struct change c = begin(ctl);
    enum err e = find(ctl, &c);
    if (!e)
        e = new_password_take(ctl, hash);
    if (e)
        return e;
    c.apply = set_password;
    c.hash = hash;
    e = run(ctl, &c);
    explicit_bzero(hash, sizeof hash);
    return e;
}
