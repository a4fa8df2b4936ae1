/* Acting apart from learning: actors act by snapshots as the agent does, byte for byte, and what they decided
 * is learned from as if the agent had; snapshots are counted; every allocation may fail. */
#include "support/runtime.h"

#include <math.h>

#include "agent/policy/parts.h"
#include "agent/snapshot.h"
#include "agent/toy_plan.h"
#include "agent/hosted.h" /* behind toy_plan.h, which has errors of its own */
#include "support/failing_alloc.h"

/* ---- a life of some streams, acted or recorded ---- */

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

/* ---- snapshots are counted ---- */

static prl_snapshot *newest(prl_agent *a) {
  prl_snapshot *snapshot;
  CHECK_OK(prl_agent_snapshot(a, &snapshot, &error));
  return snapshot;
}

/* Lives on, by its own acting, until another version is published. */
static void learn_one(prl_agent *a) {
  static rows r;
  static counts c;
  const int64_t before = prl_policy_version(a->policy);
  for (int turn = 0; prl_policy_version(a->policy) == before; turn++) {
    assert_true(turn < 200);
    ask(&r, &c, turn, 2);
    CHECK_OK(
        prl_agent_act(a, r.streams, NULL, r.observation, r.n, PRL_SAMPLE, r.action, r.decisions, &error));
    follow(a, &r, NULL, turn);
  }
}

/* The mean actions of a few observations. */
static void mean_by(prl_actor *actor, prl_snapshot *snapshot, float *action) {
  static rows r;
  const counts c = {{0}, {0}};
  ask(&r, &c, 2, 2);
  prl_decisions made = made_of(&r);
  made.numbers = NULL;
  CHECK_OK(prl_actor_act(actor, snapshot, &made, PRL_MEAN, &error));
  memcpy(action, r.drawn, 8 * sizeof(float));
}

static void what_is_held_stays(void **state) {
  (void)state;
  prl_agent *a = agent_of(recipes[0].text);
  prl_actor *actor;
  float first[8], again[8], other[8];
  prl_snapshot *held = newest(a), *same = newest(a);
  assert_ptr_equal(held, same);
  CHECK_OK(prl_actor_new(runtime, held, &actor, &error));
  mean_by(actor, held, first);
  for (int i = 0; i < 5; i++) {
    learn_one(a);
    prl_snapshot *next = newest(a);
    assert_ptr_not_equal(next, held);
    assert_true(prl_snapshot_version(next) == prl_snapshot_version(held) + 1 + (uint64_t)i);
    mean_by(actor, next, other);
    assert_memory_not_equal(other, first, sizeof first);
    mean_by(actor, held, again);
    assert_memory_equal(again, first, sizeof first);
    prl_snapshot_release(next);
  }
  prl_snapshot_release(held);
  prl_snapshot_release(prl_snapshot_retain(same));
  prl_snapshot_release(same);
  prl_actor_free(actor);
  const int64_t allocations = prl_runtime_memory(runtime).allocations;
  for (int i = 0; i < 20; i++) { /* there are enough of them now */
    prl_snapshot *next = newest(a);
    learn_one(a);
    prl_snapshot_release(next);
  }
  assert_int_equal(prl_runtime_memory(runtime).allocations, allocations);
  prl_agent_free(a);
}

static void snapshots_outlive_the_agent(void **state) {
  (void)state;
  const int64_t live = prl_runtime_memory(runtime).live_bytes;
  prl_agent *a = agent_of(recipes[4].text);
  prl_actor *actor;
  float before[8], after[8];
  prl_snapshot *held = newest(a);
  learn_one(a);
  prl_snapshot *other = newest(a);
  CHECK_OK(prl_actor_new(runtime, held, &actor, &error));
  mean_by(actor, other, before);
  prl_snapshot_release(other); /* the actor holds it */
  prl_agent_free(a);
  mean_by(actor, held, after);
  mean_by(actor, held, after);
  prl_snapshot_release(held);
  prl_actor_free(actor);
  assert_true(prl_runtime_memory(runtime).live_bytes <= live + 4096); /* Lua's own, of plans */
}

/* ---- swaps ---- */

static void swap_to(prl_agent *a, const char *text) {
  prl_plan *plan = plan_of(text);
  CHECK_OK(prl_agent_swap(a, plan, &error));
  prl_plan_free(plan);
}

#define SIMPLE(hidden, rest)                                                                                 \
  HOST(BOXES, "policy = {hidden = {" hidden "}}, agent = {streams = 12}, " rest ",")
#define A2C "algorithm = {'a2c', rollout = 4}"
#define SAC "algorithm = {'sac', memory = 400, start = 20, minibatch = 16}"
#define OU "algorithm = {'td3', memory = 400, start = 20, minibatch = 16, exploration = {'ou'}}"

/* As the agent acts now. */
static void acts_as_the_agent(prl_agent *a, prl_actor *actor, const char *when) {
  rows r;
  float own[8];
  const counts c = {{0}, {0}};
  prl_snapshot *snapshot = newest(a);
  ask(&r, &c, 2, 2);
  CHECK_OK(prl_agent_act(a, r.streams, NULL, r.observation, 4, PRL_MEAN, own, NULL, &error));
  r.n = 4;
  const prl_decisions made = made_of(&r);
  CHECK_OK(prl_actor_act(actor, snapshot, &made, PRL_MEAN, &error));
  same_floats("mean", when, r.action, own, 8);
  assert_string_equal(prl_snapshot_hash(snapshot), prl_agent_hash(a));
  prl_snapshot_release(snapshot);
}

static void actors_live_through_swaps(void **state) {
  (void)state;
  prl_agent *a = agent_of(SIMPLE("5", A2C));
  prl_runtime *apart;
  prl_actor *actor;
  CHECK_OK(prl_runtime_new(NULL, &apart, &error));
  prl_snapshot *first = newest(a);
  CHECK_OK(prl_actor_new(apart, first, &actor, &error));
  prl_snapshot_release(first);
  learn_one(a);
  acts_as_the_agent(a, actor, "before");
  const int64_t allocations = prl_runtime_memory(apart).allocations;
  swap_to(a, SIMPLE("5", "algorithm = {'ppo', rollout = 4, minibatch = 16, epochs = 2}"));
  acts_as_the_agent(a, actor, "another algorithm");
  assert_int_equal(prl_runtime_memory(apart).allocations, allocations); /* the same programs */
  learn_one(a);
  acts_as_the_agent(a, actor, "another version");
  swap_to(a, SIMPLE("7, 3", A2C));
  acts_as_the_agent(a, actor, "other networks");
  assert_true(prl_runtime_memory(apart).allocations > allocations);
  learn_one(a);
  acts_as_the_agent(a, actor, "another version of theirs");
  const int64_t version = prl_policy_version(a->policy);
  CHECK_OK(prl_agent_rollback(a, &error));
  acts_as_the_agent(a, actor, "rolled back");
  assert_true(prl_policy_version(a->policy) > version);
  prl_actor_free(actor);
  prl_agent_free(a);
  assert_int_equal(prl_runtime_memory(apart).live_bytes, 0);
  prl_runtime_release(apart);
}

/* A recipe whose policy acts with its streams alone has no snapshots; the next one has. */
static void what_needs_streams_has_none(void **state) {
  (void)state;
  prl_agent *a = agent_of(SIMPLE("5", SAC));
  prl_snapshot *snapshot = newest(a), *none = NULL;
  prl_snapshot_release(snapshot);
  swap_to(a, SIMPLE("5", OU));
  CHECK_FAILS(prl_agent_snapshot(a, &none, &error), PRL_EABSENT,
              "there is no snapshot: the policy's noise is a process by stream");
  learn_one(a);
  CHECK_FAILS(prl_agent_snapshot(a, &none, &error), PRL_EABSENT, "by prl_agent_act");
  assert_null(none);
  swap_to(a, SIMPLE("5", SAC));
  prl_snapshot_release(newest(a));
  prl_agent_free(a);
  const toy_options recalls = {.observations = 2, .actions = 1, .responses = 1, .critics = 1, .memory = 2};
  prl_agent *toy = toy_agent(runtime, &recalls);
  CHECK_FAILS(prl_agent_snapshot(toy, &none, &error), PRL_EABSENT, "the policy has a memory (policy.memory)");
  rows r = {.n = 1};
  const prl_decisions made = made_of(&r);
  CHECK_FAILS(prl_agent_record(toy, &made, r.decisions, &error), PRL_ESTATE,
              "nothing is recorded that was made elsewhere: the policy has a memory");
  prl_agent_free(toy);
}

/* ---- memory ---- */

static prl_status apart_life(prl_runtime *of, void *context, prl_error *failure) {
  toy_plan *toy = context;
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  prl_snapshot *snapshot = NULL;
  prl_actor *actor = NULL;
  rows r = {.n = 3, .streams = {1, 2, 3}};
  prl_status status = toy_plan_of(of, toy, &plan, failure);
  if (!status) status = prl_agent_new(plan, &agent, failure);
  for (int turn = 0; !status && turn < 8; turn++) {
    const prl_decisions made = made_of(&r);
    status = prl_agent_snapshot(agent, &snapshot, failure);
    if (!status && !actor) status = prl_actor_new(of, snapshot, &actor, failure);
    if (!status) status = prl_actor_act(actor, snapshot, &made, PRL_SAMPLE, failure);
    prl_snapshot_release(snapshot);
    snapshot = NULL;
    if (!status) status = prl_agent_record(agent, &made, r.decisions, failure);
    for (int i = 0; i < 3; i++) r.numbers[i]++;
  }
  prl_actor_free(actor);
  prl_agent_free(agent);
  prl_plan_free(plan);
  return status;
}

static const toy_options toy_options_of_life = {
    .observations = 3, .actions = 1, .responses = 1, .critics = 1, .normaliser = "{\"clip\":5}"};

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  const toy_options options = toy_small(toy_options_of_life);
  toy_plan toy = toy_new(runtime, &options);
  assert_true(fail_each_allocation(apart_life, &toy) > 200);
  toy_free(&toy);
}

/* Learns and swaps between the actor's decisions, and goes on where a version finds no memory. */
static prl_status swapped_life(prl_runtime *of, void *context, prl_error *failure) {
  toy_plan *toys = context;
  prl_plan *plan = NULL;
  prl_agent *agent = NULL;
  prl_snapshot *snapshot = NULL;
  prl_actor *actor = NULL;
  rows r = {.n = 3, .streams = {1, 2, 3}};
  prl_status status = toy_plan_of(of, &toys[0], &plan, failure);
  if (!status) status = prl_agent_new(plan, &agent, failure);
  for (int turn = 0; !status && turn < 12; turn++) {
    const prl_decisions made = made_of(&r);
    status = prl_agent_snapshot(agent, &snapshot, failure);
    if (!status && !actor) status = prl_actor_new(of, snapshot, &actor, failure);
    if (!status) status = prl_actor_act(actor, snapshot, &made, PRL_SAMPLE, failure);
    if (!status) status = prl_agent_record(agent, &made, r.decisions, failure);
    if (!status) status = prl_agent_learn(agent, 0, NULL, failure);
    prl_snapshot_release(snapshot);
    snapshot = NULL;
    for (int i = 0; i < 3; i++) r.numbers[i]++;
    if (status || turn != 7) continue;
    prl_plan_free(plan);
    plan = NULL;
    status = toy_plan_of(of, &toys[1], &plan, failure);
    if (!status) status = prl_agent_swap(agent, plan, failure);
  }
  prl_actor_free(actor);
  prl_agent_free(agent);
  prl_plan_free(plan);
  return status;
}

static void a_swap_without_memory_leaves_nothing(void **state) {
  (void)state;
  toy_options options = toy_small(toy_options_of_life);
  toy_plan toys[2] = {toy_new(runtime, &options)};
  options.normaliser = NULL; /* another form */
  toys[1] = toy_new(runtime, &options);
  int64_t late = 0;
  for (int64_t k = 1;; k++) {
    failing_alloc alloc = {.fail_at = k};
    const prl_status status = failing_once(&alloc, swapped_life, toys, &error);
    if (alloc.live_blocks) fail_msg("request %lld failed: blocks leak", (long long)k);
    if (alloc.requests < k) break;
    if (status && status != PRL_ENOMEM) fail_msg("request %lld: %s", (long long)k, error.message);
    late += status == PRL_OK;
  }
  assert_true(late > 3 && late < 100);
  toy_free(&toys[0]);
  toy_free(&toys[1]);
}

/* There is no memory for one more: the newest stays, and the agent says so; it comes with the next version.
 */
static void no_memory_for_another(void **state) {
  (void)state;
  prl_agent *a = agent_of(recipes[0].text);
  prl_snapshot *held[2] = {newest(a)};
  learn_one(a);
  held[1] = newest(a);
  const prl_memory memory = prl_runtime_memory(runtime);
  CHECK_OK(prl_runtime_budget(runtime, memory.live_bytes, &error));
  learn_one(a);
  prl_snapshot *same = newest(a);
  assert_ptr_equal(same, held[1]);
  assert_non_null(strstr(prl_agent_notice(a), "other threads act by an older version than 2"));
  CHECK_OK(prl_runtime_budget(runtime, memory.budget_bytes, &error));
  learn_one(a);
  prl_snapshot *next = newest(a);
  assert_int_equal(prl_snapshot_version(next), 3);
  prl_snapshot_release(next);
  prl_snapshot_release(same);
  for (int i = 0; i < 2; i++) prl_snapshot_release(held[i]);
  prl_agent_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lives_by_snapshots),
      cmocka_unit_test(what_is_held_stays),
      cmocka_unit_test(snapshots_outlive_the_agent),
      cmocka_unit_test(actors_live_through_swaps),
      cmocka_unit_test(what_needs_streams_has_none),
      cmocka_unit_test(each_allocation_fails_in_turn),
      cmocka_unit_test(a_swap_without_memory_leaves_nothing),
      cmocka_unit_test(no_memory_for_another),
  };
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
