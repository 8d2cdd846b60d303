/* See spool_desk.h. */
#include "spool_desk.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/random.h"
#include "spool/spool.h"

#include "unit.h"

static char spool_path[300];
static char mail_path[300];

void desk_open(void)
{
    const char *folder = unit_folder();
    struct spool *spool;
    struct fault fault;
    fault_begin(&fault, NULL);
    snprintf(spool_path, sizeof spool_path, "%s/spool", folder);
    snprintf(mail_path, sizeof mail_path, "%s/mail", folder);
    ck_assert_msg(!spool_open(&spool, spool_path, 0, &fault), "%s", fault.text);
    spool_close(spool);
}

const char *desk_spool(void)
{
    return spool_path;
}

const char *desk_mail(void)
{
    return mail_path;
}

const char *desk_path(const char *folder, const char *name)
{
    static char paths[8][700];
    static unsigned next;
    char *out = paths[next++ % 8];
    int len = snprintf(out, sizeof paths[0], "%s/%s/%s", spool_path, folder, name);
    ck_assert(len > 0 && (size_t)len < sizeof paths[0]);
    return out;
}

const char *desk_uid(int64_t number)
{
    static char uids[8][UID_SIZE];
    static unsigned next;
    char *out = uids[next++ % 8];
    snprintf(out, UID_SIZE, "%032" PRIx64, number);
    return out;
}

struct record desk_record(int64_t number)
{
    static const struct record_item items[] = {
        {.sku = "TEA-250", .name = "Green tea, 250 g", .quantity = 2, .unit_price_minor = 1295},
        {.sku = "CUP", .quantity = 1, .unit_price_minor = 500},
    };
    return (struct record){
        .kind = "order_confirmed",
        .uid = desk_uid(number),
        .request_id = "6f0c6f0c6f0c6f0c6f0c6f0c6f0c6f0c",
        .recipient = "alice@example.com",
        .username = "alice",
        .order_id = number,
        .created_at = 1764000000,
        .reference = "WEB-2026-00017",
        .currency = "EUR",
        .total_minor = 3090,
        .items = items,
        .item_count = 2,
    };
}

/* All at once: each publishing waits for the disk. */
static void publish(const struct record *records, size_t count)
{
    struct arena arena;
    struct spool *spool;
    struct fault fault;
    arena_init(&arena, 64 * 1024);
    fault_begin(&fault, NULL);
    struct spool_message *messages = arena_array(&arena, count, sizeof *messages);
    for (size_t i = 0; i < count; i++) {
        struct buffer bytes;
        buffer_begin(&bytes, &arena, 512);
        record_encode(&records[i], &bytes);
        messages[i] = (struct spool_message){records[i].uid, bytes.data, bytes.len};
    }
    enum err e = spool_open(&spool, spool_path, 0, &fault);
    if (!e)
        e = spool_publish(spool, messages, count, &fault);
    ck_assert_msg(!e, "%s", fault.text);
    spool_close(spool);
    arena_fini(&arena);
}

void desk_publish_record(const struct record *record)
{
    publish(record, 1);
}

void desk_publish(int64_t first, int64_t last)
{
    size_t count = (size_t)(last - first + 1);
    struct record *records = xarray(count, sizeof *records);
    for (size_t i = 0; i < count; i++) {
        records[i] = desk_record(first + (int64_t)i);
        records[i].uid = xstrdup(records[i].uid);
    }
    publish(records, count);
    for (size_t i = 0; i < count; i++)
        free((char *)records[i].uid);
    free(records);
}

void desk_put(const char *folder, const char *name, const void *bytes, size_t len)
{
    FILE *out = fopen(desk_path(folder, name), "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, len, out), len);
    ck_assert_int_eq(fclose(out), 0);
}

void desk_move(int64_t number, const char *folder, const char *name)
{
    const char *from = desk_path("new", desk_uid(number));
    ck_assert_int_eq(rename(from, desk_path(folder, name)), 0);
}

/* Counts, and keeps the name of the last. */
static int look(const char *folder, char name[300])
{
    DIR *stream = opendir(strchr(folder, '/') ? folder : desk_path(folder, "."));
    int count = 0;
    if (!stream)
        return 0;
    for (const struct dirent *entry; (entry = readdir(stream));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(name, 300, "%s", entry->d_name);
        count++;
    }
    closedir(stream);
    return count;
}

int desk_count(const char *folder)
{
    char name[300];
    return look(folder, name);
}

const char *desk_only(const char *folder)
{
    static char name[300];
    ck_assert_int_eq(look(folder, name), 1);
    return name;
}

const char *desk_text(const char *path)
{
    static char text[64 * 1024];
    FILE *in = fopen(path, "r");
    ck_assert_msg(in != NULL, "%s", path);
    size_t len = fread(text, 1, sizeof text - 1, in);
    text[len] = '\0';
    fclose(in);
    return text;
}
