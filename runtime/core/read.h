/* Reading plain data with clear refusals: every message begins with the place of the value in the document.
 */
#ifndef PRL_CORE_READ_H
#define PRL_CORE_READ_H

#include "core/value.h"

/* "expected …" for the value at where.key: PRL_EFORMAT. */
prl_status prl_read_fail(const char *where, const char *key, const char *expected, prl_error *error);

/* The required value of that kind. */
prl_status prl_read_value(const prl_value *map, const char *where, const char *key, prl_kind kind,
                          const prl_value **out, prl_error *error);
prl_status prl_read_string(const prl_value *map, const char *where, const char *key, const char **out,
                           prl_error *error);
/* A finite number within [low, high]; *out keeps its value, the default, where the key is absent and not
 * required. */
prl_status prl_read_number(const prl_value *map, const char *where, const char *key, bool required,
                           double low, double high, double *out, prl_error *error);
/* A whole number within [low, high]. */
prl_status prl_read_int(const prl_value *map, const char *where, const char *key, bool required, int64_t low,
                        int64_t high, int64_t *out, prl_error *error);
/* The place of the word among the known ones; −1: none of them. */
int prl_read_word(const char *word, const char *const known[], int count);

#endif
