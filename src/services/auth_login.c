/* Passwords that are guessed at: login and change. See auth.h.
 *
 * Special difficulty: nothing about a failure may tell why, so the answer is made in one place, and
 * whatever the user row said, the guess is counted and the hash is computed. What is refused by the
 * throttle is not hashed at all, and that too is so for names that nobody has.
 *
 * What a login leaves behind (its address, a hash with today's parameters) is written at its end by
 * a unit that nobody depends on: it waits a moment at most, and if it fails the login stands and
 * the next one tries again. */
#include "services/auth.h"

#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "db/logins.h"

#include "services/action.h"
#include "services/auth_state.h"
#include "services/throttle.h"

#define DAY_S          86400
#define KEEP_UP_MAX_MS 250

/* One guess, and how it went */

struct guess {
    struct auth *auth;
    char address[THROTTLE_ADDRESS_SIZE];
    const char *password;
    struct auth_lookup found;
    bool is_right;
};

static enum err refuse(struct context *ctx, const char *text)
{
    metrics_add(METRIC_logins_failed_total, 1);
    return fail(&ctx->fault, ERR_INVALID_CREDENTIALS, NULL, "%s", text);
}

/* Refreshed once a day only, so a day is added: nobody loses his trust too early. */
static bool is_trusted(const struct guess *guess)
{
    int64_t since_s = guess->auth->trust_s + DAY_S;
    int64_t at = guess->found.logged_in_at;
    return guess->auth->trust_s && at && at > clock_now() - since_s;
}

static enum err count_guess(
    const struct guess *guess, struct context *ctx, struct throttle_guess *counted)
{
    int retry_after_s = 0;
    enum err e = throttle_begin(guess->auth->throttle, counted, clock_mono_ms(), &retry_after_s);
    if (e != ERR_TOO_MANY_REQUESTS)
        return e;
    metrics_add(METRIC_logins_throttled_total, 1);
    (void)fail(&ctx->fault, e, NULL, "%s", err_info(e)->text);
    ctx->fault.retry_after_s = retry_after_s;
    return e;
}

/* account: the name that is guessed at. guess->found.user.id is 0 for a name that nobody has. */
static enum err try_password(struct guess *guess, struct context *ctx, const char *account)
{
    const struct user *user = &guess->found.user;
    struct throttle_guess counted = {
        .account = account, .address = guess->address, .is_trusted = is_trusted(guess)};
    enum err e = count_guess(guess, ctx, &counted);
    if (e)
        return e;
    bool matches = false;
    const char *hash = user->id ? user->password_hash : NULL;
    e = password_verify(
        guess->auth->hasher, guess->password, strlen(guess->password), hash, &matches);
    guess->is_right = !e && matches && user->id && !user->disabled;
    enum throttle_outcome outcome = guess->is_right ? THROTTLE_RIGHT : THROTTLE_WRONG;
    throttle_end(guess->auth->throttle, &counted, e ? THROTTLE_UNHEARD : outcome, clock_mono_ms());
    return e;
}

/* What a login leaves behind */

struct keeping_up {
    const struct guess *guess;
    bool is_address_due;
    bool is_hash_due;
    char hash[PASSWORD_HASH_SIZE];
};

static enum err keep_up_unit(struct db *db, void *arg)
{
    const struct keeping_up *due = arg;
    const struct auth *auth = due->guess->auth;
    const struct user *user = &due->guess->found.user;
    enum err e = ERR_NONE;
    int64_t now = clock_now();
    if (due->is_address_due)
        e = logins_record(db, user->id, due->guess->address, now, auth->trust_addresses,
            now - auth->trust_s - DAY_S);
    if (!e && due->is_hash_due)
        e = users_renew_hash(db, user->id, user->password_hash, due->hash);
    return e == ERR_REFUSED ? ERR_NONE : e; /* a new password came first; its hash is the better */
}

static void keep_up(const struct guess *guess, struct context *ctx)
{
    const struct auth *auth = guess->auth;
    struct keeping_up due = {.guess = guess};
    due.is_address_due = auth->trust_s && clock_now() - guess->found.logged_in_at >= DAY_S;
    if (password_is_outdated(auth->hasher, guess->found.user.password_hash))
        due.is_hash_due = !password_hash_at_once(
            auth->hasher, guess->password, strlen(guess->password), due.hash);
    if (!due.is_address_due && !due.is_hash_due)
        return;
    int64_t deadline_ms = clock_mono_ms() + KEEP_UP_MAX_MS;
    enum err e = store_write(auth->store, STORE_BEGIN, keep_up_unit, &due, deadline_ms);
    explicit_bzero(due.hash, sizeof due.hash);
    if (e)
        LOG_DEBUG("login not recorded", LOG_TEXT("request_id", ctx->request_id),
            LOG_INT("user_id", ctx->user_id), LOG_TEXT("cause", err_info(e)->name));
}

/* Login */

struct login_call {
    struct guess guess;
    const char *username;
    struct access_token *out;
};

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
    struct guess *guess = &call->guess;
    guess->found = (struct auth_lookup){
        .arena = ctx->arena, .username = call->username, .address = guess->address};
    enum err e = auth_look_up(guess->auth, ctx, &guess->found);
    if (!e || e == ERR_NOT_FOUND)
        e = try_password(guess, ctx, call->username);
    if (e)
        return e;
    if (!guess->is_right)
        return refuse(ctx, err_info(ERR_INVALID_CREDENTIALS)->text);
    ctx->user_id = guess->found.user.id;
    e = issue_token(guess->auth, ctx, &guess->found.user, call->out);
    if (e)
        return e;
    metrics_add(METRIC_logins_total, 1);
    keep_up(guess, ctx);
    return ERR_NONE;
}

enum err auth_login(struct auth *auth, struct context *ctx, const char *username,
    const char *password, struct access_token *out)
{
    struct login_call call = {
        .guess = {.auth = auth, .password = password}, .username = username, .out = out};
    throttle_address(call.guess.address, ctx->client);
    return action_run(ctx, "auth.login", login, &call);
}

/* New password */

struct password_call {
    struct guess guess;
    const char *new_password;
    char hash[PASSWORD_HASH_SIZE];
};

static enum err password_unit(struct db *db, void *arg)
{
    struct password_call *call = arg;
    const struct user *user = &call->guess.found.user;
    return users_set_password(db, user->id, user->epoch, call->hash);
}

static enum err set_password(struct password_call *call)
{
    struct auth *auth = call->guess.auth;
    enum err e =
        password_hash(auth->hasher, call->new_password, strlen(call->new_password), call->hash);
    if (!e)
        e = store_write(auth->store, STORE_BEGIN, password_unit, call, auth_store_deadline(auth));
    explicit_bzero(call->hash, sizeof call->hash);
    return e;
}

static enum err change_password(struct context *ctx, void *arg)
{
    struct password_call *call = arg;
    struct guess *guess = &call->guess;
    guess->found =
        (struct auth_lookup){.arena = ctx->arena, .id = ctx->user_id, .address = guess->address};
    enum err e = auth_look_up(guess->auth, ctx, &guess->found);
    if (!e)
        e = try_password(guess, ctx, guess->found.user.username);
    if (!e && !guess->is_right)
        return refuse(ctx, "The current password is wrong.");
    if (!e)
        e = set_password(call);
    if (e == ERR_REFUSED) /* somebody changed it meanwhile, and so ended this token */
        return fail(&ctx->fault, ERR_INVALID_TOKEN, NULL, "%s", err_info(ERR_INVALID_TOKEN)->text);
    return e;
}

enum err auth_change_password(
    struct auth *auth, struct context *ctx, const char *current, const char *new_password)
{
    struct password_call call = {
        .guess = {.auth = auth, .password = current}, .new_password = new_password};
    throttle_address(call.guess.address, ctx->client);
    return action_run(ctx, "auth.password", change_password, &call);
}
