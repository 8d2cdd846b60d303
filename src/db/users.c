/* Users. Names and addresses are folded here, in C, since engines disagree about case. */
#include "db/users.h"

#include <assert.h>
#include <string.h>

#include "core/arena.h"
#include "core/text.h"

#include "db/db.h"
#include "db/db_whole.h"

#define FOLD_SIZE 256 /* longer than any name or address that is stored */

static const char *const role_names[] = {
    [ROLE_NONE] = "none", [ROLE_USER] = "user", [ROLE_ADMIN] = "admin"};

const char *role_name(enum role role)
{
    assert((unsigned)role < sizeof role_names / sizeof role_names[0]);
    return role_names[role];
}

enum role role_parse(const char *name)
{
    if (!strcmp(name, role_names[ROLE_USER]))
        return ROLE_USER;
    return strcmp(name, role_names[ROLE_ADMIN]) ? ROLE_NONE : ROLE_ADMIN;
}

static enum err look_up(struct db *db, enum statement number, const char *text, bool *found)
{
    struct query *query = db_query(db, number);
    query_text(query, 1, text);
    *found = query_row(query);
    return query_end(query);
}

enum err users_add(struct db *db, const struct user_new *user, struct user_added *out)
{
    char username_fold[FOLD_SIZE];
    char email_fold[FOLD_SIZE];
    text_fold(username_fold, sizeof username_fold, user->username);
    text_fold(email_fold, sizeof email_fold, user->email);
    *out = (struct user_added){0};
    struct query *query = db_query(db, Q_USER_ADD);
    query_text(query, 1, user->username);
    query_text(query, 2, username_fold);
    query_text(query, 3, user->email);
    query_text(query, 4, email_fold);
    query_text(query, 5, role_name(user->role));
    query_text(query, 6, user->password_hash);
    query_int(query, 7, user->created_at);
    if (query_row(query))
        out->id = column_int(query, 0);
    enum err e = query_end(query);
    if (e || out->id)
        return e;
    e = look_up(db, Q_USER_OF_NAME, username_fold, &out->username_taken);
    if (!e)
        e = look_up(db, Q_USER_OF_EMAIL, email_fold, &out->email_taken);
    return e ? e : ERR_REFUSED;
}

static void read_user(const struct query *query, struct arena *arena, struct user *out)
{
    *out = (struct user){
        .id = column_int(query, 0),
        .username = arena_text(arena, column_text(query, 1)),
        .email = arena_text(arena, column_text(query, 2)),
        .role = role_parse(column_text(query, 3)),
        .password_hash = arena_text(arena, column_text(query, 4)),
        .epoch = column_int(query, 5),
        .disabled = !column_is_null(query, 6),
        .created_at = column_int(query, 7),
    };
}

static enum err read_one(struct query *query, struct arena *arena, struct user *out)
{
    bool found = query_row(query);
    if (found)
        read_user(query, arena, out);
    enum err e = query_end(query);
    return e ? e : found ? ERR_NONE : ERR_NOT_FOUND;
}

enum err users_get(struct db *db, struct arena *arena, int64_t id, struct user *out)
{
    struct query *query = db_query(db, Q_USER_GET);
    query_int(query, 1, id);
    return read_one(query, arena, out);
}

enum err users_find(struct db *db, struct arena *arena, const char *username, struct user *out)
{
    char fold[FOLD_SIZE];
    text_fold(fold, sizeof fold, username);
    struct query *query = db_query(db, Q_USER_FIND);
    query_text(query, 1, fold);
    return read_one(query, arena, out);
}

enum err users_count(struct db *db, int64_t *out)
{
    return query_count(db_query(db, Q_USER_COUNT), out);
}

enum err users_set_password(struct db *db, int64_t id, int64_t epoch, const char *password_hash)
{
    struct query *query = db_query(db, Q_USER_SET_PASSWORD);
    query_int(query, 1, id);
    query_int(query, 2, epoch);
    query_text(query, 3, password_hash);
    bool done = query_row(query);
    enum err e = query_end(query);
    return e ? e : done ? ERR_NONE : ERR_REFUSED;
}

enum err users_renew_hash(struct db *db, int64_t id, const char *old_hash, const char *new_hash)
{
    struct query *query = db_query(db, Q_USER_RENEW_HASH);
    query_int(query, 1, id);
    query_text(query, 2, old_hash);
    query_text(query, 3, new_hash);
    bool done = query_row(query);
    enum err e = query_end(query);
    return e ? e : done ? ERR_NONE : ERR_REFUSED;
}

struct state {
    bool found;
    bool disabled;
    enum role role;
};

static enum err read_state(struct db *db, int64_t id, struct state *out)
{
    struct query *query = db_query(db, Q_USER_STATE);
    query_int(query, 1, id);
    *out = (struct state){.found = query_row(query)};
    if (out->found) {
        out->role = role_parse(column_text(query, 0));
        out->disabled = column_int(query, 1);
    }
    return query_end(query);
}

/* One after the other changes who is an admin. An engine with many writers would let two units each
 * see the other's admin as the one that remains; so they first meet at a row that is always there
 * (users are never deleted), and what follows sees what the other did. */
static enum err take_turn(struct db *db)
{
    return query_exec(db_query(db, Q_USER_TURN));
}

static enum err end_change(struct query *query, bool *done)
{
    *done = query_row(query);
    return query_end(query);
}

enum err users_disable(struct db *db, int64_t id, int64_t disabled_at)
{
    struct state state = {.found = false};
    bool done = false;
    enum err e = take_turn(db);
    if (e)
        return e;
    struct query *query = db_query(db, Q_USER_DISABLE);
    query_int(query, 1, id);
    query_int(query, 2, disabled_at);
    e = end_change(query, &done);
    if (e || done)
        return e;
    e = read_state(db, id, &state);
    return e ? e : !state.found ? ERR_NOT_FOUND : state.disabled ? ERR_NONE : ERR_REFUSED;
}

enum err users_enable(struct db *db, int64_t id)
{
    struct state state = {.found = false};
    bool done = false;
    struct query *query = db_query(db, Q_USER_ENABLE);
    query_int(query, 1, id);
    enum err e = end_change(query, &done);
    if (e || done)
        return e;
    e = read_state(db, id, &state);
    return e ? e : state.found ? ERR_NONE : ERR_NOT_FOUND;
}

enum err users_set_role(struct db *db, int64_t id, enum role role)
{
    struct state state = {.found = false};
    bool done = false;
    enum err e = take_turn(db);
    if (e)
        return e;
    struct query *query = db_query(db, Q_USER_SET_ROLE);
    query_int(query, 1, id);
    query_text(query, 2, role_name(role));
    e = end_change(query, &done);
    if (e || done)
        return e;
    e = read_state(db, id, &state);
    return e ? e : !state.found ? ERR_NOT_FOUND : state.role == role ? ERR_NONE : ERR_REFUSED;
}

/* Further than any epoch can have come since. */
enum err users_void_tokens(struct db *db)
{
    struct query *query = db_query(db, Q_USER_VOID_TOKENS);
    query_int(query, 1, DB_ID_GAP);
    return query_exec(query);
}

enum err users_list(struct db *db, struct arena *arena, int64_t after_id, int64_t limit,
    struct user **out, size_t *count)
{
    *out = arena_array(arena, (size_t)limit, sizeof **out);
    *count = 0;
    struct query *query = db_query(db, Q_USER_LIST);
    query_int(query, 1, after_id);
    query_int(query, 2, limit);
    while (query_row(query))
        read_user(query, arena, &(*out)[(*count)++]);
    return query_end(query);
}
