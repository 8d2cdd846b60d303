/* What a user may be called: one rule for the API and for the administrator's tool. */
#ifndef ORDERD_CORE_ACCOUNT_H
#define ORDERD_CORE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#define ACCOUNT_USERNAME_MIN 3 /* characters */
#define ACCOUNT_USERNAME_MAX 64
#define ACCOUNT_PASSWORD_MIN 8   /* code points */
#define ACCOUNT_PASSWORD_MAX 128 /* code points, of at most four bytes each */
#define ACCOUNT_EMAIL_MAX    254 /* bytes: RFC 5321, section 4.5.3.1.3, without the brackets */

/* What it may hold; lengths, and whether it is UTF-8, are looked at by the caller. */
bool account_is_username(const char *, size_t len); /* A-Z a-z 0-9 . _ - */
/* One @ with something before it, a dot inside the domain, no space or control character. */
bool account_is_email(const char *, size_t len);

#endif
