/* The spool: how orderd hands notifications to orderd-notifier, through files alone.
 *
 * State is in the name, and one rename changes it: tmp/ (being written), new/<uid> (ready),
 * claimed/<tries>.<uid>, deferred/<next_at>.<tries>.<uid>, hold/, failed/, corrupt/. A file ends
 * with its length and a checksum. This side publishes; spool/take.h is the notifier's side.
 *
 * Publishing is durable when it returns: all files written under tmp/, one syncfs, all renamed to
 * new/, fsync of new/. A failed sync is never repeated as if it could succeed: the files are
 * unlinked and written anew. */
#ifndef ORDERD_SPOOL_SPOOL_H
#define ORDERD_SPOOL_SPOOL_H

#include <stddef.h>

#include "core/error.h"

/* Bytes, the seal included; larger files are neither written nor read. */
#define SPOOL_FILE_MAX (512 * 1024)

struct spool_message {
    const char *uid;
    const void *bytes; /* a record, encoded */
    size_t len;
};

struct spool;

/* Makes the folders that are missing, takes the publisher's lock (waits up to wait_ms; ERR_BUSY)
 * and empties tmp/. */
enum err spool_open(struct spool **, const char *folder, int wait_ms, struct fault *);
void spool_close(struct spool *); /* NULL is harmless */

/* All or nothing is not promised (a crash may leave some in new/): publishing the same uid again is
 * harmless, it replaces the file by the same. After ERR_NONE all are durable. ERR_FULL, ERR_IO:
 * none may be counted on. ERR_CORRUPT: one of them has no uid for a name, is empty or too large;
 * nothing was written. */
enum err spool_publish(struct spool *, const struct spool_message *, size_t count, struct fault *);

#endif
