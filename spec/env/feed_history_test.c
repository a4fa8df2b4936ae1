/* The ids of the videos watched last, which a feed gives where it is asked for them: those of the list that
 * was shown, as far as it was watched. Nothing else is different. */
#include "env/kuairand_support.h"

#include <math.h>

#include "env/env_support.h"
#include "env/shortvideo/shortvideo.h"

enum { USERS = 37, STEPS = 250, HISTORY = 8, SHOWN = 6, CANDIDATES = 64, VIDEO_VIEWS = 2 };

/* What the test looks at inside of a feed. */
typedef struct feed {
  const prl_env_type *type;
  int32_t videos, weights;
  size_t visit, history_at, state_size; /* state_size: without a history */
  /* Ids of the candidates, and the list that a feed shows for an action. */
  void (*look)(const void *shared, const void *user, const float *action, int32_t *video, int32_t *order);
} feed;

static void look_shortvideo(const void *memory, const void *user, const float *action, int32_t *video,
                            int32_t *order) {
  const sv_shared *shared = memory;
  float weight[SV_WEIGHTS];
  for (int c = 0; c < CANDIDATES; c++) video[c] = sv_items(shared, user)[c];
  for (int k = 0; k < SV_WEIGHTS; k++) weight[k] = shared->base[k] + action[k];
  shared->table->rank(shared, user, weight, SHOWN, order);
}

static void look_kuairand(const void *memory, const void *user, const float *action, int32_t *video,
                          int32_t *order) {
  const kr_shared *shared = memory;
  float weight[KR_WEIGHTS];
  memcpy(video, kr_videos(shared, user), CANDIDATES * sizeof *video);
  for (int k = 0; k < KR_WEIGHTS; k++) weight[k] = shared->base[k] + action[k];
  shared->table->rank(shared, user, weight, SHOWN, order);
}

static feed feed_shortvideo(void) {
  return (feed){.type = &prl_env_shortvideo,
                .videos = SV_ITEMS,
                .weights = SV_WEIGHTS,
                .visit = offsetof(sv_user, known.visit),
                .history_at = sv_history_at(CANDIDATES),
                .state_size = sv_state_size(CANDIDATES, 0),
                .look = look_shortvideo};
}

static feed feed_kuairand(const opened *made) {
  return (feed){.type = made->type,
                .videos = made->world->videos,
                .weights = KR_WEIGHTS,
                .visit = offsetof(kr_user, known.visit),
                .history_at = kr_history_at(CANDIDATES),
                .state_size = kr_state_size(CANDIDATES, 0),
                .look = look_kuairand};
}

/* ---- Beside the lists that were shown, and a run without a history ---- */

typedef struct expected {
  float id[HISTORY];
  uint32_t person;
} expected;

static void none_yet(expected *e) {
  for (int k = 0; k < HISTORY; k++) e->id[k] = -1;
}

static const feed_visit *visit_of(const run *r, const feed *f, int64_t i) {
  return (const feed_visit *)(const void *)((const char *)user_of(r, i) + f->visit);
}

static void check_ids(const run *r, const expected *e) {
  for (int64_t i = 0; i < USERS; i++) {
    const float *row = r->batch.observation + (i + 1) * r->spec.observations - HISTORY;
    for (int k = 0; k < HISTORY; k++) assert_true(row[k] == e[i].id[k]);
  }
}

static void check_rest(const run *with, const run *without) {
  const int32_t plain = without->spec.observations, all = with->spec.observations;
  for (int64_t i = 0; i < USERS; i++)
    assert_memory_equal(with->batch.observation + i * all, without->batch.observation + i * plain,
                        (size_t)plain * sizeof(float));
  assert_memory_equal(with->batch.response, without->batch.response,
                      (size_t)(USERS * with->spec.responses) * sizeof(float));
  assert_memory_equal(with->batch.terminated, without->batch.terminated, USERS);
  assert_memory_equal(with->batch.elapsed_us, without->batch.elapsed_us, USERS * sizeof(int64_t));
}

static void step_both(run *with, run *without, const feed *f, expected *e, int s) {
  int32_t shown[USERS][SHOWN];
  for (int64_t k = 0; k < USERS * f->weights; k++)
    with->action[k] = without->action[k] = (float)((k * 7 + s) % 5) * 0.05f - 0.1f;
  for (int64_t i = 0; i < USERS; i++) {
    int32_t video[CANDIDATES], order[FEED_MAX_SHOWN];
    f->look(with->shared, user_of(with, i), with->action + i * f->weights, video, order);
    for (int p = 0; p < SHOWN; p++) shown[i][p] = video[order[p]];
  }
  run_step(with), run_step(without);
  for (int64_t i = 0; i < USERS; i++)
    for (int p = 0; p < (int)response_of(with, i, VIDEO_VIEWS); p++) {
      memmove(e[i].id + 1, e[i].id, (HISTORY - 1) * sizeof(float));
      e[i].id[0] = (float)shown[i][p];
    }
}

static void check_feed(const feed *f, double episode) {
  const setting asked[] = {{"history", HISTORY}, {"lifetime", 1}, {"episode", episode}, {0}};
  run with = run_new(f->type, USERS, 3, asked), without = run_new(f->type, USERS, 3, asked + 1);
  expected e[USERS] = {{{0}, 0}};
  int partly = 0, successors = 0, sessions = 0;
  assert_int_equal(without.spec.state_size, f->state_size);
  assert_int_equal(with.spec.observations, without.spec.observations + HISTORY);
  for (int i = 0; i < USERS; i++) none_yet(&e[i]);
  check_ids(&with, e);
  for (int s = 0; s < STEPS; s++) {
    step_both(&with, &without, f, e, s);
    check_ids(&with, e);
    check_rest(&with, &without);
    for (int64_t i = 0; i < USERS; i++) {
      partly += response_of(&with, i, VIDEO_VIEWS) < SHOWN;
      sessions += visit_of(&with, f, i)->request == 0 || with.batch.terminated[i];
    }
    run_begin_again(&with), run_begin_again(&without);
    for (int64_t i = 0; i < USERS; i++) {
      const uint32_t person = visit_of(&with, f, i)->person;
      if (person != e[i].person) none_yet(&e[i]), successors++;
      e[i].person = person;
    }
    check_ids(&with, e);
    check_rest(&with, &without);
  }
  assert_true(partly > 100 && successors > 20 && sessions > 2 * successors);
  run_free(&with), run_free(&without);
}

static void test_ids_are_those_that_were_watched(void **state) {
  opened made = open_made(&small_world);
  const feed feeds[2] = {feed_shortvideo(), feed_kuairand(&made)};
  for (int k = 0; k < 2; k++) {
    check_feed(&feeds[k], FEED_SESSION);
    check_feed(&feeds[k], FEED_LIFE);
  }
  close_made(&made);
}

/* ---- What the spec says ---- */

static void check_spec(const feed *f) {
  const setting asked[] = {{"history", FEED_MAX_HISTORY}, {0}};
  run r = run_new(f->type, 2, 1, asked);
  for (int k = 0; k < FEED_MAX_HISTORY; k++) {
    const prl_observation_spec *one = &r.spec.observation[r.spec.observations - FEED_MAX_HISTORY + k];
    char name[16];
    snprintf(name, sizeof name, "video_%d", k + 1);
    assert_string_equal(one->name, name);
    assert_string_equal(one->unit, "");
    assert_true(one->influenced && one->low == -1 && one->high == (float)(f->videos - 1));
  }
  run_free(&r);
}

static void refused(const prl_env_type *type, const char *option, double value, double history,
                    const char *message) {
  double values[64];
  prl_env_spec spec;
  prl_error error;
  for (int i = 0; i < prl_env_option_count(type); i++) values[i] = type->options[i].value;
  values[env_option(type, "history")] = history;
  if (option) values[env_option(type, option)] = value;
  memset(&spec, 0, sizeof spec);
  assert_int_equal(prl_env_make_spec(type, values, &spec, &error), PRL_EINVAL);
  assert_string_equal(error.message, message);
}

static void test_names_bounds_and_refusals(void **state) {
  opened made = open_made(&small_world);
  const feed feeds[2] = {feed_shortvideo(), feed_kuairand(&made)};
  for (int k = 0; k < 2; k++) check_spec(&feeds[k]);
  refused(&prl_env_shortvideo, NULL, 0, 1.5, "shortvideo: history is 1.5; a whole number is needed");
  refused(&prl_env_shortvideo, "action_item", 1, 4,
          "shortvideo: history is 4, but with action_item = 1 observations are those of the candidates; "
          "history = 0 is needed");
  refused(made.type, NULL, 0, 0.5, "kuairand: history is 0.5; a whole number is needed");
  close_made(&made);
}

/* ---- Saved, and read back ---- */

static env_run env_of(const feed *f, uint64_t seed) {
  double values[64];
  for (int i = 0; i < prl_env_option_count(f->type); i++) values[i] = f->type->options[i].value;
  values[env_option(f->type, "history")] = HISTORY;
  return env_run_with(f->type, values, USERS, seed, seed);
}

static void step_env(env_run *r, int s) {
  const prl_env_spec *spec = prl_vecenv_spec(r->env);
  for (int64_t k = 0; k < USERS * spec->actions; k++) r->action[k] = (float)((k + s) % 3) * 0.1f - 0.1f;
  assert_int_equal(prl_vecenv_step(r->env, &r->step, NULL), PRL_OK);
}

static void damaged(env_run *r, const unsigned char *block, int64_t size, size_t at, int32_t value) {
  prl_error error;
  unsigned char *copy = malloc((size_t)size);
  memcpy(copy, block, (size_t)size);
  memcpy(copy + at, &value, sizeof value);
  assert_int_equal(prl_vecenv_load(r->env, copy, size, &error), PRL_EFORMAT);
  if (!strstr(error.message, "' is damaged at instance 1")) fail_msg("%s", error.message);
  free(copy);
}

static void check_saved(const feed *f) {
  env_run a = env_of(f, 5), b = env_of(f, 99);
  for (int s = 0; s < 30; s++) step_env(&a, s);
  const prl_env_spec *spec = prl_vecenv_spec(a.env);
  const int64_t size = env_state_size(a.env);
  const size_t seen = (size_t)(USERS * spec->observations) * sizeof(float);
  unsigned char *block = malloc((size_t)size);
  assert_int_equal(prl_vecenv_save(a.env, block, size, NULL), PRL_OK);
  const size_t second = (size_t)size - (USERS - 1) * spec->state_size;
  damaged(&b, block, size, second + f->history_at, f->videos);
  damaged(&b, block, size, second + f->history_at + (HISTORY - 1) * sizeof(int32_t), -2);
  damaged(&b, block, size, second + f->history_at - sizeof(int32_t), -1); /* the last candidates */
  damaged(&b, block, size, second + f->visit + offsetof(feed_visit, phase), 7);
  damaged(&b, block, size, second + f->visit + 4, -1); /* the clock */
  assert_int_equal(prl_vecenv_load(b.env, block, size, NULL), PRL_OK);
  for (int s = 0; s < 60; s++) {
    step_env(&a, s), step_env(&b, s);
    assert_memory_equal(a.step.observation, b.step.observation, seen);
  }
  free(block);
  env_run_free(&a), env_run_free(&b);
}

static void test_ids_are_saved_and_checked(void **state) {
  opened made = open_made(&small_world);
  const feed feeds[2] = {feed_shortvideo(), feed_kuairand(&made)};
  for (int k = 0; k < 2; k++) check_saved(&feeds[k]);
  close_made(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids_are_those_that_were_watched),
                                     cmocka_unit_test(test_names_bounds_and_refusals),
                                     cmocka_unit_test(test_ids_are_saved_and_checked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
