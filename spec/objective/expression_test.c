#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "objective/expression.h"

static prl_runtime *runtime;
static prl_error error;

static prl_status compile(const char *json, prl_expression **out) {
  prl_doc *doc;
  assert_int_equal(prl_json_parse(runtime, json, strlen(json), &doc, &error), PRL_OK);
  prl_status status = prl_expression_new(runtime, &doc->root, 2, "reward", out, &error);
  prl_doc_free(doc);
  return status;
}

static double value(const char *json, double a, double b) {
  prl_expression *e;
  assert_int_equal(compile(json, &e), PRL_OK);
  double v = prl_expression_value(e, (double[]){a, b});
  /* The vectorised rows say the same, wherever a row stands. */
  enum { ROWS = 131 };
  float rows[2 * ROWS], out[ROWS];
  for (int i = 0; i < ROWS; i++) {
    rows[2 * i] = (float)a;
    rows[2 * i + 1] = (float)b;
  }
  prl_expression_eval(e, ROWS, rows, out);
  double single = prl_expression_value(e, (double[]){(float)a, (float)b});
  for (int i = 0; i < ROWS; i++) assert_true(out[i] == (float)single);
  prl_expression_free(e);
  return v;
}

static void each_operation(void **state) {
  (void)state;
  const struct {
    const char *tree;
    double expected;
  } cases[] = {
      {"3.5", 3.5},
      {"[\"r\",0]", 2},
      {"[\"add\",[\"r\",0],[\"r\",1],1]", 2 - 0.5 + 1},
      {"[\"sub\",[\"r\",0],[\"r\",1]]", 2.5},
      {"[\"mul\",[\"r\",0],[\"r\",1],4]", -4},
      {"[\"div\",[\"r\",0],[\"r\",1]]", -4},
      {"[\"neg\",[\"r\",0]]", -2},
      {"[\"min\",[\"r\",0],[\"r\",1],-3]", -3},
      {"[\"max\",[\"r\",0],[\"r\",1],-3]", 2},
      {"[\"clip\",[\"r\",0],-1,1]", 1},
      {"[\"clip\",[\"r\",1],0,1]", 0},
      {"[\"clip\",[\"r\",1],-1,1]", -0.5},
      {"[\"log\",[\"r\",0]]", 0.69314718055994530942},
      {"[\"log1p\",[\"r\",0]]", 1.09861228866810969140},
      {"[\"exp\",[\"r\",1]]", 0.60653065971263342360},
      {"[\"sqrt\",[\"r\",0]]", 1.41421356237309504880},
      {"[\"abs\",[\"r\",1]]", 0.5},
      {"[\"where\",[\"gt\",[\"r\",0],1],10,20]", 10},
      {"[\"where\",[\"gt\",[\"r\",1],1],10,20]", 20},
      {"[\"gt\",[\"r\",0],2]", 0},
      {"[\"ge\",[\"r\",0],2]", 1},
      {"[\"lt\",[\"r\",1],-0.5]", 0},
      {"[\"le\",[\"r\",1],-0.5]", 1},
      {"[\"eq\",[\"r\",0],2]", 1},
      {"[\"both\",1,[\"r\",0],0]", 0},
      {"[\"both\",1,[\"r\",0],3]", 1},
      {"[\"either\",0,[\"sub\",[\"r\",0],2]]", 0},
      {"[\"either\",0,[\"r\",0]]", 1},
      {"[\"negate\",[\"r\",0]]", 0},
      {"[\"negate\",0]", 1},
      {"[\"add\",[\"mul\",[\"r\",0],[\"add\",1,[\"r\",1]]],[\"clip\",[\"sub\",[\"r\",0],[\"r\",1]],0,1]]", 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double v = value(cases[i].tree, 2, -0.5);
    if (!(fabs(v - cases[i].expected) < 1e-15)) fail_msg("%s gave %.17g", cases[i].tree, v);
  }
}

static void malformed_trees(void **state) {
  (void)state;
  const char *bad[] = {"null",
                       "\"r\"",
                       "[]",
                       "[1]",
                       "{}",
                       "true",
                       "[\"r\"]",
                       "[\"r\",2]",
                       "[\"r\",-1]",
                       "[\"r\",0.5]",
                       "[\"r\",\"0\"]",
                       "[\"r\",0,0]",
                       "[\"neg\"]",
                       "[\"neg\",1,2]",
                       "[\"add\",1]",
                       "[\"sub\",1,2,3]",
                       "[\"where\",1,2]",
                       "[\"add\",1,null]",
                       "[\"add\",1,[\"clip\",1,2]]",
                       "[\"ad\",1,2]"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    prl_expression *e = (prl_expression *)-1;
    if (compile(bad[i], &e) != PRL_EFORMAT) fail_msg("%s was taken", bad[i]);
    assert_ptr_equal(e, (prl_expression *)-1);
    assert_non_null(strstr(error.message, "reward: "));
  }
  assert_non_null(strstr(error.message, "\"add\""));
}

static int setup(void **state) {
  (void)state;
  return prl_runtime_new(NULL, &runtime, &error);
}

static int teardown(void **state) {
  (void)state;
  int64_t live = prl_runtime_memory(runtime).live_bytes;
  prl_runtime_release(runtime);
  return live > 4096; /* the runtime itself may count */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_operation), cmocka_unit_test(malformed_trees)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
