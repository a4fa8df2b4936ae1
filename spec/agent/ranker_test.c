#include "support/check.h"

#include <math.h>

#include "core/rng.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "perilune/ranker.h"
#include "support/digest.h"
#include "support/failing_alloc.h"
#include "support/full_disk.h"
#include "support/scratch.h"

/* Both made by spec/fixtures/make_ranker.lua. */
#define RANKER FIXTURES "/ranker.safetensors"
#define ROWS FIXTURES "/ranker_rows.safetensors"

static prl_error error;

static int setup(void **state) { return prl_runtime_new(NULL, (prl_runtime **)state, NULL); }

static int teardown(void **state) {
  if (prl_runtime_memory(*state).live_bytes > 4096) return 1;
  prl_runtime_release(*state);
  return 0;
}

typedef struct rows {
  prl_tensor ids, numbers, sequences, scores;
} rows;

static void read_rows(prl_runtime *runtime, rows *out) {
  prl_safetensors *file;
  CHECK_OK(prl_safetensors_open(runtime, ROWS, 0, &file, &error));
  CHECK_OK(prl_safetensors_tensor(file, "ids", &out->ids, &error));
  CHECK_OK(prl_safetensors_tensor(file, "numbers", &out->numbers, &error));
  CHECK_OK(prl_safetensors_tensor(file, "sequences", &out->sequences, &error));
  CHECK_OK(prl_safetensors_tensor(file, "scores", &out->scores, &error));
  prl_safetensors_close(file);
}

static void free_rows(rows *r) {
  prl_tensor_release(&r->ids);
  prl_tensor_release(&r->numbers);
  prl_tensor_release(&r->sequences);
  prl_tensor_release(&r->scores);
}

/* As the network scored when it was trained, whatever the number of rows at once; nothing is allocated. */
static void test_scores(void **state) {
  rows r;
  read_rows(*state, &r);
  float scores[30 * 2], first[30 * 2];
  for (int64_t max_rows = 1; max_rows <= 64; max_rows = max_rows * 3 + 1) {
    prl_ranker *ranker;
    CHECK_OK(prl_ranker_load(*state, RANKER, max_rows, &ranker, &error));
    int64_t before = prl_runtime_memory(*state).allocations;
    CHECK_OK(prl_ranker_score(ranker, r.ids.data, r.numbers.data, r.sequences.data, 30, scores, &error));
    CHECK_OK(prl_ranker_score(ranker, r.ids.data, r.numbers.data, r.sequences.data, 0, scores, &error));
    assert_int_equal(prl_runtime_memory(*state).allocations, before);
    for (int i = 0; i < 60; i++) assert_true(fabsf(scores[i] - ((float *)r.scores.data)[i]) < 1e-5f);
    if (max_rows == 1) memcpy(first, scores, sizeof first);
    assert_memory_equal(scores, first, sizeof first); /* a row's bytes do not depend on its batch */
    prl_ranker_free(ranker);
  }
  free_rows(&r);
}

static void test_tells_what_it_is_made_of(void **state) {
  prl_ranker *ranker;
  CHECK_OK(prl_ranker_load(*state, RANKER, 8, &ranker, &error));
  assert_int_equal(prl_ranker_heads(ranker), 2);
  assert_string_equal(prl_ranker_head(ranker, 0), "click");
  assert_null(prl_ranker_head(ranker, 2));
  assert_int_equal(prl_ranker_categories(ranker), 4);
  assert_string_equal(prl_ranker_category(ranker, 0), "item");
  assert_string_equal(prl_ranker_sequence(ranker, 0), "clicked");
  assert_int_equal(prl_ranker_sequence_length(ranker, 0), 3);
  assert_int_equal(prl_ranker_sequence_category(ranker, 0), 0);
  assert_int_equal(prl_ranker_items(ranker), 3);
  assert_int_equal(prl_ranker_number(ranker, prl_ranker_numbers(ranker) - 1) != NULL, true);
  assert_null(prl_ranker_number(ranker, prl_ranker_numbers(ranker)));
  int32_t home = prl_ranker_id(ranker, 1, "home"), feed = prl_ranker_id(ranker, 1, "feed");
  int32_t rare = prl_ranker_id(ranker, 1, "elsewhere");
  assert_true(home > rare && feed > rare && home != feed);
  assert_int_equal(prl_ranker_id(ranker, -1, "home"), -1);
  assert_int_equal(prl_ranker_id(ranker, 4, "home"), -1);
  prl_ranker_free(ranker);
}

static void test_refusals(void **state) {
  rows r;
  float scores[60];
  prl_ranker *ranker = NULL;
  read_rows(*state, &r);
  CHECK_FAILS(prl_ranker_load(*state, ROWS, 8, &ranker, &error), PRL_EFORMAT, "it is no ranker");
  CHECK_FAILS(prl_ranker_load(*state, "/none", 8, &ranker, &error), PRL_EIO, "No such file");
  CHECK_FAILS(prl_ranker_load(*state, RANKER, 0, &ranker, &error), PRL_EINVAL, "max_rows");
  assert_null(ranker);
  CHECK_OK(prl_ranker_load(*state, RANKER, 8, &ranker, &error));
  ((int32_t *)r.ids.data)[5] = -1;
  CHECK_FAILS(prl_ranker_score(ranker, r.ids.data, r.numbers.data, r.sequences.data, 30, scores, &error),
              PRL_EINVAL, "row 2, category 2: the id -1");
  ((int32_t *)r.ids.data)[5] = 0;
  ((float *)r.numbers.data)[0] = NAN;
  CHECK_FAILS(prl_ranker_score(ranker, r.ids.data, r.numbers.data, r.sequences.data, 30, scores, &error),
              PRL_ENUMERIC, "row 1: the number ");
  prl_ranker_free(ranker);
  free_rows(&r);
}

/* Malformed plans are refused, never a crash: the plan's JSON within the file is mutated. */
static void test_mutations(void **state) {
  char *bytes, folder[64], path[128];
  size_t size;
  uint64_t header;
  int loaded = 0;
  snprintf(path, sizeof path, "%s/r.safetensors", scratch_folder(folder));
  CHECK_OK(prl_file_read(*state, RANKER, 1 << 20, &bytes, &size, &error));
  memcpy(&header, bytes, 8);
  prl_rng rng = prl_rng_make(8, 0, PRL_SITE_USER);
  for (uint32_t i = 0; i < 600; i++) {
    static const char pool[] = "0123456789-abenstu[]{}:,";
    uint32_t w[4];
    prl_rng_block(rng, 0, 0, i, 0, w);
    size_t at = 8 + w[0] % header;
    char old = bytes[at];
    if (at - DIGEST_ENTRY < DIGEST_ENTRY_SIZE) continue;
    bytes[at] = pool[w[1] % (sizeof pool - 1)];
    redigest(bytes, size);
    prl_ranker *ranker = NULL;
    FILE *file = fopen(path, "wb"); /* no fsync: this is for speed */
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    if (prl_ranker_load(*state, path, 4, &ranker, &error) == PRL_OK)
      loaded++;
    else
      assert_int_equal(error.status, PRL_EFORMAT);
    prl_ranker_free(ranker);
    bytes[at] = old;
  }
  assert_true(loaded > 20 && loaded < 580);
  prl_free(*state, bytes);
}

static void test_every_flipped_bit_is_noticed(void **state) {
  enum { FLIPS = 400 };
  char *bytes, folder[64], path[128];
  size_t size;
  snprintf(path, sizeof path, "%s/flipped.safetensors", scratch_folder(folder));
  CHECK_OK(prl_file_read(*state, RANKER, 1 << 20, &bytes, &size, &error));
  for (int i = 0; i < FLIPS; i++) {
    flip f = flip_of(i, FLIPS, size);
    prl_ranker *ranker = NULL;
    bytes[f.at] ^= f.mask;
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    CHECK_FAILS(prl_ranker_load(*state, path, 4, &ranker, &error), PRL_EFORMAT, "flipped.safetensors");
    bytes[f.at] ^= f.mask;
  }
  prl_ranker *ranker = NULL;
  char *without = undigested(bytes, size);
  CHECK_OK(prl_file_write_whole(*state, path, without, size - DIGEST_ENTRY_SIZE, &error));
  CHECK_FAILS(prl_ranker_load(*state, path, 4, &ranker, &error), PRL_EFORMAT, "carries no digest");
  free(without);
  prl_free(*state, bytes);
}

static prl_status load_and_score(prl_runtime *runtime, void *context, prl_error *e) {
  const rows *r = context;
  prl_ranker *ranker = NULL;
  float scores[60];
  prl_status status = prl_ranker_load(runtime, RANKER, 16, &ranker, e);
  if (!status)
    status = prl_ranker_score(ranker, r->ids.data, r->numbers.data, r->sequences.data, 30, scores, e);
  prl_ranker_free(ranker);
  return status;
}

static void test_failing_allocations(void **state) {
  rows r;
  read_rows(*state, &r);
  assert_true(fail_each_allocation(load_and_score, &r) > 20);
  free_rows(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_scores, setup, teardown),
      cmocka_unit_test_setup_teardown(test_tells_what_it_is_made_of, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mutations, setup, teardown),
      cmocka_unit_test_setup_teardown(test_every_flipped_bit_is_noticed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
  };
  return cmocka_run_group_tests_name("agent/ranker", tests, NULL, NULL);
}
