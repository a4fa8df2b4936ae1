/* The agent that a host serves, from C: acting, acting apart from learning, swaps, a control group, its file.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "bench/bench.h"
#include "bench/rows.h"
#include "perilune/actor.h"

enum { OBSERVATIONS = 32, ACTIONS = 8, RESPONSES = 6, STREAMS = 64, REPETITIONS = 21 };

/* ---- a host's agent ---- */

/* Recipes of 32 observations and 8 continuous actions, networks of two layers of `width`. */
static int write_recipe(char *text, size_t size, int critics, const char *width, const char *algorithm,
                        const char *agent) {
  int at = snprintf(text, size, "return {env = {'host', observation = {");
  for (int i = 0; i < OBSERVATIONS; i++) at += snprintf(text + at, size - (size_t)at, "'o%d',", i);
  at += snprintf(text + at, size - (size_t)at, "}, action = {'continuous',");
  for (int i = 0; i < ACTIONS; i++) at += snprintf(text + at, size - (size_t)at, "a%d = {-1, 1},", i);
  at += snprintf(text + at, size - (size_t)at, "}, responses = {");
  for (int i = 0; i < RESPONSES; i++) at += snprintf(text + at, size - (size_t)at, "r%d = {},", i);
  at += snprintf(text + at, size - (size_t)at, "}}, objective = {critics = {");
  for (int i = 0; i < critics; i++)
    at += snprintf(text + at, size - (size_t)at, "r%d = {weight = %d},", i, critics + i);
  return at + snprintf(text + at, size - (size_t)at,
                       "}}, policy = {hidden = {%s}}, algorithm = {%s}, agent = {streams = %d%s}, "
                       "train = {steps = 1e9}}",
                       width, algorithm, STREAMS, agent);
}

static prl_plan *plan_of(prl_runtime *runtime, int critics, const char *width, const char *algorithm,
                         const char *agent) {
  char text[4096], path[] = "/tmp/perilune-bench-XXXXXX";
  const int length = write_recipe(text, sizeof text, critics, width, algorithm, agent), fd = mkstemp(path);
  prl_plan *plan = NULL;
  prl_error error = {PRL_OK, "a recipe could not be written"};
  const bool written = fd >= 0 && write(fd, text, (size_t)length) == length && close(fd) == 0;
  if (!written || prl_plan_load(runtime, path, NULL, &plan, &error))
    fprintf(stderr, "perilune_bench: %s\n", error.message);
  remove(path);
  return plan;
}

static prl_agent *agent_of(prl_runtime *runtime, int critics, const char *algorithm, const char *agent) {
  prl_plan *plan = plan_of(runtime, critics, "64, 64", algorithm, agent);
  prl_agent *made = NULL;
  prl_error error;
  if (plan && prl_agent_new(plan, &made, &error)) fprintf(stderr, "perilune_bench: %s\n", error.message);
  prl_plan_free(plan);
  return made;
}

/* The rows of all streams: what they see, and what the agent says. */
typedef struct served {
  uint64_t streams[STREAMS], decisions[STREAMS];
  float observation[STREAMS * OBSERVATIONS], action[STREAMS * ACTIONS], response[STREAMS * RESPONSES];
} served;

static void see(served *s, uint32_t turn) {
  for (int i = 0; i < STREAMS; i++) s->streams[i] = (uint64_t)i + 1;
  for (int i = 0; i < STREAMS * OBSERVATIONS; i++)
    s->observation[i] = (float)((turn + (uint32_t)i * 2654435761u) >> 8) / 8388608.0f - 1;
  for (int i = 0; i < STREAMS * RESPONSES; i++) s->response[i] = s->observation[i];
}

/* One step of all streams, and what can be learned. */
static bool live(prl_agent *a, served *s, uint32_t turn) {
  see(s, turn * 977);
  return !prl_agent_act(a, s->streams, NULL, s->observation, STREAMS, PRL_SAMPLE, s->action, s->decisions,
                        NULL) &&
         !prl_agent_feedback(a, s->decisions, s->response, NULL, NULL, STREAMS, NULL) &&
         !prl_agent_learn(a, 0, NULL, NULL);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double at_share(double *sorted, int64_t n, double share) {
  return sorted[(int64_t)(share * (double)(n - 1))];
}

static double clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* ---- act ---- */

enum { TURNS = 32, CALLS = TURNS * STREAMS }; /* between two updates */

/* Each stream by itself: a batch of one. */
static bool act_one(prl_agent *a, served *s, int i) {
  return !prl_agent_act(a, &s->streams[i], NULL, s->observation + i * OBSERVATIONS, 1, PRL_SAMPLE, s->action,
                        s->decisions, NULL);
}

static double act_calls(prl_agent *a, served *s, double *each_ns, bool *good) {
  const double begun = bench_now();
  for (int k = 0; k < CALLS; k++) {
    const double call = each_ns ? clock_ns(CLOCK_MONOTONIC) : 0;
    *good = *good && act_one(a, s, k % STREAMS);
    if (each_ns) each_ns[k] = clock_ns(CLOCK_MONOTONIC) - call;
  }
  return (bench_now() - begun) / CALLS;
}

static double program_calls(prl_agent *a, bool *good) {
  prl_program *program = a->policy->act.routine.program;
  const double begun = bench_now();
  for (int k = 0; k < CALLS; k++) *good = *good && !prl_program_run(program, 0, NULL, NULL);
  return (bench_now() - begun) / CALLS;
}

/* Everything that is recorded is learned from between two measurements. */
static bool act_pairs(prl_agent *a, served *s) {
  double acted[REPETITIONS], ratio[REPETITIONS], *each = malloc(REPETITIONS * CALLS * sizeof *each);
  bool good = each;
  for (int i = 0; good && i < REPETITIONS; i++) {
    acted[i] = act_calls(a, s, NULL, &good);
    ratio[i] = acted[i] / program_calls(a, &good);
    good = good && !prl_agent_learn(a, 0, NULL, NULL);
    (void)act_calls(a, s, each + i * CALLS, &good);
    good = good && !prl_agent_learn(a, 0, NULL, NULL);
  }
  if (good) {
    const int64_t n = REPETITIONS * CALLS;
    qsort(acted, REPETITIONS, sizeof *acted, ascending);
    qsort(ratio, REPETITIONS, sizeof *ratio, ascending);
    qsort(each, (size_t)n, sizeof *each, ascending);
    bench_print("act", "32-64-64-8 Gaussian b1, sample, log-density, record, beside its program alone",
                acted[REPETITIONS / 2], "ns", ratio[REPETITIONS / 2]);
    bench_print("act", "its 99.9 % beside its median, by wall-clock time", at_share(each, n, 0.999), "ns",
                at_share(each, n, 0.999) / at_share(each, n, 0.5));
  }
  free(each);
  return good;
}

bool bench_act(void) {
  static served s;
  prl_runtime *runtime;
  if (prl_runtime_new(NULL, &runtime, NULL)) return false;
  prl_agent *a = agent_of(runtime, 1, "'a2c', rollout = 32", "");
  see(&s, 1);
  const bool good = a && act_pairs(a, &s);
  prl_agent_free(a);
  prl_runtime_release(runtime);
  return good;
}

/* ---- acting apart ---- */

enum { SWAPS = 1000, SAMPLES = 1 << 22 };

typedef struct actor_thread {
  prl_agent *agent;
  _Atomic bool *ended;
  prl_snapshot *held; /* the version to act by; NULL: the newest */
  double *call_ns;
  int64_t calls;
  bool good;
} actor_thread;

/* Takes the newest version, acts, gives it back: by the thread's own processor time, which no other thread's
 * work adds to. */
static void *act_apart(void *context) {
  actor_thread *t = context;
  static served s;
  static float drawn[ACTIONS], log_prob[1];
  prl_runtime *runtime = NULL;
  prl_actor *actor = NULL;
  uint64_t number = 0;
  prl_decisions made = {.n = 1,
                        .streams = s.streams,
                        .numbers = &number,
                        .observation = s.observation,
                        .action = s.action,
                        .drawn = drawn,
                        .log_prob = log_prob};
  see(&s, 7);
  t->good = !prl_runtime_new(NULL, &runtime, NULL);
  while (t->good && !atomic_load(t->ended)) {
    prl_snapshot *snapshot = NULL;
    const double begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    if (t->held)
      snapshot = prl_snapshot_retain(t->held);
    else
      t->good = !prl_agent_snapshot(t->agent, &snapshot, NULL);
    if (t->good && !actor) t->good = !prl_actor_new(runtime, snapshot, &actor, NULL);
    t->good = t->good && !prl_actor_act(actor, snapshot, &made, PRL_SAMPLE, NULL);
    prl_snapshot_release(snapshot);
    const double ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
    if (number++ > 100) t->call_ns[t->calls++ % SAMPLES] = ns; /* the first calls make the actor */
  }
  prl_actor_free(actor);
  prl_runtime_release(runtime);
  return NULL;
}

static bool learn_and_swap(prl_agent *a, prl_plan *const plans[2]) {
  static served s;
  bool good = true;
  for (int i = 0; good && i < SWAPS; i++) {
    for (uint32_t turn = 0; good && turn < 5; turn++) good = live(a, &s, (uint32_t)i + turn); /* an update */
    good = good && !prl_agent_swap(a, plans[i % 2], NULL);
  }
  return good;
}

/* held: by one version for ever, which shows what the machine adds to a call. */
static bool apart_case(const char *label, bool held, prl_plan *const plans[2]) {
  _Atomic bool ended = false;
  prl_agent *a = NULL;
  prl_snapshot *first = NULL;
  pthread_t thread;
  actor_thread t = {.ended = &ended, .call_ns = malloc(SAMPLES * sizeof(double))};
  bool good = t.call_ns && plans[0] && plans[1] && !prl_agent_new(plans[0], &a, NULL) &&
              !prl_agent_snapshot(a, &first, NULL);
  t.agent = a;
  t.held = held ? first : NULL;
  if (good && (good = !pthread_create(&thread, NULL, act_apart, &t))) {
    good = learn_and_swap(a, plans);
    atomic_store(&ended, true);
    good = !pthread_join(thread, NULL) && good && t.good && t.calls > 1000;
  }
  if (good) {
    const int64_t n = t.calls < SAMPLES ? t.calls : SAMPLES;
    char text[160];
    qsort(t.call_ns, (size_t)n, sizeof(double), ascending);
    snprintf(text, sizeof text, "%s, longest of %lld calls", label, (long long)n);
    bench_print("act_apart", text, t.call_ns[n - 1] / 1e3, "us", 0);
    snprintf(text, sizeof text, "%s, 99.9 %%", label);
    bench_print("act_apart", text, at_share(t.call_ns, n, 0.999) / 1e3, "us", 0);
  }
  prl_snapshot_release(first);
  free(t.call_ns);
  prl_agent_free(a);
  return good;
}

bool bench_act_apart(void) {
  prl_runtime *runtime;
  if (prl_runtime_new(NULL, &runtime, NULL)) return false;
  prl_plan *plans[3] = {plan_of(runtime, 1, "64, 64", "'a2c', rollout = 4", ""),
                        plan_of(runtime, 6, "64, 64", "'a2c', rollout = 4", ""),
                        plan_of(runtime, 1, "64, 48", "'a2c', rollout = 4", "")};
  prl_plan *const widths[2] = {plans[0], plans[2]};
  const bool good = apart_case("snapshot, act, release beside 1000 updates and swaps to 6 critics and back",
                               false, plans) &&
                    apart_case("the same by one version", true, plans) &&
                    apart_case("the newest, where the networks change with each swap", false, widths);
  for (int i = 0; i < 3; i++) prl_plan_free(plans[i]);
  prl_runtime_release(runtime);
  return good;
}

/* ---- swap ---- */

static bool swap_case(prl_agent *a, prl_plan *const plans[2]) {
  static served s;
  double ms[REPETITIONS * 2];
  bool good = true;
  for (int i = 0; good && i < REPETITIONS * 2; i++) {
    for (uint32_t turn = 0; good && turn < 5; turn++) good = live(a, &s, (uint32_t)i + turn);
    const double begun = bench_now();
    good = good && !prl_agent_swap_check(a, plans[i % 2], NULL) && !prl_agent_swap(a, plans[i % 2], NULL);
    ms[i] = (bench_now() - begun) / 1e6;
  }
  if (!good) return false;
  qsort(ms, REPETITIONS * 2, sizeof *ms, ascending);
  bench_print("swap", "check to effect, 6 critics, where others act by snapshots", ms[REPETITIONS], "ms", 0);
  bench_print("swap", "the same, longest", ms[REPETITIONS * 2 - 1], "ms", 0);
  return true;
}

bool bench_swap(void) {
  prl_runtime *runtime;
  prl_snapshot *held = NULL;
  if (prl_runtime_new(NULL, &runtime, NULL)) return false;
  prl_plan *plans[2] = {plan_of(runtime, 6, "64, 64", "'a2c', rollout = 4", ""),
                        plan_of(runtime, 6, "64, 64", "'ppo', rollout = 4", "")};
  prl_agent *a = NULL;
  const bool good = plans[0] && plans[1] && !prl_agent_new(plans[1], &a, NULL) &&
                    !prl_agent_snapshot(a, &held, NULL) && swap_case(a, plans);
  prl_snapshot_release(held);
  prl_agent_free(a);
  for (int i = 0; i < 2; i++) prl_plan_free(plans[i]);
  prl_runtime_release(runtime);
  return good;
}

/* ---- a control group ---- */

/* Acting, feedback and learning of so many steps of all streams: ns for each decision. */
static double live_ns(prl_agent *a, uint32_t turn, bool *good) {
  static served s;
  const double begun = bench_now();
  for (uint32_t i = 0; i < 4 * TURNS; i++) *good = *good && live(a, &s, turn + i);
  return (bench_now() - begun) / (4 * TURNS * STREAMS);
}

bool bench_control_group(void) {
  prl_runtime *runtime;
  double with[REPETITIONS], ratio[REPETITIONS];
  if (prl_runtime_new(NULL, &runtime, NULL)) return false;
  prl_agent *a = agent_of(runtime, 1, "'a2c', rollout = 32", ", baseline = {policy = 'zero', traffic = 0.1}"),
            *alone = agent_of(runtime, 1, "'a2c', rollout = 32", "");
  bool good = a && alone;
  for (int i = 0; good && i < REPETITIONS; i++) {
    with[i] = live_ns(a, (uint32_t)i, &good);
    ratio[i] = with[i] / live_ns(alone, (uint32_t)i, &good);
  }
  if (good) {
    qsort(with, REPETITIONS, sizeof *with, ascending);
    qsort(ratio, REPETITIONS, sizeof *ratio, ascending);
    bench_print("control_group",
                "a decision acted, reported and learned from, a tenth of the users in the group",
                with[REPETITIONS / 2], "ns", ratio[REPETITIONS / 2]);
  }
  prl_agent_free(a);
  prl_agent_free(alone);
  prl_runtime_release(runtime);
  return good;
}

/* ---- the agent's file ---- */

enum { REMEMBERED = 100000, SAVES = 7 };

static bool same_files(const char *a, const char *b) {
  FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
  bool same = x && y;
  for (int c = 0; same && c != EOF;) same = (c = getc(x)) == getc(y);
  if (x) fclose(x);
  if (y) fclose(y);
  return same;
}

static bool file_case(prl_runtime *runtime, prl_agent *a) {
  const char *const one = "/tmp/perilune-bench-one.agent", *const two = "/tmp/perilune-bench-two.agent";
  double save[SAVES], load[SAVES];
  bool good = true, same = true;
  for (int i = 0; good && i < SAVES; i++) {
    prl_agent *loaded = NULL;
    double begun = bench_now();
    good = !prl_agent_save(a, NULL, one, NULL);
    save[i] = (bench_now() - begun) / 1e9;
    begun = bench_now();
    good = good && !prl_agent_load(runtime, one, &loaded, NULL);
    load[i] = (bench_now() - begun) / 1e9;
    good = good && !prl_agent_save(loaded, NULL, two, NULL);
    same = same && same_files(one, two);
    prl_agent_free(loaded);
  }
  remove(one), remove(two);
  if (!good) return false;
  qsort(save, SAVES, sizeof *save, ascending);
  qsort(load, SAVES, sizeof *load, ascending);
  bench_print("checkpoint", "saved, 100k rows of memory", save[SAVES / 2], "s", 0);
  bench_print("checkpoint", "loaded, likewise", load[SAVES / 2], "s", 0);
  bench_print("checkpoint", "saved again byte for byte, 1 for yes", same, "", 0);
  return true;
}

bool bench_checkpoint(void) {
  static served s;
  prl_runtime *runtime;
  if (prl_runtime_new(NULL, &runtime, NULL)) return false;
  prl_agent *a =
      agent_of(runtime, 1, "'sac', memory = 100000, start = 99000, minibatch = 64, updates = 0.01", "");
  bool good = a;
  for (uint32_t turn = 0; good && turn < REMEMBERED / STREAMS + 8; turn++) good = live(a, &s, turn);
  good = good && a->learner->memory->n.rows > REMEMBERED * 9 / 10 && file_case(runtime, a);
  prl_agent_free(a);
  prl_runtime_release(runtime);
  return good;
}
