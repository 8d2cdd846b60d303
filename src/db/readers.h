/* Read connections: some belong to one worker each, the others are borrowed. See store.h. */
#ifndef ORDERD_DB_READERS_H
#define ORDERD_DB_READERS_H

#include <stdint.h>

#include "db/store.h"

struct readers;

enum err readers_open(
    struct readers **, const char *path, int quick_count, int shared_count, struct fault *);
void readers_close(struct readers *); /* NULL is harmless; none may be in use */

/* See store_read(). */
enum err readers_run(struct readers *, int worker, store_unit *, void *arg, int64_t deadline_ms);

/* See store_keep_snapshot(). */
void readers_keep(struct readers *, int worker);
void readers_let_go(struct readers *, int worker);

#endif
