/* Runs the same work on several threads, and joins them. */
#include "core/threads.h"

#include <pthread.h>
#include <stdbool.h>

typedef struct job {
  prl_thread_fn fn;
  void *context;
  pthread_t thread;
  bool started;
} job;

static void *start(void *context) {
  job *j = context;
  j->fn(j->context);
  return NULL;
}

void prl_threads_run(prl_thread_fn fn, void *contexts, size_t stride, int count) {
  job jobs[PRL_THREADS_MOST] = {{0}};
  for (int i = 0; i < count; i++) jobs[i] = (job){.fn = fn, .context = (char *)contexts + (size_t)i * stride};
  for (int i = 1; i < count; i++)
    jobs[i].started = pthread_create(&jobs[i].thread, NULL, start, &jobs[i]) == 0;
  for (int i = 0; i < count; i++)
    if (!jobs[i].started) jobs[i].fn(jobs[i].context);
  for (int i = 1; i < count; i++)
    if (jobs[i].started) (void)pthread_join(jobs[i].thread, NULL);
}
