/* Reads numbers and strings from plain data, and says where one does not fit. */
#include "core/read.h"

#include <math.h>
#include <string.h>

prl_status prl_read_fail(const char *where, const char *key, const char *expected, prl_error *error) {
  return prl_fail(error, PRL_EFORMAT, "plan: %s%s%s: expected %s", where, *where && *key ? "." : "", key,
                  expected);
}

prl_status prl_read_value(const prl_value *map, const char *where, const char *key, prl_kind kind,
                          const prl_value **out, prl_error *error) {
  static const char *const words[] = {"null", "true or false", "a number", "a string", "a list", "a map"};
  const prl_value *value = prl_get(map, key);
  if (!value || value->kind != kind) return prl_read_fail(where, key, words[kind], error);
  *out = value;
  return PRL_OK;
}

prl_status prl_read_string(const prl_value *map, const char *where, const char *key, const char **out,
                           prl_error *error) {
  const prl_value *value = NULL;
  prl_status status = prl_read_value(map, where, key, PRL_STRING, &value, error);
  if (!status) *out = value->as.text;
  return status;
}

prl_status prl_read_number(const prl_value *map, const char *where, const char *key, bool required,
                           double low, double high, double *out, prl_error *error) {
  const prl_value *value = prl_get(map, key);
  if ((!value || value->kind == PRL_NULL) && !required) return PRL_OK;
  if (!value || value->kind != PRL_NUMBER || !isfinite(value->as.number))
    return prl_read_fail(where, key, "a number", error);
  double number = value->as.number;
  if (!(number >= low && number <= high))
    return prl_fail(error, PRL_EFORMAT, "plan: %s%s%s is %g; it must be from %g to %g", where,
                    *where ? "." : "", key, number, low, high);
  *out = number;
  return PRL_OK;
}

prl_status prl_read_int(const prl_value *map, const char *where, const char *key, bool required, int64_t low,
                        int64_t high, int64_t *out, prl_error *error) {
  double number = (double)*out;
  prl_status status = prl_read_number(map, where, key, required, (double)low, (double)high, &number, error);
  if (status) return status;
  if (number != floor(number)) return prl_read_fail(where, key, "a whole number", error);
  *out = (int64_t)number;
  return PRL_OK;
}

int prl_read_word(const char *word, const char *const known[], int count) {
  for (int i = 0; i < count; i++)
    if (!strcmp(word, known[i])) return i;
  return -1;
}
