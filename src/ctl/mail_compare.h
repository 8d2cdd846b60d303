/* Orders held against their mails: each order has one, delivered or on its way. Pure. */
#ifndef ORDERD_CTL_MAIL_COMPARE_H
#define ORDERD_CTL_MAIL_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "ctl/disagreements.h"
#include "ctl/mail_list.h"

/* order_ids: ascending. The list is sorted here. The same Message-ID twice is one mail, since
 * delivery is at least once. */
void mail_compare(
    struct disagreements *, const int64_t *order_ids, size_t order_count, struct mail_list *);

/* While a restored database is held: mails of its outbox that are elsewhere, too (the list is
 * sorted here); or, where nobody can see that, all of its outbox. */
void mail_repeat_seen(struct disagreements *, struct mail_list *);
void mail_repeat_possible(struct disagreements *, const struct mail_list *);

#endif
