/* THE table: what can be asked, by whom, in which shape, and who answers. Preconditions are
 * columns, and the router obeys them; a handler finds them met. */
#include "api/routes.h"

#include "api/auth_routes.h"
#include "api/order_routes.h"
#include "api/system_routes.h"

/* clang-format off */
const struct route routes[] = {
    {"POST", "/auth/register",  ACCESS_ADMIN,  POOL_SLOW,  &registration_shape,    NULL,            auth_register_route, "auth.register",  0},
    {"POST", "/auth/login",     ACCESS_ANYONE, POOL_SLOW,  &login_shape,           NULL,            auth_login_route,    "auth.login",    0},
    {"POST", "/auth/password",  ACCESS_TOKEN,  POOL_SLOW,  &password_change_shape, NULL,            auth_password_route, "auth.password",  0},
    {"GET",  "/auth/me",        ACCESS_TOKEN,  POOL_QUICK, NULL,                   NULL,            auth_me_route,       "auth.me",       0},

    {"POST", "/orders/create",  ACCESS_USER,   POOL_LONG,  &order_new_shape,       NULL,            orders_create,       "order.create",  ROUTE_TAKES_KEY},
    {"GET",  "/orders/mine",    ACCESS_USER,   POOL_QUICK, NULL,                   &own_list_shape, orders_mine,         "order.mine",    0},
    {"GET",  "/orders/",        ACCESS_ADMIN,  POOL_QUICK, NULL,                   &list_shape,     orders_all,          "order.list",    0},
    {"GET",  "/orders/{id}",    ACCESS_TOKEN,  POOL_QUICK, NULL,                   NULL,            orders_get_route,    "order.get",     0},

    {"GET",  "/healthz",        ACCESS_ANYONE, POOL_QUICK, NULL,                   NULL,            system_health,       "system.health",   ROUTE_IS_BESIDE},
    {"GET",  "/metrics",        ACCESS_ANYONE, POOL_QUICK, NULL,                   NULL,            system_metrics,      "system.metrics",  ROUTE_IS_BESIDE},
    {"GET",  "/openapi.json",   ACCESS_ANYONE, POOL_QUICK, NULL,                   NULL,            system_document,     "system.document", ROUTE_IS_BESIDE},
    {"GET",  "/docs/",          ACCESS_ANYONE, POOL_QUICK, NULL,                   NULL,            system_document,     "system.document", ROUTE_IS_BESIDE},
    {"GET",  "/docs/docs.css",  ACCESS_ANYONE, POOL_QUICK, NULL,                   NULL,            system_document,     "system.document", ROUTE_IS_BESIDE},
    {"GET",  "/docs/docs.js",   ACCESS_ANYONE, POOL_QUICK, NULL,                   NULL,            system_document,     "system.document", ROUTE_IS_BESIDE},
};
/* clang-format on */

const size_t route_count = sizeof routes / sizeof routes[0];
