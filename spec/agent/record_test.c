/* Decisions that were made elsewhere: each row is entered or refused by itself, in one sentence. */
#include "support/runtime.h"

#include <math.h>

#include "agent/hosted.h"

/* Three good rows at step 0 of streams 1000, 1001 and 1002. */
static rows good_rows(void) {
  rows r = {.n = 3, .streams = {1000, 1001, 1002}, .log_prob = {-1, -1, -1}};
  for (int i = 0; i < 6; i++) r.observation[i] = r.drawn[i] = 0.25f * (float)i;
  return r;
}

/* The second row is refused, in these words; the others are entered. */
static void refused(prl_agent *a, rows *r, prl_status status, const char *says) {
  const prl_decisions made = made_of(r);
  const int64_t before = a->experience->n.decisions;
  CHECK_FAILS(prl_agent_record(a, &made, r->decisions, &error), status, says);
  assert_true(r->decisions[0] && !r->decisions[1] && r->decisions[2]);
  assert_int_equal(a->experience->n.decisions, before + 2);
  CHECK_OK(prl_agent_finish(a, r->streams[0], PRL_TERMINATED, NULL, &error));
  CHECK_OK(prl_agent_finish(a, r->streams[2], PRL_TERMINATED, NULL, &error));
}

static rows next_rows(int episode) {
  rows r = good_rows();
  for (int i = 0; i < 3; i++) r.numbers[i] = (uint64_t)episode << 32;
  return r;
}

static void wrong_rows(void **state) {
  (void)state;
  prl_agent *a = agent_of(recipes[0].text);
  int episode = 0;
  rows r = next_rows(episode++);
  r.observation[3] = NAN;
  refused(a, &r, PRL_ENUMERIC, "observation \"y\" of row 2 is nan");
  r = next_rows(episode++);
  r.drawn[2] = INFINITY;
  refused(a, &r, PRL_ENUMERIC, "action \"aim\" of row 2 is inf");
  r = next_rows(episode++);
  r.log_prob[1] = NAN;
  refused(a, &r, PRL_ENUMERIC, "the log_prob of row 2 is nan");
  r = next_rows(episode++);
  r.versions[1] = 7;
  refused(a, &r, PRL_EINVAL, "the version of row 2 is 7; the newest is 0");
  r = next_rows(episode++);
  r.arms[1] = 1;
  refused(a, &r, PRL_EINVAL, "policy 1 acted in row 2; the agent has 1, counted from 0");
  r = next_rows(episode++);
  r.arms[1] = PRL_ARM_BASELINE;
  refused(a, &r, PRL_EINVAL, "the baseline acted in row 2, and the agent has no control group");
  r = next_rows(episode++);
  r.streams[1] = r.streams[0], r.numbers[1] = r.numbers[0];
  refused(a, &r, PRL_EINVAL,
          "step 0 of episode 6 of stream 1000 was recorded already, or comes too late: its next is step 1 of "
          "episode 6");
  r = next_rows(episode++);
  r.streams[1] = r.streams[0], r.numbers[1] = r.numbers[0] + (UINT64_C(1) << 32);
  refused(a, &r, PRL_EINVAL, "stream 1000 is at episode 8, and its episode 7 still runs: finish it first");
  r = next_rows(episode);
  r.numbers[1] = UINT64_C(1) << 63;
  const prl_decisions made = made_of(&r);
  CHECK_FAILS(prl_agent_record(a, &made, r.decisions, &error), PRL_EINVAL,
              "the number of row 2 is of episode 2147483648; it must be below 2^31");
  prl_agent_free(a);
  a = agent_of(recipes[1].text);
  r = (rows){.n = 3, .streams = {1000, 1001, 1002}, .drawn = {0, 2.5f, 2}};
  refused(a, &r, PRL_EINVAL, "action \"go\" of row 2 is 2.5; a whole number from 0 to 2 is needed");
  prl_agent_free(a);
}

/* Which side of the control group acted has to be the one that serves the group. */
static void the_other_side(void **state) {
  (void)state;
  prl_agent *a = agent_of(recipes[4].text);
  uint64_t own = 0, control = 0;
  while (prl_bucket(own, "") < 4000) own++;
  while (prl_bucket(control, "") >= 4000) control++;
  rows r = good_rows();
  r.arms[0] = r.arms[1] = PRL_ARM_BASELINE;
  const uint64_t groups[3] = {control, own, own};
  prl_decisions made = made_of(&r);
  made.groups = groups;
  made.arms = NULL;
  CHECK_FAILS(prl_agent_record(a, &made, r.decisions, &error), PRL_EINVAL, "made.arms is NULL");
  made.arms = r.arms;
  CHECK_FAILS(prl_agent_record(a, &made, r.decisions, &error), PRL_EINVAL,
              "the baseline acted in row 2, and the policy that learns serves stream 1001 of group");
  assert_true(r.decisions[0] && !r.decisions[1] && r.decisions[2]);
  r.arms[0] = 0, r.numbers[0] = r.numbers[2] = 1;
  CHECK_FAILS(prl_agent_record(a, &made, r.decisions, &error), PRL_EINVAL,
              "the policy that learns acted in row 1, and the baseline serves stream 1000 of group");
  prl_agent_free(a);
}

/* Decisions may be missing; without numbers each is the next, whatever comes. */
static void numbers_may_be_left_out(void **state) {
  (void)state;
  prl_agent *a = agent_of(recipes[0].text);
  rows r = next_rows(0);
  prl_decisions made = made_of(&r);
  r.streams[1] = r.streams[2] = 1000;
  r.numbers[1] = 4, r.numbers[2] = 5;
  CHECK_OK(prl_agent_record(a, &made, r.decisions, &error));
  const prl_stream *s = &a->experience->streams[prl_streams_find(a->experience, 1000)];
  assert_int_equal(s->step, 6);
  made.numbers = NULL;
  CHECK_OK(prl_agent_record(a, &made, r.decisions, &error));
  assert_int_equal(s->step, 9);
  assert_int_equal(a->experience->n.decisions, 6);
  prl_agent_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_rows), cmocka_unit_test(the_other_side),
                                     cmocka_unit_test(numbers_may_be_left_out)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
