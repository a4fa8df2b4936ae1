/* What the axes of a plan's parameters are, read off its programs: which columns a layer's weight multiplies,
 * which layers read its units, and how the action that is chosen comes of the last ones. A swap finds by it
 * which number of one plan is which of another (plan/growth.h). */
#ifndef PRL_AGENT_PLAN_AXES_H
#define PRL_AGENT_PLAN_AXES_H

#include "agent/plan/sets.h"

typedef enum prl_column_kind {
  PRL_COLUMN_OTHER,       /* place: of the value that was read */
  PRL_COLUMN_OBSERVATION, /* place: of the plan's observation */
  PRL_COLUMN_ACTION,      /* place: of the dimension */
  PRL_COLUMN_UNIT         /* place: of the layer whose weight is parameter `layer` */
} prl_column_kind;

typedef struct prl_column {
  int32_t kind, layer, place;
} prl_column;

/* One parameter of the plan. `layer`, here and below, is a place among all parameters. */
typedef struct prl_axes_of {
  const prl_params *set;
  const prl_param *param;
  int32_t set_index;
  int32_t layer;      /* whose units its last axis has: its own, or of a bias its weight's; −1: none */
  prl_column *inputs; /* (shape[0]) what the rows of a weight multiply; NULL: not known */
  int32_t activation; /* prl_unary, of a layer */
  bool read;          /* some layer multiplies its units */
  bool elsewhere;     /* something else reads them, so that they are outputs */
} prl_axes_of;

/* A number for a dimension of the action:
 *     y = centre + gain · φ(slope · x + shift),  x: unit `place` of `layer`, or number `place` of the
 * parameter φ: tanh, or, where not squashed, the identity, when gain is 1 and centre 0. layer −1: it has no
 * such form. */
typedef struct prl_head {
  int32_t layer, place;
  double slope, shift, gain, centre;
  bool squashed;
} prl_head;

typedef struct prl_axes {
  prl_arena arena;
  int32_t count, actions;
  prl_axes_of *params; /* of all sets, in their order */
  prl_head *mean;      /* (actions) what the program "act" gives where it does not sample */
  prl_head *width;     /* (actions) the logarithm of the deviation there, in the action's units */
} prl_axes;

/* Parameters are borrowed from the sets. Fails: PRL_ENOMEM, PRL_EFORMAT. */
prl_status prl_axes_new(prl_runtime *runtime, const prl_value *root, const prl_sets *sets, prl_axes **out,
                        prl_error *error);
void prl_axes_free(prl_axes *axes);
/* The place of a set's parameter among all; −1: there is none. */
int32_t prl_axes_find(const prl_axes *axes, const char *set, const char *param);
/* Whether the layer's units are read by layers alone: what is added to them changes nothing as long as these
 * multiply it by 0. */
bool prl_axes_hidden(const prl_axes *axes, int32_t layer);
/* Whether the policy sets the dimension of the action; one that is held moves with nothing. */
bool prl_head_sets(const prl_head *head);

#endif
