/* The list of named blocks that a saved agent is made of. */
#include "rl/blocks.h"

#include <stdio.h>
#include <string.h>

void prl_blocks_init(prl_blocks *blocks, prl_runtime *runtime) { *blocks = (prl_blocks){.runtime = runtime}; }

void prl_blocks_deinit(prl_blocks *blocks) {
  prl_free(blocks->runtime, blocks->items);
  *blocks = (prl_blocks){.runtime = blocks->runtime};
}

prl_status prl_blocks_add(prl_blocks *blocks, const char *name, prl_dtype dtype, int64_t count, void *data,
                          prl_error *error) {
  const char *prefix = blocks->prefix ? blocks->prefix : "";
  const size_t before = strlen(prefix), length = strlen(name);
  if (before + length >= PRL_BLOCK_NAME)
    return prl_fail(error, PRL_EINVAL, "the name '%s' is longer than %d bytes", name, PRL_BLOCK_NAME - 1);
  if (blocks->count == blocks->capacity) {
    int capacity = blocks->capacity ? 2 * blocks->capacity : 32;
    size_t size = (size_t)capacity * sizeof *blocks->items;
    prl_block *items = prl_realloc(blocks->runtime, blocks->items, size);
    if (!items) return prl_fail_memory(error, size);
    blocks->items = items;
    blocks->capacity = capacity;
  }
  prl_block *block = &blocks->items[blocks->count++];
  *block = (prl_block){.dtype = dtype, .count = count, .data = data};
  memcpy(block->name, prefix, before);
  memcpy(block->name + before, name, length + 1);
  return PRL_OK;
}

prl_status prl_blocks_add_named(prl_blocks *blocks, const char *prefix, const char *name, prl_dtype dtype,
                                int64_t count, void *data, prl_error *error) {
  char text[PRL_BLOCK_NAME + 32];
  snprintf(text, sizeof text, "%s%s", prefix, name);
  return prl_blocks_add(blocks, text, dtype, count, data, error);
}

prl_status prl_blocks_add_used(prl_blocks *blocks, const char *name, prl_dtype dtype, int64_t count,
                               void *data, const int64_t *used, int64_t unit, prl_error *error) {
  prl_status status = prl_blocks_add(blocks, name, dtype, count, data, error);
  if (status) return status;
  blocks->items[blocks->count - 1].used = used;
  blocks->items[blocks->count - 1].unit = unit;
  return PRL_OK;
}

void prl_blocks_learned(prl_blocks *blocks, int first) {
  for (int i = first; i < blocks->count; i++) blocks->items[i].learned = !blocks->fixed;
}

prl_status prl_blocks_add_bytes(prl_blocks *blocks, const char *name, size_t size, void *data,
                                prl_error *error) {
  return prl_blocks_add(blocks, name, PRL_I32, (int64_t)(size / 4), data, error);
}
