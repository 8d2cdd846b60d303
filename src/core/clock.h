/* Time. Deadlines and durations use the monotonic clock; the wall clock is only for what is stored
 * or shown, since it jumps. */
#ifndef ORDERD_CORE_CLOCK_H
#define ORDERD_CORE_CLOCK_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Wall clock, seconds since 1970 (UTC). */
int64_t clock_now(void);
int64_t clock_now_ms(void);

/* Monotonic; only differences mean something. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

/* "2026-11-24T15:04:05Z" (RFC 3339, section 5.6) and a NUL. Years 0 to 9999; others are clamped. */
#define CLOCK_TEXT_SIZE 21
void clock_text(char out[CLOCK_TEXT_SIZE], int64_t at);

/* A condition whose timed wait goes by the monotonic clock. */
void clock_cond_init(pthread_cond_t *);

/* Waits until signalled or until clock_mono_ms() reaches deadline_ms; false: the deadline has
 * passed. Wakes up spuriously like any condition: test in a loop. */
bool clock_cond_wait(pthread_cond_t *, pthread_mutex_t *, int64_t deadline_ms);

/* Waits for a post until clock_mono_ms() reaches deadline_ms; false: the deadline has passed. Takes
 * a post that is there already, whatever the deadline. */
bool clock_sem_wait(sem_t *, int64_t deadline_ms);
/* The same without a deadline: for what is sure to come. */
void clock_sem_wait_long(sem_t *);

/* Sleeps until the deadline, through signals. */
void clock_sleep_until(int64_t deadline_ms);

#endif
