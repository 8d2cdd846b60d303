/* See account.h. */
#include "ctl/account.h"

#include <string.h>

#include "core/text.h"

enum err account_check_username(const char *name, struct fault *fault)
{
    size_t len = strlen(name);
    if (len < ACCOUNT_USERNAME_MIN || len > ACCOUNT_USERNAME_MAX || !account_is_username(name, len))
        return fail(fault, ERR_VALIDATION, NULL,
            "the name must have %d to %d characters, of A-Z a-z 0-9 . _ -", ACCOUNT_USERNAME_MIN,
            ACCOUNT_USERNAME_MAX);
    return ERR_NONE;
}

enum err account_check_email(const char *email, struct fault *fault)
{
    size_t len = strlen(email);
    if (len > ACCOUNT_EMAIL_MAX || !text_is_utf8(email, len) || !account_is_email(email, len))
        return fail(fault, ERR_VALIDATION, NULL,
            "the e-mail address must have one @ with a dot in what follows it, no space, and at "
            "most %d bytes",
            ACCOUNT_EMAIL_MAX);
    return ERR_NONE;
}

enum err account_check_password(const char *password, size_t len, struct fault *fault)
{
    if (memchr(password, '\0', len) || !text_is_utf8(password, len))
        return fail(fault, ERR_VALIDATION, NULL, "the password must be text in UTF-8");
    size_t count = text_count(password, len);
    if (count < ACCOUNT_PASSWORD_MIN || count > ACCOUNT_PASSWORD_MAX)
        return fail(fault, ERR_VALIDATION, NULL, "the password must have %d to %d characters",
            ACCOUNT_PASSWORD_MIN, ACCOUNT_PASSWORD_MAX);
    return ERR_NONE;
}
