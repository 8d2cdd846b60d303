/* Errors as a client sees them. Its special difficulty is what must not get out: from status 500 on
 * only the table's words are told, and the cause stays in the log.
 *
 * Owns the mapping of codes to header fields. Never logs: the router does. */
#include "http/problem.h"

#include <assert.h>
#include <string.h>

#include "http/json.h"

#define CHALLENGE "Bearer realm=\"orderd\""

/* Allow is the router's and stays (RFC 9110, section 15.5.6). */
static void drop_answer(struct request *request)
{
    size_t kept = 0;
    for (size_t i = 0; i < request->header_used; i++)
        if (strcmp(request->headers[i].name, "Allow") == 0)
            request->headers[kept++] = request->headers[i];
    request->header_used = kept;
    buffer_begin(&request->out, request->ctx.arena, 512);
}

/* RFC 6750, section 3: no error code where no token was sent. */
static const char *challenge_of(enum err code)
{
    switch (code) {
    case ERR_INVALID_TOKEN:
        return CHALLENGE ", error=\"invalid_token\"";
    case ERR_FORBIDDEN:
        return CHALLENGE ", error=\"insufficient_scope\"";
    default:
        return CHALLENGE;
    }
}

static bool asks_for_patience(enum err code, int status)
{
    return status == 503 || status == 429 || code == ERR_KEY_IN_PROGRESS;
}

static void add_headers(struct request *request, enum err code)
{
    int status = err_info(code)->status;
    int retry_after_s = request->ctx.fault.retry_after_s;
    if (status == 401 || status == 403)
        request_header(request, "WWW-Authenticate", challenge_of(code));
    if (asks_for_patience(code, status))
        request_header(request, "Retry-After",
            arena_printf(request->ctx.arena, "%d", retry_after_s > 0 ? retry_after_s : 1));
}

/* The fault's own text, if it is about this error and may be told. */
static const char *detail_of(const struct fault *fault, enum err code)
{
    const struct err_info *info = err_info(code);
    bool is_public = info->status < 500 && fault->code == code && fault->text;
    return is_public ? fault->text : info->text;
}

static void put_fields(struct json_writer *writer, const struct fault *fault)
{
    json_key(writer, "errors");
    json_begin_array(writer);
    for (size_t i = 0; i < fault->field_count; i++) {
        json_begin_object(writer);
        json_key(writer, "field");
        json_put_text(writer, fault->fields[i].field);
        json_key(writer, "message");
        json_put_text(writer, fault->fields[i].message);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void put_known(struct json_writer *writer, const struct request *request, enum err code)
{
    const struct err_info *info = err_info(code);
    json_key(writer, "type");
    json_put_text(writer, arena_printf(request->ctx.arena, "urn:orderd:problem:%s", info->problem));
    json_key(writer, "title");
    json_put_text(writer, info->title);
    json_key(writer, "status");
    json_put_int(writer, info->status);
    json_key(writer, "detail");
    json_put_text(writer, detail_of(&request->ctx.fault, code));
    json_key(writer, "request_id");
    json_put_text(writer, request->ctx.request_id);
}

static void put_body(struct request *request, enum err code)
{
    const struct fault *fault = &request->ctx.fault;
    bool is_public = fault->code == code && err_info(code)->status < 500;
    struct json_writer writer;
    json_begin(&writer, &request->out);
    json_begin_object(&writer);
    put_known(&writer, request, code);
    if (is_public && fault->decline_code) {
        json_key(&writer, "decline_code");
        json_put_text(&writer, fault->decline_code);
    }
    if (is_public && fault->field_count)
        put_fields(&writer, fault);
    json_end_object(&writer);
}

void problem_answer(struct request *request, enum err code)
{
    assert(code != ERR_NONE);
    drop_answer(request);
    request->status = err_info(code)->status;
    request->content_type = "application/problem+json";
    add_headers(request, code);
    put_body(request, code);
}
