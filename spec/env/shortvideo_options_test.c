/* Options and presets of the short-video simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "env/types.h"
#include "support/env_option.h"

/* Values that the option table allows one by one, and that do not go together. */
static void refused(const char *name, double value, const char *words) {
  double values[64];
  prl_env_spec spec = {0};
  prl_error error = {0};
  int index, count = prl_env_option_count(&prl_env_shortvideo);
  for (int i = 0; i < count; i++) values[i] = prl_env_shortvideo.options[i].value;
  index = env_option(&prl_env_shortvideo, name);
  assert_true(index >= 0);
  values[index] = value;
  assert_int_equal(prl_env_shortvideo.spec(&prl_env_shortvideo, values, &spec, &error), PRL_EINVAL);
  assert_non_null(strstr(error.message, words));
}

static void test_bad_options(void **state) {
  refused("candidates", 12, "multiple of 8");
  refused("candidates", 64.5, "whole number");
  refused("shown", 2.5, "whole number");
  refused("return_wait", 30, "0, 24, 48, 72 or 96");
  double values[64];
  int count = prl_env_option_count(&prl_env_shortvideo), index;
  for (int i = 0; i < count; i++) values[i] = prl_env_shortvideo.options[i].value;
  index = env_option(&prl_env_shortvideo, "candidates");
  assert_true(index >= 0);
  values[index] = 1000;
  prl_runtime *runtime;
  prl_vecenv *env;
  prl_error error;
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  assert_int_equal(prl_vecenv_new(runtime, &prl_env_shortvideo, values, 4, 1, 0, &env, &error), PRL_EINVAL);
  assert_non_null(strstr(error.message, "candidates"));
  prl_runtime_release(runtime);
}

static void test_presets_name_options_within_their_ranges(void **state) {
  int presets = 0;
  for (const prl_env_preset *p = prl_env_shortvideo.presets; p->name; p++, presets++)
    for (const prl_env_setting *s = p->settings; s->option; s++) {
      int index;
      index = env_option(&prl_env_shortvideo, s->option);
      assert_true(index >= 0);
      const prl_env_option *option = &prl_env_shortvideo.options[index];
      assert_true(s->value >= option->low && s->value <= option->high);
      if (!strcmp(p->name, "strong")) assert_true(s->value == option->value);
    }
  assert_int_equal(presets, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_options),
                                     cmocka_unit_test(test_presets_name_options_within_their_ranges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
