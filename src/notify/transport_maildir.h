/* Delivery to a Maildir, for a mail program, an IMAP server or the next program to read. */
#ifndef ORDERD_NOTIFY_TRANSPORT_MAILDIR_H
#define ORDERD_NOTIFY_TRANSPORT_MAILDIR_H

#include "notify/transport.h"

/* Touches nothing yet: the folders are opened, and made if they are missing, for each batch, so a
 * Maildir that cannot be written only defers its mails, and one that heals is used at once. */
void transport_maildir_open(struct transport *, const char *path);

#endif
