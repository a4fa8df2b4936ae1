/* A saved ranker: whatever loads scores a few rows. */
#include "fuzz.h"
#include "perilune/ranker.h"

static void score(prl_ranker *ranker) {
  enum { ROWS = 3, MOST = 256 };
  prl_error error;
  int32_t ids[ROWS * MOST] = {0}, items[ROWS * MOST] = {0};
  float numbers[ROWS * MOST] = {0}, scores[ROWS * MOST];
  if (prl_ranker_categories(ranker) > MOST || prl_ranker_numbers(ranker) > MOST ||
      prl_ranker_items(ranker) > MOST || prl_ranker_heads(ranker) > MOST)
    return;
  for (int i = 0; i < ROWS * prl_ranker_categories(ranker); i++)
    ids[i] = prl_ranker_id(ranker, i % prl_ranker_categories(ranker), "12");
  fuzz_ok(prl_ranker_score(ranker, ids, numbers, items, ROWS, scores, &error), &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char path[32];
  prl_error error;
  prl_ranker *ranker;
  int file = fuzz_file(data, size, path);
  prl_runtime *runtime = fuzz_runtime();
  if (fuzz_ok(prl_ranker_load(runtime, path, 4, &ranker, &error), &error)) {
    score(ranker);
    prl_ranker_free(ranker);
  }
  close(file);
  fuzz_end(runtime);
  return 0;
}
