/* Gradients: a loss is followed back through the tape, and what runs is written down too. */
#include "autograd/tape_internal.h"

#include <string.h>

#include "tensor/tensor.h"

static prl_cell *root_cell(prl_tape *tape, int32_t id) { return &tape->cells[tape->cells[id].root]; }

/* Makes sure that the root of `id` has a gradient tensor; *first tells whether nothing is in it yet. */
prl_status prl_tape_claim_grad(prl_tape *tape, int32_t id, bool *first, prl_error *error) {
  int32_t root = tape->cells[id].root;
  prl_cell *owner = &tape->cells[root];
  *first = !owner->grad.data;
  if (!*first) return PRL_OK;
  prl_param *param = tape->graph->values[root].param;
  if (param) {
    owner->grad = param->grad;
    if (!param->row_sparse) return PRL_OK;
    prl_param_clear_touched(param);
    return prl_tape_add_instr(tape, PRL_I_ZERO, root, 0, 0, error);
  }
  owner->grad = owner->value;
  return prl_tape_place(tape, &owner->grad, error);
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
    prl_status status = prl_tape_claim_grad(tape, node->in[i], &first, error);
    if (status) return status;
    views[i] = grad_like(tape, node->in[i]);
    step->call.gin[i] = &views[i];
    if (adds_itself) {
      if (value->param && value->param->row_sparse)
        step->sparse = value->param;
      else if (first)
        step->clear |= 1u << i;
    } else if (!first) {
      if (!parts && !(parts = prl_tape_alloc(tape, part_size * sizeof(float))))
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
  prl_tape_fill_call(tape, node, index, &full);
  memcpy(full.gin, step.call.gin, sizeof full.gin);
  prl_tensor gout = grad_like(tape, node->out);
  full.gout = &gout;
  step.call = full;
  status = prl_tape_add_instr(tape, PRL_I_BACKWARD, index, (int32_t)step.clear, step.add, error);
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
  prl_status status = prl_tape_claim_grad(tape, loss, &first, error);
  if (!status) status = prl_tape_add_instr(tape, PRL_I_SEED, loss, 0, 0, error);
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
