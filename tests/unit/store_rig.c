/* See store_rig.h. */
#include "store_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/metrics.h"
#include "db/locks.h"
#include "db/settings.h"

#include "db_rig.h"
#include "unit.h"

static char big_value[2 * 1024 * 1024];

/* More than the database may grow by. */
static void need_too_much(struct db *db)
{
    int64_t pages = rig_number("PRAGMA page_count");
    char pragma[64];
    (void)snprintf(pragma, sizeof pragma, "PRAGMA max_page_count=%d", (int)pages + 20);
    ck_assert_int_eq(db_script(db, pragma), ERR_NONE);
    ck_assert_int_eq(settings_put(db, "big", big_value, sizeof big_value), ERR_FULL);
    ck_assert_int_eq(db_script(db, "PRAGMA max_page_count=1000000"), ERR_NONE);
}

enum err put_unit(struct db *db, void *arg)
{
    struct put *put = arg;
    char name[32];
    (void)snprintf(name, sizeof name, "k%d", put->n);
    atomic_fetch_add(&put->runs, 1);
    ck_assert_uint_le(put->len, sizeof big_value);
    (void)settings_put(db, name, big_value, put->len ? put->len : 8);
    if (put->is_broken)
        (void)settings_put(db, NULL, "x", 1);
    if (put->is_too_big)
        need_too_much(db);
    return put->own;
}

int64_t put_count(void)
{
    return rig_number("SELECT count(*) FROM settings WHERE name GLOB 'k*'");
}

bool put_is_there(int n)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM settings WHERE name = 'k%d'", n);
    return rig_number(sql) == 1;
}

struct job job_of(struct store *store, store_unit *apply, void *arg)
{
    return (struct job){
        .store = store,
        .class = STORE_BEGIN,
        .apply = apply,
        .arg = arg,
        .deadline_ms = rig_soon(),
    };
}

static void *run_job(void *arg)
{
    struct job *job = arg;
    job->result = store_write(job->store, job->class, job->apply, job->arg, job->deadline_ms);
    return NULL;
}

void job_start(struct job *job)
{
    int64_t before = metrics_get(METRIC_store_waiting);
    ck_assert_int_eq(pthread_create(&job->thread, NULL, run_job, job), 0);
    wait_until_waiting(before + 1);
}

enum err job_join(struct job *job)
{
    ck_assert_int_eq(pthread_join(job->thread, NULL), 0);
    return job->result;
}

void gate_shut(struct gate *gate)
{
    ck_assert_int_eq(locks_open_write(rig_path(), &gate->fd, NULL), ERR_NONE);
    ck_assert(locks_take_write(gate->fd, 10000));
}

void gate_open(struct gate *gate)
{
    file_close(&gate->fd);
}

void jobs_run(struct job *jobs, int count)
{
    struct gate gate;
    gate_shut(&gate);
    for (int i = 0; i < count; i++)
        job_start(&jobs[i]);
    gate_open(&gate);
    for (int i = 0; i < count; i++)
        (void)job_join(&jobs[i]); /* the result stays in the job */
}

static int is_waiting(void *arg)
{
    return metrics_get(METRIC_store_waiting) == *(int64_t *)arg;
}

void wait_until_waiting(int64_t count)
{
    unit_wait(is_waiting, &count, "units that wait");
}

static int is_degraded_now(void *arg)
{
    return store_is_degraded(arg);
}

static int is_well_now(void *arg)
{
    return !store_is_degraded(arg);
}

void wait_until_degraded(struct store *store, bool is_degraded)
{
    unit_wait(is_degraded ? is_degraded_now : is_well_now, store, "a change of degraded");
}

int committer_thread(void)
{
    DIR *dir = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(dir);
    int found = 0;
    struct dirent *entry;
    while (!found && (entry = readdir(dir))) {
        char path[64];
        char name[32] = "";
        (void)snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        if (fgets(name, sizeof name, file) && !strcmp(name, "committer\n"))
            found = atoi(entry->d_name);
        (void)fclose(file);
    }
    (void)closedir(dir);
    ck_assert_int_ne(found, 0);
    return found;
}
