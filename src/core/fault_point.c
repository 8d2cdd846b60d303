/* Only in builds that are made to die. _exit(2) is a crash as far as our own code goes: no handler,
 * no buffer and no other thread gets another turn; what write(2) has taken stays, as it does after
 * kill -9.
 *
 * Owns the count of passages, which has to outlive any object there is. */
#include "core/fault_point.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"

static atomic_int_fast64_t passages; /* of the one point that is wanted */

static bool is_wanted(const char *wanted, const char *name)
{
    size_t len = strcspn(wanted, ":");
    return len == strlen(name) && !memcmp(wanted, name, len);
}

/* 1 without a number; 0, which never comes, if it is none. */
static int64_t wanted_passage(const char *wanted)
{
    const char *colon = strchr(wanted, ':');
    int64_t passage = 0;
    if (!colon)
        return 1;
    (void)text_parse_uint(colon + 1, strlen(colon + 1), INT64_MAX, &passage);
    return passage;
}

void fault_point_pass(const char *name)
{
    const char *wanted = getenv("ORDERD_FAULT_POINT");
    if (!wanted)
        return;
    if (!strcmp(wanted, "trace"))
        (void)dprintf(STDERR_FILENO, "fault point %s\n", name);
    if (is_wanted(wanted, name) && atomic_fetch_add(&passages, 1) + 1 == wanted_passage(wanted))
        _exit(FAULT_POINT_STATUS);
}
