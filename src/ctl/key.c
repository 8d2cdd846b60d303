/* orderctl key: the keys that sign tokens. Their bytes are never shown. */
#include "ctl/subjects.h"

#include <string.h>

#include "core/clock.h"
#include "security/keyring.h"

#include "ctl/ctl.h"
#include "ctl/output.h"

static const char *folder_of(const struct ctl *ctl)
{
    return config_text(ctl->config, OPT_auth_keys);
}

static const char *path_of(struct ctl *ctl, const struct key_name *name)
{
    char file[KEY_NAME_SIZE];
    key_name_format(name, file);
    return arena_printf(&ctl->arena, "%s/%s", folder_of(ctl), file);
}

enum err key_new(struct ctl *ctl)
{
    static const struct output_column columns[] = {{"id", OUTPUT_TEXT}, {"file", OUTPUT_TEXT}};
    struct key_name name = {.retired_at = 0};
    enum err e = keyring_new_key(folder_of(ctl), name.id, &ctl->fault);
    if (e)
        return e;
    struct output o;
    output_begin(&o, &ctl->arena, "keys", columns, 2);
    output_row(&o, (struct output_value[]){{.text = name.id}, {.text = path_of(ctl, &name)}});
    return output_write_record(&o, ctl->is_json, &ctl->fault);
}

enum err key_retire(struct ctl *ctl)
{
    static const struct output_column columns[] = {{"id", OUTPUT_TEXT}, {"file", OUTPUT_TEXT},
        {"retired_at", OUTPUT_TIME}, {"verifies_until", OUTPUT_TIME}};
    const char *id = ctl->operand;
    struct key_name name = {.retired_at = 0};
    if (strlen(id) >= sizeof name.id)
        return fail(&ctl->fault, ERR_NOT_FOUND, NULL, "there is no such key");
    enum err e = keyring_retire(folder_of(ctl), id, clock_now(), &name.retired_at, &ctl->fault);
    if (e)
        return e;
    memcpy(name.id, id, strlen(id));
    struct output o;
    output_begin(&o, &ctl->arena, "keys", columns, 4);
    output_row(
        &o, (struct output_value[]){
                {.text = name.id},
                {.text = path_of(ctl, &name)},
                {.number = name.retired_at},
                {.number = name.retired_at + config_int(ctl->config, OPT_auth_token_lifetime)},
            });
    return output_write_record(&o, ctl->is_json, &ctl->fault);
}

static const char *state_of(
    const struct keyring *ring, const struct key *key, int64_t now, int64_t lifetime_s)
{
    if (key == keyring_newest(ring))
        return "signs";
    if (!key->name.retired_at)
        return "verifies";
    return key_verifies(key, now, lifetime_s) ? "retired" : "expired";
}

static void put_key(
    struct output *o, const struct keyring *ring, const struct key *key, int64_t lifetime_s)
{
    int64_t retired_at = key->name.retired_at;
    output_row(o, (struct output_value[]){
                      {.text = key->name.id},
                      {.text = state_of(ring, key, clock_now(), lifetime_s)},
                      {.number = retired_at, .is_absent = !retired_at},
                      {.number = retired_at + lifetime_s, .is_absent = !retired_at},
                      {.number = (int64_t)key->len},
                  });
}

enum err key_list(struct ctl *ctl)
{
    static const struct output_column columns[] = {{"id", OUTPUT_TEXT}, {"state", OUTPUT_TEXT},
        {"retired_at", OUTPUT_TIME}, {"verifies_until", OUTPUT_TIME}, {"bytes", OUTPUT_INT}};
    struct keyring *ring = NULL;
    enum err e = keyring_open(&ring, folder_of(ctl), &ctl->fault);
    if (e)
        return e;
    struct output o;
    output_begin(&o, &ctl->arena, "keys", columns, 5);
    for (size_t n = keyring_count(ring); n-- > 0;)
        put_key(&o, ring, keyring_at(ring, n), config_int(ctl->config, OPT_auth_token_lifetime));
    e = output_write_list(&o, ctl->is_json, &ctl->fault);
    keyring_close(ring);
    return e;
}
