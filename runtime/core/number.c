/* Decimal text to double and back, whatever the locale. */
#define _GNU_SOURCE /* strtod_l */
#include "core/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 1000 /* a double has at most 767 significant digits */

/* Powers of ten that a double holds exactly. */
static const double exact_power[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

/* The "C" locale of glibc is static, so newlocale gives it without an allocation. */
static locale_t plain_locale(void) { return newlocale(LC_ALL_MASK, "C", (locale_t)0); }

double prl_number_scan(const char *text, const char **end) {
  char *stop = (char *)text;
  locale_t plain = plain_locale();
  double number = plain ? strtod_l(text, &stop, plain) : 0;
  if (plain) freelocale(plain);
  if (end) *end = stop;
  return number;
}

int prl_vformat(char *out, size_t size, const char *format, va_list list) {
  locale_t plain = plain_locale(), host = plain ? uselocale(plain) : (locale_t)0; /* of this thread alone */
  int length = vsnprintf(out, size, format, list);
  if (plain) {
    uselocale(host);
    freelocale(plain);
  }
  return length;
}

int prl_format(char *out, size_t size, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int length = prl_vformat(out, size, format, list);
  va_end(list);
  return length;
}

/* The rare numbers: many digits or a large exponent. */
static bool parse_slowly(const char *text, size_t length, double *out) {
  char copy[MAX_TEXT + 1];
  const char *end;
  if (length > MAX_TEXT) return false;
  memcpy(copy, text, length);
  copy[length] = 0;
  *out = prl_number_scan(copy, &end);
  return end == copy + length;
}

bool prl_number_parse(const char *text, size_t length, double *out) {
  const char *at = text, *end = text + length;
  bool negative = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+')) at++;
  uint64_t mantissa = 0; /* wraps with 20 digits or more, when it is not used */
  const char *digits = at;
  while (at < end && is_digit(*at)) mantissa = mantissa * 10 + (uint64_t)(*at++ - '0');
  ptrdiff_t count = at - digits, exponent = 0;
  if (at < end && *at == '.') {
    const char *fraction = ++at;
    while (at < end && is_digit(*at)) mantissa = mantissa * 10 + (uint64_t)(*at++ - '0');
    exponent = fraction - at;
    count -= exponent;
  }
  if (count == 0) return false;
  bool plain = count <= 19; /* leading zeros count too: rare, and only slower */
  if (at < end && (*at == 'e' || *at == 'E')) {
    bool minus = ++at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    const char *first = at;
    ptrdiff_t given = 0;
    while (at < end && is_digit(*at)) {
      if (given < 100000) given = given * 10 + (*at - '0');
      at++;
    }
    if (at == first) return false;
    exponent += minus ? -given : given;
  }
  if (at != end) return false;
  /* Both operands are exact, so one rounding gives the nearest double (Clinger 1990, fast path). */
  if (plain && mantissa <= (UINT64_C(1) << 53) && exponent >= -22 && exponent <= 22) {
    double value = (double)mantissa;
    if (exponent < 0)
      value /= exact_power[-exponent];
    else
      value *= exact_power[exponent];
    *out = negative ? -value : value;
    return true;
  }
  return parse_slowly(text, length, out);
}

bool prl_integer_parse(const char *text, size_t length, int64_t *out) {
  const char *at = text, *end = text + length;
  bool negative = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+')) at++;
  if (at == end) return false;
  uint64_t value = 0;
  for (; at < end; at++) {
    if (!is_digit(*at)) return false;
    uint64_t digit = (uint64_t)(*at - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
  if (value > limit) return false;
  *out = negative ? (int64_t)(0 - value) : (int64_t)value;
  return true;
}

/* The significant digits of |number|, correctly rounded to `precision` of them, without trailing zeros; the
 * decimal exponent of the first one in *exponent. printf's point depends on the locale, so only its digits
 * are taken. */
static int significant(double number, int precision, char digits[20], int *exponent) {
  char text[64];
  snprintf(text, sizeof text, "%.*e", precision - 1, fabs(number));
  int count = 0;
  const char *at = text;
  for (; *at != 'e'; at++)
    if (is_digit(*at)) digits[count++] = *at;
  *exponent = atoi(at + 1);
  while (count > 1 && digits[count - 1] == '0') count--;
  return count;
}

static size_t compose(bool negative, const char *digits, int count, int exponent, char *out) {
  char *at = out;
  if (negative) *at++ = '-';
  if (exponent >= 21 || exponent < -7) {
    *at++ = digits[0];
    if (count > 1) *at++ = '.';
    for (int i = 1; i < count; i++) *at++ = digits[i];
    return (size_t)(at - out) + (size_t)sprintf(at, "e%d", exponent);
  }
  if (exponent < 0) {
    *at++ = '0';
    *at++ = '.';
    for (int i = -1; i > exponent; i--) *at++ = '0';
  }
  for (int i = 0; i < count || i <= exponent; i++) {
    if (exponent >= 0 && i == exponent + 1) *at++ = '.';
    *at++ = i < count ? digits[i] : '0';
  }
  *at = 0;
  return (size_t)(at - out);
}

size_t prl_number_format(double number, char out[PRL_NUMBER_TEXT]) {
  if (isnan(number)) return (size_t)sprintf(out, "nan");
  if (isinf(number)) return (size_t)sprintf(out, number < 0 ? "-inf" : "inf");
  if (number == 0) return (size_t)sprintf(out, signbit(number) ? "-0" : "0");
  if (fabs(number) <= 0x1p53 && number == (double)(int64_t)number)
    return (size_t)sprintf(out, "%lld", (long long)number);
  size_t length = 0;
  for (int precision = fabs(number) < 0x1p-1022 ? 1 : 15; precision <= 17; precision++) {
    char digits[20];
    int exponent;
    double back = 0;
    int count = significant(number, precision, digits, &exponent);
    length = compose(number < 0, digits, count, exponent, out);
    if (prl_number_parse(out, length, &back) && back == number) break;
  }
  return length;
}
