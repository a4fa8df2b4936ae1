/* The bare kernels of a run of ppo on pendulum. */
#include <stdlib.h>

#include "bench/env_yardstick.h"
#include "bench/yardstick.h"

enum { ENVS = 4, ROLLOUT = 1024, MINIBATCH = 256, EPOCHS = 2, UPDATES = 75 };

env_yardstick *env_yardstick_wide_new(const char *name, int64_t n, uint64_t seed);
void env_yardstick_wide_free(env_yardstick *yardstick);
void env_yardstick_wide_reset(env_yardstick *yardstick, float *observation);
void env_yardstick_wide_step(env_yardstick *yardstick, const prl_step *step);

struct yardstick_ppo {
  yardstick_net *act, *actor, *critic; /* act: rows of one step; the others: of a minibatch or tile */
  env_yardstick *env;
  float final_observation[ENVS * 3], response[ENVS];
  uint8_t terminated[ENVS], truncated[ENVS];
  int64_t elapsed[ENVS];
};

static yardstick_net *net_new(int64_t batch, prl_unary act) {
  static const int64_t sizes[] = {3, 64, 64, 1};
  yardstick_net *net = yardstick_net_new(batch, sizes);
  if (!net) return NULL;
  net->act = act;
  yardstick_net_tune(net);
  return net;
}

yardstick_ppo *yardstick_ppo_new(prl_unary act) {
  yardstick_ppo *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->act = net_new(ENVS, act);
  p->actor = net_new(MINIBATCH, act);
  p->critic = net_new(MINIBATCH, act);
  p->env = env_yardstick_wide_new("pendulum", ENVS, 7);
  if (p->act && p->actor && p->critic && p->env) {
    env_yardstick_wide_reset(p->env, p->act->x);
    return p;
  }
  yardstick_ppo_free(p);
  return NULL;
}

void yardstick_ppo_free(yardstick_ppo *p) {
  if (!p) return;
  yardstick_net_free(p->act), yardstick_net_free(p->actor), yardstick_net_free(p->critic);
  if (p->env) env_yardstick_wide_free(p->env);
  free(p);
}

void yardstick_ppo_run(void *context) {
  yardstick_ppo *p = context;
  const prl_step step = {.action = p->act->y[YARDSTICK_LAYERS - 1],
                         .observation = p->act->x,
                         .response = p->response,
                         .terminated = p->terminated,
                         .truncated = p->truncated,
                         .final_observation = p->final_observation,
                         .elapsed_us = p->elapsed};
  for (int u = 0; u < UPDATES; u++) {
    for (int t = 0; t < ROLLOUT; t++) {
      yardstick_forward(p->act);
      env_yardstick_wide_step(p->env, &step);
    }
    const int minibatches = ENVS * ROLLOUT / MINIBATCH;
    for (int i = 0; i < minibatches; i++) yardstick_forward(p->critic);
    for (int i = 0; i < EPOCHS * minibatches; i++) yardstick_train(p->actor), yardstick_train(p->critic);
  }
}
