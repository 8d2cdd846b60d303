/* See nothing.h. One write an answer, as orderd's. */
#include "nothing.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG   1024
#define JSON_LEN  300
#define COUNT_MAX 4096

#define HEAD "Content-Type: application/json; charset=utf-8\r\nContent-Length: 300\r\n\r\n"

static const char json[] =
    "{\"id\": 17, \"user_id\": 3, \"status\": \"confirmed\", \"currency\": \"EUR\", \"total\": "
    "2590,"
    " \"reference\": \"WEB-2026-00017\", \"items\": [{\"sku\": \"TEA-250\", \"name\": \"Green tea,"
    " 250 g\", \"quantity\": 2, \"unit_price\": 1295, \"line_total\": 2590}], \"payment\": {\"id\":"
    " \"pay_00000000000000123456789ab\", \"status\": \"captured\"}}";
_Static_assert(sizeof json - 1 == JSON_LEN, "the head says how long it is");

_Noreturn void nothing_fail(const char *what)
{
    err(EXIT_FAILURE, "%s", what);
}

int nothing_count(const char *text)
{
    char *end;
    long count = strtol(text, &end, 10);
    if (*end || count < 1 || count > COUNT_MAX)
        errx(EXIT_FAILURE, "%s is not a number from 1 to %d", text, COUNT_MAX);
    return (int)count;
}

int nothing_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        errx(EXIT_FAILURE, "%s is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        nothing_fail(path);
    if (chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0)
        nothing_fail(path);
    return fd;
}

static void drain(FCGX_Stream *in)
{
    char scratch[4096];
    while (FCGX_GetStr(scratch, sizeof scratch, in) > 0)
        ;
}

void nothing_answer(FCGX_Request *request)
{
    const char *method = FCGX_GetParam("REQUEST_METHOD", request->envp);
    drain(request->in);
    if (method && strcmp(method, "POST") == 0)
        (void)FCGX_PutS("Status: 201 Created\r\n", request->out);
    (void)FCGX_PutStr(HEAD, sizeof HEAD - 1, request->out);
    (void)FCGX_PutStr(json, JSON_LEN, request->out); /* who has gone away needs no answer */
}
