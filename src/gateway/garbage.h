/* The answers of a gateway that has lost its mind: each of them must be taken for none at all. */
#ifndef ORDERD_GATEWAY_GARBAGE_H
#define ORDERD_GATEWAY_GARBAGE_H

#include <stdbool.h>

#include "gateway/gateway.h"

/* Makes one of them, at random, of an answer that made sense. has_sum: it is to a question about a
 * sum of money. */
enum gateway_result garbage_say(enum gateway_result, bool has_sum, struct gateway_answer *);

#endif
