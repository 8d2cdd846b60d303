/* See new_password.h. The password lives on this stack only, is wiped, and never reaches argv,
 * output or a log. */
#include "ctl/new_password.h"

#include <string.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/ctl.h"
#include "ctl/terminal.h"

/* A person may take a while; a script that forgot to say anything shall not hang for ever. */
#define PASSWORD_WAIT_MS 300000

static enum err hash_password(
    struct ctl *ctl, const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    const struct password_options options = {
        .memory_kib = (int)config_int(ctl->config, OPT_auth_hash_memory),
        .passes = (int)config_int(ctl->config, OPT_auth_hash_passes),
        .running = 1,
        .timeout_ms = (int)config_int(ctl->config, OPT_auth_hash_timeout),
    };
    struct hasher *hasher = NULL;
    enum err e = hasher_open(&hasher, &options, &ctl->fault);
    if (e)
        return e;
    e = password_hash(hasher, password, len, out);
    hasher_close(hasher);
    return e ? fail(&ctl->fault, e, NULL, "the password could not be hashed") : ERR_NONE;
}

enum err new_password_take(struct ctl *ctl, char hash[PASSWORD_HASH_SIZE])
{
    char password[TERMINAL_LINE_SIZE];
    size_t len;
    enum err e =
        terminal_read_password(STDIN_FILENO, PASSWORD_WAIT_MS, password, &len, &ctl->fault);
    if (!e)
        e = account_check_password(password, len, &ctl->fault);
    if (!e)
        e = hash_password(ctl, password, len, hash);
    explicit_bzero(password, sizeof password);
    return e;
}
