/* What a tape changes outside itself: an optimizer's step, and copies between sets of parameters. */
#include "autograd/tape_internal.h"

#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

static prl_status zero_missing(prl_tape *tape, prl_params *set, prl_error *error) {
  for (int i = 0; i < set->count; i++) {
    int32_t id;
    bool first;
    prl_status status = prl_tape_param(tape, set->items[i], &id, error);
    if (status) return status;
    if (tape->cells[id].grad.data) continue;
    status = prl_tape_claim_grad(tape, id, &first, error);
    if (!status && !set->items[i]->row_sparse) {
      status = prl_tape_add_instr(tape, PRL_I_ZERO, id, 0, 0, error);
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
  status = prl_tape_add_instr(tape, PRL_I_STEP, lr, max_norm, 0, error);
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
  prl_status status = prl_tape_add_instr(tape, PRL_I_COPY, tau, 0, 0, error);
  if (!status) status = name_instr(tape, to->name, from->name, error);
  if (status) return status;
  prl_instr *instr = &tape->graph->instrs[tape->graph->instrs_count - 1];
  instr->to = to;
  instr->from = from;
  if (!tape->tracing) prl_params_blend(to, from, tau < 0 ? 1 : scalar_of(tape, tau));
  return PRL_OK;
}
