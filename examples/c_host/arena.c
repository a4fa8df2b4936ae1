#include "arena.h"

#include <string.h>

static int size_class(size_t size) {
  int class = 5; /* 32 bytes at least */
  while (((size_t)1 << class) < size) class ++;
  return class;
}

static void *take(arena *a, int class) {
  void *block = a->free[class];
  if (block) {
    memcpy(&a->free[class], block, sizeof block); /* a free block begins with the next one's address */
    return block;
  }
  size_t size = (size_t)1 << class;
  if (size > a->size - a->used) return NULL;
  block = a->bytes + a->used;
  a->used += size;
  return block;
}

void *arena_alloc(void *context, void *block, size_t old_size, size_t new_size) {
  arena *a = context;
  if (block && new_size && size_class(old_size) == size_class(new_size)) return block;
  void *moved = new_size ? take(a, size_class(new_size)) : NULL;
  if (new_size && !moved) return NULL; /* the old block remains */
  if (block) {
    int class = size_class(old_size);
    if (moved) memcpy(moved, block, old_size < new_size ? old_size : new_size);
    memcpy(block, &a->free[class], sizeof block);
    a->free[class] = block;
  }
  return moved;
}
