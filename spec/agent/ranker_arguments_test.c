/* Every public function of rankers with each argument that it must refuse. */
#include "support/refused.h"

#include "perilune/ranker.h"

static prl_runtime *runtime;
static prl_ranker *ranker;

static int setup(void **state) {
  (void)state;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  CHECK_OK(prl_ranker_load(runtime, FIXTURES "/ranker.safetensors", 8, &ranker, &error));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  prl_ranker_free(ranker);
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
  prl_runtime_release(runtime);
  return 0;
}

static void ranker_calls(void) {
  prl_ranker *other = NULL;
  static int32_t ids[1024];
  static float numbers[1024], scores[1024];
  REFUSED("runtime", prl_ranker_load(NULL, "x", 1, &other, e));
  REFUSED("path", prl_ranker_load(runtime, NULL, 1, &other, e));
  REFUSED("out", prl_ranker_load(runtime, "x", 1, NULL, e));
  EACH(rows, -1, 0, INT64_MIN, INT64_MAX)
  REFUSED("max_rows", prl_ranker_load(runtime, "x", rows, &other, e));
  END EACH(n, NO_ROWS) REFUSED("n", prl_ranker_score(ranker, ids, numbers, ids, n, scores, e));
  END REFUSED("ranker", prl_ranker_score(NULL, ids, numbers, ids, 1, scores, e));
  REFUSED("ids", prl_ranker_score(ranker, NULL, numbers, ids, 1, scores, e));
  if (prl_ranker_numbers(ranker)) REFUSED("numbers", prl_ranker_score(ranker, ids, NULL, ids, 1, scores, e));
  if (prl_ranker_items(ranker))
    REFUSED("sequences", prl_ranker_score(ranker, ids, numbers, NULL, 1, scores, e));
  REFUSED("scores", prl_ranker_score(ranker, ids, numbers, ids, 1, NULL, e));
  assert_null(other);
}

static void test_refused(void **state) {
  (void)state;
  void (*const tables[])(void) = {ranker_calls};
  read_tables(tables, 1);
}

static void test_without_status(void **state) {
  (void)state;
  prl_ranker_free(NULL);
  const char *(*const names[])(const prl_ranker *, int) = {prl_ranker_category, prl_ranker_number,
                                                           prl_ranker_sequence, prl_ranker_head};
  int (*const counts[])(const prl_ranker *) = {prl_ranker_categories, prl_ranker_numbers, prl_ranker_heads,
                                               prl_ranker_items};
  EACH(index, -1, 1000, INT32_MIN, INT32_MAX)
  for (size_t i = 0; i < 4; i++) assert_null(names[i](ranker, (int)index));
  assert_int_equal(prl_ranker_sequence_length(ranker, (int)index), 0);
  assert_int_equal(prl_ranker_sequence_category(ranker, (int)index), -1);
  assert_int_equal(prl_ranker_id(ranker, (int)index, "x"), -1);
  END for (size_t i = 0; i < 4; i++) {
    assert_null(names[i](NULL, 0));
    assert_int_equal(counts[i](NULL), 0);
  }
  assert_int_equal(prl_ranker_sequence_length(NULL, 0), 0);
  assert_int_equal(prl_ranker_sequence_category(NULL, 0), -1);
  assert_int_equal(prl_ranker_id(NULL, 0, "x"), -1);
  assert_int_equal(prl_ranker_id(ranker, 0, NULL), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_without_status),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
