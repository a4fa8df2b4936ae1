/* The learner: critics, the batch that an update learns from, the programs that learn, and metrics. Verbs
 * (agent/verbs) work on its fields (parts.h); everybody else calls these. */
#ifndef PRL_AGENT_LEARNER_LEARNER_H
#define PRL_AGENT_LEARNER_LEARNER_H

#include "agent/control/control.h"

typedef struct prl_learner prl_learner;
typedef struct prl_critic prl_critic; /* learner/parts.h */
typedef struct prl_shared prl_shared; /* learner/shared.h */

/* What the learner works with; all of it must outlive the learner. */
typedef struct prl_learner_parts {
  const prl_value *root; /* the plan's document */
  const prl_shape *shape;
  prl_sets *sets;
  prl_live *live;
  prl_policy *policy;
  prl_experience *experience;
  prl_control *control;      /* NULL: there is no control group */
  const prl_learner *source; /* of a shadow: whose rows it learns from; NULL: it has rows of its own */
} prl_learner_parts;

/* What the rows of an update take, with so many critics. */
int64_t prl_learner_bytes(const prl_shape *shape, int critics);
/* Whether a program of this name is run by the schedule; others act, or tell values and densities. */
bool prl_learner_runs(const char *name);
/* The most rows of one run of the program of this name by the schedule of the document. */
int64_t prl_learner_rows(const prl_shape *shape, const prl_value *root, const char *name);
/* Marks the inputs that this program reads in the batch, where it runs over all rows alone: as they stand,
 * they are not copied. */
void prl_learner_lend(const prl_value *root, const char *name, prl_graph *graph);
/* Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_learner_new(prl_runtime *runtime, const prl_learner_parts *parts, prl_learner **out,
                           prl_error *error);
void prl_learner_free(prl_learner *learner);
prl_status prl_learner_blocks(prl_learner *learner, prl_blocks *blocks, prl_error *error);
/* After the blocks were read from a file. False: they hold what cannot be. */
bool prl_learner_restore(prl_learner *learner);
/* Goes on with the other's replay memory, of no more rows; after the experience was taken over. Both have
 * one.
 */
void prl_learner_remember(prl_learner *to, const prl_learner *from);
int64_t prl_learner_remembered(const prl_learner *learner); /* rows in its replay memory */
/* Scales "baseline" that no warm-up has measured are measured on what the running agent remembers: the mean
 * of |reward|. Fails: PRL_EINVAL (there is no replay memory, or it has too few steps), PRL_ENUMERIC (the mean
 * is 0 or not finite). */
prl_status prl_learner_measure(prl_learner *to, const prl_learner *from, prl_error *error);
/* Whether it learns from the densities of the actions that rows hold. */
bool prl_learner_reads_densities(const prl_learner *learner);
/* Fails where the new plan learns from densities of actions and rows of the running agent have none:
 * PRL_EINVAL. */
prl_status prl_learner_check_densities(const prl_learner *to, const prl_learner *from, prl_error *error);
/* What one learner hands to another: the critics' statistics and the optimizers' counts of steps.
 * extent[i]: how much of set i of the new sets was taken over; growth: by what, for the migration's words. */
void prl_learner_take(prl_learner *to, const prl_learner *from, const prl_extent *extent,
                      const struct prl_growth *growth, prl_migration *migration);
/* Goes on where `from` is: its running episodes and counts; the warm-up is over. */
void prl_learner_continue(prl_learner *to, const prl_learner *from);
/* Before its first step, in place of prl_learner_take: only critics whose rewards have the same scale take
 * statistics. observed: those of observations are known; where the scales are too, no warm-up is needed. */
void prl_learner_start(prl_learner *to, const prl_learner *from, const prl_extent *extent, bool observed);
int prl_learner_critics(const prl_learner *learner); /* of the objective: that of novelty is none */
const char *prl_learner_critic(const prl_learner *learner, int critic);
/* As prl_agent_values, prl_agent_rewards and prl_agent_value_parameters, of arguments that were checked. */
prl_status prl_learner_values(prl_learner *learner, const float *observation, int64_t n, float *values,
                              prl_error *error);
prl_status prl_learner_rewards(prl_learner *learner, const float *response, int64_t n, float *rewards,
                               prl_error *error);
prl_status prl_learner_value_parameters(const prl_learner *learner, int64_t *count, prl_error *error);
/* Whether critic i normalises its returns by statistics of its own, and has some. */
bool prl_learner_statistics(const prl_learner *learner, int critic, const char **name, bool *begun);

int64_t prl_learner_updates(const prl_learner *learner); /* finished */
/* As prl_agent_refit. */
prl_refit_stage prl_learner_refit(const prl_learner *learner, int64_t *updates);
bool prl_learner_multipliers(
    const prl_learner *learner); /* whether any multiplier of a constraint is learned */
/* Metrics of several updates and workers: tally (2 × gauges) has sums and then counts, to which the values of
 * the last update are added; a report makes their means the metrics. */
int prl_learner_gauges(const prl_learner *learner);
void prl_learner_tally(const prl_learner *learner, double *tally);
void prl_learner_report(prl_learner *learner, const double *tally);
/* The metrics of the last published update and the counters. */
int prl_learner_metrics(const prl_learner *learner, const prl_metric **list);
/* All that it may report, without values. */
int prl_learner_meanings(const prl_learner *learner, const prl_metric **list);
/* The divisor of the critic's rewards; NULL: there is none of that name. */
const double *prl_learner_scale(const prl_learner *learner, const char *critic, size_t length);
/* A constraint whose multiplier has been at its bound for long while its violation did not fall: its name,
 * that bound and the violation, in units of the constraint's. False: there is none. */
bool prl_learner_stuck(const prl_learner *learner, const char **constraint, double *bound, double *violation);
/* The last value of a metric; false: it has none, or there is none of that name. */
bool prl_learner_metric(const prl_learner *learner, const char *name, double *value);
/* A critic that discounts by time: its name and unit. False: there is none. */
bool prl_learner_timed(const prl_learner *learner, const char **critic, const char **per);

/* ---- a shadow: another learner of the same rows (beside.c) ---- */

/* From its next update on a learner gives its rows to a shadow, which must not be freed before; NULL: to
 * none. */
void prl_learner_hand_to(prl_learner *learner, prl_learner *shadow);
/* Whether a shadow has rows that it has not learned from yet; then its schedule is to be executed. */
bool prl_learner_handed(const prl_learner *shadow);
/* Gives up what it was given: its update ended, or failed. */
void prl_learner_take_back(prl_learner *shadow);
/* Whether a metric of a shadow is about itself, rather than about what acts. */
bool prl_learner_own_metric(const char *name);
/* The multipliers of constraints, which are moved by what acts. */
void prl_learner_take_multipliers(prl_learner *to, const prl_learner *from);

/* ---- the warm-up ---- */

/* The number of closed steps that the warm-up waits for; 0: it is over. */
int64_t prl_learner_warmup_needs(const prl_learner *learner);
/* One part of the warm-up, from the closed steps. Fails: PRL_ENUMERIC. */
prl_status prl_learner_warm_up(prl_learner *learner, prl_error *error);

#endif
