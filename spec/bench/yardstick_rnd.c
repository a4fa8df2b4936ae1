/* The bare kernels of an update of ppo with random network distillation. */
#include <stdlib.h>

#include "bench/yardstick.h"

enum {
  OBSERVATIONS = 32,
  ACTIONS = 4,
  OUTPUTS = 32,
  ROWS = 2048,
  BOOTSTRAPS = 256,
  MINIBATCH = 256,
  EPOCHS = 4
};
enum { ACTOR, GOAL, NOVELTY, PREDICTOR, RANDOM, NETS };

struct yardstick_rnd {
  yardstick_net *nets[NETS]; /* rows of a minibatch or tile */
};

yardstick_rnd *yardstick_rnd_new(void) {
  static const int64_t outputs[NETS] = {ACTIONS, 1, 1, OUTPUTS, OUTPUTS};
  yardstick_rnd *r = calloc(1, sizeof *r);
  for (int i = 0; r && i < NETS; i++) {
    r->nets[i] = yardstick_net_new(MINIBATCH, (const int64_t[]){OBSERVATIONS, 64, 64, outputs[i]});
    if (!r->nets[i]) {
      yardstick_rnd_free(r);
      return NULL;
    }
    r->nets[i]->act = i < PREDICTOR ? PRL_TANH : PRL_RELU;
    yardstick_net_tune(r->nets[i]);
  }
  return r;
}

void yardstick_rnd_free(yardstick_rnd *r) {
  for (int i = 0; r && i < NETS; i++) yardstick_net_free(r->nets[i]);
  free(r);
}

/* Values of all rows and of what they bootstrap from, the novelty of all rows; then each minibatch: the
 * actor, the critics and the predictor learn, the random network is asked. */
void yardstick_rnd_run(void *context) {
  yardstick_rnd *r = context;
  for (int i = 0; i < ROWS / MINIBATCH; i++)
    yardstick_forward(r->nets[PREDICTOR]), yardstick_forward(r->nets[RANDOM]);
  for (int i = 0; i < (ROWS + BOOTSTRAPS) / MINIBATCH; i++)
    yardstick_forward(r->nets[GOAL]), yardstick_forward(r->nets[NOVELTY]);
  for (int i = 0; i < EPOCHS * ROWS / MINIBATCH; i++) {
    for (int k = ACTOR; k <= PREDICTOR; k++) yardstick_train(r->nets[k]);
    yardstick_forward(r->nets[RANDOM]);
  }
}
