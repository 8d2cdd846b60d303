/* Reading a spool file as if an enemy had put it there. */
#ifndef ORDERD_SPOOL_INSPECT_H
#define ORDERD_SPOOL_INSPECT_H

#include <stddef.h>
#include <sys/types.h>

#include "core/error.h"

struct arena;

/* Reads FOLDER/name and takes off its seal. Taken is only a regular file with one link that belongs
 * to owner, is not too large, and whole: else ERR_CORRUPT and why. ERR_NOT_FOUND, ERR_IO: nothing
 * is known about it. *bytes is in the arena, and never changes once it was checked. */
enum err inspect_read(int folder_fd, const char *name, uid_t owner, struct arena *,
    const char **bytes, size_t *len, struct fault *);

#endif
