/* One HTTP request and its answer, as plain data: what the router sees, however it came in.
 *
 * Everything lives in the request's arena and is gone when it is finished. This folder knows
 * nothing of users or orders. */
#ifndef ORDERD_HTTP_REQUEST_H
#define ORDERD_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/context.h"

/* Request headers the service looks at; a header sent twice is counted, never joined or chosen
 * from. */
enum header {
    HEADER_AUTHORIZATION,
    HEADER_CONTENT_TYPE,
    HEADER_CONTENT_ENCODING,
    HEADER_IDEMPOTENCY_KEY,
    HEADER__COUNT
};

#define RESPONSE_HEADERS_MAX 8

struct response_header {
    const char *name;
    const char *value; /* no control characters: asserted */
};

struct request {
    struct context ctx; /* arena, fault, request id, client's address, worker */

    const char *method; /* as sent; case counts (RFC 9110, section 9.1) */
    const char *path;   /* REQUEST_URI before '?', byte for byte; nothing is decoded */
    const char *query;  /* behind '?', or NULL if there is no '?' */
    const char *header[HEADER__COUNT]; /* the first one's value, or NULL */
    int header_count[HEADER__COUNT];
    const char *body; /* NUL-terminated copy; body_len does not count the NUL */
    size_t body_len;
    bool body_too_large; /* it was read to its end and dropped */

    /* The answer. */
    int status;
    const char *content_type; /* NULL: no body */
    struct response_header headers[RESPONSE_HEADERS_MAX];
    size_t header_used;
    struct buffer out; /* the body; begun, and empty until somebody answers */
    struct buffer log; /* lines about it, for ctx */

    int64_t begun_us; /* monotonic */
    void *state;      /* the router's, from the quick to the slow worker */
};

/* Empty: no method, path "", nothing answered. request_id is borrowed. */
void request_begin(struct request *, struct arena *, const char *request_id);

/* Adds a header to the answer. Both are borrowed until it is sent. X-Request-Id, Cache-Control,
 * Content-Type and Content-Length are not added here but when it is sent. */
void request_header(struct request *, const char *name, const char *value);

/* What is sent before the body: the header fields as a CGI response has them (RFC 3875,
 * section 6.3), each exactly once, and the empty line. The answer must have a status. */
void request_head(const struct request *, struct buffer *);

/* Is there a body to send? Not in the answer to HEAD, which keeps the Content-Length that GET would
 * have. */
bool request_sends_body(const struct request *);

#endif
