/* What an episode of a feed is changes no world: the same people, requests, responses and times, whether
 * episodes are sessions, days or lives. */
#include "env/kuairand_support.h"

#include <math.h>

#include "env/env_support.h"

enum { USERS = 96, STEPS = 400, MODES = 3 };

typedef struct place {
  int hour_sin, hour_cos, first_request, log_gap, depth, return_time, app_time;
} place;

static int observation_place(const prl_env_spec *spec, const char *name) {
  for (int i = 0; i < spec->observations; i++)
    if (!strcmp(spec->observation[i].name, name)) return i;
  fail_msg("no observation %s", name);
  return -1;
}

static int response_place(const prl_env_spec *spec, const char *name) {
  for (int i = 0; i < spec->responses; i++)
    if (!strcmp(spec->response[i].name, name)) return i;
  fail_msg("no response %s", name);
  return -1;
}

static place places_of(const prl_env_spec *spec) {
  return (place){.hour_sin = observation_place(spec, "hour_sin"),
                 .hour_cos = observation_place(spec, "hour_cos"),
                 .first_request = observation_place(spec, "first_request"),
                 .log_gap = observation_place(spec, "log_gap"),
                 .depth = response_place(spec, "depth"),
                 .return_time = response_place(spec, "return_time"),
                 .app_time = response_place(spec, "app_time")};
}

static env_run run_of(const prl_env_type *type, int mode, double return_wait) {
  double value[64];
  for (int i = 0; i < prl_env_option_count(type); i++) value[i] = type->options[i].value;
  value[env_option(type, "episode")] = mode;
  value[env_option(type, "return_wait")] = return_wait;
  value[env_option(type, "lifetime")] = 2;
  return env_run_with(type, value, USERS, 5, 0);
}

/* Hours since midnight, as an observation tells them. */
static double hour_of(const float *observation, const place *at) {
  const double hour =
      atan2((double)observation[at->hour_sin], (double)observation[at->hour_cos]) * (24 / 6.283185307179586);
  return hour < 0 ? hour + 24 : hour;
}

/* Of a user's session: the hour of the day at which it opened, and the hours since. */
typedef struct opened_at {
  double hour, since;
} opened_at;

typedef struct tally {
  int sessions, days, lives, told;
} tally;

/* One user's step, made under each mode. `before` tells whether it was the first request of a session, and
 * the gap before that. */
static void check_step(const env_run *run, int64_t i, const place *at, opened_at *opened, const float *before,
                       double return_wait, tally *t) {
  const prl_env_spec *spec = prl_vecenv_spec(run->env);
  const float *response = run[0].step.response + i * spec->responses;
  const float *next = run[0].step.observation + i * spec->observations;
  const double hours = (double)run[0].step.elapsed_us[i] / 3.6e9;
  const bool over = response[at->depth] > 0;
  uint8_t ends[MODES];
  for (int m = 0; m < MODES; m++) ends[m] = run[m].step.terminated[i];
  opened->since += hours;
  assert_int_equal(ends[0], over);
  if (return_wait > 0) /* with the step that ended the session, in whatever episode */
    assert_int_equal(response[at->return_time] > 0, over);
  else if (before[at->first_request] == 1 && before[at->log_gap] != 0)
    assert_float_equal(response[at->return_time], expf(before[at->log_gap]),
                       1e-3f * response[at->return_time]);
  else
    assert_true(response[at->return_time] == 0);
  if (!over) {
    assert_true(!ends[1] && !ends[2]);
    assert_true(fabs(hours * 3600 - (double)response[at->app_time]) < 1e-3);
    return;
  }
  const bool gone = next[at->log_gap] == 0; /* somebody whom nobody has seen before */
  assert_int_equal(next[at->first_request], 1);
  assert_true(hours > 0.01);
  assert_int_equal(ends[2], gone);
  if (fabs(opened->hour + opened->since - 24) > 0.01) /* sines of float32 tell an hour to some seconds */
    assert_int_equal(ends[1], gone || opened->hour + opened->since >= 24);
  assert_true(ends[1] >= ends[2]);
  t->sessions++, t->days += ends[1], t->lives += ends[2], t->told += response[at->return_time] > 0;
  *opened = (opened_at){.hour = hour_of(next, at)};
}

static void check_feed(const prl_env_type *type, double return_wait) {
  env_run run[MODES];
  opened_at opened[USERS] = {{0, 0}};
  tally t = {0};
  for (int m = 0; m < MODES; m++) run[m] = run_of(type, m, return_wait);
  const prl_env_spec *spec = prl_vecenv_spec(run->env);
  const place at = places_of(spec);
  const size_t seen = (size_t)(USERS * spec->observations) * sizeof(float);
  const size_t told = (size_t)(USERS * spec->responses) * sizeof(float);
  float *before = calloc(1, seen);
  for (int i = 0; i < USERS; i++)
    opened[i].hour = hour_of(run->step.observation + i * spec->observations, &at);
  for (int s = 0; s < STEPS; s++) {
    memcpy(before, run->step.observation, seen);
    for (int m = 0; m < MODES; m++) {
      for (int64_t k = 0; k < USERS * spec->actions; k++)
        run[m].action[k] = (float)((k + s) % 5) * 0.1f - 0.2f;
      assert_int_equal(prl_vecenv_step(run[m].env, &run[m].step, NULL), PRL_OK);
      assert_memory_equal(run[m].step.observation, run->step.observation, seen);
      assert_memory_equal(run[m].step.response, run->step.response, told);
      assert_memory_equal(run[m].step.elapsed_us, run->step.elapsed_us, USERS * sizeof(int64_t));
      for (int i = 0; i < USERS; i++) assert_false(run[m].step.truncated[i]);
    }
    for (int i = 0; i < USERS; i++)
      check_step(run, i, &at, &opened[i], before + i * spec->observations, return_wait, &t);
  }
  print_message("%s: %d sessions, %d days, %d lives\n", type->name, t.sessions, t.days, t.lives);
  assert_true(t.sessions > 1.5 * t.days && t.days > 2 * t.lives && t.lives > 100);
  free(before);
  for (int m = 0; m < MODES; m++) env_run_free(&run[m]);
}

static void test_shortvideo(void **state) {
  check_feed(&prl_env_shortvideo, 0);
  check_feed(&prl_env_shortvideo, 24);
}

static void test_kuairand(void **state) {
  opened made = open_made(&small_world);
  check_feed(made.type, 0);
  check_feed(made.type, 48);
  close_made(&made);
}

static void test_another_number_is_refused(void **state) {
  double value[64];
  prl_env_spec spec;
  prl_error error;
  for (int i = 0; i < prl_env_option_count(&prl_env_shortvideo); i++)
    value[i] = prl_env_shortvideo.options[i].value;
  value[env_option(&prl_env_shortvideo, "episode")] = 1.5;
  assert_int_equal(prl_env_make_spec(&prl_env_shortvideo, value, &spec, &error), PRL_EINVAL);
  assert_string_equal(error.message, "shortvideo: episode is 1.5; a whole number is needed");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_shortvideo), cmocka_unit_test(test_kuairand),
                                     cmocka_unit_test(test_another_number_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
