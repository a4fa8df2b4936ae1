/* Training steps without a framework: the bare kernels, and a plain loop over libraries. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/yardstick_ways.h"

enum { LAYERS = YARDSTICK_LAYERS };
static const float lr = 1e-3f, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;

static float *floats(int64_t n) {
  float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 63) / 64 * 64);
  for (int64_t i = 0; x && i < n; i++) x[i] = 0;
  return x;
}

/* Numbers in (−1, 1) · scale. */
static void fill(int64_t n, float scale, float *x) {
  uint32_t s = 12345;
  for (int64_t i = 0; i < n; i++) {
    s = s * 1664525u + 1013904223u;
    x[i] = scale * ((float)(s >> 8) * 0x1p-23f - 1);
  }
}

void yardstick_net_free(yardstick_net *net) {
  if (!net) return;
  free(net->x), free(net->target), free(net->value), free(net->grad), free(net->moment1), free(net->moment2);
  for (int l = 0; l < LAYERS; l++) free(net->y[l]), free(net->gy[l]);
  free(net->scratch), free(net);
}

static int64_t padded(int64_t n) { return (n + 15) / 16 * 16; }

static void place(yardstick_net *net) {
  int64_t at = 0;
  for (int l = 0; l < LAYERS; l++) {
    int64_t in = net->sizes[l], out = net->sizes[l + 1];
    net->w[l] = net->value + at, net->gw[l] = net->grad + at, at += padded(in * out);
    net->b[l] = net->value + at, net->gb[l] = net->grad + at, at += padded(out);
    fill(in * out, 1 / sqrtf((float)in), net->w[l]);
  }
}

yardstick_net *yardstick_net_new(int64_t batch, const int64_t sizes[LAYERS + 1]) {
  yardstick_net *net = calloc(1, sizeof *net);
  if (!net) return NULL;
  net->batch = batch, net->k = prl_kernels_find(NULL), net->act = PRL_TANH;
  int64_t widest = 0;
  for (int l = 0; l <= LAYERS; l++) {
    net->sizes[l] = sizes[l];
    if (sizes[l] > widest) widest = sizes[l];
    if (l > 0) net->size += padded(sizes[l - 1] * sizes[l]) + padded(sizes[l]);
  }
  net->x = floats(batch * sizes[0]), net->target = floats(batch * sizes[LAYERS]);
  net->value = floats(net->size), net->grad = floats(net->size);
  net->moment1 = floats(net->size), net->moment2 = floats(net->size);
  net->scratch = floats(prl_linear_scratch(widest, widest));
  bool whole =
      net->x && net->target && net->value && net->grad && net->moment1 && net->moment2 && net->scratch;
  for (int l = 0; l < LAYERS; l++) {
    net->y[l] = floats(batch * sizes[l + 1]), net->gy[l] = floats(batch * sizes[l + 1]);
    whole = whole && net->y[l] && net->gy[l];
  }
  if (!whole) {
    yardstick_net_free(net);
    return NULL;
  }
  fill(batch * sizes[0], 1, net->x), fill(batch * sizes[LAYERS], 1, net->target);
  place(net);
  return net;
}

/* ---- Bare kernels ---- */

static prl_unary act_of(const yardstick_net *net, int layer) {
  return layer < LAYERS - 1 ? net->act : PRL_IDENTITY;
}
static const float *input_of(const yardstick_net *net, int layer) {
  return layer ? net->y[layer - 1] : net->x;
}

static void forward_layer(yardstick_net *net, int l, int way) {
  way_forward(way, net->k, net->batch, net->sizes[l + 1], net->sizes[l], input_of(net, l), net->w[l],
              net->b[l], act_of(net, l), net->y[l]);
}
static void gx_layer(yardstick_net *net, int l, int way) {
  way_gx(way, net->k, net->batch, net->sizes[l + 1], net->sizes[l], net->gy[l], net->w[l], net->scratch,
         l ? net->gy[l - 1] : net->gx0);
}
static void gw_layer(yardstick_net *net, int l, int way) {
  way_gw(way, net->k, net->batch, net->sizes[l + 1], net->sizes[l], input_of(net, l), net->gy[l], net->gw[l],
         net->gb[l]);
}

typedef struct trial {
  yardstick_net *net;
  void (*run)(yardstick_net *net, int layer, int way);
  int layer, way;
} trial;

static void run_trial(void *context) {
  trial *t = context;
  t->run(t->net, t->layer, t->way);
}

static int best_way(yardstick_net *net, void (*run)(yardstick_net *, int, int), int layer) {
  trial trials[3];
  bench_fn ways[3];
  void *contexts[3];
  for (int w = 0; w < way_count(); w++) {
    trials[w] = (trial){net, run, layer, w};
    ways[w] = run_trial, contexts[w] = &trials[w];
  }
  return bench_fastest(ways, contexts, way_count());
}

void yardstick_net_tune(yardstick_net *net) {
  for (int l = 0; l < LAYERS; l++) net->forward[l] = best_way(net, forward_layer, l);
  for (int l = LAYERS - 1; l >= 0; l--) {
    net->gw_way[l] = best_way(net, gw_layer, l);
    if (l > 0) net->gx[l] = best_way(net, gx_layer, l);
    if (l == 0 && net->gx0) net->gx0_way = best_way(net, gx_layer, 0);
  }
}

/* ∂/∂y of the mean of (y − t)². */
static void loss_gradient(int64_t n, const float *y, const float *t, float *gy) {
  float scale = 2 / (float)n;
  for (int64_t i = 0; i < n; i++) gy[i] = scale * (y[i] - t[i]);
}

static float loss_of(const yardstick_net *net) {
  int64_t n = net->batch * net->sizes[LAYERS];
  float sum = 0;
  for (int64_t i = 0; i < n; i++) {
    float d = net->y[LAYERS - 1][i] - net->target[i];
    sum += d * d;
  }
  return sum / (float)n;
}

static prl_adam adam_options(yardstick_net *net) {
  double t = (double)++net->steps;
  return (prl_adam){.lr = lr,
                    .beta1 = beta1,
                    .beta2 = beta2,
                    .epsilon = epsilon,
                    .correction1 = (float)(1 - pow(beta1, t)),
                    .correction2 = (float)(1 - pow(beta2, t)),
                    .grad_scale = 1};
}

void yardstick_forward(void *context) {
  yardstick_net *net = context;
  for (int l = 0; l < LAYERS; l++) forward_layer(net, l, net->forward[l]);
}

void yardstick_gradient(yardstick_net *net) {
  yardstick_forward(net);
  volatile float loss = loss_of(net);
  (void)loss;
  loss_gradient(net->batch * net->sizes[LAYERS], net->y[LAYERS - 1], net->target, net->gy[LAYERS - 1]);
  for (int l = LAYERS - 1; l >= 0; l--) {
    gw_layer(net, l, net->gw_way[l]);
    if (l == 0 && net->gx0) gx_layer(net, 0, net->gx0_way);
    if (l == 0) break;
    gx_layer(net, l, net->gx[l]);
    net->k->unary_grad[net->act](net->batch * net->sizes[l], NULL, net->y[l - 1], net->gy[l - 1], false,
                                 net->gy[l - 1]);
  }
}

void yardstick_step(yardstick_net *net) {
  prl_adam options = adam_options(net);
  net->k->adam(net->size, &options, net->grad, net->value, net->moment1, net->moment2);
}

void yardstick_train(void *context) { yardstick_gradient(context), yardstick_step(context); }

void yardstick_input_gradient(void *context) {
  yardstick_net *net = context;
  for (int l = LAYERS - 1; l > 0; l--) {
    gx_layer(net, l, net->gx[l]);
    net->k->unary_grad[net->act](net->batch * net->sizes[l], NULL, net->y[l - 1], net->gy[l - 1], false,
                                 net->gy[l - 1]);
  }
  gx_layer(net, 0, net->gx0_way);
}

/* ---- A plain loop of OpenBLAS and a vector mathematics library ---- */

static void blas_forward(yardstick_net *net, int l) {
  int m = (int)net->batch, n = (int)net->sizes[l + 1], k = (int)net->sizes[l];
  float *y = net->y[l];
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) y[(int64_t)i * n + j] = net->b[l][j];
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, input_of(net, l), k, net->w[l], n, 1, y,
              n);
  if (l < LAYERS - 1) library_tanh((int64_t)m * n, y, y);
}

static void blas_backward(yardstick_net *net, int l) {
  int m = (int)net->batch, n = (int)net->sizes[l + 1], k = (int)net->sizes[l];
  const float *gy = net->gy[l];
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, k, n, m, 1, input_of(net, l), k, gy, n, 0, net->gw[l],
              n);
  for (int j = 0; j < n; j++) net->gb[l][j] = 0;
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) net->gb[l][j] += gy[(int64_t)i * n + j];
  }
  if (l == 0) return;
  float *gx = net->gy[l - 1], *y = net->y[l - 1];
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, k, n, 1, gy, n, net->w[l], n, 0, gx, k);
  for (int64_t i = 0; i < (int64_t)m * k; i++) gx[i] *= 1 - y[i] * y[i];
}

static void plain_adam(yardstick_net *net) {
  prl_adam o = adam_options(net);
  float step = o.lr / o.correction1, root = 1 / sqrtf(o.correction2);
  float *restrict p = net->value, *restrict m = net->moment1, *restrict v = net->moment2;
  const float *restrict g = net->grad;
  for (int64_t i = 0; i < net->size; i++) {
    m[i] += (1 - beta1) * (g[i] - m[i]);
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    p[i] -= step * m[i] / (sqrtf(v[i]) * root + epsilon);
  }
}

void yardstick_train_blas(void *context) {
  yardstick_net *net = context;
  for (int l = 0; l < LAYERS; l++) blas_forward(net, l);
  volatile float loss = loss_of(net);
  (void)loss;
  loss_gradient(net->batch * net->sizes[LAYERS], net->y[LAYERS - 1], net->target, net->gy[LAYERS - 1]);
  for (int l = LAYERS - 1; l >= 0; l--) blas_backward(net, l);
  plain_adam(net);
}

/* ---- Square products ---- */

static void gemm_by(yardstick_gemm *g, int way) {
  int64_t n = g->n;
  if (g->form == YARDSTICK_FORWARD) way_forward(way, g->k, n, n, n, g->a, g->b, NULL, PRL_IDENTITY, g->c);
  if (g->form == YARDSTICK_GX) way_gx(way, g->k, n, n, n, g->a, g->b, g->scratch, g->c);
  if (g->form == YARDSTICK_GW) way_gw(way, g->k, n, n, n, g->a, g->b, g->c, NULL);
}

void yardstick_gemm_own(void *context) { gemm_by(context, WAY_OWN); }
void yardstick_gemm_best(void *context) { gemm_by(context, ((yardstick_gemm *)context)->best); }
static void gemm_openblas(void *context) { gemm_by(context, WAY_OPENBLAS); }
static void gemm_libxsmm(void *context) { gemm_by(context, WAY_LIBXSMM); }

yardstick_gemm *yardstick_gemm_new(int64_t n, yardstick_form form) {
  yardstick_gemm *g = calloc(1, sizeof *g);
  if (!g) return NULL;
  *g = (yardstick_gemm){.n = n,
                        .form = form,
                        .a = floats(n * n),
                        .b = floats(n * n),
                        .c = floats(n * n),
                        .scratch = floats(prl_linear_scratch(n, n)),
                        .k = prl_kernels_find(NULL)};
  if (g->a && g->b && g->c && g->scratch) {
    fill(n * n, 1, g->a), fill(n * n, 1, g->b);
    g->best = WAY_OPENBLAS +
              bench_fastest((bench_fn[]){gemm_openblas, gemm_libxsmm}, (void *[]){g, g}, way_count() - 1);
    return g;
  }
  yardstick_gemm_free(g);
  return NULL;
}

void yardstick_gemm_free(yardstick_gemm *g) {
  if (!g) return;
  free(g->a), free(g->b), free(g->c), free(g->scratch), free(g);
}
