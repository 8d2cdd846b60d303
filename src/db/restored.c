/* The mark: two settings, texts of one length, so that they can be read with any tool. */
#include "db/restored.h"

#include "db/settings.h"

#define TIME_LEN (CLOCK_TEXT_SIZE - 1)

enum err restored_mark(struct db *db, int64_t at)
{
    char text[CLOCK_TEXT_SIZE];
    clock_text(text, at);
    enum err e = settings_put(db, "restored_at", text, TIME_LEN);
    return e ? e : settings_put(db, "held_since", text, TIME_LEN);
}

enum err restored_get(struct db *db, struct restored *out)
{
    *out = (struct restored){.is_held = false};
    enum err e = settings_get(db, "held_since", out->held_since, TIME_LEN);
    out->is_held = !e;
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err restored_release(struct db *db, const struct restored *seen)
{
    return settings_remove(db, "held_since", seen->held_since, TIME_LEN);
}
