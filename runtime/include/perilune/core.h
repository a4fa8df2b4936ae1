/* perilune/core.h: statuses and errors, the host's allocator, and the runtime that owns every object.
 *
 * Threads. Objects of one runtime are used by one thread at a time, but for snapshots of a policy
 * (perilune/actor.h), which are for any. Two runtimes share nothing, so two threads may each use their own.
 * The library never prints, exits, aborts or longjmps.
 *
 * Arguments. Every function checks its arguments. A function that returns a status refuses a NULL that must
 * not be NULL, and a number out of range, with PRL_EINVAL and the argument's name; arrays of n = 0 rows may
 * be NULL. The other functions return NULL or 0 for such arguments, and free and release functions ignore
 * NULL. No function can check that the memory behind a pointer is as large as its comment says.
 *
 * Failures. Each comment lists the statuses that a function fails with; PRL_EINVAL for a bad argument is not
 * repeated. A function that fails leaves its outputs untouched, unless its comment says otherwise.
 *
 * Ownership. What a _new, _load or _open function returns belongs to the caller, who ends it with the _free
 * or _close function of the same name. Inputs are copied, or read only during the call. A pointer that a
 * function returns is borrowed; its comment says until when it is valid. */
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
  PRL_ENOMEM,   /* the host's allocator returned NULL, or a block would exceed the budget */
  PRL_EINVAL,   /* an argument is out of range or of the wrong kind */
  PRL_ESHAPE,   /* shapes do not fit; the message gives both */
  PRL_ENAME,    /* an unknown name; the message gives the nearest valid one */
  PRL_EIO,      /* the system refused to open, read, write or rename a file */
  PRL_EFORMAT,  /* malformed input: a file, a recipe, JSON */
  PRL_ENUMERIC, /* NaN or infinity where a finite number is needed */
  PRL_ELIMIT,   /* a declared capacity or the memory budget is exhausted */
  PRL_ESTATE,   /* the object's present state does not allow this call */
  PRL_EABSENT,  /* the object or file is valid, but does not contain what was asked for */
  PRL_ESTOPPED  /* the caller's watch stopped a long call */
} prl_status;

/* The caller's buffer for an error. Functions write it only when they fail; a NULL error is allowed. */
typedef struct prl_error {
  prl_status status;
  char message[500];
} prl_error;

/* The status as a word ("EINVAL"), the third value of Lua's `nil, message, code`; "?" for a number that is no
 * status. A constant string. */
PRL_API const char *prl_status_name(prl_status status);

/* Formats the message into `error` (which may be NULL), truncated to its size, and returns `status`, so that
 * failing is one statement: return prl_fail(error, PRL_EINVAL, …). */
PRL_API prl_status prl_fail(prl_error *error, prl_status status, const char *format, ...) PRL_PRINTF(3, 4);

/* The host's allocator. It works like realloc: new_size 0 frees the block and returns NULL, block NULL
 * allocates. Blocks need the alignment of malloc. NULL for new_size > 0 means that there is no memory; the
 * old block remains valid. */
typedef void *(*prl_alloc_fn)(void *context, void *block, size_t old_size, size_t new_size);

typedef struct prl_runtime prl_runtime;

typedef struct prl_runtime_options {
  prl_alloc_fn alloc; /* NULL: realloc and free */
  void *alloc_context;
  /* "baseline", "avx2", "avx512", or NULL: the best that this processor has. Results of two differ in the
   * last digits. */
  const char *kernels;
  int64_t budget_bytes; /* the most that all objects of the runtime may hold; 0: the machine's memory */
} prl_runtime_options;

/* A callback for long calls, for progress and cancellation. go_on is called about 20 times a second, on the
 * thread that made the call, with the amount of work done; returning false ends the call with PRL_ESTOPPED.
 * It must not use the objects of the call. go_on NULL: the call runs to its end. */
typedef struct prl_watch {
  bool (*go_on)(void *context, int64_t done, int64_t total);
  void *context;
} prl_watch;

typedef struct prl_memory {
  int64_t live_bytes;   /* held now */
  int64_t peak_bytes;   /* the most ever held */
  int64_t allocations;  /* requests for memory since the runtime was made */
  int64_t budget_bytes; /* in force */
} prl_memory;

/* options may be NULL and is copied; alloc_context must outlive the runtime. *out holds one reference. Fails:
 * PRL_ENOMEM, PRL_ENAME (kernels: unknown, or not for this processor), PRL_EINVAL (budget_bytes < 0). */
PRL_API prl_status prl_runtime_new(const prl_runtime_options *options, prl_runtime **out, prl_error *error);
/* Adds or drops a reference. Objects hold references to their runtime; it is freed with the last one. retain
 * returns its argument. */
PRL_API prl_runtime *prl_runtime_retain(prl_runtime *runtime);
PRL_API void prl_runtime_release(prl_runtime *runtime);
/* Sets the budget from now on; 0: the machine's memory. The memory of an agent, a vector env or a ranker is
 * added up before any of it is allocated: one that would exceed the budget is refused with PRL_ELIMIT and the
 * option that makes it large. Any other block that would exceed it is PRL_ENOMEM. Fails: PRL_EINVAL
 * (budget_bytes < 0). */
PRL_API prl_status prl_runtime_budget(prl_runtime *runtime, int64_t budget_bytes, prl_error *error);
/* The counters now; zeros for NULL. */
PRL_API prl_memory prl_runtime_memory(const prl_runtime *runtime);
/* The kernels in use, "baseline" or "avx2": a constant string; NULL for NULL. */
PRL_API const char *prl_runtime_kernels(const prl_runtime *runtime);

#define PRL_BUCKETS 10000
#define PRL_SALT_MOST 64 /* bytes of a salt that count */
/* The bucket of a group, such as a user, from 0 to PRL_BUCKETS − 1: XXH3-64 of the group's eight bytes, the
 * lowest first, and the salt's text, mod PRL_BUCKETS. An agent with a control group serves it to the groups
 * whose bucket is less than traffic · PRL_BUCKETS; a server that splits its traffic itself can ask for the
 * same. salt NULL: "". */
PRL_API int32_t prl_bucket(uint64_t group, const char *salt);

#ifdef __cplusplus
}
#endif
#endif
