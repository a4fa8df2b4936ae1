/* Noise in the space of parameters, drawn anew: what a policy that explores by it acts with beside its own.
 */
#include <math.h>
#include <string.h>

#include "agent/verbs/verb.h"
#include "core/rng.h"

typedef struct perturb_fields {
  prl_params *set;
  int distance; /* the gauge that says how far the perturbed policy is from the other */
  prl_ref target, factor;
  int width; /* the gauge */
} perturb_fields;

static prl_status read(prl_verb_reader *r, void *fields, prl_error *error) {
  perturb_fields *f = fields;
  prl_learner *l = r->learner;
  prl_status status = prl_verb_set(r, "set", &f->set, error);
  if (!status) status = prl_verb_metric(r, "distance", &f->distance, error);
  if (!status) status = prl_live_ref(l->live, r->map, r->where, "target", INFINITY, &f->target, error);
  if (!status) status = prl_live_ref(l->live, r->map, r->where, "factor", 1.01, &f->factor, error);
  return status ? status : prl_metrics_add(&l->metrics, "", "perturbation", &f->width, error);
}

/* The root mean square of all numbers of the set: its width, for which nothing else is kept. */
static double width_of(const prl_params *set) {
  double sum = 0, count = 0;
  for (int i = 0; i < set->count; i++) {
    const prl_tensor *value = &set->items[i]->value;
    const int64_t n = prl_tensor_count(value);
    for (int64_t k = 0; k < n; k++)
      sum += (double)((const float *)value->data)[k] * ((const float *)value->data)[k];
    count += (double)n;
  }
  return count > 0 ? sqrt(sum / count) : 0;
}

static void draw(const prl_learner *l, prl_params *set, double width) {
  const prl_rng rng = prl_rng_make(l->shape->seed, 0, PRL_SITE_PERTURB);
  const int64_t version = prl_shared_version(l);
  for (int i = 0; i < set->count; i++) {
    const prl_tensor *value = &set->items[i]->value;
    l->kernels->normals(rng.key, (uint32_t)i, (uint32_t)(version >> 32), (uint32_t)version,
                        prl_tensor_count(value), value->data);
  }
  const double drawn = width_of(set);
  for (int i = 0; drawn > 0 && i < set->count; i++) {
    const prl_tensor *value = &set->items[i]->value;
    const int64_t n = prl_tensor_count(value);
    for (int64_t k = 0; k < n; k++) ((float *)value->data)[k] *= (float)(width / drawn);
  }
}

static prl_status execute(prl_schedule *s, prl_verb *verb, prl_turn *turn, prl_error *error) {
  prl_learner *l = s->learner;
  const perturb_fields *f = verb->fields;
  const double distance = l->metrics.gauges[f->distance].last, factor = prl_ref_value(l->live, f->factor);
  double width = width_of(f->set);
  if (distance < prl_ref_value(l->live, f->target))
    width *= factor;
  else if (!isnan(distance))
    width /= factor;
  width = fmin(fmax(width, 1e-8), 1e8);
  draw(l, f->set, width);
  prl_shared_put(l, f->set);
  prl_metrics_put(&l->metrics, f->width, width);
  return PRL_OK;
}

const prl_verb_type prl_verb_perturb = {
    .name = "perturb",
    .keys = (const char *const[]){"set", "distance", "target", "factor", NULL},
    .fields_text = "set, distance (metric), target (reference), factor (reference, 1.01)",
    .text = "a fresh draw of normals into the set, whose root mean square is its width: that of the one "
            "before, times "
            "`factor` where the distance, a metric of a program, was below `target`, else divided by it",
    .fields_size = sizeof(perturb_fields),
    .read = read,
    .execute = execute,
};
