/* libjwt 1.10 believes much of what a token says (token.h), and parses both parts of it before it
 * has checked the signature. So it is given only what has the shape of our own tokens: two flat
 * JSON objects and a signature, a header that says HS256 and names one of our keys. It checks the
 * signature; what it verified is then read claim by claim, with the type of each as it was written.
 *
 * The token is a secret: no text of a fault repeats any of it. */
#include "security/token.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "core/random.h"
#include "core/text.h"

#include "security/members.h"

/* A token that is being looked at. */
struct sight {
    const char *text;
    struct members header, payload;
    const char *kid;
    const struct key *key;
    jwt_t *jwt; /* NULL until the signature was found good */
    struct arena *arena;
    struct fault *fault;
};

static enum err refuse(const struct sight *sight, const char *why)
{
    return fail(sight->fault, ERR_INVALID_TOKEN, NULL, "%s", why);
}

/* One dot-separated part, at *at; moves it behind the part. */
static bool split_part(const char **at, const char **part, size_t *len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    *part = *at;
    *len = strspn(*at, alphabet);
    *at += *len;
    return *len > 0;
}

static enum err decode_part(
    struct sight *sight, const char *part, size_t len, struct members *out, const char *name)
{
    size_t size;
    char *json = arena_alloc(sight->arena, len);
    if (!text_unbase64url(json, len, &size, part, len))
        return fail(sight->fault, ERR_INVALID_TOKEN, NULL, "the %s is not base64url", name);
    const char *why = members_scan(json, size, out);
    if (why)
        return fail(sight->fault, ERR_INVALID_TOKEN, NULL, "the %s has %s", name, why);
    return ERR_NONE;
}

static enum err check_shape(struct sight *sight)
{
    const char *part[3], *at = sight->text;
    size_t len[3];
    if (strnlen(sight->text, TOKEN_SIZE_MAX + 1) > TOKEN_SIZE_MAX)
        return refuse(sight, "the token is too long");
    bool is_shaped = split_part(&at, &part[0], &len[0]) && *at++ == '.' &&
                     split_part(&at, &part[1], &len[1]) && *at++ == '.' &&
                     split_part(&at, &part[2], &len[2]) && !*at;
    if (!is_shaped)
        return refuse(sight, "the token is not three parts of base64url");
    enum err e = decode_part(sight, part[0], len[0], &sight->header, "header");
    return e ? e : decode_part(sight, part[1], len[1], &sight->payload, "payload");
}

/* lifetime_s: a key that was retired longer ago can have signed nothing that is still good. */
static enum err find_key(const struct keyring *keys, const char *kid, int64_t now,
    int64_t lifetime_s, const struct key **out, struct fault *fault)
{
    *out = keyring_find(keys, kid, now, lifetime_s);
    return *out ? ERR_NONE : fail(fault, ERR_INVALID_TOKEN, NULL, "kid is no key of ours");
}

static enum err check_header(
    struct sight *sight, const struct keyring *keys, int64_t now, int64_t lifetime_s)
{
    const struct member *kid = members_find(&sight->header, "kid");
    if (!member_is_text(members_find(&sight->header, "alg"), "HS256"))
        return refuse(sight, "alg is not HS256");
    if (!member_is_text(members_find(&sight->header, "typ"), "JWT"))
        return refuse(sight, "typ is not JWT");
    if (!kid || kid->kind != MEMBER_TEXT)
        return refuse(sight, "there is no kid");
    if (sight->header.count != 3)
        return refuse(sight, "the header has more than alg, typ and kid");
    sight->kid = arena_copy(sight->arena, kid->raw, kid->raw_len);
    return find_key(keys, sight->kid, now, lifetime_s, &sight->key, sight->fault);
}

/* Where its memory is wanting libjwt mostly says EINVAL, and in one place it decodes as without a
 * key: errno tells. */
static enum err check_signature(struct sight *sight)
{
    assert(sight->key->len); /* without a key libjwt would take anything */
    errno = 0;
    int rc = jwt_decode(&sight->jwt, sight->text, sight->key->bytes, (int)sight->key->len);
    if (rc == ENOMEM || errno == ENOMEM)
        return fail(sight->fault, ERR_UNAVAILABLE, NULL, "no memory to verify a token");
    if (rc || !sight->jwt)
        return refuse(sight, "the signature is wrong, or a part is not JSON");
    if (jwt_get_alg(sight->jwt) != JWT_ALG_HS256)
        return refuse(sight, "alg is not HS256");
    return ERR_NONE;
}

/* A claim that is a text and not empty. */
static enum err claim_text(const struct sight *sight, const char *name, const char **out)
{
    const struct member *member = members_find(&sight->payload, name);
    *out = jwt_get_grant(sight->jwt, name);
    if (!member || member->kind != MEMBER_TEXT || !*out || !**out)
        return fail(sight->fault, ERR_INVALID_TOKEN, NULL, "%s is no text", name);
    return ERR_NONE;
}

/* A claim that is a whole number from 0 on. */
static enum err claim_number(const struct sight *sight, const char *name, int64_t *out)
{
    const struct member *member = members_find(&sight->payload, name);
    if (!member || member->kind != MEMBER_NUMBER ||
        !text_parse_uint(member->raw, member->raw_len, INT64_MAX, out))
        return fail(sight->fault, ERR_INVALID_TOKEN, NULL, "%s is no whole number", name);
    return ERR_NONE;
}

static enum err check_claim(const struct sight *sight, const char *name, const char *wanted)
{
    const char *found;
    enum err e = claim_text(sight, name, &found);
    if (!e && strcmp(found, wanted) != 0)
        return fail(sight->fault, ERR_INVALID_TOKEN, NULL, "%s is not ours", name);
    return e;
}

static enum err read_times(const struct sight *sight, struct token_claims *out)
{
    enum err e = claim_number(sight, "exp", &out->expires_at);
    if (!e)
        e = claim_number(sight, "iat", &out->issued_at);
    return e ? e : claim_number(sight, "nbf", &out->not_before_at);
}

static enum err check_times(const struct token_claims *claims, int64_t now, struct fault *fault)
{
    const char *why = NULL;
    if (now >= claims->expires_at)
        why = "the token has expired";
    else if (claims->issued_at > now + TOKEN_LEEWAY_S)
        why = "iat is in the future";
    else if (claims->not_before_at > now + TOKEN_LEEWAY_S)
        why = "the token is not valid yet";
    return why ? fail(fault, ERR_INVALID_TOKEN, NULL, "%s", why) : ERR_NONE;
}

static enum err read_claims(const struct sight *sight, struct token_claims *out)
{
    const char *subject, *role, *id;
    enum err e = claim_text(sight, "sub", &subject);
    if (!e)
        e = claim_text(sight, "role", &role);
    if (!e)
        e = claim_text(sight, "jti", &id);
    if (!e)
        e = claim_number(sight, "epoch", &out->epoch);
    if (e)
        return e;
    if (!text_parse_uint(subject, strlen(subject), INT64_MAX, &out->user_id) || !out->user_id)
        return refuse(sight, "sub is no user");
    out->role = arena_text(sight->arena, role);
    out->kid = sight->kid;
    return ERR_NONE;
}

static enum err look(struct sight *sight, const struct keyring *keys,
    const struct token_options *options, int64_t now, struct token_claims *out)
{
    enum err e = check_shape(sight);
    if (!e)
        e = check_header(sight, keys, now, options->lifetime_s);
    if (!e)
        e = check_signature(sight);
    if (!e)
        e = check_claim(sight, "iss", options->issuer);
    if (!e)
        e = check_claim(sight, "aud", options->audience);
    if (!e)
        e = read_times(sight, out);
    if (!e)
        e = check_times(out, now, sight->fault);
    return e ? e : read_claims(sight, out);
}

enum err token_verify(const struct keyring *keys, const struct token_options *options,
    const char *token, int64_t now, struct arena *arena, struct token_claims *out,
    struct fault *fault)
{
    struct sight sight = {.text = token, .arena = arena, .fault = fault};
    struct token_claims claims = {.user_id = 0};
    enum err e = look(&sight, keys, options, now, &claims);
    jwt_free(sight.jwt);
    *out = e ? (struct token_claims){.user_id = 0} : claims;
    return e;
}

enum err token_check_again(const struct keyring *keys, const struct token_options *options,
    const struct token_claims *claims, int64_t now, struct fault *fault)
{
    const struct key *key;
    enum err e = find_key(keys, claims->kid, now, options->lifetime_s, &key, fault);
    return e ? e : check_times(claims, now, fault);
}

static bool add_claims(jwt_t *jwt, const struct token_options *options,
    const struct token_claims *claims, int64_t now, struct arena *arena)
{
    char id[UID_SIZE];
    random_uid(id);
    const char *subject = arena_printf(arena, "%lld", (long long)claims->user_id);
    return !jwt_add_grant(jwt, "iss", options->issuer) &&
           !jwt_add_grant(jwt, "aud", options->audience) && !jwt_add_grant(jwt, "sub", subject) &&
           !jwt_add_grant(jwt, "role", claims->role) && !jwt_add_grant(jwt, "jti", id) &&
           !jwt_add_grant_int(jwt, "epoch", claims->epoch) && !jwt_add_grant_int(jwt, "iat", now) &&
           !jwt_add_grant_int(jwt, "nbf", now) &&
           !jwt_add_grant_int(jwt, "exp", now + options->lifetime_s);
}

static bool sign(jwt_t *jwt, const struct key *key, struct arena *arena, char **out)
{
    if (jwt_add_header(jwt, "kid", key->name.id) ||
        jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, (int)key->len))
        return false;
    char *text = jwt_encode_str(jwt);
    if (!text)
        return false;
    size_t len = strlen(text);
    *out = arena_text(arena, text);
    explicit_bzero(text, len);
    free(text);
    return len <= TOKEN_SIZE_MAX;
}

enum err token_issue(const struct keyring *keys, const struct token_options *options,
    const struct token_claims *claims, int64_t now, struct arena *arena, char **out,
    struct fault *fault)
{
    jwt_t *jwt;
    *out = NULL;
    if (jwt_new(&jwt))
        return fail(fault, ERR_UNAVAILABLE, NULL, "no memory for a token");
    errno = 0;
    bool is_made =
        add_claims(jwt, options, claims, now, arena) && sign(jwt, keyring_newest(keys), arena, out);
    bool is_wanting = errno == ENOMEM;
    jwt_free(jwt);
    struct token_claims read;
    if (is_made && !token_verify(keys, options, *out, now, arena, &read, NULL))
        return ERR_NONE;
    *out = NULL;
    if (is_made || is_wanting) /* libjwt leaves a part out then, and calls it a token */
        return fail(fault, ERR_UNAVAILABLE, NULL, "no memory for a token");
    return fail(fault, ERR_INTERNAL, NULL,
        "no token can be made: issuer, audience or role is not UTF-8, or too long");
}
