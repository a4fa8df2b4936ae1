/* What the targets share: a runtime with little memory, inputs as files, seeds that are made, and what every
 * failure owes its reader. */
#ifndef SPEC_FUZZ_FUZZ_H
#define SPEC_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "perilune/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* For the helpers of the tests, which say what they count on in cmocka's words. */
#define CHECK_OK(call)                                                                                       \
  do {                                                                                                       \
    if (call) abort();                                                                                       \
  } while (0)
#ifndef assert_true
#define assert_true(condition) CHECK_OK(!(condition))
#define assert_non_null(pointer) CHECK_OK(!(pointer))
#endif

/* A host that has 256 MB: what asks for more is told so, like any host would. */
static inline void *fuzz_alloc(void *context, void *block, size_t old_size, size_t new_size) {
  size_t *live = context;
  if (new_size > old_size && *live - old_size + new_size > (size_t)256 << 20) return NULL;
  void *fresh = new_size ? realloc(block, new_size) : NULL;
  if (!new_size) free(block);
  if (fresh || !new_size) *live = *live - old_size + new_size;
  return fresh;
}

static inline prl_runtime *fuzz_runtime(void) {
  static size_t live;
  prl_runtime *runtime;
  const prl_runtime_options options = {.alloc = fuzz_alloc, .alloc_context = &live};
  CHECK_OK(prl_runtime_new(&options, &runtime, NULL));
  return runtime;
}

/* Nothing stays behind. */
static inline void fuzz_end(prl_runtime *runtime) {
  prl_memory memory = prl_runtime_memory(runtime);
  if (memory.live_bytes > 4096) abort();
  prl_runtime_release(runtime);
}

/* Aborts where a failure lacks its sentences, at most so many, each a line of its own. */
static inline bool fuzz_ok_lines(prl_status status, const prl_error *error, int most) {
  int lines = 1;
  for (const char *at = error->message; status && (at = strchr(at, '\n')); at++, lines++)
    if (at[1] == '\n' || !at[1]) abort();
  if (status && (error->status != status || !error->message[0] || lines > most)) abort();
  return status == PRL_OK;
}

/* The same of one sentence. */
static inline bool fuzz_ok(prl_status status, const prl_error *error) {
  return fuzz_ok_lines(status, error, 1);
}

/* The input as a file that lives in memory; close(descriptor) removes it. */
static inline int fuzz_file(const uint8_t *data, size_t size, char path[32]) {
  int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
  if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size) abort();
  snprintf(path, 32, "/proc/self/fd/%d", descriptor);
  return descriptor;
}

/* Where a target that makes its own seed writes it; NULL: it is not asked for. Freshly made, a seed has the
 * formats of today. */
static inline const char *fuzz_seed(void) { return getenv("PERILUNE_FUZZ_SEED"); }

#endif
