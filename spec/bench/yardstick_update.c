/* The bare kernels of an update over frozen rows, with several policies and critics. */
#include <stdlib.h>

#include "bench/yardstick.h"

enum { TILE = 256, MOST = 16 };

/* Whatever the network, it goes forward and back tile by tile, which is faster than all rows at once. What
 * adds the gradients of its tiles up is left out. */
struct yardstick_update {
  int policies, critics;
  int64_t tiles, values; /* of the rows; of these and the observations that they bootstrap from */
  yardstick_net *nets[MOST];
};

yardstick_update *yardstick_update_new(const yardstick_update_shape *s) {
  yardstick_update *u = s->policies + s->critics <= MOST ? calloc(1, sizeof *u) : NULL;
  if (!u) return NULL;
  u->policies = s->policies, u->critics = s->critics;
  u->tiles = (s->rows + TILE - 1) / TILE;
  u->values = (s->rows + s->bootstraps + TILE - 1) / TILE;
  for (int i = 0; i < s->policies + s->critics; i++) {
    const int64_t sizes[] = {s->observations, 64, 64, i < s->policies ? s->actions : 1};
    u->nets[i] = yardstick_net_new(TILE, sizes);
    if (!u->nets[i]) {
      yardstick_update_free(u);
      return NULL;
    }
    yardstick_net_tune(u->nets[i]);
  }
  return u;
}

void yardstick_update_free(yardstick_update *u) {
  if (!u) return;
  for (int i = 0; i < MOST; i++) yardstick_net_free(u->nets[i]);
  free(u);
}

void yardstick_update_run(void *context) {
  yardstick_update *u = context;
  yardstick_net **critics = u->nets + u->policies;
  for (int i = 0; i < u->critics; i++)
    for (int64_t t = 0; t < u->values; t++) yardstick_forward(critics[i]);
  for (int i = 0; i < u->policies + u->critics; i++) {
    for (int64_t t = 0; t < u->tiles; t++) yardstick_gradient(u->nets[i]);
    yardstick_step(u->nets[i]);
  }
}
