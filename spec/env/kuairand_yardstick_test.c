/* The plain loop that kuairand_env is timed against computes what the environment computes: so the benchmark
 * compares like with like, and the vector code has an independent reading of the README beside it. */
#include "env/kuairand_support.h"

#include "bench/kuairand_yardstick.c"
#include "core/rng.h"

enum { USERS = 64, STEPS = 200, SEEN = KR_OBSERVATIONS + 4 };

typedef struct side {
  float action[USERS * KR_WEIGHTS], observation[USERS * SEEN], final_observation[USERS * SEEN];
  float response[USERS * KR_RESPONSES];
  uint8_t terminated[USERS], truncated[USERS];
  int64_t elapsed[USERS];
} side;

static prl_step step_of(side *s) {
  return (prl_step){s->action,    s->observation,       s->response, s->terminated,
                    s->truncated, s->final_observation, s->elapsed};
}

static void test_the_plain_loop_computes_the_same_bytes(void **state) {
  side *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
  opened o = open_made(&small_world);
  prl_vecenv *env;
  assert_int_equal(prl_vecenv_new(o.runtime, o.type, NULL, USERS, 7, 0, &env, NULL), PRL_OK);
  kuairand_yardstick *plain = kuairand_yardstick_new(o.type, USERS, 7);
  assert_int_equal(prl_vecenv_reset(env, a->observation, NULL), PRL_OK);
  kuairand_yardstick_reset(plain, b->observation);
  prl_step x = step_of(a), y = step_of(b);
  for (int t = 0; t < STEPS; t++) {
    assert_memory_equal(a->observation, b->observation, sizeof a->observation);
    prl_rng_uniforms(prl_rng_make(5, (uint64_t)t, PRL_SITE_USER), 0, 0, USERS * KR_WEIGHTS, a->action);
    for (int i = 0; i < USERS * KR_WEIGHTS; i++) a->action[i] = 3 * a->action[i] - 1.5f;
    memcpy(b->action, a->action, sizeof a->action);
    assert_int_equal(prl_vecenv_step(env, &x, NULL), PRL_OK);
    kuairand_yardstick_step(plain, &y);
    assert_memory_equal(a->response, b->response, sizeof a->response);
    assert_memory_equal(a->terminated, b->terminated, sizeof a->terminated);
    assert_memory_equal(a->elapsed, b->elapsed, sizeof a->elapsed);
    assert_memory_equal(a->final_observation, b->final_observation, sizeof a->final_observation);
  }
  kuairand_yardstick_free(plain);
  prl_vecenv_free(env);
  close_made(&o);
  free(a), free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_plain_loop_computes_the_same_bytes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
