/* How long things took: kept one by one, so that percentiles are exact. Owned by one thread. */
#ifndef ORDERD_BENCH_TIMES_H
#define ORDERD_BENCH_TIMES_H

#include <stddef.h>
#include <stdint.h>

struct times {
    int64_t *us;
    size_t count;
    size_t room;
};

/* Monotonic. */
int64_t times_now_us(void);

void times_add(struct times *, int64_t us);

/* Puts them in order; 0 where there is none. per_cent: 0 to 100. */
int64_t times_percentile(struct times *, double per_cent);

void times_free(struct times *);

#endif
