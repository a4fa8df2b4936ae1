#include "support/check.h"

#include <math.h>

#include "core/rng.h"
#include "io/csv.h"
#include "io/file.h"
#include "support/failing_alloc.h"
#include "support/full_disk.h"
#include "support/scratch.h"

static prl_error error;
static char folder[64], path[128];

static int setup(void **state) {
  snprintf(path, sizeof path, "%s/a.csv", scratch_folder(folder));
  return prl_runtime_new(NULL, (prl_runtime **)state, NULL);
}

static int teardown(void **state) {
  if (prl_runtime_memory(*state).live_bytes > 4096) return 1;
  prl_runtime_release(*state);
  return 0;
}

static prl_csv *open_text(prl_runtime *runtime, const char *text, const prl_csv_column *columns, int count,
                          const prl_csv_options *options) {
  prl_csv *csv = NULL;
  CHECK_OK(prl_csv_parse(runtime, "t.csv", text, strlen(text), columns, count, options, &csv, &error));
  return csv;
}

static void test_types(void **state) {
  static const prl_csv_column columns[] = {{"user", PRL_CSV_DICT}, {"x", PRL_CSV_F64}, {"n", PRL_CSV_I64},
                                           {"m", PRL_CSV_I32},     {"f", PRL_CSV_F32}, {"note", PRL_CSV_TEXT},
                                           {"user2", PRL_CSV_HASH}};
  prl_csv *csv = open_text(*state,
                           "\xef\xbb\xbfnote,user,skipped,x,n,m,f,user2\r\n"
                           "\"a, \"\"b\"\"\nc\",u1,\"z,\",1.25,9007199254740993,-7,0.1,u1\r\n"
                           "\r\n"
                           ",u2,,-1e-3,-3.0, 2147483647 ,\"5\",u2\n"
                           "é,u1,,123456789.123456789,0,-0,-0.0,u1",
                           columns, 7, NULL);
  int64_t rows;
  CHECK_OK(prl_csv_next(csv, &rows, &error));
  assert_int_equal(rows, 3);
  const int32_t *user = prl_csv_values(csv, 0), *m = prl_csv_values(csv, 3);
  const double *x = prl_csv_values(csv, 1);
  const int64_t *n = prl_csv_values(csv, 2);
  const float *f = prl_csv_values(csv, 4);
  const uint64_t *hash = prl_csv_values(csv, 6);
  assert_true(user[0] == 0 && user[1] == 1 && user[2] == 0);
  assert_true(x[0] == 1.25 && x[1] == -1e-3 && x[2] == 123456789.123456789);
  assert_true(n[0] == INT64_C(9007199254740993) && n[1] == -3 && n[2] == 0);
  assert_true(m[0] == -7 && m[1] == INT32_MAX && m[2] == 0);
  assert_true(f[0] == 0.1f && f[1] == 5 && f[2] == 0 && signbit(f[2]));
  assert_true(hash[0] == hash[2] && hash[0] != hash[1]);
  size_t length;
  assert_memory_equal(prl_csv_text(csv, 5, 0, &length), "a, \"b\"\nc", 8);
  assert_int_equal(length, 8);
  prl_csv_text(csv, 5, 1, &length);
  assert_int_equal(length, 0);
  assert_memory_equal(prl_csv_text(csv, 5, 2, &length), "é", 2);
  assert_int_equal(prl_csv_dict_count(csv, 0), 2);
  assert_memory_equal(prl_csv_dict_text(csv, 0, 1, &length), "u2", 2);
  assert_int_equal(prl_csv_header_count(csv), 8);
  assert_string_equal(prl_csv_header_name(csv, 0), "note");
  assert_int_equal(prl_csv_bytes_read(csv), prl_csv_bytes_total(csv));
  CHECK_OK(prl_csv_next(csv, &rows, &error));
  assert_int_equal(rows, 0);
  prl_csv_close(csv);
}

static const prl_csv_column two[] = {{"a", PRL_CSV_I32}, {"b", PRL_CSV_F64}};

static void assert_row_refused(prl_runtime *runtime, const char *text, prl_status status,
                               const char *message) {
  prl_csv *csv = open_text(runtime, text, two, 2, &(prl_csv_options){.max_row = 60});
  int64_t rows = -1;
  CHECK_FAILS(prl_csv_next(csv, &rows, &error), status, message);
  assert_int_equal(rows, -1);
  CHECK_FAILS(prl_csv_next(csv, &rows, &error), status, message); /* final */
  prl_csv_close(csv);
}

static void test_refuses_bad_rows(void **state) {
  assert_row_refused(*state, "a,b\n1,2\n\n3,x\n", PRL_EFORMAT,
                     "t.csv: row 2 (line 4): column b: \"x\" is not a number");
  assert_row_refused(*state, "b,c,a\n1,\"\n\n\",2\n1,,1.5\n", PRL_EFORMAT,
                     "row 2 (line 5): column a: \"1.5\" is not a whole number");
  assert_row_refused(*state, "a,b\n,2\n", PRL_EFORMAT, "column a: \"\" is not a whole number");
  assert_row_refused(*state, "a,b\n2147483648,2\n", PRL_EFORMAT, "\"2147483648\" is beyond the range");
  assert_row_refused(*state, "a,b\n1,1e999\n", PRL_EFORMAT, "\"1e999\" is beyond the range");
  assert_row_refused(*state, "a,b\n1,nan\n", PRL_EFORMAT, "\"nan\" is not a number");
  assert_row_refused(*state, "a,b\n1\n", PRL_EFORMAT, "row 1 (line 2): 1 fields; the header has 2");
  assert_row_refused(*state, "a,b\n1,2,3\n", PRL_EFORMAT, "3 fields; the header has 2");
  assert_row_refused(*state, "a,b,c\n1,2,3\n4,5", PRL_EFORMAT,
                     "row 2 (line 3): the last line is cut: it has 2 of 3");
  assert_row_refused(*state, "a,b\n1,\"2", PRL_EFORMAT, "a quote is opened and never closed");
  assert_row_refused(*state, "a,b\n1,\"2\"x\n", PRL_EFORMAT, "text follows the closing quote");
  assert_row_refused(*state,
                     "a,b\n1,\"2\n3,4\n5,6\n7,8\n9,10\n11,12\n13,14\n15,16\n17,18\n19,20\n21,22\n23,24\n",
                     PRL_ELIMIT, "row 1 (line 2): the row has more than 60 bytes; is a quote open?");
}

static void test_refuses_files(void **state) {
  prl_csv *csv = NULL;
  const prl_csv_column play[] = {{"play_tme_ms", PRL_CSV_F64}},
                       twice[] = {{"a", PRL_CSV_F64}, {"a", PRL_CSV_F64}};
  const char *text = "user_id,play_time_ms\n1,2\n", *twins = "a,b,a\n1,2,3\n";
  CHECK_FAILS(prl_csv_parse(*state, "t.csv", text, strlen(text), play, 1, NULL, &csv, &error), PRL_ENAME,
              "t.csv has no column \"play_tme_ms\"; the nearest is \"play_time_ms\"");
  CHECK_FAILS(prl_csv_parse(*state, "t.csv", twins, strlen(twins), twice, 1, NULL, &csv, &error), PRL_EFORMAT,
              "two columns \"a\"");
  CHECK_FAILS(prl_csv_parse(*state, "t.csv", "a\n", 2, twice, 2, NULL, &csv, &error), PRL_EINVAL,
              "chosen twice");
  CHECK_FAILS(prl_csv_parse(*state, "t.csv", "", 0, play, 1, NULL, &csv, &error), PRL_EFORMAT,
              "t.csv is empty");
  CHECK_FAILS(prl_csv_parse(*state, "t.csv", "\"a", 2, play, 1, NULL, &csv, &error), PRL_EFORMAT,
              "header is malformed");
  CHECK_FAILS(prl_csv_open(*state, "/nonexistent.csv", play, 1, NULL, &csv, &error), PRL_EIO, "No such file");
  CHECK_FAILS(prl_csv_open(*state, folder, play, 1, NULL, &csv, &error), PRL_EIO, "Is a directory");
  assert_null(csv);
}

static void test_skips_on_request(void **state) {
  static const char text[] = "a,b\n"
                             "1,1\n"
                             "x,2\n"
                             "3\n"
                             "4,\"4\"4\n"
                             "5,5\n"
                             "6,\"6\n" /* never closed: its line alone goes */
                             "7,7\n"
                             "8";
  prl_csv *csv = open_text(*state, text, two, 2, &(prl_csv_options){.skip_bad = true, .batch = 2});
  int64_t rows, total = 0;
  int seen[8], count = 0;
  do {
    CHECK_OK(prl_csv_next(csv, &rows, &error));
    for (int i = 0; i < rows; i++) seen[count++] = ((const int32_t *)prl_csv_values(csv, 0))[i];
    total += rows;
  } while (rows > 0);
  assert_int_equal(total, 3);
  assert_true(seen[0] == 1 && seen[1] == 5 && seen[2] == 7);
  assert_int_equal(prl_csv_skipped(csv), 5);
  assert_int_equal(prl_csv_rows(csv), 3);
  assert_string_equal(prl_csv_first_skipped(csv),
                      "t.csv: row 2 (line 3): column a: \"x\" is not a whole number");
  prl_csv_close(csv);
}

static void test_long_rows(void **state) {
  enum { SIZE = 3000000 };
  char *text = malloc(SIZE + 100);
  size_t used = (size_t)sprintf(text, "a,b\n1,1\n2,");
  memset(text + used, ' ', SIZE);
  used += SIZE;
  used += (size_t)sprintf(text + used, "2\n3,3\n");
  prl_csv *csv = NULL;
  int64_t rows = 0;
  CHECK_OK(prl_csv_parse(*state, "t.csv", text, used, two, 2, NULL, &csv, &error));
  CHECK_FAILS(prl_csv_next(csv, &rows, &error), PRL_ELIMIT,
              "row 2 (line 3): the row has more than 1048576 bytes");
  prl_csv_close(csv);
  CHECK_OK(prl_csv_parse(*state, "t.csv", text, used, two, 2, &(prl_csv_options){.max_row = SIZE + 50}, &csv,
                         &error));
  CHECK_OK(prl_csv_next(csv, &rows, &error));
  assert_int_equal(rows, 3);
  assert_true(((const double *)prl_csv_values(csv, 1))[1] == 2);
  prl_csv_close(csv);
  free(text);
}

static void test_empty_values(void **state) {
  const prl_csv_column columns[] = {{"a", PRL_CSV_F64, true, NAN}, {"b", PRL_CSV_I32, true, -1}};
  prl_csv *csv = open_text(*state, "a,b\n,\n\"\",2\n", columns, 2, NULL);
  int64_t rows;
  CHECK_OK(prl_csv_next(csv, &rows, &error));
  assert_int_equal(rows, 2);
  assert_true(isnan(((const double *)prl_csv_values(csv, 0))[1]));
  assert_true(((const int32_t *)prl_csv_values(csv, 1))[0] == -1 &&
              ((const int32_t *)prl_csv_values(csv, 1))[1] == 2);
  prl_csv_close(csv);
}

/* A file larger than the buffer, whose rows meet its end at every place; fields quoted and plain, many
 * lengths. */
static void test_empty_texts(void **state) {
  const prl_csv_column columns[] = {{"a", PRL_CSV_DICT}, {"b", PRL_CSV_TEXT}, {"c", PRL_CSV_HASH}};
  prl_csv *csv = open_text(*state, "a,b,c\n,,\n\"\",\"\",\"\"\nx,,\n", columns, 3, NULL);
  int64_t rows;
  size_t length = 9;
  CHECK_OK(prl_csv_next(csv, &rows, &error));
  const int32_t *a = prl_csv_values(csv, 0);
  assert_true(rows == 3 && a[0] == 0 && a[1] == 0 && a[2] == 1);
  assert_non_null(prl_csv_text(csv, 1, 1, &length));
  assert_int_equal(length, 0);
  assert_non_null(prl_csv_dict_text(csv, 0, 0, &length));
  assert_int_equal(length, 0);
  prl_csv_close(csv);
}

/* A file larger than the buffer, whose rows meet its end at every place; fields quoted and plain, many
 * lengths. */
static void test_large_file(void **state) {
  enum { ROWS = 60000 };
  prl_rng rng = prl_rng_make(1, 0, PRL_SITE_USER);
  FILE *out = fopen(path, "w");
  fprintf(out, "k,pad,v\n");
  double sum = 0;
  for (uint32_t i = 0; i < ROWS; i++) {
    uint32_t w[4];
    prl_rng_block(rng, 0, 0, i, 0, w);
    double value = (double)(int32_t)w[0] / 128;
    sum += value;
    fprintf(out, w[1] & 1 ? "key%u,%.*s,%.7f\n" : "\"key%u\",\"%.*s\n\"\"\",%.7f\r\n", w[2] % 1000,
            (int)(w[1] >> 26), "0123456789012345678901234567890123456789012345678901234567890123", value);
  }
  fclose(out);
  const prl_csv_column columns[] = {{"v", PRL_CSV_F64}, {"k", PRL_CSV_DICT}, {"pad", PRL_CSV_TEXT}};
  prl_csv *csv;
  CHECK_OK(prl_csv_open(*state, path, columns, 3, NULL, &csv, &error));
  int64_t rows, total = 0;
  double got = 0;
  for (uint32_t i = 0;;) {
    CHECK_OK(prl_csv_next(csv, &rows, &error));
    if (rows == 0) break;
    for (int64_t r = 0; r < rows; r++, i++) {
      uint32_t w[4];
      size_t length, key_length;
      char key[16];
      prl_rng_block(rng, 0, 0, i, 0, w);
      got += ((const double *)prl_csv_values(csv, 0))[r];
      prl_csv_text(csv, 2, r, &length);
      assert_int_equal(length, (w[1] >> 26) + (w[1] & 1 ? 0 : 2));
      const char *text = prl_csv_dict_text(csv, 1, ((const int32_t *)prl_csv_values(csv, 1))[r], &key_length);
      snprintf(key, sizeof key, "key%u", w[2] % 1000);
      assert_int_equal(key_length, strlen(key));
      assert_memory_equal(text, key, key_length);
    }
    total += rows;
  }
  assert_int_equal(total, ROWS);
  assert_true(got == sum);
  assert_int_equal(prl_csv_dict_count(csv, 1), 1000);
  prl_csv_close(csv);
}

static void assert_file(prl_runtime *runtime, const char *wanted) {
  char *data;
  size_t size;
  CHECK_OK(prl_file_read(runtime, path, 1 << 20, &data, &size, &error));
  assert_string_equal(data, wanted);
  prl_free(runtime, data);
}

static void test_writer(void **state) {
  static const char *const names[] = {"steps", "value_loss/watch", "odd,\"name\""}, *const others[] = {
                                                                                        "steps", "x"};
  prl_csv_writer *writer;
  CHECK_OK(prl_csv_writer_open(*state, path, names, 3, false, &writer, &error));
  CHECK_OK(prl_csv_writer_row(writer, (double[]){1e6, 0.1, NAN}, NULL, &error));
  CHECK_OK(prl_csv_writer_close(writer, &error));
  CHECK_OK(prl_csv_writer_open(*state, path, names, 3, false, &writer, &error));
  full_disk_begin(50);
  prl_status status = prl_csv_writer_row(writer, (double[]){1, 1, 1}, NULL, &error);
  full_disk_end();
  assert_int_equal(status, PRL_EIO);
  CHECK_OK(prl_csv_writer_row(writer, (double[]){2, 5, -2.5}, (bool[]){true, false, true}, &error));
  CHECK_OK(prl_csv_writer_close(writer, &error));
  assert_file(*state, "steps,value_loss/watch,\"odd,\"\"name\"\"\"\n1000000,0.1,nan\n2,,-2.5\n");
  CHECK_FAILS(prl_csv_writer_open(*state, path, others, 2, false, &writer, &error), PRL_EFORMAT,
              "has the columns steps,value_loss/watch,\"odd,\"\"name\"\"\", and steps,x are to be written");
  CHECK_OK(prl_csv_writer_open(*state, path, others, 2, true, &writer, &error));
  CHECK_OK(prl_csv_writer_close(writer, &error));
  assert_file(*state, "steps,x\n");
  CHECK_OK(prl_file_write_whole(*state, path, "steps,x\n1,", 10, &error));
  CHECK_FAILS(prl_csv_writer_open(*state, path, others, 2, false, &writer, &error), PRL_EFORMAT, "last line");
}

static const char seed_text[] = "a,b,\"c\"\r\n1,2.5,x\r\n-7,\"1e3\",\"q\"\"r\ns\"\n\n12345,0.125,é\n3,4,5";
static const prl_csv_column three[] = {{"b", PRL_CSV_F64}, {"a", PRL_CSV_I32}, {"c", PRL_CSV_TEXT}};

/* Any bytes are read or refused; with skipping, only the header and the length of a row can fail. */
static void test_mutations(void **state) {
  prl_rng rng = prl_rng_make(2, 0, PRL_SITE_USER);
  int whole = 0;
  for (uint32_t i = 0; i < 5000; i++) {
    uint32_t w[4];
    prl_rng_block(rng, 0, 0, i, 0, w);
    size_t size = sizeof seed_text - 1;
    char *text = malloc(size + 1);
    memcpy(text, seed_text, size);
    static const char pool[] = ",\"\n\r 0123456789.-e\xff";
    for (int m = 0; m < 2; m++) text[w[m] % size] = pool[(w[m] >> 16) % sizeof pool]; /* a NUL too */
    if (w[2] & 1) size = w[3] % (size + 1);
    prl_csv *csv = NULL;
    const prl_csv_options options = {.skip_bad = w[2] & 2, .batch = 1 + (w[2] >> 2 & 1), .max_row = 30};
    if (prl_csv_parse(*state, "m", text, size, three, 3, &options, &csv, &error) == PRL_OK) {
      int64_t rows = 1;
      prl_status status = PRL_OK;
      while (status == PRL_OK && rows > 0) status = prl_csv_next(csv, &rows, &error);
      assert_true(status == PRL_OK || status == PRL_ELIMIT || (status == PRL_EFORMAT && !options.skip_bad));
      whole += status == PRL_OK && prl_csv_skipped(csv) == 0;
      if (status == PRL_OK) assert_int_equal(prl_csv_bytes_read(csv), size);
      prl_csv_close(csv);
    }
    free(text);
  }
  assert_true(whole > 200);
}

static prl_status read_and_write(prl_runtime *runtime, void *context, prl_error *e) {
  static const prl_csv_column columns[] = {{"b", PRL_CSV_DICT}, {"a", PRL_CSV_I32}, {"c", PRL_CSV_TEXT}};
  static const char *const names[] = {"x"};
  prl_csv *csv = NULL;
  prl_csv_writer *writer = NULL;
  int64_t rows = 1;
  (void)context;
  prl_status status =
      prl_csv_parse(runtime, "t.csv", seed_text, sizeof seed_text - 1, columns, 3, NULL, &csv, e);
  while (status == PRL_OK && rows > 0) status = prl_csv_next(csv, &rows, e);
  prl_csv_close(csv);
  if (status == PRL_OK) status = prl_csv_writer_open(runtime, path, names, 1, false, &writer, e);
  if (status == PRL_OK) status = prl_csv_writer_row(writer, (double[]){1}, NULL, e);
  prl_csv_writer_close(writer, NULL);
  return status;
}

static void test_failing_allocations(void **state) {
  (void)state;
  assert_true(fail_each_allocation(read_and_write, NULL) > 15);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_types, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refuses_bad_rows, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refuses_files, setup, teardown),
      cmocka_unit_test_setup_teardown(test_skips_on_request, setup, teardown),
      cmocka_unit_test_setup_teardown(test_long_rows, setup, teardown),
      cmocka_unit_test_setup_teardown(test_empty_values, setup, teardown),
      cmocka_unit_test_setup_teardown(test_empty_texts, setup, teardown),
      cmocka_unit_test_setup_teardown(test_large_file, setup, teardown),
      cmocka_unit_test_setup_teardown(test_writer, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mutations, setup, teardown),
      cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
  };
  return cmocka_run_group_tests_name("io/csv", tests, NULL, NULL);
}
