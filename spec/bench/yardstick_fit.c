/* The bare kernels of fitting a ranker. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/yardstick_ways.h"

struct yardstick_fit {
  yardstick_fit_shape s;
  int64_t inputs, columns;             /* of the network; of ids */
  yardstick_net *net;                  /* its input gradient goes to gz */
  float *table, *grad, *m1, *m2;       /* (table, width) */
  float *gz, *wide, *wide_x, *wide_gx; /* the linear part: parameters; its result; its share of gz */
  float *wide_grad, *wide_m1, *wide_m2, *scratch, *draws;
  int32_t *ids, *touched;
  float *numbers;
  uint8_t *seen; /* (table) */
  int64_t steps;
};

static void *cleared(int64_t count, size_t size) {
  size_t bytes = ((size_t)count * size + 63) / 64 * 64;
  void *block = aligned_alloc(64, bytes ? bytes : 64);
  if (block) memset(block, 0, bytes);
  return block;
}
static float *floats(int64_t n) { return cleared(n, sizeof(float)); }

void yardstick_fit_free(yardstick_fit *f) {
  if (!f) return;
  void *blocks[] = {f->table,  f->grad,    f->m1,        f->m2,      f->gz,      f->wide,
                    f->wide_x, f->wide_gx, f->wide_grad, f->wide_m1, f->wide_m2, f->scratch,
                    f->draws,  f->ids,     f->touched,   f->numbers, f->seen};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
  yardstick_net_free(f->net);
  free(f);
}

static bool allocate(yardstick_fit *f) {
  const yardstick_fit_shape *s = &f->s;
  int64_t cells = s->table * s->width, wide = (f->inputs + 1) * s->heads, z = s->batch * f->inputs;
  f->table = floats(cells), f->grad = floats(cells), f->m1 = floats(cells), f->m2 = floats(cells);
  f->gz = floats(z), f->wide_gx = floats(z), f->wide_x = floats(s->batch * s->heads);
  f->wide = floats(wide), f->wide_grad = floats(wide), f->wide_m1 = floats(wide), f->wide_m2 = floats(wide);
  f->scratch = floats(prl_linear_scratch(s->heads, f->inputs)), f->draws = floats(s->batch * s->hidden[1]);
  f->ids = cleared(s->rows * f->columns, sizeof *f->ids);
  f->touched = cleared(s->batch * f->columns, sizeof *f->touched);
  f->numbers = floats(s->rows * s->numbers), f->seen = cleared(s->table, 1);
  return f->table && f->grad && f->m1 && f->m2 && f->gz && f->wide_gx && f->wide_x && f->wide &&
         f->wide_grad && f->wide_m1 && f->wide_m2 && f->scratch && f->draws && f->ids && f->touched &&
         f->numbers && f->seen;
}

yardstick_fit *yardstick_fit_new(const yardstick_fit_shape *shape, const int32_t *ids, const float *numbers) {
  yardstick_fit *f = calloc(1, sizeof *f);
  if (!f || shape->width % 8) {
    free(f);
    return NULL;
  }
  f->s = *shape;
  f->columns = shape->categories + shape->sequences * shape->length;
  f->inputs = (shape->categories + shape->sequences) * shape->width + shape->numbers;
  const int64_t sizes[] = {f->inputs, shape->hidden[0], shape->hidden[1], shape->heads};
  f->net = yardstick_net_new(shape->batch, sizes);
  if (!f->net || !allocate(f)) {
    yardstick_fit_free(f);
    return NULL;
  }
  memcpy(f->ids, ids, (size_t)(shape->rows * f->columns) * sizeof *ids);
  memcpy(f->numbers, numbers, (size_t)(shape->rows * shape->numbers) * sizeof *numbers);
  for (int64_t i = 0; i < shape->table * shape->width; i++) f->table[i] = 0.01f * (float)(i % 11 - 5);
  f->net->act = PRL_RELU, f->net->gx0 = f->gz;
  yardstick_net_tune(f->net);
  return f;
}

/* z of a minibatch that begins at `first` of the rows. */
static void gather(yardstick_fit *f, int64_t first) {
  const yardstick_fit_shape *s = &f->s;
  const float share = 1 / (float)s->length;
  for (int64_t r = 0; r < s->batch; r++) {
    const int32_t *id = f->ids + (first + r) * f->columns;
    const float *number = f->numbers + (first + r) * s->numbers;
    float *z = f->net->x + r * f->inputs;
    for (int64_t c = 0; c < s->categories; c++, z += s->width)
      for (int64_t j = 0; j < s->width; j++) z[j] = f->table[id[c] * s->width + j];
    id += s->categories;
    for (int64_t q = 0; q < s->sequences; q++, z += s->width, id += s->length) {
      for (int64_t j = 0; j < s->width; j++) z[j] = 0;
      for (int64_t c = 0; c < s->length; c++)
        for (int64_t j = 0; j < s->width; j++) z[j] += share * f->table[id[c] * s->width + j];
    }
    for (int64_t j = 0; j < s->numbers; j++) {
      float low = number[j] < -6 ? -6 : number[j];
      z[j] = low > 6 ? 6 : low;
    }
  }
}

/* Adds to the gradient of a row of the table, and notes that it was touched. */
static void add_row(yardstick_fit *f, int32_t id, float share, const float *gz, int64_t *count) {
  const int64_t width = f->s.width;
  if (!f->seen[id]) f->seen[id] = 1, f->touched[(*count)++] = id;
  for (int64_t j = 0; j < width; j++) f->grad[id * width + j] += share * gz[j];
}

static int64_t scatter(yardstick_fit *f, int64_t first) {
  const yardstick_fit_shape *s = &f->s;
  int64_t count = 0;
  for (int64_t r = 0; r < s->batch; r++) {
    const int32_t *id = f->ids + (first + r) * f->columns;
    const float *gz = f->gz + r * f->inputs;
    for (int64_t c = 0; c < s->categories; c++, gz += s->width) add_row(f, *id++, 1, gz, &count);
    for (int64_t q = 0; q < s->sequences; q++, gz += s->width)
      for (int64_t c = 0; c < s->length; c++) add_row(f, *id++, 1 / (float)s->length, gz, &count);
  }
  return count;
}

/* Eight values: one vector. */
static void adam_eight(const prl_adam *o, float step_size, float root, const float *restrict g,
                       float *restrict p, float *restrict m, float *restrict v) {
  for (int j = 0; j < 8; j++) {
    m[j] += (1 - o->beta1) * (g[j] - m[j]);
    v[j] = o->beta2 * v[j] + (1 - o->beta2) * g[j] * g[j];
    p[j] -= step_size * m[j] / (sqrtf(v[j]) * root + o->epsilon);
  }
}

/* Adam on the touched rows, whose width is a multiple of eight; their gradients are zero afterwards. */
static void adam_rows(yardstick_fit *f, const prl_adam *o, int64_t count) {
  const float step_size = o->lr / o->correction1, root = 1 / sqrtf(o->correction2);
  for (int64_t i = 0; i < count; i++) {
    const int64_t begin = f->touched[i] * f->s.width, end = begin + f->s.width;
    for (int64_t at = begin; at < end; at += 8) {
      adam_eight(o, step_size, root, f->grad + at, f->table + at, f->m1 + at, f->m2 + at);
      for (int j = 0; j < 8; j++) f->grad[at + j] = 0;
    }
    f->seen[f->touched[i]] = 0;
  }
}

static void step(yardstick_fit *f, int64_t first) {
  const yardstick_fit_shape *s = &f->s;
  const prl_kernels *k = f->net->k;
  const int64_t wide = (f->inputs + 1) * s->heads, bias = f->inputs * s->heads, outputs = s->batch * s->heads;
  gather(f, first);
  way_forward(WAY_OWN, k, s->batch, s->heads, f->inputs, f->net->x, f->wide, f->wide + bias, PRL_IDENTITY,
              f->wide_x);
  const uint32_t key[2] = {1, 2};
  k->uniforms(key, 0, 0, (uint32_t)f->steps, s->batch * s->hidden[1], f->draws); /* of dropout */
  k->unary[PRL_SIGMOID](outputs, f->wide_x, f->wide_x);
  yardstick_train(f->net);
  const float *gy = f->net->gy[YARDSTICK_LAYERS - 1];
  way_gw(WAY_OWN, k, s->batch, s->heads, f->inputs, f->net->x, gy, f->wide_grad, f->wide_grad + bias);
  way_gx(WAY_OWN, k, s->batch, s->heads, f->inputs, gy, f->wide, f->scratch, f->wide_gx);
  k->binary[PRL_ADD](s->batch * f->inputs, f->gz, f->wide_gx, f->gz);
  double t = (double)++f->steps;
  prl_adam o = {.lr = 1e-3f,
                .beta1 = 0.9f,
                .beta2 = 0.999f,
                .epsilon = 1e-8f,
                .correction1 = (float)(1 - pow(0.9, t)),
                .correction2 = (float)(1 - pow(0.999, t)),
                .grad_scale = 1};
  k->adam(wide, &o, f->wide_grad, f->wide, f->wide_m1, f->wide_m2);
  adam_rows(f, &o, scatter(f, first));
}

void yardstick_fit_run(void *context) {
  yardstick_fit *f = context;
  const int64_t minibatches = f->s.rows / f->s.batch;
  for (int64_t i = 0; i < f->s.steps; i++) step(f, i % minibatches * f->s.batch);
}
