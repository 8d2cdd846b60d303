/* Mails that a restored database will send again: they lie in its outbox, and went out after the
 * backup. */
#include "ctl/mail_compare.h"

#include <stdbool.h>
#include <string.h>

static void add(struct disagreements *d, const struct mail *mail, const char *problem)
{
    disagreements_add(d, &(struct disagreement){
                             .area = "mail",
                             .kind = "mail_repeated",
                             .order_id = mail->order_id,
                             .uid = mail->uid,
                             .problem = problem,
                             .hint = "it goes out again, with the same Message-ID",
                         });
}

void mail_repeat_seen(struct disagreements *d, struct mail_list *list)
{
    mail_list_sort(list);
    for (size_t n = 0; n < list->count;) {
        const struct mail *first = &list->mails[n];
        const struct mail *waiting = NULL;
        bool is_elsewhere = false;
        for (; n < list->count && !strcmp(list->mails[n].uid, first->uid); n++) {
            if (list->mails[n].place == MAIL_IN_OUTBOX)
                waiting = &list->mails[n];
            else
                is_elsewhere = true;
        }
        if (waiting && is_elsewhere)
            add(d, waiting, "its mail was sent, or is on its way, since the backup");
    }
}

void mail_repeat_possible(struct disagreements *d, const struct mail_list *list)
{
    for (size_t n = 0; n < list->count; n++)
        if (list->mails[n].place == MAIL_IN_OUTBOX)
            add(d, &list->mails[n], "its mail may have been sent since the backup");
}
