/* The learned state before a swap, one copy of each learned block: no experience, and none of the buffers and
 * programs of an agent, which a rollback makes anew. */
#include "agent/kept.h"

#include <stdio.h>
#include <string.h>

static size_t size_of(const prl_block *block) {
  return (size_t)prl_block_count(block) * prl_dtype_size(block->dtype);
}

/* Every copy begins where any number may. */
static size_t aligned(size_t size) { return (size + 7) & ~(size_t)7; }

static prl_status make(prl_runtime *runtime, prl_kept **out, prl_error *error) {
  prl_kept *kept = prl_calloc(runtime, 1, sizeof *kept);
  if (!kept) return prl_fail_memory(error, sizeof *kept);
  prl_blocks_init(&kept->blocks, runtime);
  *out = kept;
  return PRL_OK;
}

/* Bytes for all blocks that are listed. */
static prl_status allocate(prl_kept *kept, prl_error *error) {
  prl_blocks *blocks = &kept->blocks;
  size_t size = 0;
  char cause[96], bytes[16];
  for (int i = 0; i < blocks->count; i++) size += aligned(size_of(&blocks->items[i]));
  snprintf(cause, sizeof cause, "what was learned before a swap, kept for a rollback, takes %s",
           prl_bytes_text((int64_t)size, bytes));
  prl_status status = prl_budget_check(blocks->runtime, (int64_t)size, cause, error);
  if (status) return status;
  kept->bytes = prl_alloc(blocks->runtime, size + 1);
  if (!kept->bytes) return prl_fail_memory(error, size);
  uint8_t *at = kept->bytes;
  for (int i = 0; i < blocks->count; i++) {
    blocks->items[i].data = at;
    at += aligned(size_of(&blocks->items[i]));
  }
  return PRL_OK;
}

static bool is_kept(const prl_block *block) { return block->learned && prl_block_count(block) > 0; }

prl_status prl_kept_new(const prl_agent *a, prl_kept **out, prl_error *error) {
  prl_kept *kept = NULL;
  prl_status status = make(a->runtime, &kept, error);
  if (status) return status;
  for (int i = 0; !status && i < a->blocks.count; i++) {
    const prl_block *block = &a->blocks.items[i];
    if (is_kept(block))
      status = prl_blocks_add_named(&kept->blocks, PRL_KEPT_PREFIX, block->name, block->dtype,
                                    prl_block_count(block), NULL, error);
  }
  if (!status) status = allocate(kept, error);
  if (status)
    prl_kept_free(kept);
  else
    *out = kept;
  return status;
}

void prl_kept_free(prl_kept *kept) {
  if (!kept) return;
  prl_runtime *runtime = kept->blocks.runtime;
  prl_blocks_deinit(&kept->blocks);
  prl_doc_free(kept->document);
  prl_free(runtime, kept->bytes);
  prl_free(runtime, kept);
}

void prl_kept_fill(prl_kept *kept, prl_agent *a) {
  int to = 0;
  for (int i = 0; i < a->blocks.count; i++) { /* the same as were listed, in the same order */
    const prl_block *block = &a->blocks.items[i];
    if (is_kept(block)) memcpy(kept->blocks.items[to++].data, block->data, size_of(block));
  }
  kept->document = a->document;
  a->document = NULL;
}

/* ---- back ---- */

static const prl_block *find(const prl_kept *kept, const prl_block *like) {
  for (int i = 0; i < kept->blocks.count; i++) {
    const prl_block *block = &kept->blocks.items[i];
    if (!strcmp(block->name + strlen(PRL_KEPT_PREFIX), like->name) && block->dtype == like->dtype &&
        block->count == prl_block_count(like))
      return block;
  }
  return NULL;
}

prl_status prl_kept_restore(const prl_kept *kept, prl_agent *a, prl_error *error) {
  for (int i = 0; i < a->blocks.count; i++) {
    const prl_block *block = &a->blocks.items[i], *found = is_kept(block) ? find(kept, block) : NULL;
    if (!found && is_kept(block))
      return prl_fail(error, PRL_EFORMAT,
                      "what was kept for a rollback is damaged: \"%s\" is not what its plan says",
                      block->name);
    if (found) memcpy(block->data, found->data, size_of(block));
  }
  if (prl_learner_restore(a->learner) && prl_schedule_between(a->schedule) &&
      prl_schedule_restore(a->schedule, prl_schedule_verb(a->schedule)) && prl_policy_restore(a->policy))
    return PRL_OK;
  return prl_fail(error, PRL_EFORMAT, "what was kept for a rollback is damaged: it holds what cannot be");
}

/* ---- from a file ---- */

static bool find_dtype(prl_st_dtype stored, prl_dtype *out) {
  static const prl_dtype all[] = {PRL_F32, PRL_F64, PRL_I32, PRL_I64};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (prl_st_dtype_of(all[i]) == stored) {
      *out = all[i];
      return true;
    }
  return false;
}

static bool is_of_it(const prl_st_tensor *tensor) {
  return !strncmp(tensor->name, PRL_KEPT_PREFIX, strlen(PRL_KEPT_PREFIX));
}

static prl_status list(prl_kept *kept, const prl_safetensors *file, const char *path, prl_error *error) {
  prl_status status = PRL_OK;
  for (int64_t i = 0; !status && i < file->count; i++) {
    const prl_st_tensor *tensor = &file->tensors[i];
    prl_dtype dtype;
    if (!is_of_it(tensor)) continue;
    if (tensor->ndim != 1 || !find_dtype(tensor->dtype, &dtype))
      return prl_fail(error, PRL_EFORMAT, "%s: \"%s\" is no list of numbers", path, tensor->name);
    status = prl_blocks_add(&kept->blocks, tensor->name, dtype, tensor->shape[0], NULL, error);
  }
  return status;
}

prl_status prl_kept_read(prl_runtime *runtime, const prl_safetensors *file, const char *path, prl_kept **out,
                         prl_error *error) {
  const char *plan = prl_safetensors_text(file, PRL_KEPT_KEY);
  prl_kept *kept = NULL;
  *out = NULL;
  if (!plan) return PRL_OK;
  prl_status status = make(runtime, &kept, error);
  if (status) return status;
  status = prl_json_parse(runtime, plan, strlen(plan), &kept->document, error);
  if (!status) status = list(kept, file, path, error);
  if (!status) status = allocate(kept, error);
  for (int64_t i = 0, to = 0; !status && i < file->count; i++)
    if (is_of_it(&file->tensors[i])) {
      const prl_block *block = &kept->blocks.items[to++];
      memcpy(block->data, file->tensors[i].data, size_of(block));
    }
  if (status)
    prl_kept_free(kept);
  else
    *out = kept;
  return status;
}
