/* An order as a client sees it. */
#ifndef ORDERD_API_ORDER_JSON_H
#define ORDERD_API_ORDER_JSON_H

#include "db/orders.h"
#include "http/json.h"

void order_json(struct json_writer *, const struct order *);

/* The answer to a create (an order_render): pure, since a unit of work may run again. */
void order_json_created(const struct order *, struct buffer *);

#endif
