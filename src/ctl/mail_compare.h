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

#endif
