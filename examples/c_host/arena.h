/* The host's memory: one block taken at the start, and free lists by size class within it. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

typedef struct arena {
  char *bytes;
  size_t size, used;
  void *free[64]; /* blocks of 2^i bytes */
} arena;

/* In the manner of prl_alloc_fn; context is the arena. */
void *arena_alloc(void *context, void *block, size_t old_size, size_t new_size);

#endif
