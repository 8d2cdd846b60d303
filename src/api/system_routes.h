/* Handlers of the routes beside the API. */
#ifndef ORDERD_API_SYSTEM_ROUTES_H
#define ORDERD_API_SYSTEM_ROUTES_H

#include "api/routes.h"

handler system_health;
handler system_metrics;
handler system_document;

#endif
