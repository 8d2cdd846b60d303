/* orderd-notifier at work: waits for messages, their times and signals, and runs the queue. */
#ifndef ORDERD_NOTIFY_SERVICE_H
#define ORDERD_NOTIFY_SERVICE_H

#include <stdbool.h>

#include "core/config.h"
#include "core/error.h"

struct service;

/* ERR_CONFIG: the values do not go together with what notifications need. */
enum err service_check(const struct config *, struct fault *);

/* config_path: read again at SIGHUP; NULL: never. The service closes config, on failure too.
 * Opens the log, blocks the signals and takes the spool. */
enum err service_open(
    struct service **, const char *config_path, struct config *config, struct fault *);
void service_close(struct service *); /* NULL is harmless */

/* Until SIGTERM or SIGINT; once: until what is due was tried. SIGUSR1 opens the log anew. An error
 * ends it: the spool has gone. */
enum err service_run(struct service *, bool once, struct fault *);

#endif
