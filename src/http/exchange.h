/* Requests and answers of one connection, one after the other, read and written by libfcgi. */
#ifndef ORDERD_HTTP_EXCHANGE_H
#define ORDERD_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/error.h"
#include "http/request.h"

struct exchange;

/* Once, before the threads: libfcgi puts signal handlers of its own, which nothing reaches while
 * all signals are blocked. */
enum err exchange_prepare(struct fault *);

struct exchange *exchange_new(void);
void exchange_free(struct exchange *); /* closes; NULL is harmless */

/* The descriptor is the exchange's from now on. */
void exchange_attach(struct exchange *, int fd);

/* Reads a whole request, its body to the end, and begins *request with it. Its strings are the
 * arena's, or valid until exchange_answer(). False: the peer has let go, or stopped in the middle,
 * or does not speak FastCGI; then the descriptor is closed. */
bool exchange_read(struct exchange *, struct arena *, size_t body_max, struct request *);

/* Sends the answer: one write up to 8,160 bytes. False: the descriptor is closed, because that was
 * the peer's wish or it cannot be reached. */
bool exchange_answer(struct exchange *, struct request *);

#endif
