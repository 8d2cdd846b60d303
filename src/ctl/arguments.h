/* The command line, read by the table of commands.
 *
 * Strict, since a misread command is done by root: no abbreviations, nothing given twice, nothing
 * ignored. */
#ifndef ORDERD_CTL_ARGUMENTS_H
#define ORDERD_CTL_ARGUMENTS_H

#include "core/error.h"

struct ctl;

enum arguments_wish {
    ARGUMENTS_RUN,
    ARGUMENTS_HELP, /* of ctl->command, of the subject, or of everything */
    ARGUMENTS_VERSION,
};

struct arguments {
    enum arguments_wish wish;
    const char *subject; /* as far as it was understood; NULL: none */
};

/* Fills the command, values, operand and global options of ctl; all borrowed from argv.
 * ERR_BAD_REQUEST with the reason; out->subject and ctl->command then say whose usage would help.
 */
enum err arguments_parse(struct ctl *, int argc, char *const *argv, struct arguments *out);

#endif
