/* Two runtimes on two threads share nothing: each agent learns the bytes that it learns alone. Actors on
 * threads of their own act by snapshots of one agent while it learns, swaps and saves. */
#include "support/check.h"
#include "support/scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/learner/parts.h"
#include "agent/policy/parts.h"
#include "agent/toy_plan.h"
#include "perilune/actor.h"

typedef struct life {
  prl_runtime *runtime;
  prl_agent *agent;
  prl_vecenv *env;
  prl_status status;
  prl_error error;
} life;

static const toy_options options = {.observations = 3,
                                    .actions = 1,
                                    .responses = 1,
                                    .critics = 2,
                                    .capacity = "{\"streams\":4}",
                                    .normaliser = "{\"clip\":5}",
                                    .warmup = 40,
                                    .popart = true};

static void begin(life *l) {
  prl_error error;
  const prl_env_type *type;
  CHECK_OK(prl_runtime_new(NULL, &l->runtime, &error));
  l->agent = toy_agent(l->runtime, &options);
  CHECK_OK(prl_env_find("pendulum", &type, &error));
  CHECK_OK(prl_vecenv_new(l->runtime, type, NULL, 4, 1, 0, &l->env, &error));
}

static void *live(void *context) {
  life *l = context;
  l->status = prl_agent_drive(l->agent, l->env, 20000, false, NULL, &l->error);
  return NULL;
}

static void end(life *l) {
  prl_vecenv_free(l->env);
  prl_agent_free(l->agent);
  prl_runtime_release(l->runtime);
}

static void two_threads(void **state) {
  (void)state;
  life alone, lives[2];
  pthread_t threads[2];
  begin(&alone);
  live(&alone);
  assert_int_equal(alone.status, PRL_OK);
  for (int i = 0; i < 2; i++) begin(&lives[i]);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, live, &lives[i]), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(lives[i].status, PRL_OK);
    assert_int_equal(lives[i].agent->learner->n.updates, alone.agent->learner->n.updates);
    for (int s = 0; s < alone.agent->sets->count; s++)
      assert_memory_equal(lives[i].agent->sets->items[s]->value, alone.agent->sets->items[s]->value,
                          (size_t)alone.agent->sets->items[s]->size * sizeof(float));
    end(&lives[i]);
  }
  end(&alone);
}

/* ---- actors beside a learner ---- */

enum { ACTORS = 3, ROWS = 4, SWAPS = 20 };

typedef struct acting {
  prl_agent *agent;
  _Atomic bool *ended;
  int64_t acted;
  uint64_t newest;
  prl_status status;
  prl_error error;
} acting;

static prl_status act_once(acting *t, prl_actor *actor, prl_snapshot *snapshot, int64_t turn) {
  const uint64_t streams[ROWS] = {1, 2, 3, 4}, numbers[ROWS] = {turn, turn, turn, turn};
  const float observation[ROWS * 3] = {0.5f, -0.5f, 1};
  float action[ROWS], drawn[ROWS], log_prob[ROWS];
  const prl_decisions made = {.n = ROWS,
                              .streams = streams,
                              .numbers = numbers,
                              .observation = observation,
                              .action = action,
                              .drawn = drawn,
                              .log_prob = log_prob};
  return prl_actor_act(actor, snapshot, &made, turn % 2 ? PRL_SAMPLE : PRL_MEAN, &t->error);
}

static void *act(void *context) {
  acting *t = context;
  prl_runtime *own = NULL;
  prl_actor *actor = NULL;
  t->status = prl_runtime_new(NULL, &own, &t->error);
  bool last = false; /* what was published before the end is seen */
  while (!t->status && !(last && t->acted > 100)) {
    prl_snapshot *snapshot = NULL;
    last = atomic_load(t->ended);
    t->status = prl_agent_snapshot(t->agent, &snapshot, &t->error);
    if (!t->status && !actor) t->status = prl_actor_new(own, snapshot, &actor, &t->error);
    if (!t->status) t->status = act_once(t, actor, snapshot, t->acted);
    if (prl_snapshot_version(snapshot) < t->newest) t->status = PRL_ESTATE; /* time goes on */
    t->newest = prl_snapshot_version(snapshot);
    prl_snapshot_release(snapshot);
    t->acted++;
  }
  prl_actor_free(actor);
  prl_runtime_release(own);
  return NULL;
}

/* Learns, and swaps between plans with and without a normaliser, whose actors differ. */
static void learn(life *l) {
  char path[64];
  scratch_path(path);
  toy_options other = options;
  other.normaliser = NULL;
  prl_error error;
  prl_plan *plans[2] = {toy_made(l->runtime, &options), toy_made(l->runtime, &other)};
  for (int i = 0; i < SWAPS; i++) {
    CHECK_OK(prl_agent_drive(l->agent, l->env, 300, false, NULL, &error));
    CHECK_OK(prl_agent_swap(l->agent, plans[i % 2], &error));
    CHECK_OK(prl_agent_save(l->agent, NULL, path, &error));
  }
  CHECK_OK(prl_agent_drive(l->agent, l->env, 300, false, NULL, &error));
  for (int i = 0; i < 2; i++) prl_plan_free(plans[i]);
}

static void actors_beside_a_learner(void **state) {
  (void)state;
  _Atomic bool ended = false;
  life l;
  acting all[ACTORS];
  pthread_t threads[ACTORS];
  prl_error error;
  prl_snapshot *first;
  begin(&l);
  CHECK_OK(prl_agent_snapshot(l.agent, &first, &error)); /* the first one, on the thread of the agent */
  for (int i = 0; i < ACTORS; i++) {
    all[i] = (acting){.agent = l.agent, .ended = &ended};
    assert_int_equal(pthread_create(&threads[i], NULL, act, &all[i]), 0);
  }
  learn(&l);
  atomic_store(&ended, true);
  for (int i = 0; i < ACTORS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    if (all[i].status) fail_msg("actor %d: status %d, %s", i, (int)all[i].status, all[i].error.message);
    assert_true(all[i].acted > 100 && all[i].newest == (uint64_t)prl_policy_version(l.agent->policy));
  }
  assert_int_equal(prl_snapshot_version(first), 0);
  prl_snapshot_release(first);
  prl_runtime *runtime = prl_runtime_retain(l.runtime);
  end(&l);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_threads),
                                     cmocka_unit_test(actors_beside_a_learner)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
