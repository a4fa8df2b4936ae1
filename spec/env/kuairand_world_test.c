/* The world file of kuairand: what is refused, and with which sentence; and the state of an environment that
 * is made of one. */
#include "env/env_support.h"
#include "env/kuairand_support.h"
#include "support/digest.h"

#include <math.h>

static prl_runtime *runtime;

static int open_group(void **state) { return (int)prl_runtime_new(NULL, &runtime, NULL); }
static int close_group(void **state) {
  prl_runtime_release(runtime);
  return 0;
}

/* The file is refused with a sentence that holds `words` and says what makes a file; nothing stays allocated.
 */
static void refused(const char *path, prl_status status, const char *words) {
  prl_env_world *file = NULL;
  prl_error error = {.status = PRL_OK};
  const int64_t before = prl_runtime_memory(runtime).live_bytes;
  assert_int_equal(prl_env_world_open(runtime, &prl_env_kuairand, path, &file, &error), status);
  assert_null(file);
  if (!strstr(error.message, words)) fail_msg("\"%s\" does not say \"%s\"", error.message, words);
  if (!strstr(error.message, "`perilune fit recipes/kuairand/world.lua --data FOLDER`"))
    fail_msg("\"%s\" does not say what makes a world", error.message);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, before);
}

static void refused_made(made_world made, prl_status status, const char *words) {
  char path[64];
  scratch_path(path);
  assert_int_equal(made_world_write(runtime, &made, path, NULL), PRL_OK);
  refused(path, status, words);
}

static void test_a_file_that_is_none(void **state) {
  char path[64];
  refused("/nowhere/world.safetensors", PRL_EIO, "there is no world to read: cannot open /nowhere/world");
  fclose(fopen(scratch_path(path), "w"));
  refused(path, PRL_EFORMAT, "no whole world");
  made_world other = small_world;
  other.format = "perilune ranker 1";
  refused_made(other, PRL_EFORMAT,
               "has the format \"perilune ranker 1\", where \"perilune kuairand world 1\"");
}

/* Cut at many places: never a world, never a fault. */
static void test_a_file_that_is_cut(void **state) {
  char path[64];
  scratch_path(path);
  assert_int_equal(made_world_write(runtime, &small_world, path, NULL), PRL_OK);
  FILE *file = fopen(path, "rb");
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  fclose(file);
  for (int k = 15; k >= 0; k--) {
    assert_int_equal(truncate(path, size * k / 16), 0);
    refused(path, PRL_EFORMAT, "no whole world");
  }
}

static size_t bytes_of(const char *path, unsigned char **bytes) {
  FILE *file = fopen(path, "rb");
  fseek(file, 0, SEEK_END);
  const size_t size = (size_t)ftell(file);
  rewind(file);
  *bytes = malloc(size);
  assert_int_equal(fread(*bytes, 1, size, file), size);
  fclose(file);
  return size;
}

static void write_bytes(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

static void test_every_flipped_bit_is_noticed(void **state) {
  enum { FLIPS = 400 };
  char path[64];
  unsigned char *bytes;
  scratch_path(path);
  assert_int_equal(made_world_write(runtime, &small_world, path, NULL), PRL_OK);
  const size_t size = bytes_of(path, &bytes);
  for (int i = 0; i < FLIPS; i++) {
    const flip f = flip_of(i, FLIPS, size);
    bytes[f.at] ^= (unsigned char)f.mask;
    write_bytes(path, bytes, size);
    refused(path, PRL_EFORMAT, path);
    bytes[f.at] ^= (unsigned char)f.mask;
  }
  char *without = undigested(bytes, size);
  write_bytes(path, without, size - DIGEST_ENTRY_SIZE);
  refused(path, PRL_EFORMAT, "carries no digest");
  free(without);
  free(bytes);
}

/* Some bytes changed behind a right digest, in the header or in the data: refused, or a world that runs. */
static void test_a_file_with_wrong_bytes(void **state) {
  char path[64];
  unsigned char *bytes;
  uint32_t random = 77;
  int opened_count = 0;
  scratch_path(path);
  assert_int_equal(made_world_write(runtime, &small_world, path, NULL), PRL_OK);
  const size_t size = bytes_of(path, &bytes);
  for (int round = 0; round < 300; round++) {
    unsigned char *copy = malloc(size);
    memcpy(copy, bytes, size);
    for (int k = 0; k < 1 + round % 5; k++) {
      random = random * 1664525u + 1013904223u;
      const size_t at = (random >> 4) % (round % 2 ? size : 2500);
      random = random * 1664525u + 1013904223u;
      copy[at] = (unsigned char)(random >> 24);
    }
    redigest(copy, size);
    write_bytes(path, copy, size);
    free(copy);
    prl_env_world *world = NULL;
    prl_error error;
    if (prl_env_world_open(runtime, &prl_env_kuairand, path, &world, &error)) {
      assert_true(strlen(error.message) > 0);
      continue;
    }
    env_run run = env_run_of(prl_env_world_type(world), 8, 3, 0);
    for (int t = 0; t < 5; t++) assert_int_equal(prl_vecenv_step(run.env, &run.step, NULL), PRL_OK);
    env_run_free(&run);
    prl_env_world_close(world);
    opened_count++;
  }
  assert_true(opened_count > 20 && opened_count < 290);
  free(bytes);
}

static void test_tensors_that_are_missing_or_of_another_shape(void **state) {
  static const char *const names[] = {
      "ranker/user",    "ranker/user_bias", "ranker/item",     "ranker/item_bias", "ranker/hour",
      "response/user",  "response/hour",    "play/mean",       "play/duration",    "play/quantiles",
      "users/features", "users/activity",   "videos/duration", "videos/age",       "videos/vector",
      "pool/offset",    "pool/video",       "pool/weight",     "clock/hour",       "response/time_slope"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char words[80];
    made_world made = small_world;
    made.drop = names[i];
    snprintf(words, sizeof words, "has no tensor \"%s\"", names[i]);
    refused_made(made, PRL_EFORMAT, words);
  }
}

static void test_numbers_that_cannot_be(void **state) {
  static const struct {
    const char *name;
    float value;
    const char *words;
  } bad[] = {
      {"response/user", NAN, "in the tensor \"response/user\" at"},
      {"ranker/item", INFINITY, "in the tensor \"ranker/item\" at"},
      {"users/activity", 1.5f, "has 1.5 in the tensor \"users/activity\" at 149; 0 to 1 is accepted"},
      {"videos/duration", -1, "in the tensor \"videos/duration\" at 599"},
      {"pool/weight", -1, "in the tensor \"pool/weight\""},
      {"pool/video", 1, "has video 1065353216 in \"pool/video\"; there are 600"},
      {"play/quantiles", 0, "has a tensor \"play/quantiles\" that does not rise"},
      {"play/mean", -1, "has a tensor \"play/mean\" that does not rise"},
      {"clock/hour", 1, "shares in \"clock/hour\" that do not add up to 1"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    made_world made = small_world;
    made.spoil = bad[i].name, made.spoilt = bad[i].value;
    refused_made(made, PRL_EFORMAT, bad[i].words);
  }
}

static void test_sizes_that_do_not_fit(void **state) {
  made_world made = small_world;
  made.pool = 100;
  refused_made(made, PRL_EFORMAT, "has 100 videos in the pool of day 1; at least 128 are needed");
  made = small_world;
  made.factors = 40;
  refused_made(made, PRL_EFORMAT, "whose dimension 2 is 40; 1 to 32 is accepted");
}

static void test_an_environment_without_its_file(void **state) {
  prl_env_spec spec = {0};
  prl_vecenv *env = NULL;
  prl_error error;
  double value[64];
  for (int i = 0; i < prl_env_option_count(&prl_env_kuairand); i++)
    value[i] = prl_env_kuairand.options[i].value;
  assert_int_equal(prl_env_kuairand.spec(&prl_env_kuairand, value, &spec, &error), PRL_OK);
  assert_int_equal(spec.observations, KR_OBSERVATIONS);
  assert_int_equal(prl_vecenv_new(runtime, &prl_env_kuairand, NULL, 4, 1, 0, &env, &error), PRL_EINVAL);
  assert_non_null(strstr(error.message, "kuairand: this is missing: world"));
  prl_env_world *file = NULL;
  assert_int_equal(prl_env_world_open(runtime, &prl_env_cartpole, "x", &file, &error), PRL_EINVAL);
  assert_non_null(strstr(error.message, "'cartpole' is made from no file"));
}

static void test_options_are_checked(void **state) {
  opened o = open_made(&small_world);
  static const struct {
    const char *name;
    double value;
    const char *words;
  } bad[] = {{"candidates", 60, "candidates is 60; a multiple of 8 from 8 to 128 is needed, such as 64"},
             {"candidates", 7, "7; 8 to 128 is accepted"},
             {"shown", 2.5, "shown is 2.5; a whole number is needed"},
             {"shown", 13, "13; 1 to 12 is accepted"},
             {"return_wait", 30, "return_wait is 30 h; 0, 24, 48, 72 or 96 is needed"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    double value[64];
    prl_vecenv *env = NULL;
    prl_error error;
    int index;
    for (int k = 0; k < prl_env_option_count(o.type); k++) value[k] = o.type->options[k].value;
    index = env_option(o.type, bad[i].name);
    assert_true(index >= 0);
    value[index] = bad[i].value;
    assert_int_equal(prl_vecenv_new(o.runtime, o.type, value, 4, 1, 0, &env, &error), PRL_EINVAL);
    if (!strstr(error.message, bad[i].words)) fail_msg("%s", error.message);
  }
  close_made(&o);
}

/* ---- Factors of every number, since each padding has code of its own ---- */

static void test_worlds_of_any_number_of_factors_run(void **state) {
  for (int64_t factors = 3; factors <= 32; factors += 7) {
    made_world made = small_world;
    made.factors = factors;
    opened o = open_made(&made);
    env_run run = env_run_of(o.type, 19, 3, 0);
    for (int t = 0; t < 30; t++) assert_int_equal(prl_vecenv_step(run.env, &run.step, NULL), PRL_OK);
    const prl_env_spec *spec = prl_vecenv_spec(run.env);
    for (int64_t k = 0; k < 19 * spec->observations; k++) assert_true(isfinite(run.step.observation[k]));
    for (int64_t i = 0; i < 19; i++) assert_true(run.step.response[i * spec->responses] > 0);
    env_run_free(&run);
    close_made(&o);
  }
}

static void test_a_duration_that_is_not_known(void **state) {
  made_world made = small_world;
  made.spoil = "videos/duration", made.spoilt = 0;
  opened o = open_made(&made);
  const float *row = o.world->response.video + 599 * (o.world->factors + KR_ROW) + o.world->factors;
  assert_true(o.world->duration[599] == 18); /* the seconds of a long view, as in the logs */
  assert_true(row[KR_V_PLAYED] == 0);        /* and a column of its own in the table of play times */
  assert_float_equal(row[KR_V_PLAYED - KR_ROW - o.world->factors], logf(o.world->duration[598]), 1e-6f);
  close_made(&o);
}

/* ---- State ---- */

static void random_steps(env_run *run, int count, uint32_t *random) {
  const int64_t actions = 9 * prl_vecenv_count(run->env);
  for (int t = 0; t < count; t++) {
    for (int64_t k = 0; k < actions; k++) {
      *random = *random * 1664525u + 1013904223u;
      run->action[k] = (float)(*random >> 8) * 0x1p-23f - 1;
    }
    assert_int_equal(prl_vecenv_step(run->env, &run->step, NULL), PRL_OK);
  }
}

static void test_save_and_load_go_on_byte_for_byte(void **state) {
  opened o = open_made(&small_world);
  env_run a = env_run_of(o.type, 9, 11, 40), b = env_run_of(o.type, 9, 999, 0);
  uint32_t random = 4;
  random_steps(&a, 37, &random);
  int64_t size = env_state_size(a.env);
  void *block = malloc((size_t)size);
  assert_int_equal(prl_vecenv_save(a.env, block, size, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_load(b.env, block, size, NULL), PRL_OK);
  const size_t rows = 9 * (size_t)prl_vecenv_spec(a.env)->observations * sizeof(float);
  for (int t = 0; t < 250; t++) {
    uint32_t same = random;
    random_steps(&a, 1, &random);
    random_steps(&b, 1, &same);
    assert_memory_equal(a.step.observation, b.step.observation, rows);
    assert_memory_equal(a.step.response, b.step.response, 9 * KR_RESPONSES * sizeof(float));
  }
  free(block);
  env_run_free(&a), env_run_free(&b);
  close_made(&o);
}

static void test_the_state_of_another_world_is_refused(void **state) {
  made_world made = small_world;
  opened o = open_made(&made);
  made.seed = 2;
  opened other = open_made(&made);
  assert_string_not_equal(o.type->digest, other.type->digest);
  env_run a = env_run_of(o.type, 9, 11, 40), b = env_run_of(other.type, 9, 11, 40);
  int64_t size = env_state_size(a.env);
  unsigned char *block = malloc((size_t)size);
  prl_error error;
  assert_int_equal(prl_vecenv_save(a.env, block, size, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_load(b.env, block, size, &error), PRL_EFORMAT);
  assert_non_null(strstr(error.message, "belongs to another world than this one"));
  /* A user that the world does not have would be read out of bounds. */
  const size_t user = (size_t)size - 9 * kr_state_size(64, 0) + offsetof(kr_user, known.user);
  memset(block + user, 0x7f, 4);
  assert_int_equal(prl_vecenv_load(a.env, block, size, &error), PRL_EFORMAT);
  assert_non_null(strstr(error.message, "is damaged at instance 0"));
  free(block);
  env_run_free(&a), env_run_free(&b);
  close_made(&o), close_made(&other);
}

static void test_a_step_allocates_nothing(void **state) {
  opened o = open_made(&small_world);
  env_run run = env_run_of(o.type, 64, 1, 0);
  uint32_t random = 4;
  const int64_t before = prl_runtime_memory(run.runtime).allocations;
  random_steps(&run, 100, &random);
  assert_int_equal(prl_runtime_memory(run.runtime).allocations, before);
  env_run_free(&run);
  close_made(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_file_that_is_none),
      cmocka_unit_test(test_a_file_that_is_cut),
      cmocka_unit_test(test_every_flipped_bit_is_noticed),
      cmocka_unit_test(test_a_file_with_wrong_bytes),
      cmocka_unit_test(test_tensors_that_are_missing_or_of_another_shape),
      cmocka_unit_test(test_numbers_that_cannot_be),
      cmocka_unit_test(test_sizes_that_do_not_fit),
      cmocka_unit_test(test_an_environment_without_its_file),
      cmocka_unit_test(test_options_are_checked),
      cmocka_unit_test(test_worlds_of_any_number_of_factors_run),
      cmocka_unit_test(test_a_duration_that_is_not_known),
      cmocka_unit_test(test_save_and_load_go_on_byte_for_byte),
      cmocka_unit_test(test_the_state_of_another_world_is_refused),
      cmocka_unit_test(test_a_step_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, open_group, close_group);
}
