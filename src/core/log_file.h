/* The files behind log: opening one, and making room for a new one. No threads here: log holds its
 * lock. */
#ifndef ORDERD_CORE_LOG_FILE_H
#define ORDERD_CORE_LOG_FILE_H

#include <stdint.h>

#include "core/error.h"

/* Opens (makes, mode 0640) path for appending; *size: bytes that are in it, 0 if it is not a
 * regular file. */
enum err log_file_open(const char *path, int *fd, int64_t *size, struct fault *);

/* Renames path to path.1, path.1 to path.2 and so on, at most up to path.COUNT (0: removes it), and
 * opens it anew. *fd, what is open now, is replaced by the new descriptor and closed. If path is
 * another file than *fd, somebody else has rotated and nothing is renamed; what is not a regular
 * file is left alone. On failure *fd is still good. */
enum err log_file_rotate(const char *path, int64_t count, int *fd, int64_t *size, struct fault *);

#endif
