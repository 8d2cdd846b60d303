/* See documents.h. */
#include "api/documents.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/log.h"

#define DOCUMENT_MAX (4 * 1024 * 1024)

static const struct document catalogue[] = {
    {.path = "/openapi.json",
        .file = "openapi.json",
        .content_type = "application/json; charset=utf-8"},
    {.path = "/docs/", .file = "docs/index.html", .content_type = "text/html; charset=utf-8"},
    {.path = "/docs/docs.css", .file = "docs/docs.css", .content_type = "text/css; charset=utf-8"},
    {.path = "/docs/docs.js",
        .file = "docs/docs.js",
        .content_type = "text/javascript; charset=utf-8"},
};

#define DOCUMENT_COUNT (sizeof catalogue / sizeof catalogue[0])

struct documents {
    struct arena arena;
    struct document list[DOCUMENT_COUNT];
};

static void load(struct documents *documents, struct document *document, const char *folder)
{
    struct fault fault;
    fault_begin(&fault, NULL);
    char *path = arena_printf(&documents->arena, "%s/%s", folder, document->file);
    if (file_read(&documents->arena, path, DOCUMENT_MAX, &document->bytes, &document->len, &fault))
        LOG_WARN(
            "document cannot be served", LOG_TEXT("file", path), LOG_TEXT("cause", fault.text));
}

struct documents *documents_open(const char *folder)
{
    struct documents *documents = xalloc(sizeof *documents);
    arena_init(&documents->arena, 64 * 1024);
    for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
        documents->list[i] = catalogue[i];
        load(documents, &documents->list[i], folder);
    }
    return documents;
}

void documents_close(struct documents *documents)
{
    if (!documents)
        return;
    arena_fini(&documents->arena);
    free(documents);
}

const struct document *documents_find(const struct documents *documents, const char *path)
{
    for (size_t i = 0; i < DOCUMENT_COUNT; i++)
        if (strcmp(documents->list[i].path, path) == 0)
            return documents->list[i].bytes ? &documents->list[i] : NULL;
    return NULL;
}
