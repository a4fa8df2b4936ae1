/* What the product is timed against. A slow yardstick is a defect: each is tuned as hard as the product.
 * All buffers are allocated by `new`, which returns NULL without memory; a call does the work once.
 *
 * "Bare kernels": for each product of matrices the fastest of the own kernels, OpenBLAS and (where it is
 * linked) libxsmm, chosen by timing when the yardstick is made; the fastest tanh of at most 4 ulp; one pass
 * of Adam; called directly, with nothing in between. */
#ifndef SPEC_BENCH_YARDSTICK_H
#define SPEC_BENCH_YARDSTICK_H

#include "tensor/kernels.h"

enum { YARDSTICK_LAYERS = 3 };

/* A training step of a network of three linear layers with an activation between them, mean squared error,
 * Adam. */
typedef struct yardstick_net {
  prl_unary act; /* between the layers; tanh unless changed before tuning */
  int64_t batch, sizes[YARDSTICK_LAYERS + 1];
  float *x, *target;                                           /* (batch, sizes[0]), (batch, sizes[3]) */
  float *value, *grad, *moment1, *moment2;                     /* slabs of `size` floats */
  float *w[YARDSTICK_LAYERS], *b[YARDSTICK_LAYERS];            /* in value; w (in, out) */
  float *gw[YARDSTICK_LAYERS], *gb[YARDSTICK_LAYERS];          /* in grad */
  float *y[YARDSTICK_LAYERS], *gy[YARDSTICK_LAYERS], *scratch; /* (batch, out) */
  int64_t size, steps;
  float *gx0; /* (batch, sizes[0]): where the gradient of x is wanted, else NULL; the caller's */
  int gx0_way;
  int forward[YARDSTICK_LAYERS], gx[YARDSTICK_LAYERS],
      gw_way[YARDSTICK_LAYERS]; /* which implementation won */
  const prl_kernels *k;
} yardstick_net;

yardstick_net *yardstick_net_new(int64_t batch, const int64_t sizes[YARDSTICK_LAYERS + 1]);
void yardstick_net_free(yardstick_net *net);
/* Chooses the fastest implementation of each product; the net's numbers change. */
void yardstick_net_tune(yardstick_net *net);
void yardstick_forward(void *net);           /* bare kernels: x → y[2] */
void yardstick_train(void *net);             /* bare kernels: the two that follow */
void yardstick_gradient(yardstick_net *net); /* forward and back */
void yardstick_step(yardstick_net *net);     /* Adam */
void yardstick_input_gradient(void *net);    /* bare kernels, after yardstick_forward: gy[2] → gx0 */
void yardstick_train_blas(void *net);        /* a plain loop of OpenBLAS and SLEEF (else libmvec) */
const char *yardstick_way(int way);          /* "own", "openblas", "libxsmm" */
const char *yardstick_tanh_name(void);

/* One fused function for 4-64-64-2 with tanh, batch 1, and nothing else. */
typedef struct yardstick_policy {
  float x[4], w1[4 * 64], b1[64], w2[64 * 64], b2[64], w3[64 * 2], b3[2], y[2];
} yardstick_policy;
yardstick_policy *yardstick_policy_new(void);
void yardstick_policy_free(yardstick_policy *policy);
void yardstick_infer(void *policy);

/* The work of a whole run of ppo on pendulum as bare kernels: networks 3-64-64-1 for actor and critic, 4 envs
 * × 1024 steps an update, values in tiles of 256, 2 epochs in minibatches of 256, Adam; 75 updates. Each
 * product is done by the fastest implementation, the environment by the plain loop for AVX2. */
typedef struct yardstick_ppo yardstick_ppo;
yardstick_ppo *yardstick_ppo_new(prl_unary act);
void yardstick_ppo_free(yardstick_ppo *ppo);
void yardstick_ppo_run(void *ppo);

/* The work of one update of ppo with random network distillation as bare kernels: 2,048 rows of 32
 * observations and 4 actions, 4 epochs in minibatches of 256; an actor, two critics, a predictor and a random
 * network of 32 outputs, all of two layers of 64. */
typedef struct yardstick_rnd yardstick_rnd;
yardstick_rnd *yardstick_rnd_new(void);
void yardstick_rnd_free(yardstick_rnd *rnd);
void yardstick_rnd_run(void *rnd);

/* The work of runs that learn from a replay memory, as bare kernels: 10,000 steps of one environment,
 * networks of two layers of 64 with relu, after the first 1,000 steps an update of sac on pendulum (batch
 * 100) at each, or of double dqn on cartpole (batch 64) at every fourth: the products, Adam, moving targets,
 * and drawn rows copied. */
typedef struct yardstick_replay yardstick_replay;
yardstick_replay *yardstick_replay_new(bool sac);
void yardstick_replay_free(yardstick_replay *replay);
void yardstick_replay_run(void *replay);

/* The work of an update over frozen rows as bare kernels: values of each critic for the rows and what they
 * bootstrap from, in tiles of 256, and a training step of each policy and critic over all rows; networks of
 * two layers of 64 with tanh. */
typedef struct yardstick_update_shape {
  int64_t rows, bootstraps, observations, actions;
  int policies, critics;
} yardstick_update_shape;
typedef struct yardstick_update yardstick_update;
yardstick_update *yardstick_update_new(const yardstick_update_shape *shape);
void yardstick_update_free(yardstick_update *update);
void yardstick_update_run(void *update);
/* The products, activations and Adam of an update of a2c through a gated recurrent unit of 64 over 32
 * numbers, 128 streams of 16 steps, with an actor 64-64-64-4 and a critic 64-64-64-1 behind it, and no other
 * arithmetic: neither the mixing of the gates nor losses. */
typedef struct yardstick_gru yardstick_gru;
yardstick_gru *yardstick_gru_new(void);
void yardstick_gru_free(yardstick_gru *gru);
void yardstick_gru_run(void *gru);

/* The bare kernels of `steps` training steps of a ranker: rows of an embedding table gathered and averaged,
 * a network of two hidden layers of relu and a linear part beside it, sigmoids, all gradients, Adam on the
 * dense parameters and on the rows that were touched. Minibatches come from `rows` rows of ids. */
typedef struct yardstick_fit_shape {
  int64_t batch, steps, rows;
  int64_t categories, sequences, length, numbers, width, table; /* columns; rows of the table */
  int64_t hidden[2], heads;
} yardstick_fit_shape;
typedef struct yardstick_fit yardstick_fit;
/* ids (rows, categories + sequences · length), numbers (rows, numbers): copied. width: a multiple of 8. */
yardstick_fit *yardstick_fit_new(const yardstick_fit_shape *shape, const int32_t *ids, const float *numbers);
void yardstick_fit_free(yardstick_fit *fit);
void yardstick_fit_run(void *fit);

/* Products of n × n matrices in the three forms of a layer: c = a b, a bᵀ, aᵀ b. */
typedef enum yardstick_form { YARDSTICK_FORWARD, YARDSTICK_GX, YARDSTICK_GW } yardstick_form;
typedef struct yardstick_gemm {
  int64_t n;
  yardstick_form form;
  float *a, *b, *c, *scratch;
  int best; /* the way that won */
  const prl_kernels *k;
} yardstick_gemm;
yardstick_gemm *yardstick_gemm_new(int64_t n, yardstick_form form);
void yardstick_gemm_free(yardstick_gemm *gemm);
void yardstick_gemm_own(void *gemm);
void yardstick_gemm_best(void *gemm); /* the faster of OpenBLAS and libxsmm */

/* The kernel table in use; the one that this folder is compiled for, which it is once all is settled; and its
 * peak: GFLOP/s of multiply-adds in registers. */
const char *yardstick_table(void);
const char *yardstick_compiled_for(void);
/* All that take part: "own avx512, OpenBLAS Cooperlake, libxsmm clx". */
const char *yardstick_kernels(void);
double yardstick_peak(void);

/* ns of the processor time of LAPACK's dpotrf, of OpenBLAS, on a positive definite (n, n); making the matrix
 * is not in it. Below 0: no memory. */
double yardstick_cholesky(int n);

#endif
