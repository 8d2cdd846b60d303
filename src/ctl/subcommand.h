/* The table of subcommands: what orderctl can do, once. It drives parsing, --help and the dispatch;
 * a new subcommand is a row here, a function in the file of its subject, and a section of
 * orderctl(8). */
#ifndef ORDERD_CTL_SUBCOMMAND_H
#define ORDERD_CTL_SUBCOMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct ctl;

struct subcommand_option {
    const char *name;    /* without the dashes; NULL ends a list */
    char letter;         /* 'c': -c is the same; 0: none */
    const char *value;   /* what stands for the value in the usage, "ADDR"; NULL: a switch */
    const char *choices; /* "user admin": nothing else is taken; NULL: anything */
    bool is_required;
    const char *sentence;
};

enum subcommand_prepare {
    PREPARE_NOTHING, /* run() configures by itself */
    PREPARE_OWNER,   /* the configuration is read, and root has become the owner of the state */
};

struct subcommand {
    const char *subject; /* "user" */
    const char *verb;    /* "add"; NULL: the subject stands alone */
    enum err (*run)(struct ctl *);
    enum subcommand_prepare prepare;
    const struct subcommand_option *options; /* or NULL */
    const char *operand; /* "NAME": exactly one is wanted; NULL: none is taken */
    const char *sentence;
};

/* Options that stand anywhere on the command line. */
extern const struct subcommand_option subcommand_global_options[];

/* The rows, by number; NULL behind the last. */
const struct subcommand *subcommand_at(size_t number);

/* The row of "subject verb" (verb NULL: of a subject that stands alone), or NULL. */
const struct subcommand *subcommand_find(const char *subject, const char *verb);
bool subcommand_has_subject(const char *subject);

#endif
