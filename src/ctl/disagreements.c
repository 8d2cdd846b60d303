/* See disagreements.h. Texts come from files and from the database: shown only through output. */
#include "ctl/disagreements.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

#define FIRST_CAP 16

void disagreements_begin(struct disagreements *d, struct arena *arena)
{
    *d = (struct disagreements){.arena = arena};
}

void disagreements_add(struct disagreements *d, const struct disagreement *one)
{
    if (d->count == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : FIRST_CAP;
        struct disagreement *grown = arena_array(d->arena, cap, sizeof *grown);
        if (d->count)
            memcpy(grown, d->list, d->count * sizeof *grown);
        d->list = grown;
        d->cap = cap;
    }
    struct disagreement *copy = &d->list[d->count++];
    *copy = *one;
    copy->uid = arena_text(d->arena, one->uid);
    copy->problem = arena_text(d->arena, one->problem);
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* By what they are about. */
static int compare(const void *left, const void *right)
{
    const struct disagreement *a = left, *b = right;
    if (a->order_id != b->order_id)
        return a->order_id < b->order_id ? -1 : 1;
    int order = compare_texts(a->uid, b->uid);
    return order ? order : strcmp(a->kind, b->kind);
}

void disagreements_keep_lasting(struct disagreements *d, const struct disagreements *earlier)
{
    size_t kept = 0;
    if (earlier->count)
        qsort(earlier->list, earlier->count, sizeof *earlier->list, compare);
    for (size_t n = 0; n < d->count; n++)
        if (earlier->count &&
            bsearch(&d->list[n], earlier->list, earlier->count, sizeof *earlier->list, compare))
            d->list[kept++] = d->list[n];
    d->count = kept;
    if (kept)
        qsort(d->list, kept, sizeof *d->list, compare);
}

void disagreements_list(const struct disagreements *d, struct output *out)
{
    static const struct output_column columns[] = {
        {"area", OUTPUT_TEXT},
        {"kind", OUTPUT_TEXT},
        {"order_id", OUTPUT_INT},
        {"uid", OUTPUT_TEXT},
        {"problem", OUTPUT_TEXT},
        {"hint", OUTPUT_TEXT},
    };
    output_begin(out, d->arena, "disagreements", columns, sizeof columns / sizeof *columns);
    for (size_t n = 0; n < d->count; n++) {
        const struct disagreement *one = &d->list[n];
        output_row(out, (struct output_value[]){
                            {.text = one->area},
                            {.text = one->kind},
                            {.number = one->order_id, .is_absent = !one->order_id},
                            {.text = one->uid},
                            {.text = one->problem},
                            {.text = one->hint},
                        });
    }
}

/* "order 17, UID: ", as much of it as there is. */
static void render_ids(const struct disagreement *one, struct arena *arena, struct buffer *out)
{
    if (one->order_id) {
        buffer_text(out, "order ");
        buffer_int(out, one->order_id);
    }
    if (one->order_id && one->uid)
        buffer_text(out, ", ");
    if (one->uid)
        buffer_text(out, output_plain(arena, one->uid));
    if (one->order_id || one->uid)
        buffer_text(out, ": ");
}

void disagreements_render(const struct disagreements *d, struct buffer *out)
{
    for (size_t n = 0; n < d->count; n++) {
        const struct disagreement *one = &d->list[n];
        buffer_text(out, one->area);
        buffer_text(out, ": ");
        render_ids(one, d->arena, out);
        buffer_text(out, output_plain(d->arena, one->problem));
        buffer_text(out, "; ");
        buffer_text(out, one->hint);
        buffer_char(out, '\n');
    }
}
