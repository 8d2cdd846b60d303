/* A crew of threads that does a batch of calls which wait for somebody else, and comes back when
 * all are done. */
#ifndef ORDERD_SERVICES_CREW_H
#define ORDERD_SERVICES_CREW_H

#include <stddef.h>

#include "core/error.h"

struct crew;

typedef void crew_job(void *arg, size_t i);

/* All signals must be blocked already. ERR_IO: threads cannot be started. */
enum err crew_open(struct crew **, int threads, struct fault *);
void crew_close(struct crew *); /* no batch may run; NULL is harmless */

/* Calls job(arg, i) for each i below count, at most so many at once as there are threads. One batch
 * at a time. */
void crew_run(struct crew *, crew_job *job, void *arg, size_t count);

#endif
