#include "support/check.h"

#include <string.h>

#include "core/nearest.h"

static const char *hint(prl_nearest *nearest, const char *name) {
  static const char *const names[] = {"gamma", "weight", "scale", "minibatch", "lr", "critic_lr"};
  *nearest = prl_nearest_begin(name);
  for (int i = 0; i < 6; i++) prl_nearest_offer(nearest, names[i]);
  return prl_nearest_hint(nearest);
}

static void test_hints(void **state) {
  (void)state;
  prl_nearest nearest;
  assert_string_equal(hint(&nearest, "gama"), "; the nearest is \"gamma\"");
  assert_string_equal(hint(&nearest, "Wieght"), "; the nearest is \"weight\"");
  assert_int_equal(nearest.distance, 1);
  assert_string_equal(hint(&nearest, "mini_batch"), "; the nearest is \"minibatch\"");
  assert_string_equal(hint(&nearest, "rl"), "; the nearest is \"lr\"");
  assert_string_equal(hint(&nearest, "min"), "; the nearest is \"minibatch\"");
  assert_null(strstr(hint(&nearest, "mi"), "minibatch\""));
  assert_string_equal(hint(&nearest, "observation"),
                      "; there are gamma, weight, scale, minibatch, lr, critic_lr");
  prl_nearest_offer(&nearest, "a seventh");
  assert_string_equal(prl_nearest_hint(&nearest), ""); /* too many to list */
  nearest = prl_nearest_begin("observation");
  assert_string_equal(prl_nearest_hint(&nearest), "");
  prl_nearest_offer(&nearest, "lr");
  assert_string_equal(prl_nearest_hint(&nearest), "; there is only lr");
  for (int i = 0; i < 2; i++) { /* names that would be cut */
    char name[81] = {0};
    memset(name, 'x' + i, 80);
    prl_nearest_offer(&nearest, name);
  }
  assert_string_equal(prl_nearest_hint(&nearest), "");
  char longest[300];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  assert_non_null(strstr(hint(&nearest, longest), "; there are gamma"));
  assert_null(nearest.best);
  assert_non_null(strstr(hint(&nearest, ""), "; there are gamma"));
  assert_null(nearest.best);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_hints)};
  return cmocka_run_group_tests_name("core/nearest", tests, NULL, NULL);
}
