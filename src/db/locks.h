/* The two lock files beside a database; flock(2), so a dead process holds nothing.
 *
 * orders.lock belongs for life to the orderd that has the database. orders.write is held by whoever
 * writes beside it, from before the database is opened until after it is closed, and by orderd
 * around checkpoints. */
#ifndef ORDERD_DB_LOCKS_H
#define ORDERD_DB_LOCKS_H

#include <stdbool.h>

#include "core/error.h"

/* Takes orders.lock beside that database. *fd holds it until it is closed. ERR_BUSY after wait_ms.
 */
enum err locks_take_database(const char *database, int wait_ms, int *fd, struct fault *);

/* Does somebody hold orders.lock? Makes no file. */
bool locks_database_is_taken(const char *database);

/* Opens (makes) orders.write without taking it. */
enum err locks_open_write(const char *database, int *fd, struct fault *);

/* fd: of orders.write. Take waits at most wait_ms, by polling; false: somebody else has it still.
 */
bool locks_take_write(int fd, int wait_ms);
void locks_release_write(int fd);
bool locks_write_is_free(int fd);

#endif
