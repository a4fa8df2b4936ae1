/* Parameters, and the sets in whose slabs their values and gradients lie. */
#include "optim/params.h"

#include <string.h>

#include "tensor/kernels.h"
#include "tensor/tensor.h"

prl_status prl_param_new(prl_runtime *runtime, const char *name, const prl_tensor *value, bool row_sparse,
                         prl_param **out, prl_error *error) {
  if (value->dtype != PRL_F32)
    return prl_fail(error, PRL_EINVAL, "parameter %s: values are float32, not %s", name,
                    prl_dtype_name(value->dtype));
  if (row_sparse && value->ndim != 2)
    return prl_fail(error, PRL_ESHAPE, "parameter %s: an embedding table has 2 dimensions, not %d", name,
                    value->ndim);
  prl_param *param = prl_calloc(runtime, 1, sizeof *param);
  if (!param) return prl_fail_memory(error, sizeof *param);
  param->refs = 1;
  param->runtime = prl_runtime_retain(runtime);
  param->row_sparse = row_sparse;
  prl_status status = PRL_OK;
  param->name = prl_strdup(runtime, name);
  if (!param->name) status = prl_fail_memory(error, strlen(name) + 1);
  if (!status) status = prl_tensor_new(runtime, PRL_F32, value->ndim, value->shape, &param->value, error);
  if (!status && row_sparse) {
    param->touched = prl_calloc(runtime, (size_t)value->shape[0] + 1, sizeof *param->touched);
    param->is_touched = prl_calloc(runtime, (size_t)value->shape[0] + 1, 1);
    if (!param->touched || !param->is_touched) status = prl_fail_memory(error, (size_t)value->shape[0] * 5);
  }
  if (status) {
    prl_param_release(param);
    return status;
  }
  prl_tensor_copy(&param->value, value);
  *out = param;
  return PRL_OK;
}

prl_status prl_param_rename(prl_param *param, const char *name, prl_error *error) {
  char *copy = prl_strdup(param->runtime, name);
  if (!copy) return prl_fail_memory(error, strlen(name) + 1);
  prl_free(param->runtime, param->name);
  param->name = copy;
  return PRL_OK;
}

void prl_param_retain(prl_param *param) { param->refs++; }

void prl_param_release(prl_param *param) {
  if (!param || --param->refs > 0) return;
  prl_runtime *runtime = param->runtime;
  prl_tensor_release(&param->value);
  prl_tensor_release(&param->grad);
  prl_free(runtime, param->name);
  prl_free(runtime, param->touched);
  prl_free(runtime, param->is_touched);
  prl_free(runtime, param);
  prl_runtime_release(runtime);
}

prl_status prl_param_need_grad(prl_param *param, prl_error *error) {
  if (param->grad.data) return PRL_OK;
  return prl_tensor_new(param->runtime, PRL_F32, param->value.ndim, param->value.shape, &param->grad, error);
}

void prl_param_touch(prl_param *param, int64_t row) {
  if (param->is_touched[row]) return;
  param->is_touched[row] = 1;
  param->touched[param->touched_count++] = (int32_t)row;
}

void prl_param_clear_touched(prl_param *param) {
  int64_t width = param->value.shape[1];
  for (int64_t i = 0; i < param->touched_count; i++) {
    memset((float *)param->grad.data + param->touched[i] * width, 0, (size_t)width * sizeof(float));
    param->is_touched[param->touched[i]] = 0;
  }
  param->touched_count = 0;
}

/* ---- Sets ---- */

static int64_t padded(const prl_param *param) { return prl_params_padded(prl_tensor_count(&param->value)); }

static void move_into_slabs(prl_params *params) {
  int64_t offset = 0;
  for (int i = 0; i < params->count; i++) {
    prl_param *param = params->items[i];
    float *value = params->value + offset, *grad = params->grad + offset;
    memcpy(value, param->value.data, (size_t)prl_tensor_count(&param->value) * sizeof(float));
    int ndim = param->value.ndim;
    int64_t shape[PRL_MAX_DIMS];
    memcpy(shape, param->value.shape, sizeof shape);
    prl_tensor_release(&param->value);
    prl_tensor_release(&param->grad);
    prl_tensor_borrow(value, PRL_F32, ndim, shape, &param->value);
    prl_tensor_borrow(grad, PRL_F32, ndim, shape, &param->grad);
    param->set = params;
    offset += padded(param);
  }
}

prl_status prl_params_new(prl_runtime *runtime, const char *name, prl_param *const *items, int count,
                          prl_params **out, prl_error *error) {
  int64_t size = 0;
  for (int i = 0; i < count; i++) {
    if (items[i]->set)
      return prl_fail(error, PRL_ESTATE,
                      "parameter %s belongs to set %s already; a parameter has one optimizer", items[i]->name,
                      items[i]->set->name);
    size += padded(items[i]);
  }
  prl_params *params = prl_calloc(runtime, 1, sizeof *params);
  if (!params) return prl_fail_memory(error, sizeof *params);
  *params = (prl_params){.refs = 1, .runtime = prl_runtime_retain(runtime), .size = size};
  params->name = prl_strdup(runtime, name);
  params->items = prl_calloc(runtime, (size_t)count + 1, sizeof *params->items);
  params->value = prl_calloc(runtime, (size_t)size + 1, sizeof(float));
  params->grad = prl_calloc(runtime, (size_t)size + 1, sizeof(float));
  if (!params->name || !params->items || !params->value || !params->grad) {
    prl_params_release(params);
    return prl_fail_memory(error, (size_t)size * sizeof(float));
  }
  for (int i = 0; i < count; i++) {
    params->items[i] = items[i];
    prl_param_retain(items[i]);
  }
  params->count = count;
  move_into_slabs(params);
  *out = params;
  return PRL_OK;
}

void prl_params_retain(prl_params *params) { params->refs++; }

/* A parameter that outlives its set keeps its last values in storage of its own, or becomes empty without
 * memory. */
static void move_out(prl_param *param) {
  prl_tensor own = {0};
  if (param->refs > 1 &&
      prl_tensor_new(param->runtime, PRL_F32, param->value.ndim, param->value.shape, &own, NULL) == PRL_OK)
    prl_tensor_copy(&own, &param->value);
  param->value = own;
  param->grad = (prl_tensor){0};
  param->set = NULL;
}

void prl_params_release(prl_params *params) {
  if (!params || --params->refs > 0) return;
  prl_runtime *runtime = params->runtime;
  for (int i = 0; i < params->count; i++) {
    move_out(params->items[i]);
    prl_param_release(params->items[i]);
  }
  prl_free(runtime, params->name);
  prl_free(runtime, params->items);
  prl_free(runtime, params->value);
  prl_free(runtime, params->grad);
  prl_free(runtime, params);
  prl_runtime_release(runtime);
}

prl_param *prl_params_find(const prl_params *params, const char *name) {
  for (int i = 0; i < params->count; i++)
    if (strcmp(params->items[i]->name, name) == 0) return params->items[i];
  return NULL;
}

void prl_params_blend(prl_params *to, const prl_params *from, float tau) {
  if (tau == 1) {
    memcpy(to->value, from->value, (size_t)to->size * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < to->size; i++) to->value[i] = tau * from->value[i] + (1 - tau) * to->value[i];
}

bool prl_params_finite(const prl_params *params) {
  const prl_kernels *kernels = prl_kernels_of(params->runtime);
  for (int i = 0; i < params->count; i++) {
    const prl_param *param = params->items[i];
    const float *grad = param->grad.data;
    if (!param->row_sparse && !kernels->finite(prl_tensor_count(&param->grad), grad)) return false;
    for (int64_t row = 0; row < param->touched_count; row++) {
      int64_t width = param->value.shape[1];
      if (!kernels->finite(width, grad + param->touched[row] * width)) return false;
    }
  }
  return true;
}
