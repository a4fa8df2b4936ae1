/* Reads the cases of spec/fixtures/torch (their form stands in make_torch_fixtures.py). */
#ifndef SPEC_SUPPORT_CASES_H
#define SPEC_SUPPORT_CASES_H

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "tensor/tensor.h"

#define CASE_FIELDS 40

typedef struct case_reader {
  prl_runtime *runtime;
  FILE *file;
  char name[64];
  int count;
  char key[CASE_FIELDS][16];
  prl_tensor field[CASE_FIELDS];
} case_reader;

static void case_clear(case_reader *r) {
  while (r->count > 0) prl_tensor_release(&r->field[--r->count]);
}

static char *next_word(case_reader *r, char *word, size_t size) {
  size_t used = 0;
  int c;
  while ((c = fgetc(r->file)) == ' ') {
  }
  if (c == '\n' || c == EOF) return NULL;
  for (; c != ' ' && c != '\n' && c != EOF; c = fgetc(r->file))
    if (used + 1 < size) word[used++] = (char)c;
  if (c != EOF) ungetc(c, r->file);
  word[used] = 0;
  return word;
}

static void read_field(case_reader *r) {
  static const char *const names[] = {"f32", "f64", "i32", "i64"};
  char word[64];
  prl_error error = {0};
  int64_t shape[PRL_MAX_DIMS];
  int dtype = 0, ndim;
  assert_true(r->count < CASE_FIELDS);
  assert_non_null(next_word(r, word, sizeof word));
  while (strcmp(names[dtype], word) != 0) assert_true(++dtype < 4);
  ndim = atoi(next_word(r, word, sizeof word));
  for (int d = 0; d < ndim; d++) shape[d] = atoll(next_word(r, word, sizeof word));
  prl_tensor *t = &r->field[r->count];
  CHECK_OK(prl_tensor_new(r->runtime, (prl_dtype)dtype, ndim, shape, t, &error));
  for (int64_t i = 0; i < prl_tensor_count(t); i++) {
    assert_non_null(next_word(r, word, sizeof word));
    if (dtype == PRL_F32)
      ((float *)t->data)[i] = strtof(word, NULL);
    else
      prl_tensor_set(t, i, strtod(word, NULL));
  }
  assert_null(next_word(r, word, sizeof word));
  r->count++;
}

/* The next case; false at the end of the file. */
static bool case_next(case_reader *r) {
  char word[64];
  case_clear(r);
  if (!next_word(r, word, sizeof word)) return false;
  assert_string_equal(word, "case");
  assert_non_null(next_word(r, r->name, sizeof r->name));
  assert_null(next_word(r, word, sizeof word));
  while (next_word(r, word, sizeof word) && strcmp(word, "end") != 0) {
    snprintf(r->key[r->count], sizeof r->key[0], "%.15s", word);
    read_field(r);
  }
  assert_null(next_word(r, word, sizeof word));
  return true;
}

static void case_open(case_reader *r, prl_runtime *runtime, const char *file) {
  char path[512];
  snprintf(path, sizeof path, FIXTURES "/torch/%s.txt", file);
  *r = (case_reader){.runtime = runtime, .file = fopen(path, "r")};
  if (!r->file) fail_msg("%s cannot be read", path);
}

static void case_close(case_reader *r) {
  case_clear(r);
  fclose(r->file);
}

static const prl_tensor *case_field(const case_reader *r, const char *key) {
  for (int i = 0; i < r->count; i++)
    if (strcmp(r->key[i], key) == 0) return &r->field[i];
  return NULL;
}

#endif
