/* What a swap takes over of sets and optimizers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/plan/growth.h"
#include "tensor/kernels.h"

static bool same_shape(const prl_tensor *a, const prl_tensor *b) {
  return a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape);
}

static prl_optim *optim_of(const prl_sets *a, const prl_params *set) {
  for (int i = 0; i < a->optims_count; i++)
    if (a->optims[i]->params == set) return a->optims[i];
  return NULL;
}

int64_t prl_sets_numbers(const prl_params *set) {
  int64_t numbers = 0;
  for (int i = 0; i < set->count; i++) numbers += prl_tensor_count(&set->items[i]->value);
  return numbers;
}

/* ---- one parameter ---- */

/* What a parameter takes: the other plan's, and how; known NULL: nothing. */
typedef struct source {
  const prl_param *known, *width;
  prl_grown grown;
} source;

/* Where a policy goes on in a set of another name its layers may come of several. */
static source find_source(const prl_params *ours, int item, int set, const prl_params *old,
                          const prl_growth *growth) {
  source s = {.grown = {.fits = true, .same = true, .width = -1}};
  const prl_grown *grown = prl_growth_of(growth, set, item);
  const prl_param *known = growth ? NULL : prl_params_find(old, ours->items[item]->name);
  if (known && same_shape(&known->value, &ours->items[item]->value)) s.known = known;
  if (!grown) return s;
  s.grown = *grown;
  s.known = growth->old->params[grown->old].param;
  if (!strcmp(s.known->set->name, old->name)) s.known = prl_params_find(old, s.known->name);
  if (grown->width >= 0) s.width = growth->old->params[grown->width].param;
  return s;
}

static bool is_finite(const prl_sets *to, const source *s) {
  const prl_kernels *k = prl_kernels_of(to->runtime);
  return k->finite(prl_tensor_count(&s->known->value), s->known->value.data) &&
         (!s->width || k->finite(prl_tensor_count(&s->width->value), s->width->value.data));
}

/* values: the slab of `ours`, or one that is laid out as it is. */
static void take_values(const source *s, const prl_params *ours, const prl_param *param, float *values) {
  float *to = values + ((const float *)param->value.data - ours->value);
  prl_grown_values(&s->grown, &param->value, &s->known->value, to, s->known->value.data,
                   s->width ? s->width->value.data : NULL);
}

static void take_moments(const source *s, int power, prl_optim *to, const prl_param *param, float *moments,
                         const prl_optim *from, const float *old) {
  if (!moments || !old) return;
  const prl_param *known = prl_params_find(from->params, s->known->name);
  prl_grown_moments(&s->grown, &param->value, &known->value, power,
                    moments + ((const float *)param->value.data - to->params->value),
                    old + ((const float *)known->value.data - from->params->value));
}

static void take_optim(const source *s, prl_optim *to, const prl_optim *from, const prl_param *param) {
  if (!to || !from || to->options.kind != from->options.kind) return;
  take_moments(s, 1, to, param, to->moment1, from, from->moment1);
  take_moments(s, 2, to, param, to->moment2, from, from->moment2);
  to->steps = from->steps;
  to->last_norm = from->last_norm;
}

/* ---- what is said of it ---- */

/* A parameter of another shape; of a layer its units, where its bias says them. */
static void say_shape(const prl_param *param, const prl_param *known, char text[256]) {
  char shape[96], was[96];
  const size_t length = strlen(param->name), end = strlen(".bias");
  const bool bias = length > end && !strcmp(param->name + length - end, ".bias");
  if (bias && param->value.ndim == 1 && known->value.ndim == 1)
    snprintf(text, 256, "its layer %.*s has %lld unit%s in place of %lld",
             (int)(length - end < 100 ? length - end : 100), param->name, (long long)param->value.shape[0],
             param->value.shape[0] == 1 ? "" : "s", (long long)known->value.shape[0]);
  else
    snprintf(text, 256, "%.100s is %s in place of %s", param->name,
             prl_shape_text(&param->value, shape, sizeof shape),
             prl_shape_text(&known->value, was, sizeof was));
}

/* Why a set is not taken whole. */
static const char *why_not_whole(const prl_params *ours, const prl_params *old, bool finite, char text[256]) {
  if (!finite)
    return old ? "the learner's numbers are not finite, and those in force stand for them"
               : "its numbers are not finite";
  for (int i = 0; i < ours->count; i++) {
    const prl_param *param = ours->items[i], *known = prl_params_find(old, param->name);
    if (known && same_shape(&known->value, &param->value)) continue;
    if (known)
      say_shape(param, known, text);
    else
      snprintf(text, 256, "%.100s is new in it", param->name);
    return text;
  }
  for (int i = 0; i < old->count; i++) {
    if (prl_params_find(ours, old->items[i]->name)) continue;
    snprintf(text, 256, "it has %.100s no longer", old->items[i]->name);
    return text;
  }
  return "what it reads is in other places";
}

/* more: some of the set's numbers are new; fewer: some of the running agent's are left out. */
static const char *outcome_of(prl_extent extent, int64_t taken, bool more, bool fewer, bool moves,
                              bool bends) {
  if (extent == PRL_TAKES_GROWN && !bends && (more || moves)) return more ? PRL_GROWN : PRL_RESCALED;
  return !taken ? PRL_ANEW : more || fewer ? PRL_KEPT_IN_PART : PRL_KEPT;
}

static void note_set(const prl_sets *to, int set, const prl_params *whole, const prl_params *old,
                     prl_extent extent, const prl_growth *growth, int64_t taken, const prl_value *names,
                     prl_migration *m) {
  char text[256], grown[320], bent[96] = "";
  const prl_params *ours = to->items[set];
  const bool other = whole && strcmp(whole->name, ours->name) != 0;
  const int64_t numbers = prl_sets_numbers(ours), all = old && !other ? prl_sets_numbers(old) : 0;
  const bool more = taken < numbers, fewer = !more && numbers < all;
  prl_unary is, was;
  const bool bends = prl_growth_bends(growth, set, &is, &was);
  const prl_migrated entry = {
      .part = "parameters",
      .name = ours->name,
      .taken = taken,
      .of = fewer ? all : numbers,
      .before = NAN,
      .after = NAN,
      .outcome = outcome_of(extent, taken, more, fewer, prl_growth_moves(growth, set), bends)};
  if (bends)
    snprintf(bent, sizeof bent, ", with %s in place of %s: what it computes is another", prl_unary_name(is),
             prl_unary_name(was));
  if (extent == PRL_TAKES_ALL && old == whole) {
    prl_migration_note(m, &entry, "the same names and shapes%s", bent);
  } else if (!whole) {
    const char *why = prl_growth_unlike(growth, set);
    prl_migration_note(m, &entry, "the running agent has no such set%s%s", why ? ", and " : "",
                       why ? why : "");
  } else if (extent != PRL_TAKES_GROWN || old != whole) {
    prl_migration_note(m, &entry, "%s%s", why_not_whole(ours, old, old == whole, text), bent);
  } else {
    prl_growth_describe(growth, set, names, grown, sizeof grown);
    prl_migration_note(m, &entry, "%s%s%s%s%s", other ? "of " : "", other ? whole->name : "",
                       other ? ": " : "", grown, bent);
  }
}

static void note_optim(const prl_optim *ours, const prl_optim *old, bool finite, int64_t taken,
                       prl_extent extent, prl_migration *m) {
  if (!ours) return;
  const bool same = old && old->options.kind == ours->options.kind;
  const bool kept = same && finite && taken;
  const bool whole = kept && taken == prl_sets_numbers(ours->params);
  const bool grown = kept && !whole && extent == PRL_TAKES_GROWN;
  const char *why = !old      ? "the running agent has no optimizer for this set"
                    : !same   ? "it is of another kind"
                    : !finite ? "the learner's numbers are not finite"
                    : !taken  ? "no parameter of its set is kept"
                    : grown   ? "its moments and steps go on, and those of new numbers are 0"
                    : whole   ? "its moments and steps go on"
                              : "its steps go on, and the moments of what is kept; the others are 0";
  prl_migration_note(m,
                     &(prl_migrated){"optimizer", ours->params->name,
                                     whole   ? PRL_KEPT
                                     : grown ? PRL_GROWN
                                     : kept  ? PRL_KEPT_IN_PART
                                             : PRL_ANEW,
                                     NULL, kept ? taken : 0, prl_sets_numbers(ours->params),
                                     old ? (double)old->steps : NAN, (double)ours->steps},
                     "%s", why);
}

/* ---- a set ---- */

int prl_sets_source(const prl_sets *to, int set, const prl_sets *from, const prl_growth *growth) {
  const char *name = to->items[set]->name, *other = prl_growth_source(growth, set);
  const int found = prl_sets_find(from, name, strlen(name));
  return found >= 0 || !other ? found : prl_sets_find(from, other, strlen(other));
}

bool prl_sets_fit(const prl_sets *to, int set, const prl_sets *from, const prl_growth *growth) {
  const int found = prl_sets_source(to, set, from, growth);
  for (int i = 0; found >= 0 && i < to->items[set]->count; i++)
    if (find_source(to->items[set], i, set, from->items[found], growth).known) return true;
  return false;
}

void prl_sets_take_values(const prl_sets *to, int set, const prl_params *old, const prl_growth *growth,
                          float *values) {
  const prl_params *ours = to->items[set];
  for (int i = 0; i < ours->count; i++) {
    const source s = find_source(ours, i, set, old, growth);
    if (s.known && is_finite(to, &s)) take_values(&s, ours, ours->items[i], values);
  }
}

prl_extent prl_sets_take(prl_sets *to, int set, const prl_sets *from, const prl_params *in_force,
                         const prl_growth *growth, int64_t *taken, const prl_value *names, prl_migration *m) {
  prl_params *ours = to->items[set];
  const int found = prl_sets_source(to, set, from, growth);
  const prl_params *whole = found < 0 ? NULL : from->items[found];
  const bool finite = whole && prl_kernels_of(to->runtime)->finite(whole->size, whole->value);
  const prl_params *old = finite ? whole : in_force;
  const bool own = whole && !strcmp(whole->name, ours->name);
  prl_optim *optim = optim_of(to, ours), *before = own ? optim_of(from, whole) : NULL;
  int64_t numbers = 0;
  int count = 0, same = 0;
  for (int i = 0; whole && old && i < ours->count; i++) {
    const source s = find_source(ours, i, set, old, growth);
    if (!s.known || !is_finite(to, &s)) continue;
    take_values(&s, ours, ours->items[i], ours->value);
    if (finite) take_optim(&s, optim, before, ours->items[i]);
    numbers += prl_grown_count(&s.grown, &ours->items[i]->value);
    count++;
    same += s.grown.same;
  }
  if (taken) *taken = numbers;
  const bool all = whole && count == ours->count && (!own || whole->count == ours->count);
  const prl_extent extent = !all                   ? numbers ? PRL_TAKES_SOME : PRL_TAKES_NONE
                            : own && same == count ? PRL_TAKES_ALL
                                                   : PRL_TAKES_GROWN;
  note_set(to, set, whole, old, extent, growth, numbers, names, m);
  note_optim(optim, before, finite, numbers, extent, m);
  return extent;
}

void prl_sets_note_dropped(const prl_sets *to, const prl_sets *from, const prl_growth *growth,
                           prl_migration *m) {
  for (int i = 0; i < from->count; i++) {
    const prl_params *old = from->items[i], *heir = NULL;
    const prl_optim *optim = optim_of(from, old);
    const int found = prl_sets_find(to, old->name, strlen(old->name));
    for (int k = 0; found < 0 && !heir && k < to->count; k++)
      if (prl_sets_source(to, k, from, growth) == i) heir = to->items[k];
    if (found < 0)
      prl_migration_note(
          m, &(prl_migrated){"parameters", old->name, PRL_DROPPED, NULL, 0, prl_sets_numbers(old), NAN, NAN},
          heir ? "the new plan has them in %s" : "the new plan has no such set%s", heir ? heir->name : "");
    if (optim && (found < 0 || !optim_of(to, to->items[found])))
      prl_migration_note(m,
                         &(prl_migrated){"optimizer", old->name, PRL_DROPPED, NULL, 0, prl_sets_numbers(old),
                                         (double)optim->steps, NAN},
                         "the new plan has no optimizer for this set");
  }
}
