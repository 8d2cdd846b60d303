/* The hold of a restored database, as a running responder sees it: whoever captures, voids or mails
 * asks here first.
 *
 * While it lasts, creates are refused too (503). They could be written, and wait for their capture;
 * but what the hold is for is that somebody looks at what happened since the backup, and customers
 * who repeat an order that was lost are best served after that. Everything else works: logins,
 * reads, answers of known keys. */
#ifndef ORDERD_SERVICES_HOLD_H
#define ORDERD_SERVICES_HOLD_H

#include <stdbool.h>

#include "core/error.h"
#include "db/store.h"

struct hold;

/* Borrows the store; looks once. A database that cannot be read yet counts as held. */
struct hold *hold_open(struct store *, int store_timeout_ms);
void hold_close(struct hold *); /* NULL is harmless */

/* Reads the database, unless it is known to be over: it ends once and never begins in a database
 * that is open. *is_held is true on an error, too. Any thread. */
enum err hold_look(struct hold *, bool *is_held);

/* As of the last look. Any thread, and never waits. */
bool hold_is_over(const struct hold *);

#endif
