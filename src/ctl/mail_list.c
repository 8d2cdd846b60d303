/* See mail_list.h. */
#include "ctl/mail_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

#define FIRST_CAP 256

void mail_list_begin(struct mail_list *list)
{
    *list = (struct mail_list){.count = 0};
}

void mail_list_end(struct mail_list *list)
{
    free(list->mails);
    *list = (struct mail_list){.count = 0};
}

void mail_list_add(struct mail_list *list, int64_t order_id, const char *uid, enum mail_place place)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : FIRST_CAP;
        list->mails = xrealloc(list->mails, list->cap * sizeof *list->mails);
    }
    struct mail *mail = &list->mails[list->count++];
    *mail = (struct mail){.order_id = order_id, .place = place};
    memcpy(mail->uid, uid, strnlen(uid, UID_SIZE - 1));
}

static int compare(const void *left, const void *right)
{
    const struct mail *a = left, *b = right;
    if (a->order_id != b->order_id)
        return a->order_id < b->order_id ? -1 : 1;
    return strcmp(a->uid, b->uid);
}

void mail_list_sort(struct mail_list *list)
{
    if (list->count)
        qsort(list->mails, list->count, sizeof *list->mails, compare);
}
