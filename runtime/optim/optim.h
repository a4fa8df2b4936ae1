/* Optimizers over one parameter set: clipping, then one pass over the slabs. Definitions are PyTorch's.
 * Row-sparse parameters step on touched rows only (their moments decay only when touched: "lazy"). */
#ifndef PRL_OPTIM_OPTIM_H
#define PRL_OPTIM_OPTIM_H

#include "optim/params.h"

typedef enum prl_optim_kind { PRL_SGD, PRL_RMSPROP, PRL_ADAM, PRL_ADAMW } prl_optim_kind;

typedef struct prl_optim_options {
  prl_optim_kind kind;
  float lr;       /* used where a step gives none of its own */
  float momentum; /* sgd, rmsprop */
  bool nesterov;  /* sgd */
  float alpha;    /* rmsprop: decay of the mean square */
  float beta1, beta2, epsilon;
  float decay;     /* weight decay: l2 for sgd, rmsprop and adam, decoupled for adamw */
  float max_norm;  /* clip the set's gradient to this global norm; 0: no clipping */
  float max_value; /* clip each element to ± this; 0: no clipping */
} prl_optim_options;

prl_optim_options prl_optim_defaults(prl_optim_kind kind); /* PyTorch's defaults */
/* "adam" → PRL_ADAM. Fails: PRL_ENAME with the nearest name. */
prl_status prl_optim_kind_find(const char *name, prl_optim_kind *out, prl_error *error);

struct prl_optim;
/* Makes the step of an optimizer in its place: its gradient goes elsewhere, its values come from there. */
typedef void (*prl_optim_fn)(void *context, struct prl_optim *optim, float lr, float max_norm);

typedef struct prl_optim {
  prl_runtime *runtime;
  prl_params *params;
  prl_optim_options options;
  int64_t steps;
  float *moment1, *moment2; /* slabs of params->size; NULL where the kind has none */
  double last_norm;         /* of the gradient before clipping, at the last step */
  prl_optim_fn elsewhere;   /* NULL: steps are made here */
  void *context;            /* of elsewhere; borrowed */
} prl_optim;

prl_status prl_optim_new(prl_params *params, const prl_optim_options *options, prl_optim **out,
                         prl_error *error);
void prl_optim_free(prl_optim *optim);
/* One step. lr and max_norm replace the option's where they are not NaN. */
void prl_optim_step(prl_optim *optim, float lr, float max_norm);

#endif
