/* A sum tree draws by weights, follows from them alone whatever order they came in, and takes what it says.
 */
#include "support/runtime.h"

#include <math.h>

#include "core/rng.h"
#include "rl/sum_tree.h"

static prl_error error;

static prl_sum_tree tree_of(int64_t leaves) {
  prl_sum_tree tree;
  CHECK_OK(prl_sum_tree_init(&tree, runtime, leaves, &error));
  return tree;
}

/* Whole weights, some of them 0: each is found from as many points of a grid of step ½ as it is wide. */
static void each_leaf_has_its_part(void **state) {
  (void)state;
  static const int64_t sizes[] = {1, 2, 3, 5, 8, 13, 64, 100};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    prl_sum_tree tree = tree_of(sizes[s]);
    int64_t found[100] = {0}, total = 0;
    for (int64_t i = 0; i < sizes[s]; i++) {
      prl_sum_tree_set(&tree, i, (double)((i + 1) % 4));
      total += (i + 1) % 4;
    }
    assert_true(prl_sum_tree_total(&tree) == (double)total);
    for (int64_t point = 0; point < 2 * total; point++) found[prl_sum_tree_find(&tree, (double)point / 2)]++;
    for (int64_t i = 0; i < sizes[s]; i++) assert_int_equal(found[i], 2 * ((i + 1) % 4));
    /* Behind the end, where rounding may put a point, a weight above 0 is found all the same. */
    assert_true(prl_sum_tree_weights(&tree)[prl_sum_tree_find(&tree, (double)total + 1)] > 0);
    prl_sum_tree_deinit(&tree, runtime);
  }
}

/* Weights of very different sizes, set in two orders, many of them more than once: the same nodes, to the
 * byte, as those that are built from the weights. Differences that were added along the way would not be. */
static void nodes_follow_from_the_weights(void **state) {
  (void)state;
  enum { LEAVES = 37 };
  prl_sum_tree a = tree_of(LEAVES), b = tree_of(LEAVES), built = tree_of(LEAVES);
  double weight[LEAVES];
  for (int i = 0; i < LEAVES; i++) weight[i] = exp(17 * sin(i));
  for (int i = 0; i < LEAVES; i++) prl_sum_tree_set(&a, i, weight[i]);
  for (int turn = 0; turn < 5; turn++)
    for (int i = LEAVES - 1; i >= 0; i--)
      prl_sum_tree_set(&b, i, turn < 4 ? exp(23 * cos(i * turn)) : weight[i]);
  memcpy(prl_sum_tree_weights(&built), weight, sizeof weight);
  prl_sum_tree_build(&built);
  assert_memory_equal(a.node + 1, b.node + 1, (2 * LEAVES - 1) * sizeof *a.node);
  assert_memory_equal(a.node + 1, built.node + 1, (2 * LEAVES - 1) * sizeof *a.node);
  prl_sum_tree_deinit(&a, runtime);
  prl_sum_tree_deinit(&b, runtime);
  prl_sum_tree_deinit(&built, runtime);
}

/* Points drawn uniformly: Pearson's χ² of the counts, 19 degrees of freedom, is below its 99.9 % quantile. */
static void draws_are_in_proportion(void **state) {
  (void)state;
  enum { LEAVES = 21, DRAWS = 100000 };
  static float uniform[DRAWS];
  prl_sum_tree tree = tree_of(LEAVES);
  int64_t count[LEAVES] = {0};
  for (int i = 0; i < LEAVES; i++) prl_sum_tree_set(&tree, i, i == 7 ? 0 : .1 + i * i);
  prl_rng_uniforms(prl_rng_make(5, 0, PRL_SITE_MEMORY), 0, 0, DRAWS, uniform);
  const double total = prl_sum_tree_total(&tree);
  for (int i = 0; i < DRAWS; i++) count[prl_sum_tree_find(&tree, (double)uniform[i] * total)]++;
  double chi_square = 0;
  assert_int_equal(count[7], 0);
  for (int i = 0; i < LEAVES; i++) {
    if (i == 7) continue;
    const double expected = DRAWS * prl_sum_tree_weights(&tree)[i] / total;
    chi_square += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
  }
  assert_true(chi_square < 43.82);
  prl_sum_tree_deinit(&tree, runtime);
}

static void it_takes_what_it_says(void **state) {
  (void)state;
  const int64_t before = prl_runtime_memory(runtime).live_bytes;
  prl_sum_tree tree = tree_of(1000);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes - before, prl_sum_tree_bytes(1000));
  prl_sum_tree_deinit(&tree, runtime);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_leaf_has_its_part), cmocka_unit_test(nodes_follow_from_the_weights),
      cmocka_unit_test(draws_are_in_proportion), cmocka_unit_test(it_takes_what_it_says)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
