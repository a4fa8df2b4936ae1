/* The bare kernels of an update of a2c through a gated recurrent unit. */
#include <math.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/yardstick_ways.h"

enum { STREAMS = 128, STEPS = 16, ROWS = STREAMS * STEPS, INPUTS = 32, WIDTH = 64, GATES = 3 * WIDTH };
enum { PARAMETERS = INPUTS * GATES + WIDTH * GATES + 2 * GATES };
/* The unit's products: of all inputs; of the states, all at once and step by step; and the ways back. */
enum { INPUT, STATES, STATE, BACK, INPUT_GW, STATE_GW, PRODUCTS };

struct yardstick_gru {
  const prl_kernels *k;
  yardstick_net *actor, *critic;
  int way[PRODUCTS];
  int64_t steps;
  float x[ROWS * INPUTS], h[ROWS * WIDTH], gates[ROWS * GATES], product[ROWS * GATES], gh[ROWS * WIDTH];
  float value[PARAMETERS], grad[PARAMETERS], moment1[PARAMETERS], moment2[PARAMETERS];
  float gx0[2][ROWS * WIDTH], scratch[(GATES + 16) * (WIDTH + 16)];
};

static void multiply(yardstick_gru *g, int product, int way) {
  float *wx = g->value, *wh = wx + INPUTS * GATES, *b = wh + WIDTH * GATES;
  float *gwx = g->grad, *gwh = gwx + INPUTS * GATES, *gb = gwh + WIDTH * GATES;
  const prl_kernels *k = g->k;
  switch (product) {
  case INPUT:
    way_forward(way, k, ROWS, GATES, INPUTS, g->x, wx, b, PRL_IDENTITY, g->gates);
    return;
  case STATES:
    way_forward(way, k, ROWS, GATES, WIDTH, g->h, wh, b + GATES, PRL_IDENTITY, g->product);
    return;
  case STATE:
    for (int t = 0; t < STEPS; t++)
      way_forward(way, k, STREAMS, GATES, WIDTH, g->h + t * STREAMS * WIDTH, wh, b + GATES, PRL_IDENTITY,
                  g->product + t * STREAMS * GATES);
    return;
  case BACK:
    for (int t = STEPS - 1; t > 0; t--)
      way_gx(way, k, STREAMS, GATES, WIDTH, g->product + t * STREAMS * GATES, wh, g->scratch,
             g->gh + t * STREAMS * WIDTH);
    return;
  case INPUT_GW:
    way_gw(way, k, ROWS, GATES, INPUTS, g->x, g->product, gwx, gb);
    return;
  case STATE_GW:
    way_gw(way, k, ROWS, GATES, WIDTH, g->h, g->product, gwh, gb + GATES);
    return;
  }
}

typedef struct trial {
  yardstick_gru *g;
  int product, way;
} trial;

static void run_trial(void *context) {
  trial *t = context;
  multiply(t->g, t->product, t->way);
}

static void tune(yardstick_gru *g) {
  for (int product = 0; product < PRODUCTS; product++) {
    trial trials[3];
    bench_fn ways[3];
    void *contexts[3];
    for (int w = 0; w < way_count(); w++) {
      trials[w] = (trial){g, product, w};
      ways[w] = run_trial, contexts[w] = &trials[w];
    }
    g->way[product] = bench_fastest(ways, contexts, way_count());
  }
}

yardstick_gru *yardstick_gru_new(void) {
  static const int64_t actor[] = {WIDTH, 64, 64, 4}, critic[] = {WIDTH, 64, 64, 1};
  yardstick_gru *g = calloc(1, sizeof *g);
  if (!g) return NULL;
  g->k = prl_kernels_find(NULL);
  g->actor = yardstick_net_new(ROWS, actor);
  g->critic = yardstick_net_new(ROWS, critic);
  if (!g->actor || !g->critic) {
    yardstick_gru_free(g);
    return NULL;
  }
  g->actor->gx0 = g->gx0[0], g->critic->gx0 = g->gx0[1];
  yardstick_net_tune(g->actor), yardstick_net_tune(g->critic);
  for (int64_t i = 0; i < ROWS * INPUTS; i++) g->x[i] = sinf((float)i);
  for (int64_t i = 0; i < PARAMETERS; i++) g->value[i] = 0.1f * cosf((float)i);
  tune(g);
  return g;
}

void yardstick_gru_free(yardstick_gru *g) {
  if (!g) return;
  yardstick_net_free(g->actor), yardstick_net_free(g->critic);
  free(g);
}

static void activate(yardstick_gru *g) {
  g->k->unary[PRL_SIGMOID](ROWS * 2 * WIDTH, g->gates, g->gates);
  g->k->unary[PRL_TANH](ROWS * WIDTH, g->gates + ROWS * 2 * WIDTH, g->gates + ROWS * 2 * WIDTH);
}

/* The values; then the steps, the losses' networks and the way back. */
void yardstick_gru_run(void *context) {
  yardstick_gru *g = context;
  const float beta1 = 0.9f, beta2 = 0.999f;
  const double t = (double)++g->steps;
  const prl_adam adam = {.lr = 1e-3f,
                         .beta1 = beta1,
                         .beta2 = beta2,
                         .epsilon = 1e-8f,
                         .correction1 = (float)(1 - pow(beta1, t)),
                         .correction2 = (float)(1 - pow(beta2, t)),
                         .grad_scale = 1};
  multiply(g, INPUT, g->way[INPUT]), multiply(g, STATES, g->way[STATES]), activate(g);
  yardstick_forward(g->critic);
  multiply(g, INPUT, g->way[INPUT]), multiply(g, STATE, g->way[STATE]), activate(g);
  yardstick_train(g->actor), yardstick_train(g->critic);
  const int64_t gated = ROWS * 2 * WIDTH;
  g->k->unary_grad[PRL_SIGMOID](gated, NULL, g->gates, g->product, false, g->product);
  g->k->unary_grad[PRL_TANH](ROWS * WIDTH, NULL, g->gates + gated, g->product + gated, false,
                             g->product + gated);
  multiply(g, BACK, g->way[BACK]);
  multiply(g, STATE_GW, g->way[STATE_GW]), multiply(g, INPUT_GW, g->way[INPUT_GW]);
  g->k->adam(PARAMETERS, &adam, g->grad, g->value, g->moment1, g->moment2);
}
