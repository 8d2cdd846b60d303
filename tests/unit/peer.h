/* The web server's end of a FastCGI connection, record by record, so that it can also be a bad one.
 */
#ifndef ORDERD_TESTS_PEER_H
#define ORDERD_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes to be sent: a whole request, or whatever a test makes of it. */
struct wire {
    char *data;
    size_t len;
};

/* What came back for one request. */
struct answer {
    int status;
    char head[2048]; /* with the empty line */
    char *body;      /* with a NUL */
    size_t body_len;
    bool is_complete; /* ended by FCGI_END_REQUEST */
};

enum {
    PEER_BEGIN = 1,
    PEER_END = 3,
    PEER_PARAMS = 4,
    PEER_STDIN = 5,
    PEER_STDOUT = 6
};
enum {
    PEER_CLOSES = 0,
    PEER_KEEPS = 1
};
enum {
    PEER_RESPONDER = 1,
    PEER_AUTHORIZER = 2
};

int peer_connect(const char *path);

/* One at a time, into a wire that begins as {0}. */
void wire_record(struct wire *, int type, const void *content, size_t len);
void wire_begin(struct wire *, int role, int flags);
/* NAME, value, NAME, value, ..., NULL in one record, and the empty one. */
void wire_params(struct wire *, const char *const *pairs);
void wire_body(struct wire *, const char *body, size_t len);
void wire_free(struct wire *);

/* A good one: a kept connection. */
struct wire wire_get(const char *uri);
struct wire wire_post(const char *uri, const char *body, size_t len);

/* False: the other end does not take it. */
bool peer_send(int fd, const void *, size_t len);
bool peer_send_wire(int fd, struct wire *); /* frees it */

/* False: closed before any byte came. */
bool peer_receive(int fd, struct answer *);
void answer_free(struct answer *);

/* Sends the request and wants exactly this answer. */
void peer_expect(int fd, struct wire, int status, const char *body);
/* Waits for the end of the connection. Bytes before it fail the test. */
void peer_expect_end(int fd);

#endif
