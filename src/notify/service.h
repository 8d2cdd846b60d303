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
 * Opens the log and blocks the signals. */
enum err service_open(
    struct service **, const char *config_path, struct config *config, struct fault *);
void service_close(struct service *); /* NULL is harmless */

/* Takes the spool (waits ten seconds for it to be made; not with once) and works until SIGTERM or
 * SIGINT; once: until what is due was tried. SIGUSR1 opens the log anew, SIGHUP reads the
 * configuration again. ERR_NOT_FOUND: there is no spool, or no more. ERR_BUSY: another notifier has
 * it. */
enum err service_run(struct service *, bool once, struct fault *);

#endif
