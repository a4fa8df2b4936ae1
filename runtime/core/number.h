/* Decimal text to double and back. Unlike strtod and printf, nothing here looks at the host's locale, in
 * which a decimal point may be a comma: numbers are read and written by these functions alone. */
#ifndef PRL_CORE_NUMBER_H
#define PRL_CORE_NUMBER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perilune/core.h"

#define PRL_NUMBER_TEXT 40 /* bytes that prl_number_format may need, with the ending NUL */

/* Reads all of text[0, length): an optional sign, digits with at most one point among them, an optional
 * exponent. The result is the double nearest to the decimal (ties to even); beyond the range it is an
 * infinity or a zero, and the caller decides. False, with *out untouched, for anything else (also "inf",
 * "nan", hexadecimal, spaces, and more than 1,000 characters). text need not be terminated. */
bool prl_number_parse(const char *text, size_t length, double *out);

/* The same for whole numbers: an optional sign and digits. False for anything else, and beyond int64. */
bool prl_integer_parse(const char *text, size_t length, int64_t *out);

/* Writes the fewest of 15, 16 or 17 significant digits (trailing zeros dropped; subnormals: the fewest of
 * all) that read back as the same double. Whole numbers up to 2^53 and all from 1e-7 to 1e21 are written
 * without an exponent; minus zero is "-0"; "nan", "inf" and "-inf" for what is not finite. Returns the
 * length. */
size_t prl_number_format(double number, char out[PRL_NUMBER_TEXT]);

/* strtod, and vsnprintf and snprintf, in the locale "C". end: where the number ends, or NULL. */
double prl_number_scan(const char *text, const char **end);
int prl_vformat(char *out, size_t size, const char *format, va_list list);
PRL_PRINTF(3, 4) int prl_format(char *out, size_t size, const char *format, ...);

#endif
