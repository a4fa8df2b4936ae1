/* A program is planned from a graph, bound to parameters and optimizers, and run. */
#include "autograd/program.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/ops_internal.h"
#include "autograd/program_internal.h"
#include "core/clock.h"
#include "tensor/tensor.h"

/* ---- Shapes ---- */

/* No value has more elements, so that sums of sizes are whole numbers; a budget is passed long before. */
static const int64_t most_elements = INT64_C(1) << 40;

static prl_status check_size(const prl_program *p, const prl_tensor *value, const char *what,
                             prl_error *error) {
  int64_t count = 1;
  if (p->block) return PRL_OK; /* planned for more rows */
  for (int d = 0; d < value->ndim; d++) {
    if (value->shape[d] > 0 && count > most_elements / value->shape[d]) {
      char shape[96];
      return prl_fail(error, PRL_ELIMIT, "program: with %lld rows %s has the shape %s: more than 2^40 values",
                      (long long)p->rows, what, prl_shape_text(value, shape, sizeof shape));
    }
    count *= value->shape[d];
  }
  return PRL_OK;
}

static prl_status infer_node(prl_program *p, int32_t index, prl_error *error) {
  const prl_node *node = &p->graph->nodes[index];
  const prl_tensor *in[PRL_MAX_INPUTS];
  for (int i = 0; i < node->inputs; i++) in[i] = &p->cells[node->in[i]].value;
  prl_inferred inferred = {.aux = {.ndim = -1}};
  prl_status status = node->op->infer(&node->attrs, node->inputs, in, &inferred, error);
  if (!status) status = check_size(p, &inferred.out, node->op->name, error);
  if (!status && inferred.aux.ndim >= 0) status = check_size(p, &inferred.aux, node->op->name, error);
  if (status) return status;
  prl_program_cell *out = &p->cells[node->out];
  void *data = out->value.data, *aux = p->aux[index].data;
  out->value = inferred.out;
  out->value.data = data;
  out->value.storage = NULL;
  prl_tensor_set_contiguous(&out->value);
  p->aux[index] = inferred.aux;
  p->aux[index].data = aux;
  if (inferred.aux.ndim >= 0) prl_tensor_set_contiguous(&p->aux[index]);
  if ((size_t)inferred.scratch > p->scratch_size) p->scratch_size = (size_t)inferred.scratch;
  return PRL_OK;
}

/* Gives every value the shape that it has with `rows` rows. */
static prl_status infer_all(prl_program *p, int64_t rows, prl_error *error) {
  for (int32_t i = 0; i < p->graph->values_count; i++) {
    const prl_gvalue *value = &p->graph->values[i];
    if (value->kind == PRL_V_TEMP) continue;
    void *data = p->cells[i].value.data;
    prl_gvalue_tensor(value, data, &p->cells[i].value);
    if (value->batch) p->cells[i].value.shape[0] = rows;
    prl_status status = check_size(p, &p->cells[i].value, value->name ? value->name : "a constant", error);
    if (status) return status;
    prl_tensor_set_contiguous(&p->cells[i].value);
  }
  for (int32_t i = 0; i < p->graph->nodes_count; i++) {
    prl_status status = infer_node(p, i, error);
    if (status) return status;
  }
  for (int32_t i = 0; i < p->graph->values_count; i++) {
    void *data = p->cells[i].grad.data;
    p->cells[i].grad = p->cells[i].value;
    p->cells[i].grad.data = data;
  }
  for (int32_t i = 0; i < p->graph->instrs_count; i++) {
    prl_step_call *step = &p->steps[i];
    for (int k = 0; step->add >> k; k++)
      if (step->add >> k & 1) {
        void *data = step->part[k].data;
        step->part[k] = *step->sum[k];
        step->part[k].data = data;
      }
  }
  return PRL_OK;
}

/* ---- Lives of buffers: values, gradients (both by root), aux ---- */

static void touch(prl_buffer *buffer, int32_t time) {
  if (buffer->born > time) buffer->born = time;
  if (buffer->dies < time) buffer->dies = time;
}

static unsigned read_by(const prl_program *p, const prl_instr *instr) {
  const prl_node *node = &p->graph->nodes[instr->a];
  unsigned wanted = 0;
  if (instr->kind == PRL_I_FORWARD) return ~0u;
  for (int i = 0; i < node->inputs; i++) wanted |= (unsigned)p->graph->values[node->in[i]].needs_grad << i;
  return prl_op_reads(node->op, &node->attrs, wanted);
}

int prl_program_touched(const prl_program *p, int32_t index, int32_t roots[PRL_MAX_INPUTS + 1]) {
  const prl_instr *instr = &p->graph->instrs[index];
  int count = 0;
  switch (instr->kind) {
  case PRL_I_FORWARD:
  case PRL_I_BACKWARD: {
    const prl_node *node = &p->graph->nodes[instr->a];
    unsigned reads = read_by(p, instr);
    if (reads & PRL_READS_OUT) roots[count++] = p->cells[node->out].root;
    for (int i = 0; i < node->inputs; i++)
      if (reads >> i & 1) roots[count++] = p->cells[node->in[i]].root;
    break;
  }
  case PRL_I_STEP:
    if (instr->b >= 0) roots[count++] = p->cells[instr->b].root;
    if (instr->a >= 0) roots[count++] = p->cells[instr->a].root;
    break;
  case PRL_I_SEED:
    roots[count++] = p->cells[instr->a].root;
    break;
  case PRL_I_COPY:
    if (instr->a >= 0) roots[count++] = p->cells[instr->a].root;
    break;
  case PRL_I_ZERO:
    break;
  }
  return count;
}

static void touch_instr(prl_program *p, prl_buffer *values, prl_buffer *grads, prl_buffer *aux, int32_t index,
                        int32_t time) {
  const prl_instr *instr = &p->graph->instrs[index];
  int32_t roots[PRL_MAX_INPUTS + 1];
  int count = prl_program_touched(p, index, roots);
  for (int i = 0; i < count; i++) touch(&values[roots[i]], time);
  if (instr->kind == PRL_I_SEED) {
    touch(&grads[roots[0]], time);
    touch(&values[roots[0]], p->graph->instrs_count); /* looked at before the first step */
  }
  if (instr->kind != PRL_I_FORWARD && instr->kind != PRL_I_BACKWARD) return;
  touch(&aux[instr->a], time);
  if (instr->kind == PRL_I_FORWARD) return;
  const prl_node *node = &p->graph->nodes[instr->a];
  touch(&grads[p->cells[node->out].root], time);
  for (int i = 0; i < node->inputs; i++)
    if (p->graph->values[node->in[i]].needs_grad) touch(&grads[p->cells[node->in[i]].root], time);
}

/* The instructions of a stretch take turns, those among them that make values again, too. */
static void touch_stretch(prl_program *p, prl_buffer *values, prl_buffer *grads, prl_buffer *aux,
                          int32_t begin) {
  int32_t last = p->stretch_end[begin] - 1;
  for (int32_t i = 0; i <= last; i++) {
    if (i < begin && !prl_program_is_again(p, i, begin)) continue;
    touch_instr(p, values, grads, aux, i, begin);
    touch_instr(p, values, grads, aux, i, last);
  }
}

static size_t tensor_bytes(const prl_tensor *tensor) {
  return (size_t)prl_tensor_count(tensor) * prl_dtype_size(tensor->dtype);
}

/* Of so many rows of it, 0: of all. */
static size_t tile_bytes(const prl_tensor *tensor, int64_t tile) {
  if (!tile) return tensor_bytes(tensor);
  return (size_t)(tile * prl_row_width(tensor)) * sizeof(float);
}

static void live_ranges(prl_program *p, prl_buffer *values, prl_buffer *grads, prl_buffer *aux) {
  const prl_graph *graph = p->graph;
  int32_t end = graph->instrs_count;
  for (int32_t i = 0; i < 2 * graph->values_count + graph->nodes_count; i++)
    values[i] = (prl_buffer){.born = INT32_MAX, .dies = -1};
  for (int32_t time = 0; time < end; time++) touch_instr(p, values, grads, aux, time, time);
  prl_program_find_tiles(p, grads);
  for (int32_t begin = 0; begin < end; begin++)
    if (p->stretch_end[begin]) touch_stretch(p, values, grads, aux, begin);
  for (int32_t i = 0; i < graph->outputs_count; i++)
    touch(&values[p->cells[graph->outputs[i].value].root], end);
  for (int32_t i = 0; i < graph->values_count; i++) {
    prl_vkind kind = graph->values[i].kind;
    if (kind == PRL_V_INPUT || kind == PRL_V_CONST) {
      touch(&values[i], 0);
      touch(&values[i], end);
    }
    bool owns = p->cells[i].root == i && kind != PRL_V_PARAM && !graph->values[i].lent;
    const prl_program_cell *cell = &p->cells[i];
    if (owns && values[i].dies >= 0) values[i].size = tile_bytes(&cell->value, cell->value_tile) + 64;
    if (owns && grads[i].dies >= 0) grads[i].size = tile_bytes(&cell->value, cell->grad_tile) + 64;
  }
  for (int32_t i = 0; i < graph->nodes_count; i++)
    if (p->aux[i].ndim >= 0 && aux[i].dies >= 0)
      aux[i].size = tile_bytes(&p->aux[i], p->cells[graph->nodes[i].out].value_tile) + 64;
}

static void assign_data(prl_program *p, const prl_buffer *values, const prl_buffer *grads,
                        const prl_buffer *aux) {
  const prl_graph *graph = p->graph;
  for (int32_t i = 0; i < graph->values_count; i++) {
    prl_program_cell *cell = &p->cells[i];
    int32_t root = cell->root;
    if (graph->values[root].kind == PRL_V_PARAM) {
      cell->value.data = p->params[root]->value.data;
      cell->grad.data = p->params[root]->grad.data;
      continue;
    }
    if (values[root].size) cell->value.data = p->block + values[root].offset;
    if (grads[root].size) cell->grad.data = p->block + grads[root].offset;
    cell->offset = values[root].offset;
    if (graph->values[i].kind == PRL_V_CONST)
      memcpy(cell->value.data, graph->values[i].bytes, prl_gvalue_size(&graph->values[i]));
  }
  for (int32_t i = 0; i < graph->nodes_count; i++)
    if (aux[i].size) p->aux[i].data = p->block + aux[i].offset;
}

static size_t parts_floats(const prl_program *p) {
  size_t most = 0;
  for (int32_t i = 0; i < p->graph->instrs_count; i++) {
    const prl_instr *instr = &p->graph->instrs[i];
    if (instr->kind != PRL_I_BACKWARD || !prl_program_apart(p, i)) continue;
    const prl_node *node = &p->graph->nodes[instr->a];
    size_t floats = 0;
    for (int k = 0; k < node->inputs; k++)
      floats += ((size_t)prl_tensor_count(&p->cells[node->in[k]].value) + 15) & ~(size_t)15;
    if (floats > most) most = floats;
  }
  return most;
}

/* The offset of each buffer in the block, and how large that is. *out: to be freed. */
static prl_status plan_block(prl_program *p, prl_buffer **out, prl_error *error) {
  int32_t v = p->graph->values_count, n = p->graph->nodes_count;
  prl_buffer *buffers = prl_alloc(p->runtime, ((size_t)(2 * v + n) + 1) * sizeof *buffers);
  if (!buffers) return prl_fail_memory(error, (size_t)(2 * v + n) * sizeof *buffers);
  live_ranges(p, buffers, buffers + v, buffers + 2 * v);
  size_t total = 0, parts = parts_floats(p);
  prl_status status = prl_plan_buffers(p->runtime, buffers, 2 * v + n, &total, error);
  p->parts_at = total;
  p->scratch_at = total + parts * sizeof(float);
  p->block_size = p->scratch_at + (p->scratch_size + 64) * sizeof(float);
  *out = buffers;
  return status;
}

static prl_status place_buffers(prl_program *p, prl_error *error) {
  int32_t v = p->graph->values_count;
  prl_buffer *buffers = NULL;
  prl_status status = plan_block(p, &buffers, error);
  if (!status) {
    char cause[96], size[16];
    snprintf(cause, sizeof cause, "a program for %lld rows takes %s", (long long)p->rows,
             prl_bytes_text((int64_t)p->block_size, size));
    status = prl_budget_check(p->runtime, (int64_t)p->block_size, cause, error);
  }
  if (!status && !(p->block = prl_calloc(p->runtime, 1, p->block_size)))
    status = prl_fail_memory(error, p->block_size);
  if (!status) assign_data(p, buffers, buffers + v, buffers + 2 * v);
  prl_free(p->runtime, buffers);
  return status;
}

/* ---- Bindings ---- */

static prl_params *find_set(const prl_bindings *bindings, const char *name, size_t length) {
  for (int i = 0; i < bindings->sets_count; i++)
    if (strncmp(bindings->sets[i]->name, name, length) == 0 && bindings->sets[i]->name[length] == 0)
      return bindings->sets[i];
  return NULL;
}

static prl_status bind_param(prl_program *p, const prl_bindings *bindings, int32_t id, prl_error *error) {
  const prl_gvalue *value = &p->graph->values[id];
  const char *colon = strchr(value->name, ':');
  prl_params *set = colon ? find_set(bindings, value->name, (size_t)(colon - value->name)) : NULL;
  prl_param *param = set ? prl_params_find(set, colon + 1) : value->param;
  if (!param) return prl_fail(error, PRL_ENAME, "program: there is no parameter \"%s\"", value->name);
  prl_tensor expected;
  prl_gvalue_tensor(value, NULL, &expected);
  if (!prl_tensor_same_shape(&expected, &param->value)) {
    char a[96], b[96];
    return prl_fail(error, PRL_ESHAPE, "program: parameter \"%s\" has shape %s, the program wants %s",
                    value->name, prl_shape_text(&param->value, a, sizeof a),
                    prl_shape_text(&expected, b, sizeof b));
  }
  if (!set && value->needs_grad) {
    prl_status status = prl_param_need_grad(param, error);
    if (status) return status;
  }
  p->params[id] = param;
  return PRL_OK;
}

static prl_status bind_instr(prl_program *p, const prl_bindings *bindings, int32_t index, prl_error *error) {
  const prl_instr *instr = &p->graph->instrs[index];
  prl_commit *commit = &p->commits[index];
  if (instr->kind == PRL_I_STEP) {
    commit->optim = instr->optim;
    for (int i = 0; i < bindings->optims_count; i++)
      if (strcmp(bindings->optims[i]->params->name, instr->name) == 0) commit->optim = bindings->optims[i];
    if (!commit->optim)
      return prl_fail(error, PRL_ENAME, "program: no optimizer for set \"%s\"", instr->name);
  } else if (instr->kind == PRL_I_COPY) {
    commit->to = find_set(bindings, instr->name, strlen(instr->name));
    commit->from = find_set(bindings, instr->name2, strlen(instr->name2));
    if (!commit->to) commit->to = instr->to;
    if (!commit->from) commit->from = instr->from;
    if (!commit->to || !commit->from)
      return prl_fail(error, PRL_ENAME, "program: copy from \"%s\" to \"%s\": no such set", instr->name2,
                      instr->name);
  }
  bool commits = instr->kind == PRL_I_STEP || instr->kind == PRL_I_COPY;
  if (commits && p->commit_at > index) p->commit_at = index;
  p->learns |= instr->kind == PRL_I_SEED;
  return PRL_OK;
}

static prl_status bind_all(prl_program *p, const prl_bindings *bindings, prl_error *error) {
  prl_status status = PRL_OK;
  for (int32_t i = 0; i < p->graph->values_count && !status; i++)
    if (p->graph->values[i].kind == PRL_V_PARAM) status = bind_param(p, bindings, i, error);
  for (int32_t i = 0; i < p->graph->instrs_count && !status; i++) status = bind_instr(p, bindings, i, error);
  return status;
}

/* ---- Calls ---- */

static void prepare_backward(prl_program *p, int32_t index, prl_step_call *step) {
  const prl_instr *instr = &p->graph->instrs[index];
  const prl_node *node = &p->graph->nodes[instr->a];
  float *parts = (float *)(p->block + p->parts_at);
  step->clear = (uint32_t)instr->b;
  step->add = prl_program_apart(p, index);
  step->call.gin_adds = step->add != instr->add;
  step->call.gout = &p->cells[node->out].grad;
  step->call.gout_tile = p->cells[p->cells[node->out].root].grad_tile != 0;
  if (node->op->flags & PRL_OP_ROW_SPARSE && p->params[node->in[0]] && p->params[node->in[0]]->row_sparse)
    step->sparse = p->params[node->in[0]];
  for (int i = 0; i < node->inputs; i++) {
    if (!p->graph->values[node->in[i]].needs_grad) continue;
    step->call.gin[i] = &p->cells[node->in[i]].grad;
    step->call.gin_tiles |= (unsigned)(p->cells[p->cells[node->in[i]].root].grad_tile != 0) << i;
    if (!(step->add >> i & 1)) continue;
    step->sum[i] = &p->cells[node->in[i]].grad;
    step->part[i] = *step->sum[i];
    step->part[i].data = parts;
    parts += (prl_tensor_count(step->sum[i]) + 15) & ~INT64_C(15);
    step->call.gin[i] = &step->part[i];
  }
}

static void prepare_steps(prl_program *p) {
  for (int32_t i = 0; i < p->graph->instrs_count; i++) {
    const prl_instr *instr = &p->graph->instrs[i];
    if (instr->kind != PRL_I_FORWARD && instr->kind != PRL_I_BACKWARD) continue;
    const prl_node *node = &p->graph->nodes[instr->a];
    prl_step_call *step = &p->steps[i];
    step->op = node->op;
    step->call = (prl_call){.k = prl_kernels_of(p->runtime), .attrs = &node->attrs, .inputs = node->inputs};
    step->call.scratch = (float *)(p->block + p->scratch_at);
    for (int k = 0; k < node->inputs; k++) {
      step->call.in[k] = &p->cells[node->in[k]].value;
      step->call.in_tiles |= (unsigned)(p->cells[p->cells[node->in[k]].root].value_tile != 0) << k;
    }
    step->call.out = &p->cells[node->out].value;
    step->call.out_tile = p->cells[p->cells[node->out].root].value_tile != 0;
    step->call.aux = p->aux[instr->a].ndim >= 0 ? &p->aux[instr->a] : NULL;
    if (instr->kind == PRL_I_BACKWARD) prepare_backward(p, i, step);
  }
}

static prl_status allocate(prl_program *p, prl_error *error) {
  size_t v = (size_t)p->graph->values_count, n = (size_t)p->graph->nodes_count,
         i = (size_t)p->graph->instrs_count;
  p->cells = prl_calloc(p->runtime, v + 1, sizeof *p->cells);
  p->params = prl_calloc(p->runtime, v + 1, sizeof *p->params);
  p->aux = prl_calloc(p->runtime, n + 1, sizeof *p->aux);
  p->steps = prl_calloc(p->runtime, i + 1, sizeof *p->steps);
  p->commits = prl_calloc(p->runtime, i + 1, sizeof *p->commits);
  p->stretch_end = prl_calloc(p->runtime, i + 1, sizeof *p->stretch_end);
  p->parts = prl_calloc(p->runtime, i + 1, sizeof *p->parts);
  if (!p->cells || !p->params || !p->aux || !p->steps || !p->commits || !p->stretch_end || !p->parts)
    return prl_fail_memory(error, i * sizeof *p->steps);
  for (int32_t k = 0; k < p->graph->values_count; k++) p->cells[k].root = k;
  for (int32_t k = 0; k < p->graph->nodes_count; k++) {
    const prl_node *node = &p->graph->nodes[k];
    if (node->op->flags & PRL_OP_VIEW) p->cells[node->out].root = p->cells[node->in[0]].root;
  }
  return PRL_OK;
}

/* Those of them that hold for every number of rows: another one is tried. */
static prl_status plan_stretches(prl_program *p, prl_error *error) {
  prl_program_find_stretches(p);
  prl_program_forget_stretches(p, infer_all(p, p->rows_max / 2, NULL) != PRL_OK);
  prl_status status = infer_all(p, p->rows_max, error);
  if (!status) prl_program_find_again(p);
  return status;
}

prl_status prl_program_measure(prl_graph *graph, int64_t rows, int64_t *bytes, prl_error *error) {
  prl_program p = {.graph = graph, .runtime = graph->runtime, .rows_max = rows, .rows = rows};
  prl_buffer *buffers = NULL;
  prl_status status = allocate(&p, error);
  if (!status) status = infer_all(&p, rows, error);
  if (!status) status = plan_stretches(&p, error);
  if (!status) status = plan_block(&p, &buffers, error);
  if (!status) *bytes = (int64_t)p.block_size;
  void *blocks[] = {buffers, p.cells, p.params, p.aux, p.steps, p.commits, p.stretch_end, p.parts};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(p.runtime, blocks[i]);
  return status;
}

prl_status prl_program_new(prl_graph *graph, const prl_bindings *bindings, int64_t rows, prl_program **out,
                           prl_error *error) {
  prl_program *p = prl_calloc(graph->runtime, 1, sizeof *p);
  if (!p) {
    size_t size = sizeof *p;
    prl_graph_free(graph);
    return prl_fail_memory(error, size);
  }
  *p = (prl_program){
      .graph = graph, .runtime = prl_runtime_retain(graph->runtime), .rows_max = rows, .rows = rows};
  p->commit_at = INT32_MAX;
  prl_status status = allocate(p, error);
  if (!status) status = bind_all(p, bindings, error);
  if (!status) status = infer_all(p, rows, error);
  if (!status) status = plan_stretches(p, error);
  if (!status) status = place_buffers(p, error);
  if (!status) {
    prepare_steps(p);
    prl_program_fuse(p);
    status = infer_all(p, rows, error); /* once more, now that gradients have places */
  }
  if (status) {
    prl_program_free(p);
    return status;
  }
  prl_tensor *run = prl_program_input(p, "run");
  p->run_number = run && run->dtype == PRL_I64 ? run->data : NULL;
  *out = p;
  return PRL_OK;
}

void prl_program_free(prl_program *p) {
  if (!p) return;
  prl_runtime *runtime = p->runtime;
  prl_graph_free(p->graph);
  prl_free(runtime, p->cells);
  prl_free(runtime, p->params);
  prl_free(runtime, p->aux);
  prl_free(runtime, p->steps);
  prl_free(runtime, p->commits);
  prl_free(runtime, p->stretch_end);
  prl_free(runtime, p->parts);
  prl_free(runtime, p->block);
  prl_free(runtime, p->nanoseconds);
  prl_free(runtime, p);
  prl_runtime_release(runtime);
}

/* ---- Access ---- */

prl_tensor *prl_program_input(prl_program *p, const char *name) {
  for (int32_t i = 0; i < p->graph->values_count; i++)
    if (p->graph->values[i].kind == PRL_V_INPUT && strcmp(p->graph->values[i].name, name) == 0)
      return &p->cells[i].value;
  return NULL;
}

void prl_program_lend(prl_program *p, const char *name, const void *rows) {
  prl_tensor *input = prl_program_input(p, name);
  for (int32_t i = 0; i < p->graph->values_count; i++)
    if (&p->cells[p->cells[i].root].value == input) p->cells[i].value.data = (void *)(uintptr_t)rows;
}

const prl_tensor *prl_program_output(const prl_program *p, const char *name) {
  for (int32_t i = 0; i < p->graph->outputs_count; i++)
    if (strcmp(p->graph->outputs[i].name, name) == 0) return &p->cells[p->graph->outputs[i].value].value;
  return NULL;
}

int prl_program_outputs(const prl_program *p) { return p->graph->outputs_count; }
const char *prl_program_output_name(const prl_program *p, int index) { return p->graph->outputs[index].name; }
void prl_program_restart(prl_program *p) { p->cursor = 0, p->row = 0; }
int64_t prl_program_bytes(const prl_program *p) { return (int64_t)p->block_size; }
const prl_graph *prl_program_graph(const prl_program *p) { return p->graph; }

prl_status prl_program_rows(prl_program *p, int64_t rows, prl_error *error) {
  if (rows == p->rows) return PRL_OK;
  if (rows < 1) return prl_fail(error, PRL_EINVAL, "program: %lld rows; at least 1", (long long)rows);
  if (rows > p->rows_max)
    return prl_fail(error, PRL_ELIMIT, "program: %lld rows; it was planned for at most %lld", (long long)rows,
                    (long long)p->rows_max);
  if (p->cursor || p->row)
    return prl_fail(error, PRL_ESTATE,
                    "program: the number of rows cannot change inside a run; restart it first");
  prl_status status = infer_all(p, rows, error);
  if (status) {
    infer_all(p, p->rows, NULL); /* what was possible before still is */
    return status;
  }
  p->rows = rows;
  return PRL_OK;
}

/* ---- Running ---- */

static float scalar_of(const prl_program *p, int32_t id) {
  return id < 0 ? NAN : *(const float *)p->cells[id].value.data;
}

void prl_program_run_instr(prl_program *p, int32_t index) {
  const prl_instr *instr = &p->graph->instrs[index];
  switch (instr->kind) {
  case PRL_I_FORWARD:
    if (p->steps[index].op->forward) prl_exec_forward(&p->steps[index]);
    break;
  case PRL_I_BACKWARD:
    prl_exec_backward(&p->steps[index]);
    break;
  case PRL_I_SEED:
    *(float *)p->cells[instr->a].grad.data = 1;
    break;
  case PRL_I_ZERO: {
    prl_param *param = p->params[instr->a];
    if (param->row_sparse)
      prl_param_clear_touched(param);
    else
      memset(param->grad.data, 0, (size_t)prl_tensor_count(&param->grad) * sizeof(float));
    break;
  }
  case PRL_I_STEP:
    prl_optim_step(p->commits[index].optim, scalar_of(p, instr->a), scalar_of(p, instr->b));
    break;
  case PRL_I_COPY:
    prl_params_blend(p->commits[index].to, p->commits[index].from, instr->a < 0 ? 1 : scalar_of(p, instr->a));
    break;
  }
}

static bool sound(const prl_program *p) {
  const prl_graph *graph = p->graph;
  for (int32_t i = 0; i < graph->instrs_count; i++) {
    const prl_instr *instr = &graph->instrs[i];
    if (instr->kind == PRL_I_SEED && !isfinite(*(const float *)p->cells[instr->a].value.data)) return false;
    if (instr->kind == PRL_I_STEP && !prl_params_finite(p->commits[i].optim->params)) return false;
  }
  return true;
}

prl_status prl_program_run(prl_program *p, int64_t deadline_ns, bool *done, prl_error *error) {
  int32_t end = p->graph->instrs_count;
  if (done) *done = false;
  if (p->cursor == 0 && p->row == 0 && p->run_number) *p->run_number = ++p->runs;
  for (bool began = false; p->cursor < end; began = true) { /* one at least, or a short budget ends nowhere */
    if (began && deadline_ns && p->cursor <= p->commit_at && prl_clock_ns() >= deadline_ns) return PRL_OK;
    if (p->cursor == p->commit_at && !sound(p)) {
      p->cursor = 0;
      return prl_program_name_culprit(p, error);
    }
    if (p->stretch_end[p->cursor]) {
      prl_program_run_tile(p);
    } else if (p->timing) {
      int64_t start = prl_clock_ns();
      prl_program_run_instr(p, p->cursor);
      p->nanoseconds[p->cursor++] = prl_clock_ns() - start;
    } else {
      prl_program_run_instr(p, p->cursor++);
    }
  }
  p->cursor = 0;
  if (done) *done = true;
  if (p->learns && p->commit_at == INT32_MAX && !sound(p)) return prl_program_name_culprit(p, error);
  return PRL_OK;
}

prl_status prl_program_run_timed(prl_program *p, prl_error *error) {
  if (!p->nanoseconds)
    p->nanoseconds = prl_calloc(p->runtime, (size_t)p->graph->instrs_count + 1, sizeof(int64_t));
  if (!p->nanoseconds) return prl_fail_memory(error, (size_t)p->graph->instrs_count * sizeof(int64_t));
  memset(p->nanoseconds, 0, (size_t)p->graph->instrs_count * sizeof(int64_t));
  p->timing = true;
  prl_status status = prl_program_run(p, 0, NULL, error);
  p->timing = false;
  return status;
}
