/* Several threads serve users by snapshots of one policy, and wait for no learning and no swap. What they
 * decide goes through one ordered log to the thread that has the agent: it records, learns, and half way
 * gives the running agent another objective.
 *
 *     threaded_host [steps of a user] [folder of the recipes]        (2000 steps, the current folder) */
#include <math.h>
#include <perilune/actor.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

enum { SHARE, WATCH }; /* responses are in the order of their names, as prl_agent_spec has them */
enum { ACTORS = 4, USERS = 16, SESSION = 20, BATCH = 256 };

/* What the threads share: the agent, of which they take snapshots alone, and the log. */
typedef struct host {
  prl_agent *agent;
  host_log log;
  int steps; /* of each user */
  _Atomic int acting;
} host;

/* A thread that acts, and its users. */
typedef struct actor_thread {
  host *h;
  int index;
  pthread_t thread;
  uint32_t random;
  float mood[USERS];
  double *act_us; /* (steps): processor time of each call */
  uint64_t versions;
  prl_status status;
  prl_error error;
} actor_thread;

/* ---- the world ---- */

static float uniform(actor_thread *t) {
  t->random = t->random * 1664525u + 1013904223u;
  return (float)(t->random >> 8) / 8388608.0f - 1;
}

/* Users watch long where the list leans to one side, by their mood; they share where it leans to the other.
 */
static void respond(const float *observation, float lean, float *response) {
  const float watch = lean - 0.5f - 0.3f * observation[0], share = lean + 0.5f - 0.3f * observation[0];
  response[WATCH] = expf(-4 * watch * watch);
  response[SHARE] = expf(-4 * share * share);
}

/* ---- a thread that acts ---- */

static double processor_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* One step of each user: all in one call. */
static prl_status serve(actor_thread *t, prl_actor *actor, prl_snapshot *snapshot, int step) {
  uint64_t streams[USERS], numbers[USERS], versions[USERS];
  float observation[USERS][LOG_OBSERVATIONS], action[USERS], drawn[USERS], log_prob[USERS];
  log_entry entries[USERS];
  for (int i = 0; i < USERS; i++) {
    if (step % SESSION == 0) t->mood[i] = uniform(t);
    streams[i] = (uint64_t)(1000 * t->index + i);
    numbers[i] = (uint64_t)(step / SESSION) << 32 | (uint64_t)(step % SESSION);
    observation[i][0] = t->mood[i];
    observation[i][1] = (float)(step % SESSION) / SESSION;
  }
  const prl_decisions made = {.n = USERS,
                              .streams = streams,
                              .numbers = numbers,
                              .observation = observation[0],
                              .action = action,
                              .drawn = drawn,
                              .log_prob = log_prob,
                              .versions = versions};
  const double begun = processor_us();
  const prl_status status = prl_actor_act(actor, snapshot, &made, PRL_SAMPLE, &t->error);
  t->act_us[step] = processor_us() - begun;
  if (status) return status;
  for (int i = 0; i < USERS; i++) {
    log_entry *e = &entries[i];
    *e = (log_entry){.stream = streams[i],
                     .number = numbers[i],
                     .version = versions[i],
                     .drawn = drawn[i],
                     .log_prob = log_prob[i],
                     .ends = step % SESSION == SESSION - 1};
    memcpy(e->observation, observation[i], sizeof e->observation);
    respond(observation[i], action[i], e->response);
  }
  log_add(&t->h->log, entries, USERS);
  return PRL_OK;
}

/* With a runtime of its own: two threads share none. */
static prl_status act(actor_thread *t) {
  prl_runtime *runtime = NULL;
  prl_actor *actor = NULL;
  uint64_t seen = UINT64_MAX;
  prl_status status = prl_runtime_new(NULL, &runtime, &t->error);
  for (int step = 0; !status && step < t->h->steps; step++) {
    prl_snapshot *snapshot = NULL;
    /* Here users come at once; where they would be more than the log holds, they come a little later. */
    while (log_is_half_full(&t->h->log)) nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    status = prl_agent_snapshot(t->h->agent, &snapshot, &t->error);
    if (!status && !actor) status = prl_actor_new(runtime, snapshot, &actor, &t->error);
    if (!status) status = serve(t, actor, snapshot, step);
    t->versions += prl_snapshot_version(snapshot) != seen;
    seen = prl_snapshot_version(snapshot);
    prl_snapshot_release(snapshot);
  }
  prl_actor_free(actor);
  prl_runtime_release(runtime);
  return status;
}

static void *begin_acting(void *context) {
  actor_thread *t = context;
  t->status = act(t);
  atomic_fetch_sub(&t->h->acting, 1);
  return NULL;
}

/* ---- the thread that learns ---- */

/* Means of the responses over parts of what is learned: the last tenth before the swap, and of all. */
typedef struct means {
  double before[LOG_RESPONSES], after[LOG_RESPONSES];
  int64_t before_count, after_count;
} means;

static prl_status record(prl_agent *agent, const log_entry *e, prl_error *error) {
  uint64_t decision;
  log_entry made = *e;
  const prl_decisions row = {.n = 1,
                             .streams = &made.stream,
                             .numbers = &made.number,
                             .observation = made.observation,
                             .drawn = &made.drawn,
                             .log_prob = &made.log_prob,
                             .versions = &made.version};
  prl_status status = prl_agent_record(agent, &row, &decision, error);
  if (!status) status = prl_agent_feedback(agent, &decision, e->response, NULL, NULL, 1, error);
  if (!status && e->ends) status = prl_agent_finish(agent, e->stream, PRL_TERMINATED, NULL, error);
  return status;
}

static void count(means *m, const log_entry *e, int64_t number, int64_t all) {
  const bool before = number < all / 2 && number >= all * 4 / 10, after = number >= all * 9 / 10;
  for (int r = 0; r < LOG_RESPONSES; r++) {
    if (before) m->before[r] += (double)e->response[r];
    if (after) m->after[r] += (double)e->response[r];
  }
  m->before_count += before;
  m->after_count += after;
}

static prl_status learn(host *h, const prl_plan *next, prl_progress *progress, means *m, prl_error *error) {
  const int64_t all = (int64_t)h->steps * USERS * ACTORS;
  log_entry entries[BATCH];
  prl_status status = PRL_OK;
  int64_t learned = 0;
  bool swapped = false;
  while (!status) {
    const bool last = !atomic_load(&h->acting); /* then nothing more comes */
    const int n = log_take(&h->log, entries, BATCH);
    if (!n && last) return PRL_OK;
    for (int i = 0; !status && i < n; i++, learned++) {
      status = record(h->agent, &entries[i], error);
      count(m, &entries[i], learned, all);
    }
    if (!status) status = prl_agent_learn(h->agent, 0, progress, error);
    if (!status && !swapped && learned >= all / 2) {
      status = prl_agent_swap(h->agent, next, error);
      swapped = true;
    }
    if (!n) nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
  }
  return status;
}

/* ---- all of it ---- */

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_times(actor_thread *threads, int steps) {
  double median = 0, late = 0, longest = 0;
  uint64_t versions = 0;
  for (int i = 0; i < ACTORS; i++) {
    qsort(threads[i].act_us, (size_t)steps, sizeof(double), by_size);
    median += threads[i].act_us[steps / 2] / ACTORS;
    late = fmax(late, threads[i].act_us[steps - 1 - steps / 1000]);
    longest = fmax(longest, threads[i].act_us[steps - 1]);
    versions += threads[i].versions;
  }
  printf("%d threads acted %d times for %d users each, by %.0f versions of the policy on average\n", ACTORS,
         steps, USERS, (double)versions / ACTORS);
  printf("processor time of a call: median %.1f us, 99.9 %% within %.1f us, longest %.1f us\n", median, late,
         longest);
}

static prl_status play(host *h, const prl_plan *next, actor_thread *threads, prl_error *error) {
  prl_progress progress = {0};
  means m = {{0}, {0}, 0, 0};
  prl_snapshot *first;
  prl_status status = prl_agent_snapshot(h->agent, &first, error); /* the first one, on this thread */
  if (status) return status;
  prl_snapshot_release(first);
  int started = 0;
  for (; started < ACTORS; started++)
    if (pthread_create(&threads[started].thread, NULL, begin_acting, &threads[started])) break;
  atomic_fetch_sub(&h->acting, ACTORS - started);
  status = started == ACTORS ? learn(h, next, &progress, &m, error)
                             : prl_fail(error, PRL_ELIMIT, "the system gave %d threads", started);
  for (int i = 0; i < started; i++) {
    pthread_join(threads[i].thread, NULL);
    if (!status && threads[i].status)
      status = prl_fail(error, threads[i].status, "%s", threads[i].error.message);
  }
  if (status) return status;
  print_times(threads, h->steps);
  printf("the learner recorded %lld decisions (%lld found no room in the log) and made %lld updates\n",
         (long long)progress.steps, (long long)h->log.lost, (long long)progress.updates);
  printf("before the swap: watch %.2f, share %.2f; at the end: watch %.2f, share %.2f\n",
         m.before[WATCH] / (double)m.before_count, m.before[SHARE] / (double)m.before_count,
         m.after[WATCH] / (double)m.after_count, m.after[SHARE] / (double)m.after_count);
  const char *notice = prl_agent_notice(h->agent);
  if (notice) printf("note: %s\n", notice);
  return PRL_OK;
}

static prl_status load(prl_runtime *runtime, const char *folder, const char *name, prl_plan **out,
                       prl_error *error) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return prl_plan_load(runtime, path, NULL, out, error);
}

int main(int argc, char **argv) {
  static host h = {.log = {.lock = PTHREAD_MUTEX_INITIALIZER}, .acting = ACTORS};
  static actor_thread threads[ACTORS];
  const char *folder = argc > 2 ? argv[2] : ".";
  h.steps = argc > 1 ? atoi(argv[1]) : 2000;
  prl_runtime *runtime = NULL;
  prl_plan *plan = NULL, *next = NULL;
  prl_error error = {PRL_EINVAL, "usage: threaded_host [steps of a user] [folder of the recipes]"};
  prl_status status = h.steps > 0 && h.steps < 1000000 ? PRL_OK : PRL_EINVAL;
  for (int i = 0; !status && i < ACTORS; i++) {
    threads[i] = (actor_thread){.h = &h, .index = i, .random = (uint32_t)i + 1};
    threads[i].act_us = calloc((size_t)h.steps, sizeof(double));
    if (!threads[i].act_us) status = prl_fail(&error, PRL_ENOMEM, "out of memory");
  }
  if (!status) status = prl_runtime_new(NULL, &runtime, &error);
  if (!status) status = load(runtime, folder, "watch.lua", &plan, &error);
  if (!status) status = load(runtime, folder, "share.lua", &next, &error);
  if (!status) status = prl_agent_new(plan, &h.agent, &error);
  if (!status) status = play(&h, next, threads, &error);
  if (status) fprintf(stderr, "%s\n", error.message);
  prl_agent_free(h.agent);
  prl_plan_free(plan);
  prl_plan_free(next);
  prl_runtime_release(runtime);
  for (int i = 0; i < ACTORS; i++) free(threads[i].act_us);
  return status != PRL_OK;
}
