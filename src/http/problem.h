/* Errors as problem+json (RFC 9457). */
#ifndef ORDERD_HTTP_PROBLEM_H
#define ORDERD_HTTP_PROBLEM_H

#include "core/error.h"
#include "http/request.h"

/* Makes the whole answer of an error: status, media type, body with type, title, status, detail,
 * request_id, decline_code and errors where the fault has them, and the headers that go with the
 * code: Retry-After with every 503 and 429 (the fault's, else 1), WWW-Authenticate with every 401
 * and 403 (RFC 6750, section 3). Whatever was answered before is dropped (Allow, set by the router,
 * stays). */
void problem_answer(struct request *, enum err);

#endif
