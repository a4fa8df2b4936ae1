/* The bare kernels of runs that learn from a replay memory: sac on pendulum, dqn on cartpole. */
#include <stdlib.h>
#include <string.h>

#include "bench/env_yardstick.h"
#include "bench/yardstick.h"
#include "core/rng.h"

env_yardstick *env_yardstick_wide_new(const char *name, int64_t n, uint64_t seed);
void env_yardstick_wide_free(env_yardstick *yardstick);
void env_yardstick_wide_reset(env_yardstick *yardstick, float *observation);
void env_yardstick_wide_step(env_yardstick *yardstick, const prl_step *step);

enum { STEPS = 10000, START = 1000, KEPT = STEPS, WIDEST = 8, NETS = 7 };

/* act: one row. The others have the rows of a batch: those that learn (`train`), and those that are only
 * asked. */
struct yardstick_replay {
  bool sac;
  int64_t observations, batch, every; /* an update every so many steps */
  yardstick_net *act, *nets[NETS];
  float *rows, *gx0[2]; /* (KEPT, 2 observations + 4): what a draw copies */
  env_yardstick *env;
  float final_observation[WIDEST], response[4];
  uint8_t terminated[1], truncated[1];
  int64_t elapsed[1];
};

static yardstick_net *net_new(int64_t batch, int64_t inputs, int64_t outputs) {
  const int64_t sizes[] = {inputs, 64, 64, outputs};
  yardstick_net *net = yardstick_net_new(batch, sizes);
  if (net) net->act = PRL_RELU;
  return net;
}

enum { ACTOR, TWIN_1, TWIN_2, TARGET_1, TARGET_2, ASKED_1, ASKED_2 };
enum { ONLINE, AHEAD, TARGET };

static bool make_nets(yardstick_replay *r) {
  const int64_t o = r->observations, b = r->batch;
  r->act = net_new(1, o, 2);
  if (r->sac)
    for (int i = 0; i < NETS; i++) r->nets[i] = i == ACTOR ? net_new(b, o, 2) : net_new(b, o + 1, 1);
  else
    for (int i = ONLINE; i <= TARGET; i++) r->nets[i] = net_new(b, o, 2);
  bool whole = r->act != NULL;
  for (int i = 0; i < (r->sac ? NETS : TARGET + 1); i++) whole = whole && r->nets[i];
  for (int i = 0; whole && r->sac && i < 2; i++) {
    r->gx0[i] = calloc((size_t)(b * (o + 1)), sizeof(float));
    r->nets[ASKED_1 + i]->gx0 = r->gx0[i];
    whole = r->gx0[i] != NULL;
  }
  if (!whole) return false;
  yardstick_net_tune(r->act);
  for (int i = 0; i < NETS; i++)
    if (r->nets[i]) yardstick_net_tune(r->nets[i]);
  return true;
}

yardstick_replay *yardstick_replay_new(bool sac) {
  yardstick_replay *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (yardstick_replay){
      .sac = sac, .observations = sac ? 3 : 4, .batch = sac ? 100 : 64, .every = sac ? 1 : 4};
  r->rows = calloc(KEPT * (2 * WIDEST + 4), sizeof *r->rows);
  r->env = env_yardstick_wide_new(sac ? "pendulum" : "cartpole", 1, 7);
  if (r->rows && r->env && make_nets(r)) {
    env_yardstick_wide_reset(r->env, r->act->x);
    return r;
  }
  yardstick_replay_free(r);
  return NULL;
}

void yardstick_replay_free(yardstick_replay *r) {
  if (!r) return;
  yardstick_net_free(r->act);
  for (int i = 0; i < NETS; i++) yardstick_net_free(r->nets[i]);
  if (r->env) env_yardstick_wide_free(r->env);
  free(r->rows), free(r->gx0[0]), free(r->gx0[1]), free(r);
}

/* Rows at random places of what came so far, into the inputs of one network. */
static void draw(const yardstick_replay *r, int64_t kept, uint32_t number, yardstick_net *to) {
  const prl_rng rng = prl_rng_make(1, 0, PRL_SITE_USER);
  const int64_t width = to->sizes[0];
  for (int64_t i = 0; i < r->batch; i++) {
    uint32_t words[4];
    if (i % 4 == 0) prl_rng_block(rng, 0, number, 0, (uint32_t)(i / 4), words);
    const int64_t at = (int64_t)(((uint64_t)words[i % 4] * (uint64_t)kept) >> 32);
    memcpy(to->x + i * width, r->rows + at * (2 * WIDEST + 4), (size_t)width * sizeof(float));
  }
}

static void blend(const yardstick_net *from, yardstick_net *to) {
  for (int64_t i = 0; i < from->size; i++) to->value[i] += 0.005f * (from->value[i] - to->value[i]);
}

/* Haarnoja et al. 2018: the actor at the next states, both targets, both twins learned, the actor and the
 * twins at its actions, the gradient back through them, the actor learned, the targets moved. */
static void update_sac(yardstick_replay *r) {
  yardstick_forward(r->nets[ACTOR]);
  for (int i = 0; i < 2; i++) yardstick_forward(r->nets[TARGET_1 + i]);
  for (int i = 0; i < 2; i++) yardstick_train(r->nets[TWIN_1 + i]);
  for (int i = 0; i < 2; i++)
    yardstick_forward(r->nets[ASKED_1 + i]), yardstick_input_gradient(r->nets[ASKED_1 + i]);
  yardstick_train(r->nets[ACTOR]);
  for (int i = 0; i < 2; i++) blend(r->nets[TWIN_1 + i], r->nets[TARGET_1 + i]);
}

/* van Hasselt et al. 2016: the network that learns and its target at the next states, one step. */
static void update_dqn(yardstick_replay *r) {
  yardstick_forward(r->nets[AHEAD]), yardstick_forward(r->nets[TARGET]);
  yardstick_train(r->nets[ONLINE]);
}

void yardstick_replay_run(void *context) {
  yardstick_replay *r = context;
  const prl_step step = {.action = r->act->y[YARDSTICK_LAYERS - 1],
                         .observation = r->act->x,
                         .response = r->response,
                         .terminated = r->terminated,
                         .truncated = r->truncated,
                         .final_observation = r->final_observation,
                         .elapsed_us = r->elapsed};
  for (int64_t t = 0; t < STEPS; t++) {
    yardstick_forward(r->act);
    if (!r->sac) *r->act->y[YARDSTICK_LAYERS - 1] = (float)(t / 3 % 2);
    env_yardstick_wide_step(r->env, &step);
    memcpy(r->rows + t * (2 * WIDEST + 4), r->act->x, (size_t)r->observations * sizeof(float));
    if (t < START || t % r->every) continue;
    draw(r, t, (uint32_t)t, r->nets[0]);
    draw(r, t, (uint32_t)t, r->nets[1]);
    (r->sac ? update_sac : update_dqn)(r);
  }
}
