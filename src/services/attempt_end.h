/* The unit of work that ends a failed create, and the list of those that could not be written yet.
 * Part of settle. */
#ifndef ORDERD_SERVICES_ATTEMPT_END_H
#define ORDERD_SERVICES_ATTEMPT_END_H

#include <pthread.h>
#include <stddef.h>

#include "services/settle.h"

/* Moves the attempt out of started and frees the key, in one unit; may be run again. *state as in
 * settle_end_attempt(). */
enum err attempt_end_write(
    struct store *, const struct attempt_end *, int64_t deadline_ms, enum attempt_state *state);

struct end_entry;

struct end_list {
    pthread_mutex_t lock;
    struct end_entry *first;
    size_t count;
};

void end_list_init(struct end_list *);
void end_list_fini(struct end_list *); /* what is left is moved by the next start pass */
void end_list_add(struct end_list *, const struct attempt_end *); /* copies */
size_t end_list_count(struct end_list *);

/* Writes them one by one, and stops at the first that cannot be: its error. */
enum err end_list_write(struct end_list *, struct store *, int timeout_ms);

#endif
