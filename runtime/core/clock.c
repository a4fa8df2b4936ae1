/* Reads the monotonic clock. */
#include "core/clock.h"

#include <time.h>

int64_t prl_clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t prl_clock_deadline(int64_t microseconds) {
  int64_t now = prl_clock_ns(), more = microseconds - 1;
  return more < (INT64_MAX - now) / 1000 ? now + more * 1000 : INT64_MAX;
}

int64_t prl_clock_work_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
