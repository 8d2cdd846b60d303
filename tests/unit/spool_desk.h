/* A spool to play with: a publisher's open one in a fresh folder, and looks into its folders. */
#ifndef ORDERD_TESTS_SPOOL_DESK_H
#define ORDERD_TESTS_SPOOL_DESK_H

#include <stddef.h>
#include <stdint.h>

#include "spool/record.h"

/* Makes the spool (FOLDER/spool), and FOLDER/mail for a Maildir: its path only. Once a test. */
void desk_open(void);
const char *desk_spool(void);
const char *desk_mail(void);

/* SPOOL/FOLDER/NAME in static memory; good for a handful of calls. */
const char *desk_path(const char *folder, const char *name);

/* An uid that holds the number. */
const char *desk_uid(int64_t number);

/* A record of that uid; order_id is the number. */
struct record desk_record(int64_t number);

/* Publishes the records of the numbers first to last. */
void desk_publish(int64_t first, int64_t last);
void desk_publish_record(const struct record *);

/* Writes a file of whatever there is in it. */
void desk_put(const char *folder, const char *name, const void *bytes, size_t len);

/* Moves a file of new/ as a crash or a clock would have left it. */
void desk_move(int64_t number, const char *folder, const char *name);

/* Entries of a folder (of the spool, or any path with a '/'), a folder that is missing has none. */
int desk_count(const char *folder);

/* The name of the only entry of that folder, in static memory. */
const char *desk_only(const char *folder);

/* A whole file as text, in static memory. */
const char *desk_text(const char *path);

#endif
