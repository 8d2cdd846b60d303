/* orderctl user: the accounts.
 *
 * The hash is made before the database is touched, since it takes long and the responder waits for
 * whoever holds orders.write. A password lives on this stack only, is wiped, and never reaches
 * argv, output or a log. */
#include "ctl/subjects.h"

#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "db/users.h"
#include "security/password.h"

#include "ctl/account.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/terminal.h"

/* A person may take a while; a script that forgot to say anything shall not hang for ever. */
#define PASSWORD_WAIT_MS 300000

static const struct output_column user_columns[] = {
    {"id", OUTPUT_INT},
    {"username", OUTPUT_TEXT},
    {"email", OUTPUT_TEXT},
    {"role", OUTPUT_TEXT},
    {"state", OUTPUT_TEXT},
    {"created_at", OUTPUT_TIME},
};

#define USER_COLUMN_COUNT (sizeof user_columns / sizeof *user_columns)

static void put_user(struct output *o, const struct user *user)
{
    const struct output_value values[USER_COLUMN_COUNT] = {
        {.number = user->id},
        {.text = user->username},
        {.text = user->email},
        {.text = role_name(user->role)},
        {.text = user->disabled ? "disabled" : "active"},
        {.number = user->created_at},
    };
    output_row(o, values);
}

/* ---- user add */

static enum err hash_password(
    struct ctl *ctl, const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    const struct password_options options = {
        .memory_kib = (int)config_int(ctl->config, OPT_auth_hash_memory),
        .passes = (int)config_int(ctl->config, OPT_auth_hash_passes),
        .running = 1,
        .timeout_ms = (int)config_int(ctl->config, OPT_auth_hash_timeout),
    };
    struct hasher *hasher = NULL;
    enum err e = hasher_open(&hasher, &options, &ctl->fault);
    if (e)
        return e;
    e = password_hash(hasher, password, len, out);
    hasher_close(hasher);
    return e ? fail(&ctl->fault, e, NULL, "the password could not be hashed") : ERR_NONE;
}

static enum err take_password(struct ctl *ctl, char hash[PASSWORD_HASH_SIZE])
{
    char password[TERMINAL_LINE_SIZE];
    size_t len;
    enum err e =
        terminal_read_password(STDIN_FILENO, PASSWORD_WAIT_MS, password, &len, &ctl->fault);
    if (!e)
        e = account_check_password(password, len, &ctl->fault);
    if (!e)
        e = hash_password(ctl, password, len, hash);
    explicit_bzero(password, sizeof password);
    return e;
}

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

static enum err write_user(struct ctl *ctl, const struct adding *a)
{
    struct output o;
    output_begin(&o, &ctl->arena, "users", user_columns, USER_COLUMN_COUNT);
    put_user(&o, &(struct user){
                     .id = a->added.id,
                     .username = a->user.username,
                     .email = a->user.email,
                     .role = a->user.role,
                     .created_at = a->user.created_at,
                 });
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 256);
    output_render_record(&o, ctl->is_json, &out);
    return output_write(&out, &ctl->fault);
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
        e = take_password(ctl, hash);
    if (e)
        return e;
    a.user.password_hash = hash;
    a.user.created_at = clock_now();
    e = store_user(ctl, &a);
    explicit_bzero(hash, sizeof hash);
    return e ? e : write_user(ctl, &a);
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
            put_user(l->output, &users[n]);
        if (count < LIST_PAGE)
            return ERR_NONE;
        after = users[count - 1].id;
    }
}

enum err user_list(struct ctl *ctl)
{
    struct output o;
    output_begin(&o, &ctl->arena, "users", user_columns, USER_COLUMN_COUNT);
    struct admin_options options = ctl_database(ctl);
    enum err e = admin_read(&options, list, &(struct listing){&ctl->arena, &o}, &ctl->fault);
    if (e)
        return e;
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 4096);
    output_render_list(&o, ctl->is_json, &out);
    return output_write(&out, &ctl->fault);
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
