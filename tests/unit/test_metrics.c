#include "unit.h"

#include <pthread.h>
#include <regex.h>
#include <stdint.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/metrics.h"

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 4096);
}

static void end(void)
{
    arena_fini(&arena);
}

static const char *render(void)
{
    struct buffer out;
    buffer_begin(&out, &arena, 64);
    metrics_render(&out);
    return out.data;
}

static const char first_lines[] = "# HELP orderd_requests_total Requests answered\n"
                                  "# TYPE orderd_requests_total counter\n"
                                  "orderd_requests_total 0\n";

START_TEST(every_metric_begins_at_zero_with_help_and_type)
{
    const char *text = render();
    ck_assert_int_eq(strncmp(text, first_lines, strlen(first_lines)), 0);
    ck_assert_ptr_nonnull(strstr(text, "# TYPE orderd_connections gauge\norderd_connections 0\n"));
}
END_TEST

static const char *const line_forms[] = {
    "^# HELP orderd_[a-z_]+ [^\\]+$",
    "^# TYPE orderd_([a-z_]+_total counter|[a-z_]+ gauge)$",
    "^orderd_[a-z_]+ -?[0-9]+$",
};

START_TEST(every_line_is_of_the_text_format)
{
    regex_t forms[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(regcomp(&forms[i], line_forms[i], REG_EXTENDED | REG_NOSUB), 0);
    char *rest = arena_text(&arena, render());
    int count = 0;
    for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n"))
        ck_assert_msg(!regexec(&forms[count++ % 3], line, 0, NULL, 0), "%s", line);
    ck_assert_int_eq(count, 3 * METRIC__COUNT);
    for (int i = 0; i < 3; i++)
        regfree(&forms[i]);
}
END_TEST

START_TEST(gauges_go_up_and_down)
{
    metrics_set(METRIC_wal_pages, 8000);
    metrics_add(METRIC_wal_pages, -8001);
    ck_assert_int_eq(metrics_get(METRIC_wal_pages), -1);
    ck_assert_ptr_nonnull(strstr(render(), "\norderd_wal_pages -1\n"));
    metrics_set(METRIC_wal_pages, INT64_MAX);
    ck_assert_ptr_nonnull(strstr(render(), "\norderd_wal_pages 9223372036854775807\n"));
}
END_TEST

enum {
    THREADS = 4,
    TIMES = 200000
};

static void *count_up(void *barrier)
{
    pthread_barrier_wait(barrier);
    for (int i = 0; i < TIMES; i++)
        metrics_add(METRIC_orders_total, 1);
    return NULL;
}

START_TEST(no_count_is_lost_between_threads)
{
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, &barrier), 0);
    for (int i = 0; i < 20; i++)
        render();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(metrics_get(METRIC_orders_total), THREADS * TIMES);
    pthread_barrier_destroy(&barrier);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, every_metric_begins_at_zero_with_help_and_type);
    tcase_add_test(tcase, every_line_is_of_the_text_format);
    tcase_add_test(tcase, gauges_go_up_and_down);
    tcase_add_test(tcase, no_count_is_lost_between_threads);
    return unit_run(suite);
}
