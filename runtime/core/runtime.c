/* The runtime: the host's allocator, its budget, and the table of kernels that is chosen once. */
#include "core/arguments.h"
#include "core/machine.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/kernel_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prl_runtime {
  prl_alloc_fn alloc;
  void *alloc_context;
  int64_t refs;
  int table; /* of kernels */
  prl_memory memory;
};

/* Before each block: the host's pointer and size, so that a free passes the host the size that it gave. */
typedef struct block_header {
  void *raw;
  size_t size; /* as asked for */
} block_header;

enum { ALIGNMENT = 64, OVERHEAD = ALIGNMENT + sizeof(block_header) };

static void *libc_alloc(void *context, void *block, size_t old_size, size_t new_size) {
  (void)context;
  (void)old_size;
  if (new_size == 0) {
    free(block);
    return NULL;
  }
  return realloc(block, new_size);
}

prl_status prl_runtime_new(const prl_runtime_options *options, prl_runtime **out, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "out", out);
  if (!status && options)
    status = PRL_WITHIN(error, "options.budget_bytes", options->budget_bytes, 0, INT64_MAX);
  if (status) return status;
  prl_runtime_options o = options ? *options : (prl_runtime_options){0};
  if (!o.alloc) o.alloc = libc_alloc;
  int table = prl_table_find(o.kernels);
  if (table < 0)
    return prl_fail(error, PRL_ENAME,
                    "kernels: \"%s\" is unknown or not for this processor; use " PRL_TABLE_NAMES,
                    o.kernels ? o.kernels : "");
  prl_runtime *runtime = o.alloc(o.alloc_context, NULL, 0, sizeof *runtime);
  if (!runtime) return prl_fail_memory(error, sizeof *runtime);
  *runtime = (prl_runtime){.alloc = o.alloc, .alloc_context = o.alloc_context, .refs = 1, .table = table};
  (void)prl_runtime_budget(runtime, o.budget_bytes, NULL);
  *out = runtime;
  return PRL_OK;
}

prl_status prl_runtime_budget(prl_runtime *runtime, int64_t budget_bytes, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "runtime", runtime);
  if (!status) status = PRL_WITHIN(error, "budget_bytes", budget_bytes, 0, INT64_MAX);
  if (!status) runtime->memory.budget_bytes = budget_bytes ? budget_bytes : prl_machine_memory();
  return status;
}

prl_runtime *prl_runtime_retain(prl_runtime *runtime) {
  if (runtime) runtime->refs++;
  return runtime;
}

void prl_runtime_release(prl_runtime *runtime) {
  if (runtime && --runtime->refs == 0) runtime->alloc(runtime->alloc_context, runtime, sizeof *runtime, 0);
}

prl_memory prl_runtime_memory(const prl_runtime *runtime) {
  return runtime ? runtime->memory : (prl_memory){0};
}
int prl_runtime_table(const prl_runtime *runtime) { return runtime->table; }
const char *prl_runtime_kernels(const prl_runtime *runtime) {
  return runtime ? prl_table_name(runtime->table) : NULL;
}

int64_t prl_budget_left(const prl_runtime *runtime) {
  return runtime->memory.budget_bytes - runtime->memory.live_bytes;
}

char *prl_bytes_text(int64_t bytes, char text[16]) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = (double)bytes;
  int unit = 0;
  while (value >= 999.95 && unit < 6) value /= 1000, unit++;
  prl_format(text, 16, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

prl_status prl_budget_check(const prl_runtime *runtime, int64_t bytes, const char *cause, prl_error *error) {
  int64_t left = prl_budget_left(runtime);
  if (bytes <= left) return PRL_OK;
  char rest[16], budget[16];
  return prl_fail(error, PRL_ELIMIT,
                  "%s; %s are left of a budget of %s (--memory of the command line, budget_bytes of the "
                  "runtime's options)",
                  cause, prl_bytes_text(left > 0 ? left : 0, rest),
                  prl_bytes_text(runtime->memory.budget_bytes, budget));
}

static block_header *header_of(void *block) { return (block_header *)block - 1; }

static void count_bytes(prl_runtime *runtime, size_t grown, size_t freed) {
  runtime->memory.live_bytes += (int64_t)grown - (int64_t)freed;
  if (runtime->memory.live_bytes > runtime->memory.peak_bytes)
    runtime->memory.peak_bytes = runtime->memory.live_bytes;
}

/* libc knows which pages are clear already, as those that the system has just given: they stay untouched
 * until they are used, and take no memory before. A host's allocator cannot say so. */
static void *take(prl_runtime *runtime, size_t size, bool clear) {
  runtime->memory.allocations++;
  if ((int64_t)size < 0 || (int64_t)size > prl_budget_left(runtime)) return NULL;
  bool by_libc = clear && runtime->alloc == libc_alloc;
  char *raw =
      by_libc ? calloc(1, size + OVERHEAD) : runtime->alloc(runtime->alloc_context, NULL, 0, size + OVERHEAD);
  if (!raw) return NULL;
  uintptr_t start = ((uintptr_t)raw + sizeof(block_header) + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
  void *block = (void *)start;
  *header_of(block) = (block_header){raw, size};
  count_bytes(runtime, size, 0);
  return clear && !by_libc ? memset(block, 0, size) : block;
}

void *prl_alloc(prl_runtime *runtime, size_t size) { return take(runtime, size, false); }

void *prl_calloc(prl_runtime *runtime, size_t count, size_t size) {
  return size && count > SIZE_MAX / size ? NULL : take(runtime, count * size, true);
}

void *prl_realloc(prl_runtime *runtime, void *block, size_t size) {
  void *grown = prl_alloc(runtime, size);
  if (grown && block) {
    size_t old = header_of(block)->size;
    memcpy(grown, block, old < size ? old : size);
    prl_free(runtime, block);
  }
  return grown;
}

void prl_free(prl_runtime *runtime, void *block) {
  if (!block) return;
  block_header header = *header_of(block);
  count_bytes(runtime, 0, header.size);
  runtime->alloc(runtime->alloc_context, header.raw, header.size + OVERHEAD, 0);
}

char *prl_strdup(prl_runtime *runtime, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = prl_alloc(runtime, size);
  return copy ? memcpy(copy, text, size) : NULL;
}

prl_status prl_fail_memory(prl_error *error, size_t size) {
  return prl_fail(error, PRL_ENOMEM, "out of memory: the allocator gave no block of %zu bytes", size);
}

/* ---- Arena ---- */

struct prl_arena_chunk {
  prl_arena_chunk *next;
  size_t used, size; /* of the bytes that follow */
};

enum { CHUNK_SIZE = 8192 - OVERHEAD, CHUNK_HEADER = (sizeof(prl_arena_chunk) + 15) & ~15 };

void prl_arena_init(prl_arena *arena, prl_runtime *runtime) { *arena = (prl_arena){runtime, NULL}; }

void *prl_arena_alloc(prl_arena *arena, size_t size) {
  if (size > SIZE_MAX / 2) return NULL;
  size = (size + 15) & ~(size_t)15;
  prl_arena_chunk *chunk = arena->head;
  if (!chunk || chunk->size - chunk->used < size) {
    size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    chunk = prl_calloc(arena->runtime, 1, CHUNK_HEADER + capacity);
    if (!chunk) return NULL;
    chunk->size = capacity;
    chunk->next = arena->head;
    arena->head = chunk;
  }
  void *block = (char *)chunk + CHUNK_HEADER + chunk->used;
  chunk->used += size;
  return block;
}

char *prl_arena_text(prl_arena *arena, const char *text, size_t length) {
  char *copy = prl_arena_alloc(arena, length + 1);
  return copy ? memcpy(copy, text, length) : NULL;
}

void prl_arena_deinit(prl_arena *arena) {
  for (prl_arena_chunk *chunk = arena->head, *next; chunk; chunk = next) {
    next = chunk->next;
    prl_free(arena->runtime, chunk);
  }
  arena->head = NULL;
}
