/* orderctl user add, list, count.
 *
 * The hash is made before the database is touched, since it takes long and the responder waits for
 * whoever holds orders.write. */
#include "ctl/subjects.h"

#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "db/users.h"
#include "security/password.h"

#include "ctl/account.h"
#include "ctl/ctl.h"
#include "ctl/new_password.h"
#include "ctl/output.h"
#include "ctl/user_row.h"

/* ---- user add */

struct adding {
    struct user_new user;
    struct user_added added;
};

static enum err add(struct db *db, void *arg)
{
    struct adding *a = arg;
    return users_add(db, &a->user, &a->added);
}

static enum err store_user(struct ctl *ctl, struct adding *a)
{
    struct admin_options options = ctl_database(ctl);
    enum err e = admin_write(&options, add, a, &ctl->fault);
    if (e != ERR_REFUSED)
        return e;
    fault_clear(&ctl->fault);
    const char *what = !a->added.email_taken      ? "the name is"
                       : !a->added.username_taken ? "the e-mail address is"
                                                  : "the name and the e-mail address are";
    return fail(&ctl->fault, e, NULL, "%s taken", what);
}

enum err user_add(struct ctl *ctl)
{
    const char *role = ctl_value(ctl, "role");
    struct adding a = {.user = {
                           .username = ctl->operand,
                           .email = ctl_value(ctl, "email"),
                           .role = role ? role_parse(role) : ROLE_USER,
                       }};
    char hash[PASSWORD_HASH_SIZE];
    enum err e = account_check_username(a.user.username, &ctl->fault);
    if (!e)
        e = account_check_email(a.user.email, &ctl->fault);
    if (!e)
        e = new_password_take(ctl, hash);
    if (e)
        return e;
    a.user.password_hash = hash;
    a.user.created_at = clock_now();
    e = store_user(ctl, &a);
    explicit_bzero(hash, sizeof hash);
    if (e)
        return e;
    return user_row_write(ctl, &(struct user){
                                   .id = a.added.id,
                                   .username = a.user.username,
                                   .email = a.user.email,
                                   .role = a.user.role,
                                   .created_at = a.user.created_at,
                               });
}

/* ---- user list */

#define LIST_PAGE 200

struct listing {
    struct arena *arena;
    struct output *output;
};

static enum err list(struct db *db, void *arg)
{
    struct listing *l = arg;
    l->output->row_count = 0; /* a unit may be run again */
    int64_t after = 0;
    for (;;) {
        struct user *users;
        size_t count;
        enum err e = users_list(db, l->arena, after, LIST_PAGE, &users, &count);
        if (e)
            return e;
        for (size_t n = 0; n < count; n++)
            user_row_put(l->output, &users[n]);
        if (count < LIST_PAGE)
            return ERR_NONE;
        after = users[count - 1].id;
    }
}

enum err user_list(struct ctl *ctl)
{
    struct output o;
    user_row_begin(&o, &ctl->arena);
    struct admin_options options = ctl_database(ctl);
    enum err e = admin_read(&options, list, &(struct listing){&ctl->arena, &o}, &ctl->fault);
    return e ? e : output_write_list(&o, ctl->is_json, &ctl->fault);
}

/* ---- user count */

static enum err count(struct db *db, void *arg)
{
    return users_count(db, arg);
}

enum err user_count(struct ctl *ctl)
{
    int64_t users = 0;
    struct admin_options options = ctl_database(ctl);
    enum err e = admin_read(&options, count, &users, &ctl->fault);
    if (e && e != ERR_NOT_FOUND)
        return e;
    fault_clear(&ctl->fault);
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 64);
    if (ctl->is_json)
        buffer_text(&out, "{\"count\": ");
    buffer_int(&out, users);
    buffer_text(&out, ctl->is_json ? "}\n" : "\n");
    return output_write(&out, &ctl->fault);
}
