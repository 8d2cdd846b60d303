/* See mail_compare.h. Two ascending lists, read side by side. */
#include "ctl/mail_compare.h"

#include <string.h>

#include "core/arena.h"

/* All mails of one order. */
struct group {
    int64_t order_id;
    const char *uid;   /* of one that is not given up, or of any */
    size_t good_count; /* different Message-IDs that are delivered or on their way */
    size_t given_up_count;
};

static void add(struct disagreements *d, const struct group *group, const char *kind,
    const char *problem, const char *hint)
{
    disagreements_add(d, &(struct disagreement){
                             .area = "mail",
                             .kind = kind,
                             .order_id = group->order_id,
                             .uid = group->uid,
                             .problem = problem,
                             .hint = hint,
                         });
}

/* The mails of one order, from number *at on; moves it behind them. */
static struct group take_group(const struct mail_list *list, size_t *at)
{
    struct group group = {.order_id = list->mails[*at].order_id, .uid = list->mails[*at].uid};
    const char *last = "";
    for (; *at < list->count && list->mails[*at].order_id == group.order_id; (*at)++) {
        const struct mail *mail = &list->mails[*at];
        if (mail->place == MAIL_GIVEN_UP) {
            group.given_up_count++;
            continue;
        }
        group.good_count += strcmp(mail->uid, last) != 0;
        group.uid = last = mail->uid;
    }
    return group;
}

static void judge(struct disagreements *d, const struct group *group)
{
    if (group->good_count > 1)
        add(d, group, "mail_twice",
            arena_printf(d->arena, "there are %zu different mails", group->good_count),
            "tell the customer which one counts");
    else if (!group->good_count && group->given_up_count)
        add(d, group, "mail_given_up", "its mail could not be delivered",
            "read the .reason beside it in the spool's failed/; move it to new/ to try again");
    else if (!group->good_count)
        add(d, group, "mail_missing", "there is no mail, neither delivered nor on its way",
            "tell the customer by hand");
}

static void add_stranger(struct disagreements *d, const struct group *group)
{
    if (group->good_count)
        add(d, group, "mail_without_order", "there is a mail, and no such order",
            "find out whether a database was restored that is too old");
}

void mail_compare(
    struct disagreements *d, const int64_t *order_ids, size_t order_count, struct mail_list *list)
{
    size_t at = 0;
    mail_list_sort(list);
    for (size_t n = 0; n < order_count; n++) {
        struct group group = {.order_id = order_ids[n]};
        while (at < list->count && list->mails[at].order_id < order_ids[n]) {
            struct group stranger = take_group(list, &at);
            add_stranger(d, &stranger);
        }
        if (at < list->count && list->mails[at].order_id == order_ids[n])
            group = take_group(list, &at);
        judge(d, &group);
    }
    while (at < list->count) {
        struct group stranger = take_group(list, &at);
        add_stranger(d, &stranger);
    }
}
