/* See user_row.h. The password's hash is no column. */
#include "ctl/user_row.h"

#include "ctl/ctl.h"

static const struct output_column columns[] = {
    {"id", OUTPUT_INT},
    {"username", OUTPUT_TEXT},
    {"email", OUTPUT_TEXT},
    {"role", OUTPUT_TEXT},
    {"state", OUTPUT_TEXT},
    {"created_at", OUTPUT_TIME},
};

#define COLUMN_COUNT (sizeof columns / sizeof *columns)

void user_row_begin(struct output *o, struct arena *arena)
{
    output_begin(o, arena, "users", columns, COLUMN_COUNT);
}

void user_row_put(struct output *o, const struct user *user)
{
    const struct output_value values[COLUMN_COUNT] = {
        {.number = user->id},
        {.text = user->username},
        {.text = user->email},
        {.text = role_name(user->role)},
        {.text = user->disabled ? "disabled" : "active"},
        {.number = user->created_at},
    };
    output_row(o, values);
}

enum err user_row_write(struct ctl *ctl, const struct user *user)
{
    struct output o;
    user_row_begin(&o, &ctl->arena);
    user_row_put(&o, user);
    return output_write_record(&o, ctl->is_json, &ctl->fault);
}
