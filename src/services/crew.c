/* Threads are woken in a chain, each by the one before it, only while jobs are left and nobody is
 * on his way: a batch of calls that return at once is done by one or two threads, one of slow calls
 * by as many as there are jobs. */
#include "services/crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/arena.h"

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t work; /* jobs to take, or the end */
    pthread_cond_t done; /* the batch's last job has returned */
    pthread_t *threads;
    int thread_count;
    bool is_closing;
    bool is_waking; /* one was woken, and has not come yet */

    crew_job *job;
    void *arg;
    size_t count;
    size_t next; /* the first job that nobody has taken */
    size_t finished;
};

static void take_jobs(struct crew *crew)
{
    while (crew->next < crew->count) {
        size_t i = crew->next++;
        bool wakes = crew->next < crew->count && !crew->is_waking;
        crew->is_waking = crew->is_waking || wakes;
        pthread_mutex_unlock(&crew->lock);
        if (wakes)
            pthread_cond_signal(&crew->work);
        crew->job(crew->arg, i);
        pthread_mutex_lock(&crew->lock);
        if (++crew->finished == crew->count)
            pthread_cond_signal(&crew->done);
    }
}

static void *crew_main(void *arg)
{
    struct crew *crew = arg;
    pthread_mutex_lock(&crew->lock);
    while (!crew->is_closing) {
        take_jobs(crew);
        if (!crew->is_closing)
            pthread_cond_wait(&crew->work, &crew->lock);
        crew->is_waking = false;
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

enum err crew_open(struct crew **out, int threads, struct fault *fault)
{
    struct crew *crew = xalloc(sizeof *crew);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->work, NULL);
    pthread_cond_init(&crew->done, NULL);
    crew->threads = xarray((size_t)threads, sizeof *crew->threads);
    while (crew->thread_count < threads) {
        if (pthread_create(&crew->threads[crew->thread_count], NULL, crew_main, crew) != 0) {
            crew_close(crew);
            return fail(fault, ERR_IO, NULL, "cannot start a thread for captures and voids");
        }
        crew->thread_count++;
    }
    *out = crew;
    return ERR_NONE;
}

void crew_close(struct crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->is_closing = true;
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
    for (int i = 0; i < crew->thread_count; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_cond_destroy(&crew->done);
    pthread_cond_destroy(&crew->work);
    pthread_mutex_destroy(&crew->lock);
    free(crew->threads);
    free(crew);
}

void crew_run(struct crew *crew, crew_job *job, void *arg, size_t count)
{
    if (count == 0)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->job = job;
    crew->arg = arg;
    crew->count = count;
    crew->next = 0;
    crew->finished = 0;
    crew->is_waking = true;
    pthread_cond_signal(&crew->work);
    while (crew->finished < crew->count)
        pthread_cond_wait(&crew->done, &crew->lock);
    crew->count = 0;
    crew->next = 0;
    pthread_mutex_unlock(&crew->lock);
}
