/* What a subcommand is given: its arguments, and the configuration once somebody asked for it. */
#ifndef ORDERD_CTL_CTL_H
#define ORDERD_CTL_CTL_H

#include <stdbool.h>

#include "core/arena.h"
#include "core/config.h"
#include "core/error.h"
#include "db/admin.h"

/* Exit codes, as orderctl(8) promises them to scripts. */
enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1, /* it could not be done, or check found something */
    CTL_USAGE = 2,  /* the command line was not understood; nothing was done */
};

#define CTL_OPTIONS_MAX 8 /* options of one subcommand */

struct subcommand;

struct ctl {
    struct arena arena; /* of the whole run */
    struct fault fault;
    const struct subcommand *command;
    const char
        *values[CTL_OPTIONS_MAX]; /* in the order of the command's options; NULL: not given */
    const char *operand;          /* or NULL */
    const char *config_path;
    bool is_json;
    const char *caller; /* who asks, by the name that the system knows; set by ctl_become_owner() */
    struct config *config; /* NULL until ctl_configure() */
};

void ctl_begin(struct ctl *);
void ctl_end(struct ctl *);

/* "orderctl: ..." to standard error: what a person should know although nothing has failed. */
void ctl_note(struct ctl *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The value of one of the command's own options, by its name (asserted), or NULL. */
const char *ctl_value(const struct ctl *, const char *option);

/* Reads the configuration. problems (may be NULL) gets one "FILE:LINE: text" line each, and then
 * the fault has only a summary; without it all are in the fault's text. */
struct buffer;
enum err ctl_configure(struct ctl *, struct buffer *problems);

/* Run as root: becomes the owner of the state, for good. Everything that touches the state comes
 * after it. */
enum err ctl_become_owner(struct ctl *);

/* How this run reaches the database; strings belong to the configuration. */
struct admin_options ctl_database(const struct ctl *);

#endif
