/* Handlers of /auth: shapes in, one call of the service, one answer. */
#include "api/auth_routes.h"

#include <string.h>

#include "core/account.h"

#include "api/answer.h"

static bool is_role(const char *text, size_t len)
{
    return strlen(text) == len && role_parse(text) != ROLE_NONE;
}

static const struct field registration_fields[] = {
    {.name = "username",
        .type = FIELD_TEXT,
        .min = ACCOUNT_USERNAME_MIN,
        .max = ACCOUNT_USERNAME_MAX,
        .offset = offsetof(struct registration, username),
        .is_valid = account_is_username,
        .message = "may hold only A-Z a-z 0-9 . _ -"},
    {.name = "password",
        .type = FIELD_TEXT,
        .min = ACCOUNT_PASSWORD_MIN,
        .max = ACCOUNT_PASSWORD_MAX,
        .offset = offsetof(struct registration, password)},
    {.name = "email",
        .type = FIELD_BYTES,
        .min = 1,
        .max = ACCOUNT_EMAIL_MAX,
        .offset = offsetof(struct registration, email),
        .is_valid = account_is_email,
        .message = "must be an e-mail address"},
    {.name = "role",
        .type = FIELD_TEXT,
        .is_optional = true,
        .min = 1,
        .max = 16,
        .offset = offsetof(struct registration, role),
        .is_valid = is_role,
        .message = "must be user or admin"},
};
const struct shape registration_shape = SHAPE(registration_fields, struct registration);

struct login_body {
    const char *username;
    const char *password;
};

/* Only types and upper bounds: a short wrong password is a 401 like any other. */
static const struct field login_fields[] = {
    {.name = "username",
        .type = FIELD_TEXT,
        .max = ACCOUNT_USERNAME_MAX,
        .offset = offsetof(struct login_body, username)},
    {.name = "password",
        .type = FIELD_TEXT,
        .max = ACCOUNT_PASSWORD_MAX,
        .offset = offsetof(struct login_body, password)},
};
const struct shape login_shape = SHAPE(login_fields, struct login_body);

struct password_body {
    const char *current_password;
    const char *new_password;
};

static const struct field password_fields[] = {
    {.name = "current_password",
        .type = FIELD_TEXT,
        .max = ACCOUNT_PASSWORD_MAX,
        .offset = offsetof(struct password_body, current_password)},
    {.name = "new_password",
        .type = FIELD_TEXT,
        .min = ACCOUNT_PASSWORD_MIN,
        .max = ACCOUNT_PASSWORD_MAX,
        .offset = offsetof(struct password_body, new_password)},
};
const struct shape password_change_shape = SHAPE(password_fields, struct password_body);

static void answer_user(struct call *call, int status, const struct user *user)
{
    struct json_writer json;
    answer_json(call, status, &json);
    json_begin_object(&json);
    json_key(&json, "id");
    json_put_int(&json, user->id);
    json_key(&json, "username");
    json_put_text(&json, user->username);
    json_key(&json, "email");
    json_put_text(&json, user->email);
    json_key(&json, "role");
    json_put_text(&json, role_name(user->role));
    json_key(&json, "created_at");
    json_put_time(&json, user->created_at);
    json_end_object(&json);
}

enum err auth_register_route(struct call *call)
{
    struct user user;
    enum err e = auth_register(call->app->auth, call->ctx, call->body, &user);
    if (e)
        return e;
    answer_user(call, 201, &user);
    return ERR_NONE;
}

enum err auth_login_route(struct call *call)
{
    const struct login_body *body = call->body;
    struct access_token token;
    enum err e = auth_login(call->app->auth, call->ctx, body->username, body->password, &token);
    if (e)
        return e;
    struct json_writer json;
    answer_json(call, 200, &json);
    json_begin_object(&json);
    json_key(&json, "access_token");
    json_put_text(&json, token.text);
    json_key(&json, "token_type");
    json_put_text(&json, "Bearer");
    json_key(&json, "expires_in");
    json_put_int(&json, token.expires_in_s);
    json_end_object(&json);
    return ERR_NONE;
}

enum err auth_password_route(struct call *call)
{
    const struct password_body *body = call->body;
    enum err e = auth_change_password(
        call->app->auth, call->ctx, body->current_password, body->new_password);
    if (e)
        return e;
    answer_empty(call);
    return ERR_NONE;
}

enum err auth_me_route(struct call *call)
{
    answer_user(call, 200, &call->caller);
    return ERR_NONE;
}
