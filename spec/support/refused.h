/* Tables of calls with an argument that cannot be meant: NULL, a negative or a boundless number, a word of an
 * enum that there is not. Each is refused by the argument's name (spec/core/arguments_spec.lua: no public
 * function is left out). */
#ifndef SPEC_SUPPORT_REFUSED_H
#define SPEC_SUPPORT_REFUSED_H

#include "support/check.h"

#include <stdio.h>

static prl_error error;
static prl_error *e; /* where the calls of a table tell it; NULL at its second reading */

static inline void refused(const char *call, prl_status status, const char *argument) {
  char says[64];
  snprintf(says, sizeof says, "%s is ", argument);
  if (status != PRL_EINVAL) fail_msg("%s: status %d, not PRL_EINVAL", call, (int)status);
  if (!e) return;
  if (!strstr(e->message, says)) fail_msg("%s: \"%s\" lacks \"%s\"", call, e->message, says);
  e->message[0] = 0;
}

#define REFUSED(argument, call) refused(#call, call, argument)
#define EACH(number, ...)                                                                                    \
  for (size_t each = 0; each < sizeof((int64_t[]){__VA_ARGS__}) / 8; each++) {                               \
    const int64_t number = ((int64_t[]){__VA_ARGS__})[each];
#define END }

#define NO_ROWS -1, INT64_MIN, INT64_MAX, (INT64_C(1) << 28) + 1
#define NO_WORD -1, 2, 9, 77, INT32_MAX

/* Reads each table with a place for messages, then without one. */
static inline void read_tables(void (*const *tables)(void), size_t count) {
  for (int reading = 0; reading < 2; reading++) {
    e = reading ? NULL : &error;
    for (size_t i = 0; i < count; i++) tables[i]();
  }
}

#endif
