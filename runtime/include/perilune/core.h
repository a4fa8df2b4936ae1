/* perilune/core.h: status and errors, the host's allocator, and the runtime that everything hangs from.
 *
 * A runtime is one thread's world: objects of one runtime are used by one thread at a time. Two runtimes
 * share nothing, so that two of them can run on two threads. The library never prints, exits, aborts or
 * longjmps.
 *
 * Every function looks at its arguments. One that returns a status refuses NULL where something is needed and
 * a number that cannot be meant with PRL_EINVAL, and names the argument; arrays of n = 0 rows may be NULL.
 * The others give NULL or 0 where nothing can be told, and free or release nothing for NULL. What it cannot
 * look at is whether memory behind a pointer is as large as the comment says. */
#ifndef PERILUNE_CORE_H
#define PERILUNE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRL_VERSION "0.1.0"

#if defined(__GNUC__)
#define PRL_API __attribute__((visibility("default")))
#define PRL_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define PRL_API
#define PRL_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum prl_status {
  PRL_OK = 0,
  PRL_ENOMEM,   /* the host's allocator gave nothing */
  PRL_EINVAL,   /* an argument out of its range, or of the wrong kind */
  PRL_ESHAPE,   /* shapes that do not fit; the message prints both */
  PRL_ENAME,    /* an unknown name; the message gives the nearest valid one */
  PRL_EIO,      /* the system refused: open, read, write, rename */
  PRL_EFORMAT,  /* malformed input: a file, a recipe, JSON */
  PRL_ENUMERIC, /* NaN or infinity where a number is needed */
  PRL_ELIMIT,   /* a declared capacity or cap is exhausted */
  PRL_ESTATE,   /* a call that the object's present state does not allow */
  PRL_EABSENT,  /* a file that is whole, but does not hold what was asked for */
  PRL_ESTOPPED  /* the caller's watch did not let a long call go on */
} prl_status;

/* The caller's buffer for what went wrong. Functions write it only when they fail; a NULL error is allowed.
 */
typedef struct prl_error {
  prl_status status;
  char message[500];
} prl_error;

/* The status as a word ("EINVAL"): the third value of Lua's `nil, message, code`. */
PRL_API const char *prl_status_name(prl_status status);

/* Writes the message and returns `status`, so that failing is one statement: return prl_fail(e, PRL_EINVAL,
 * …). */
PRL_API prl_status prl_fail(prl_error *error, prl_status status, const char *format, ...) PRL_PRINTF(3, 4);

/* The host's allocator, in the manner of realloc: new_size 0 frees and returns NULL, block NULL allocates.
 * Blocks need the alignment of malloc. NULL for new_size > 0 means that there is no memory; the old block
 * stands. */
typedef void *(*prl_alloc_fn)(void *context, void *block, size_t old_size, size_t new_size);

typedef struct prl_runtime prl_runtime;

typedef struct prl_runtime_options {
  prl_alloc_fn alloc; /* NULL: realloc and free */
  void *alloc_context;
  /* "baseline", "avx2", "avx512", or NULL: the best that this processor has. Results of two differ in the
   * last digits. */
  const char *kernels;
  int64_t budget_bytes; /* the most that all objects of the runtime hold together; 0: the machine's memory */
} prl_runtime_options;

/* What a caller has to say in the midst of a long call: go_on is asked about 20 times a second, on the thread
 * that made the call, with how much of it is done; false ends the call with PRL_ESTOPPED. It must not use the
 * objects of the call. go_on NULL: the call runs to its end. */
typedef struct prl_watch {
  bool (*go_on)(void *context, int64_t done, int64_t total);
  void *context;
} prl_watch;

typedef struct prl_memory {
  int64_t live_bytes;
  int64_t peak_bytes;
  int64_t allocations;  /* calls that asked for memory, since the runtime began */
  int64_t budget_bytes; /* in force */
} prl_memory;

/* options may be NULL. Fails: PRL_ENOMEM, PRL_ENAME (kernels), PRL_EINVAL (budget_bytes < 0). */
PRL_API prl_status prl_runtime_new(const prl_runtime_options *options, prl_runtime **out, prl_error *error);
/* Objects of a runtime retain it; it goes with the last of them. NULL is allowed. */
PRL_API prl_runtime *prl_runtime_retain(prl_runtime *runtime);
PRL_API void prl_runtime_release(prl_runtime *runtime);
/* Another budget from now on; 0: the machine's memory. What an object will take is added up before anything
 * of it is allocated: one that would pass the budget is refused with PRL_ELIMIT and the option that makes it
 * large. Any other block above it is PRL_ENOMEM. Fails: PRL_EINVAL (budget_bytes < 0). */
PRL_API prl_status prl_runtime_budget(prl_runtime *runtime, int64_t budget_bytes, prl_error *error);
PRL_API prl_memory prl_runtime_memory(const prl_runtime *runtime);
PRL_API const char *prl_runtime_kernels(const prl_runtime *runtime);

#ifdef __cplusplus
}
#endif
#endif
