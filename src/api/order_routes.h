/* Handlers of /orders. */
#ifndef ORDERD_API_ORDER_ROUTES_H
#define ORDERD_API_ORDER_ROUTES_H

#include "api/routes.h"

extern const struct shape order_new_shape;
extern const struct shape list_shape;
extern const struct shape own_list_shape;

handler orders_create;
handler orders_get_route;
handler orders_all;
handler orders_mine;

#endif
