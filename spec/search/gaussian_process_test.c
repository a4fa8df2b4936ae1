#include "support/check.h"

#include <math.h>

#include "search/improvement.h"
#include "support/failing_alloc.h"
#include "support/runtime.h"

static prl_error error;

static const double lengths[] = {1, 2};
static const prl_gp_theta theta = {lengths, 1, 0.2, 0.3, 0.1};
static const prl_improvement_options shape = {.candidates = 3, .incumbents = 2, .draws = 2, .picks = 2};

static prl_gp *process_of(prl_runtime *of) {
  const double points[3][2] = {{0, 0}, {0.5, -0.5}, {1, 1}};
  prl_gp *gp = NULL;
  CHECK_OK(prl_gp_new(of, 2, 3, &gp, &error));
  for (int i = 0; i < 3; i++) CHECK_OK(prl_gp_add(gp, points[i], i / 2, i, &error));
  return gp;
}

/* All memory is taken when the two are made. */
static prl_status make(prl_runtime *of, void *context, prl_error *e) {
  prl_gp *gp = NULL;
  prl_improvement *improvement = NULL;
  prl_status status = prl_gp_new(of, 2, 3, &gp, e);
  if (!status) status = prl_improvement_new(gp, &shape, &improvement, e);
  prl_improvement_free(improvement);
  prl_gp_release(gp);
  return status;
}

static void frees_everything_where_there_is_no_memory(void **state) { fail_each_allocation(make, NULL); }

static void takes_no_memory_after_it_is_made(void **state) {
  const double normals[2][4] = {{0.5, -1, 0, 1}, {-0.3, 0.2, 1, 0}}, asked[3][2] = {{0, 1}, {1, 0}, {-1, -1}};
  double mean[3], deviation[3], gradient[6], value, share[2];
  int64_t trial[2], found, index;
  prl_gp *gp = process_of(runtime);
  prl_improvement *improvement = NULL;
  CHECK_OK(prl_improvement_new(gp, &shape, &improvement, &error));
  int64_t before = prl_runtime_memory(runtime).allocations;
  CHECK_OK(prl_gp_set(gp, &theta, &error));
  CHECK_OK(prl_gp_likelihood(gp, &theta, &value, gradient, &error));
  CHECK_OK(prl_gp_predict(gp, asked[0], 3, mean, deviation, &error));
  CHECK_OK(prl_improvement_begin(improvement, normals[0], share, trial, &found, &error));
  assert_int_equal(found, 2);
  assert_float_equal(share[0] + share[1], 1, 1e-12);
  CHECK_OK(prl_improvement_offer(improvement, asked[0], 3, mean, &error));
  CHECK_OK(prl_improvement_pick(improvement, &index, &value, &error));
  assert_int_equal(prl_runtime_memory(runtime).allocations, before);
  prl_gp_release(gp); /* the improvement holds it */
  CHECK_OK(prl_improvement_pick(improvement, &index, &value, &error));
  prl_improvement_free(improvement);
}

static void refuses_what_does_not_fit_the_budget(void **state) {
  prl_runtime_options options = {.budget_bytes = 1 << 20};
  prl_runtime *small = NULL;
  prl_gp *gp = NULL;
  CHECK_OK(prl_runtime_new(&options, &small, &error));
  assert_int_equal(prl_gp_new(small, 10, 2048, &gp, &error), PRL_ELIMIT);
  assert_null(gp);
  assert_non_null(strstr(error.message, "a Gaussian process of 2048 trials"));
  CHECK_OK(prl_gp_new(small, 2, 20, &gp, &error));
  prl_improvement *improvement = NULL;
  const prl_improvement_options wide = {4096, 1, 4096, 1};
  assert_int_equal(prl_improvement_new(gp, &wide, &improvement, &error), PRL_ELIMIT);
  assert_null(improvement);
  prl_gp_release(gp);
  prl_runtime_release(small);
}

/* A change of hyperparameters gives what a process gives that had them from the start. */
static void forgets_the_factor_of_other_hyperparameters(void **state) {
  const double other[] = {0.3, 5}, asked[2] = {0.2, 0.9};
  const prl_gp_theta before = {other, 4, 0, 1, 2};
  double mean[2], deviation[2];
  prl_gp *moved = process_of(runtime), *fresh = process_of(runtime);
  CHECK_OK(prl_gp_set(moved, &before, &error));
  CHECK_OK(prl_gp_predict(moved, asked, 1, mean, deviation, &error));
  CHECK_OK(prl_gp_set(moved, &theta, &error));
  CHECK_OK(prl_gp_set(fresh, &theta, &error));
  CHECK_OK(prl_gp_predict(moved, asked, 1, mean, deviation, &error));
  CHECK_OK(prl_gp_predict(fresh, asked, 1, mean + 1, deviation + 1, &error));
  assert_true(mean[0] == mean[1] && deviation[0] == deviation[1]);
  prl_gp_release(moved);
  prl_gp_release(fresh);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(frees_everything_where_there_is_no_memory),
                                     cmocka_unit_test(takes_no_memory_after_it_is_made),
                                     cmocka_unit_test(refuses_what_does_not_fit_the_budget),
                                     cmocka_unit_test(forgets_the_factor_of_other_hyperparameters)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
