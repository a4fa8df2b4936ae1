/* Shared objects: the template, built by the command of its README, and what may be wrong with others. */
#include "support/scratch.h"
#include "env_support.h"

#include <math.h>
#include <stdio.h>

static char folder[64];

/* Compiles `source` (a path) into folder/name.so. */
static const char *compile(const char *source, const char *name) {
  static char so[256], command[1024];
  snprintf(so, sizeof so, "%s/%s.so", folder, name);
  snprintf(command, sizeof command,
           "cc -O2 -Wall -Wextra -Werror -shared -fPIC -Iruntime/include %s -o %s -lm", source, so);
  assert_int_equal(system(command), 0);
  return so;
}

static const char *compile_text(const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s.c", folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file, "#include \"perilune/env.h\"\nconst prl_env_type *prl_env_entry(void);\n%s\n", text);
  fclose(file);
  return compile(path, name);
}

static void refused(const char *path, prl_status status, const char *sentence) {
  prl_runtime *runtime = NULL;
  prl_env_library *library = NULL;
  prl_error error = {0};
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  assert_int_equal(prl_env_library_open(runtime, path, &library, &error), status);
  if (!strstr(error.message, sentence)) fail_msg("%s", error.message);
  assert_null(library);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
}

static void test_the_template_runs(void **state) {
  prl_runtime *runtime = NULL;
  prl_env_library *library = NULL;
  prl_error error = {0};
  const char *path = compile("examples/c_env/regulator.c", "regulator");
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  if (prl_env_library_open(runtime, path, &library, &error)) fail_msg("%s", error.message);
  const prl_env_type *type = prl_env_library_type(library);
  assert_string_equal(type->name, "regulator");
  env_run run = env_run_of(type, 8, 3, 0), same = env_run_of(type, 8, 3, 0);
  int truncated = 0;
  for (int t = 0; t < 900; t++) {
    /* A spring and a damper hold the cart. */
    for (int i = 0; i < 8; i++) {
      const float *row = run.step.observation + 3 * i;
      run.action[i] = same.action[i] = -2 * row[0] - 2 * row[1] - row[2];
    }
    assert_int_equal(prl_vecenv_step(run.env, &run.step, &error), PRL_OK);
    assert_int_equal(prl_vecenv_step(same.env, &same.step, &error), PRL_OK);
    assert_memory_equal(run.step.observation, same.step.observation, 24 * sizeof(float));
    for (int i = 0; i < 8; i++) {
      truncated += run.step.truncated[i];
      assert_int_equal(run.step.terminated[i], 0);
      assert_int_equal(run.step.elapsed_us[i], 50000);
      assert_true(run.step.response[2 * i] < 1.5f && run.step.response[2 * i + 1] <= 9.0001f);
    }
  }
  assert_int_equal(truncated, 16);
  env_run_free(&run);
  env_run_free(&same);
  prl_env_library_close(library);
  prl_runtime_release(runtime);
}

static void test_the_template_refuses_bad_options(void **state) {
  prl_runtime *runtime = NULL;
  prl_env_library *library = NULL;
  prl_vecenv *env = NULL;
  prl_error error = {0};
  const char *path = compile("examples/c_env/regulator.c", "regulator2");
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  assert_int_equal(prl_env_library_open(runtime, path, &library, &error), PRL_OK);
  const double options[] = {0.5, 10.5};
  assert_int_equal(prl_vecenv_new(runtime, prl_env_library_type(library), options, 1, 0, 0, &env, &error),
                   PRL_EINVAL);
  assert_non_null(strstr(error.message, "max_steps is 10.5"));
  prl_env_library_close(library);
  prl_runtime_release(runtime);
}

static void test_what_is_no_environment(void **state) {
  refused("no_such_file.so", PRL_EIO, "./no_such_file.so");
  refused("examples/c_env/README.md", PRL_EIO, "README.md");
  refused(compile_text("null", "const prl_env_type *prl_env_entry(void) { return 0; }"), PRL_EFORMAT, "NULL");
  refused(compile_text("old", "static const prl_env_type t = {.abi = 99, .name = \"old\"};\n"
                              "const prl_env_type *prl_env_entry(void) { return &t; }"),
          PRL_EFORMAT, "ABI 99");
  refused(compile_text("bare", "static const prl_env_type t = {.abi = PRL_ENV_ABI, .name = \"bare\"};\n"
                               "const prl_env_type *prl_env_entry(void) { return &t; }"),
          PRL_EFORMAT, "'bare' has no spec");
  refused(compile_text("other", "const prl_env_type *prl_env_entry(void);\nint something(void);\n"
                                "int something(void) { return 1; }"),
          PRL_EFORMAT, "defines no prl_env_entry");
}

static int make_folder(void **state) {
  (void)state;
  scratch_folder(folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_template_runs),
      cmocka_unit_test(test_the_template_refuses_bad_options),
      cmocka_unit_test(test_what_is_no_environment),
  };
  return cmocka_run_group_tests(tests, make_folder, NULL);
}
