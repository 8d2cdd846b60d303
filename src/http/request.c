/* The answer's head is made here and nowhere else, so that X-Request-Id, Cache-Control and
 * Content-Length are on every response, and once.
 *
 * Owns nothing. Never sends: exchange.c does. */
#include "http/request.h"

#include <assert.h>
#include <string.h>

#include "core/text.h"

#define BODY_SIZE 1024 /* what most answers fit into */
#define LOG_SIZE  512

struct reason {
    int status;
    const char *words;
};

/* RFC 9110, section 15, and RFC 6585, section 4. */
static const struct reason reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

void request_begin(struct request *request, struct arena *arena, const char *request_id)
{
    *request = (struct request){.method = "", .path = "", .body = ""};
    context_begin(&request->ctx, arena, request_id);
    buffer_begin(&request->out, arena, BODY_SIZE);
    buffer_begin(&request->log, arena, LOG_SIZE);
    request->ctx.lines = &request->log;
}

void request_header(struct request *request, const char *name, const char *value)
{
    assert(request->header_used < RESPONSE_HEADERS_MAX);
    assert(!text_has_control(value, strlen(value)));
    request->headers[request->header_used++] = (struct response_header){name, value};
}

/* A front server passes the words on, or nothing at all where there are none. */
static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return "Other";
}

static void add_field(struct buffer *head, const char *name, const char *value)
{
    buffer_text(head, name);
    buffer_text(head, ": ");
    buffer_text(head, value);
    buffer_text(head, "\r\n");
}

static void add_status(struct buffer *head, int status)
{
    buffer_text(head, "Status: ");
    buffer_int(head, status);
    buffer_char(head, ' ');
    buffer_text(head, reason_of(status));
    buffer_text(head, "\r\n");
}

/* Not in a 204 (RFC 9110, section 8.6). Everywhere else, also where it is 0: without it, a
 * responder that dies in the middle leaves a short answer that looks complete. */
static void add_length(struct buffer *head, const struct request *request)
{
    if (request->status == 204)
        return;
    buffer_text(head, "Content-Length: ");
    buffer_int(head, (int64_t)request->out.len);
    buffer_text(head, "\r\n");
}

void request_head(const struct request *request, struct buffer *head)
{
    assert(request->status >= 200 && request->status <= 599);
    assert(request->content_type || !request->out.len);
    assert(request->status != 204 || !request->content_type);
    add_status(head, request->status);
    if (request->content_type)
        add_field(head, "Content-Type", request->content_type);
    add_length(head, request);
    add_field(head, "X-Request-Id", request->ctx.request_id);
    add_field(head, "Cache-Control", "no-store");
    for (size_t i = 0; i < request->header_used; i++)
        add_field(head, request->headers[i].name, request->headers[i].value);
    buffer_text(head, "\r\n");
}

bool request_sends_body(const struct request *request)
{
    return request->out.len && strcmp(request->method, "HEAD") != 0;
}
