/* What the rows of the table call, one file a subject. Each writes its result to standard output
 * when it is done; on failure the fault says why, and nothing was written. */
#ifndef ORDERD_CTL_SUBJECTS_H
#define ORDERD_CTL_SUBJECTS_H

#include "core/error.h"

struct ctl;

enum err user_add(struct ctl *);
enum err user_list(struct ctl *);
enum err user_count(struct ctl *);
/* user_change.c */
enum err user_disable(struct ctl *);
enum err user_enable(struct ctl *);
enum err user_role(struct ctl *);
enum err user_password(struct ctl *);

enum err key_new(struct ctl *);
enum err key_retire(struct ctl *);
enum err key_list(struct ctl *);

/* ERR_BAD_REQUEST: an operand or a value is not of its kind; nothing was done. */
enum err order_show(struct ctl *);
enum err order_list(struct ctl *);
enum err payment_retry(struct ctl *);
enum err payment_write_off(struct ctl *);

/* ERR_REFUSED: there are findings, and they have been written. */
enum err check_run(struct ctl *);

/* ERR_REFUSED: there are disagreements, and they have been written. */
enum err reconcile_run(struct ctl *);

enum err migrate_run(struct ctl *);
enum err backup_run(struct ctl *);
enum err restore_run(struct ctl *);

#endif
