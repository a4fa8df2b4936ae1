/* What the world knows of a user and production does not, which a feed shows where it is asked for: the
 * numbers of its state, behind the other observations. Nothing else is different. */
#include "env/kuairand_support.h"

#include <math.h>

#include "env/env_support.h"
#include "env/shortvideo/shortvideo.h"

enum { USERS = 23, STEPS = 150, HISTORY = 3 };

/* What the test knows of a feed. */
typedef struct feed {
  const prl_env_type *type;
  int32_t known, latent; /* observations of production; of the world */
  /* Where a latent observation is in the state or the world. */
  float (*at)(const void *shared, const void *user, const char *name);
} feed;

static int number_in(const char *name) { return atoi(strrchr(name, '_') + 1) - 1; }
static bool begins(const char *name, const char *with) { return strncmp(name, with, strlen(with)) == 0; }

static float mind_at(const feed_mind *mind, const feed_visit *visit, float boredom, const char *name) {
  if (strcmp(name, "latent_mood") == 0) return mind->mood;
  if (strcmp(name, "latent_slow_mood") == 0) return mind->slow_mood;
  if (strcmp(name, "latent_session_mood") == 0)
    return visit->videos ? mind->mood_sum / (float)visit->videos : 0;
  if (strcmp(name, "latent_leave_offset") == 0) return mind->leave_offset;
  if (strcmp(name, "latent_log_gap") == 0) return mind->gap_mean;
  if (strcmp(name, "latent_clock_shift") == 0) return mind->clock_shift;
  if (strcmp(name, "latent_boredom") == 0) return boredom;
  return NAN;
}

static float interaction_at(const char *name, const sv_latent *latent) {
  static const char *const of[SV_INTERACTIONS] = {"like", "follow", "share", "download", "comment", "hate"};
  char expected[64];
  for (int k = 0; k < SV_INTERACTIONS; k++) {
    snprintf(expected, sizeof expected, "latent_%s_propensity", of[k]);
    if (strcmp(name, expected) == 0) return latent->propensity[k];
    snprintf(expected, sizeof expected, "latent_%s_slope", of[k]);
    if (strcmp(name, expected) == 0) return latent->slope[k];
  }
  return NAN;
}

static float shortvideo_at(const void *memory, const void *user_, const char *name) {
  const sv_shared *shared = memory;
  const sv_user *user = user_;
  const sv_latent *latent = &user->latent;
  const float *trend = shared->trend[feed_day(&user->known.visit) % SV_DAYS];
  if (begins(name, "latent_taste_")) return latent->taste[number_in(name)];
  if (begins(name, "latent_memory_")) return user->known.memory[number_in(name)];
  if (begins(name, "latent_trend_")) return trend[number_in(name)];
  if (strcmp(name, "latent_day_effect") == 0) return trend[SV_TOPICS];
  if (strcmp(name, "latent_watch_level") == 0) return latent->watch_level;
  if (strcmp(name, "latent_length_taste") == 0) return latent->length_taste;
  if (strcmp(name, "latent_susceptibility") == 0) return latent->susceptibility;
  const float interaction = interaction_at(name, latent);
  return isnan(interaction) ? mind_at(&latent->mind, &user->known.visit, latent->boredom, name) : interaction;
}

static float kuairand_at(const void *memory, const void *user_, const char *name) {
  static const char *const row[KR_ROW] = {"watch",   "like", "follow", "share",
                                          "comment", "hate", "gain",   "liking"};
  const kr_world *world = ((const kr_shared *)memory)->world;
  const kr_user *user = user_;
  const size_t who = (size_t)user->known.user, factors = (size_t)world->factors;
  char expected[64];
  if (begins(name, "latent_memory_")) return user->known.memory[number_in(name)];
  for (size_t k = 0; k < KR_ROW; k++) {
    snprintf(expected, sizeof expected, "latent_%s_level", row[k]);
    if (strcmp(name, expected) == 0) return world->response.user_row[who * KR_ROW + k];
    snprintf(expected, sizeof expected, "latent_%s_taste_", row[k]);
    if (k < KR_HEADS && begins(name, expected))
      return world->response.user[(who * KR_HEADS + k) * factors + (size_t)number_in(name)];
  }
  return mind_at(&user->latent.mind, &user->known.visit, user->latent.boredom, name);
}

static void check_rows(const run *with, const run *without, const feed *f) {
  const int32_t all = with->spec.observations, plain = without->spec.observations;
  for (int64_t i = 0; i < USERS; i++) {
    const float *row = with->batch.observation + i * all, *known = without->batch.observation + i * plain;
    assert_memory_equal(row, known, (size_t)f->known * sizeof *row);
    assert_memory_equal(row + f->known + f->latent, known + f->known, HISTORY * sizeof *row);
    /* The state of one who leaves has moved on behind the last observation of the session. */
    for (int32_t k = f->known; k < f->known + f->latent && !with->batch.terminated[i]; k++) {
      const char *name = with->spec.observation[k].name;
      if (row[k] != f->at(with->shared, user_of(with, i), name)) fail_msg("%s: %g", name, (double)row[k]);
    }
  }
}

static void check_world(const run *with, const run *without) {
  assert_memory_equal(with->batch.response, without->batch.response,
                      (size_t)(USERS * with->spec.responses) * sizeof(float));
  assert_memory_equal(with->batch.terminated, without->batch.terminated, USERS);
  assert_memory_equal(with->batch.elapsed_us, without->batch.elapsed_us, USERS * sizeof(int64_t));
  assert_int_equal(with->spec.state_size, without->spec.state_size);
  assert_memory_equal(with->batch.state, without->batch.state, USERS * with->spec.state_size);
}

static void check_feed(const feed *f) {
  const setting asked[] = {{"latent", 1}, {"history", HISTORY}, {"lifetime", 1}, {0}};
  run with = run_new(f->type, USERS, 3, asked), without = run_new(f->type, USERS, 3, asked + 1);
  assert_int_equal(without.spec.observations, f->known + HISTORY);
  assert_int_equal(with.spec.observations, f->known + f->latent + HISTORY);
  for (int32_t k = 0; k < with.spec.observations; k++) {
    const bool latent = k >= f->known && k < f->known + f->latent;
    assert_int_equal(strncmp(with.spec.observation[k].name, "latent_", 7) == 0, latent);
    if (latent) continue;
    const prl_observation_spec *other = &without.spec.observation[k < f->known ? k : k - f->latent];
    assert_string_equal(with.spec.observation[k].name, other->name);
    assert_true(with.spec.observation[k].high == other->high);
  }
  check_rows(&with, &without, f);
  for (int s = 0; s < STEPS; s++) {
    for (int64_t k = 0; k < USERS * with.spec.actions; k++)
      with.action[k] = without.action[k] = (float)((k * 7 + s) % 5) * 0.05f - 0.1f;
    run_step(&with), run_step(&without);
    check_world(&with, &without);
    check_rows(&with, &without, f);
    run_begin_again(&with), run_begin_again(&without);
    memset(with.batch.terminated, 0, USERS);
    check_rows(&with, &without, f);
  }
  run_free(&with), run_free(&without);
}

static void test_numbers_of_the_state_behind_the_others(void **state) {
  opened made = open_made(&small_world);
  check_feed(&(feed){&prl_env_shortvideo, SV_OBSERVATIONS, SV_LATENT, shortvideo_at});
  check_feed(
      &(feed){made.type, KR_OBSERVATIONS + made.world->features, kr_latent_count(made.world), kuairand_at});
  close_made(&made);
}

static void refused(const prl_env_type *type, const char *option, double value, double latent,
                    const char *message) {
  double values[64];
  prl_env_spec spec;
  prl_error error;
  for (int i = 0; i < prl_env_option_count(type); i++) values[i] = type->options[i].value;
  values[env_option(type, "latent")] = latent;
  if (option) values[env_option(type, option)] = value;
  memset(&spec, 0, sizeof spec);
  assert_int_equal(prl_env_make_spec(type, values, &spec, &error), PRL_EINVAL);
  assert_string_equal(error.message, message);
}

static void test_refusals(void **state) {
  opened made = open_made(&small_world);
  refused(&prl_env_shortvideo, NULL, 0, 0.5, "shortvideo: latent is 0.5; a whole number is needed");
  refused(made.type, NULL, 0, 0.5, "kuairand: latent is 0.5; a whole number is needed");
  refused(&prl_env_shortvideo, "action_item", 1, 1,
          "shortvideo: latent is 1, but with action_item = 1 observations are those of the candidates; "
          "latent = 0 is "
          "needed");
  close_made(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers_of_the_state_behind_the_others),
                                     cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
