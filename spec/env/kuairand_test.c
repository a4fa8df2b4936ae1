/* The promises of kuairand, on a small made-up world: of the environment, not of any algorithm's results. */
#include "env/kuairand_support.h"

#include <math.h>

#include "perilune/agent.h"

static opened made;

static int open_group(void **state) {
  made = open_made(&small_world);
  return 0;
}
static int close_group(void **state) {
  close_made(&made);
  return 0;
}

/* ---- Candidates and predictions ---- */

/* A number of the file as it was written, at (a, b, c). */
static float in_file(const prl_safetensors *file, const char *name, int64_t a, int64_t b, int64_t c) {
  const prl_st_tensor *tensor = prl_safetensors_find(file, name);
  assert_non_null(tensor);
  int64_t at = a;
  if (tensor->ndim > 1) at = at * tensor->shape[1] + b;
  if (tensor->ndim > 2) at = at * tensor->shape[2] + c;
  float x;
  memcpy(&x, (const char *)tensor->data + at * 4, 4);
  return x;
}

/* The ranker's head as WORLD gives it: biases, hour, product. */
static double plain_head(const prl_safetensors *file, int32_t user, int32_t video, int hour, int head) {
  double x = (double)in_file(file, "ranker/user_bias", user, head, 0) +
             (double)in_file(file, "ranker/item_bias", video, head, 0) +
             (double)in_file(file, "ranker/hour", hour, head, 0);
  for (int d = 0; d < small_world.factors; d++)
    x += (double)in_file(file, "ranker/user", user, head, d) *
         (double)in_file(file, "ranker/item", video, d, 0);
  return x;
}

static void test_predictions_are_those_of_the_file(void **state) {
  prl_safetensors *file;
  assert_int_equal(prl_safetensors_open(made.runtime, made.path, 0, &file, NULL), PRL_OK);
  run r = run_new(made.type, 24, 3, NULL);
  total(&r, 9, 0);
  for (int i = 0; i < 24; i++) {
    const kr_user *user = user_of(&r, i);
    const int32_t *video = kr_videos(r.shared, user);
    const int hour = (int)(user->known.visit.clock_us / INT64_C(3600000000) % 24);
    for (int c = 0; c < 64; c++) {
      for (int k = KR_LONG_VIEW; k < KR_HEADS; k++)
        assert_float_equal(user->prediction[k * 64 + c],
                           (float)plain_head(file, user->known.user, video[c], hour, k), 1e-4f);
      /* Watch comes over videos as long: two candidates of one duration differ as in the file. */
      for (int b = 0; b < c; b++) {
        if (fabsf(made.world->duration[video[b]] - made.world->duration[video[c]]) > 1e-3f) continue;
        double gap = plain_head(file, user->known.user, video[c], hour, 0) -
                     plain_head(file, user->known.user, video[b], hour, 0);
        assert_float_equal(user->prediction[c] - user->prediction[b], (float)gap, 1e-3f);
      }
    }
  }
  run_free(&r);
  prl_safetensors_close(file);
}

static void test_the_predicted_watch_time_does_not_follow_the_duration(void **state) {
  run r = run_new(made.type, 256, 4, NULL);
  double n = 0, x = 0, y = 0, xy = 0, xx = 0;
  for (int i = 0; i < 256; i++) {
    const kr_user *user = user_of(&r, i);
    for (int c = 0; c < 64; c++) {
      double l = log((double)made.world->duration[kr_videos(r.shared, user)[c]]);
      n++, x += l, y += (double)user->prediction[c], xy += l * (double)user->prediction[c], xx += l * l;
    }
  }
  const double slope = (xy / n - x * y / n / n) / (xx / n - x * x / n / n);
  assert_true(fabs(slope) < 0.06); /* .35 in the file */
  run_free(&r);
}

static void test_candidates_are_of_the_day_by_weight_and_never_twice(void **state) {
  run r = run_new(made.type, 64, 5, (const setting[]){{"candidates", 16}, {NULL, 0}});
  const kr_world *w = made.world;
  double drawn[300] = {0}, requests = 0;
  for (int t = 0; t < 400; t++) {
    for (int i = 0; i < 64; i++) {
      kr_user *user = user_of(&r, i);
      user->known.visit.request = (uint32_t)t, user->known.visit.clock_us = FEED_DAY_US * 8;
      r.shared->table->candidates(r.shared, user);
      const int32_t *video = kr_videos(r.shared, user), *pool = w->pool + w->day[2].first; /* 8 mod 6 */
      int32_t at = -1;
      for (int c = 0; c < 16; c++) {
        for (at++; at < 300 && pool[at] != video[c];) at++;
        assert_true(at < 300); /* of the day, in the pool's order, so none comes twice */
        drawn[at]++;
      }
      requests++;
    }
  }
  double weights = 0;
  for (int j = 0; j < 300; j++) weights += 1 + 3.0 / (1 + j % 97);
  for (int j = 0; j < 300; j++) {
    const double share = (1 + 3.0 / (1 + j % 97)) / weights, expected = 16 * share * requests;
    if (16 * share < 0.5) /* the heaviest fill whole parts, and their neighbours move on */
      assert_true(fabs(drawn[j] - expected) < 6 * sqrt(expected) + 0.25 * expected);
    else
      assert_true(drawn[j] > 0.7 * fmin(expected, requests));
  }
  run_free(&r);
}

/* ---- Ranking ---- */

/* The README's formula, one candidate after the other, with no shortcut. */
static void plain_rank(const kr_shared *shared, const kr_user *user, const float *weight, int shown,
                       int32_t *order) {
  const int n = shared->candidates;
  const kr_world *w = shared->world;
  const int32_t *video = kr_videos(shared, user);
  bool taken[FEED_MAX_CANDIDATES] = {false};
  for (int place = 0; place < shown; place++) {
    double top = -1e30;
    for (int c = 0; c < n; c++) {
      if (taken[c]) continue;
      const float *v = w->vector + (size_t)video[c] * (size_t)w->factors;
      const float *row = w->ranker.video + (size_t)video[c] * (size_t)(w->factors + KR_ROW) + w->factors;
      double score = 0, likeness = 0;
      for (int k = 0; k < KR_HEADS; k++) score += (double)weight[k] * (double)user->prediction[k * n + c];
      score += (double)weight[KR_FRESHNESS] *
               fmin(1, (double)row[KR_V_AGE] * (double)w->fade[kr_day_of(w, &user->known)]);
      score += (double)weight[KR_DURATION] * (log((double)w->duration[video[c]]) - 4) / 1.15;
      for (int d = 0; d < w->factors; d++) {
        likeness += (double)v[d] * (double)user->known.memory[d];
        for (int p = 0; p < place; p++)
          likeness += 0.25 * (double)v[d] *
                      (double)w->vector[(size_t)video[order[p]] * (size_t)w->factors + (size_t)d];
      }
      score -= (double)weight[KR_DIVERSITY] * likeness;
      if (score > top) top = score, order[place] = c;
    }
    taken[order[place]] = true;
  }
}

static void test_the_list_is_the_greedy_order_of_the_score(void **state) {
  run r = run_new(made.type, 64, 3, NULL);
  total(&r, 10, 0);
  for (int i = 0; i < 64; i++) {
    float weight[KR_WEIGHTS];
    for (int k = 0; k < KR_WEIGHTS; k++)
      weight[k] = r.shared->base[k] + (float)((i * 7 + k * 3) % 11 - 5) * 0.1f;
    int32_t order[FEED_MAX_SHOWN], plain[FEED_MAX_SHOWN];
    r.shared->table->rank(r.shared, user_of(&r, i), weight, 6, order);
    plain_rank(r.shared, user_of(&r, i), weight, 6, plain);
    assert_memory_equal(order, plain, 6 * sizeof *order);
  }
  run_free(&r);
}

/* The zero action: the list of the base weights, and another base is the zero action of that base. */
static void test_the_zero_action_is_the_base_order(void **state) {
  run zero =
      run_new(made.type, 32, 9, (const setting[]){{"base_like", 0.8}, {"base_duration", -0.2}, {NULL, 0}});
  run moved = run_new(made.type, 32, 9, NULL);
  act_all(&moved, KR_LIKE, 0.5f), act_all(&moved, KR_DURATION, -0.2f);
  for (int t = 0; t < 20; t++) {
    for (int i = 0; i < 32; i++) {
      int32_t order[FEED_MAX_SHOWN], plain[FEED_MAX_SHOWN];
      zero.shared->table->rank(zero.shared, user_of(&zero, i), zero.shared->base, 6, order);
      plain_rank(zero.shared, user_of(&zero, i), zero.shared->base, 6, plain);
      assert_memory_equal(order, plain, 6 * sizeof *order);
    }
    run_step(&zero), run_step(&moved);
    assert_memory_equal(zero.batch.response, moved.batch.response, 32 * KR_RESPONSES * sizeof(float));
    run_begin_again(&zero), run_begin_again(&moved);
  }
  run_free(&zero), run_free(&moved);
}

static void test_actions_are_clipped_at_their_bounds(void **state) {
  run a = run_new(made.type, 32, 9, NULL), b = run_new(made.type, 32, 9, NULL);
  act_all(&a, KR_WATCH, 1), act_all(&b, KR_WATCH, 40);
  act_all(&a, KR_DIVERSITY, -2), act_all(&b, KR_DIVERSITY, -7);
  assert_true(total(&a, 10, KR_R_WATCH_TIME) == total(&b, 10, KR_R_WATCH_TIME));
  run_free(&a), run_free(&b);
}

/* ---- What is seen, and what is drawn ---- */

static void test_observations_never_read_the_response_model(void **state) {
  run r = run_new(made.type, 48, 21, NULL);
  total(&r, 15, 0);
  const size_t bytes = (size_t)(48 * r.spec.observations) * sizeof(float);
  float *before = malloc(bytes), *after = malloc(bytes);
  kr_world other = *made.world;
  float *nothing = malloc(sizeof(float) * (size_t)(600 * 24 + 150 * 6 * 16)); /* more than any table has */
  for (int i = 0; i < 600 * 24 + 150 * 6 * 16; i++) nothing[i] = NAN;
  for (int side = 0; side < 2; side++) {
    for (int i = 0; i < 48; i++) {
      kr_user *user = user_of(&r, i);
      r.shared->table->candidates(r.shared, user);
      prl_kuairand_observe(r.shared->world, &user->known,
                           (side ? after : before) + (size_t)i * (size_t)r.spec.observations);
      memset(&user->latent, 0xff, sizeof user->latent);
    }
    other.response.user = other.response.user_row = other.response.video = other.play = nothing;
    memset(other.response.hour, 0xff, sizeof other.response.hour);
    other.gain_scale = other.like_scale = NAN;
    r.shared->world = &other;
  }
  assert_memory_equal(before, after, bytes);
  for (size_t k = 0; k < bytes / sizeof(float); k++) assert_true(isfinite(before[k]));
  free(before), free(after), free(nothing);
  run_free(&r);
}

static void test_observations_name_the_features_of_the_file(void **state) {
  run r = run_new(made.type, 8, 21, NULL);
  assert_int_equal(r.spec.observations, KR_OBSERVATIONS + 4);
  assert_string_equal(r.spec.observation[KR_OBSERVATIONS - 1].name, "memory_norm");
  assert_string_equal(r.spec.observation[KR_OBSERVATIONS + 3].name, "user_feature_3");
  for (int i = 0; i < 8; i++) {
    const int32_t who = user_of(&r, i)->known.user;
    const float *seen = r.batch.observation + (i + 1) * r.spec.observations - 4;
    assert_memory_equal(seen, made.world->feature + who * 4, 4 * sizeof(float));
    assert_true(r.batch.observation[i * r.spec.observations] == made.world->activity[who]);
  }
  run_free(&r);
}

static void test_a_person_does_not_depend_on_the_others(void **state) {
  run many = run_new(made.type, 43, 31, NULL), few = run_new(made.type, 5, 31, NULL);
  for (int t = 0; t < 60; t++) {
    for (int i = 0; i < 5; i++) {
      act_all(&many, i % KR_WEIGHTS, 0.3f), act_all(&few, i % KR_WEIGHTS, 0.3f);
    }
    run_step(&many), run_step(&few);
    assert_memory_equal(many.batch.response, few.batch.response, 5 * KR_RESPONSES * sizeof(float));
    assert_memory_equal(many.batch.elapsed_us, few.batch.elapsed_us, 5 * sizeof(int64_t));
    run_begin_again(&many), run_begin_again(&few);
    assert_memory_equal(many.batch.observation, few.batch.observation,
                        (size_t)(5 * few.spec.observations) * sizeof(float));
  }
  run_free(&many), run_free(&few);
}

static void test_panels_on_threads_share_one_world(void **state) {
  double value[64];
  const float constant[KR_WEIGHTS] = {0.2f, 0, 0.3f};
  for (int i = 0; i < prl_env_option_count(made.type); i++) value[i] = made.type->options[i].value;
  prl_panel_options o = {.type = made.type,
                         .env_options = value,
                         .seed = 8,
                         .users = 61,
                         .days = 2,
                         .constant = constant,
                         .mode = PRL_MEAN,
                         .threads = 1};
  prl_env_spec spec = {0};
  assert_int_equal(made.type->spec(made.type, value, &spec, NULL), PRL_OK);
  const size_t count = 61 * 2 * (size_t)prl_panel_width(&spec, 0);
  double *one = calloc(count, sizeof *one), *three = calloc(count, sizeof *three);
  assert_int_equal(prl_panel_run(&o, one, NULL), PRL_OK);
  o.threads = 3;
  assert_int_equal(prl_panel_run(&o, three, NULL), PRL_OK);
  assert_memory_equal(one, three, count * sizeof *one);
  assert_true(one[KR_R_WATCH_TIME] > 0);
  free(one), free(three);
}

static void test_policies_that_agree_see_the_same_until_they_differ(void **state) {
  run a = run_new(made.type, 16, 33, NULL), b = run_new(made.type, 16, 33, NULL);
  const size_t rows = (size_t)(16 * a.spec.observations) * sizeof(float);
  for (int t = 0; t < 25; t++) {
    act_all(&a, KR_LIKE, (float)(t % 3) * 0.4f), act_all(&b, KR_LIKE, (float)(t % 3) * 0.4f);
    run_step(&a), run_step(&b);
    run_begin_again(&a), run_begin_again(&b);
    assert_memory_equal(a.batch.observation, b.batch.observation, rows);
  }
  act_all(&a, KR_DURATION, 1), act_all(&b, KR_DURATION, -1);
  run_step(&a), run_step(&b);
  assert_memory_not_equal(a.batch.response, b.batch.response, 16 * KR_RESPONSES * sizeof(float));
  run_free(&a), run_free(&b);
}

/* Two policies that never agree: a person is who he is, and request k of session j has the same draws. */
static void test_draws_do_not_depend_on_actions(void **state) {
  const setting still[] = {{"lifetime", 100000}, {NULL, 0}};
  run a = run_new(made.type, 64, 41, still), b = run_new(made.type, 64, 41, still);
  act_all(&a, KR_DURATION, 1), act_all(&b, KR_DURATION, -1), act_all(&b, KR_DIVERSITY, 2);
  int compared = 0;
  for (int t = 0; t < 12; t++) {
    run_step(&a), run_step(&b);
    for (int i = 0; i < 64; i++) {
      const kr_user *x = user_of(&a, i), *y = user_of(&b, i);
      if (a.batch.terminated[i] || b.batch.terminated[i]) continue;
      if (x->known.visit.session != y->known.visit.session ||
          x->known.visit.request != y->known.visit.request)
        continue;
      assert_int_equal(x->known.user, y->known.user);
      if (kr_day_of(made.world, &x->known) != kr_day_of(made.world, &y->known)) continue; /* another pool */
      assert_memory_equal(kr_videos(a.shared, x), kr_videos(b.shared, y), 64 * sizeof(int32_t));
      compared++;
    }
    run_begin_again(&a), run_begin_again(&b);
  }
  assert_true(compared > 200);
  run_free(&a), run_free(&b);
}

static void same_world_as_baseline(const feed_table *table) {
  run a = run_new(made.type, 29, 51, NULL), b = run_new(made.type, 29, 51, NULL);
  a.shared->kernels = b.shared->kernels = &prl_kernels_baseline; /* the same draws */
  a.shared->table = &prl_kuairand_table_baseline, b.shared->table = table;
  for (int t = 0; t < 40; t++) {
    run_step(&a), run_step(&b);
    assert_memory_equal(a.batch.response, b.batch.response, 29 * KR_RESPONSES * sizeof(float));
    run_begin_again(&a), run_begin_again(&b);
    assert_memory_equal(a.batch.state, b.batch.state, 29 * a.spec.state_size);
  }
  run_free(&a), run_free(&b);
}

static void test_all_kernel_tables_make_the_same_world(void **state) {
  if (prl_kernels_find("avx2")) same_world_as_baseline(&prl_kuairand_table_avx2);
  if (prl_kernels_find("avx512")) same_world_as_baseline(&prl_kuairand_table_avx512);
}

static void test_the_kernels_are_those_of_the_runtime(void **state) {
  run r = run_new(made.type, 8, 51, NULL);
  r.batch.kernels = "baseline";
  run_step(&r);
  assert_ptr_equal(r.shared->kernels, &prl_kernels_baseline);
  assert_ptr_equal(r.shared->table, &prl_kuairand_table_baseline);
  run_free(&r);
}

/* ---- How people respond ---- */

enum { CROWD = 2048 };

/* Lets a crowd watch one request after `change` moved something; a response's sum, or how many left. */
static double after(void (*change)(kr_user *, float), float amount, int response) {
  run r = run_new(made.type, CROWD, 61, NULL);
  total(&r, 3, 0);
  for (int i = 0; i < CROWD; i++) change(user_of(&r, i), amount);
  run_step(&r);
  double sum = 0;
  for (int i = 0; i < CROWD; i++)
    sum += response < 0 ? r.batch.terminated[i] : (double)response_of(&r, i, response);
  run_free(&r);
  return sum;
}

static void set_mood(kr_user *user, float x) { user->latent.mind.mood = x; }
static void set_fatigue(kr_user *user, float x) { user->known.fatigue = x; }
static void set_boredom(kr_user *user, float x) { user->latent.boredom = x; }

static void test_moods_fatigue_and_boredom_have_their_signs(void **state) {
  assert_true(after(set_mood, 1, -1) < 0.8 * after(set_mood, -1, -1));
  assert_true(after(set_mood, 1, KR_R_WATCH_TIME) > after(set_mood, -1, KR_R_WATCH_TIME));
  assert_true(after(set_fatigue, 4, -1) > 1.2 * after(set_fatigue, 0, -1));
  assert_true(after(set_boredom, 6, KR_R_WATCH_TIME) < after(set_boredom, 0, KR_R_WATCH_TIME));
}

/* What the ranker predicts higher is watched longer and liked more, since both models see the same people. */
static void test_the_weights_do_what_they_say(void **state) {
  const int dimension[3] = {KR_WATCH, KR_LIKE, KR_COMMENT},
            response[3] = {KR_R_WATCH_TIME, KR_R_LIKE, KR_R_LIKE + 3};
  for (int k = 0; k < 3; k++) {
    double sum[2];
    for (int side = 0; side < 2; side++) {
      run r = run_new(made.type, CROWD, 71,
                      (const setting[]){{"base_watch", 0}, {"base_long_view", 0}, {NULL, 0}});
      act_all(&r, dimension[k], side ? 1 : -0.3f);
      double views = 0;
      sum[side] = 0;
      for (int t = 0; t < 6; t++) {
        sum[side] += total(&r, 1, response[k]);
        for (int i = 0; i < CROWD; i++) views += (double)response_of(&r, i, KR_R_VIDEO_VIEWS);
      }
      sum[side] /= views;
      run_free(&r);
    }
    assert_true(sum[1] > 1.1 * sum[0]);
  }
}

/* ---- Time, sessions, people ---- */

static void test_depth_and_return_time(void **state) {
  run r = run_new(made.type, 256, 111, NULL);
  double views[256] = {0};
  int sessions = 0, returns = 0;
  for (int t = 0; t < 150; t++) {
    float gap[256];
    bool first[256];
    for (int i = 0; i < 256; i++) {
      gap[i] = user_of(&r, i)->known.gap;
      first[i] = user_of(&r, i)->known.visit.request == 0;
    }
    run_step(&r);
    for (int i = 0; i < 256; i++) {
      const float app_time = response_of(&r, i, KR_R_APP_TIME), back = response_of(&r, i, KR_R_RETURN_TIME);
      views[i] += (double)response_of(&r, i, KR_R_VIDEO_VIEWS);
      assert_true(app_time > response_of(&r, i, KR_R_WATCH_TIME));
      assert_true(back == (first[i] ? gap[i] : 0));
      returns += back > 0;
      const int64_t request_us = (int64_t)((double)app_time * 1e6);
      if (!r.batch.terminated[i]) {
        assert_true(response_of(&r, i, KR_R_DEPTH) == 0);
        assert_int_equal(r.batch.elapsed_us[i], request_us);
        continue;
      }
      assert_true((double)response_of(&r, i, KR_R_DEPTH) == views[i]);
      assert_true(r.batch.elapsed_us[i] >= request_us);
      views[i] = 0, sessions++;
    }
    run_begin_again(&r);
  }
  assert_true(sessions > 1000 && returns > 500);
  run_free(&r);
}

static void test_return_wait_gives_the_gap_with_the_end(void **state) {
  run r = run_new(made.type, 128, 5, (const setting[]){{"return_wait", 48}, {NULL, 0}});
  assert_int_equal(r.spec.response[KR_R_RETURN_TIME].wait_us, INT64_C(48) * 3600000000);
  int ends = 0;
  for (int t = 0; t < 60; t++) {
    run_step(&r);
    for (int i = 0; i < 128; i++) {
      const float back = response_of(&r, i, KR_R_RETURN_TIME);
      assert_true(r.batch.terminated[i] ? back > 0 && back <= 48 : back == 0);
      ends += r.batch.terminated[i];
    }
    run_begin_again(&r);
  }
  assert_true(ends > 100);
  run_free(&r);
}

static void test_who_is_gone_for_good_makes_place_for_another_user(void **state) {
  run r = run_new(made.type, 256, 7, (const setting[]){{"lifetime", 0.5}, {NULL, 0}});
  int32_t was[256];
  for (int i = 0; i < 256; i++) was[i] = user_of(&r, i)->known.user;
  total(&r, 100, 0);
  int others = 0;
  for (int i = 0; i < 256; i++) {
    const kr_user *user = user_of(&r, i);
    if (user->known.visit.person == 0) continue;
    others += user->known.user != was[i];
    assert_true(user->known.visit.clock_us > 0);
  }
  assert_true(others > 150);
  run_free(&r);
}

static void test_every_user_of_the_file_is_met(void **state) {
  run r = run_new(made.type, 3000, 7, NULL);
  int met[150] = {0};
  for (int i = 0; i < 3000; i++) met[user_of(&r, i)->known.user]++;
  for (int u = 0; u < 150; u++) assert_true(met[u] >= 3 && met[u] <= 50); /* 20 in the mean */
  run_free(&r);
}

/* Saturday and Sunday of the file's days: 20220502 is a Monday. */
static void test_weekends_are_those_of_the_days(void **state) {
  for (int day = 0; day < 6; day++) assert_int_equal(made.world->weekend[day], day == 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_predictions_are_those_of_the_file),
      cmocka_unit_test(test_the_predicted_watch_time_does_not_follow_the_duration),
      cmocka_unit_test(test_candidates_are_of_the_day_by_weight_and_never_twice),
      cmocka_unit_test(test_the_list_is_the_greedy_order_of_the_score),
      cmocka_unit_test(test_the_zero_action_is_the_base_order),
      cmocka_unit_test(test_actions_are_clipped_at_their_bounds),
      cmocka_unit_test(test_observations_never_read_the_response_model),
      cmocka_unit_test(test_observations_name_the_features_of_the_file),
      cmocka_unit_test(test_a_person_does_not_depend_on_the_others),
      cmocka_unit_test(test_panels_on_threads_share_one_world),
      cmocka_unit_test(test_policies_that_agree_see_the_same_until_they_differ),
      cmocka_unit_test(test_draws_do_not_depend_on_actions),
      cmocka_unit_test(test_all_kernel_tables_make_the_same_world),
      cmocka_unit_test(test_the_kernels_are_those_of_the_runtime),
      cmocka_unit_test(test_moods_fatigue_and_boredom_have_their_signs),
      cmocka_unit_test(test_the_weights_do_what_they_say),
      cmocka_unit_test(test_depth_and_return_time),
      cmocka_unit_test(test_return_wait_gives_the_gap_with_the_end),
      cmocka_unit_test(test_who_is_gone_for_good_makes_place_for_another_user),
      cmocka_unit_test(test_every_user_of_the_file_is_met),
      cmocka_unit_test(test_weekends_are_those_of_the_days),
  };
  return cmocka_run_group_tests(tests, open_group, close_group);
}
