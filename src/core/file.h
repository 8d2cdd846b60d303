/* Files, where "it is written" has to be true. */
#ifndef ORDERD_CORE_FILE_H
#define ORDERD_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/error.h"

struct arena;

/* Reads a whole regular file of at most max bytes. *out (in the arena) ends with a NUL that *len
 * does not count. ERR_NOT_FOUND, ERR_IO, or ERR_CORRUPT if it is larger. */
enum err file_read(
    struct arena *, const char *path, size_t max, char **out, size_t *len, struct fault *);

/* Writes all bytes, through EINTR and short writes. */
enum err file_write_all(int fd, const void *, size_t len, struct fault *);

/* Replaces path so that after a crash there is the old or the new content, never a part: temporary
 * file in the same folder, fsync, rename, fsync of the folder. */
enum err file_replace(const char *path, const void *, size_t len, mode_t, struct fault *);

/* Gives a finished file its name, which nobody may have yet (ERR_TAKEN): fsync, rename, fsync of
 * the folder. On failure nothing has that name but what had it before. */
enum err file_publish(const char *path, const char *name, struct fault *);

/* Makes an empty file of exactly that mode, whatever the umask, and opens it for writing. ERR_IO
 * also if there is something of that name. */
enum err file_make(const char *path, mode_t, int *fd, struct fault *);

/* fsync of a folder, so that names in it survive. */
enum err file_sync_dir(const char *path, struct fault *);

/* Makes the folder, and its parents, if they are not there; the names of those it makes are on disk
 * then. */
enum err file_make_dir(const char *path, mode_t, struct fault *);

/* Opens (makes) path, mode 0600, and takes an exclusive flock(2); waits up to wait_ms (0: does not
 * wait) by polling. On success *fd holds the lock until it is closed. ERR_BUSY: somebody else has
 * it. */
enum err file_lock(const char *path, int wait_ms, int *fd, struct fault *);

/* Closes *fd if it is valid and makes it -1: harmless when called twice. */
void file_close(int *fd);

/* A secret file: a regular file, owned by root or by us, no permission for group or others.
 * ERR_CONFIG says what is wrong with it. */
enum err file_check_secret(const char *path, struct fault *);

#endif
