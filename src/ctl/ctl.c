/* See ctl.h. */
#include "ctl/ctl.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <config.h>

#include "core/buffer.h"

#include "ctl/subcommand.h"
#include "ctl/output.h"
#include "ctl/owner.h"

/* Longest wait for a responder's transaction, or another orderctl. */
#define DATABASE_WAIT_MS 15000

void ctl_begin(struct ctl *ctl)
{
    *ctl = (struct ctl){.config_path = ORDERD_SYSCONFDIR "/orderd.conf"};
    arena_init(&ctl->arena, 16384);
    fault_begin(&ctl->fault, &ctl->arena);
}

void ctl_end(struct ctl *ctl)
{
    config_close(ctl->config);
    ctl->config = NULL;
    arena_fini(&ctl->arena);
}

void ctl_note(struct ctl *ctl, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = arena_vprintf(&ctl->arena, fmt, args);
    va_end(args);
    fprintf(stderr, "orderctl: %s\n", output_plain(&ctl->arena, text));
}

const char *ctl_value(const struct ctl *ctl, const char *option)
{
    const struct subcommand_option *options = ctl->command->options;
    for (size_t n = 0; options && options[n].name; n++)
        if (strcmp(options[n].name, option) == 0)
            return ctl->values[n];
    assert(!"an option that the table does not have");
    return NULL;
}

enum err ctl_configure(struct ctl *ctl, struct buffer *problems)
{
    struct buffer own;
    buffer_begin(&own, &ctl->arena, 256);
    /* absolute: another user may not be able to pass through our working folder */
    char *path = realpath(ctl->config_path, NULL);
    if (!path)
        return fail_errno(
            &ctl->fault, ERR_CONFIG, "cannot read the configuration %s", ctl->config_path);
    ctl->config_path = arena_text(&ctl->arena, path);
    free(path);
    enum err e =
        config_open(&ctl->config, ctl->config_path, problems ? problems : &own, &ctl->fault);
    if (e && own.len) {
        fault_clear(&ctl->fault);
        return fail(&ctl->fault, e, NULL, "the configuration is wrong:\n%s", own.data);
    }
    return e;
}

enum err ctl_become_owner(struct ctl *ctl)
{
    char caller[OWNER_NAME_SIZE];
    owner_caller(caller);
    ctl->caller = arena_text(&ctl->arena, caller);
    return owner_become(config_text(ctl->config, OPT_database_path), &ctl->fault);
}

struct admin_options ctl_database(const struct ctl *ctl)
{
    const char *migrations = config_text(ctl->config, OPT_database_migrations);
    return (struct admin_options){
        .path = config_text(ctl->config, OPT_database_path),
        .migrations = *migrations ? migrations : ORDERD_DATADIR "/sql",
        .wait_ms = DATABASE_WAIT_MS,
    };
}
