/* See account.h. */
#include "core/account.h"

#include <string.h>

#include "core/text.h"

bool account_is_username(const char *text, size_t len)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    for (size_t i = 0; i < len; i++)
        if (!memchr(allowed, text[i], sizeof allowed - 1))
            return false;
    return true;
}

/* A dot with something on both sides. */
static bool has_inner_dot(const char *text, size_t len)
{
    return len >= 3 && memchr(text + 1, '.', len - 2);
}

/* Not RFC 5322's grammar: only what keeps out what can be no address. */
bool account_is_email(const char *text, size_t len)
{
    if (memchr(text, ' ', len) || text_has_control(text, len))
        return false;
    const char *at = memchr(text, '@', len);
    if (!at || at == text)
        return false;
    const char *domain = at + 1;
    size_t domain_len = len - (size_t)(domain - text);
    return !memchr(domain, '@', domain_len) && has_inner_dot(domain, domain_len);
}
