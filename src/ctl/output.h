/* Results, for people or as one JSON document, from the same rows.
 *
 * A command writes once, when all is known: what reads along never sees half a list. What comes
 * from files and from the database cannot steer a terminal or break out of a JSON string. */
#ifndef ORDERD_CTL_OUTPUT_H
#define ORDERD_CTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct arena;
struct buffer;

enum output_type {
    OUTPUT_TEXT,
    OUTPUT_INT,
    OUTPUT_TIME, /* unix seconds; RFC 3339 in both forms */
};

struct output_column {
    const char *name; /* the JSON member; in capitals the heading */
    enum output_type type;
};

/* Nothing there is null in JSON, and "-" for people. */
struct output_value {
    const char *text; /* OUTPUT_TEXT; NULL: nothing */
    int64_t number;   /* the others */
    bool is_absent;   /* of the others: nothing */
};

struct output {
    struct arena *arena;
    const char *list; /* name of the list in the JSON document */
    const struct output_column *columns;
    size_t column_count;
    struct output_value *values; /* row by row */
    size_t row_count;
    size_t row_cap;
};

void output_begin(struct output *, struct arena *, const char *list, const struct output_column *,
    size_t column_count);

/* One value a column; texts are borrowed until the output is rendered. */
void output_row(struct output *, const struct output_value *values);

/* {"LIST": [{...}, ...]}, or a table with headings. */
void output_render_list(const struct output *, bool is_json, struct buffer *);
/* The one row there is (asserted): {...}, or a line for each column. */
void output_render_record(const struct output *, bool is_json, struct buffer *);

/* What belongs to a record: a member of its JSON object, or a paragraph below it. */
struct output_part {
    const char *name;
    const struct output *output; /* NULL: nothing there */
    bool is_list;                /* else it is a record */
};

/* The one row of the output, and what belongs to it. */
void output_render_document(const struct output *, const struct output_part *parts,
    size_t part_count, bool is_json, struct buffer *);

/* The text as it may be shown to a terminal: what would steer it is '?'. */
const char *output_plain(struct arena *, const char *);

/* All of it to standard output; rendered first. ERR_IO, ERR_FULL. */
enum err output_write(const struct buffer *, struct fault *);
enum err output_write_list(const struct output *, bool is_json, struct fault *);
enum err output_write_record(const struct output *, bool is_json, struct fault *);

#endif
