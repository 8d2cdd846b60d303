/* What a user may be called, and how a password may look: the rules of the HTTP contract, for the
 * terminal. */
#ifndef ORDERD_CTL_ACCOUNT_H
#define ORDERD_CTL_ACCOUNT_H

#include <stddef.h>

#include "core/account.h"
#include "core/error.h"

/* ERR_VALIDATION; the text names the rule, never the value. */
enum err account_check_username(const char *, struct fault *);
enum err account_check_email(const char *, struct fault *);
enum err account_check_password(const char *, size_t len, struct fault *);

#endif
