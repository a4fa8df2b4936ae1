#include "support/check.h"

#include <math.h>

#include "core/rng.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "support/digest.h"
#include "support/failing_alloc.h"
#include "support/full_disk.h"
#include "support/scratch.h"

static prl_error error;
static char folder[64], path[128];

#define REFERENCE FIXTURES "/safetensors_reference.safetensors" /* made by make_safetensors.py */

static int setup(void **state) {
  snprintf(path, sizeof path, "%s/a.safetensors", scratch_folder(folder));
  return prl_runtime_new(NULL, (prl_runtime **)state, NULL);
}

static int teardown(void **state) {
  if (prl_runtime_memory(*state).live_bytes > 4096) return 1;
  prl_runtime_release(*state);
  return 0;
}

static void test_reads_the_reference(void **state) {
  prl_safetensors *file;
  CHECK_OK(prl_safetensors_open(*state, REFERENCE, 0, &file, &error));
  assert_int_equal(file->count, 7);
  assert_string_equal(prl_safetensors_text(file, "plan"), "{\"é\": [1, 2]}");
  assert_string_equal(prl_safetensors_text(file, "hash"), "00ff");
  assert_null(prl_safetensors_text(file, "none"));
  prl_tensor weight, step;
  CHECK_OK(prl_safetensors_tensor(file, "weight", &weight, &error));
  assert_int_equal(weight.dtype, PRL_F32);
  assert_int_equal(weight.shape[0] * 10 + weight.shape[1], 23);
  for (int i = 0; i < 6; i++) assert_true(((float *)weight.data)[i] == (float)i / 4);
  CHECK_OK(prl_safetensors_tensor(file, "step", &step, &error));
  assert_int_equal(step.ndim, 0);
  assert_true(*(int64_t *)step.data == -(INT64_C(1) << 62));
  double moment[3];
  CHECK_OK(prl_safetensors_copy(file, "moment", PRL_ST_F64, 1, (int64_t[]){3}, moment, &error));
  assert_true(moment[0] == 1e-300 && signbit(moment[1]) && isinf(moment[2]));
  int32_t rows[2];
  CHECK_OK(prl_safetensors_copy(file, "rows", PRL_ST_I32, 1, (int64_t[]){2}, rows, &error));
  assert_true(rows[0] == -1 && rows[1] == INT32_MAX);
  uint64_t stream;
  CHECK_OK(prl_safetensors_copy(file, "streams", PRL_ST_U64, 1, (int64_t[]){1}, &stream, &error));
  assert_true(stream == UINT64_MAX);
  assert_int_equal(prl_safetensors_find(file, "empty")->size, 0);
  prl_tensor none;
  CHECK_FAILS(prl_safetensors_tensor(file, "wieght", &none, &error), PRL_ENAME, "nearest is \"weight\"");
  CHECK_FAILS(prl_safetensors_tensor(file, "flags", &none, &error), PRL_EINVAL, "\"flags\" is U8");
  CHECK_FAILS(prl_safetensors_copy(file, "rows", PRL_ST_F32, 2, (int64_t[]){2, 1}, rows, &error), PRL_ESHAPE,
              "\"rows\" is I32 (2,) in the file, where F32 (2, 1) is needed");
  prl_tensor_release(&weight);
  prl_tensor_release(&step);
  prl_safetensors_close(file);
}

/* What the reference wrote, read and written again, is the same file, but for the digest: that of the
 * reference's bytes. */
static void test_writes_as_the_reference(void **state) {
  prl_safetensors *file;
  CHECK_OK(prl_safetensors_open(*state, REFERENCE, 0, &file, &error));
  CHECK_OK(prl_safetensors_write(*state, path, file->tensors, file->count, file->metadata, &error));
  prl_safetensors_close(file);
  char *ours, *theirs;
  size_t our_size, their_size;
  CHECK_OK(prl_file_read(*state, path, 1 << 20, &ours, &our_size, &error));
  CHECK_OK(prl_file_read(*state, REFERENCE, 1 << 20, &theirs, &their_size, &error));
  char digest[33];
  prl_hash_bytes(theirs, their_size, digest);
  assert_int_equal(our_size, their_size + DIGEST_ENTRY_SIZE);
  assert_memory_equal(ours + DIGEST_ENTRY, "\"prl.digest\":\"", 14);
  assert_memory_equal(ours + DIGEST_AT, digest, 32);
  assert_memory_equal(ours + 8, theirs + 8, DIGEST_ENTRY - 8);
  assert_memory_equal(ours + DIGEST_ENTRY + DIGEST_ENTRY_SIZE, theirs + DIGEST_ENTRY,
                      their_size - DIGEST_ENTRY);
  CHECK_OK(prl_safetensors_open(*state, path, 0, &file, &error));
  assert_int_equal(file->count, 7);
  assert_string_equal(prl_safetensors_text(file, "plan"), "{\"é\": [1, 2]}");
  assert_true(file->digested);
  assert_string_equal(file->digest, digest);
  assert_null(prl_safetensors_text(file, "prl.digest"));
  prl_safetensors_close(file);
  CHECK_OK(prl_safetensors_open(*state, REFERENCE, 0, &file, &error));
  assert_false(file->digested);
  assert_string_equal(file->digest, digest);
  CHECK_FAILS(prl_safetensors_need_digest(file, REFERENCE, &error), PRL_EFORMAT, "carries no digest");
  prl_safetensors_close(file);
  prl_free(*state, ours);
  prl_free(*state, theirs);
}

static void test_order_and_alignment(void **state) {
  uint8_t bytes[3] = {1, 2, 3};
  float f[2] = {1, 2};
  double d[1] = {3};
  const prl_st_tensor tensors[] = {{.name = "b", .dtype = PRL_ST_U8, .ndim = 1, .shape = {3}, .data = bytes},
                                   {.name = "f", .dtype = PRL_ST_F32, .ndim = 1, .shape = {2}, .data = f},
                                   {.name = "d \"x\"\n", .dtype = PRL_ST_F64, .ndim = 0, .data = d},
                                   {.name = "none", .dtype = PRL_ST_I64, .ndim = 2, .shape = {5, 0}}};
  CHECK_OK(prl_safetensors_write(*state, path, tensors, 4, NULL, &error));
  prl_safetensors *file;
  CHECK_OK(prl_safetensors_open(*state, path, 0, &file, &error));
  assert_string_equal(file->tensors[file->count - 1].name, "b");
  assert_int_equal(((const char *)prl_safetensors_find(file, "d \"x\"\n")->data - file->owned) % 8, 0);
  uint8_t back[3];
  CHECK_OK(prl_safetensors_copy(file, "b", PRL_ST_U8, 1, (int64_t[]){3}, back, &error));
  assert_memory_equal(back, bytes, 3);
  prl_safetensors_close(file);
  CHECK_OK(prl_safetensors_write(*state, path, NULL, 0, NULL, &error));
  CHECK_OK(prl_safetensors_open(*state, path, 0, &file, &error));
  assert_int_equal(file->count, 0);
  prl_safetensors_close(file);
}

static void test_writer_refuses(void **state) {
  float f[1] = {1};
  prl_st_tensor t[2] = {{.name = "w", .ndim = 1, .shape = {1}, .data = f},
                        {.name = "w", .ndim = 1, .shape = {1}, .data = f}};
  CHECK_FAILS(prl_safetensors_write(*state, path, t, 2, NULL, &error), PRL_EINVAL, "\"w\" is given twice");
  t[1].name = "__metadata__";
  CHECK_FAILS(prl_safetensors_write(*state, path, t, 2, NULL, &error), PRL_EINVAL, "__metadata__");
  t[1].name = "\xff";
  CHECK_FAILS(prl_safetensors_write(*state, path, t, 2, NULL, &error), PRL_EFORMAT, "not UTF-8");
  t[1] = (prl_st_tensor){.name = "n", .ndim = 2, .shape = {2, -1}, .data = f};
  CHECK_FAILS(prl_safetensors_write(*state, path, t, 2, NULL, &error), PRL_EINVAL,
              "\"n\" has the impossible shape (2, -1)");
  prl_value pair[] = {{.kind = PRL_STRING, .count = 10, .as.text = "prl.digest"},
                      {.kind = PRL_STRING, .as.text = ""}};
  prl_value own = {.kind = PRL_MAP, .count = 1, .as.items = pair};
  CHECK_FAILS(prl_safetensors_write(*state, path, t, 1, &own, &error), PRL_EINVAL, "the file's digest");
  prl_value wrong = {.kind = PRL_NUMBER, .as.number = 3};
  CHECK_FAILS(prl_safetensors_write(*state, path, t, 1, &wrong, &error), PRL_EINVAL, "map of texts");
  assert_int_equal(files_in(folder), 0);
  full_disk_begin(4);
  prl_status status = prl_safetensors_write(*state, path, t, 1, NULL, &error);
  full_disk_end();
  assert_int_equal(status, PRL_EIO);
  assert_int_equal(files_in(folder), 0);
}

/* A file from a header and so many bytes of data. */
static size_t make(char *to, const char *header, size_t data) {
  uint64_t length = strlen(header);
  memcpy(to, &length, 8);
  memcpy(to + 8, header, length);
  memset(to + 8 + length, 0, data);
  return 8 + length + data;
}

#define T(offsets, rest) "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" offsets "}" rest "}"

static void test_refuses_malformed(void **state) {
  static const struct {
    const char *header;
    size_t data;
    const char *message;
  } bad[] = {
      {T("[0,8]", ""), 7, "\"a\" ends at byte 8 of 7 bytes"},
      {T("[0,8]", ""), 9, "bytes 8 to 9 of the data belong to no tensor"},
      {T("[4,12]", ""), 12, "bytes 0 to 4 of the data belong to no tensor"},
      {T("[0,4]", ""), 8, "\"a\" F32 of (2,) has 4 bytes"},
      {T("[8,0]", ""), 8, "data_offsets"},
      {T("[0]", ""), 8, "data_offsets"},
      {T("[0,8.5]", ""), 9, "data_offsets"},
      {T("[-8,0]", ""), 8, "data_offsets"},
      {T("[0,1e300]", ""), 8, "data_offsets"},
      {T("[0,8]", ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}"), 8,
       "\"a\" and \"b\" overlap"},
      {T("[0,8]", ",\"a\":1"), 8, "\"a\" appears twice"},
      {T("[0,8]", ",\"b\":1"), 8, "\"b\" is no map"},
      {T("[0,8]", ",\"__metadata__\":{\"x\":1}"), 8, "metadata \"x\" is no text"},
      {T("[0,8]", ",\"__metadata__\":[]"), 8, "__metadata__ is no map"},
      {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "dtype \"BF16\"; F32, F64"},
      {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "no dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape of the tensor \"a\""},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,-1],\"data_offsets\":[0,4]}}", 4,
       "size 2 of the tensor \"a\""},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
       "at most 8 sizes"},
      {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4503599627370496,4503599627370496],\"data_offsets\":[0,8]}}", 8,
       "has 8 bytes"},
      {"[1]", 0, "the header is no map"},
      {"{\"a\":", 0, "the header is malformed: JSON, line 1, column 6"},
  };
  char bytes[1024];
  prl_safetensors *file = NULL;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t size = make(bytes, bad[i].header, bad[i].data);
    CHECK_FAILS(prl_safetensors_parse(*state, "x.st", bytes, size, &file, &error), PRL_EFORMAT,
                bad[i].message);
    assert_memory_equal(error.message, "x.st: ", 6);
  }
  size_t size = make(bytes, T("[0,8]", ""), 8);
  for (size_t cut = 0; cut < size; cut++) /* a download that broke off, anywhere */
    CHECK_FAILS(prl_safetensors_parse(*state, "x.st", bytes, cut, &file, &error), PRL_EFORMAT, "x.st: ");
  memset(bytes, 0xff, 8);
  CHECK_FAILS(prl_safetensors_parse(*state, "x.st", bytes, size, &file, &error), PRL_EFORMAT,
              "at most 104857600");
  assert_null(file);
  CHECK_FAILS(prl_safetensors_open(*state, REFERENCE, 100, &file, &error), PRL_ELIMIT, "more than 100 bytes");
}

/* Each bit of a file with, and of one without metadata of its own. */
static void test_every_flipped_bit_is_noticed(void **state) {
  float f[3] = {1, 2, 3};
  const prl_st_tensor t = {.name = "w", .ndim = 1, .shape = {3}, .data = f};
  prl_value pair[] = {{.kind = PRL_STRING, .count = 4, .as.text = "plan"},
                      {.kind = PRL_STRING, .count = 3, .as.text = "{1}"}};
  const prl_value metadata = {.kind = PRL_MAP, .count = 1, .as.items = pair};
  for (int with = 0; with < 2; with++) {
    char *bytes;
    size_t size;
    prl_safetensors *file;
    CHECK_OK(prl_safetensors_write(*state, path, &t, 1, with ? &metadata : NULL, &error));
    CHECK_OK(prl_file_read(*state, path, 1 << 20, &bytes, &size, &error));
    CHECK_OK(prl_safetensors_parse(*state, "x.st", bytes, size, &file, &error));
    assert_int_equal(prl_count(file->metadata), with);
    prl_safetensors_close(file);
    for (size_t bit = 0; bit < 8 * size; bit++) {
      bytes[bit / 8] ^= (char)(1 << bit % 8);
      prl_status status = prl_safetensors_parse(*state, "x.st", bytes, size, &file, &error);
      if (status == PRL_OK) {
        status = prl_safetensors_need_digest(file, "x.st", &error);
        prl_safetensors_close(file);
      }
      if (status != PRL_EFORMAT || strncmp(error.message, "x.st", 4) != 0)
        fail_msg("bit %zu of byte %zu went unnoticed", bit % 8, bit / 8);
      bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    bytes[size - 1] ^= 1;
    CHECK_FAILS(prl_safetensors_parse(*state, "x.st", bytes, size, &file, &error), PRL_EFORMAT,
                "x.st is damaged or was changed: it carries the digest ");
    prl_free(*state, bytes);
  }
}

/* Another program that copies all metadata, in an order of its own, copies the digest of other bytes. */
static void test_a_digest_that_was_carried_on(void **state) {
  char bytes[512];
  prl_safetensors *file;
  size_t size = make(bytes,
                     "{\"__metadata__\":{\"a\":\"\",\"prl.digest\":\"00112233445566778899aabbccddeeff\"},"
                     "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                     8);
  CHECK_FAILS(prl_safetensors_parse(*state, "x.st", bytes, size, &file, &error), PRL_EFORMAT,
              "x.st is damaged or was changed: it carries the digest 00112233445566778899aabbccddeeff");
}

/* Mutated files are read or refused; in one that is read every tensor lies within the bytes. */
static void test_mutations(void **state) {
  char *bytes;
  size_t size;
  CHECK_OK(prl_file_read(*state, REFERENCE, 1 << 20, &bytes, &size, &error));
  prl_rng rng = prl_rng_make(3, 0, PRL_SITE_USER);
  int read = 0;
  for (uint32_t i = 0; i < 20000; i++) {
    uint32_t words[4];
    prl_rng_block(rng, 0, 0, i, 0, words);
    char *mutant = malloc(size);
    memcpy(mutant, bytes, size);
    size_t header = size - 64;
    static const char pool[] = "0123456789[]{},:\"FIU-e.";
    for (int m = 0; m <= (int)(words[2] & 1); m++)
      mutant[words[m] % header] =
          words[2] & 2 ? (char)(words[m] >> 20) : pool[(words[m] >> 20) % (sizeof pool - 1)];
    prl_safetensors *file = NULL;
    if (prl_safetensors_parse(*state, "mutant", mutant, size, &file, &error) == PRL_OK) {
      unsigned sum = 0;
      for (int64_t t = 0; t < file->count; t++)
        for (size_t b = 0; b < file->tensors[t].size; b++) sum += ((const uint8_t *)file->tensors[t].data)[b];
      assert_true(sum < 256u * size);
      prl_safetensors_close(file);
      read++;
    } else {
      assert_int_equal(error.status, PRL_EFORMAT);
    }
    free(mutant);
  }
  prl_free(*state, bytes);
  assert_true(read > 100);
}

static prl_status read_and_write(prl_runtime *runtime, void *context, prl_error *e) {
  (void)context;
  prl_safetensors *file = NULL;
  prl_tensor weight = {0};
  prl_status status = prl_safetensors_open(runtime, REFERENCE, 0, &file, e);
  if (status == PRL_OK) status = prl_safetensors_tensor(file, "weight", &weight, e);
  if (status == PRL_OK)
    status = prl_safetensors_write(runtime, path, file->tensors, file->count, file->metadata, e);
  prl_tensor_release(&weight);
  prl_safetensors_close(file);
  return status;
}

static void test_failing_allocations(void **state) {
  (void)state;
  assert_true(fail_each_allocation(read_and_write, NULL) > 10);
  assert_int_equal(files_in(folder), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_reads_the_reference, setup, teardown),
      cmocka_unit_test_setup_teardown(test_writes_as_the_reference, setup, teardown),
      cmocka_unit_test_setup_teardown(test_order_and_alignment, setup, teardown),
      cmocka_unit_test_setup_teardown(test_writer_refuses, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refuses_malformed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_every_flipped_bit_is_noticed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_digest_that_was_carried_on, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mutations, setup, teardown),
      cmocka_unit_test_setup_teardown(test_failing_allocations, setup, teardown),
  };
  return cmocka_run_group_tests_name("io/safetensors", tests, NULL, NULL);
}
