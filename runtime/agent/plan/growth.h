/* Which numbers of an old plan's parameters become which of a new plan's: a smaller network grows into a
 * larger one that computes the same, by what the axes of both are (plan/axes.h).
 *
 *   - A hidden unit that is new reads as the new plan's initialisation says, and what reads it multiplies it
 * by 0. An input that is new (an observation) is multiplied by 0 by the units that were there.
 *   - Outputs that are the mean or the width of an action go by the dimension: one that the policy sets newly
 *     has its mean from the new plan's last bias alone, with weights 0, and the new plan's width.
 *   - Where what follows the mean is another (bounds, a unit, tanh), the last layer is multiplied and shifted
 * so that the action stays: everywhere, or, between one with tanh and one without, in the middle of the
 *     bounds.
 *
 * So one algorithm's policy becomes another's wherever both are layers one after another with the same
 * activations. */
#ifndef PRL_AGENT_PLAN_GROWTH_H
#define PRL_AGENT_PLAN_GROWTH_H

#include "agent/plan/axes.h"

/* Where one parameter's numbers come from. Maps are by the new parameter's places; −1: new, −2: the number of
 * `width` at the same place of offset. NULL: place by place. */
typedef struct prl_grown {
  int32_t old;            /* the old plan's parameter; −1: there is none */
  bool fits, same;        /* its numbers are taken; all of them, place by place */
  bool lost;              /* it does not fit, since an observation is missing */
  const int32_t *rows;    /* (shape[0]) of a weight */
  const int32_t *columns; /* (the last size) */
  const double *factor,
      *offset;           /* (the last size) of a layer that is multiplied and shifted; NULL: 1 and 0 */
  bool output;           /* its columns are outputs: the weights of new ones are 0 */
  int32_t width;         /* the old plan's parameter of deviations that becomes a bias; −1 */
  const int32_t *places; /* (the last size) the places there; NULL with width −1 */
} prl_grown;

typedef struct prl_growth {
  prl_arena arena;
  prl_axes *old, *ours;
  prl_grown *params; /* (ours->count) */
  int32_t lost;      /* an old input, an observation's place, that a set no longer sees; −1: none is */
  const char *lost_set;
  const prl_params *unlike; /* the set of a policy that does not go on in it; NULL: none */
  const char *why;          /* it does not */
  bool actions_differ;      /* the policy sets other dimensions of the action */
  bool bends;               /* the mean of an action has a tanh where the other has none, or other bounds */
} prl_growth;

/* Everything is borrowed but for the result. Fails: PRL_ENOMEM, PRL_EFORMAT. */
prl_status prl_growth_new(prl_runtime *runtime, const prl_value *old_root, const prl_sets *old,
                          const prl_value *root, const prl_sets *sets, prl_growth **out, prl_error *error);
void prl_growth_free(prl_growth *growth);
/* Of the new plan's set and its parameter; NULL: there is no growth, or it takes nothing. */
const prl_grown *prl_growth_of(const prl_growth *growth, int set, int item);
/* Writes what is taken of the values `from` over the fresh ones of `to`; width: those of grown->width, or
 * NULL.
 */
void prl_grown_values(const prl_grown *grown, const prl_tensor *shape, const prl_tensor *old_shape, float *to,
                      const float *from, const float *width);
/* The same of an optimizer's moments, of which new ones are 0. power: 1 of gradients, 2 of their squares. */
void prl_grown_moments(const prl_grown *grown, const prl_tensor *shape, const prl_tensor *old_shape,
                       int power, float *to, const float *from);
/* How many numbers are taken. */
int64_t prl_grown_count(const prl_grown *grown, const prl_tensor *shape);
/* What is new in a set, as "64 → 128 units; 2 new inputs: x, y", and whether it computes what the old one
 * did. names: of observations. */
void prl_growth_describe(const prl_growth *growth, int set, const prl_value *names, char *text, size_t size);
/* Why a set takes nothing of the policy that acts; NULL: it takes some, or is of no policy. */
const char *prl_growth_unlike(const prl_growth *growth, int set);
/* Whether a layer of the set that takes numbers has another activation than it had, *is in place of *was, not
 * being a last layer that was none or is none. */
bool prl_growth_bends(const prl_growth *growth, int set, prl_unary *is, prl_unary *was);
/* Whether outputs of the set are multiplied and shifted. */
bool prl_growth_moves(const prl_growth *growth, int set);
/* The name of the old set of which a set without one of its own name takes; NULL: of none. */
const char *prl_growth_source(const prl_growth *growth, int set);

#endif
