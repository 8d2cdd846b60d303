/* What a handler answers with. */
#ifndef ORDERD_API_ANSWER_H
#define ORDERD_API_ANSWER_H

#include <stddef.h>

#include "http/json.h"

#include "api/routes.h"

/* Sets status and media type; the body is then written with the writer. */
void answer_json(struct call *, int status, struct json_writer *);

/* A body that is ready. content_type is borrowed, the bytes are copied. */
void answer_bytes(
    struct call *, int status, const char *content_type, const void *bytes, size_t len);

/* 204. */
void answer_empty(struct call *);

#endif
