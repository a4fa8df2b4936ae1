/* The fields of a tape, and what its files call of each other. */
#ifndef PRL_AUTOGRAD_TAPE_INTERNAL_H
#define PRL_AUTOGRAD_TAPE_INTERNAL_H

#include "autograd/frame.h"
#include "autograd/tape.h"

/* What the frame knows of one value. */
typedef struct prl_cell {
  prl_tensor value;
  prl_tensor grad; /* data NULL: none yet. For a root only; views use their root's */
  int32_t root;
} prl_cell;

typedef struct prl_chunk {
  struct prl_chunk *next;
  size_t used, size;
} prl_chunk;

struct prl_tape {
  prl_runtime *runtime;
  const prl_kernels *kernels;
  prl_graph *graph;
  prl_cell *cells; /* parallel to graph->values */
  prl_tensor *aux; /* parallel to graph->nodes */
  int32_t cells_capacity, aux_capacity;
  prl_chunk *chunks; /* all of them; `current` is being filled, those after it are empty */
  prl_chunk *current;
  float *scratch;
  size_t scratch_size;
  uint64_t scope, last_scope;
  int64_t runs; /* scopes that drew random numbers */
  bool tracing;
  int32_t line;
};

/* Memory that lasts until the scope ends; NULL: none. */
void *prl_tape_alloc(prl_tape *tape, size_t size);
/* Such memory for a tensor, whose shape and dtype are set. */
prl_status prl_tape_place(prl_tape *tape, prl_tensor *tensor, prl_error *error);
/* Another value of the graph, with its cell. */
prl_status prl_tape_add_value(prl_tape *tape, prl_vkind kind, const prl_tensor *tensor, bool needs_grad,
                              int32_t *id, prl_error *error);
prl_status prl_tape_add_instr(prl_tape *tape, prl_instr_kind kind, int32_t a, int32_t b, uint32_t add,
                              prl_error *error);
/* The call of the node at `index`, but for gradients. */
void prl_tape_fill_call(prl_tape *tape, const prl_node *node, int32_t index, prl_call *call);
/* Makes sure that the root of `id` has a gradient tensor; *first tells whether nothing is in it yet. */
prl_status prl_tape_claim_grad(prl_tape *tape, int32_t id, bool *first, prl_error *error);

#endif
