/* Initial values of weights. w is (in, out): fan_in = in, fan_out = out. */
#ifndef PRL_NN_INIT_H
#define PRL_NN_INIT_H

#include "core/rng.h"
#include "perilune/tensor.h"

typedef enum prl_init_kind {
  PRL_INIT_ORTHOGONAL,      /* Saxe et al. 2014: a random (semi-)orthogonal matrix times gain */
  PRL_INIT_XAVIER_UNIFORM,  /* Glorot & Bengio 2010, eq. 16: U(±gain √(6/(in + out))) */
  PRL_INIT_XAVIER_NORMAL,   /* N(0, gain² 2/(in + out)) */
  PRL_INIT_KAIMING_UNIFORM, /* He et al. 2015: U(±gain √(3/in)) */
  PRL_INIT_KAIMING_NORMAL,  /* He et al. 2015, eq. 10: N(0, gain²/in) */
  PRL_INIT_UNIFORM,         /* U(±gain) */
  PRL_INIT_NORMAL           /* N(0, gain²) */
} prl_init_kind;

/* Fills a contiguous float32 tensor of two dimensions (any number of them for uniform and normal).
 * Fails: PRL_ESHAPE, PRL_ENOMEM. */
prl_status prl_init_fill(prl_runtime *runtime, prl_init_kind kind, double gain, prl_rng rng,
                         prl_tensor *tensor, prl_error *error);

#endif
