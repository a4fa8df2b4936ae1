/* Steps of sgd, rmsprop, adam and adamw: gradients are clipped, then one pass goes over the slabs. */
#include "optim/optim.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/nearest.h"
#include "tensor/kernels.h"

static const char *const kind_names[] = {"sgd", "rmsprop", "adam", "adamw"};

prl_optim_options prl_optim_defaults(prl_optim_kind kind) {
  prl_optim_options options = {.kind = kind, .alpha = .99f, .beta1 = .9f, .beta2 = .999f, .epsilon = 1e-8f};
  options.lr = kind == PRL_SGD || kind == PRL_ADAM || kind == PRL_ADAMW ? 1e-3f : 1e-2f;
  options.decay = kind == PRL_ADAMW ? 1e-2f : 0;
  return options;
}

prl_status prl_optim_kind_find(const char *name, prl_optim_kind *out, prl_error *error) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (int kind = PRL_SGD; kind <= PRL_ADAMW; kind++) {
    if (strcmp(name, kind_names[kind]) == 0) {
      *out = (prl_optim_kind)kind;
      return PRL_OK;
    }
    prl_nearest_offer(&nearest, kind_names[kind]);
  }
  return prl_fail(error, PRL_ENAME, "there is no optimizer \"%s\"%s", name, prl_nearest_hint(&nearest));
}

/* ---- Life ---- */

typedef struct range {
  const char *name;
  double value, low, high; /* low ≤ value ≤ high */
} range;

static prl_status check_options(const prl_optim_options *o, prl_error *error) {
  const double below_one = 1 - 0x1p-24; /* the greatest float under 1: a decay of 1 never forgets */
  const range ranges[] = {
      {"lr", (double)o->lr, 0, INFINITY},
      {"momentum", (double)o->momentum, 0, below_one},
      {"alpha", (double)o->alpha, 0, below_one},
      {"beta1", (double)o->beta1, 0, below_one},
      {"beta2", (double)o->beta2, 0, below_one},
      {"epsilon", (double)o->epsilon, 1e-30, INFINITY},
      {"decay", (double)o->decay, 0, INFINITY},
      {"max_norm", (double)o->max_norm, 0, INFINITY},
      {"max_value", (double)o->max_value, 0, INFINITY},
  };
  if ((unsigned)o->kind > PRL_ADAMW)
    return prl_fail(error, PRL_EINVAL, "optimizer kind %d is unknown", (int)o->kind);
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (!(ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high))
      return prl_fail(error, PRL_EINVAL, "%s: %s is %g; it must be from %g to %g", kind_names[o->kind],
                      ranges[i].name, ranges[i].value, ranges[i].low, ranges[i].high);
  if (o->nesterov && !(o->momentum > 0))
    return prl_fail(error, PRL_EINVAL, "sgd: nesterov needs a momentum above 0");
  return PRL_OK;
}

static bool needs_moment1(const prl_optim_options *o) {
  return o->kind == PRL_ADAM || o->kind == PRL_ADAMW || o->momentum > 0;
}

prl_status prl_optim_new(prl_params *params, const prl_optim_options *options, prl_optim **out,
                         prl_error *error) {
  prl_status status = check_options(options, error);
  if (status) return status;
  prl_runtime *runtime = params->runtime;
  size_t size = (size_t)params->size;
  prl_optim *optim = prl_calloc(runtime, 1, sizeof *optim);
  if (!optim) return prl_fail_memory(error, sizeof *optim);
  optim->runtime = prl_runtime_retain(runtime);
  optim->options = *options;
  prl_params_retain(params);
  optim->params = params;
  bool first = needs_moment1(options), second = options->kind != PRL_SGD;
  if (first) optim->moment1 = prl_calloc(runtime, size + 1, sizeof(float));
  if (second) optim->moment2 = prl_calloc(runtime, size + 1, sizeof(float));
  if ((first && !optim->moment1) || (second && !optim->moment2)) {
    prl_optim_free(optim);
    return prl_fail_memory(error, size * sizeof(float));
  }
  *out = optim;
  return PRL_OK;
}

void prl_optim_free(prl_optim *optim) {
  if (!optim) return;
  prl_runtime *runtime = optim->runtime;
  prl_free(runtime, optim->moment1);
  prl_free(runtime, optim->moment2);
  prl_params_release(optim->params);
  prl_free(runtime, optim);
  prl_runtime_release(runtime);
}

/* ---- Stretches of the slabs ---- */

/* Work on n floats of every slab from an offset on. */
typedef void (*stretch_fn)(prl_optim *optim, int64_t offset, int64_t n, void *context);

enum {
  ROWS_AHEAD = 8
}; /* touched rows lie anywhere in the table: they are fetched while others are worked on */

static void fetch(const prl_optim *optim, int64_t offset) {
  __builtin_prefetch(optim->params->grad + offset);
  __builtin_prefetch(optim->params->value + offset, 1);
  if (optim->moment1) __builtin_prefetch(optim->moment1 + offset, 1);
  if (optim->moment2) __builtin_prefetch(optim->moment2 + offset, 1);
}

/* Visits what a step may touch, in ascending order of the parameters: dense neighbours together with the
 * zeroed gaps between them, and of a row-sparse one its touched rows, in the order of their first touch. */
static void each_stretch(prl_optim *optim, stretch_fn visit, void *context) {
  const prl_params *params = optim->params;
  int64_t begin = 0; /* of the dense stretch that is open */
  for (int i = 0; i < params->count; i++) {
    const prl_param *param = params->items[i];
    if (!param->row_sparse) continue;
    int64_t offset = (const float *)param->value.data - params->value, width = param->value.shape[1];
    int64_t end = offset + ((prl_tensor_count(&param->value) + 15) & ~INT64_C(15));
    if (offset > begin) visit(optim, begin, offset - begin, context);
    for (int64_t r = 0; r < param->touched_count; r++) {
      if (r + ROWS_AHEAD < param->touched_count)
        fetch(optim, offset + param->touched[r + ROWS_AHEAD] * width);
      visit(optim, offset + param->touched[r] * width, width, context);
    }
    begin = end;
  }
  if (params->size > begin) visit(optim, begin, params->size - begin, context);
}

/* ---- Clipping ---- */

static void add_squares(prl_optim *optim, int64_t offset, int64_t n, void *context) {
  *(double *)context += prl_kernels_of(optim->runtime)->sumsq(n, optim->params->grad + offset);
}

static double gradient_norm(prl_optim *optim) {
  double total = 0;
  each_stretch(optim, add_squares, &total);
  return sqrt(total);
}

static void clip_values(prl_optim *optim, int64_t offset, int64_t n, void *context) {
  const prl_kernels *k = prl_kernels_of(optim->runtime);
  float *grad = optim->params->grad + offset, bound = optim->options.max_value;
  k->binary_scalar[PRL_MIN](n, grad, bound, grad);
  k->binary_scalar[PRL_MAX](n, grad, -bound, grad);
}

/* Elements first, then the norm of what is left. The norm's factor is applied while the gradient is read. */
static float clip(prl_optim *optim, float max_norm) {
  double norm = optim->last_norm = gradient_norm(optim);
  if (optim->options.max_value > 0) {
    each_stretch(optim, clip_values, NULL);
    if (max_norm > 0) norm = gradient_norm(optim);
  }
  /* PyTorch's clip_grad_norm_: max_norm/(norm + 1e-6), at most 1. */
  double factor = max_norm > 0 ? (double)max_norm / (norm + 1e-6) : 1;
  return factor < 1 ? (float)factor : 1;
}

/* ---- Steps ---- */

typedef struct step {
  float lr, scale;
  prl_adam adam;
} step;

static void step_sgd(prl_optim *optim, int64_t offset, int64_t n, void *context) {
  const step *s = context;
  const prl_optim_options *o = &optim->options;
  prl_kernels_of(optim->runtime)
      ->sgd(n, s->lr, o->momentum, o->nesterov, optim->steps == 1, o->decay, s->scale,
            optim->params->grad + offset, optim->params->value + offset,
            optim->moment1 ? optim->moment1 + offset : NULL);
}

static void step_rmsprop(prl_optim *optim, int64_t offset, int64_t n, void *context) {
  const step *s = context;
  const prl_optim_options *o = &optim->options;
  prl_kernels_of(optim->runtime)
      ->rmsprop(n, s->lr, o->momentum, o->alpha, o->epsilon, o->decay, s->scale, optim->params->grad + offset,
                optim->params->value + offset, optim->moment1 ? optim->moment1 + offset : NULL,
                optim->moment2 + offset);
}

static void step_adam(prl_optim *optim, int64_t offset, int64_t n, void *context) {
  const step *s = context;
  prl_kernels_of(optim->runtime)
      ->adam(n, &s->adam, optim->params->grad + offset, optim->params->value + offset,
             optim->moment1 + offset, optim->moment2 + offset);
}

static prl_adam adam_of(const prl_optim *optim, float lr, float scale) {
  const prl_optim_options *o = &optim->options;
  bool decoupled = o->kind == PRL_ADAMW;
  double t = (double)optim->steps;
  return (prl_adam){.lr = lr,
                    .beta1 = o->beta1,
                    .beta2 = o->beta2,
                    .epsilon = o->epsilon,
                    .decay = decoupled ? o->decay : 0,
                    .l2 = decoupled ? 0 : o->decay,
                    .correction1 = (float)(1 - pow((double)o->beta1, t)),
                    .correction2 = (float)(1 - pow((double)o->beta2, t)),
                    .grad_scale = scale};
}

void prl_optim_step(prl_optim *optim, float lr, float max_norm) {
  const prl_optim_options *o = &optim->options;
  if (optim->elsewhere) {
    optim->elsewhere(optim->context, optim, lr, max_norm);
    return;
  }
  step s = {.lr = isnan(lr) ? o->lr : lr, .scale = clip(optim, isnan(max_norm) ? o->max_norm : max_norm)};
  optim->steps++;
  s.adam = adam_of(optim, s.lr, s.scale);
  each_stretch(optim, o->kind == PRL_SGD ? step_sgd : o->kind == PRL_RMSPROP ? step_rmsprop : step_adam, &s);
  for (int i = 0; i < optim->params->count; i++)
    if (optim->params->items[i]->row_sparse) prl_param_clear_touched(optim->params->items[i]);
}
