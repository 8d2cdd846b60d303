/* The table of routes, and what a handler is. */
#ifndef ORDERD_API_ROUTES_H
#define ORDERD_API_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "http/fields.h"
#include "http/request.h"

#include "api/app.h"

/* Who may. The zero value refuses everybody, so that a forgotten column is a dead route and not a
 * public one. */
enum access {
    ACCESS_NOBODY,
    ACCESS_ANYONE,
    ACCESS_TOKEN, /* any valid token */
    ACCESS_USER,  /* role user; not an admin */
    ACCESS_ADMIN,
};

enum pool {
    POOL_QUICK, /* only reads */
    POOL_SLOW,  /* waits for a commit or a password hash */
    POOL_LONG,  /* the same, and for the gateway: only some of the slow workers at once */
};

#define ROUTE_TAKES_KEY 1u /* Idempotency-Key */
#define ROUTE_IS_BESIDE 2u /* beside the API: its query is ignored */

/* One request on its way through a route; lives in its arena. */
struct call {
    struct request *request;
    struct context *ctx; /* the request's */
    const struct app *app;
    const struct route *route;
    struct user caller; /* of a route that wants a token */
    int64_t id;         /* of a path with {id} */
    void *body;         /* the struct of route->body */
    void *query;        /* the struct of route->query */
};

/* Answers the call (api/answer.h), or returns why not. */
typedef enum err handler(struct call *);

struct route {
    const char *method;
    const char *path; /* byte for byte; a last segment {id} is a decimal id */
    enum access access;
    enum pool pool;
    const struct shape *body;  /* NULL: none */
    const struct shape *query; /* NULL: no parameter is allowed */
    handler *handle;
    const char *name; /* in the log */
    unsigned flags;   /* ROUTE_... */
};

extern const struct route routes[];
extern const size_t route_count;

#endif
