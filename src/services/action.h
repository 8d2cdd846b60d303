/* The decorator: every public verb of a service runs through here, and so is logged the same way,
 * with name, request, user, duration and outcome, never its arguments. Verbs hold no such calls of
 * their own. */
#ifndef ORDERD_SERVICES_ACTION_H
#define ORDERD_SERVICES_ACTION_H

#include "core/context.h"
#include "core/error.h"

typedef enum err action_verb(struct context *, void *args);

/* Runs verb(ctx, args) and returns what it returned. name: "order.create". */
enum err action_run(struct context *, const char *name, action_verb *verb, void *args);

#endif
