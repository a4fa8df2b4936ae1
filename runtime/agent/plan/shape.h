/* What an agent is made of: the names, units and bounds of its observations, actions and responses, and how
 * much it has room for. Read once from the plan's document, constant afterwards. */
#ifndef PRL_AGENT_PLAN_SHAPE_H
#define PRL_AGENT_PLAN_SHAPE_H

#include "core/value.h"
#include "perilune/env.h"
#include "rl/experience.h"

typedef struct prl_shape {
  prl_runtime *runtime;
  prl_env_spec spec;           /* observations, actions and responses; all else is 0. Names: the document's */
  const char **response_names; /* (responses) */
  uint64_t seed;
  int64_t warmup;               /* steps before the first update */
  int64_t noise;                /* draws of a row that acts */
  int64_t noise_drawn;          /* of a row that is drawn from the memory */
  int64_t noise_every;          /* steps that those of acting last, or the first of them
                                 * (experience.lasting), the others being fresh; 0: the whole episode */
  double noise_theta, noise_dt; /* of the process that they drive (policy/noise.c); theta 0: none */
  int64_t frozen_rows;          /* of one update, at most */
  int64_t batch_rows;           /* frozen or drawn at most */
  int64_t memory_rows;          /* places of the replay memory; 0: there is none */
  int64_t draw_rows;            /* of one draw from it, at most */
  int64_t draw_steps;           /* of one stretch that is drawn, at most */
  bool asynchronous;            /* several workers may learn by it, each by its own steps */
  bool raw;                     /* programs may read observations as they were before they are normalised */
  bool ratios;                  /* a verb asks for ratios of densities */
  bool continuation;            /* a verb asks how likely the rows went on */
  double priority;              /* the exponent that rows are drawn by; 0: uniformly */
  int64_t *ids;                 /* (observations): how many ids it may be, 0 of a number; NULL: no ids */
  int64_t memory_stretch;       /* steps that gradients go back through a memory of the policy's */
  int64_t act_rows;             /* of one run of `act` */
  int64_t tile_rows;            /* of one run of `values` */
  bool drop_stale;              /* rows under an older policy version are not learned from */
  prl_experience_options experience; /* names: response_names; rules: NULL. Its `observations` are those of
                                      * rows, with the state of a memory */
  prl_response_rule *rules;          /* (responses) */
} prl_shape;

/* root: the plan's document, which must outlive the shape. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_shape_new(prl_runtime *runtime, const prl_value *root, prl_shape **out, prl_error *error);
void prl_shape_free(prl_shape *shape);
/* Fails: PRL_ESHAPE where the environment has other numbers of observations, actions or responses. */
prl_status prl_shape_check_env(const prl_shape *shape, const char *name, const prl_env_spec *env,
                               prl_error *error);

#endif
