/* Passwords from a person or a script: never from argv, never echoed. */
#ifndef ORDERD_CTL_TERMINAL_H
#define ORDERD_CTL_TERMINAL_H

#include <stddef.h>

#include "core/error.h"

/* More than the longest password in UTF-8; a longer line is refused, never cut. */
#define TERMINAL_LINE_SIZE 1024

/* A terminal on fd: asks twice on standard error without echo; they must agree. Anything else:
 * takes its first line, and not a byte behind it. The line's end is not part of it; *len bytes,
 * then a NUL. The caller wipes out. A signal that ends the program does so with the echo back on.
 * ERR_VALIDATION: nothing there, too long, or the two differ; ERR_TIMEOUT: nobody answered within
 * wait_ms; ERR_IO. */
enum err terminal_read_password(
    int fd, int wait_ms, char out[TERMINAL_LINE_SIZE], size_t *len, struct fault *);

#endif
