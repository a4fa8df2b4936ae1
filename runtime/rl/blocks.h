/* A list of everything mutable, registered once as named blocks of memory, so that saving and loading walk
 * one list and nothing is forgotten in one of them. Bytes and small integers are listed as int32 or int64
 * words. */
#ifndef PRL_RL_BLOCKS_H
#define PRL_RL_BLOCKS_H

#include "core/memory.h"
#include "perilune/tensor.h"

#define PRL_BLOCK_NAME 96

typedef struct prl_block {
  char name[PRL_BLOCK_NAME];
  prl_dtype dtype;
  int64_t count;       /* elements of dtype at most */
  void *data;          /* borrowed: as long as its owner lives */
  const int64_t *used; /* NULL: all of it; else a count of units, which is in a block listed before */
  int64_t unit;        /* elements */
  bool learned;        /* what a rollback brings back; the rest goes on (agent/kept.c) */
} prl_block;

typedef struct prl_blocks {
  prl_runtime *runtime;
  prl_block *items;
  int count, capacity;
  const char *prefix; /* of the names that are added; NULL: none */
  bool fixed;         /* what is added belongs to a policy that does not learn */
} prl_blocks;

void prl_blocks_init(prl_blocks *blocks, prl_runtime *runtime);
void prl_blocks_deinit(prl_blocks *blocks);
/* Fails: PRL_ENOMEM, PRL_EINVAL (a name that is too long: the name). */
prl_status prl_blocks_add(prl_blocks *blocks, const char *name, prl_dtype dtype, int64_t count, void *data,
                          prl_error *error);
/* The same, named prefix + name. */
prl_status prl_blocks_add_named(prl_blocks *blocks, const char *prefix, const char *name, prl_dtype dtype,
                                int64_t count, void *data, prl_error *error);
/* The same of memory whose first *used units of `unit` elements hold something. */
prl_status prl_blocks_add_used(prl_blocks *blocks, const char *name, prl_dtype dtype, int64_t count,
                               void *data, const int64_t *used, int64_t unit, prl_error *error);
/* The elements that hold something; −1: *used cannot be, which only a damaged file gives. */
static inline int64_t prl_block_count(const prl_block *block) {
  if (!block->used || block->unit == 0) return block->count;
  if (*block->used < 0 || *block->used > block->count) return -1;
  int64_t elements = *block->used * block->unit;
  return elements <= block->count ? elements : -1;
}
/* Everything that was added since there were `first` is learned, but for what is fixed. */
void prl_blocks_learned(prl_blocks *blocks, int first);
/* Memory without a type of its own, listed as int32 words. size: bytes, a multiple of 4. */
prl_status prl_blocks_add_bytes(prl_blocks *blocks, const char *name, size_t size, void *data,
                                prl_error *error);

#endif
