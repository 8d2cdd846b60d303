/* The table of subcommands: what orderctl can do, once. It drives parsing, --help and the dispatch;
 * a new subcommand is a row here, a function in the file of its subject, and a section of
 * orderctl(8). */
#ifndef ORDERD_CTL_COMMAND_H
#define ORDERD_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct ctl;

struct command_option {
    const char *name;    /* without the dashes; NULL ends a list */
    const char *value;   /* what stands for the value in the usage, "ADDR"; NULL: a switch */
    const char *choices; /* "user admin": nothing else is taken; NULL: anything */
    bool is_required;
    const char *sentence;
};

enum command_prepare {
    PREPARE_NOTHING, /* run() configures by itself */
    PREPARE_OWNER,   /* the configuration is read, and root has become the owner of the state */
};

struct command {
    const char *subject; /* "user" */
    const char *verb;    /* "add"; NULL: the subject stands alone */
    enum err (*run)(struct ctl *);
    enum command_prepare prepare;
    const struct command_option *options; /* or NULL */
    const char *operand;                  /* "NAME": exactly one is wanted; NULL: none is taken */
    const char *sentence;
};

/* Options that stand anywhere on the command line. */
extern const struct command_option command_global_options[];

/* The rows, by number; NULL behind the last. */
const struct command *command_at(size_t number);

/* The row of "subject verb" (verb NULL: of a subject that stands alone), or NULL. */
const struct command *command_find(const char *subject, const char *verb);
bool command_has_subject(const char *subject);

#endif
