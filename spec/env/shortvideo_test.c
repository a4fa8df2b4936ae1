/* The promises of the short-video simulator: of the world, not of any algorithm's results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "env/shortvideo/shortvideo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "env/types.h"
#include "tensor/kernels.h"

typedef sv_shared feed_shared;
typedef sv_user feed_user;
#include "env/feed_support.h"

/* ---- Ranking ---- */

/* The README's formula, one candidate after the other, with no shortcut. */
static void plain_rank(const sv_shared *shared, const sv_user *user, const float *weight, int shown,
                       int32_t *order) {
  const int n = shared->candidates;
  const uint16_t *item = sv_items(shared, user);
  bool taken[FEED_MAX_CANDIDATES] = {false};
  for (int place = 0; place < shown; place++) {
    double top = -1e30;
    for (int c = 0; c < n; c++) {
      if (taken[c]) continue;
      const float *v = shared->vector[item[c]];
      double score = 0, likeness = 0;
      for (int k = 0; k < SV_HEADS; k++) score += weight[k] * (double)user->prediction[k * n + c];
      score += weight[SV_FRESHNESS] * (double)sv_fresh_of(shared, item[c], sv_day(&user->known));
      score += weight[SV_DURATION] * (double)shared->length[item[c]];
      for (int d = 0; d < SV_TOPICS; d++) {
        likeness += (double)v[d] * user->known.memory[d];
        for (int p = 0; p < place; p++) likeness += 0.25 * v[d] * shared->vector[item[order[p]]][d];
      }
      score -= weight[SV_DIVERSITY] * likeness;
      if (score > top) top = score, order[place] = c;
    }
    taken[order[place]] = true;
  }
}

static void test_the_list_is_the_greedy_order_of_the_score(void **state) {
  run w = run_new(&prl_env_shortvideo, 64, 3, NULL);
  total(&w, 10, 0);
  for (int i = 0; i < 64; i++) {
    float weight[SV_WEIGHTS];
    for (int k = 0; k < SV_WEIGHTS; k++)
      weight[k] = w.shared->base[k] + (float)((i * 7 + k * 3) % 11 - 5) * 0.1f;
    int32_t order[FEED_MAX_SHOWN], plain[FEED_MAX_SHOWN];
    w.shared->table->rank(w.shared, user_of(&w, i), weight, 6, order);
    plain_rank(w.shared, user_of(&w, i), weight, 6, plain);
    assert_memory_equal(order, plain, 6 * sizeof *order);
  }
  run_free(&w);
}

/* 1.25 − .25 and the like are exact, so that the same order gives the same bytes. */
static void test_the_zero_action_is_the_base_order(void **state) {
  const setting moved[] = {{"base_watch", 1.25},
                           {"base_long_view", 0.5},
                           {"base_like", 0},
                           {"base_follow", 0},
                           {"base_share", 0},
                           {"base_download", 0},
                           {"base_comment", 0},
                           {"base_diversity", 1.25},
                           {"base_freshness", 0.5},
                           {"base_duration", -0.25},
                           {NULL, 0}};
  const setting base[] = {{"base_watch", 1},
                          {"base_long_view", 0.25},
                          {"base_like", 0},
                          {"base_follow", 0},
                          {"base_share", 0},
                          {"base_download", 0},
                          {"base_comment", 0},
                          {"base_diversity", 0.5},
                          {"base_freshness", 0},
                          {"base_duration", 0},
                          {NULL, 0}};
  run a = run_new(&prl_env_shortvideo, 33, 5, base), b = run_new(&prl_env_shortvideo, 33, 5, moved);
  act_all(&b, SV_WATCH, -0.25f);
  act_all(&b, SV_LONG_VIEW, -0.25f);
  act_all(&b, SV_DIVERSITY, -0.75f);
  act_all(&b, SV_FRESHNESS, -0.5f);
  act_all(&b, SV_DURATION, 0.25f);
  for (int t = 0; t < 60; t++) {
    run_step(&a), run_step(&b);
    assert_memory_equal(a.batch.response, b.batch.response, 33 * SV_RESPONSES * sizeof(float));
    run_begin_again(&a), run_begin_again(&b);
  }
  run_free(&a), run_free(&b);
}

static void test_actions_are_clipped_at_their_bounds(void **state) {
  run a = run_new(&prl_env_shortvideo, 16, 6, NULL), b = run_new(&prl_env_shortvideo, 16, 6, NULL);
  act_all(&a, SV_LIKE, 1), act_all(&b, SV_LIKE, 40);
  act_all(&a, SV_DIVERSITY, -2), act_all(&b, SV_DIVERSITY, -9);
  for (int t = 0; t < 20; t++) {
    run_step(&a), run_step(&b);
    assert_memory_equal(a.batch.observation, b.batch.observation,
                        (size_t)(16 * a.spec.observations) * sizeof(float));
    run_begin_again(&a), run_begin_again(&b);
  }
  run_free(&a), run_free(&b);
}

static void test_items_stand_in_the_base_order(void **state) {
  const setting by_item[] = {{"action_item", 1}, {"candidates", 16}, {NULL, 0}};
  const setting by_weight[] = {{"shown", 1}, {"candidates", 16}, {NULL, 0}};
  run a = run_new(&prl_env_shortvideo, 24, 8, by_item), b = run_new(&prl_env_shortvideo, 24, 8, by_weight);
  assert_int_equal(a.spec.action_kind, PRL_ACTION_DISCRETE);
  assert_int_equal(a.spec.action[0].choices, 16);
  assert_int_equal(a.spec.observations, SV_OBSERVATIONS + 16 * SV_ITEM_FEATURES);
  assert_string_equal(a.spec.observation[SV_OBSERVATIONS + 15 * SV_ITEM_FEATURES].name, "watch_15");
  for (int t = 0; t < 40; t++) { /* index 0 is what the zero action shows */
    run_step(&a), run_step(&b);
    assert_memory_equal(a.batch.response, b.batch.response, 24 * SV_RESPONSES * sizeof(float));
    run_begin_again(&a), run_begin_again(&b);
  }
  act_all(&a, 0, 15);
  run_step(&a), run_step(&b);
  assert_memory_not_equal(a.batch.response, b.batch.response, 24 * SV_RESPONSES * sizeof(float));
  run_free(&a), run_free(&b);
}

/* ---- What is seen, and what is drawn ---- */

static void test_observations_never_read_latent_state(void **state) {
  const setting by_item[] = {{"action_item", 1}, {"candidates", 16}, {NULL, 0}};
  for (int mode = 0; mode < 2; mode++) {
    run w = run_new(&prl_env_shortvideo, 32, 11, mode ? by_item : NULL);
    total(&w, 12, 0);
    float before[SV_OBSERVATIONS + 16 * SV_ITEM_FEATURES], after[SV_OBSERVATIONS + 16 * SV_ITEM_FEATURES];
    size_t size = (size_t)w.spec.observations * sizeof(float);
    for (int i = 0; i < 32; i++) {
      sv_user *user = user_of(&w, i);
      prl_shortvideo_observe(w.shared, &user->known, user->prediction, sv_items(w.shared, user), before);
      assert_memory_equal(before, w.batch.observation + i * w.spec.observations, size);
      memset(&user->latent, 0x3e + i, sizeof user->latent);
      prl_shortvideo_observe(w.shared, &user->known, user->prediction, sv_items(w.shared, user), after);
      assert_memory_equal(before, after, size);
    }
    run_free(&w);
  }
}

static void test_the_number_of_users_changes_no_byte(void **state) {
  run many = run_new(&prl_env_shortvideo, 45, 21, NULL), few = run_new(&prl_env_shortvideo, 9, 21, NULL),
      one = run_new(&prl_env_shortvideo, 1, 21, NULL);
  one.stream[0] = 37;
  memset(one.batch.state, 0, one.spec.state_size);
  prl_env_shortvideo.reset(&one.batch, NULL, NULL);
  const size_t row = (size_t)many.spec.observations * sizeof(float), answer = SV_RESPONSES * sizeof(float);
  for (int t = 0; t < 80; t++) {
    run_step(&many), run_step(&few), run_step(&one);
    assert_memory_equal(many.batch.response, few.batch.response, 9 * answer);
    assert_memory_equal(many.batch.response + 37 * SV_RESPONSES, one.batch.response, answer);
    run_begin_again(&many), run_begin_again(&few), run_begin_again(&one);
    assert_memory_equal(many.batch.observation, few.batch.observation, 9 * row);
    assert_memory_equal(many.batch.observation + 37 * many.spec.observations, one.batch.observation, row);
  }
  run_free(&many), run_free(&few), run_free(&one);
}

static void test_policies_that_agree_meet_the_same_world(void **state) {
  run a = run_new(&prl_env_shortvideo, 16, 31, NULL), b = run_new(&prl_env_shortvideo, 16, 31, NULL);
  const size_t rows = (size_t)(16 * a.spec.observations) * sizeof(float);
  for (int t = 0; t < 25; t++) {
    act_all(&a, SV_LIKE, (float)(t % 3) * 0.4f), act_all(&b, SV_LIKE, (float)(t % 3) * 0.4f);
    run_step(&a), run_step(&b);
    run_begin_again(&a), run_begin_again(&b);
    assert_memory_equal(a.batch.observation, b.batch.observation, rows);
  }
  act_all(&a, SV_DURATION, 1), act_all(&b, SV_DURATION, -1);
  run_step(&a), run_step(&b);
  assert_memory_not_equal(a.batch.response, b.batch.response, 16 * SV_RESPONSES * sizeof(float));
  run_free(&a), run_free(&b);
}

/* Two policies that never agree: a person is who he is, and request k of session j brings the same candidates
 * with the same predictions, as long as tastes and trends stand still. */
static void test_draws_do_not_depend_on_actions(void **state) {
  const setting still[] = {{"drift", 0}, {"lifetime", 100000}, {NULL, 0}};
  run a = run_new(&prl_env_shortvideo, 64, 41, still), b = run_new(&prl_env_shortvideo, 64, 41, still);
  act_all(&a, SV_DURATION, 1), act_all(&b, SV_DURATION, -1), act_all(&b, SV_DIVERSITY, 2);
  int compared = 0;
  for (int t = 0; t < 12; t++) {
    run_step(&a), run_step(&b);
    for (int i = 0; i < 64; i++) {
      const sv_user *x = user_of(&a, i), *y = user_of(&b, i);
      if (a.batch.terminated[i] || b.batch.terminated[i]) continue;
      if (x->known.visit.session != y->known.visit.session ||
          x->known.visit.request != y->known.visit.request)
        continue;
      assert_memory_equal(x->latent.taste, y->latent.taste, sizeof x->latent.taste);
      assert_memory_equal(sv_items(a.shared, x), sv_items(b.shared, y), 64 * sizeof(uint16_t));
      if (sv_day(&x->known) != sv_day(&y->known)) continue; /* another age of the videos */
      assert_memory_equal(x->prediction, y->prediction, 64 * SV_HEADS * sizeof(float));
      compared++;
    }
    run_begin_again(&a), run_begin_again(&b);
  }
  assert_true(compared > 200);
  run_free(&a), run_free(&b);
}

static void same_world_as_baseline(const prl_kernels *fast, const feed_table *table) {
  run w = run_new(&prl_env_shortvideo, 32, 51, NULL);
  sv_user *copy = malloc(w.spec.state_size);
  for (int i = 0; i < 32; i++) {
    memcpy(copy, user_of(&w, i), w.spec.state_size);
    w.shared->kernels = &prl_kernels_baseline, w.shared->table = &prl_shortvideo_table_baseline;
    w.shared->table->candidates(w.shared, copy);
    w.shared->kernels = fast, w.shared->table = table;
    w.shared->table->candidates(w.shared, user_of(&w, i));
    assert_memory_equal(sv_items(w.shared, copy), sv_items(w.shared, user_of(&w, i)), 64 * sizeof(uint16_t));
    for (int k = 0; k < 64 * SV_HEADS; k++)
      assert_float_equal(copy->prediction[k], user_of(&w, i)->prediction[k], 1e-4);
  }
  free(copy);
  run_free(&w);
}

static void test_all_kernel_tables_make_the_same_world(void **state) {
  if (prl_kernels_find("avx2")) same_world_as_baseline(&prl_kernels_avx2, &prl_shortvideo_table_avx2);
  if (prl_kernels_find("avx512")) same_world_as_baseline(&prl_kernels_avx512, &prl_shortvideo_table_avx512);
}

static void test_the_kernels_are_those_of_the_runtime(void **state) {
  run w = run_new(&prl_env_shortvideo, 8, 51, NULL);
  w.batch.kernels = "baseline";
  run_step(&w);
  assert_ptr_equal(w.shared->kernels, &prl_kernels_baseline);
  assert_ptr_equal(w.shared->table, &prl_shortvideo_table_baseline);
  run_free(&w);
}

/* ---- How people respond ---- */

enum { CROWD = 2048 };

/* Lets a crowd watch one request after `change` moved something, and returns a response's sum, or how many
 * left. */
static double after(void (*change)(sv_user *, float), float amount, int response) {
  run w = run_new(&prl_env_shortvideo, CROWD, 61, NULL);
  total(&w, 3, 0);
  for (int i = 0; i < CROWD; i++) change(user_of(&w, i), amount);
  run_step(&w);
  double sum = 0;
  for (int i = 0; i < CROWD; i++) sum += response < 0 ? w.batch.terminated[i] : response_of(&w, i, response);
  run_free(&w);
  return sum;
}

static void set_mood(sv_user *user, float x) { user->latent.mind.mood = x; }
static void set_fatigue(sv_user *user, float x) { user->known.fatigue = x; }
static void set_memory(sv_user *user, float x) { /* tired of what one likes */
  for (int d = 0; d < SV_TOPICS; d++) user->known.memory[d] = x * user->latent.taste[d];
}
static void set_level(sv_user *user, float x) { user->latent.watch_level = x; }

static void test_signs_of_the_state(void **state) {
  assert_true(after(set_mood, 2, -1) < 0.7 * after(set_mood, -2, -1));
  assert_true(after(set_fatigue, 6, -1) > 1.3 * after(set_fatigue, 0, -1));
  assert_true(after(set_memory, 0.6f, SV_R_WATCH_TIME) < 0.9 * after(set_memory, 0, SV_R_WATCH_TIME));
  assert_true(after(set_memory, 0.6f, SV_R_LIKE) < 0.9 * after(set_memory, 0, SV_R_LIKE));
  assert_true(after(set_level, 1, SV_R_WATCH_TIME) > 1.5 * after(set_level, -1, SV_R_WATCH_TIME));
}

/* The mood of those who come back decides how soon: slow mood is set before they leave. */
static double mean_gap(float slow_mood) {
  run w = run_new(&prl_env_shortvideo, CROWD, 71, NULL);
  double hours = 0, count = 0;
  for (int i = 0; i < CROWD; i++) {
    user_of(&w, i)->latent.mind.slow_mood = slow_mood;
    float gap = prl_shortvideo_leave(w.shared, user_of(&w, i), w.stream[i]);
    if (isfinite(gap)) hours += gap, count++;
  }
  run_free(&w);
  return hours / count;
}

static double acted(int dimension, float value, int response) {
  run w = run_new(&prl_env_shortvideo, 1024, 81, NULL);
  if (dimension >= 0) act_all(&w, dimension, value);
  double sum = total(&w, 25, response);
  run_free(&w);
  return sum;
}

static void test_signs_of_the_action(void **state) {
  assert_true(mean_gap(1) < 0.8 * mean_gap(-1));
  assert_true(acted(SV_LIKE, 1, SV_R_LIKE) > 1.04 * acted(-1, 0, SV_R_LIKE));
  assert_true(acted(SV_LIKE, 1, SV_R_WATCH_TIME) < 0.99 * acted(-1, 0, SV_R_WATCH_TIME));
  assert_true(acted(SV_COMMENT, 1, SV_R_LIKE + 4) > 1.1 * acted(-1, 0, SV_R_LIKE + 4));
  assert_true(acted(SV_DURATION, -0.25f, SV_R_WATCH_TIME) < 0.97 * acted(-1, 0, SV_R_WATCH_TIME));
  assert_true(acted(SV_WATCH, -1, SV_R_LONG_VIEW) < acted(-1, 0, SV_R_LONG_VIEW));
}

static int by_float(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void within(double value, double logs, double band) {
  if (fabs(log(value / logs)) > log(1 + band))
    fail_msg("%g, the logs have %g, the band is %g", value, logs, band);
}

/* The logs' figures stand in runtime/env/shortvideo/CALIBRATION.md; the bands in the README. */
static void test_rates_and_quantiles_stand_near_the_logs(void **state) {
  sv_trace trace = {calloc(1000000, sizeof(sv_impression)), 0, 1000000};
  for (uint64_t seed = 91; seed < 99; seed++) { /* catalogues and their first days differ by some percent */
    run w = run_new(&prl_env_shortvideo, 512, seed, NULL);
    w.shared->trace = &trace;
    total(&w, 32, 0);
    run_free(&w);
  }
  const double n = (double)trace.count;
  float *time = calloc((size_t)trace.count, sizeof *time);
  double brief = 0, long_view = 0, complete = 0, done[SV_INTERACTIONS] = {0};
  for (int64_t i = 0; i < trace.count; i++) {
    const sv_impression *row = &trace.rows[i];
    time[i] = row->time;
    brief += row->time < 3;
    long_view += row->time >= fminf(18, row->duration);
    complete += row->time >= row->duration;
    for (int k = 0; k < SV_INTERACTIONS; k++) done[k] += row->done[k];
  }
  qsort(time, (size_t)trace.count, sizeof *time, by_float);
  const double share[7] = {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};
  const double quantile[7] = {1.23, 2.08, 6.39, 26.19, 70.24, 110.74, 222.63};
  for (int k = 0; k < 7; k++) within(time[(int64_t)(share[k] * (n - 1))], quantile[k], 0.15);
  within(brief / n, 0.3406, 0.08);
  within(long_view / n, 0.3492, 0.08);
  within(complete / n, 0.1545, 0.12);
  const double rate[SV_INTERACTIONS] = {0.01904, 0.00139, 0.00098, 0.00088, 0.00288, 0.00085};
  for (int k = 0; k < SV_INTERACTIONS; k++) within(done[k] / n, rate[k], k == 0 ? 0.2 : 0.4);
  free(time), free(trace.rows);
}

/* ---- Time, sessions, people ---- */

static void test_nothing_drifts_with_drift_off(void **state) {
  const setting still[] = {{"drift", 0}, {"lifetime", 100000}, {NULL, 0}};
  run a = run_new(&prl_env_shortvideo, 32, 101, still),
      b = run_new(&prl_env_shortvideo, 32, 101, (const setting[]){{"lifetime", 100000}, {NULL, 0}});
  for (int day = 0; day < SV_DAYS; day++)
    for (int d = 0; d <= SV_TOPICS; d++) assert_true(a.shared->trend[day][d] == 0);
  float born[32][SV_TOPICS];
  for (int i = 0; i < 32; i++) memcpy(born[i], user_of(&a, i)->latent.taste, sizeof born[i]);
  total(&a, 120, 0), total(&b, 120, 0);
  int moved = 0;
  for (int i = 0; i < 32; i++) {
    assert_memory_equal(born[i], user_of(&a, i)->latent.taste, sizeof born[i]);
    if (user_of(&b, i)->known.visit.session > 0)
      moved += memcmp(born[i], user_of(&b, i)->latent.taste, sizeof born[i]) != 0;
  }
  assert_true(moved > 20);
  run_free(&a), run_free(&b);
}

static void test_new_videos_come_each_day(void **state) {
  run w = run_new(&prl_env_shortvideo, 1, 1, NULL);
  for (int64_t day = 0; day < 70; day += 23) {
    int fresh = 0;
    for (int i = 0; i < SV_ITEMS; i++) fresh += sv_fresh_of(w.shared, i, day) == 1;
    assert_int_equal(fresh, SV_ITEMS / SV_LIFE);
  }
  run_free(&w);
}

static void test_depth_and_return_time(void **state) {
  run w = run_new(&prl_env_shortvideo, 256, 111, NULL);
  double views[256] = {0};
  int sessions = 0, returns = 0;
  for (int t = 0; t < 150; t++) {
    float gap[256];
    bool first[256];
    for (int i = 0; i < 256; i++) {
      gap[i] = user_of(&w, i)->known.gap;
      first[i] = user_of(&w, i)->known.visit.request == 0;
    }
    run_step(&w);
    for (int i = 0; i < 256; i++) {
      const float app_time = response_of(&w, i, SV_R_APP_TIME), back = response_of(&w, i, SV_R_RETURN_TIME);
      views[i] += response_of(&w, i, SV_R_VIDEO_VIEWS);
      assert_true(app_time > response_of(&w, i, SV_R_WATCH_TIME));
      assert_true(back == (first[i] ? gap[i] : 0));
      returns += back > 0;
      const int64_t request_us = (int64_t)((double)app_time * 1e6);
      if (!w.batch.terminated[i]) {
        assert_true(response_of(&w, i, SV_R_DEPTH) == 0);
        assert_int_equal(w.batch.elapsed_us[i], request_us);
        continue;
      }
      assert_true(response_of(&w, i, SV_R_DEPTH) == (float)views[i]);
      const double away = (double)(w.batch.elapsed_us[i] - request_us) / 3.6e9;
      assert_true(away > 0.01 && away < 96.01);
      views[i] = 0;
      sessions++;
    }
    run_begin_again(&w);
  }
  assert_true(sessions > 1000 && returns > 0.8 * sessions && returns <= sessions);
  run_free(&w);
}

static void test_return_time_with_the_session_that_it_belongs_to(void **state) {
  run w = run_new(&prl_env_shortvideo, 256, 111, (const setting[]){{"return_wait", 24}, {NULL, 0}});
  assert_int_equal(w.spec.response[SV_R_RETURN_TIME].wait_us, INT64_C(24) * 3600 * 1000000);
  int censored = 0, known = 0;
  for (int t = 0; t < 60; t++) {
    run_step(&w);
    for (int i = 0; i < 256; i++) {
      const float back = response_of(&w, i, SV_R_RETURN_TIME);
      assert_true(w.batch.terminated[i] ? back > 0 && back <= 24 : back == 0);
      if (w.batch.terminated[i]) censored += back == 24, known += back < 24;
    }
    run_begin_again(&w);
  }
  assert_true(censored > 10 && known > 10 * censored / 2);
  run_free(&w);
}

static void test_users_leave_for_good_and_new_ones_come(void **state) {
  run w = run_new(&prl_env_shortvideo, 512, 121, (const setting[]){{"lifetime", 2}, {NULL, 0}});
  total(&w, 150, 0);
  int newcomers = 0;
  for (int i = 0; i < 512; i++) newcomers += user_of(&w, i)->known.visit.person > 0;
  assert_true(newcomers > 256);
  run_free(&w);
}

static void test_a_session_that_the_caller_ends_is_over(void **state) {
  run w = run_new(&prl_env_shortvideo, 16, 131, NULL);
  run_step(&w);
  memset(w.batch.terminated, 1, 16);
  run_begin_again(&w);
  for (int i = 0; i < 16; i++) {
    const sv_known *known = &user_of(&w, i)->known;
    assert_true(known->visit.session == 1 || known->visit.person == 1);
    assert_int_equal(known->visit.request, 0);
    assert_true(known->fatigue == 0);
  }
  run_free(&w);
}

static void test_the_longest_session(void **state) {
  run w = run_new(&prl_env_shortvideo, 64, 141, (const setting[]){{"requests", 3}, {NULL, 0}});
  for (int t = 0; t < 30; t++) {
    for (int i = 0; i < 64; i++) assert_true(user_of(&w, i)->known.visit.request < 3);
    run_step(&w), run_begin_again(&w);
  }
  run_free(&w);
}

static void test_size_and_names(void **state) {
  run w = run_new(&prl_env_shortvideo, 1, 1, NULL);
  assert_true(w.spec.state_size <= 3072);
  assert_int_equal(w.spec.actions, SV_WEIGHTS);
  for (int i = 0; i < w.spec.observations; i++)
    for (int j = 0; j < i; j++)
      assert_string_not_equal(w.spec.observation[i].name, w.spec.observation[j].name);
  run_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_list_is_the_greedy_order_of_the_score),
      cmocka_unit_test(test_the_zero_action_is_the_base_order),
      cmocka_unit_test(test_actions_are_clipped_at_their_bounds),
      cmocka_unit_test(test_items_stand_in_the_base_order),
      cmocka_unit_test(test_observations_never_read_latent_state),
      cmocka_unit_test(test_the_number_of_users_changes_no_byte),
      cmocka_unit_test(test_policies_that_agree_meet_the_same_world),
      cmocka_unit_test(test_draws_do_not_depend_on_actions),
      cmocka_unit_test(test_all_kernel_tables_make_the_same_world),
      cmocka_unit_test(test_the_kernels_are_those_of_the_runtime),
      cmocka_unit_test(test_signs_of_the_state),
      cmocka_unit_test(test_signs_of_the_action),
      cmocka_unit_test(test_rates_and_quantiles_stand_near_the_logs),
      cmocka_unit_test(test_nothing_drifts_with_drift_off),
      cmocka_unit_test(test_new_videos_come_each_day),
      cmocka_unit_test(test_depth_and_return_time),
      cmocka_unit_test(test_return_time_with_the_session_that_it_belongs_to),
      cmocka_unit_test(test_users_leave_for_good_and_new_ones_come),
      cmocka_unit_test(test_a_session_that_the_caller_ends_is_over),
      cmocka_unit_test(test_the_longest_session),
      cmocka_unit_test(test_size_and_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
