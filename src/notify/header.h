/* Values of mail headers, folded and encoded (RFC 5322, RFC 2047), as they follow the colon.
 *
 *     header_begin(&header, &out, "Subject");
 *     header_text(&header, "Order 17 confirmed");
 *     header_end(&header);                          -> " Order 17 confirmed\n"
 *
 * Texts are UTF-8 without control characters: nothing that a value holds can end its line. */
#ifndef ORDERD_NOTIFY_HEADER_H
#define ORDERD_NOTIFY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct buffer;

struct header {
    struct buffer *out;
    size_t column; /* of the next character */
};

void header_begin(struct header *, struct buffer *, const char *name);
void header_end(struct header *);

/* Unstructured text (RFC 5322, section 2.2.1). */
void header_text(struct header *, const char *);

/* Text that is known to be short and plain; never folded. */
void header_token(struct header *, const char *);

/* NAME <ADDRESS>, or the address alone when name is "". The local part is quoted where it has to be
 * and stays UTF-8 where it is not ASCII (RFC 6532); the domain has to be a host's name, else
 * ERR_REFUSED and nothing is written. */
enum err header_mailbox(struct header *, const char *name, const char *address, struct fault *);

/* Labels of ASCII letters, digits and hyphens, joined by dots: fit for a Message-ID. */
bool header_is_host(const char *);
/* The same, but characters beyond ASCII may be among them (an internationalised name). */
bool header_is_wide_host(const char *);

#endif
