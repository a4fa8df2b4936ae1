/* Acting apart from learning: actors act by snapshots as the agent does, byte for byte, and what they decided
 * is learned from as if the agent had; snapshots are counted; every allocation may fail. */
#include "support/runtime.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/policy/parts.h"
#include "agent/snapshot.h"
#include "agent/toy_plan.h"
#include "support/failing_alloc.h"

static prl_error error;

/* ---- recipes ---- */

#define HOST(action, more) WARM(action, more, "0")
#define WARM(action, more, warmup)                                                                           \
  "return {env = {'host', observation = {'x', 'y'}, action = {" action "}, responses = {a = {}, b = {}}},\n" \
  "  objective = {critics = {a = {gamma = 0.5}, b = {gamma = 0.9, weight = 0.4}}},\n" more                   \
  "  train = {steps = 1000, seed = 3, warmup = " warmup "}}"
#define BOXES "'continuous', aim = {-0.4, 0.4}, push = {-1, 1}"

static const struct {
  const char *name, *text;
} recipes[] = {
    {"continuous, normalised, in tiles",
     HOST(BOXES, "policy = {hidden = {9}, normalise = 5}, agent = {streams = 12},\n"
                 "algorithm = {'ppo', rollout = 4, minibatch = 16, epochs = 2},")},
    {"discrete", HOST("'discrete', go = {'a', 'b', 'c'}", "policy = {hidden = {7}}, agent = {streams = 12},\n"
                                                          "algorithm = {'a2c', rollout = 4},")},
    {"multi-discrete", HOST("'multi_discrete', left = {'a', 'b', 'c'}, right = {'d', 'e'}",
                            "policy = {hidden = {7}, normalise = 5},\n"
                            "agent = {streams = 12}, algorithm = {'a2c', rollout = 4},")},
    {"several policies",
     HOST(BOXES, "policy = {hidden = {5}}, agent = {streams = 12},\n"
                 "algorithm = {'two_stage', main = 'a', first = 0, share = 1, rollout = 4},")},
    {"a control group",
     HOST(BOXES, "policy = {hidden = {5}, normalise = 5}, algorithm = {'a2c', rollout = 2},\n"
                 "agent = {streams = 12, baseline = {policy = {aim = -0.3}, traffic = 0.4}},")},
    {"a live option that acts",
     HOST("'discrete', go = {'a', 'b', 'c'}", "policy = {hidden = {5}}, agent = {streams = 12},\n"
                                              "algorithm = {'dqn', memory = 400, start = 20, minibatch = 16},")},
    {"off policy", HOST(BOXES, "policy = {hidden = {5}}, agent = {streams = 12},\n"
                               "algorithm = {'sac', memory = 400, start = 20, minibatch = 16},")},
    {"a warm-up", WARM(BOXES,
                       "policy = {hidden = {5}, normalise = 5}, agent = {streams = 12},\n"
                       "algorithm = {'a2c', rollout = 4},",
                       "100")},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

static prl_plan *plan_of(const char *text) {
  char path[] = "/tmp/perilune-actor-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
  prl_plan *plan;
  const prl_status status = prl_plan_load(runtime, path, NULL, &plan, &error);
  remove(path);
  if (status) fail_msg("%s", error.message);
  return plan;
}

static prl_agent *agent_of(const char *text) {
  prl_plan *plan = plan_of(text);
  prl_agent *agent;
  CHECK_OK(prl_agent_new(plan, &agent, &error));
  prl_plan_free(plan);
  return agent;
}

/* ---- a life of some streams, acted or recorded ---- */

enum { STREAMS = 12, MOST = 8 };

typedef struct rows {
  uint64_t streams[STREAMS], numbers[STREAMS], versions[STREAMS], decisions[STREAMS];
  float observation[STREAMS * MOST], action[STREAMS * MOST], drawn[STREAMS * MOST], log_prob[STREAMS];
  uint8_t arms[STREAMS];
  int64_t n;
} rows;

static prl_decisions made_of(rows *r) {
  return (prl_decisions){.n = r->n,
                         .streams = r->streams,
                         .numbers = r->numbers,
                         .observation = r->observation,
                         .action = r->action,
                         .drawn = r->drawn,
                         .log_prob = r->log_prob,
                         .arms = r->arms,
                         .versions = r->versions};
}

/* The episode and step of each stream, as a host counts them. */
typedef struct counts {
  uint32_t episode[STREAMS], step[STREAMS];
} counts;

static void ask(rows *r, const counts *c, int turn, int observations) {
  r->n = 1 + turn * 5 % STREAMS;
  for (int64_t i = 0; i < r->n; i++) {
    const int64_t k = (turn + 5 * i) % STREAMS;
    r->streams[i] = 1000 + (uint64_t)k;
    r->numbers[i] = (uint64_t)c->episode[k] << 32 | c->step[k];
    for (int o = 0; o < observations; o++)
      r->observation[i * observations + o] = (float)sin(turn + 3.0 * (double)k + o);
  }
}

static void follow(prl_agent *a, const rows *r, counts *c, int turn) {
  for (int64_t i = 0; i < r->n; i++) {
    const uint64_t k = r->streams[i] - 1000;
    const float response[2] = {r->action[i * a->shape->spec.actions], (float)cos(turn + (double)k)};
    CHECK_OK(prl_agent_feedback(a, &r->decisions[i], response, NULL, NULL, 1, &error));
    if (c) c->step[k]++;
    if ((turn + (int)k) % 7 || !r->decisions[i]) continue;
    CHECK_OK(prl_agent_finish(a, r->streams[i], (turn + k) % 2 ? PRL_TERMINATED : PRL_TRUNCATED,
                              r->observation, &error));
    if (c) c->episode[k]++, c->step[k] = 0;
  }
  CHECK_OK(prl_agent_learn(a, 0, NULL, &error));
}

static void same_floats(const char *what, const char *recipe, const float *a, const float *b, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (memcmp(&a[i], &b[i], sizeof *a))
      fail_msg("%s: %s %lld is %.9g, not %.9g", recipe, what, (long long)i, (double)a[i], (double)b[i]);
}

static bool is_learned(const char *name) {
  return !strncmp(name, "params.", 7) || !strncmp(name, "published.", 10) ||
         !strncmp(name, "normaliser", 10) || !strncmp(name, "optim", 5) || !strncmp(name, "control.sums", 12);
}

static void same_learned(const prl_agent *a, const prl_agent *b, const char *recipe) {
  int compared = 0;
  for (int i = 0; i < a->blocks.count; i++) {
    const prl_block *x = &a->blocks.items[i], *y = &b->blocks.items[i];
    if (!is_learned(x->name)) continue;
    compared++;
    if (memcmp(x->data, y->data, (size_t)prl_block_count(x) * prl_dtype_size(x->dtype)))
      fail_msg("%s: \"%s\" differs", recipe, x->name);
  }
  assert_true(compared > 2);
}

/* One agent acts, the other one's decisions are made by an actor, in a runtime of its own, and recorded. */
static void a_life_by_snapshots(const char *name, const char *text, prl_mode mode) {
  prl_agent *acting = agent_of(text), *recording = agent_of(text);
  prl_runtime *apart;
  prl_actor *actor = NULL;
  static rows a, b;
  counts c = {{0}, {0}};
  CHECK_OK(prl_runtime_new(NULL, &apart, &error));
  int both = 0;
  for (int turn = 0; turn < 150; turn++) {
    const int64_t width = acting->shape->spec.actions;
    prl_snapshot *snapshot;
    CHECK_OK(prl_agent_snapshot(recording, &snapshot, &error));
    if (!actor) CHECK_OK(prl_actor_new(apart, snapshot, &actor, &error));
    ask(&a, &c, turn, 2);
    ask(&b, &c, turn, 2);
    CHECK_OK(prl_agent_act(acting, a.streams, NULL, a.observation, a.n, mode, a.action, a.decisions, &error));
    const prl_decisions made = made_of(&b);
    CHECK_OK(prl_actor_act(actor, snapshot, &made, mode, &error));
    same_floats("action", name, b.action, a.action, b.n * width);
    int64_t acted;
    const float *log_prob = prl_agent_act_log_prob(acting, &acted);
    assert_int_equal(acted, a.n);
    if (prl_policy_dense(acting->policy)) same_floats("log_prob", name, b.log_prob, log_prob, b.n);
    assert_int_equal(prl_snapshot_version(snapshot), prl_policy_version(acting->policy));
    assert_string_equal(prl_snapshot_hash(snapshot), prl_agent_hash(acting));
    CHECK_OK(prl_agent_record(recording, &made, b.decisions, &error));
    for (int64_t i = 0; i < b.n; i++) both |= 1 << (b.arms[i] > 0);
    for (int64_t i = 0; i < b.n; i++) assert_true(!a.decisions[i] == !b.decisions[i]);
    prl_snapshot_release(snapshot);
    follow(recording, &b, NULL, turn);
    follow(acting, &a, &c, turn);
  }
  same_learned(acting, recording, name);
  assert_true(prl_policy_version(acting->policy) > 3);
  assert_int_equal(both, recording->control || recording->shape->experience.arms > 1 ? 3 : 1);
  prl_actor_free(actor);
  prl_agent_free(acting);
  prl_agent_free(recording);
  assert_int_equal(prl_runtime_memory(apart).live_bytes, 0);
  prl_runtime_release(apart);
}

static void lives_by_snapshots(void **state) {
  (void)state;
  for (int i = 0; i < RECIPES; i++) a_life_by_snapshots(recipes[i].name, recipes[i].text, PRL_SAMPLE);
  a_life_by_snapshots(recipes[0].name, recipes[0].text, PRL_MEAN);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lives_by_snapshots)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
