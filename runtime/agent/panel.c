/* Panels: policies judged by user and simulated day. */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "core/arguments.h"
#include "core/threads.h"
#include "core/watch.h"
#include "env/types.h"

/* Users at once in a thread: enough for full vectors, and few enough that little is stepped in vain while the
 * last ones come to their end. */
enum { INSTANCES = 16 };
/* Steps after which a user whose clock never moved will not come to a second day. */
enum { STANDSTILL = 100000 };

static const int64_t day_us = INT64_C(86400000000);

/* Requests of a user's day, after which its clock is held not to come to the day's end. */
enum { MOST_OF_A_DAY = 10000000 };

/* What the threads of a panel share. */
typedef struct crowd {
  const prl_panel_options *options;
  _Atomic int64_t next;  /* the first user whom no instance has taken up */
  _Atomic int64_t ended; /* users whose days are over */
  _Atomic int running;   /* threads at work */
  _Atomic bool stopped;  /* the watch said so, or a thread failed */
  pthread_t caller;      /* which alone asks the watch */
  int64_t asked_ns;
} crowd;

/* One thread's part. It begins with its own users and continues with the next of the panel, so that
 * all threads end together, whatever else their cores do. A user's sums do not depend on other users. */
typedef struct part {
  const prl_panel_options *options;
  crowd *crowd;
  int64_t first, n; /* its own: first … first + n − 1 */
  int64_t busy;     /* instances with a user */
  prl_runtime *runtime;
  prl_agent *agent;
  prl_vecenv *env;
  const prl_env_spec *spec;
  int32_t session; /* the response that comes once a session; −1: an episode is one */
  prl_arena arena;
  prl_step step;
  float *action;
  int64_t *user; /* (n) of each instance; −1: there is none left */
  int64_t *clock_us;
  uint64_t *stream;
  uint32_t *episode, *steps; /* of the draws: session; request in it */
  uint8_t *replaced;
  float *memory; /* (n, memory) of the policy; NULL: it has none */
  double *sums;  /* of the panel */
  prl_status status;
  prl_error error;
} part;

int64_t prl_panel_width(const prl_env_spec *spec, int32_t observed) {
  if (!spec || observed < 0) return 0;
  return 2 * (int64_t)spec->responses + 2 + spec->actions + observed;
}

/* ---- making ---- */

static void *block(part *p, bool *made, int64_t count, size_t size) {
  void *memory = prl_arena_alloc(&p->arena, (size_t)count * size);
  *made = *made && memory;
  return memory;
}

static prl_status allocate(part *p, prl_error *error) {
  const int64_t n = p->n, observations = p->spec->observations;
  bool made = true;
  prl_arena_init(&p->arena, p->runtime);
  p->action = block(p, &made, n * p->spec->actions, sizeof(float));
  p->step.action = p->action;
  p->step.observation = block(p, &made, n * observations, sizeof(float));
  p->step.final_observation = block(p, &made, n * observations, sizeof(float));
  p->step.response = block(p, &made, n * p->spec->responses, sizeof(float));
  p->step.terminated = block(p, &made, n, 1);
  p->step.truncated = block(p, &made, n, 1);
  p->step.elapsed_us = block(p, &made, n, sizeof(int64_t));
  p->user = block(p, &made, n, sizeof *p->user);
  p->clock_us = block(p, &made, n, sizeof *p->clock_us);
  p->stream = block(p, &made, n, sizeof *p->stream);
  p->episode = block(p, &made, n, sizeof *p->episode);
  p->steps = block(p, &made, n, sizeof *p->steps);
  p->replaced = block(p, &made, n, 1);
  return made ? PRL_OK : prl_fail_memory(error, (size_t)(n * observations) * sizeof(float));
}

static prl_status allocate_memory(part *p, prl_error *error) {
  const int64_t width = p->agent->shape->experience.memory;
  bool made = true;
  if (width) p->memory = block(p, &made, p->n * width, sizeof *p->memory);
  return made ? PRL_OK : prl_fail_memory(error, (size_t)(p->n * width) * sizeof(float));
}

static int32_t session_of(const prl_env_spec *spec) {
  int32_t place = spec->session ? 0 : -1;
  while (spec->session && strcmp(spec->response[place].name, spec->session)) place++;
  return place;
}

static prl_status make(part *p, prl_error *error) {
  const prl_panel_options *o = p->options;
  prl_status status = prl_runtime_new(o->runtime, &p->runtime, error);
  if (!status)
    status = prl_vecenv_new(p->runtime, o->type, o->env_options, p->n, o->seed,
                            o->first_stream + (uint64_t)p->first, &p->env, error);
  if (status) return status;
  p->spec = prl_vecenv_spec(p->env);
  p->session = session_of(p->spec);
  status = allocate(p, error);
  if (status || !o->agent) return status;
  status = prl_agent_load(p->runtime, o->agent, &p->agent, error);
  if (!status) status = prl_shape_check_env(p->agent->shape, o->type->name, p->spec, error);
  return status ? status : allocate_memory(p, error);
}

static void discard(part *p) {
  if (p->spec) prl_arena_deinit(&p->arena);
  prl_vecenv_free(p->env);
  prl_agent_free(p->agent);
  if (p->runtime) prl_runtime_release(p->runtime);
}

/* ---- running ---- */

static double *today(const part *p, int64_t i) {
  const int64_t day = p->clock_us[i] / day_us, width = prl_panel_width(p->spec, p->options->observed_count);
  return p->sums + (p->user[i] * p->options->days + day) * width;
}

/* The request and the action taken in it, before the step: the action as the environment clips it. */
static void note(part *p) {
  const int64_t actions = p->spec->actions, observations = p->spec->observations;
  const bool continuous = p->spec->action_kind == PRL_ACTION_CONTINUOUS;
  for (int64_t i = 0; i < p->n; i++) {
    if (p->user[i] < 0) continue;
    double *to = today(p, i) + 2 * p->spec->responses + 2;
    for (int64_t k = 0; k < actions; k++) {
      const prl_action_spec *bounds = &p->spec->action[k];
      const float value = p->action[i * actions + k];
      to[k] += (double)(continuous ? fminf(fmaxf(value, bounds->low), bounds->high) : value);
    }
    for (int32_t k = 0; k < p->options->observed_count; k++)
      to[actions + k] += (double)p->step.observation[i * observations + p->options->observed[k]];
  }
}

static void count(part *p, int64_t i) {
  const int64_t responses = p->spec->responses;
  double *to = today(p, i);
  const float *response = p->step.response + i * responses;
  for (int64_t r = 0; r < responses; r++) {
    to[r] += (double)response[r];
    to[responses + r] += response[r] != p->spec->response[r].missing;
  }
  to[2 * responses]++;
  to[2 * responses + 1] += p->session < 0 ? p->step.terminated[i] || p->step.truncated[i]
                                          : response[p->session] != p->spec->response[p->session].missing;
}

/* An episode begins with an empty memory. */
static void forget(const part *p, int64_t i) {
  if (!p->memory) return;
  const int64_t width = p->agent->shape->experience.memory;
  memset(p->memory + i * width, 0, (size_t)width * sizeof(float));
}

/* Adds the step of instance i to its user's day; true where its days are over. */
static bool advance(part *p, int64_t i) {
  count(p, i);
  p->clock_us[i] += p->step.elapsed_us[i];
  p->steps[i]++;
  if (p->step.terminated[i] || p->step.truncated[i]) {
    p->episode[i]++;
    p->steps[i] = 0;
    forget(p, i);
  }
  return p->clock_us[i] >= p->options->days * day_us;
}

/* The next user takes the instance's place, if there is one. */
static bool take_next(part *p, int64_t i) {
  int64_t user = atomic_fetch_add_explicit(&p->crowd->next, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&p->crowd->ended, 1, memory_order_relaxed);
  p->clock_us[i] = 0;
  p->episode[i] = p->steps[i] = 0;
  forget(p, i);
  p->user[i] = user < p->options->users ? user : -1;
  if (p->user[i] < 0) {
    p->busy--;
    return false;
  }
  p->stream[i] = p->options->first_stream + (uint64_t)user;
  return true;
}

/* Refuses a user of instance i whose clock does not advance, or hardly. */
static prl_status check_clock(const part *p, int64_t i, prl_error *error) {
  if (p->clock_us[i] == 0 && p->episode[i] + p->steps[i] > STANDSTILL)
    return prl_fail(
        error, PRL_EINVAL,
        "environment \"%s\": a user's clock has not moved in %d steps; its days cannot be counted",
        p->options->type->name, STANDSTILL);
  if (today(p, i)[2 * p->spec->responses] >= MOST_OF_A_DAY)
    return prl_fail(
        error, PRL_EINVAL,
        "environment \"%s\": a user's day has not ended after %d steps; its days cannot be counted",
        p->options->type->name, MOST_OF_A_DAY);
  return PRL_OK;
}

static prl_status settle(part *p, prl_error *error) {
  prl_status status = PRL_OK;
  bool any = false;
  memset(p->replaced, 0, (size_t)p->n);
  for (int64_t i = 0; i < p->n; i++) {
    if (p->user[i] < 0) continue;
    if (advance(p, i)) any |= p->replaced[i] = take_next(p, i);
    if (p->user[i] >= 0) status = check_clock(p, i, error);
    if (status) return status;
  }
  return any ? prl_vecenv_replace(p->env, p->replaced, p->stream, p->step.observation, error) : PRL_OK;
}

static prl_status act(part *p, prl_error *error) {
  const prl_draw_address address = {
      .streams = p->stream, .episode = p->episode, .step = p->steps, .memory = p->memory};
  if (!p->agent) return PRL_OK; /* the actions are constant */
  prl_status status = prl_policy_check(p->agent->policy, p->step.observation, p->n, error);
  return status ? status
                : prl_policy_act(p->agent->policy, p->agent->experience, p->step.observation, p->n,
                                 p->options->mode, &address, p->action, error);
}

static prl_status ask(part *p, prl_error *error) {
  crowd *c = p->crowd;
  if (atomic_load_explicit(&c->stopped, memory_order_relaxed))
    return prl_fail(error, PRL_ESTOPPED, "the panel was stopped");
  if (!p->options->watch.go_on || !pthread_equal(pthread_self(), c->caller)) return PRL_OK;
  return prl_watch_ask(&p->options->watch, &c->asked_ns, atomic_load(&c->ended), p->options->users,
                       "the panel", error);
}

/* The caller's thread, when its own users are through: the watch is asked as long as others are at work. */
static prl_status attend(part *p, prl_error *error) {
  const struct timespec pause = {.tv_nsec = 2000000};
  prl_status status = PRL_OK;
  if (!p->options->watch.go_on || !pthread_equal(pthread_self(), p->crowd->caller)) return PRL_OK;
  while (!status && atomic_load(&p->crowd->running) > 1) {
    nanosleep(&pause, NULL);
    status = ask(p, error);
  }
  return status;
}

static prl_status live(part *p, prl_error *error) {
  prl_status status = prl_vecenv_reset(p->env, p->step.observation, error);
  const int64_t actions = p->spec->actions;
  for (int64_t i = 0; i < p->n; i++) {
    p->user[i] = p->first + i;
    p->stream[i] = prl_vecenv_streams(p->env)[i];
    if (p->options->constant)
      memcpy(p->action + i * actions, p->options->constant, (size_t)actions * sizeof(float));
  }
  p->busy = p->n;
  while (!status && p->busy) {
    status = ask(p, error);
    if (!status) status = act(p, error);
    if (!status) note(p);
    if (!status) status = prl_vecenv_step(p->env, &p->step, error);
    if (!status) status = settle(p, error);
  }
  return status;
}

static void run_part(void *context) {
  part *p = context;
  atomic_fetch_add(&p->crowd->running, 1);
  p->status = make(p, &p->error);
  if (!p->status) p->status = live(p, &p->error);
  if (!p->status) p->status = attend(p, &p->error);
  if (p->status) atomic_store(&p->crowd->stopped, true); /* the others may stop, too */
  discard(p);
  atomic_fetch_sub(&p->crowd->running, 1);
}

/* ---- the whole ---- */

static prl_status check(const prl_panel_options *o, prl_env_spec *spec, prl_error *error) {
  if (o->users < 1 || o->users > 1 << 24)
    return prl_fail(error, PRL_EINVAL, "%" PRId64 " users; 1 to %d are accepted", o->users, 1 << 24);
  if (o->days < 1 || o->days > 10000)
    return prl_fail(error, PRL_EINVAL, "%" PRId32 " days; 1 to 10000 are accepted", o->days);
  if (o->threads < 1 || o->threads > PRL_THREADS_MOST)
    return prl_fail(error, PRL_EINVAL, "%d threads; 1 to %d are accepted", o->threads, PRL_THREADS_MOST);
  if ((o->agent == NULL) == (o->constant == NULL))
    return prl_fail(error, PRL_EINVAL,
                    "a panel takes the file of an agent or a constant action, one of them");
  prl_error unused;
  prl_status status = PRL_WITHIN(error, "options.mode", (int)o->mode, PRL_SAMPLE, PRL_MEAN);
  if (!status) status = PRL_GIVEN(error, "options.type", o->type);
  if (!status) status = prl_env_check_type(o->type, PRL_EINVAL, "options.type", error);
  if (!status && prl_env_option_count(o->type))
    status = PRL_GIVEN(error, "options.env_options", o->env_options);
  if (!status && o->observed_count) status = PRL_GIVEN(error, "options.observed", o->observed);
  if (!status) status = prl_env_make_spec(o->type, o->env_options, spec, error ? error : &unused);
  if (!status) status = PRL_WITHIN(error, "options.observed_count", o->observed_count, 0, spec->observations);
  if (!status && !spec->clock)
    return prl_fail(error, PRL_EINVAL, "environment \"%s\" has no clock: simulated days cannot be counted",
                    o->type->name);
  for (int32_t k = 0; !status && k < o->observed_count; k++)
    if (o->observed[k] < 0 || o->observed[k] >= spec->observations)
      return prl_fail(error, PRL_EINVAL,
                      "observation %" PRId32 " of environment \"%s\"; 0 to %" PRId32 " are accepted",
                      o->observed[k], o->type->name, spec->observations - 1);
  return status;
}

prl_status prl_panel_run(const prl_panel_options *options, double *sums, prl_error *error) {
  prl_env_spec spec = {0};
  part parts[PRL_THREADS_MOST] = {{0}};
  crowd shared = {.options = options, .caller = pthread_self()};
  prl_status status = PRL_GIVEN(error, "options sums", options, sums);
  if (!status) status = check(options, &spec, error);
  if (status) return status;
  int threads = options->users < options->threads ? (int)options->users : options->threads;
  int64_t row = options->days * prl_panel_width(&spec, options->observed_count);
  memset(sums, 0, (size_t)(options->users * row) * sizeof *sums);
  /* Where instances cannot be replaced one by one, every user has one from the start. */
  int64_t begun = options->users;
  if (spec.by_instance && begun > threads * INSTANCES) begun = threads * INSTANCES;
  atomic_init(&shared.next, begun);
  for (int t = 0; t < threads; t++) {
    part *p = &parts[t];
    p->options = options;
    p->crowd = &shared;
    p->first = begun * t / threads;
    p->n = begun * (t + 1) / threads - p->first;
    p->sums = sums;
  }
  prl_threads_run(run_part, parts, sizeof *parts, threads);
  /* Of several failures the first is reported; the threads that were stopped for it have none of their own.
   */
  const part *failed = NULL;
  for (int t = 0; t < threads; t++) {
    bool worse = !failed || (failed->status == PRL_ESTOPPED && parts[t].status != PRL_ESTOPPED);
    if (parts[t].status && worse) failed = &parts[t];
  }
  if (failed && error) *error = failed->error;
  return failed ? failed->status : PRL_OK;
}
