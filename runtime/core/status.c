/* Writes a failure's message, and names statuses. */
#include "perilune/core.h"

#include <stdarg.h>

#include "core/number.h"

const char *prl_status_name(prl_status status) {
  static const char *const names[] = {"OK",      "ENOMEM",   "EINVAL", "ESHAPE", "ENAME",   "EIO",
                                      "EFORMAT", "ENUMERIC", "ELIMIT", "ESTATE", "EABSENT", "ESTOPPED"};
  return (unsigned)status < sizeof names / sizeof *names ? names[status] : "?";
}

prl_status prl_fail(prl_error *error, prl_status status, const char *format, ...) {
  if (error) {
    va_list list;
    va_start(list, format);
    error->status = status;
    prl_vformat(error->message, sizeof error->message, format ? format : "?", list);
    va_end(list);
  }
  return status;
}
