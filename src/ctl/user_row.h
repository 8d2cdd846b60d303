/* How a user is shown: the same columns in every command. */
#ifndef ORDERD_CTL_USER_ROW_H
#define ORDERD_CTL_USER_ROW_H

#include "db/users.h"

#include "ctl/output.h"

struct ctl;

void user_row_begin(struct output *, struct arena *);
/* Texts are borrowed until the output is rendered. */
void user_row_put(struct output *, const struct user *);

/* The one user that a command was about. */
enum err user_row_write(struct ctl *, const struct user *);

#endif
