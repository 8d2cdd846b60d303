/* See pace_reply.h. Reads what nginx writes, and takes nothing else. */
#include "pace_reply.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_AT 9 /* behind "HTTP/1.1 " */

void reply_begin(struct reply *reply)
{
    reply->head_len = 0;
    reply->body_left = 0;
    reply->status = 0;
    reply->is_last = false;
}

static bool read_head(struct reply *reply)
{
    const char *length = strcasestr(reply->head, "\r\nContent-Length: ");
    if (strncmp(reply->head, "HTTP/1.1 ", STATUS_AT) != 0 || !length)
        return false;
    reply->status = (int)strtol(reply->head + STATUS_AT, NULL, 10);
    reply->body_left = strtoul(strchr(length, ':') + 1, NULL, 10);
    reply->is_last = strcasestr(reply->head, "\r\nConnection: close\r\n") != NULL;
    return reply->status > 0;
}

/* Moves bytes into the head until it is whole; *used: how many were its own. */
static enum reply_state take_head(struct reply *reply, const char *bytes, size_t len, size_t *used)
{
    size_t room = sizeof reply->head - 1 - reply->head_len;
    size_t before = reply->head_len;
    size_t taken = len < room ? len : room;
    memcpy(reply->head + before, bytes, taken);
    reply->head_len += taken;
    reply->head[reply->head_len] = '\0';
    char *end = strstr(reply->head, "\r\n\r\n");
    if (!end)
        return taken < len ? REPLY_BROKEN : REPLY_MORE;
    end[2] = '\0';
    *used = (size_t)(end + 4 - reply->head) - before;
    return read_head(reply) ? REPLY_DONE : REPLY_BROKEN;
}

enum reply_state reply_take(struct reply *reply, const char *bytes, size_t len)
{
    size_t used = 0;
    if (!reply->status) {
        enum reply_state state = take_head(reply, bytes, len, &used);
        if (state != REPLY_DONE)
            return state;
    }
    if (len - used > reply->body_left)
        return REPLY_BROKEN;
    reply->body_left -= len - used;
    return reply->body_left ? REPLY_MORE : REPLY_DONE;
}
