/* One runtime for the tests of a file. What they leave allocated is a failure of the group. */
#ifndef SPEC_SUPPORT_RUNTIME_H
#define SPEC_SUPPORT_RUNTIME_H

#include "support/check.h"

static prl_runtime *runtime;

static int open_runtime(void **state) {
  (void)state;
  return prl_runtime_new(NULL, &runtime, NULL);
}

static int close_runtime(void **state) {
  (void)state;
  int64_t live = prl_runtime_memory(runtime).live_bytes;
  prl_runtime_release(runtime);
  return live != 0;
}

#endif
