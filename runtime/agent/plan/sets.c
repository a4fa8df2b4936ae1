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

/* ---- taken over by a swap ---- */

/* One parameter's part of a slab that is laid out as the values are. */
static void copy_part(const prl_params *to_set, float *to, const prl_param *to_param,
                      const prl_params *from_set, const float *from, const prl_param *from_param) {
  if (!to || !from) return;
  int64_t into = (const float *)to_param->value.data - to_set->value;
  int64_t out_of = (const float *)from_param->value.data - from_set->value;
  memcpy(to + into, from + out_of, (size_t)prl_tensor_count(&to_param->value) * sizeof(float));
}

static bool same_shape(const prl_tensor *a, const prl_tensor *b) {
  return a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape);
}

static prl_optim *optim_of(const prl_sets *a, const prl_params *set) {
  for (int i = 0; i < a->optims_count; i++)
    if (a->optims[i]->params == set) return a->optims[i];
  return NULL;
}

static void take_optim(prl_optim *to, const prl_optim *from, const prl_param *to_param,
                       const prl_param *from_param) {
  if (!to || !from || to->options.kind != from->options.kind) return;
  copy_part(to->params, to->moment1, to_param, from->params, from->moment1, from_param);
  copy_part(to->params, to->moment2, to_param, from->params, from->moment2, from_param);
  to->steps = from->steps;
  to->last_norm = from->last_norm;
}

/* The parameter of the other set that fits this one; NULL: none. */
static prl_param *fitting(const prl_params *from, const prl_param *param) {
  prl_param *known = prl_params_find(from, param->name);
  return known && same_shape(&known->value, &param->value) ? known : NULL;
}

bool prl_sets_fit(const prl_sets *to, int set, const prl_sets *from) {
  const prl_params *ours = to->items[set];
  int found = prl_sets_find(from, ours->name, strlen(ours->name));
  for (int i = 0; found >= 0 && i < ours->count; i++)
    if (fitting(from->items[found], ours->items[i])) return true;
  return false;
}

int64_t prl_sets_numbers(const prl_params *set) {
  int64_t numbers = 0;
  for (int i = 0; i < set->count; i++) numbers += prl_tensor_count(&set->items[i]->value);
  return numbers;
}

/* Why a set is not taken whole; "" where it is. */
static const char *why_not_whole(const prl_params *ours, const prl_params *old, bool finite, char text[256]) {
  char shape[96], was[96];
  if (!finite)
    return old ? "the learner's numbers are not finite, and those in force stand for them"
               : "its numbers are not finite";
  for (int i = 0; i < ours->count; i++) {
    const prl_param *param = ours->items[i], *known = prl_params_find(old, param->name);
    if (known && same_shape(&known->value, &param->value)) continue;
    if (!known)
      snprintf(text, 256, "%.100s is new in it", param->name);
    else
      snprintf(text, 256, "%.100s is %s in place of %s", param->name,
               prl_shape_text(&param->value, shape, sizeof shape),
               prl_shape_text(&known->value, was, sizeof was));
    return text;
  }
  if (ours->count < old->count) return "it has parameters no longer";
  return "";
}

static void note_set(const prl_params *ours, const prl_params *whole, const prl_params *old, int64_t taken,
                     prl_migration *m) {
  char text[256];
  const int64_t of = prl_sets_numbers(ours);
  const char *why =
      whole ? why_not_whole(ours, old, old == whole, text) : "the running agent has no such set";
  const char *outcome = !taken ? PRL_ANEW : *why ? PRL_KEPT_IN_PART : PRL_KEPT;
  prl_migration_note(m, &(prl_migrated){"parameters", ours->name, outcome, NULL, taken, of, NAN, NAN}, "%s",
                     *why ? why : "the same names and shapes");
}

static void note_optim(const prl_optim *ours, const prl_optim *old, bool finite, int64_t taken,
                       prl_migration *m) {
  if (!ours) return;
  const bool same = old && old->options.kind == ours->options.kind;
  const bool kept = same && finite && taken;
  const char *why = !old      ? "the running agent has no optimizer for this set"
                    : !same   ? "it is of another kind"
                    : !finite ? "the learner's numbers are not finite"
                    : !taken  ? "no parameter of its set is kept"
                              : "its moments and steps go on";
  prl_migration_note(m,
                     &(prl_migrated){"optimizer", ours->params->name, kept ? PRL_KEPT : PRL_ANEW, NULL,
                                     kept ? taken : 0, prl_sets_numbers(ours->params),
                                     old ? (double)old->steps : NAN, (double)ours->steps},
                     "%s", why);
}

bool prl_sets_take(prl_sets *to, int set, const prl_sets *from, const prl_params *in_force, int64_t *taken,
                   prl_migration *m) {
  prl_params *ours = to->items[set];
  int found = prl_sets_find(from, ours->name, strlen(ours->name)), count = 0;
  const prl_params *whole = found < 0 ? NULL : from->items[found];
  const bool finite = whole && prl_kernels_of(to->runtime)->finite(whole->size, whole->value);
  const prl_params *old = finite ? whole : in_force;
  prl_optim *optim = optim_of(to, ours), *before = whole ? optim_of(from, whole) : NULL;
  int64_t numbers = 0;
  for (int i = 0; whole && old && i < ours->count; i++) {
    prl_param *param = ours->items[i], *known = fitting(old, param);
    if (!known) continue;
    copy_part(ours, ours->value, param, old, old->value, known);
    if (finite) take_optim(optim, before, param, known);
    numbers += prl_tensor_count(&param->value);
    count++;
  }
  if (taken) *taken = numbers;
  note_set(ours, whole, old, numbers, m);
  note_optim(optim, before, finite, numbers, m);
  return whole && count == ours->count && whole->count == ours->count;
}

void prl_sets_note_dropped(const prl_sets *to, const prl_sets *from, prl_migration *m) {
  for (int i = 0; i < from->count; i++) {
    const prl_params *old = from->items[i];
    const prl_optim *optim = optim_of(from, old);
    const int found = prl_sets_find(to, old->name, strlen(old->name));
    if (found < 0)
      prl_migration_note(
          m, &(prl_migrated){"parameters", old->name, PRL_DROPPED, NULL, 0, prl_sets_numbers(old), NAN, NAN},
          "the new plan has no such set");
    if (optim && (found < 0 || !optim_of(to, to->items[found])))
      prl_migration_note(m,
                         &(prl_migrated){"optimizer", old->name, PRL_DROPPED, NULL, 0, prl_sets_numbers(old),
                                         (double)optim->steps, NAN},
                         "the new plan has no optimizer for this set");
  }
}
