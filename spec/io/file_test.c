#include "support/check.h"

#include <sys/stat.h>

#include "io/file.h"
#include "support/failing_alloc.h"
#include "support/full_disk.h"
#include "support/scratch.h"

static prl_error error;
static char folder[64], path[128];

static int setup(void **state) {
  snprintf(path, sizeof path, "%s/a.bin", scratch_folder(folder));
  return prl_runtime_new(NULL, (prl_runtime **)state, NULL);
}

static int teardown(void **state) {
  prl_runtime_release(*state);
  return 0;
}

static void assert_holds(prl_runtime *runtime, const char *wanted) {
  char *data;
  size_t size;
  CHECK_OK(prl_file_read(runtime, path, 1 << 20, &data, &size, &error));
  assert_int_equal(size, strlen(wanted));
  assert_string_equal(data, wanted);
  prl_free(runtime, data);
}

static void test_write_and_read(void **state) {
  CHECK_OK(prl_file_write_whole(*state, path, "first", 5, &error));
  assert_holds(*state, "first");
  chmod(path, 0640);
  CHECK_OK(prl_file_write_whole(*state, path, "second one", 10, &error));
  assert_holds(*state, "second one");
  struct stat about;
  stat(path, &about);
  assert_int_equal(about.st_mode & 0777, 0640);
  CHECK_OK(prl_file_write_whole(*state, path, "", 0, &error));
  assert_holds(*state, "");
  assert_int_equal(files_in(folder), 1);
}

static void test_large_pieces(void **state) {
  enum { SIZE = 300000 };
  char *bytes = malloc(SIZE), *data;
  for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i * 7 >> 3);
  prl_file_out *out;
  size_t size;
  CHECK_OK(prl_file_out_open(*state, path, &out, &error));
  for (size_t at = 0, step = 1; at < SIZE; at += step, step = step * 3 % 150001 + 1) {
    if (step > SIZE - at) step = SIZE - at;
    CHECK_OK(prl_file_out_write(out, bytes + at, step, &error));
  }
  CHECK_OK(prl_file_out_commit(out, &error));
  CHECK_OK(prl_file_read(*state, path, SIZE, &data, &size, &error));
  assert_int_equal(size, SIZE);
  assert_memory_equal(data, bytes, SIZE);
  prl_free(*state, data);
  free(bytes);
  CHECK_FAILS(prl_file_read(*state, path, SIZE - 1, &data, &size, &error), PRL_ELIMIT,
              "more than 299999 bytes");
}

static void test_abort_leaves_the_old_file(void **state) {
  CHECK_OK(prl_file_write_whole(*state, path, "old", 3, &error));
  prl_file_out *out;
  CHECK_OK(prl_file_out_open(*state, path, &out, &error));
  CHECK_OK(prl_file_out_write(out, "new", 3, &error));
  assert_int_equal(files_in(folder), 2);
  prl_file_out_abort(out);
  assert_int_equal(files_in(folder), 1);
  assert_holds(*state, "old");
}

static void test_full_disk(void **state) {
  char *large = calloc(1, 200000);
  CHECK_OK(prl_file_write_whole(*state, path, "old", 3, &error));
  full_disk_begin(1000);
  prl_status status = prl_file_write_whole(*state, path, large, 200000, &error);
  prl_status small = prl_file_write_whole(*state, path, large, 2000, NULL); /* fails when it is flushed */
  full_disk_end();
  free(large);
  assert_int_equal(status, PRL_EIO);
  assert_int_equal(small, PRL_EIO);
  assert_non_null(strstr(error.message, "a.bin: File too large"));
  assert_int_equal(files_in(folder), 1);
  assert_holds(*state, "old");
}

static void test_append(void **state) {
  CHECK_OK(prl_file_append(*state, path, "one\n", 4, &error));
  CHECK_OK(prl_file_append(*state, path, "two\n", 4, &error));
  assert_holds(*state, "one\ntwo\n");
  char *large = calloc(1, 200000);
  full_disk_begin(1000);
  prl_status status = prl_file_append(*state, path, large, 200000, &error);
  full_disk_end();
  free(large);
  assert_int_equal(status, PRL_EIO);
  assert_holds(*state, "one\ntwo\n");
  CHECK_FAILS(prl_file_append(*state, folder, "x", 1, &error), PRL_EIO, "Is a directory");
  CHECK_FAILS(prl_file_append(*state, "/dev/full", "x", 1, &error), PRL_EIO, "cannot write /dev/full");
}

static void test_links_and_odd_targets(void **state) {
  char link[160], missing[160];
  snprintf(link, sizeof link, "%s/link", folder);
  snprintf(missing, sizeof missing, "%s/none/a", folder);
  CHECK_OK(prl_file_write_whole(*state, path, "old", 3, &error));
  assert_int_equal(symlink(path, link), 0);
  CHECK_OK(prl_file_write_whole(*state, link, "through", 7, &error));
  assert_holds(*state, "through");
  assert_int_equal(files_in(folder), 2);
  char *data = NULL;
  size_t size;
  CHECK_FAILS(prl_file_write_whole(*state, "/dev/full", "x", 1, &error), PRL_EIO, "not a plain file");
  CHECK_FAILS(prl_file_write_whole(*state, folder, "x", 1, &error), PRL_EIO, "not a plain file");
  CHECK_FAILS(prl_file_write_whole(*state, missing, "x", 1, &error), PRL_EIO,
              "none/a: No such file or directory");
  CHECK_FAILS(prl_file_read(*state, missing, 10, &data, &size, &error), PRL_EIO, "cannot open");
  CHECK_FAILS(prl_file_read(*state, folder, 10, &data, &size, &error), PRL_EIO, "Is a directory");
  assert_null(data);
}

/* A pipe without a writer, a device without an end: neither is waited for, neither is read. */
static void test_reads_regular_files_alone(void **state) {
  char *data = NULL, fifo[128];
  size_t size;
  snprintf(fifo, sizeof fifo, "%s/fifo", folder);
  assert_int_equal(mkfifo(fifo, 0600), 0);
  alarm(10); /* what waits for the pipe's writer dies of this */
  CHECK_FAILS(prl_file_read(*state, fifo, 10, &data, &size, &error), PRL_EIO, "not a regular file");
  CHECK_FAILS(prl_file_read(*state, "/dev/zero", 10, &data, &size, &error), PRL_EIO, "not a regular file");
  alarm(0);
  remove(fifo);
  /* The size is looked at first: nothing is asked for that would not be read. */
  CHECK_OK(prl_file_write_whole(*state, path, "x", 1, &error));
  assert_int_equal(truncate(path, (off_t)1 << 40), 0);
  CHECK_FAILS(prl_file_read(*state, path, 1000, &data, &size, &error), PRL_ELIMIT,
              "has 1099511627776 bytes, and files of more than 1000 bytes are not read here");
  assert_int_equal(truncate(path, 5), 0);
  CHECK_OK(prl_file_read(*state, path, 5, &data, &size, &error));
  assert_int_equal(size, 5);
  prl_free(*state, data);
  /* The system's own files say that they have no bytes. */
  CHECK_OK(prl_file_read(*state, "/proc/self/status", 1 << 20, &data, &size, &error));
  assert_true(size > 100);
  prl_free(*state, data);
  assert_int_equal(remove(path), 0);
}

static void test_log(void **state) {
  prl_file_log log;
  CHECK_OK(prl_file_log_open(*state, path, true, &log, &error));
  CHECK_OK(prl_file_log_append(&log, "one\n", 4, &error));
  CHECK_OK(prl_file_log_close(&log, &error));
  CHECK_OK(prl_file_log_close(&log, &error));
  CHECK_OK(prl_file_log_open(*state, path, false, &log, &error));
  assert_int_equal(log.size, 4);
  full_disk_begin(10);
  prl_status status = prl_file_log_append(&log, "a line too long\n", 16, &error);
  full_disk_end();
  assert_int_equal(status, PRL_EIO);
  assert_holds(*state, "one\n"); /* nothing half-written */
  CHECK_OK(prl_file_log_append(&log, "two\n", 4, &error));
  CHECK_OK(prl_file_log_close(&log, &error));
  assert_holds(*state, "one\ntwo\n");
  CHECK_OK(prl_file_log_open(*state, "/dev/full", false, &log, &error));
  CHECK_FAILS(prl_file_log_append(&log, "x", 1, &error), PRL_EIO, "/dev/full: No space left on device");
  CHECK_OK(prl_file_log_close(&log, &error));
}

static prl_status write_then_read(prl_runtime *runtime, void *context, prl_error *e) {
  (void)context;
  prl_file_log log;
  char *data = NULL;
  size_t size;
  prl_status status = prl_file_write_whole(runtime, path, "abc", 3, e);
  if (status == PRL_OK) status = prl_file_read(runtime, path, 100, &data, &size, e);
  prl_free(runtime, data);
  if (status == PRL_OK) status = prl_file_log_open(runtime, path, true, &log, e);
  if (status == PRL_OK) status = prl_file_log_close(&log, e);
  return status;
}

static void test_failing_allocations(void **state) {
  (void)state;
  assert_true(fail_each_allocation(write_then_read, NULL) >= 5);
  assert_int_equal(files_in(folder), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_write_and_read, setup, teardown),
      cmocka_unit_test_setup_teardown(test_large_pieces, setup, teardown),
      cmocka_unit_test_setup_teardown(test_abort_leaves_the_old_file, setup, teardown),
      cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
      cmocka_unit_test_setup_teardown(test_append, setup, teardown),
      cmocka_unit_test_setup_teardown(test_links_and_odd_targets, setup, teardown),
      cmocka_unit_test_setup_teardown(test_reads_regular_files_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(test_log, setup, teardown),
      cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
  };
  return cmocka_run_group_tests_name("io/file", tests, NULL, NULL);
}
