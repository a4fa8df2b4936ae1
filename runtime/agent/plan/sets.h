/* The parameter sets of a plan and the optimizers that step them: what the learner changes. */
#ifndef PRL_AGENT_PLAN_SETS_H
#define PRL_AGENT_PLAN_SETS_H

#include "agent/plan/migration.h"
#include "agent/plan/plan.h"
#include "autograd/program.h"
#include "rl/blocks.h"

struct prl_growth; /* growth.h */

/* How much of a set a swap takes over. */
typedef enum prl_extent {
  PRL_TAKES_NONE,
  PRL_TAKES_SOME,
  PRL_TAKES_GROWN, /* all of the other's numbers, where they belong: in a larger set, or another algorithm's
                    */
  PRL_TAKES_ALL    /* the same parameters */
} prl_extent;

typedef struct prl_sets {
  prl_runtime *runtime;
  int count, optims_count;
  prl_params **items; /* (count) */
  prl_optim **optims; /* (optims_count): at most one for each set */
} prl_sets;

/* values NULL: parameters start as zeros, to be loaded. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_sets_new(prl_runtime *runtime, const prl_value *root, const prl_plan *values, prl_sets **out,
                        prl_error *error);
/* The shape of a parameter of the document, without values. Fails: PRL_EFORMAT. */
prl_status prl_sets_read_shape(const prl_value *param, const char *where, prl_tensor *out, prl_error *error);
void prl_sets_free(prl_sets *sets);
prl_status prl_sets_blocks(const prl_sets *sets, prl_blocks *blocks, prl_error *error);
/* The place of a set; −1: there is none of that name. */
int prl_sets_find(const prl_sets *sets, const char *name, size_t length);
/* Fails: PRL_ENUMERIC, naming the first parameter that is not finite. */
prl_status prl_sets_check(const prl_sets *sets, prl_error *error);
/* Parameters of the same set and name keep their values and moments: those of the same shape or, where
 * growth, of both plans, says where their numbers belong, of another; without one (NULL), the same shape
 * alone. A learner's set that is not finite is left behind: in_force, what acts reads of it (NULL: nothing),
 * replaces its values. taken, which may be NULL: how many of the set's numbers. names: of observations, for
 * what is said. */
prl_extent prl_sets_take(prl_sets *to, int set, const prl_sets *from, const prl_params *in_force,
                         const struct prl_growth *growth, int64_t *taken, const prl_value *names,
                         prl_migration *migration);
/* The set of `from` that the set of `to` takes of; −1: there is none. */
int prl_sets_source(const prl_sets *to, int set, const prl_sets *from, const struct prl_growth *growth);
/* Over the values `to` of the set those that it takes of `old`, which has the shapes of the other's set. */
void prl_sets_take_values(const prl_sets *to, int set, const prl_params *old, const struct prl_growth *growth,
                          float *values);
/* Notes the sets and optimizers of `from` that `to` has none of. */
void prl_sets_note_dropped(const prl_sets *to, const prl_sets *from, const struct prl_growth *growth,
                           prl_migration *migration);
/* The numbers of a set, without the padding between its parameters. */
int64_t prl_sets_numbers(const prl_params *set);
/* Whether prl_sets_take would find anything to take for this set. */
bool prl_sets_fit(const prl_sets *to, int set, const prl_sets *from, const struct prl_growth *growth);

#endif
