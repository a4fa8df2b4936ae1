/* The sets and optimizers of the plan's document. */
#include "agent/plan/sets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/read.h"
#include "tensor/kernels.h"

/* ---- parameters ---- */

prl_status prl_sets_read_shape(const prl_value *map, const char *name, prl_tensor *out, prl_error *error) {
  const prl_value *shape;
  int64_t sizes[PRL_MAX_DIMS];
  prl_status status = prl_read_value(map, name, "shape", PRL_ARRAY, &shape, error);
  if (status) return status;
  if (prl_count(shape) > PRL_MAX_DIMS) return prl_read_fail(name, "shape", "at most 6 sizes", error);
  for (int64_t d = 0; d < prl_count(shape); d++) {
    const prl_value *size = prl_item(shape, d);
    if (size->kind != PRL_NUMBER || !(size->as.number >= 1 && size->as.number <= 1e9))
      return prl_read_fail(name, "shape", "sizes of at least 1", error);
    sizes[d] = (int64_t)size->as.number;
  }
  prl_tensor_borrow(NULL, PRL_F32, (int)prl_count(shape), sizes, out);
  return PRL_OK;
}

/* A parameter with its starting values, or with zeros. */
static prl_status build_param(prl_sets *a, const prl_value *map, const char *set, const prl_plan *values,
                              prl_param **out, prl_error *error) {
  const char *name;
  prl_tensor shape, zeros = {0};
  prl_status status = prl_read_string(map, "sets.params", "name", &name, error);
  if (!status) status = prl_sets_read_shape(map, name, &shape, error);
  if (status) return status;
  const prl_tensor *from = values ? prl_plan_tensor_find(values, set, name) : NULL;
  if (!from) {
    status = prl_tensor_new(a->runtime, PRL_F32, shape.ndim, shape.shape, &zeros, error);
    if (status) return status;
    from = &zeros;
  }
  status = prl_param_new(a->runtime, name, from, prl_get_bool(map, "row_sparse", false), out, error);
  prl_tensor_release(&zeros);
  return status;
}

static prl_status build_set(prl_sets *a, const prl_value *map, const prl_plan *values, prl_params **out,
                            prl_error *error) {
  const char *name;
  const prl_value *list;
  prl_status status = prl_read_string(map, "sets", "name", &name, error);
  if (!status) status = prl_read_value(map, name, "params", PRL_ARRAY, &list, error);
  if (status) return status;
  int count = (int)prl_count(list), made = 0;
  prl_param **items = prl_calloc(a->runtime, (size_t)count + 1, sizeof *items);
  if (!items) return prl_fail_memory(error, (size_t)count * sizeof *items);
  for (; !status && made < count; made += !status)
    status = build_param(a, prl_item(list, made), name, values, &items[made], error);
  if (!status) status = prl_params_new(a->runtime, name, items, count, out, error);
  for (int i = 0; i < made; i++) prl_param_release(items[i]);
  prl_free(a->runtime, items);
  return status;
}

int prl_sets_find(const prl_sets *a, const char *name, size_t length) {
  for (int i = 0; i < a->count; i++)
    if (!strncmp(a->items[i]->name, name, length) && !a->items[i]->name[length]) return i;
  return -1;
}

static prl_status build_sets(prl_sets *a, const prl_value *root, const prl_plan *values, prl_error *error) {
  const prl_value *list;
  prl_status status = prl_read_value(root, "", "sets", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  a->items = prl_calloc(a->runtime, count + 1, sizeof *a->items);
  if (!a->items) return prl_fail_memory(error, count * sizeof *a->items);
  for (; !status && a->count < (int)count; a->count += !status)
    status = build_set(a, prl_item(list, a->count), values, &a->items[a->count], error);
  return status;
}

static prl_status build_optim(prl_sets *a, const prl_value *map, prl_optim **out, prl_error *error) {
  const char *set, *kind;
  prl_optim_kind found;
  prl_status status = prl_read_string(map, "optims", "set", &set, error);
  if (!status) status = prl_read_string(map, "optims", "kind", &kind, error);
  if (!status) status = prl_optim_kind_find(kind, &found, error);
  if (status) return status;
  int index = prl_sets_find(a, set, strlen(set));
  if (index < 0)
    return prl_fail(error, PRL_EFORMAT, "plan: an optimizer for the set \"%s\", which there is not", set);
  for (int i = 0; i < a->optims_count; i++)
    if (a->optims[i]->params == a->items[index])
      return prl_fail(error, PRL_EFORMAT, "plan: two optimizers for the set \"%s\"", set);
  prl_optim_options o = prl_optim_defaults(found);
  const struct {
    const char *key;
    float *value;
  } numbers[] = {{"lr", &o.lr},       {"momentum", &o.momentum}, {"alpha", &o.alpha},
                 {"beta1", &o.beta1}, {"beta2", &o.beta2},       {"epsilon", &o.epsilon},
                 {"decay", &o.decay}, {"max_norm", &o.max_norm}, {"max_value", &o.max_value}};
  for (size_t i = 0; !status && i < sizeof numbers / sizeof *numbers; i++) {
    double number = (double)*numbers[i].value;
    status = prl_read_number(map, set, numbers[i].key, false, -3e38, 3e38, &number, error);
    *numbers[i].value = (float)number;
  }
  o.nesterov = prl_get_bool(map, "nesterov", false);
  return status ? status : prl_optim_new(a->items[index], &o, out, error);
}

static prl_status build_optims(prl_sets *a, const prl_value *root, prl_error *error) {
  const prl_value *list;
  prl_status status = prl_read_value(root, "", "optims", PRL_ARRAY, &list, error);
  if (status) return status;
  size_t count = (size_t)prl_count(list);
  a->optims = prl_calloc(a->runtime, count + 1, sizeof *a->optims);
  if (!a->optims) return prl_fail_memory(error, count * sizeof *a->optims);
  for (; !status && a->optims_count < (int)count; a->optims_count += !status)
    status = build_optim(a, prl_item(list, a->optims_count), &a->optims[a->optims_count], error);
  return status;
}

/* ---- life ---- */

prl_status prl_sets_new(prl_runtime *runtime, const prl_value *root, const prl_plan *values, prl_sets **out,
                        prl_error *error) {
  prl_sets *sets = prl_calloc(runtime, 1, sizeof *sets);
  if (!sets) return prl_fail_memory(error, sizeof *sets);
  sets->runtime = runtime;
  prl_status status = build_sets(sets, root, values, error);
  if (!status) status = build_optims(sets, root, error);
  if (status) {
    prl_sets_free(sets);
    return status;
  }
  *out = sets;
  return PRL_OK;
}

void prl_sets_free(prl_sets *sets) {
  if (!sets) return;
  for (int i = 0; i < sets->optims_count; i++) prl_optim_free(sets->optims[i]);
  for (int i = 0; i < sets->count; i++) prl_params_release(sets->items[i]);
  prl_free(sets->runtime, sets->optims);
  prl_free(sets->runtime, sets->items);
  prl_free(sets->runtime, sets);
}

prl_status prl_sets_blocks(const prl_sets *sets, prl_blocks *blocks, prl_error *error) {
  prl_status status = PRL_OK;
  const int first = blocks->count;
  for (int i = 0; !status && i < sets->count; i++)
    status = prl_blocks_add_named(blocks, "params.", sets->items[i]->name, PRL_F32, sets->items[i]->size,
                                  sets->items[i]->value, error);
  for (int i = 0; !status && i < sets->optims_count; i++) {
    prl_optim *optim = sets->optims[i];
    const char *name = optim->params->name;
    int64_t size = optim->params->size;
    if (optim->moment1)
      status = prl_blocks_add_named(blocks, "moment1.", name, PRL_F32, size, optim->moment1, error);
    if (!status && optim->moment2)
      status = prl_blocks_add_named(blocks, "moment2.", name, PRL_F32, size, optim->moment2, error);
    if (!status) status = prl_blocks_add_named(blocks, "steps.", name, PRL_I64, 1, &optim->steps, error);
    if (!status) status = prl_blocks_add_named(blocks, "norm.", name, PRL_F64, 1, &optim->last_norm, error);
  }
  prl_blocks_learned(blocks, first);
  return status;
}

prl_status prl_sets_check(const prl_sets *sets, prl_error *error) {
  const prl_kernels *kernels = prl_kernels_of(sets->runtime);
  for (int s = 0; s < sets->count; s++) {
    const prl_params *set = sets->items[s];
    if (kernels->finite(set->size, set->value)) continue;
    for (int i = 0; i < set->count; i++) {
      const prl_param *param = set->items[i];
      if (!kernels->finite(prl_tensor_count(&param->value), param->value.data))
        return prl_fail(error, PRL_ENUMERIC, "the parameter \"%s\" of \"%s\" is not finite", param->name,
                        set->name);
    }
  }
  return PRL_OK;
}
