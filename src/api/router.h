/* The one dispatcher: every request goes through it, in the contract's order of checks, and leaves
 * one line in the log. Its three functions are the handlers of http/fastcgi; arg is the struct app.
 */
#ifndef ORDERD_API_ROUTER_H
#define ORDERD_API_ROUTER_H

#include "http/fastcgi.h"
#include "http/request.h"

/* Path (404), method (405), token (401), role (403), media type (415), JSON (400), fields, query
 * and headers (422); then answers what only reads. */
enum fastcgi_next router_quick(void *app, struct request *);

/* Runs the handler of a request that router_quick() has found in order. */
void router_slow(void *app, struct request *);

/* There is no room for it: 503. */
void router_overload(void *app, struct request *);

#endif
