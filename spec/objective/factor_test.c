/* Rewards that are others times a number: what is found holds for any responses, and what is not said to be
 * one is left alone. */
#include "support/runtime.h"

#include <math.h>

#include "objective/expression.h"
#include "objective/factor.h"

enum { RESPONSES = 3, ROWS = 64 };
static prl_error error;

static prl_doc *parsed(const char *text) {
  prl_doc *doc;
  CHECK_OK(prl_json_parse(runtime, text, strlen(text), &doc, &error));
  return doc;
}

static const struct {
  const char *tree, *other;
  double factor; /* 0: there is none */
} cases[] = {
    {"[\"r\",0]", "[\"r\",0]", 1},
    {"[\"r\",0]", "[\"mul\",2,[\"r\",0]]", 2},
    {"[\"mul\",[\"r\",0],4]", "[\"r\",0]", 0.25},
    {"[\"r\",0]", "[\"neg\",[\"div\",[\"r\",0],4]]", -0.25},
    {"[\"add\",[\"r\",0],[\"mul\",3,[\"r\",1]]]", "[\"add\",[\"mul\",2,[\"r\",0]],[\"mul\",6,[\"r\",1]]]", 2},
    {"[\"sub\",[\"r\",0],1]", "[\"sub\",[\"mul\",2,[\"r\",0]],2]", 2},
    {"[\"where\",[\"gt\",[\"r\",0],0],1,0]", "[\"where\",[\"gt\",[\"r\",0],0],5,0]", 5},
    {"[\"log1p\",[\"abs\",[\"r\",1]]]", "[\"mul\",3,[\"log1p\",[\"abs\",[\"r\",1]]]]", 3},
    {"3", "6", 2},
    {"[\"r\",0]", "[\"r\",1]", 0},
    {"[\"r\",0]", "[\"add\",[\"r\",0],1]", 0},
    {"[\"add\",[\"r\",0],[\"r\",1]]", "[\"add\",[\"mul\",2,[\"r\",0]],[\"r\",1]]", 0},
    {"[\"add\",[\"r\",0],1]", "[\"add\",[\"mul\",2,[\"r\",0]],1]", 0},
    {"[\"add\",[\"r\",0],0]", "[\"add\",[\"r\",0],1]", 0},
    {"[\"where\",[\"gt\",[\"r\",0],0],1,0]", "[\"where\",[\"gt\",[\"r\",0],1],2,0]", 0},
    {"[\"abs\",[\"r\",0]]", "[\"abs\",[\"mul\",2,[\"r\",0]]]", 0}, /* it is one, and does not show */
    {"[\"r\",0]", "[\"mul\",0,[\"r\",0]]", 0},
    {"[\"mul\",0,[\"r\",0]]", "[\"r\",0]", 0},
    {"[\"add\",[\"r\",0],[\"r\",1]]", "[\"add\",[\"mul\",2,[\"r\",0]],[\"mul\",0,[\"r\",1]]]", 0},
    {"[\"add\",[\"r\",0],[\"mul\",0,[\"r\",1]]]", "[\"add\",[\"mul\",2,[\"r\",0]],[\"r\",1]]", 0},
    {"[\"add\",[\"r\",0],[\"mul\",0,[\"r\",1]]]", "[\"add\",[\"mul\",2,[\"r\",0]],[\"mul\",0,[\"r\",1]]]", 2},
    {"[\"r\",0]", "[\"mul\",2,[\"r\",0],[\"r\",1]]", 0},
    {"0", "0", 0},
    {"[\"div\",[\"r\",0],0]", "[\"r\",0]", 0},
};

static void evaluate(const prl_value *tree, const float *responses, float *out) {
  prl_expression *expression;
  CHECK_OK(prl_expression_new(runtime, tree, RESPONSES, "a tree", &expression, &error));
  prl_expression_eval(expression, ROWS, responses, out);
  prl_expression_free(expression);
}

static void factors(void **state) {
  (void)state;
  float responses[ROWS * RESPONSES], x[ROWS], y[ROWS];
  for (int i = 0; i < ROWS * RESPONSES; i++) responses[i] = (float)sin(7.0 * i * i);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    prl_doc *a = parsed(cases[i].tree), *b = parsed(cases[i].other);
    double factor = 77;
    const bool found = prl_expression_factor(&a->root, &b->root, &factor);
    if (found != (cases[i].factor != 0)) fail_msg("%s of %s", cases[i].other, cases[i].tree);
    assert_true(factor == (found ? cases[i].factor : 77));
    if (found) {
      evaluate(&a->root, responses, x);
      evaluate(&b->root, responses, y);
      for (int row = 0; row < ROWS; row++)
        assert_true(fabs((double)y[row] - factor * (double)x[row]) <= 1e-6 * fabs((double)y[row]));
    }
    prl_doc_free(a);
    prl_doc_free(b);
  }
  assert_false(prl_expression_factor(NULL, NULL, &(double){0}));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(factors)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
