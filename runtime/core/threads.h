/* Work on several threads, all of them gone when the call returns. */
#ifndef PRL_CORE_THREADS_H
#define PRL_CORE_THREADS_H

#include <stddef.h>

enum { PRL_THREADS_MOST = 64 };

typedef void (*prl_thread_fn)(void *context);

/* fn for each of count (≤ PRL_THREADS_MOST) contexts, `stride` bytes apart, each on a thread of its
 * own, the first on the caller's. Where the system gives no thread the caller's does that part too: the work
 * is always done, and only takes longer. */
void prl_threads_run(prl_thread_fn fn, void *contexts, size_t stride, int count);

#endif
