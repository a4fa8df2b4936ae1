/* Guards, where C alone can look: every allocation of a breach, from the file of an agent whose guards are
 * about to fire; and files in which what guards counted is damaged. spec/agent/guards_spec.lua says what they
 * do. */
#include "support/runtime.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

#include <math.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/control/parts.h"

static prl_error error;
static char recipe[64], saved[64];

enum { SIDE = 128 };

static const char text[] =
    "return {env = {'host', observation = {'x'}, action = {'continuous', aim = {-1, 1}}, responses = {gain = "
    "{unit = ''}}},\n"
    "        objective = {critics = {gain = {}}}, policy = {hidden = {2}}, algorithm = {'ppo', rollout = 1, "
    "minibatch = 128},\n"
    "        agent = {streams = 128, rows = 1024, baseline = {traffic = 0.5, per = 'episode'},\n"
    "                 guards = {gain = {at_least = relative(-0.1)}, kl = {at_most = 1e9}, days = 1}}}\n";

static prl_plan *plan_of(const char *change) {
  prl_plan *plan;
  const prl_plan_options options = {.set = &change, .set_count = change != NULL};
  CHECK_OK(prl_plan_load(runtime, recipe, &options, &plan, &error));
  return plan;
}

/* A day on which 128 users of each side have a step: the policy's gain about 1, the control group's about
 * `control`. */
static prl_status live(prl_agent *agent, int64_t today, float control, prl_error *failure) {
  uint64_t users[2 * SIDE], decisions[2 * SIDE];
  float observation[2 * SIDE], action[2 * SIDE], gain[2 * SIDE];
  int n = 0, sides[2] = {0};
  for (uint64_t user = 1; n < 2 * SIDE; user++) {
    const int side = prl_bucket(user, NULL) < PRL_BUCKETS / 2;
    if (sides[side]++ >= SIDE) continue;
    observation[n] = (float)(user % 5);
    gain[n] = (side ? control : 1) + 0.1f * (float)(user % 3);
    users[n++] = user;
  }
  prl_status status = prl_agent_time(agent, today * INT64_C(86400000000), failure);
  if (!status)
    status = prl_agent_act(agent, users, NULL, observation, n, PRL_SAMPLE, action, decisions, failure);
  if (!status) status = prl_agent_feedback(agent, decisions, gain, NULL, NULL, n, failure);
  for (int i = 0; !status && i < n; i++)
    status = prl_agent_finish(agent, users[i], PRL_TERMINATED, NULL, failure);
  return status ? status : prl_agent_learn(agent, 0, NULL, failure);
}

/* An agent on the day before its guard fires. */
static int setup(void **state) {
  if (open_runtime(state)) return 1;
  FILE *file = fopen(scratch_path(recipe), "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) return 1;
  scratch_path(saved);
  prl_plan *first = plan_of(NULL), *second = plan_of("objective.critics.gain.weight=2");
  prl_agent *agent;
  CHECK_OK(prl_agent_new(first, &agent, &error));
  CHECK_OK(live(agent, 1, 1, &error));
  CHECK_OK(prl_agent_swap(agent, second, &error));
  CHECK_OK(live(agent, 2, 4, &error));
  CHECK_OK(prl_agent_save(agent, NULL, saved, &error));
  prl_agent_free(agent);
  prl_plan_free(first);
  prl_plan_free(second);
  return 0;
}

static prl_status breached_life(prl_runtime *of, void *context, prl_error *failure) {
  (void)context;
  prl_agent *agent = NULL;
  prl_status status = prl_agent_load(of, saved, &agent, failure);
  if (!status) status = live(agent, 3, 4, failure);
  prl_agent_free(agent);
  return status;
}

static void each_allocation_of_a_breach_fails_in_turn(void **state) {
  (void)state;
  assert_true(fail_each_allocation(breached_life, NULL) > 300);
}

static void goes_back(void **state) {
  (void)state;
  prl_agent *agent;
  const prl_guard *list, *breach;
  int64_t update = 0;
  CHECK_OK(prl_agent_load(runtime, saved, &agent, &error));
  char hash[33];
  snprintf(hash, sizeof hash, "%s", prl_agent_previous(agent));
  assert_int_equal(prl_agent_guards(agent, &list), 2);
  assert_int_equal(list[0].state, PRL_GUARD_WAITING);
  assert_null(prl_agent_breach(agent, &update));
  CHECK_OK(live(agent, 3, 4, &error));
  breach = prl_agent_breach(agent, &update);
  assert_non_null(breach);
  assert_string_equal(breach->name, "gain");
  assert_int_equal(breach->state, PRL_GUARD_FIRED);
  assert_true(breach->high < breach->bound && breach->bound == -0.1);
  assert_int_equal(breach->users, SIDE);
  assert_int_equal(breach->control_users, SIDE);
  assert_int_equal(update, 3);
  assert_string_equal(prl_agent_hash(agent), hash);
  assert_null(prl_agent_previous(agent));
  assert_non_null(strstr(prl_agent_notice(agent), "the agent went back"));
  assert_int_equal(prl_agent_guards(agent, &list), 2);
  assert_int_equal(list[0].state, PRL_GUARD_IDLE);
  CHECK_OK(live(agent, 4, 4, &error));
  assert_ptr_equal(prl_agent_breach(agent, NULL), breach);
  prl_agent_free(agent);
}

/* Too little memory for the way back is no end: it is tried again at the end of the next update. */
static void tries_again(void **state) {
  (void)state;
  prl_agent *agent;
  CHECK_OK(prl_agent_load(runtime, saved, &agent, &error));
  const int64_t taken = prl_runtime_memory(runtime).live_bytes;
  CHECK_OK(prl_runtime_budget(runtime, taken + 4096, &error));
  assert_int_not_equal(live(agent, 3, 4, &error), PRL_OK);
  assert_non_null(strstr(error.message, "a guard fired, and the way back failed"));
  assert_non_null(prl_agent_breach(agent, NULL));
  CHECK_OK(prl_runtime_budget(runtime, 0, &error));
  CHECK_OK(live(agent, 4, 4, &error));
  assert_null(prl_agent_previous(agent));
  prl_agent_free(agent);
}

/* A swap that comes into force in the middle of a drive: users go on to be compared with their twins alone.
 */
static void twins_stay_twins(void **state) {
  (void)state;
  prl_agent *agent;
  prl_plan *other = plan_of("objective.critics.gain.weight=3");
  CHECK_OK(prl_agent_load(runtime, saved, &agent, &error));
  prl_control_pair(agent->control, true);
  CHECK_OK(prl_agent_swap(agent, other, &error));
  assert_null(agent->next);
  assert_true(prl_control_paired(agent->control));
  CHECK_OK(prl_agent_rollback(agent, &error));
  assert_true(prl_control_paired(agent->control));
  prl_agent_free(agent);
  prl_plan_free(other);
}

static void refuses_what_is_damaged(void **state) {
  (void)state;
  prl_agent *agent;
  CHECK_OK(prl_agent_load(runtime, saved, &agent, &error));
  prl_guards *g = &agent->control->guards;
  assert_true(prl_guards_restore(g));
#define DAMAGED(place, value)                                                                                \
  do {                                                                                                       \
    __typeof__(place) kept = place;                                                                          \
    place = value;                                                                                           \
    assert_false(prl_guards_restore(g));                                                                     \
    place = kept;                                                                                            \
  } while (0)
  DAMAGED(g->state->stage, 4);
  DAMAGED(g->state->fired, 2);
  DAMAGED(g->state->fired, -1);
  DAMAGED(g->state->held, 4);
  DAMAGED(g->moments[0].n, 0.5);
  DAMAGED(g->moments[1].squares, -1);
  DAMAGED(g->entrants[0][3].phase, 3);
  DAMAGED(g->entrants[1][3].before, -1);
  DAMAGED(g->sums[0][2], NAN);
  assert_true(prl_guards_restore(g));
  prl_agent_free(agent);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goes_back), cmocka_unit_test(tries_again), cmocka_unit_test(twins_stay_twins),
      cmocka_unit_test(refuses_what_is_damaged), cmocka_unit_test(each_allocation_of_a_breach_fails_in_turn)};
  return cmocka_run_group_tests(tests, setup, close_runtime);
}
