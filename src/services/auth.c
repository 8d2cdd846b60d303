/* See auth.h. Special difficulty: nothing about a failed login may tell why, so the answer is made
 * in one place and the hash is computed whatever the user row said. */
#include "services/auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"

#include "services/action.h"

struct auth {
    struct store *store;
    struct hasher *hasher;
    struct token_options tokens;
    int store_timeout_ms;
    pthread_rwlock_t keyring_lock;
    struct keyring *keyring;
};

struct auth *auth_open(struct store *store, struct hasher *hasher, struct keyring *keyring,
    const struct auth_options *options)
{
    struct auth *auth = xalloc(sizeof *auth);
    auth->store = store;
    auth->hasher = hasher;
    auth->keyring = keyring;
    auth->store_timeout_ms = options->store_timeout_ms;
    auth->tokens = (struct token_options){
        .issuer = options->issuer,
        .audience = options->audience,
        .lifetime_s = options->token_lifetime_s,
    };
    pthread_rwlock_init(&auth->keyring_lock, NULL);
    return auth;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    keyring_close(auth->keyring);
    pthread_rwlock_destroy(&auth->keyring_lock);
    free(auth);
}

void auth_set_keyring(struct auth *auth, struct keyring *keyring)
{
    pthread_rwlock_wrlock(&auth->keyring_lock);
    struct keyring *old = auth->keyring;
    auth->keyring = keyring;
    pthread_rwlock_unlock(&auth->keyring_lock);
    keyring_close(old);
}

static int64_t store_deadline(const struct auth *auth)
{
    return clock_mono_ms() + auth->store_timeout_ms;
}

/* A user row, by name or by id. */
struct lookup {
    struct arena *arena;
    const char *username; /* NULL: by id */
    int64_t id;
    struct user *out;
};

static enum err lookup_unit(struct db *db, void *arg)
{
    struct lookup *lookup = arg;
    if (lookup->username)
        return users_find(db, lookup->arena, lookup->username, lookup->out);
    return users_get(db, lookup->arena, lookup->id, lookup->out);
}

static enum err find_user(
    struct auth *auth, struct context *ctx, const char *username, int64_t id, struct user *out)
{
    struct lookup lookup = {.arena = ctx->arena, .username = username, .id = id, .out = out};
    return store_read(auth->store, ctx->worker, lookup_unit, &lookup, store_deadline(auth));
}

/* Registration */

struct register_call {
    struct auth *auth;
    const struct registration *in;
    struct user *out;
    struct user_new row;
    struct user_added added;
};

static enum err register_unit(struct db *db, void *arg)
{
    struct register_call *call = arg;
    return users_add(db, &call->row, &call->added);
}

static enum err conflict(struct context *ctx, const struct user_added *added)
{
    if (added->username_taken)
        (void)fail(&ctx->fault, ERR_CONFLICT, "username", "is taken");
    if (added->email_taken)
        (void)fail(&ctx->fault, ERR_CONFLICT, "email", "is taken");
    return ERR_CONFLICT;
}

static enum err register_user(struct context *ctx, void *arg)
{
    struct register_call *call = arg;
    const struct registration *in = call->in;
    char hash[PASSWORD_HASH_SIZE];
    enum err e = password_hash(call->auth->hasher, in->password, strlen(in->password), hash);
    if (e)
        return e;
    call->row = (struct user_new){
        .username = in->username,
        .email = in->email,
        .role = in->role ? role_parse(in->role) : ROLE_USER,
        .password_hash = hash,
        .created_at = clock_now(),
    };
    e = store_write(
        call->auth->store, STORE_BEGIN, register_unit, call, store_deadline(call->auth));
    if (e == ERR_REFUSED && (call->added.username_taken || call->added.email_taken))
        return conflict(ctx, &call->added);
    if (e)
        return e;
    *call->out = (struct user){
        .id = call->added.id,
        .username = in->username,
        .email = in->email,
        .role = call->row.role,
        .created_at = call->row.created_at,
    };
    return ERR_NONE;
}

enum err auth_register(
    struct auth *auth, struct context *ctx, const struct registration *in, struct user *out)
{
    struct register_call call = {.auth = auth, .in = in, .out = out};
    return action_run(ctx, "auth.register", register_user, &call);
}

/* Login */

struct login_call {
    struct auth *auth;
    const char *username;
    const char *password;
    struct access_token *out;
};

static enum err wrong_credentials(struct context *ctx)
{
    metrics_add(METRIC_logins_failed_total, 1);
    return fail(
        &ctx->fault, ERR_INVALID_CREDENTIALS, NULL, "%s", err_info(ERR_INVALID_CREDENTIALS)->text);
}

static enum err issue_token(
    struct auth *auth, struct context *ctx, const struct user *user, struct access_token *out)
{
    struct token_claims claims = {
        .user_id = user->id, .role = role_name(user->role), .epoch = user->epoch};
    pthread_rwlock_rdlock(&auth->keyring_lock);
    enum err e = token_issue(
        auth->keyring, &auth->tokens, &claims, clock_now(), ctx->arena, &out->text, &ctx->fault);
    pthread_rwlock_unlock(&auth->keyring_lock);
    out->expires_in_s = auth->tokens.lifetime_s;
    return e;
}

static enum err login(struct context *ctx, void *arg)
{
    struct login_call *call = arg;
    struct user user = {.id = 0};
    enum err e = find_user(call->auth, ctx, call->username, 0, &user);
    if (e && e != ERR_NOT_FOUND)
        return e;
    bool is_known = !e;
    bool matches = false;
    const char *hash = is_known ? user.password_hash : NULL;
    e = password_verify(call->auth->hasher, call->password, strlen(call->password), hash, &matches);
    if (e)
        return e;
    if (!is_known || !matches || user.disabled)
        return wrong_credentials(ctx);
    ctx->user_id = user.id;
    metrics_add(METRIC_logins_total, 1);
    return issue_token(call->auth, ctx, &user, call->out);
}

enum err auth_login(struct auth *auth, struct context *ctx, const char *username,
    const char *password, struct access_token *out)
{
    struct login_call call = {.auth = auth, .username = username, .password = password, .out = out};
    return action_run(ctx, "auth.login", login, &call);
}

/* New password */

struct password_call {
    struct auth *auth;
    const char *current;
    const char *new_password;
    struct user user;
    char hash[PASSWORD_HASH_SIZE];
};

static enum err password_unit(struct db *db, void *arg)
{
    struct password_call *call = arg;
    return users_set_password(db, call->user.id, call->user.epoch, call->hash);
}

static enum err change_password(struct context *ctx, void *arg)
{
    struct password_call *call = arg;
    struct auth *auth = call->auth;
    bool matches = false;
    enum err e = find_user(auth, ctx, NULL, ctx->user_id, &call->user);
    if (!e)
        e = password_verify(
            auth->hasher, call->current, strlen(call->current), call->user.password_hash, &matches);
    if (!e && !matches)
        return fail(&ctx->fault, ERR_INVALID_CREDENTIALS, NULL, "The current password is wrong.");
    if (!e)
        e = password_hash(auth->hasher, call->new_password, strlen(call->new_password), call->hash);
    if (!e)
        e = store_write(auth->store, STORE_BEGIN, password_unit, call, store_deadline(auth));
    if (e == ERR_REFUSED) /* somebody changed it meanwhile, and so ended this token */
        return fail(&ctx->fault, ERR_INVALID_TOKEN, NULL, "%s", err_info(ERR_INVALID_TOKEN)->text);
    return e;
}

enum err auth_change_password(
    struct auth *auth, struct context *ctx, const char *current, const char *new_password)
{
    struct password_call call = {.auth = auth, .current = current, .new_password = new_password};
    return action_run(ctx, "auth.password", change_password, &call);
}

/* Tokens */

/* The token of "Bearer TOKEN", the scheme without regard to case; NULL: another scheme, or none. */
static const char *bearer(const char *authorization)
{
    static const char scheme[] = "bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    return authorization + sizeof scheme - 1;
}

static enum err invalid_token(struct context *ctx, const char *why)
{
    LOG_DEBUG("token refused", LOG_TEXT("request_id", ctx->request_id), LOG_TEXT("cause", why));
    fault_clear(&ctx->fault);
    return fail(&ctx->fault, ERR_INVALID_TOKEN, NULL, "%s", err_info(ERR_INVALID_TOKEN)->text);
}

static enum err verify(
    struct auth *auth, struct context *ctx, const char *token, struct token_claims *claims)
{
    pthread_rwlock_rdlock(&auth->keyring_lock);
    enum err e = token_verify(
        auth->keyring, &auth->tokens, token, clock_now(), ctx->arena, claims, &ctx->fault);
    pthread_rwlock_unlock(&auth->keyring_lock);
    return e;
}

enum err auth_authenticate(
    struct auth *auth, struct context *ctx, const char *authorization, struct user *out)
{
    struct token_claims claims;
    const char *token = bearer(authorization);
    if (!token)
        return fail(&ctx->fault, ERR_UNAUTHORIZED, NULL, "%s", err_info(ERR_UNAUTHORIZED)->text);
    enum err e = verify(auth, ctx, token, &claims);
    if (e == ERR_INVALID_TOKEN)
        return invalid_token(ctx, ctx->fault.text);
    if (e)
        return e;
    e = find_user(auth, ctx, NULL, claims.user_id, out);
    if (e == ERR_NOT_FOUND)
        return invalid_token(ctx, "unknown user");
    if (e)
        return e;
    if (out->disabled)
        return invalid_token(ctx, "disabled user");
    if (out->epoch != claims.epoch)
        return invalid_token(ctx, "epoch ended");
    ctx->user_id = out->id;
    return ERR_NONE;
}
