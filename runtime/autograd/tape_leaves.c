/* Where a tape's values come from: inputs, constants, parameters and the number of the run. */
#include "autograd/tape_internal.h"

#include <string.h>

#include "tensor/tensor.h"

static prl_status copy_into_scope(prl_tape *tape, const prl_tensor *from, prl_tensor *out, prl_error *error) {
  *out = *from;
  prl_status status = prl_tape_place(tape, out, error);
  if (!status) prl_tensor_copy(out, from);
  return status;
}

prl_status prl_tape_input(prl_tape *tape, const char *name, const prl_tensor *from, bool batch, int32_t *id,
                          prl_error *error) {
  prl_tensor own;
  prl_status status = copy_into_scope(tape, from, &own, error);
  if (!status) status = prl_tape_add_value(tape, PRL_V_INPUT, &own, false, id, error);
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
  if (!status) status = prl_tape_add_value(tape, PRL_V_CONST, &own, false, id, error);
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
  prl_status status = prl_tape_place(tape, &scalar, error);
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
  if (!status) status = prl_tape_add_value(tape, PRL_V_PARAM, &param->value, true, id, error);
  if (status) return status;
  prl_tensor_retain(&tape->cells[*id].value);
  prl_gvalue *value = &tape->graph->values[*id];
  value->param = param;
  prl_param_retain(param);
  value->name = param_path(tape->runtime, param);
  return value->name ? PRL_OK : prl_fail_memory(error, strlen(param->name));
}
