/* A plan is made from its document and tensors, copied and checked against each other. */
#include "agent/plan/plan.h"

#include <string.h>

#include "core/arguments.h"
#include "core/read.h"
#include "tensor/tensor.h"

static prl_status check_param(const prl_plan *plan, const char *set, const prl_value *param,
                              prl_error *error) {
  const char *name;
  const prl_value *shape;
  prl_status status = prl_read_string(param, "sets.params", "name", &name, error);
  if (!status) status = prl_read_value(param, name, "shape", PRL_ARRAY, &shape, error);
  if (status) return status;
  const prl_tensor *value = prl_plan_tensor_find(plan, set, name);
  if (!value) return prl_fail(error, PRL_EFORMAT, "plan: no values for parameter \"%s:%s\"", set, name);
  bool same = value->dtype == PRL_F32 && value->ndim == prl_count(shape);
  for (int64_t d = 0; same && d < prl_count(shape); d++) {
    const prl_value *size = prl_item(shape, d);
    same = size->kind == PRL_NUMBER && size->as.number == (double)value->shape[d];
  }
  if (same) return PRL_OK;
  char text[96];
  return prl_fail(error, PRL_EFORMAT,
                  "plan: the values of parameter \"%s:%s\" have the shape %s, not the declared one", set,
                  name, prl_shape_text(value, text, sizeof text));
}

/* root: the document, or a plan inside of it. */
static prl_status check(const prl_plan *plan, const prl_value *root, prl_error *error) {
  const prl_value *sets, *params;
  prl_status status = prl_read_value(root, "", "sets", PRL_ARRAY, &sets, error);
  for (int64_t i = 0; !status && i < prl_count(sets); i++) {
    const char *name;
    status = prl_read_string(prl_item(sets, i), "sets", "name", &name, error);
    if (!status) status = prl_read_value(prl_item(sets, i), name, "params", PRL_ARRAY, &params, error);
    for (int64_t k = 0; !status && k < prl_count(params); k++)
      status = check_param(plan, name, prl_item(params, k), error);
  }
  return status;
}

static prl_status check_all(const prl_plan *plan, const prl_value *root, prl_error *error) {
  const prl_value *control = prl_path(root, "control.plan");
  prl_status status = check(plan, root, error);
  return !status && control ? check(plan, control, error) : status;
}

static prl_status copy_tensors(prl_plan *plan, const prl_plan_tensor *tensors, int count, prl_error *error) {
  plan->tensors = prl_calloc(plan->runtime, (size_t)count + 1, sizeof *plan->tensors);
  if (!plan->tensors) return prl_fail_memory(error, (size_t)count * sizeof *plan->tensors);
  for (int i = 0; i < count; i++) {
    const prl_tensor *from = &tensors[i].value;
    prl_tensor to;
    prl_status status = prl_tensor_new(plan->runtime, from->dtype, from->ndim, from->shape, &to, error);
    if (status) return status;
    prl_tensor_copy(&to, from);
    plan->tensors[plan->count++].value = to;
    plan->tensors[i].name = prl_strdup(plan->runtime, tensors[i].name);
    if (!plan->tensors[i].name) return prl_fail_memory(error, strlen(tensors[i].name) + 1);
  }
  return PRL_OK;
}

prl_status prl_plan_new_from(prl_runtime *runtime, prl_doc **document, const prl_plan_tensor *tensors,
                             int count, prl_plan **out, prl_error *error) {
  const char *hash;
  const prl_value *root = &(*document)->root;
  prl_status status = prl_read_string(root, "", "hash", &hash, error);
  if (status) return status;
  if (strlen(hash) != 32) return prl_read_fail("", "hash", "32 hexadecimal digits", error);
  prl_plan *plan = prl_calloc(runtime, 1, sizeof *plan);
  if (!plan) return prl_fail_memory(error, sizeof *plan);
  plan->runtime = prl_runtime_retain(runtime);
  memcpy(plan->hash, hash, 33);
  status = copy_tensors(plan, tensors, count, error);
  if (!status) status = check_all(plan, root, error);
  if (status) {
    prl_plan_free(plan);
    return status;
  }
  plan->document = *document;
  *document = NULL;
  *out = plan;
  return PRL_OK;
}

void prl_plan_free(prl_plan *plan) {
  if (!plan) return;
  prl_runtime *runtime = plan->runtime;
  for (int i = 0; i < plan->count; i++) {
    prl_tensor_release(&plan->tensors[i].value);
    prl_free(runtime, (char *)plan->tensors[i].name);
  }
  prl_free(runtime, plan->tensors);
  prl_doc_free(plan->document);
  prl_free(runtime, plan);
  prl_runtime_release(runtime);
}

const char *prl_plan_hash(const prl_plan *plan) { return plan ? plan->hash : NULL; }
const prl_value *prl_plan_document(const prl_plan *plan) { return &plan->document->root; }

const prl_tensor *prl_plan_tensor_find(const prl_plan *plan, const char *set, const char *param) {
  size_t length = strlen(set);
  for (int i = 0; i < plan->count; i++) {
    const char *name = plan->tensors[i].name;
    if (!strncmp(name, set, length) && name[length] == ':' && !strcmp(name + length + 1, param))
      return &plan->tensors[i].value;
  }
  return NULL;
}

prl_status prl_plan_schedules(prl_plan *plan, prl_schedules schedules, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "plan", plan);
  if (!status)
    status = PRL_WITHIN(error, "schedules", (int)schedules, PRL_SCHEDULES_ASK, PRL_SCHEDULES_RESTART);
  if (!status) plan->schedules = schedules;
  return status;
}
