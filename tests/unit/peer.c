/* See peer.h. Nothing here trusts what comes back: a wrong record fails the test. */
#include "peer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_ID  7
#define RECORD_MAX  65535
#define HEADER_SIZE 8

int peer_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    struct timeval patience = {.tv_sec = 10};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void add(struct wire *wire, const void *bytes, size_t len)
{
    wire->data = realloc(wire->data, wire->len + len + 1);
    ck_assert_ptr_nonnull(wire->data);
    if (len)
        memcpy(wire->data + wire->len, bytes, len);
    wire->len += len;
}

void wire_record(struct wire *wire, int type, const void *content, size_t len)
{
    static const char zeros[8];
    ck_assert_uint_le(len, RECORD_MAX);
    size_t padding = (8 - len % 8) % 8;
    const unsigned char header[HEADER_SIZE] = {1, (unsigned char)type, 0, REQUEST_ID,
        (unsigned char)(len >> 8), (unsigned char)len, (unsigned char)padding, 0};
    add(wire, header, sizeof header);
    add(wire, content, len);
    add(wire, zeros, padding);
}

void wire_begin(struct wire *wire, int role, int flags)
{
    const unsigned char body[8] = {0, (unsigned char)role, (unsigned char)flags};
    wire_record(wire, PEER_BEGIN, body, sizeof body);
}

static void add_length(struct wire *pairs, size_t len)
{
    const unsigned char bytes[4] = {(unsigned char)(len >> 24 | 0x80), (unsigned char)(len >> 16),
        (unsigned char)(len >> 8), (unsigned char)len};
    if (len < 128)
        add(pairs, &bytes[3], 1);
    else
        add(pairs, bytes, 4);
}

void wire_params(struct wire *wire, const char *const *pairs)
{
    struct wire content = {0};
    for (; *pairs; pairs += 2) {
        add_length(&content, strlen(pairs[0]));
        add_length(&content, strlen(pairs[1]));
        add(&content, pairs[0], strlen(pairs[0]));
        add(&content, pairs[1], strlen(pairs[1]));
    }
    if (content.len)
        wire_record(wire, PEER_PARAMS, content.data, content.len);
    wire_record(wire, PEER_PARAMS, NULL, 0);
    wire_free(&content);
}

void wire_body(struct wire *wire, const char *body, size_t len)
{
    while (len) {
        size_t part = len < 32768 ? len : 32768; /* as nginx does */
        wire_record(wire, PEER_STDIN, body, part);
        body += part;
        len -= part;
    }
    wire_record(wire, PEER_STDIN, NULL, 0);
}

void wire_free(struct wire *wire)
{
    free(wire->data);
    *wire = (struct wire){0};
}

struct wire wire_get(const char *uri)
{
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_params(&wire, (const char *const[]){"REQUEST_METHOD", "GET", "REQUEST_URI", uri,
                           "CONTENT_LENGTH", "", "CONTENT_TYPE", "", NULL});
    wire_body(&wire, NULL, 0);
    return wire;
}

struct wire wire_post(const char *uri, const char *body, size_t len)
{
    char length[24];
    snprintf(length, sizeof length, "%zu", len);
    struct wire wire = {0};
    wire_begin(&wire, PEER_RESPONDER, PEER_KEEPS);
    wire_params(&wire, (const char *const[]){"REQUEST_METHOD", "POST", "REQUEST_URI", uri,
                           "CONTENT_LENGTH", length, "CONTENT_TYPE", "application/json", NULL});
    wire_body(&wire, body, len);
    return wire;
}

bool peer_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool peer_send_wire(int fd, struct wire *wire)
{
    bool is_sent = peer_send(fd, wire->data, wire->len);
    wire_free(wire);
    return is_sent;
}

/* How many came before the end; a time-out fails. */
static size_t receive_all(int fd, void *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t count = recv(fd, (char *)out + got, len - got, 0);
        ck_assert_msg(count >= 0 || errno == ECONNRESET, "nothing came: %s", strerror(errno));
        if (count <= 0)
            break;
        got += (size_t)count;
    }
    return got;
}

/* The type of the record, whose content is added to out; 0: the end of the connection. */
static int receive_record(int fd, struct wire *out)
{
    unsigned char header[HEADER_SIZE];
    size_t got = receive_all(fd, header, sizeof header);
    if (!got)
        return 0;
    ck_assert_uint_eq(got, sizeof header);
    ck_assert_int_eq(header[0], 1);
    ck_assert_int_eq(header[3], REQUEST_ID);
    size_t len = (size_t)header[4] << 8 | header[5];
    char content[RECORD_MAX + 255];
    ck_assert_uint_eq(receive_all(fd, content, len + header[6]), len + header[6]);
    if (header[1] == PEER_STDOUT)
        add(out, content, len);
    return header[1];
}

static void split(struct answer *answer, const struct wire *out)
{
    if (!out->len)
        return;
    out->data[out->len] = '\0';
    const char *end = strstr(out->data, "\r\n\r\n");
    ck_assert_msg(end != NULL, "no end of the head");
    size_t head_len = (size_t)(end - out->data) + 4;
    ck_assert_uint_lt(head_len, sizeof answer->head);
    memcpy(answer->head, out->data, head_len);
    answer->body_len = out->len - head_len;
    memcpy(answer->body, out->data + head_len, answer->body_len);
    ck_assert_int_eq(sscanf(answer->head, "Status: %d", &answer->status), 1);
}

bool peer_receive(int fd, struct answer *answer)
{
    *answer = (struct answer){0};
    struct wire out = {0};
    int type;
    bool came = false;
    while ((type = receive_record(fd, &out)) != 0 && type != PEER_END) {
        ck_assert_int_eq(type, PEER_STDOUT);
        came = true;
    }
    answer->is_complete = type == PEER_END;
    answer->body = calloc(1, out.len + 1);
    ck_assert_ptr_nonnull(answer->body);
    split(answer, &out);
    wire_free(&out);
    return came || answer->is_complete;
}

void answer_free(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

void peer_expect(int fd, struct wire wire, int status, const char *body)
{
    struct answer answer;
    ck_assert(peer_send_wire(fd, &wire));
    ck_assert_msg(peer_receive(fd, &answer), "closed without an answer");
    ck_assert(answer.is_complete);
    ck_assert_int_eq(answer.status, status);
    ck_assert_str_eq(answer.body, body);
    answer_free(&answer);
}

void peer_expect_end(int fd)
{
    char byte;
    ck_assert_uint_eq(receive_all(fd, &byte, 1), 0);
}
