/* A host allocator whose k-th request fails, and a loop that fails each request of a piece of work in turn.
 * Include after <cmocka.h>. */
#ifndef SPEC_SUPPORT_FAILING_ALLOC_H
#define SPEC_SUPPORT_FAILING_ALLOC_H

#include <stdlib.h>

#include "perilune/core.h"

typedef struct failing_alloc {
  int64_t requests;    /* so far */
  int64_t fail_at;     /* 1: the first; 0: none */
  int64_t live_blocks; /* must be 0 when the runtime is gone */
} failing_alloc;

static inline void *failing_alloc_fn(void *context, void *block, size_t old_size, size_t new_size) {
  failing_alloc *self = context;
  (void)old_size;
  if (new_size == 0) {
    self->live_blocks -= block != NULL;
    free(block);
    return NULL;
  }
  if (++self->requests == self->fail_at) return NULL;
  void *grown = realloc(block, new_size);
  self->live_blocks += block == NULL && grown != NULL;
  return grown;
}

/* The work must give PRL_OK where no request fails and PRL_ENOMEM, with nothing left behind, where one does.
 */
typedef prl_status (*failing_work)(prl_runtime *runtime, void *context, prl_error *error);

static inline prl_status failing_once(failing_alloc *alloc, failing_work work, void *context,
                                      prl_error *error) {
  prl_runtime *runtime = NULL;
  prl_runtime_options options = {.alloc = failing_alloc_fn, .alloc_context = alloc};
  prl_status status = prl_runtime_new(&options, &runtime, error);
  if (status == PRL_OK) status = work(runtime, context, error);
  prl_runtime_release(runtime);
  return status;
}

/* The sanitizers are slow, and look at every third request alone. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FAILING_STRIDE = 3 };
#else
enum { FAILING_STRIDE = 1 };
#endif

/* Fails the 1st, 2nd, … request until the work passes untouched. Returns how many requests it made. lua: the
 * work runs Lua, whose collector asks for less of a buffer now and then and keeps the whole where that fails,
 * and which has a reserve where it could not bear a failure (recipe/lua_memory.h): one request in twenty may
 * do no harm. */
static inline int64_t fail_each_request(failing_work work, void *context, bool lua) {
  int64_t harmless = 0;
  for (int64_t k = 1;; k += FAILING_STRIDE) {
    failing_alloc alloc = {.fail_at = k};
    prl_error error = {PRL_OK, ""};
    prl_status status = failing_once(&alloc, work, context, &error);
    if (alloc.live_blocks != 0)
      fail_msg("request %lld failed: %lld blocks leak", (long long)k, (long long)alloc.live_blocks);
    if (alloc.requests < k) {
      if (status != PRL_OK) fail_msg("the work fails with all its memory: %s", error.message);
      return alloc.requests;
    }
    if (status == PRL_OK && lua && ++harmless <= k / 20) continue;
    if (status != PRL_ENOMEM)
      fail_msg("request %lld failed: status %d (%s)", (long long)k, (int)status, error.message);
    if (error.status != PRL_ENOMEM || error.message[0] == 0)
      fail_msg("request %lld failed: no message", (long long)k);
  }
}

static inline int64_t fail_each_allocation(failing_work work, void *context) {
  return fail_each_request(work, context, false);
}

#endif
