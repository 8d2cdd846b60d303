/* The files served beside the API: the OpenAPI document and the page that shows it. Read once, at
 * start. */
#ifndef ORDERD_API_DOCUMENTS_H
#define ORDERD_API_DOCUMENTS_H

#include <stddef.h>

struct documents;

struct document {
    const char *path; /* as requested: "/docs/" */
    const char *file; /* below the folder */
    const char *content_type;
    char *bytes; /* NULL: the file was not there */
    size_t len;
};

/* A file that cannot be read is logged and answered with 404: orders do not depend on it. */
struct documents *documents_open(const char *folder);
void documents_close(struct documents *); /* NULL is harmless */

/* NULL: there is none of that path. */
const struct document *documents_find(const struct documents *, const char *path);

#endif
