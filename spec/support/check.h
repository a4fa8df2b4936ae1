/* What every C test includes: cmocka with its prerequisites, and checks that print the message of a
 * prl_error. */
#ifndef SPEC_SUPPORT_CHECK_H
#define SPEC_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "perilune/core.h"

#define CHECK_OK(call)                                                                                       \
  do {                                                                                                       \
    prl_status check_status = (call);                                                                        \
    if (check_status != PRL_OK) fail_msg("%s: status %d, %s", #call, (int)check_status, error.message);      \
  } while (0)

/* The call fails with this status, and its message holds the text. */
#define CHECK_FAILS(call, wanted, text)                                                                      \
  do {                                                                                                       \
    error.message[0] = 0;                                                                                    \
    prl_status check_status = (call);                                                                        \
    if (check_status != (wanted))                                                                            \
      fail_msg("%s: status %d, not %d (%s)", #call, (int)check_status, (int)(wanted), error.message);        \
    if (!strstr(error.message, (text))) fail_msg("%s: \"%s\" lacks \"%s\"", #call, error.message, (text));   \
  } while (0)

#endif
