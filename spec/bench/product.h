/* The product's side of the rows: the same network through the public tape and program. */
#ifndef SPEC_BENCH_PRODUCT_H
#define SPEC_BENCH_PRODUCT_H

#include <stdbool.h>

#include "autograd/program.h"
#include "autograd/tape.h"

enum { PRODUCT_LAYERS = 3 };

typedef struct product_net {
  prl_runtime *runtime;
  prl_tape *tape;
  prl_param *params[2 * PRODUCT_LAYERS]; /* weight, bias, weight, … */
  prl_params *set;
  prl_optim *optim;
  prl_program *program;
  prl_tensor x, target;
  int64_t batch, sizes[PRODUCT_LAYERS + 1];
  bool failed; /* a call went wrong: the row's numbers mean nothing */
} product_net;

/* trains: a program of forward, mean squared error, backward and a step of Adam; else forward alone. NULL
 * with the reason on the standard error. */
product_net *product_net_new(int64_t batch, const int64_t sizes[PRODUCT_LAYERS + 1], bool trains);
void product_net_free(product_net *net);
void product_run(void *net);   /* the program, once */
void product_eager(void *net); /* the same training step on the tape */

#endif
