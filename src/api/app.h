/* Everything a handler may use, wired by main(). Read only once the workers run. */
#ifndef ORDERD_API_APP_H
#define ORDERD_API_APP_H

#include "security/cursor.h"
#include "services/auth.h"
#include "services/order.h"
#include "services/relay.h"

#include "api/documents.h"

struct app {
    struct store *store;
    struct auth *auth;
    struct relay *relay;
    struct order_service orders;
    struct documents *documents;
    unsigned char cursor_key[CURSOR_KEY_SIZE];
    int store_timeout_ms;
};

#endif
