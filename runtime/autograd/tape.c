/* A tape's life, the memory of its scopes, and ops that run as they are written down. */
#include "autograd/tape_internal.h"

#include <string.h>

#include "tensor/tensor.h"

prl_status prl_tape_new(prl_runtime *runtime, prl_tape **out, prl_error *error) {
  prl_tape *tape = prl_calloc(runtime, 1, sizeof *tape);
  if (!tape) return prl_fail_memory(error, sizeof *tape);
  tape->runtime = prl_runtime_retain(runtime);
  tape->kernels = prl_kernels_of(runtime);
  prl_status status = prl_graph_new(runtime, &tape->graph, error);
  if (status) {
    prl_tape_free(tape);
    return status;
  }
  *out = tape;
  return PRL_OK;
}

static void release_cells(prl_tape *tape) {
  for (int32_t i = 0; i < tape->graph->values_count; i++) prl_tensor_release(&tape->cells[i].value);
}

void prl_tape_free(prl_tape *tape) {
  if (!tape) return;
  prl_runtime *runtime = tape->runtime;
  if (tape->graph) release_cells(tape);
  prl_graph_free(tape->graph);
  prl_free(runtime, tape->cells);
  prl_free(runtime, tape->aux);
  prl_free(runtime, tape->scratch);
  for (prl_chunk *c = tape->chunks, *next; c; c = next) {
    next = c->next;
    prl_free(runtime, c);
  }
  prl_free(runtime, tape);
  prl_runtime_release(runtime);
}

prl_status prl_tape_begin(prl_tape *tape, bool tracing, uint64_t *scope, prl_error *error) {
  if (tape->scope)
    return prl_fail(error, PRL_ESTATE, "a %s is open already; scopes and traces do not nest",
                    tape->tracing ? "trace" : "scope");
  tape->scope = ++tape->last_scope;
  tape->tracing = tracing;
  tape->line = 0;
  *scope = tape->scope;
  return PRL_OK;
}

void prl_tape_end(prl_tape *tape) {
  release_cells(tape);
  prl_graph_clear(tape->graph);
  for (prl_chunk *c = tape->chunks; c; c = c->next) c->used = 0;
  tape->current = tape->chunks;
  tape->scope = 0;
}

uint64_t prl_tape_scope(const prl_tape *tape) { return tape->scope; }
bool prl_tape_tracing(const prl_tape *tape) { return tape->scope && tape->tracing; }
void prl_tape_line(prl_tape *tape, int32_t line) { tape->line = line; }

/* ---- Memory of a scope ---- */

enum { CHUNK_SIZE = 1 << 20, CHUNK_HEADER = 64 };

void *prl_tape_alloc(prl_tape *tape, size_t size) {
  size = (size + 63) & ~(size_t)63;
  for (prl_chunk *c = tape->current; c; c = c->next) {
    if (c->size - c->used < size) continue;
    void *block = (char *)c + CHUNK_HEADER + c->used;
    c->used += size;
    tape->current = c;
    return block;
  }
  size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
  prl_chunk *fresh = prl_alloc(tape->runtime, CHUNK_HEADER + capacity);
  if (!fresh) return NULL;
  *fresh = (prl_chunk){NULL, size, capacity};
  prl_chunk **end = &tape->chunks;
  while (*end) end = &(*end)->next;
  *end = fresh;
  tape->current = fresh;
  return (char *)fresh + CHUNK_HEADER;
}

prl_status prl_tape_place(prl_tape *tape, prl_tensor *tensor, prl_error *error) {
  size_t size = (size_t)prl_tensor_count(tensor) * prl_dtype_size(tensor->dtype);
  tensor->storage = NULL;
  prl_tensor_set_contiguous(tensor);
  tensor->data = prl_tape_alloc(tape, size);
  return tensor->data ? PRL_OK : prl_fail_memory(error, size);
}

static prl_status need_scratch(prl_tape *tape, size_t floats, prl_error *error) {
  if (floats <= tape->scratch_size) return PRL_OK;
  float *larger = prl_alloc(tape->runtime, floats * sizeof(float));
  if (!larger) return prl_fail_memory(error, floats * sizeof(float));
  prl_free(tape->runtime, tape->scratch);
  tape->scratch = larger;
  tape->scratch_size = floats;
  return PRL_OK;
}

static bool reserve(prl_runtime *runtime, void **items, int32_t *capacity, int32_t count, size_t size) {
  if (count <= *capacity) return true;
  int32_t larger = *capacity ? 2 * *capacity : 64;
  void *moved = prl_realloc(runtime, *items, (size_t)larger * size);
  if (!moved) return false;
  *items = moved;
  *capacity = larger;
  return true;
}

prl_status prl_tape_add_value(prl_tape *tape, prl_vkind kind, const prl_tensor *tensor, bool needs_grad,
                              int32_t *id, prl_error *error) {
  prl_graph *graph = tape->graph;
  if (!reserve(tape->runtime, (void **)&tape->cells, &tape->cells_capacity, graph->values_count + 1,
               sizeof *tape->cells))
    return prl_fail_memory(error, sizeof *tape->cells);
  prl_gvalue *value = prl_graph_add_value(graph);
  if (!value) return prl_fail_memory(error, sizeof *value);
  value->kind = kind;
  value->dtype = tensor->dtype;
  value->ndim = tensor->ndim;
  memcpy(value->shape, tensor->shape, sizeof value->shape);
  value->needs_grad = needs_grad;
  *id = graph->values_count - 1;
  tape->cells[*id] = (prl_cell){.value = *tensor, .root = *id};
  return PRL_OK;
}

/* ---- Ops ---- */

prl_status prl_tape_add_instr(prl_tape *tape, prl_instr_kind kind, int32_t a, int32_t b, uint32_t add,
                              prl_error *error) {
  prl_instr *instr = prl_graph_add_instr(tape->graph);
  if (!instr) return prl_fail_memory(error, sizeof *instr);
  *instr = (prl_instr){.kind = kind, .a = a, .b = b, .add = add};
  return PRL_OK;
}

void prl_tape_fill_call(prl_tape *tape, const prl_node *node, int32_t index, prl_call *call) {
  *call =
      (prl_call){.k = tape->kernels, .attrs = &node->attrs, .inputs = node->inputs, .scratch = tape->scratch};
  for (int i = 0; i < node->inputs; i++) call->in[i] = &tape->cells[node->in[i]].value;
  call->out = &tape->cells[node->out].value;
  call->aux = tape->aux[index].data ? &tape->aux[index] : NULL;
}

static prl_status record_node(prl_tape *tape, const prl_op *op, const prl_attrs *attrs, int inputs,
                              const int32_t *in, int32_t out, prl_error *error) {
  if (!reserve(tape->runtime, (void **)&tape->aux, &tape->aux_capacity, tape->graph->nodes_count + 1,
               sizeof *tape->aux))
    return prl_fail_memory(error, sizeof *tape->aux);
  prl_node *node = prl_graph_add_node(tape->graph);
  if (!node) return prl_fail_memory(error, sizeof *node);
  *node = (prl_node){.op = op, .attrs = *attrs, .inputs = inputs, .out = out, .line = tape->line};
  memcpy(node->in, in, (size_t)inputs * sizeof *in);
  return prl_tape_add_instr(tape, PRL_I_FORWARD, tape->graph->nodes_count - 1, 0, 0, error);
}

static prl_status infer_op(prl_tape *tape, const prl_op *op, const prl_attrs *attrs, int inputs,
                           const int32_t *in, prl_inferred *inferred, bool *needs_grad, prl_error *error) {
  const prl_tensor *tensors[PRL_MAX_INPUTS];
  *needs_grad = false;
  for (int i = 0; i < inputs; i++) {
    tensors[i] = &tape->cells[in[i]].value;
    const prl_gvalue *value = &tape->graph->values[in[i]];
    *needs_grad |= value->needs_grad;
    if (value->param && value->param->row_sparse && !(op->flags & PRL_OP_ROW_SPARSE && i == 0))
      return prl_fail(error, PRL_EINVAL,
                      "%s: the row-sparse parameter %s can only be looked up by an embedding", op->name,
                      value->name);
  }
  if (op->flags & PRL_OP_NO_GRAD) *needs_grad = false;
  *inferred = (prl_inferred){.aux = {.ndim = -1}};
  prl_status status = op->infer(attrs, inputs, tensors, inferred, error);
  if (status) return status;
  return need_scratch(tape, (size_t)inferred->scratch, error);
}

prl_status prl_tape_op(prl_tape *tape, const prl_op *op, const prl_attrs *attrs, int inputs,
                       const int32_t *in, int32_t *out, prl_error *error) {
  prl_inferred inferred;
  bool needs_grad, view = op->flags & PRL_OP_VIEW;
  prl_status status = infer_op(tape, op, attrs, inputs, in, &inferred, &needs_grad, error);
  if (status) return status;
  if (view) {
    inferred.out.data = tape->cells[in[0]].value.data;
    inferred.out.storage = NULL;
    prl_tensor_set_contiguous(&inferred.out);
  } else {
    status = prl_tape_place(tape, &inferred.out, error);
  }
  if (!status && inferred.aux.ndim >= 0) status = prl_tape_place(tape, &inferred.aux, error);
  int32_t id;
  if (!status) status = prl_tape_add_value(tape, PRL_V_TEMP, &inferred.out, needs_grad, &id, error);
  if (!status) status = record_node(tape, op, attrs, inputs, in, id, error);
  if (status) return status;
  int32_t index = tape->graph->nodes_count - 1;
  tape->aux[index] = inferred.aux.ndim >= 0 ? inferred.aux : (prl_tensor){0};
  if (view) {
    tape->cells[id].root = tape->cells[in[0]].root;
  } else {
    prl_step_call step = {.op = op};
    prl_tape_fill_call(tape, &tape->graph->nodes[index], index, &step.call);
    prl_exec_forward(&step);
  }
  *out = id;
  return PRL_OK;
}

prl_status prl_tape_output(prl_tape *tape, const char *name, int32_t id, prl_error *error) {
  prl_goutput *output = prl_graph_add_output(tape->graph);
  if (!output) return prl_fail_memory(error, sizeof *output);
  output->value = id;
  output->name = prl_strdup(tape->runtime, name);
  return output->name ? PRL_OK : prl_fail_memory(error, strlen(name));
}

const prl_tensor *prl_tape_value(const prl_tape *tape, int32_t id) { return &tape->cells[id].value; }

const prl_tensor *prl_tape_grad(const prl_tape *tape, int32_t id) {
  const prl_cell *owner = &tape->cells[tape->cells[id].root];
  return owner->grad.data ? &owner->grad : NULL;
}

prl_graph *prl_tape_take(prl_tape *tape, prl_error *error) {
  prl_graph *fresh, *taken = tape->graph;
  if (prl_graph_new(tape->runtime, &fresh, error)) return NULL;
  release_cells(tape);
  tape->graph = fresh;
  prl_tape_end(tape);
  return taken;
}
