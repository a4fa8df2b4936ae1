/* The runtime's memory: every byte of the library comes from here, and so from the host's allocator. */
#ifndef PRL_CORE_MEMORY_H
#define PRL_CORE_MEMORY_H

#include "perilune/core.h"

/* 64-byte aligned, not cleared. size 0 gives a valid block. NULL when out of memory. */
void *prl_alloc(prl_runtime *runtime, size_t size);
/* The same, cleared; count × size is checked for overflow. */
void *prl_calloc(prl_runtime *runtime, size_t count, size_t size);
/* Grows or shrinks a block; on NULL the old one remains. */
void *prl_realloc(prl_runtime *runtime, void *block, size_t size);
void prl_free(prl_runtime *runtime, void *block); /* NULL is allowed */
char *prl_strdup(prl_runtime *runtime, const char *text);

/* What may still be asked for. */
int64_t prl_budget_left(const prl_runtime *runtime);
/* Whether so many bytes more fit into the budget. Fails: PRL_ELIMIT; cause begins the sentence: the option
 * that makes it so many, and how many. */
prl_status prl_budget_check(const prl_runtime *runtime, int64_t bytes, const char *cause, prl_error *error);
char *prl_bytes_text(int64_t bytes, char text[16]); /* "13.6 GB"; returns text */

/* PRL_ENOMEM with the size that was asked for. */
prl_status prl_fail_memory(prl_error *error, size_t size);

/* An arena: many small blocks, freed together. Zero-initialise, or prl_arena_init. */
typedef struct prl_arena_chunk prl_arena_chunk;
typedef struct prl_arena {
  prl_runtime *runtime;
  prl_arena_chunk *head; /* newest */
} prl_arena;

void prl_arena_init(prl_arena *arena, prl_runtime *runtime);
void *prl_arena_alloc(prl_arena *arena, size_t size); /* 16-byte aligned, cleared; NULL when out of memory */
char *prl_arena_text(prl_arena *arena, const char *text, size_t length); /* a terminated copy */
void prl_arena_deinit(prl_arena *arena);

#endif
