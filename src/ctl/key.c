/* orderctl key: the keys that sign tokens. Their bytes are never shown. */
#include "ctl/subjects.h"

#include "core/buffer.h"
#include "security/keyring.h"

#include "ctl/ctl.h"
#include "ctl/output.h"

static enum err write_record(struct ctl *ctl, const struct output *o)
{
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 256);
    output_render_record(o, ctl->is_json, &out);
    return output_write(&out, &ctl->fault);
}

enum err key_new(struct ctl *ctl)
{
    static const struct output_column columns[] = {{"id", OUTPUT_TEXT}, {"file", OUTPUT_TEXT}};
    const char *folder = config_text(ctl->config, OPT_auth_keys);
    char id[KEY_ID_SIZE];
    enum err e = keyring_new_key(folder, id, &ctl->fault);
    if (e)
        return e;
    struct output o;
    output_begin(&o, &ctl->arena, "keys", columns, 2);
    output_row(&o, (struct output_value[]){
                       {.text = id},
                       {.text = arena_printf(&ctl->arena, "%s/%s.key", folder, id)},
                   });
    return write_record(ctl, &o);
}

enum err key_list(struct ctl *ctl)
{
    static const struct output_column columns[] = {
        {"id", OUTPUT_TEXT}, {"use", OUTPUT_TEXT}, {"bytes", OUTPUT_INT}};
    struct keyring *ring = NULL;
    enum err e = keyring_open(&ring, config_text(ctl->config, OPT_auth_keys), &ctl->fault);
    if (e)
        return e;
    struct output o;
    output_begin(&o, &ctl->arena, "keys", columns, 3);
    const struct key *newest = keyring_newest(ring);
    for (size_t n = keyring_count(ring); n-- > 0;) {
        const struct key *key = keyring_at(ring, n);
        output_row(&o, (struct output_value[]){
                           {.text = key->id},
                           {.text = key == newest ? "signs" : "verifies"},
                           {.number = (int64_t)key->len},
                       });
    }
    struct buffer out;
    buffer_begin(&out, &ctl->arena, 1024);
    output_render_list(&o, ctl->is_json, &out);
    keyring_close(ring);
    return output_write(&out, &ctl->fault);
}
