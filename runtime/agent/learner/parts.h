/* The fields of the learner, for the files of this folder and for verbs. */
#ifndef PRL_AGENT_LEARNER_PARTS_H
#define PRL_AGENT_LEARNER_PARTS_H

#include "agent/control/control.h"
#include "agent/plan/binder.h"
#include "agent/learner/constraints.h"
#include "agent/learner/learner.h"
#include "agent/learner/metrics.h"
#include "agent/learner/novelty.h"
#include "agent/learner/refit.h"
#include "agent/learner/shared.h"
#include "objective/expression.h"
#include "rl/replay.h"
#include "rl/normaliser.h"
#include "tensor/kernels.h"

struct prl_critic {
  const char *name;
  prl_ref gamma, weight, lambda;
  bool own_lambda;            /* false: its λ is that of the verb */
  const char *per;            /* what gamma is for: "step", or a unit of time */
  double unit;                /* of `per`, s; 0: a step */
  bool baseline;              /* scale comes from the warm-up */
  double *scale;              /* (1) rewards are divided by it */
  prl_expression *expression; /* the reward; NULL: it is novelty (novelty.h), and its return goes on over the
                               * ends of episodes */
  bool normalise;             /* by PopArt */
  prl_popart *popart;
  double decay;
  float *layer_weight, *layer_bias; /* last layer, inside its set; NULL: none to rescale */
  int64_t layer_rows, layer_stride;
  double *baseline_sum; /* (1) Σ |reward| of the warm-up */
  float *reward;        /* (batch), scaled */
  float *advantage;     /* (batch) */
  float *returns;       /* (batch), normalised */
  float *bootstrap; /* (draw): the discount of the state after a drawn stretch; 0 after a terminated step */
  float *value;     /* (2 × batch): rows, then bootstraps; normalised */
  double *episode;  /* (streams): the running episode's return, unscaled */
  int metric_return, metric_variance, metric_share;
  int metric_discount; /* only where it differs from step to step */
};

/* A scalar output of a program: a metric. */
typedef struct prl_report {
  const float *from;
  int gauge;
} prl_report;

/* A program that the schedule runs. */
typedef struct prl_learner_program {
  prl_routine routine;
  const prl_tensor *priority; /* (rows) its output of that name: priorities of the drawn rows; NULL: none */
  prl_report *reports;
  int reports_count;
} prl_learner_program;

/* The program that computes the critics' values. */
typedef struct prl_values_program {
  prl_routine routine;
  prl_tensor *observation;
  const prl_tensor *value;
} prl_values_program;

/* The densities of given actions by the learner's own parameters. */
typedef struct prl_learner_density {
  prl_routine routine;
  const prl_tensor *log_prob; /* NULL: the plan has no such program, or no verb asks for it */
} prl_learner_density;

/* How likely the episode of each row went on, by the learner's own parameters; its place in advantages is
 * rl/returns.h, prl_rewards_fair. */
typedef struct prl_continuation {
  prl_routine routine;
  const prl_tensor *probability; /* NULL: the plan has no such program, or no verb asks for it */
  float *row;                    /* (batch, where a verb asks for it): that of the rows */
  float *fair; /* (batch, the same): scratch, rewards of the critic whose advantages are computed */
} prl_continuation;

/* The integers of the learner: saved as they are. */
typedef struct prl_learner_counts {
  int64_t updates;  /* finished */
  int64_t shuffles; /* permutations drawn in this update */
  int64_t warm;     /* steps of the warm-up seen */
  int64_t warmed;   /* 1: the warm-up is over */
} prl_learner_counts;

struct prl_learner {
  prl_runtime *runtime;
  const prl_kernels *kernels;
  const prl_value *root;
  const prl_shape *shape;
  prl_sets *sets;
  prl_live *live;
  prl_policy *policy;
  prl_experience *experience;
  prl_control *control;      /* NULL: there is no control group */
  const prl_learner *source; /* whose rows it learns from, as a shadow (beside.c); NULL: it has its own */
  prl_learner *shadow;       /* learns from the same rows; NULL: none does */
  int64_t handed;            /* of a shadow: 1: it was given the rows of an update; saved */
  int ess, overlap;          /* of a shadow: gauges */

  prl_replay *memory; /* NULL: there is none */
  prl_stretch stretch;
  float *stretch_reward; /* (draw × steps): scratch */
  float *weight;         /* (draw): of the drawn rows, by their priorities */
  float *noise;          /* (draw, noise): draws as those of actions, for the rows */
  float *next_noise;     /* the same for their next states */

  prl_batch batch;    /* its observations are normalised where they stand: what programs read */
  float *raw;         /* (batch, O), where shape->raw: observations of the rows before that */
  float *ratio;       /* (batch, where a verb asks for it): π/μ of the actions, μ being what acted */
  float *advantage;   /* (batch): the weighted sum */
  double *discount;   /* (batch): scratch of the critic whose advantages are computed */
  int32_t *order;     /* (batch): the permutation of the minibatches */
  float *start;       /* (batch, where the policy has a memory): 1 where a stretch of rows begins, else 0 */
  int32_t *stretches; /* (batch, the same): scratch of a permutation, the stretches' first rows */
  double *lengths;    /* (streams): steps of the running episode that were learned from */

  prl_critic *critics;
  int critics_count;
  prl_constraint *constraints;
  int constraints_count;
  prl_novelty *novelty; /* NULL: there is none */
  prl_refit refit;
  const prl_critic *timed; /* the first that discounts by time; NULL: none does */

  prl_source *sources; /* what programs may read of the batch */
  int sources_count;
  prl_values_program values; /* where there are critics */
  prl_learner_density density;
  prl_continuation continuation;
  prl_learner_program *programs;
  int programs_count;

  prl_shared *shared; /* with other workers; NULL: there are none (shared.c) */
  prl_worker worker;  /* what this one is among them */

  prl_metrics metrics;
  int guards; /* gauges: of each guard on a response its lift, low and high; then users of both sides; then,
               * where the plan has a ramp, the share in force */
  int64_t *optim_steps; /* (optims): as last looked at */
  prl_learner_counts n;
};

/* Blocks that grow with capacities, of the learner and of each critic. */
enum { PRL_LEARNER_PIECES = 18 };

/* critics.c */
int prl_critic_list(prl_critic *critic, const prl_shape *shape, prl_piece pieces[PRL_LEARNER_PIECES]);
prl_status prl_critics_build(prl_learner *learner, prl_error *error);
void prl_critics_free(prl_learner *learner);
prl_status prl_critics_blocks(prl_learner *learner, prl_blocks *blocks, prl_error *error);
const prl_critic *prl_critic_find(const prl_learner *learner, const char *name); /* NULL: none */

/* handover.c: what a critic measured goes to one whose reward is `factor` times its own: the scale, where it
 * is the baseline's, and the statistics of returns, which are rescaled so that the network says what it said,
 * times what the scaled reward has changed by. Returns that number: 1 where nothing is rescaled. */
double prl_critic_take(prl_critic *to, const prl_critic *from, double factor, prl_extent network);
/* Whether a warm-up of `from` has measured all that one of `to` would. */
bool prl_critics_known(const prl_learner *to, const prl_learner *from);
/* The same of every critic. */
void prl_critics_take(prl_learner *to, const prl_learner *from, const prl_extent *extent,
                      const struct prl_growth *growth, prl_migration *migration);
/* How much was taken over of the set in which the critic's values are computed; all, where it computes none.
 */
prl_extent prl_critic_extent(const prl_learner *to, const prl_critic *critic, const prl_extent *extent);

/* beside.c: the rows of an update that begins go to its shadow, if there is one. */
void prl_beside_hand(prl_learner *learner);
/* Of a shadow, whose update begins: what there is in the memory that it draws from, and the multipliers that
 * what acts has come to. */
void prl_beside_follow(prl_learner *shadow);
/* Of a shadow, whose update ends: the effective sample size of its last rows. Fails: PRL_ENUMERIC. */
prl_status prl_beside_weigh(prl_learner *shadow, prl_error *error);
prl_status prl_beside_metrics(prl_learner *shadow, prl_error *error);
prl_status prl_beside_blocks(prl_learner *shadow, prl_blocks *blocks, prl_error *error);
bool prl_beside_holds(const prl_learner *shadow);

/* programs.c */
prl_status prl_programs_build(prl_learner *learner, prl_error *error);
void prl_programs_free(prl_learner *learner);
int prl_program_find(const prl_learner *learner, const char *name); /* −1: none that learns */
void prl_programs_fill_live(prl_learner *learner); /* the frozen live options into every program */
/* After a whole run: its scalars, and the norms of the optimizers that stepped, into the metrics. */
void prl_program_report(prl_learner *learner, const prl_learner_program *program);
/* What needs the densities with which rows were acted: the name of a program or verb; NULL: nothing. */
const char *prl_programs_density(const prl_learner *learner);

/* values.c: of each critic, normalised (rows, critics), at normalised observations of at most a tile of rows;
 * *value is valid until the next run. Fails: PRL_ENUMERIC. */
prl_status prl_values_run(prl_learner *learner, const float *observation, int64_t rows, const float **value,
                          prl_error *error);

/* rewards.c: of each critic, over the frozen rows, in units of the responses. Fails: PRL_ENUMERIC. */
prl_status prl_rewards_raw(prl_learner *learner, prl_error *error);
/* The same, reported (episodes, responses) and then divided by each critic's scale. Fails: PRL_ENUMERIC,
 * PRL_ESTATE (a critic is discounted by time, and no step took any). */
prl_status prl_rewards_fill(prl_learner *learner, prl_error *error);
/* Of each critic over drawn stretches: discounted sums of scaled rewards, and what discounts the state after
 * them. Fails: PRL_ENUMERIC. */
prl_status prl_rewards_draw(prl_learner *learner, prl_error *error);

/* sequences.c: cuts the rows of the batch into stretches, where the policy has a memory. */
void prl_learner_cut(prl_learner *learner);
/* A fresh permutation of the batch's rows, of whole stretches where the policy has a memory. */
void prl_learner_shuffle(prl_learner *learner);
/* How many rows of the permutation, from `first` on, make a minibatch of at most `size`. */
int64_t prl_learner_part(const prl_learner *learner, int64_t first, int64_t size);

/* stale.c: rows that are dropped as stale are counted from now on. */
void prl_stale_ask(prl_learner *learner);

/* learner.c */
/* The share of the batch's rows, which are kept, that were acted under the objective in force, into a gauge;
 * not before it was changed. */
void prl_learner_report_objective(prl_learner *learner, int gauge);
/* What guards know, into their gauges. */
void prl_learner_report_guards(prl_learner *learner);
/* The frozen rows have been learned from. */
void prl_learner_release(prl_learner *learner);
/* Parameters, statistics and live options come into force. Fails: PRL_ENUMERIC (prl_policy_publish). */
prl_status prl_learner_publish(prl_learner *learner, prl_error *error);

#endif
