#include "support/check.h"

#include <math.h>

#include "io/events.h"
#include "support/failing_alloc.h"
#include "support/full_disk.h"
#include "support/scratch.h"

static prl_error error;
static char folder[64];

static int setup(void **state) {
  scratch_folder(folder);
  return prl_runtime_new(NULL, (prl_runtime **)state, NULL);
}

static int teardown(void **state) {
  prl_runtime_release(*state);
  return 0;
}

static void test_crc32c(void **state) {
  (void)state;
  unsigned char zeros[32] = {0}, ones[32], rising[32];
  memset(ones, 0xff, 32);
  for (int i = 0; i < 32; i++) rising[i] = (unsigned char)i;
  assert_int_equal(prl_crc32c("123456789", 9), 0xe3069283u); /* RFC 3720, B.4 */
  assert_int_equal(prl_crc32c(zeros, 32), 0x8a9136aau);
  assert_int_equal(prl_crc32c(ones, 32), 0x62a8ab43u);
  assert_int_equal(prl_crc32c(rising, 32), 0x46dd794eu);
}

static void write_some(prl_runtime *runtime, const char *to, char *path) {
  prl_events *events;
  CHECK_OK(prl_events_open(runtime, to, 1650000000.25, &events, &error));
  CHECK_OK(prl_events_scalar(events, "episodic_return/watch", 1, 2.5, 1650000001.5, &error));
  CHECK_OK(prl_events_scalar(events, "losses/policy_loss", INT64_C(10000000000), -0.1, 1650000002, &error));
  CHECK_OK(prl_events_scalar(events, "approx_kl", 0, NAN, 1650000003, &error));
  strcpy(path, prl_events_path(events));
  CHECK_OK(prl_events_close(events, &error));
}

/* These bytes were read by the tensorboard package (spec/fixtures/check_events.py) as the four events above.
 */
static void test_golden_file(void **state) {
  static const char golden[] =
      "1a00000000000000129bd82d09000010204096d84110001a0d627261696e2e4576656e743a327e580fb02b0000000000"
      "0000861bc34b09000060204096d84110012a1e0a1c0a15657069736f6469635f72657475726e2f776174636815000020"
      "40f5f30d312c00000000000000f4aecc4509000080204096d8411080c8afa0252a1b0a190a126c6f737365732f706f6c"
      "6963795f6c6f737315cdccccbdcf9c35dc1f00000000000000514b4418090000c0204096d84110002a120a100a096170"
      "70726f785f6b6c150000c07f7dcc58d0";
  char path[512], *data, hex[2 * sizeof golden];
  size_t size;
  write_some(*state, folder, path);
  assert_non_null(strstr(path, "/events.out.tfevents.1650000000."));
  CHECK_OK(prl_file_read(*state, path, 1 << 20, &data, &size, &error));
  assert_true(size < sizeof hex / 2);
  for (size_t i = 0; i < size; i++) snprintf(hex + 2 * i, 3, "%02x", (unsigned char)data[i]);
  prl_free(*state, data);
  assert_string_equal(hex, golden);
}

static void test_names_are_fresh(void **state) {
  char first[512], second[512];
  write_some(*state, folder, first);
  write_some(*state, folder, second);
  assert_string_not_equal(first, second);
  assert_int_equal(files_in(folder), 2);
}

/* Records of a file are whole, however many there are. Returns how many. */
static int count_records(const char *data, size_t size) {
  int records = 0;
  for (size_t at = 0; at < size; records++) {
    uint64_t length;
    assert_true(size - at >= 16);
    memcpy(&length, data + at, 8);
    assert_true(length <= size - at - 16);
    at += length + 16;
  }
  return records;
}

static void test_many_and_full_disk(void **state) {
  prl_events *events;
  char path[512], *data;
  size_t size;
  CHECK_OK(prl_events_open(*state, folder, 5, &events, &error));
  strcpy(path, prl_events_path(events));
  for (int i = 0; i < 2000; i++) CHECK_OK(prl_events_scalar(events, "reward", i, i, 5, &error));
  CHECK_OK(prl_events_flush(events, &error));
  CHECK_OK(prl_events_scalar(events, "late", 1, 1, 5, &error));
  full_disk_begin(100);
  prl_status status = prl_events_flush(events, &error);
  full_disk_end();
  assert_int_equal(status, PRL_EIO);
  assert_non_null(strstr(error.message, "File too large"));
  CHECK_OK(prl_file_read(*state, path, 1 << 20, &data, &size, &error));
  assert_int_equal(count_records(data, size), 2001);
  prl_free(*state, data);
  CHECK_OK(prl_events_close(events, &error)); /* there is room again */
  CHECK_OK(prl_file_read(*state, path, 1 << 20, &data, &size, &error));
  assert_int_equal(count_records(data, size), 2002);
  prl_free(*state, data);
}

static void test_going_on(void **state) {
  prl_events *events, *again = NULL;
  char path[512], *data;
  size_t size;
  CHECK_OK(prl_events_open(*state, folder, 5, &events, &error));
  strcpy(path, prl_events_path(events));
  for (int i = 0; i < 3; i++) CHECK_OK(prl_events_scalar(events, "reward", i, i, 5, &error));
  CHECK_OK(prl_events_flush(events, &error));
  int64_t kept = prl_events_size(events);
  for (int i = 3; i < 9; i++) CHECK_OK(prl_events_scalar(events, "reward", i, i, 5, &error));
  CHECK_OK(prl_events_close(events, &error));
  CHECK_OK(prl_events_reopen(*state, path, kept, &events, &error));
  assert_int_equal(prl_events_size(events), kept);
  CHECK_OK(prl_events_scalar(events, "reward", 3, 3, 5, &error));
  CHECK_OK(prl_events_close(events, &error));
  CHECK_OK(prl_file_read(*state, path, 1 << 20, &data, &size, &error));
  assert_int_equal(count_records(data, size), 1 + 3 + 1);
  prl_free(*state, data);
  CHECK_FAILS(prl_events_reopen(*state, path, (int64_t)size + 1, &again, &error), PRL_EFORMAT,
              "are to be left");
  CHECK_FAILS(prl_events_reopen(*state, path, -1, &again, &error), PRL_EFORMAT, "-1 are to be left");
  strcat(path, "-none");
  CHECK_FAILS(prl_events_reopen(*state, path, 0, &again, &error), PRL_EIO, "No such file or directory");
  assert_null(again);
  assert_int_equal(files_in(folder), 1);
}

static void test_refusals(void **state) {
  prl_events *events = NULL;
  char tag[PRL_EVENTS_MAX_TAG + 2], missing[128];
  snprintf(missing, sizeof missing, "%s/none", folder);
  CHECK_FAILS(prl_events_open(*state, missing, 0, &events, &error), PRL_EIO, "No such file or directory");
  assert_null(events);
  CHECK_OK(prl_events_open(*state, folder, 0, &events, &error));
  memset(tag, 'x', sizeof tag - 1);
  tag[sizeof tag - 1] = 0;
  CHECK_FAILS(prl_events_scalar(events, tag, 0, 0, 0, &error), PRL_EINVAL, "not 1001");
  CHECK_FAILS(prl_events_scalar(events, "", 0, 0, 0, &error), PRL_EINVAL, "not 0");
  tag[PRL_EVENTS_MAX_TAG] = 0;
  CHECK_OK(prl_events_scalar(events, tag, -1, 1e300, -1, &error));
  CHECK_OK(prl_events_close(events, &error));
  full_disk_begin(10);
  prl_status status = prl_events_open(*state, folder, 1, &events, &error);
  full_disk_end();
  assert_int_equal(status, PRL_EIO);
  assert_int_equal(files_in(folder), 1);
}

static prl_status write_one(prl_runtime *runtime, void *context, prl_error *e) {
  prl_events *events = NULL;
  (void)context;
  prl_status status = prl_events_open(runtime, folder, 0, &events, e);
  if (status == PRL_OK) status = prl_events_scalar(events, "x", 0, 0, 0, e);
  prl_status closed = prl_events_close(events, status ? NULL : e);
  return status ? status : closed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  assert_true(fail_each_allocation(write_one, NULL) >= 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_crc32c),
      cmocka_unit_test_setup_teardown(test_golden_file, setup, teardown),
      cmocka_unit_test_setup_teardown(test_names_are_fresh, setup, teardown),
      cmocka_unit_test_setup_teardown(test_many_and_full_disk, setup, teardown),
      cmocka_unit_test_setup_teardown(test_going_on, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
      cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
  };
  return cmocka_run_group_tests_name("io/events", tests, NULL, NULL);
}
