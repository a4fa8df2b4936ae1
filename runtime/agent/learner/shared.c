/* Parameters and statistics that the learners of several workers share. */
#include "agent/learner/parts.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

typedef struct shared_critic {
  prl_popart popart;
  float *layer_weight, *layer_bias; /* in the shared sets */
} shared_critic;

struct prl_shared {
  prl_runtime *runtime;
  pthread_mutex_t lock;
  prl_sets *sets;
  shared_critic *critics;    /* (critics of the plan) */
  prl_normaliser normaliser; /* where the policy normalises */
  bool normalise;
  prl_normaliser novelty[2]; /* where there is a novelty: of its inputs and of its sums */
  int64_t version;           /* published by all */
  int64_t updates;           /* finished by all */
  int64_t steps;             /* decisions of all, as far as they are counted */
};

static double share_of(const prl_learner *l) { return (double)l->worker.own / (double)l->worker.all; }

/* ---- making ---- */

static bool within(const prl_params *set, const float *place) {
  return place && place >= set->value && place < set->value + set->size;
}

/* The same place in the shared sets; NULL: there is none. */
static float *place_in(const prl_sets *to, const prl_sets *from, const float *place) {
  for (int i = 0; i < from->count; i++)
    if (within(from->items[i], place)) return to->items[i]->value + (place - from->items[i]->value);
  return NULL;
}

/* The statistics of novelty that shared->novelty[k] are of. */
static prl_normaliser *novelty_of(const prl_learner *l, int k) {
  return k ? &l->novelty->returns : &l->novelty->inputs;
}

static prl_status build(prl_shared *s, const prl_learner *lead, prl_error *error) {
  prl_status status = prl_sets_new(s->runtime, lead->root, NULL, &s->sets, error);
  if (status) return status;
  s->critics = prl_calloc(s->runtime, (size_t)lead->critics_count + 1, sizeof *s->critics);
  if (!s->critics) return prl_fail_memory(error, (size_t)lead->critics_count * sizeof *s->critics);
  for (int i = 0; i < lead->critics_count; i++) {
    s->critics[i].layer_weight = place_in(s->sets, lead->sets, lead->critics[i].layer_weight);
    s->critics[i].layer_bias = place_in(s->sets, lead->sets, lead->critics[i].layer_bias);
  }
  const prl_normaliser *own = prl_policy_normaliser(lead->policy);
  if (own) status = prl_normaliser_init(&s->normaliser, s->runtime, own->width, own->clip, error);
  s->normalise = own && !status;
  for (int k = 0; !status && lead->novelty && k < 2; k++)
    status = prl_normaliser_init(&s->novelty[k], s->runtime, novelty_of(lead, k)->width, INFINITY, error);
  return status;
}

prl_status prl_shared_new(const prl_learner *lead, prl_shared **out, prl_error *error) {
  prl_shared *s = prl_calloc(lead->runtime, 1, sizeof *s);
  if (!s) return prl_fail_memory(error, sizeof *s);
  s->runtime = lead->runtime;
  pthread_mutex_init(&s->lock, NULL);
  prl_status status = build(s, lead, error);
  if (status) {
    prl_shared_free(s);
    return status;
  }
  *out = s;
  return PRL_OK;
}

void prl_shared_free(prl_shared *s) {
  if (!s) return;
  if (s->normalise) prl_normaliser_deinit(&s->normaliser);
  for (int k = 0; k < 2; k++)
    if (s->novelty[k].runtime) prl_normaliser_deinit(&s->novelty[k]);
  prl_free(s->runtime, s->critics);
  prl_sets_free(s->sets);
  pthread_mutex_destroy(&s->lock);
  prl_free(s->runtime, s);
}

/* ---- pull ---- */

static void copy_values(prl_sets *to, const prl_sets *from) {
  for (int i = 0; i < to->count; i++)
    memcpy(to->items[i]->value, from->items[i]->value, (size_t)to->items[i]->size * sizeof(float));
}

/* Parameters with the statistics of returns that their last layers are made for. */
static void pull(prl_learner *l) {
  const prl_shared *s = l->shared;
  copy_values(l->sets, s->sets);
  for (int i = 0; i < l->critics_count; i++) *l->critics[i].popart = s->critics[i].popart;
  if (s->normalise) prl_normaliser_gather(prl_policy_normaliser(l->policy), &s->normaliser);
  l->worker.pulled = s->version;
}

/* ---- push ---- */

/* Whose last layers are in the set. */
static int critics_in(const prl_learner *l, const prl_params *set) {
  int count = 0;
  for (int i = 0; i < l->critics_count; i++) count += within(set, l->critics[i].layer_weight);
  return count;
}

static void scale_layer(const prl_critic *c, prl_params *set, double factor) {
  float *weight = set->grad + (c->layer_weight - set->value),
        *bias = set->grad + (c->layer_bias - set->value);
  for (int64_t i = 0; i < c->layer_rows; i++)
    weight[i * c->layer_stride] = (float)(factor * (double)weight[i * c->layer_stride]);
  *bias = (float)(factor * (double)*bias);
}

/* The gradient of a critic's squared error, computed with the deviation σ in force at the worker, becomes
 * that with σ′ in force: ((v − G)/σ′)² = ((v − G)/σ)² · (σ/σ′)², and in the last layer, y = (v − μ)/σ,
 * dv/dw = σ h, so that its own gradient changes by σ/σ′ alone. What lies below several critics, or below a
 * critic and the actor, has one gradient of all of them, which stays as it is. */
static void rescale(const prl_learner *l, const prl_shared *s, prl_params *set) {
  const bool alone = critics_in(l, set) == 1;
  for (int i = 0; i < l->critics_count; i++) {
    const prl_critic *c = &l->critics[i];
    if (!within(set, c->layer_weight)) continue;
    const double factor = c->popart->std / s->critics[i].popart.std;
    if (factor == 1) continue;
    if (alone) l->kernels->binary_scalar[PRL_MUL](set->size, set->grad, (float)(factor * factor), set->grad);
    scale_layer(c, set, alone ? 1 / factor : factor);
  }
}

/* Dense gradients whole, of row-sparse parameters the rows that were looked up. */
static void send_gradient(prl_params *to, prl_params *from) {
  for (int i = 0; i < to->count; i++) {
    prl_param *theirs = to->items[i], *ours = from->items[i];
    const int64_t count = prl_tensor_count(&ours->value), width = ours->row_sparse ? ours->value.shape[1] : 0;
    if (!ours->row_sparse) memcpy(theirs->grad.data, ours->grad.data, (size_t)count * sizeof(float));
    for (int64_t r = 0; ours->row_sparse && r < ours->touched_count; r++) {
      const int64_t row = ours->touched[r];
      prl_param_touch(theirs, row);
      memcpy((float *)theirs->grad.data + row * width, (const float *)ours->grad.data + row * width,
             (size_t)width * sizeof(float));
    }
    if (ours->row_sparse) prl_param_clear_touched(ours);
  }
}

/* prl_optim_fn: the step is made on what is shared, by the worker's share of the step size. */
static void push(void *context, prl_optim *own, float lr, float max_norm) {
  const prl_set_push *p = context;
  prl_learner *l = p->learner;
  prl_shared *s = l->shared;
  prl_optim *optim = s->sets->optims[p->optim];
  const float whole = lr == lr ? lr : own->options.lr;
  pthread_mutex_lock(&s->lock);
  rescale(l, s, own->params);
  send_gradient(optim->params, own->params);
  prl_optim_step(optim, (float)(share_of(l) * (double)whole), max_norm);
  memcpy(own->params->value, optim->params->value, (size_t)own->params->size * sizeof(float));
  for (int i = 0; i < l->critics_count; i++)
    if (within(own->params, l->critics[i].layer_weight)) *l->critics[i].popart = s->critics[i].popart;
  own->steps = optim->steps;
  own->last_norm = optim->last_norm;
  pthread_mutex_unlock(&s->lock);
}

/* ---- joining ---- */

/* shared NULL: the learner makes its own steps. */
static void attach(prl_learner *l, prl_shared *shared) {
  for (int i = 0; i < l->sets->optims_count; i++) {
    l->sets->optims[i]->elsewhere = shared ? push : NULL;
    l->sets->optims[i]->context = shared ? &l->worker.pushes[i] : NULL;
  }
  l->shared = shared;
}

prl_status prl_shared_join(prl_shared *s, prl_learner *l, int64_t own, int64_t all, prl_error *error) {
  const int count = l->sets->optims_count;
  prl_worker *w = &l->worker;
  prl_shared_leave(l);
  w->pushes = prl_calloc(l->runtime, (size_t)count + 1, sizeof *w->pushes);
  if (!w->pushes) return prl_fail_memory(error, (size_t)count * sizeof *w->pushes);
  for (int i = 0; i < count; i++) w->pushes[i] = (prl_set_push){.learner = l, .optim = i};
  w->own = own;
  w->all = all;
  w->counted = l->experience->n.decisions;
  attach(l, s);
  return PRL_OK;
}

void prl_shared_leave(prl_learner *l) {
  attach(l, NULL);
  prl_free(l->runtime, l->worker.pushes);
  l->worker.pushes = NULL;
}

/* ---- a drive of several begins and ends ---- */

static void copy_optims(prl_sets *to, const prl_sets *from) {
  for (int i = 0; i < to->optims_count; i++) {
    prl_optim *ours = to->optims[i];
    const prl_optim *other = from->optims[i];
    const size_t bytes = (size_t)ours->params->size * sizeof(float);
    if (ours->moment1) memcpy(ours->moment1, other->moment1, bytes);
    if (ours->moment2) memcpy(ours->moment2, other->moment2, bytes);
    ours->steps = other->steps;
    ours->last_norm = other->last_norm;
  }
}

void prl_shared_begin(prl_shared *s, prl_learner *lead) {
  attach(lead, s);
  copy_values(s->sets, lead->sets);
  copy_optims(s->sets, lead->sets);
  for (int i = 0; i < lead->critics_count; i++) s->critics[i].popart = *lead->critics[i].popart;
  if (s->normalise) prl_normaliser_gather(&s->normaliser, prl_policy_normaliser(lead->policy));
  for (int k = 0; lead->novelty && k < 2; k++) prl_normaliser_gather(&s->novelty[k], novelty_of(lead, k));
  const int64_t version = prl_policy_version(lead->policy); /* others may have published since */
  if (version > s->version) s->version = version;
  s->updates = lead->n.updates;
  s->steps = lead->worker.counted = lead->experience->n.decisions;
}

void prl_shared_settle(prl_shared *s, prl_learner *other) {
  s->steps += other->experience->n.decisions - other->worker.counted;
  other->worker.counted = other->experience->n.decisions;
}

void prl_shared_end(prl_shared *s, prl_learner *lead) {
  prl_shared_settle(s, lead);
  pull(lead);
  for (int k = 0; lead->novelty && k < 2; k++) prl_normaliser_gather(novelty_of(lead, k), &s->novelty[k]);
  copy_optims(lead->sets, s->sets);
  for (int i = 0; i < lead->sets->optims_count; i++) lead->optim_steps[i] = lead->sets->optims[i]->steps;
  lead->n.updates = s->updates;
  lead->experience->n.decisions = lead->worker.counted = s->steps;
  attach(lead, NULL);
}

/* ---- for verbs ---- */

double prl_shared_freeze(prl_learner *l) {
  prl_shared *s = l->shared;
  if (!s) return (double)l->experience->n.decisions;
  pthread_mutex_lock(&s->lock);
  prl_shared_settle(s, l);
  const int64_t steps = s->steps;
  if (l->shape->ratios) pull(l);
  pthread_mutex_unlock(&s->lock);
  return (double)steps;
}

void prl_shared_gather(prl_learner *l) {
  prl_shared *s = l->shared;
  prl_normaliser *own = prl_policy_normaliser(l->policy);
  if (!s || !own) {
    prl_policy_gather(l->policy, l->batch.rows, l->batch.observation);
    return;
  }
  pthread_mutex_lock(&s->lock);
  prl_normaliser_gather(own, &s->normaliser);
  prl_policy_gather(l->policy, l->batch.rows, l->batch.observation);
  prl_normaliser_gather(&s->normaliser, own);
  pthread_mutex_unlock(&s->lock);
}

void prl_shared_novelty(prl_learner *l, prl_normaliser *own, int64_t rows, const float *x) {
  prl_shared *s = l->shared;
  if (!s) {
    prl_normaliser_add(own, rows, own->width, x);
    return;
  }
  prl_normaliser *theirs = &s->novelty[own == novelty_of(l, 1)];
  pthread_mutex_lock(&s->lock);
  prl_normaliser_gather(own, theirs);
  prl_normaliser_add(own, rows, own->width, x);
  prl_normaliser_gather(theirs, own);
  pthread_mutex_unlock(&s->lock);
}

void prl_shared_put(prl_learner *l, const prl_params *set) {
  prl_shared *s = l->shared;
  for (int i = 0; s && i < l->sets->count; i++) {
    if (l->sets->items[i] != set) continue;
    pthread_mutex_lock(&s->lock);
    memcpy(s->sets->items[i]->value, set->value, (size_t)set->size * sizeof(float));
    pthread_mutex_unlock(&s->lock);
  }
}

/* The moving means are shared; what is in force stays the worker's own until it publishes, or at once. */
static bool add_returns(prl_popart *p, int64_t rows, const float *returns, double decay) {
  const bool urgent = prl_popart_urgent(p, rows, returns);
  prl_popart_add(p, rows, returns, decay);
  return urgent;
}

static void copy_means(prl_popart *to, const prl_popart *from) {
  to->begun = from->begun;
  to->first = from->first;
  to->second = from->second;
}

bool prl_shared_returns(prl_learner *l, prl_critic *c) {
  prl_shared *s = l->shared;
  if (!s) return add_returns(c->popart, l->batch.rows, c->returns, c->decay);
  shared_critic *theirs = &s->critics[c - l->critics];
  pthread_mutex_lock(&s->lock);
  copy_means(c->popart, &theirs->popart);
  const bool urgent = add_returns(c->popart, l->batch.rows, c->returns, share_of(l) * c->decay);
  copy_means(&theirs->popart, c->popart);
  if (urgent)
    (void)prl_popart_publish(&theirs->popart, c->layer_rows, c->layer_stride, theirs->layer_weight,
                             theirs->layer_bias);
  pthread_mutex_unlock(&s->lock);
  return urgent;
}

static void publish_alone(prl_learner *l) {
  for (int i = 0; i < l->critics_count; i++) {
    prl_critic *c = &l->critics[i];
    if (c->normalise)
      (void)prl_popart_publish(c->popart, c->layer_rows, c->layer_stride, c->layer_weight, c->layer_bias);
  }
}

void prl_shared_publish(prl_learner *l) {
  prl_shared *s = l->shared;
  if (!s) {
    publish_alone(l);
    return;
  }
  pthread_mutex_lock(&s->lock);
  for (int i = 0; i < l->critics_count; i++) {
    const prl_critic *c = &l->critics[i];
    shared_critic *theirs = &s->critics[i];
    if (c->normalise)
      (void)prl_popart_publish(&theirs->popart, c->layer_rows, c->layer_stride, theirs->layer_weight,
                               theirs->layer_bias);
  }
  if (!l->shape->ratios) /* else `ratios` reports it, by row */
    prl_metrics_put(&l->metrics, l->worker.lag, (double)(s->version - l->worker.pulled));
  s->version++;
  s->updates++;
  pull(l);
  pthread_mutex_unlock(&s->lock);
}

int64_t prl_shared_version(const prl_learner *l) {
  return l->shared ? l->worker.pulled : prl_policy_version(l->policy);
}

int64_t prl_shared_rows(const prl_learner *l, int64_t rows) {
  if (!l->shared) return rows;
  const int64_t own = (rows * l->worker.own + l->worker.all - 1) / l->worker.all;
  return own > 1 ? own : 1;
}
