/* What the public functions ask of their arguments, in one place: pointers that must be there and numbers
 * within a range. A refusal is PRL_EINVAL and names the function and the argument as the header does. */
#ifndef PRL_CORE_ARGUMENTS_H
#define PRL_CORE_ARGUMENTS_H

#include "perilune/core.h"

#define PRL_ROWS_MOST (INT64_C(1) << 28) /* rows of one call: what no caller has is a mistake in n */

prl_status prl_argument_null(prl_error *error, const char *function, const char *names,
                             const void *const *values);
prl_status prl_argument_range(prl_error *error, const char *function, const char *name, int64_t value,
                              int64_t low, int64_t high);

static inline bool prl_any_null(const void *const *values, size_t count) {
  bool any = false;
  for (size_t i = 0; i < count; i++) any |= !values[i];
  return any;
}

#define PRL_POINTERS(...) ((const void *const[]){__VA_ARGS__})

/* PRL_OK where none of the pointers is NULL. names: theirs, with a space between two:
 *     prl_status status = PRL_GIVEN(error, "agent path", a, path); */
#define PRL_GIVEN(error, names, ...)                                                                         \
  (prl_any_null(PRL_POINTERS(__VA_ARGS__), sizeof PRL_POINTERS(__VA_ARGS__) / sizeof(void *))                \
       ? prl_argument_null(error, __func__, names, PRL_POINTERS(__VA_ARGS__))                                \
       : PRL_OK)

/* PRL_OK where low ≤ value ≤ high. An enum goes as (int)value: a foreign one may hold any number. */
#define PRL_WITHIN(error, name, value, low, high)                                                            \
  ((int64_t)(value) < (low) || (int64_t)(value) > (high)                                                     \
       ? prl_argument_range(error, __func__, name, value, low, high)                                         \
       : PRL_OK)

#endif
