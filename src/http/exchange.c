/* libfcgi 2.4.2 behind connections that it neither accepts nor waits for. Its public functions
 * alone cannot do that, so two fields of FCGX_Request are set here: ipcFd, for it to read from, and
 * keepConnection, else FCGX_Accept_r would begin by closing it. The test pins what that leans on:
 *
 * - FCGX_Accept_r returns 0 for parameters that were cut off: only FCGX_GetError tells.
 * - Where it closes the connection it then accepts from listen_sock, which is -1: it fails.
 * - After FCGX_Detach it closes without first waiting for the peer, which would hold a worker for
 *   up to two seconds. Nothing is lost: whatever was sent to us has been read by then.
 * - What is left unread would be taken for the next request: so stdin is always read to its end.
 *
 * Owns fcgiapp.h and the descriptor. Never blocks longer than the socket's own time-outs, read by
 * read; a request that drips is for the watchdog. */
#include "http/exchange.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "core/text.h"

#define ROLE_RESPONDER 1 /* FastCGI 1.0, section 6.2 */
#define REQUEST_ID_MAX 64
#define HEAD_SIZE      512

struct exchange {
    FCGX_Request fcgi;
};

/* The parameters that are looked at. */
enum parameter {
    PARAMETER_METHOD,
    PARAMETER_URI,
    PARAMETER_LENGTH,
    PARAMETER_TYPE,
    PARAMETER_ADDRESS,
    PARAMETER_REQUEST_ID,
    PARAMETER_HTTP_AUTHORIZATION,
    PARAMETER_HTTP_TYPE,
    PARAMETER_HTTP_ENCODING,
    PARAMETER_HTTP_KEY,
    PARAMETER__COUNT
};

#define NAME(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
static const struct {
    const char *text;
    size_t len;
} names[PARAMETER__COUNT] = {
    [PARAMETER_METHOD] = NAME("REQUEST_METHOD"),
    [PARAMETER_URI] = NAME("REQUEST_URI"),
    [PARAMETER_LENGTH] = NAME("CONTENT_LENGTH"),
    [PARAMETER_TYPE] = NAME("CONTENT_TYPE"),
    [PARAMETER_ADDRESS] = NAME("REMOTE_ADDR"),
    [PARAMETER_REQUEST_ID] = NAME("REQUEST_ID"),
    [PARAMETER_HTTP_AUTHORIZATION] = NAME("HTTP_AUTHORIZATION"),
    [PARAMETER_HTTP_TYPE] = NAME("HTTP_CONTENT_TYPE"),
    [PARAMETER_HTTP_ENCODING] = NAME("HTTP_CONTENT_ENCODING"),
    [PARAMETER_HTTP_KEY] = NAME("HTTP_IDEMPOTENCY_KEY"),
};

struct parameters {
    const char *value[PARAMETER__COUNT]; /* the first one's, or NULL */
    int count[PARAMETER__COUNT];
};

enum err exchange_prepare(struct fault *fault)
{
    int e = FCGX_Init();
    if (e)
        return fail(fault, ERR_INTERNAL, NULL, "libfcgi does not start: %d", e);
    return ERR_NONE;
}

struct exchange *exchange_new(void)
{
    struct exchange *exchange = xalloc(sizeof *exchange);
    int e = FCGX_InitRequest(&exchange->fcgi, -1, 0);
    assert(e == 0);
    return exchange;
}

static bool drop(struct exchange *exchange)
{
    FCGX_Free(&exchange->fcgi, exchange->fcgi.ipcFd >= 0);
    return false;
}

void exchange_free(struct exchange *exchange)
{
    if (!exchange)
        return;
    drop(exchange);
    free(exchange);
}

void exchange_attach(struct exchange *exchange, int fd)
{
    assert(exchange->fcgi.ipcFd < 0);
    exchange->fcgi.ipcFd = fd;
    exchange->fcgi.keepConnection = 1;
    int e = FCGX_Detach(&exchange->fcgi);
    assert(e == 0);
}

static void collect(char *const *entries, struct parameters *found)
{
    *found = (struct parameters){0};
    for (; *entries; entries++) {
        const char *entry = *entries;
        size_t len = (size_t)(strchrnul(entry, '=') - entry);
        for (int i = 0; i < PARAMETER__COUNT; i++) {
            if (names[i].len != len || memcmp(names[i].text, entry, len) != 0)
                continue;
            if (!found->count[i]++)
                found->value[i] = entry + len + 1;
            break;
        }
    }
}

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static const bool is_of_id[256] = {
    ['A' ... 'Z'] = true,
    ['a' ... 'z'] = true,
    ['0' ... '9'] = true,
    ['.'] = true,
    ['_'] = true,
    ['-'] = true,
};

static bool is_request_id(const char *text)
{
    size_t len = 0;
    while (len <= REQUEST_ID_MAX && is_of_id[(unsigned char)text[len]])
        len++;
    return len >= 1 && len <= REQUEST_ID_MAX && !text[len];
}

/* The front server's, else one of our own. */
static const char *choose_request_id(struct arena *arena, const char *sent)
{
    if (sent && is_request_id(sent))
        return sent;
    char uid[UID_SIZE];
    random_uid(uid);
    return arena_text(arena, uid);
}

static void set_target(struct request *request, const char *uri)
{
    size_t path_len = strcspn(uri, "?");
    request->path = arena_copy(request->ctx.arena, uri, path_len);
    request->query = uri[path_len] ? uri + path_len + 1 : NULL;
}

static void set_header(struct request *request, enum header header, const struct parameters *found,
    enum parameter parameter)
{
    request->header[header] = found->value[parameter];
    request->header_count[header] = found->count[parameter];
}

/* CONTENT_TYPE is always sent, empty where the client sent none; only HTTP_CONTENT_TYPE tells how
 * often it did. */
static void set_content_type(struct request *request, const struct parameters *found)
{
    const char *type = found->value[PARAMETER_TYPE];
    set_header(request, HEADER_CONTENT_TYPE, found, PARAMETER_HTTP_TYPE);
    if (request->header_count[HEADER_CONTENT_TYPE] || !type || !*type)
        return;
    request->header[HEADER_CONTENT_TYPE] = type;
    request->header_count[HEADER_CONTENT_TYPE] = 1;
}

static void fill(
    struct request *request, struct arena *arena, const struct parameters *found, int64_t begun_us)
{
    request_begin(request, arena, choose_request_id(arena, found->value[PARAMETER_REQUEST_ID]));
    request->begun_us = begun_us;
    request->ctx.client = text_or_empty(found->value[PARAMETER_ADDRESS]);
    request->method = text_or_empty(found->value[PARAMETER_METHOD]);
    set_target(request, text_or_empty(found->value[PARAMETER_URI]));
    set_header(request, HEADER_AUTHORIZATION, found, PARAMETER_HTTP_AUTHORIZATION);
    set_header(request, HEADER_CONTENT_ENCODING, found, PARAMETER_HTTP_ENCODING);
    set_header(request, HEADER_IDEMPOTENCY_KEY, found, PARAMETER_HTTP_KEY);
    set_content_type(request, found);
}

/* To the end of stdin; how much there was. */
static size_t drain(FCGX_Stream *in)
{
    char scratch[4096];
    size_t total = 0;
    int len;
    while ((len = FCGX_GetStr(scratch, sizeof scratch, in)) > 0) {
        total += (size_t)len;
        explicit_bzero(scratch, (size_t)len);
    }
    return total;
}

/* False: it is not as long as was announced (FastCGI 1.0, section 6.2), or has no end. */
static bool read_body(
    FCGX_Stream *in, const char *announced, size_t body_max, struct request *request)
{
    int64_t len = 0;
    if (*announced && !text_parse_uint(announced, strlen(announced), INT64_MAX, &len))
        return false;
    size_t got = 0;
    if (len > 0 && (uint64_t)len <= body_max) {
        char *body = arena_alloc(request->ctx.arena, (size_t)len + 1);
        got = (size_t)FCGX_GetStr(body, (int)len, in);
        request->body = body;
        request->body_len = got;
    }
    request->body_too_large = (uint64_t)len > body_max;
    got += drain(in);
    return FCGX_GetError(in) == 0 && got == (size_t)len;
}

static bool read_request(
    FCGX_Request *fcgi, struct arena *arena, size_t body_max, struct request *request)
{
    int64_t begun_us = clock_mono_us();
    if (FCGX_Accept_r(fcgi) != 0)
        return false;
    if (FCGX_GetError(fcgi->in) != 0 || fcgi->role != ROLE_RESPONDER)
        return false;
    struct parameters found;
    collect(fcgi->envp, &found);
    fill(request, arena, &found, begun_us);
    if (read_body(fcgi->in, text_or_empty(found.value[PARAMETER_LENGTH]), body_max, request))
        return true;
    LOG_INFO("request cut short", LOG_TEXT("request_id", request->ctx.request_id));
    return false;
}

bool exchange_read(
    struct exchange *exchange, struct arena *arena, size_t body_max, struct request *request)
{
    assert(exchange->fcgi.ipcFd >= 0 && body_max < INT_MAX);
    return read_request(&exchange->fcgi, arena, body_max, request) || drop(exchange);
}

static bool put(FCGX_Stream *out, const struct buffer *bytes)
{
    assert(bytes->len <= INT_MAX);
    return FCGX_PutStr(bytes->data, (int)bytes->len, out) == (int)bytes->len;
}

/* The arena wipes what is its own; the token is still libfcgi's. */
static void wipe_token(struct request *request)
{
    const char *token = request->header[HEADER_AUTHORIZATION];
    if (token)
        explicit_bzero((char *)token, strlen(token));
}

bool exchange_answer(struct exchange *exchange, struct request *request)
{
    struct buffer head;
    buffer_begin(&head, request->ctx.arena, HEAD_SIZE);
    request_head(request, &head);
    FCGX_Stream *out = exchange->fcgi.out;
    bool is_sent = put(out, &head) && (!request_sends_body(request) || put(out, &request->out));
    wipe_token(request);
    FCGX_Finish_r(&exchange->fcgi);
    return is_sent && exchange->fcgi.ipcFd >= 0;
}
