/* The yardstick of csv_rows reads the same numbers as the reader that is timed against it. */
#include "support/check.h"

#include "bench/csv_yardstick.c"
#include "bench/csv_yardstick.h"
#include "core/rng.h"
#include "io/csv.h"
#include "support/full_disk.h"
#include "support/scratch.h"

static prl_error error;

static void test_same_numbers(void **state) {
  enum { ROWS = 20000 };
  (void)state;
  char folder[64], path[128];
  snprintf(path, sizeof path, "%s/a.csv", scratch_folder(folder));
  prl_rng rng = prl_rng_make(4, 0, PRL_SITE_USER);
  FILE *file = fopen(path, "w");
  fprintf(file, "a,skipped,b,c\n");
  for (uint32_t i = 0; i < ROWS; i++) {
    uint32_t w[4];
    prl_rng_block(rng, 0, 0, i, 0, w);
    fprintf(file, "%u,%u,%.17g,%d.%03u\n", w[0], w[1], (double)w[1] / w[2], (int)w[3] >> (w[0] & 31),
            w[2] % 1000);
  }
  fclose(file);
  double *plain = calloc(ROWS * 3, sizeof *plain);
  assert_int_equal(csv_yardstick_read(path, (bool[]){true, false, true, true}, 4, plain, ROWS), ROWS);
  prl_runtime *runtime;
  prl_csv *csv;
  int64_t rows, at = 0;
  const prl_csv_column columns[] = {{"a", PRL_CSV_F64}, {"b", PRL_CSV_F64}, {"c", PRL_CSV_F64}};
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  CHECK_OK(prl_csv_open(runtime, path, columns, 3, NULL, &csv, &error));
  do {
    CHECK_OK(prl_csv_next(csv, &rows, &error));
    for (int64_t r = 0; r < rows; r++, at++)
      for (int c = 0; c < 3; c++)
        assert_memory_equal((const double *)prl_csv_values(csv, c) + r, plain + at * 3 + c, sizeof(double));
  } while (rows > 0);
  assert_int_equal(at, ROWS);
  prl_csv_close(csv);
  prl_runtime_release(runtime);
  free(plain);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_numbers)};
  return cmocka_run_group_tests_name("io/csv_yardstick", tests, NULL, NULL);
}
