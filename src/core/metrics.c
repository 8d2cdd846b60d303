/* Relaxed order is enough: each number stands for itself, and a scrape may see one a moment before
 * another. */
#include "core/metrics.h"

#include <stdatomic.h>

#include "core/buffer.h"

static const struct {
    const char *name;
    const char *type;
    const char *sentence;
} table[METRIC__COUNT] = {
#define COUNTER(name, sentence) [METRIC_##name] = {#name, "counter", sentence},
#define GAUGE(name, sentence)   [METRIC_##name] = {#name, "gauge", sentence},
#include "core/metrics.def"
#undef COUNTER
#undef GAUGE
};

static _Atomic int64_t values[METRIC__COUNT];

void metrics_add(enum metric metric, int64_t change)
{
    atomic_fetch_add_explicit(&values[metric], change, memory_order_relaxed);
}

void metrics_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

int64_t metrics_get(enum metric metric)
{
    return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

static void render_words(
    struct buffer *out, const char *keyword, const char *name, const char *words)
{
    buffer_text(out, keyword);
    buffer_text(out, name);
    buffer_char(out, ' ');
    buffer_text(out, words);
    buffer_char(out, '\n');
}

void metrics_render(struct buffer *out)
{
    for (int i = 0; i < METRIC__COUNT; i++) {
        render_words(out, "# HELP orderd_", table[i].name, table[i].sentence);
        render_words(out, "# TYPE orderd_", table[i].name, table[i].type);
        buffer_text(out, "orderd_");
        buffer_text(out, table[i].name);
        buffer_char(out, ' ');
        buffer_int(out, metrics_get((enum metric)i));
        buffer_char(out, '\n');
    }
}
