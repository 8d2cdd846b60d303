/* See answer.h. */
#include "api/answer.h"

void answer_json(struct call *call, int status, struct json_writer *writer)
{
    struct request *request = call->request;
    request->status = status;
    request->content_type = "application/json; charset=utf-8";
    json_begin(writer, &request->out);
}

void answer_bytes(
    struct call *call, int status, const char *content_type, const void *bytes, size_t len)
{
    struct request *request = call->request;
    request->status = status;
    request->content_type = content_type;
    buffer_bytes(&request->out, bytes, len);
}

void answer_empty(struct call *call)
{
    call->request->status = 204;
    call->request->content_type = NULL;
}
