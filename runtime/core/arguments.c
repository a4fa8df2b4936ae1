/* The sentences about arguments that are missing or out of bounds. */
#include "core/arguments.h"

#include <inttypes.h>
#include <string.h>

/* What begins the sentence: the public function, where it looks itself. */
static const char *prefix(const char *function) { return strncmp(function, "prl_", 4) ? "" : function; }

prl_status prl_argument_null(prl_error *error, const char *function, const char *names,
                             const void *const *values) {
  size_t length = strcspn(names, " ");
  for (; *values; values++) {
    names += length + (names[length] == ' ');
    length = strcspn(names, " ");
  }
  const char *from = prefix(function);
  return prl_fail(error, PRL_EINVAL, "%s%s%.*s is NULL", from, *from ? ": " : "", (int)length, names);
}

prl_status prl_argument_range(prl_error *error, const char *function, const char *name, int64_t value,
                              int64_t low, int64_t high) {
  const char *from = prefix(function);
  return prl_fail(error, PRL_EINVAL, "%s%s%s is %" PRId64 "; it must be from %" PRId64 " to %" PRId64, from,
                  *from ? ": " : "", name, value, low, high);
}
