/* Counters and gauges, one atomic each; rendered in the Prometheus text format (version 0.0.4). */
#ifndef ORDERD_CORE_METRICS_H
#define ORDERD_CORE_METRICS_H

#include <stdint.h>

struct buffer;

enum metric {
#define COUNTER(name, sentence) METRIC_##name,
#define GAUGE(name, sentence)   METRIC_##name,
#include "core/metrics.def"
#undef COUNTER
#undef GAUGE
    METRIC__COUNT
};

void metrics_add(enum metric, int64_t);
void metrics_set(enum metric, int64_t);
int64_t metrics_get(enum metric);
void metrics_render(struct buffer *);

#endif
