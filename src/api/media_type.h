/* The one media type that bodies may have. */
#ifndef ORDERD_API_MEDIA_TYPE_H
#define ORDERD_API_MEDIA_TYPE_H

#include <stdbool.h>

/* application/json (RFC 9110, section 8.3.1), with no parameter but charset=utf-8 at most once;
 * type, name and value without regard to case, the value quoted or not. */
bool media_type_is_json(const char *);

#endif
