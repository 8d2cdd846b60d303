/* Registration and tokens; see auth.h, and auth_login.c for passwords. Special difficulty: a token
 * that was signed by us is still only a claim, and the user row says at every request whether it
 * holds. */
#include "services/auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/log.h"
#include "db/logins.h"

#include "services/action.h"
#include "services/auth_state.h"

struct auth *auth_open(struct store *store, struct hasher *hasher, struct keyring *keyring,
    const struct auth_options *options)
{
    struct auth *auth = xalloc(sizeof *auth);
    auth->store = store;
    auth->hasher = hasher;
    auth->keyring = keyring;
    auth->throttle = throttle_open(&options->throttle);
    auth->trust_s = (int64_t)options->trust_days * 86400;
    auth->trust_addresses = options->trust_addresses;
    auth->store_timeout_ms = options->store_timeout_ms;
    auth->tokens = (struct token_options){
        .issuer = options->issuer,
        .audience = options->audience,
        .lifetime_s = options->token_lifetime_s,
    };
    auth->token_cache = token_cache_new();
    pthread_rwlock_init(&auth->keyring_lock, NULL);
    return auth;
}

void auth_close(struct auth *auth)
{
    if (!auth)
        return;
    keyring_close(auth->keyring);
    throttle_close(auth->throttle);
    token_cache_free(auth->token_cache);
    pthread_rwlock_destroy(&auth->keyring_lock);
    free(auth);
}

void auth_set_keyring(struct auth *auth, struct keyring *keyring)
{
    pthread_rwlock_wrlock(&auth->keyring_lock);
    struct keyring *old = auth->keyring;
    auth->keyring = keyring;
    token_cache_forget(auth->token_cache);
    pthread_rwlock_unlock(&auth->keyring_lock);
    keyring_close(old);
}

int64_t auth_store_deadline(const struct auth *auth)
{
    return clock_mono_ms() + auth->store_timeout_ms;
}

static enum err look_up_unit(struct db *db, void *arg)
{
    struct auth_lookup *lookup = arg;
    enum err e = lookup->username ? users_find(db, lookup->arena, lookup->username, &lookup->user)
                                  : users_get(db, lookup->arena, lookup->id, &lookup->user);
    if (e || !lookup->address)
        return e;
    return logins_find(db, lookup->user.id, lookup->address, &lookup->logged_in_at);
}

enum err auth_look_up(struct auth *auth, struct context *ctx, struct auth_lookup *lookup)
{
    return store_read(auth->store, ctx->worker, look_up_unit, lookup, auth_store_deadline(auth));
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
        call->auth->store, STORE_BEGIN, register_unit, call, auth_store_deadline(call->auth));
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
    enum err e = token_cache_verify(auth->token_cache, auth->keyring, &auth->tokens, token,
        clock_now(), ctx->arena, claims, &ctx->fault);
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
    struct auth_lookup lookup = {.arena = ctx->arena, .id = claims.user_id};
    e = auth_look_up(auth, ctx, &lookup);
    if (e == ERR_NOT_FOUND)
        return invalid_token(ctx, "unknown user");
    if (e)
        return e;
    *out = lookup.user;
    if (out->disabled)
        return invalid_token(ctx, "disabled user");
    if (out->epoch != claims.epoch)
        return invalid_token(ctx, "epoch ended");
    ctx->user_id = out->id;
    return ERR_NONE;
}
