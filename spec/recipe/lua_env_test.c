/* Environments in Lua: the example, saving, reproducible draws, errors with file and line, memory that gives
 * out. */
#include "env/env_support.h"
#include "recipe/lua_env.h"
#include "support/failing_alloc.h"
#include "support/scratch.h"

#include <math.h>
#include <stdio.h>

static char folder[64];

static const char *write_file(const char *text) {
  static char path[256];
  snprintf(path, sizeof path, "%s/mine.lua", folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  return path;
}

/* A declaration with one discrete dimension and one response, around the given functions. */
static const char *small(const char *functions) {
  static char text[2000];
  snprintf(
      text, sizeof text,
      "local env = {observation = {\"x\", \"y\"}, action = {\"discrete\", push = {\"left\", \"right\"}},\n"
      "  responses = {reward = {missing = -7}}}\n%s\nreturn env\n",
      functions);
  return write_file(text);
}

typedef struct opened {
  prl_runtime *runtime;
  prl_lua_env *env;
} opened;

static opened open_env(const char *path) {
  opened o = {0};
  prl_error error = {0};
  assert_int_equal(prl_runtime_new(NULL, &o.runtime, NULL), PRL_OK);
  if (prl_lua_env_open(o.runtime, path, NULL, &o.env, &error)) fail_msg("%s", error.message);
  return o;
}

static void close_env(opened *o) {
  prl_lua_env_close(o->env);
  assert_int_equal(prl_runtime_memory(o->runtime).live_bytes, 0);
  prl_runtime_release(o->runtime);
}

static void drive(env_run *run, int t) {
  for (int i = 0; i < prl_vecenv_count(run->env); i++) run->action[i] = sinf((float)(t + 3 * i));
  prl_error error = {0};
  if (prl_vecenv_step(run->env, &run->step, &error)) fail_msg("%s", error.message);
}

static void test_the_example_declares_itself(void **state) {
  opened o = open_env("examples/lua_env/tank.lua");
  const prl_env_type *type = prl_lua_env_type(o.env);
  assert_string_equal(type->name, "tank");
  assert_string_equal(type->options[0].name, "leak");
  assert_string_equal(type->options[1].name, "max_steps");
  assert_true(type->options[1].value == 200);
  env_run run = env_run_of(type, 3, 1, 0);
  const prl_env_spec *spec = prl_vecenv_spec(run.env);
  assert_int_equal(spec->observations, 2);
  assert_string_equal(spec->observation[0].unit, "m");
  assert_true(spec->observation[0].high == 2);
  assert_int_equal(spec->action_kind, PRL_ACTION_CONTINUOUS);
  assert_true(spec->action[0].low == -1 && spec->action[0].high == 1);
  assert_string_equal(spec->response[0].name, "deviation");
  assert_string_equal(spec->response[1].name, "spilled");
  assert_int_equal(spec->max_steps, 200);
  env_run_free(&run);
  close_env(&o);
}

static void test_the_example_steps_and_truncates(void **state) {
  opened o = open_env("examples/lua_env/tank.lua");
  env_run run = env_run_of(prl_lua_env_type(o.env), 3, 1, 0);
  int truncated = 0;
  for (int t = 0; t < 400; t++) {
    drive(&run, t);
    for (int i = 0; i < 3; i++) {
      assert_int_equal(run.step.elapsed_us[i], 100000);
      const float *row = run.step.truncated[i] ? run.step.final_observation : run.step.observation;
      assert_true(fabsf(run.step.response[2 * i] - fabsf(row[2 * i] - 1)) < 1e-6f);
      truncated += run.step.truncated[i];
    }
  }
  assert_int_equal(truncated, 6);
  env_run_free(&run);
  close_env(&o);
}

static void test_a_saved_environment_goes_on_byte_for_byte(void **state) {
  opened o = open_env("examples/lua_env/tank.lua");
  env_run a = env_run_of(prl_lua_env_type(o.env), 3, 1, 7), b = env_run_of(prl_lua_env_type(o.env), 3, 99, 0);
  for (int t = 0; t < 30; t++) drive(&a, t);
  int64_t size = env_state_size(a.env);
  void *block = malloc((size_t)size);
  prl_error error = {0};
  if (prl_vecenv_save(a.env, block, size, &error)) fail_msg("%s", error.message);
  if (prl_vecenv_load(b.env, block, size, &error)) fail_msg("%s", error.message);
  for (int t = 30; t < 300; t++) {
    drive(&a, t);
    drive(&b, t);
    assert_memory_equal(a.step.observation, b.step.observation, 6 * sizeof(float));
  }
  assert_int_equal(prl_vecenv_load(b.env, block, size - 1, &error), PRL_EFORMAT);
  free(block);
  env_run_free(&a);
  env_run_free(&b);
  close_env(&o);
}

static void test_a_world_does_not_depend_on_its_batch(void **state) {
  opened o = open_env("examples/lua_env/tank.lua");
  env_run many = env_run_of(prl_lua_env_type(o.env), 5, 3, 0),
          one = env_run_of(prl_lua_env_type(o.env), 1, 3, 4);
  assert_memory_equal(many.step.observation + 8, one.step.observation, 2 * sizeof(float));
  for (int t = 0; t < 50; t++) {
    drive(&many, t);
    one.action[0] = many.action[4];
    assert_int_equal(prl_vecenv_step(one.env, &one.step, NULL), PRL_OK);
    assert_memory_equal(many.step.observation + 8, one.step.observation, 2 * sizeof(float));
  }
  env_run_free(&many);
  env_run_free(&one);
  close_env(&o);
}

static void test_small_forms(void **state) {
  opened o =
      open_env(small("function env.reset(self) self.x = 0 return {0, 0} end\n"
                     "function env.step(self, action)\n"
                     "  self.x = self.x + action.push\n"
                     "  return {self.x, math.random(1, 6)}, self.x > 1 and self.x or nil, self.x == 3\n"
                     "end"));
  env_run run = env_run_of(prl_lua_env_type(o.env), 1, 1, 0);
  assert_int_equal(env_state_size(run.env), 0); /* it has no save */
  run.action[0] = 1;
  for (int t = 1; t <= 3; t++) {
    assert_int_equal(prl_vecenv_step(run.env, &run.step, NULL), PRL_OK);
    assert_int_equal(run.step.terminated[0], t == 3);
    assert_true(run.step.response[0] == (t > 1 ? (float)t : -7));
    const float *row = t == 3 ? run.step.final_observation : run.step.observation;
    assert_true(row[0] == (float)t && row[1] >= 1 && row[1] <= 6 && row[1] == floorf(row[1]));
  }
  assert_true(run.step.observation[0] == 0);
  env_run_free(&run);
  close_env(&o);
}

/* ---- What is refused ---- */

static void refused(const char *path, prl_status status, const char *sentence) {
  prl_runtime *runtime = NULL;
  prl_lua_env *env = NULL;
  prl_error error = {0};
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  assert_int_equal(prl_lua_env_open(runtime, path, NULL, &env, &error), status);
  if (!strstr(error.message, sentence) || !strstr(error.message, "mine.lua")) fail_msg("%s", error.message);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
}

#define BOTH "function env.reset() return {0, 0} end function env.step() return {0, 0}, 0 end "

static void test_bad_files_are_refused_with_their_place(void **state) {
  char path[256];
  snprintf(path, sizeof path, "%s/no_mine.lua", folder);
  refused(path, PRL_EIO, "No such file");
  refused(write_file("return {\n  name = \"x\"\n  summary = 1}"), PRL_EFORMAT, "mine.lua:3:");
  refused(write_file("local a = nil\nreturn a.b"), PRL_EFORMAT, "mine.lua:2:");
  refused(write_file("return 3"), PRL_EFORMAT, "returns a number");
  refused(small("env.obervation = {}"), PRL_EFORMAT, "\"observation\"");
  refused(small(""), PRL_EFORMAT, "no function reset");
  refused(small("function env.reset() end"), PRL_EFORMAT, "no function step");
  refused(small(BOTH "function env.save() end"), PRL_EFORMAT, "save and load");
  refused(small(BOTH "env.step = 3"), PRL_EFORMAT, "step is a number");
  refused(small(BOTH "env.observation = {\"x\", \"x\"}"), PRL_EFORMAT, "\"x\" appears twice");
  refused(small(BOTH "env.observation = {}"), PRL_EFORMAT, "observation is empty");
  refused(small(BOTH "env.observation = {{\"x\", low = 2, high = 1}}"), PRL_EFORMAT,
          "observation x: high is 1");
  refused(small(BOTH "env.action = {\"continous\", a = {0, 1}}"), PRL_EFORMAT, "\"continous\"");
  refused(small(BOTH "env.action = {\"discrete\", a = 2, b = 2}"), PRL_EFORMAT, "multi_discrete");
  refused(small(BOTH "env.action = {\"discrete\", a = 1}"), PRL_EFORMAT, "two choices or more");
  refused(small(BOTH "env.action = {\"continuous\", a = {0}}"), PRL_EFORMAT, "action a");
  refused(small(BOTH "env.responses = {like = {combine = \"mean\"}}"), PRL_EFORMAT, "\"mean\"");
  refused(small(BOTH "env.responses = {like = {wait = \"3 weeks\"}}"), PRL_EFORMAT, "response like: wait");
  refused(small(BOTH "env.responses = {like = {unti = \"s\"}}"), PRL_EFORMAT, "\"unit\"");
  refused(small(BOTH "env.options = {g = {5, low = 6}}"), PRL_EFORMAT, "option g");
  refused(small(BOTH "env.max_steps = -1"), PRL_EFORMAT, "max_steps is -1");
  refused(small(BOTH "env.clock = 1"), PRL_EFORMAT, "clock is a number; true or false is needed");
  refused(small(BOTH "env.name = math.random()"), PRL_EFORMAT, "math.random draws only");
}

static void fails_at_step(const char *functions, const char *sentence) {
  opened o = open_env(small(functions));
  prl_error error = {0};
  prl_vecenv *env = NULL;
  assert_int_equal(prl_vecenv_new(o.runtime, prl_lua_env_type(o.env), NULL, 2, 0, 0, &env, &error), PRL_OK);
  env_run run = {.env = env};
  env_run_buffers(&run);
  prl_status status = prl_vecenv_reset(env, run.step.observation, &error);
  if (!status) status = prl_vecenv_step(env, &run.step, &error);
  assert_int_equal(status, PRL_EFORMAT);
  if (!strstr(error.message, sentence)) fail_msg("%s", error.message);
  assert_int_equal(prl_vecenv_step(env, &run.step, &error), PRL_ESTATE);
  env_run_free(&run);
  close_env(&o);
}

#define RESET "function env.reset() return {0, 0} end\n"

static void test_errors_while_running(void **state) {
  fails_at_step(RESET "function env.step(self)\n  return self.a.b\nend",
                "instance 0 of the environment 'mine'");
  fails_at_step(RESET "function env.step(self)\n  return self.a.b\nend", "mine.lua:5:");
  fails_at_step(RESET "function env.step() error({}) end", "an error that is a table");
  fails_at_step(RESET "function env.step() return {0}, 0 end", "observation of 1 numbers; 2 are needed");
  fails_at_step(RESET "function env.step() return {0, 0/0}, 0 end", "observation y is nan");
  fails_at_step(RESET "function env.step() return {0, \"a\"}, 0 end", "observation y is string");
  fails_at_step(RESET "function env.step() return {0, 0}, {rewrad = 1} end", "\"reward\"");
  fails_at_step(RESET "function env.step() return {0, 0}, {reward = 1/0} end", "response reward is inf");
  fails_at_step(RESET "function env.step() return {0, 0}, 0, 1 end", "the third value is a number");
  fails_at_step(RESET "function env.step() return {0, 0}, 0, nil, -1 end", "seconds that passed");
  fails_at_step("function env.reset() end function env.step() end", "reset returned a nil");
  fails_at_step(BOTH "function env.new() end", "new(options) returned nothing");
  fails_at_step(BOTH "env.options = {leak = {1}} function env.new(options) return {leak = options.leek} end",
                "the environment has no option \"leek\"; the nearest is \"leak\"");
  fails_at_step(RESET "function env.step() math.randomseed(3) end", "math.randomseed");
}

static prl_status whole_life(prl_runtime *runtime, void *context, prl_error *error) {
  prl_lua_env *lua = NULL;
  prl_vecenv *env = NULL;
  float observation[4], final[4], response[4], action[2] = {0.5f, -0.5f};
  uint8_t terminated[2], truncated[2];
  int64_t elapsed[2];
  static char block[4096];
  int64_t size = 0;
  prl_step step = {action, observation, response, terminated, truncated, final, elapsed};
  prl_status status = prl_lua_env_open(runtime, "examples/lua_env/tank.lua", NULL, &lua, error);
  if (!status) status = prl_vecenv_new(runtime, prl_lua_env_type(lua), NULL, 2, 0, 0, &env, error);
  if (!status) status = prl_vecenv_reset(env, observation, error);
  if (!status) status = prl_vecenv_step(env, &step, error);
  if (!status) status = prl_vecenv_state_size(env, &size, error);
  if (!status) status = prl_vecenv_save(env, block, size, error);
  if (!status) status = prl_vecenv_load(env, block, size, error);
  prl_vecenv_free(env);
  prl_lua_env_close(lua);
  return status;
}

static void test_memory_gives_out_anywhere(void **state) { fail_each_request(whole_life, NULL, true); }

static int make_folder(void **state) {
  (void)state;
  scratch_folder(folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_example_declares_itself),
      cmocka_unit_test(test_the_example_steps_and_truncates),
      cmocka_unit_test(test_a_saved_environment_goes_on_byte_for_byte),
      cmocka_unit_test(test_a_world_does_not_depend_on_its_batch),
      cmocka_unit_test(test_small_forms),
      cmocka_unit_test(test_bad_files_are_refused_with_their_place),
      cmocka_unit_test(test_errors_while_running),
      cmocka_unit_test(test_memory_gives_out_anywhere),
  };
  return cmocka_run_group_tests(tests, make_folder, NULL);
}
