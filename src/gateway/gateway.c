/* What every gateway shares: how it is closed, and the names of answers and states for logs. */
#include "gateway/gateway.h"

#include <assert.h>
#include <stddef.h>

void gateway_close(struct gateway *gateway)
{
    if (gateway)
        gateway->ops->close(gateway);
}

const char *gateway_result_name(enum gateway_result result)
{
    static const char *const names[] = {
        [GATEWAY_UNAVAILABLE] = "unavailable",
        [GATEWAY_DONE] = "done",
        [GATEWAY_DECLINED] = "declined",
        [GATEWAY_REFUSED] = "refused",
        [GATEWAY_CONFLICT] = "conflict",
    };
    assert((size_t)result < sizeof names / sizeof *names);
    return names[result];
}

const char *gateway_state_name(enum gateway_state state)
{
    static const char *const names[] = {
        [GATEWAY_STATE_UNKNOWN] = "unknown",
        [GATEWAY_STATE_AUTHORISED] = "authorised",
        [GATEWAY_STATE_DECLINED] = "declined",
        [GATEWAY_STATE_CAPTURED] = "captured",
        [GATEWAY_STATE_VOIDED] = "voided",
    };
    assert((size_t)state < sizeof names / sizeof *names);
    return names[state];
}
