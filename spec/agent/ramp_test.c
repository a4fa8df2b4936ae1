/* Ramps, where C alone can look: which rows reach a batch, the bytes of a rollback, every allocation, damaged
 * files, what acts apart. spec/agent/ramp_spec.lua says what they do. */
#include "support/runtime.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

#include <stdio.h>

#include "agent/control/parts.h"
#include "agent/learned.h"
#include "agent/learner/parts.h"
#include "agent/ramp.h"
#include "perilune/actor.h"

static prl_error error;
static char recipe[64], saved[64];

enum { USERS = 600 };
static int users_count = USERS; /* of a call */

static const char text[] =
    "return {env = {'host', observation = {'x'}, action = {'continuous', aim = {-1, 1}}, responses = {gain = "
    "{unit = ''}}},\n"
    "        objective = {critics = {gain = {}}}, policy = {hidden = {2}}, algorithm = {'ppo', rollout = 1, "
    "minibatch = 64},\n"
    "        agent = {streams = 600, rows = 4096, baseline = {traffic = 0.4, per = 'episode'},\n"
    "                 guards = {gain = {at_least = relative(-0.1)}, days = 1, users = 100},\n"
    "                 ramp = {shares = {0.4, 1}, after = 100}}}\n";

/* With so many streams, in place of one for each user. */
static prl_plan *plan_of(const char *change, const char *streams) {
  prl_plan *plan;
  const char *set[] = {streams ? streams : "agent.streams=600", change};
  const prl_plan_options options = {.set = set, .set_count = 1 + (change != NULL)};
  CHECK_OK(prl_plan_load(runtime, recipe, &options, &plan, &error));
  return plan;
}

static bool is_control(uint64_t user) { return prl_bucket(user, "") < PRL_BUCKETS * 4 / 10; }
static bool is_new(uint64_t user) { return prl_bucket(user, "ramp") < PRL_BUCKETS * 4 / 10; }

/* Every user acts once; what `finish` ends. */
static prl_status call(prl_agent *agent, float control, bool finish, prl_error *failure) {
  uint64_t users[USERS], decisions[USERS];
  float observation[USERS], action[USERS], gain[USERS];
  for (int i = 0; i < users_count; i++) {
    users[i] = (uint64_t)i + 1;
    observation[i] = (float)(i % 5);
    gain[i] = (is_control(users[i]) ? control : 1) + 0.1f * (float)(i % 3);
  }
  prl_status status =
      prl_agent_act(agent, users, NULL, observation, users_count, PRL_SAMPLE, action, decisions, failure);
  if (!status) status = prl_agent_feedback(agent, decisions, gain, NULL, NULL, users_count, failure);
  assert_null(prl_experience_broken(agent->experience));
  for (int i = 0; !status && finish && i < users_count; i++)
    status = prl_agent_finish(agent, users[i], i % 2 ? PRL_TERMINATED : PRL_TRUNCATED, NULL, failure);
  assert_null(prl_experience_broken(agent->experience));
  return status;
}

/* Calls until an update ends, and the day is over. */
static prl_status live(prl_agent *agent, float control, prl_error *failure) {
  const int64_t updates = prl_learner_updates(agent->learner);
  prl_status status = PRL_OK;
  while (!status && prl_learner_updates(agent->learner) == updates) {
    status = call(agent, control, true, failure);
    if (!status) status = prl_agent_learn(agent, 0, NULL, failure);
  }
  return status ? status : prl_agent_time(agent, prl_agent_now(agent) + INT64_C(86400000000), failure);
}

static prl_agent *first_agent(void) {
  prl_plan *plan = plan_of(NULL, NULL);
  prl_agent *agent;
  CHECK_OK(prl_agent_new(plan, &agent, &error));
  prl_plan_free(plan);
  for (int day = 0; day < 2; day++) CHECK_OK(live(agent, 1, &error));
  return agent;
}

static void ramp(prl_agent *agent) {
  prl_plan *plan = plan_of("objective.critics.gain.weight=2", NULL);
  CHECK_OK(prl_agent_swap_with(agent, plan, PRL_SWAP_RAMP, &error));
  prl_plan_free(plan);
}

/* The saved agent is in the middle of a ramp, with episodes that run. */
static int setup(void **state) {
  if (open_runtime(state)) return 1;
  FILE *file = fopen(scratch_path(recipe), "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) return 1;
  scratch_path(saved);
  prl_agent *agent = first_agent();
  ramp(agent);
  CHECK_OK(live(agent, 1, &error));
  CHECK_OK(call(agent, 1, false, &error));
  CHECK_OK(prl_agent_save(agent, NULL, saved, &error));
  prl_agent_free(agent);
  return 0;
}

static prl_ramp_status status_of(const prl_agent *agent) {
  prl_ramp_status out = {0};
  assert_true(prl_agent_ramp(agent, &out));
  return out;
}

/* Rows of running episodes: how many are left, and whether each is of a user who is. */
static int64_t left_rows(const prl_agent *agent) {
  const prl_experience *e = agent->experience;
  int64_t count = 0;
  for (int64_t i = 0; i < e->n.fresh; i++) {
    if (e->rows[i].kind != PRL_ROW_REAL || e->rows[i].state & PRL_ROW_CLOSED) continue;
    assert_int_equal(e->rows[i].left, !is_new(e->streams[e->rows[i].stream].key));
    count += e->rows[i].left;
  }
  return count;
}

static void rows_of_others_reach_no_batch(void **state) {
  (void)state;
  prl_agent *agent = first_agent();
  CHECK_OK(call(agent, 1, false, &error));
  ramp(agent);
  prl_experience *e = agent->experience;
  int64_t own = 0, new = 0;
  for (uint64_t user = 1; user <= USERS; user++) {
    own += !is_control(user);
    new += !is_control(user) && is_new(user);
  }
  const int64_t before = e->n.closed;
  assert_int_equal(status_of(agent).left, own); /* the policy before finishes what runs */
  const int64_t live_rows = e->n.live;
  for (int i = 0; i < 20; i++) CHECK_OK(call(agent, 1, false, &error));
  assert_true(e->n.live <= live_rows + 2 * own); /* though rows before them wait for the next update */
  assert_int_equal(prl_learner_updates(agent->learner), 2);
  assert_null(prl_experience_broken(e));
  CHECK_OK(call(agent, 1, true, &error));
  assert_int_equal(e->n.closed, before + own); /* of before the swap; the steps after it are gone */
  CHECK_OK(call(agent, 1, false, &error));
  assert_int_equal(status_of(agent).left, own - new);
  assert_int_equal(left_rows(agent), own - new);
  CHECK_OK(call(agent, 1, true, &error));
  assert_int_equal(e->n.closed, before + own + 2 * new);
  assert_null(prl_experience_broken(e));
  while (prl_learner_updates(agent->learner) < 4) {
    CHECK_OK(call(agent, 1, true, &error));
    CHECK_OK(prl_agent_learn(agent, 0, NULL, &error));
  }
  const prl_batch *b = &agent->learner->batch;
  for (int64_t row = 0; row < b->rows; row++) assert_true(is_new(e->streams[b->stream[row]].key));
  prl_agent_free(agent);
}

/* What is learned from whole episodes is not learned from the first half of one. */
static void whole_episodes_are_left_whole(void **state) {
  (void)state;
  const prl_response_rule rule = {0};
  const prl_experience_options options = {.observations = 1,
                                          .actions = 1,
                                          .responses = 1,
                                          .rules = &rule,
                                          .streams = 2,
                                          .rows = 16,
                                          .whole = true};
  const uint64_t streams[2] = {7, 8};
  const float zero[2] = {0};
  const prl_decided decided = {.observation = zero, .action = zero, .log_prob = zero};
  uint64_t decisions[2];
  prl_experience *e;
  CHECK_OK(prl_experience_new(runtime, &options, &e, &error));
  for (int step = 0; step < 3; step++) {
    CHECK_OK(prl_experience_enter(e, streams, 2, &error));
    prl_experience_record(e, &decided, 2, decisions);
    if (step == 0) CHECK_OK(prl_experience_finish(e, 8, true, NULL, &error));
    if (step == 1) prl_experience_leave_all(e);
  }
  assert_int_equal(prl_experience_left(e), 2);
  assert_int_equal(e->n.closed, 1);
  CHECK_OK(prl_experience_finish(e, 7, true, NULL, &error));
  CHECK_OK(prl_experience_finish(e, 8, true, NULL, &error));
  assert_int_equal(e->n.closed, 1);
  assert_int_equal(e->n.live, 1);
  prl_batch batch;
  CHECK_OK(prl_batch_init(&batch, runtime, 16, &options, &error));
  prl_experience_freeze(e, &batch);
  assert_int_equal(batch.rows, 1);
  assert_int_equal(e->n.live, 0);
  assert_null(prl_experience_broken(e));
  prl_batch_deinit(&batch, runtime);
  prl_experience_free(e);
}

static void a_rollback_gives_the_bytes(void **state) {
  (void)state;
  prl_agent *agent = first_agent();
  prl_kept *before = learned_of(agent);
  ramp(agent);
  CHECK_OK(live(agent, 1, &error));
  CHECK_OK(call(agent, 1, false, &error));
  assert_true(status_of(agent).left > 0);
  CHECK_OK(prl_agent_rollback(agent, &error));
  check_learned(before, agent);
  prl_ramp_status none;
  assert_false(prl_agent_ramp(agent, &none));
  assert_int_equal(prl_experience_left(agent->experience), 0);
  CHECK_OK(call(agent, 1, true, &error));
  CHECK_OK(live(agent, 1, &error));
  prl_kept_free(before);
  prl_agent_free(agent);
}

/* A guard that fires in the middle of it does the same by itself. */
static void a_breach_ends_it(void **state) {
  (void)state;
  prl_agent *agent;
  CHECK_OK(prl_agent_load(runtime, saved, &agent, &error));
  for (int day = 0; day < 4 && agent->ramp; day++) CHECK_OK(live(agent, 4, &error));
  assert_null(agent->ramp);
  assert_string_equal(prl_agent_breach(agent, NULL)->name, "gain");
  assert_int_equal(prl_experience_left(agent->experience), 0);
  prl_agent_free(agent);
}

static void nobody_acts_apart_meanwhile(void **state) {
  (void)state;
  prl_agent *agent;
  prl_snapshot *snapshot;
  CHECK_OK(prl_agent_load(runtime, saved, &agent, &error));
  CHECK_FAILS(prl_agent_snapshot(agent, &snapshot, &error), PRL_EABSENT,
              "there is no snapshot: a ramp is under way");
  const uint64_t one = 1;
  const float zero = 0;
  const uint8_t arm = 0;
  uint64_t decision;
  const prl_decisions made = {.n = 1,
                              .streams = &one,
                              .observation = &zero,
                              .drawn = (float *)&zero,
                              .versions = (uint64_t *)&one,
                              .log_prob = (float *)&zero,
                              .arms = (uint8_t *)&arm};
  CHECK_FAILS(prl_agent_record(agent, &made, &decision, &error), PRL_ESTATE,
              "nothing is recorded that was made elsewhere: a ramp is under way");
  CHECK_OK(prl_agent_rollback(agent, &error));
  CHECK_OK(prl_agent_snapshot(agent, &snapshot, &error));
  prl_snapshot_release(snapshot);
  prl_agent_free(agent);
}

static void refuses_what_is_damaged(void **state) {
  (void)state;
  prl_agent *agent;
  CHECK_OK(prl_agent_load(runtime, saved, &agent, &error));
  int64_t *at = agent->control->shares.at;
  assert_true(prl_shares_restore(&agent->control->shares) && prl_ramp_restore(agent));
  *at = 3;
  assert_false(prl_shares_restore(&agent->control->shares));
  *at = -1;
  assert_false(prl_shares_restore(&agent->control->shares));
  *at = 0; /* nothing is ramped, and a policy is there for it */
  assert_false(prl_ramp_restore(agent));
  *at = 1;
  prl_ramp *kept = agent->ramp;
  agent->ramp = NULL;
  assert_false(prl_ramp_restore(agent));
  *at = 0; /* episodes that nobody serves */
  assert_false(prl_ramp_restore(agent));
  *at = 1;
  agent->ramp = kept;
  prl_agent_free(agent);
}

typedef struct ramped_files {
  prl_plan *first, *second;
  char from[64], to[64];
} ramped_files;

/* One that ramps; and one that is loaded in the middle of it, goes back, ramps again and is saved. */
static prl_status ramped_lives(prl_runtime *of, void *context, prl_error *failure) {
  const ramped_files *f = context;
  prl_agent *agent = NULL, *loaded = NULL;
  prl_plan first = *f->first, second = *f->second; /* the same documents, in this runtime */
  first.runtime = second.runtime = of;
  prl_status status = prl_agent_new(&first, &agent, failure);
  if (!status) status = prl_agent_swap_with(agent, &second, PRL_SWAP_RAMP, failure);
  if (!status) status = call(agent, 1, false, failure);
  if (!status) status = prl_agent_load(of, f->from, &loaded, failure);
  if (!status) status = call(loaded, 1, false, failure);
  if (!status) status = prl_agent_rollback(loaded, failure);
  if (!status) status = prl_agent_swap_with(loaded, &second, PRL_SWAP_RAMP, failure);
  if (!status) status = prl_agent_save(loaded, NULL, f->to, failure);
  prl_agent_free(agent);
  prl_agent_free(loaded);
  return status;
}

static void each_allocation_fails_in_turn(void **state) {
  (void)state;
  static const char few[] = "agent.streams=16";
  ramped_files f = {plan_of(NULL, few), plan_of("objective.critics.gain.weight=2", few), "", ""};
  prl_agent *agent;
  users_count = 16;
  scratch_path(f.from), scratch_path(f.to);
  CHECK_OK(prl_agent_new(f.first, &agent, &error));
  CHECK_OK(prl_agent_swap_with(agent, f.second, PRL_SWAP_RAMP, &error));
  CHECK_OK(call(agent, 1, false, &error));
  CHECK_OK(prl_agent_save(agent, NULL, f.from, &error));
  prl_agent_free(agent);
  assert_true(fail_each_allocation(ramped_lives, &f) > 600);
  prl_plan_free(f.first);
  prl_plan_free(f.second);
  users_count = USERS;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_of_others_reach_no_batch), cmocka_unit_test(whole_episodes_are_left_whole),
      cmocka_unit_test(a_rollback_gives_the_bytes),    cmocka_unit_test(a_breach_ends_it),
      cmocka_unit_test(nobody_acts_apart_meanwhile),   cmocka_unit_test(refuses_what_is_damaged),
      cmocka_unit_test(each_allocation_fails_in_turn)};
  return cmocka_run_group_tests(tests, setup, close_runtime);
}
