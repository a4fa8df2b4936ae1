#include "autograd/tape.h"

#include <math.h>
#include <string.h>

#include "autograd/frame.h"
#include "tensor/tensor.h"

/* What the frame knows of one value. */
typedef struct cell {
  prl_tensor value;
  prl_tensor grad; /* data NULL: none yet. For a root only; views use their root's */
  int32_t root;
} cell;

typedef struct chunk {
  struct chunk *next;
  size_t used, size;
} chunk;

struct prl_tape {
  prl_runtime *runtime;
  const prl_kernels *kernels;
  prl_graph *graph;
  cell *cells;     /* parallel to graph->values */
  prl_tensor *aux; /* parallel to graph->nodes */
  int32_t cells_capacity, aux_capacity;
  chunk *chunks; /* all of them; `current` is being filled, those after it are empty */
  chunk *current;
  float *scratch;
  size_t scratch_size;
  uint64_t scope, last_scope;
  int64_t runs; /* scopes that drew random numbers */
  bool tracing;
  int32_t line;
};

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
  for (chunk *c = tape->chunks, *next; c; c = next) {
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
  for (chunk *c = tape->chunks; c; c = c->next) c->used = 0;
  tape->current = tape->chunks;
  tape->scope = 0;
}

uint64_t prl_tape_scope(const prl_tape *tape) { return tape->scope; }
bool prl_tape_tracing(const prl_tape *tape) { return tape->scope && tape->tracing; }
void prl_tape_line(prl_tape *tape, int32_t line) { tape->line = line; }

/* ---- Memory of a scope ---- */

enum { CHUNK_SIZE = 1 << 20, CHUNK_HEADER = 64 };

static void *scope_alloc(prl_tape *tape, size_t size) {
  size = (size + 63) & ~(size_t)63;
  for (chunk *c = tape->current; c; c = c->next) {
    if (c->size - c->used < size) continue;
    void *block = (char *)c + CHUNK_HEADER + c->used;
    c->used += size;
    tape->current = c;
    return block;
  }
  size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
  chunk *fresh = prl_alloc(tape->runtime, CHUNK_HEADER + capacity);
  if (!fresh) return NULL;
  *fresh = (chunk){NULL, size, capacity};
  chunk **end = &tape->chunks;
  while (*end) end = &(*end)->next;
  *end = fresh;
  tape->current = fresh;
  return (char *)fresh + CHUNK_HEADER;
}

static prl_status place_tensor(prl_tape *tape, prl_tensor *tensor, prl_error *error) {
  size_t size = (size_t)prl_tensor_count(tensor) * prl_dtype_size(tensor->dtype);
  tensor->storage = NULL;
  prl_tensor_set_contiguous(tensor);
  tensor->data = scope_alloc(tape, size);
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

/* ---- Leaves ---- */

static prl_status add_value(prl_tape *tape, prl_vkind kind, const prl_tensor *tensor, bool needs_grad,
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
  tape->cells[*id] = (cell){.value = *tensor, .root = *id};
  return PRL_OK;
}

static prl_status copy_into_scope(prl_tape *tape, const prl_tensor *from, prl_tensor *out, prl_error *error) {
  *out = *from;
  prl_status status = place_tensor(tape, out, error);
  if (!status) prl_tensor_copy(out, from);
  return status;
}

prl_status prl_tape_input(prl_tape *tape, const char *name, const prl_tensor *from, bool batch, int32_t *id,
                          prl_error *error) {
  prl_tensor own;
  prl_status status = copy_into_scope(tape, from, &own, error);
  if (!status) status = add_value(tape, PRL_V_INPUT, &own, false, id, error);
  if (status) return status;
  prl_gvalue *value = &tape->graph->values[*id];
  value->batch = batch;
  value->name = prl_strdup(tape->runtime, name);
  return value->name ? PRL_OK : prl_fail_memory(error, strlen(name));
}

prl_status prl_tape_constant(prl_tape *tape, const prl_tensor *from, int32_t *id, prl_error *error) {
  prl_tensor own = *from;
  prl_status status = PRL_OK;
  if (tape->tracing || !prl_tensor_contiguous(from))
    status = copy_into_scope(tape, from, &own, error);
  else
    prl_tensor_retain(&own);
  if (!status) status = add_value(tape, PRL_V_CONST, &own, false, id, error);
  if (status) prl_tensor_release(&own);
  if (status || !tape->tracing) return status;
  prl_gvalue *value = &tape->graph->values[*id];
  value->bytes = prl_alloc(tape->runtime, prl_gvalue_size(value));
  if (!value->bytes) return prl_fail_memory(error, prl_gvalue_size(value));
  memcpy(value->bytes, own.data, prl_gvalue_size(value));
  return PRL_OK;
}

prl_status prl_tape_number(prl_tape *tape, double number, int32_t *id, prl_error *error) {
  prl_tensor scalar = {.dtype = PRL_F32};
  prl_status status = place_tensor(tape, &scalar, error);
  if (status) return status;
  *(float *)scalar.data = (float)number;
  return prl_tape_constant(tape, &scalar, id, error);
}

prl_status prl_tape_run_number(prl_tape *tape, int32_t *id, prl_error *error) {
  for (int32_t i = 0; i < tape->graph->values_count; i++) /* one for each scope */
    if (tape->graph->values[i].name && strcmp(tape->graph->values[i].name, "run") == 0) {
      *id = i;
      return PRL_OK;
    }
  int64_t run = tape->tracing ? 1 : ++tape->runs;
  prl_tensor number = {.data = &run, .dtype = PRL_I64};
  return prl_tape_input(tape, "run", &number, false, id, error);
}

static char *param_path(prl_runtime *runtime, const prl_param *param) {
  const char *set = param->set ? param->set->name : "";
  size_t length = strlen(set);
  char *path = prl_alloc(runtime, length + strlen(param->name) + 2);
  if (!path) return NULL;
  memcpy(path, set, length);
  path[length] = ':';
  strcpy(path + length + 1, param->name);
  return path;
}

prl_status prl_tape_param(prl_tape *tape, prl_param *param, int32_t *id, prl_error *error) {
  for (int32_t i = 0; i < tape->graph->values_count; i++)
    if (tape->graph->values[i].param == param) {
      *id = i;
      return PRL_OK;
    }
  prl_status status = prl_param_need_grad(param, error);
  if (!status) status = add_value(tape, PRL_V_PARAM, &param->value, true, id, error);
  if (status) return status;
  prl_tensor_retain(&tape->cells[*id].value);
  prl_gvalue *value = &tape->graph->values[*id];
  value->param = param;
  prl_param_retain(param);
  value->name = param_path(tape->runtime, param);
  return value->name ? PRL_OK : prl_fail_memory(error, strlen(param->name));
}

/* ---- Ops ---- */

static prl_status add_instr(prl_tape *tape, prl_instr_kind kind, int32_t a, int32_t b, uint32_t add,
                            prl_error *error) {
  prl_instr *instr = prl_graph_add_instr(tape->graph);
  if (!instr) return prl_fail_memory(error, sizeof *instr);
  *instr = (prl_instr){.kind = kind, .a = a, .b = b, .add = add};
  return PRL_OK;
}

static void fill_call(prl_tape *tape, const prl_node *node, int32_t index, prl_call *call) {
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
  return add_instr(tape, PRL_I_FORWARD, tape->graph->nodes_count - 1, 0, 0, error);
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
    status = place_tensor(tape, &inferred.out, error);
  }
  if (!status && inferred.aux.ndim >= 0) status = place_tensor(tape, &inferred.aux, error);
  int32_t id;
  if (!status) status = add_value(tape, PRL_V_TEMP, &inferred.out, needs_grad, &id, error);
  if (!status) status = record_node(tape, op, attrs, inputs, in, id, error);
  if (status) return status;
  int32_t index = tape->graph->nodes_count - 1;
  tape->aux[index] = inferred.aux.ndim >= 0 ? inferred.aux : (prl_tensor){0};
  if (view) {
    tape->cells[id].root = tape->cells[in[0]].root;
  } else {
    prl_step_call step = {.op = op};
    fill_call(tape, &tape->graph->nodes[index], index, &step.call);
    prl_exec_forward(&step);
  }
  *out = id;
  return PRL_OK;
}

/* ---- Gradients ---- */

static cell *root_cell(prl_tape *tape, int32_t id) { return &tape->cells[tape->cells[id].root]; }

/* Makes sure that the root of `id` has a gradient tensor; *first tells whether nothing is in it yet. */
static prl_status claim_grad(prl_tape *tape, int32_t id, bool *first, prl_error *error) {
  int32_t root = tape->cells[id].root;
  cell *owner = &tape->cells[root];
  *first = !owner->grad.data;
  if (!*first) return PRL_OK;
  prl_param *param = tape->graph->values[root].param;
  if (param) {
    owner->grad = param->grad;
    if (!param->row_sparse) return PRL_OK;
    prl_param_clear_touched(param);
    return add_instr(tape, PRL_I_ZERO, root, 0, 0, error);
  }
  owner->grad = owner->value;
  return place_tensor(tape, &owner->grad, error);
}

/* A gradient over the root's bytes with the shape of the value itself. */
static prl_tensor grad_like(prl_tape *tape, int32_t id) {
  prl_tensor grad = tape->cells[id].value;
  grad.data = root_cell(tape, id)->grad.data;
  grad.storage = NULL;
  return grad;
}

static prl_status plan_backward(prl_tape *tape, int32_t index, prl_step_call *step, prl_tensor *views,
                                prl_error *error) {
  const prl_node *node = &tape->graph->nodes[index];
  *step = (prl_step_call){.op = node->op};
  size_t part_at = 0, part_size = 0;
  for (int i = 0; i < node->inputs; i++)
    part_size += (size_t)prl_tensor_count(&tape->cells[node->in[i]].value) + 16;
  float *parts = NULL;
  for (int i = 0; i < node->inputs; i++) {
    const prl_gvalue *value = &tape->graph->values[node->in[i]];
    if (!value->needs_grad) continue;
    bool first, adds_itself = node->op->flags & PRL_OP_ROW_SPARSE && i == 0;
    prl_status status = claim_grad(tape, node->in[i], &first, error);
    if (status) return status;
    views[i] = grad_like(tape, node->in[i]);
    step->call.gin[i] = &views[i];
    if (adds_itself) {
      if (value->param && value->param->row_sparse)
        step->sparse = value->param;
      else if (first)
        step->clear |= 1u << i;
    } else if (!first) {
      if (!parts && !(parts = scope_alloc(tape, part_size * sizeof(float))))
        return prl_fail_memory(error, part_size * sizeof(float));
      step->add |= 1u << i;
      step->part[i] = views[i];
      step->part[i].data = parts + part_at;
      part_at += ((size_t)prl_tensor_count(&views[i]) + 15) & ~(size_t)15;
      step->sum[i] = &views[i];
      step->call.gin[i] = &step->part[i];
    }
  }
  return PRL_OK;
}

static prl_status backward_node(prl_tape *tape, int32_t index, prl_error *error) {
  prl_step_call step;
  prl_tensor views[PRL_MAX_INPUTS];
  prl_status status = plan_backward(tape, index, &step, views, error);
  if (status) return status;
  const prl_node *node = &tape->graph->nodes[index];
  prl_call full;
  fill_call(tape, node, index, &full);
  memcpy(full.gin, step.call.gin, sizeof full.gin);
  prl_tensor gout = grad_like(tape, node->out);
  full.gout = &gout;
  step.call = full;
  status = add_instr(tape, PRL_I_BACKWARD, index, (int32_t)step.clear, step.add, error);
  if (!status) prl_exec_backward(&step);
  return status;
}

/* Gradients of temporaries belong to one backward pass; those of parameters wait for the step. */
static void forget_temp_grads(prl_tape *tape) {
  for (int32_t i = 0; i < tape->graph->values_count; i++)
    if (tape->graph->values[i].kind == PRL_V_TEMP) tape->cells[i].grad = (prl_tensor){0};
}

prl_status prl_tape_backward(prl_tape *tape, int32_t loss, prl_error *error) {
  const prl_tensor *value = &tape->cells[loss].value;
  char shape[96];
  if (prl_tensor_count(value) != 1 || value->dtype != PRL_F32)
    return prl_fail(error, PRL_ESHAPE,
                    "backward: a loss is one number, not a tensor of shape %s; take its mean()",
                    prl_shape_text(value, shape, sizeof shape));
  if (!tape->graph->values[loss].needs_grad)
    return prl_fail(error, PRL_EINVAL, "backward: the loss depends on no parameter");
  forget_temp_grads(tape);
  bool first;
  prl_status status = claim_grad(tape, loss, &first, error);
  if (!status) status = add_instr(tape, PRL_I_SEED, loss, 0, 0, error);
  if (status) return status;
  *(float *)root_cell(tape, loss)->grad.data = 1;
  for (int32_t i = tape->graph->nodes_count - 1; i >= 0 && !status; i--) {
    const prl_node *node = &tape->graph->nodes[i];
    if (node->op->flags & (PRL_OP_VIEW | PRL_OP_NO_GRAD) || !tape->graph->values[node->out].needs_grad)
      continue;
    if (root_cell(tape, node->out)->grad.data) status = backward_node(tape, i, error);
  }
  return status;
}

/* ---- Commits ---- */

static prl_status zero_missing(prl_tape *tape, prl_params *set, prl_error *error) {
  for (int i = 0; i < set->count; i++) {
    int32_t id;
    bool first;
    prl_status status = prl_tape_param(tape, set->items[i], &id, error);
    if (status) return status;
    if (tape->cells[id].grad.data) continue;
    status = claim_grad(tape, id, &first, error);
    if (!status && !set->items[i]->row_sparse) {
      status = add_instr(tape, PRL_I_ZERO, id, 0, 0, error);
      memset(set->items[i]->grad.data, 0, (size_t)prl_tensor_count(&set->items[i]->grad) * sizeof(float));
    }
    if (status) return status;
  }
  return PRL_OK;
}

static prl_status name_instr(prl_tape *tape, const char *name, const char *name2, prl_error *error) {
  prl_instr *instr = &tape->graph->instrs[tape->graph->instrs_count - 1];
  instr->name = prl_strdup(tape->runtime, name);
  if (name2) instr->name2 = prl_strdup(tape->runtime, name2);
  return instr->name && (!name2 || instr->name2) ? PRL_OK : prl_fail_memory(error, strlen(name));
}

static float scalar_of(const prl_tape *tape, int32_t id) {
  return id < 0 ? NAN : *(const float *)tape->cells[id].value.data;
}

prl_status prl_tape_step(prl_tape *tape, prl_optim *optim, int32_t lr, int32_t max_norm, prl_error *error) {
  prl_status status = zero_missing(tape, optim->params, error);
  if (status) return status;
  if (!tape->tracing && !prl_params_finite(optim->params))
    return prl_fail(error, PRL_ENUMERIC, "the gradient of \"%s\" is not finite; nothing was stepped",
                    optim->params->name);
  status = add_instr(tape, PRL_I_STEP, lr, max_norm, 0, error);
  if (!status) status = name_instr(tape, optim->params->name, NULL, error);
  if (status) return status;
  tape->graph->instrs[tape->graph->instrs_count - 1].optim = optim;
  if (!tape->tracing) prl_optim_step(optim, scalar_of(tape, lr), scalar_of(tape, max_norm));
  for (int32_t i = 0; i < tape->graph->values_count; i++) /* the next backward overwrites */
    if (tape->graph->values[i].param && tape->graph->values[i].param->set == optim->params)
      tape->cells[i].grad = (prl_tensor){0};
  return PRL_OK;
}

prl_status prl_tape_copy(prl_tape *tape, prl_params *to, prl_params *from, int32_t tau, prl_error *error) {
  if (to->size != from->size)
    return prl_fail(error, PRL_ESHAPE, "copy: \"%s\" has %lld numbers and \"%s\" has %lld", to->name,
                    (long long)to->size, from->name, (long long)from->size);
  prl_status status = add_instr(tape, PRL_I_COPY, tau, 0, 0, error);
  if (!status) status = name_instr(tape, to->name, from->name, error);
  if (status) return status;
  prl_instr *instr = &tape->graph->instrs[tape->graph->instrs_count - 1];
  instr->to = to;
  instr->from = from;
  if (!tape->tracing) prl_params_blend(to, from, tau < 0 ? 1 : scalar_of(tape, tau));
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
  const cell *owner = &tape->cells[tape->cells[id].root];
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
