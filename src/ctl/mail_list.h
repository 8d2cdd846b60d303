/* The mails that there are for orders, wherever they are: waiting, delivered or given up. */
#ifndef ORDERD_CTL_MAIL_LIST_H
#define ORDERD_CTL_MAIL_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/random.h"

enum mail_place {
    MAIL_IN_OUTBOX,
    MAIL_WAITING,  /* in the spool, or put aside there by an administrator */
    MAIL_GIVEN_UP, /* in the spool's failed/ */
    MAIL_DELIVERED,
};

struct mail {
    int64_t order_id;
    char uid[UID_SIZE]; /* of its Message-ID */
    enum mail_place place;
};

struct mail_list {
    struct mail *mails;
    size_t count;
    size_t cap;
};

void mail_list_begin(struct mail_list *);
void mail_list_end(struct mail_list *);
void mail_list_add(struct mail_list *, int64_t order_id, const char *uid, enum mail_place);
/* By order, then by uid. */
void mail_list_sort(struct mail_list *);

/* mail_spool.c: what lies in the spool. ERR_REFUSED: a folder of it is not ours to read. */
enum err mail_list_read_spool(struct mail_list *, const char *spool, struct fault *);

/* mail_maildir.c: what lies in the Maildir, and names an order. ERR_REFUSED: it is not ours. */
enum err mail_list_read_maildir(struct mail_list *, const char *maildir, struct fault *);

#endif
