/* A password that somebody is to have from now on. */
#ifndef ORDERD_CTL_NEW_PASSWORD_H
#define ORDERD_CTL_NEW_PASSWORD_H

#include "core/error.h"
#include "security/password.h"

struct ctl;

/* Reads it from the terminal or the first line of standard input, holds it against the rules and
 * hashes it as the configuration says. ERR_VALIDATION, ERR_TIMEOUT and others, with the reason. */
enum err new_password_take(struct ctl *, char hash[PASSWORD_HASH_SIZE]);

#endif
