/* The command line of a daemon, and what every program does before anything else. */
#ifndef ORDERD_CORE_COMMAND_H
#define ORDERD_CORE_COMMAND_H

#include <signal.h>
#include <stdbool.h>

#include "core/config.h"

/* The first call of main(). Takes over OpenSSL's memory, opens the standard descriptors that are
 * closed, and closes this process's memory to others: no core dump, no ptrace(2) by whoever runs as
 * the same user. False: the system refuses, and standard error says so. */
bool command_begin(void);

struct command_spec {
    const char *name;    /* of the program */
    const char *summary; /* printed below the options by --help */
    bool knows_once;     /* takes --once */
    /* What the table of options cannot tell: ERR_CONFIG. NULL: nothing. */
    enum err (*check)(const struct config *, struct fault *);
};

struct command {
    const char *config_path;
    bool once;
    struct config *config; /* the caller's to close */
};

/* Options: -c, --config FILE (default SYSCONFDIR/orderd.conf), --check-config, --print-config, -h,
 * --help, -V, --version, and --once where the program knows it. True: run. False: *status is what
 * to exit with; what had to be said has been. A configuration with problems: all of them on
 * standard error, status 1; a wrong command line: 2. --print-config without a file, when the
 * default one is not there, prints the defaults: that is the sample. */
bool command_parse(
    int argc, char **argv, const struct command_spec *, struct command *, int *status);

/* Blocks all signals for this thread and those it will make; *waited: SIGTERM, SIGINT, SIGUSR1 and
 * SIGHUP, which main() waits for. */
void command_block_signals(sigset_t *waited);

#endif
