/* Handlers of /auth. */
#ifndef ORDERD_API_AUTH_ROUTES_H
#define ORDERD_API_AUTH_ROUTES_H

#include "api/routes.h"

extern const struct shape registration_shape;
extern const struct shape login_shape;
extern const struct shape password_change_shape;

handler auth_register_route;
handler auth_login_route;
handler auth_password_route;
handler auth_me_route;

#endif
