/* See account.h. */
#include "ctl/account.h"

#include <stdbool.h>
#include <string.h>

#include "core/text.h"

#define USERNAME_MIN 3
#define USERNAME_MAX 64
#define EMAIL_MAX    254 /* bytes: RFC 5321, section 4.5.3.1.3, without the brackets */

enum err account_check_username(const char *name, struct fault *fault)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);
    if (len < USERNAME_MIN || len > USERNAME_MAX || strspn(name, allowed) != len)
        return fail(fault, ERR_VALIDATION, NULL,
            "the name must have %d to %d characters, of A-Z a-z 0-9 . _ -", USERNAME_MIN,
            USERNAME_MAX);
    return ERR_NONE;
}

/* The domain holds a dot with something on both sides. */
static bool is_domain(const char *domain)
{
    const char *dot = *domain ? strchr(domain + 1, '.') : NULL;
    return dot && dot[1] && !strchr(domain, '@');
}

static bool is_email(const char *email, size_t len)
{
    const char *at = strchr(email, '@');
    if (len > EMAIL_MAX || !at || at == email || !is_domain(at + 1))
        return false;
    return !strchr(email, ' ') && !text_has_control(email, len) && text_is_utf8(email, len);
}

enum err account_check_email(const char *email, struct fault *fault)
{
    if (!is_email(email, strlen(email)))
        return fail(fault, ERR_VALIDATION, NULL,
            "the e-mail address must have one @ with a dot in what follows it, no space, and at "
            "most %d "
            "bytes",
            EMAIL_MAX);
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
