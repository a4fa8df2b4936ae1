/* The agent's parts, and what its files call of one another. */
#ifndef PRL_AGENT_AGENT_H
#define PRL_AGENT_AGENT_H

#include "agent/live.h"
#include "agent/plan.h"
#include "autograd/program.h"
#include "perilune/agent.h"
#include "rl/experience.h"
#include "rl/normaliser.h"
#include "tensor/kernels.h"

typedef struct prl_critic {
  const char *name;
  prl_ref gamma, weight;
  const char *per;            /* what gamma is for: "step", or a unit of time */
  double unit;                /* of `per`, s; 0: a step */
  bool baseline;              /* scale comes from the warm-up */
  double *scale;              /* (1) rewards are divided by it */
  prl_expression *expression; /* the reward */
  bool normalise;             /* by PopArt */
  prl_popart *popart;
  double decay;
  float *layer_weight, *layer_bias; /* last layer, inside its set; NULL: none to rescale */
  int64_t layer_rows, layer_stride;
  double *baseline_sum; /* (1) Σ |reward| of the warm-up */
  float *reward;        /* (batch), scaled */
  float *advantage;     /* (batch) */
  float *returns;       /* (batch), normalised */
  float *value;         /* (2 × batch): rows, then bootstraps; normalised */
  double *episode;      /* (streams): the running episode's return, unscaled */
  int metric_return, metric_variance, metric_share;
  int metric_discount; /* only where it differs from step to step */
} prl_critic;

/* One number that is reported. sum and count gather within an update. */
typedef struct prl_gauge {
  double sum, count;
  double last;  /* of a program's last run */
  double value; /* in force; NaN: none yet */
} prl_gauge;

/* A batch input of a program: `width` numbers of each row. */
typedef struct prl_fill {
  prl_dtype dtype;
  void *to;
  const float *from;
  int64_t width;
} prl_fill;

typedef struct prl_scalar_input {
  float *to;
  int live;
} prl_scalar_input;

typedef struct prl_scalar_output {
  const float *from;
  int gauge;
} prl_scalar_output;

typedef struct prl_routine {
  const char *name;
  int64_t rows; /* planned */
  prl_program *program;
  prl_fill *fills;
  prl_scalar_input *inputs;
  prl_scalar_output *outputs;
  int fills_count, inputs_count, outputs_count;
} prl_routine;

typedef enum prl_verb_kind {
  PRL_VERB_COLLECT,
  PRL_VERB_ESTIMATE,
  PRL_VERB_EPOCHS,
  PRL_VERB_MINIBATCHES,
  PRL_VERB_RUN,
  PRL_VERB_COPY,
  PRL_VERB_STOP,
  PRL_VERB_PUBLISH,
  PRL_VERB_NEXT /* the end of a loop's body */
} prl_verb_kind;

typedef struct prl_verb {
  prl_verb_kind kind;
  int64_t
      number; /* collect: rows; epochs: count; minibatches: size; run: routine; stop: gauge; copy: set to */
  int64_t second;  /* copy: set from; estimate: normalise; stop: the outermost loop around it, −1 none */
  prl_ref ref;     /* estimate: lambda; copy: tau; stop: above */
  int partner;     /* of a loop: its end; of the end: its loop */
  int minibatches; /* the loop of minibatches around it; −1: none */
} prl_verb;

/* The integers of the agent: saved as they stand. */
typedef struct prl_agent_counts {
  int64_t verb;       /* of the schedule */
  int64_t stage;      /* of estimate */
  int64_t tile;       /* of estimate: rows whose values are known; then critics that are done */
  int64_t shuffles;   /* permutations drawn in this update */
  int64_t updates;    /* finished */
  int64_t version;    /* of the published policy */
  int64_t warm;       /* steps of the warm-up seen */
  int64_t warmed;     /* 1: the warm-up is over */
  int64_t unrecorded; /* calls of act that recorded nothing */
  int64_t driven;     /* 1: `drive` holds an environment's observations */
} prl_agent_counts;

/* Which draws a stream's chunk of noise holds. */
typedef struct prl_noise_tag {
  uint32_t key[2];
  uint32_t episode, chunk;
} prl_noise_tag;

/* Buffers of a vector env that the agent drives. */
typedef struct prl_drive {
  const prl_vecenv *env;
  int64_t n;
  float *observation, *final_observation, *action, *response;
  uint8_t *terminated, *truncated;
  int64_t *elapsed;
  int64_t lived_us; /* of all instances together, in the last call of prl_agent_drive */
  uint64_t *decisions;
} prl_drive;

struct prl_agent {
  prl_runtime *runtime;
  const prl_kernels *kernels;
  prl_doc *document;
  const prl_value *root;
  char hash[33];
  uint64_t seed;
  int32_t observations, actions, responses;
  prl_action_kind action_kind;
  const prl_value *observation_names;
  const char **response_names;
  int64_t noise, warmup, batch_rows, act_rows, tile_rows, idle_us, wait_us;
  bool drop_stale;
  const prl_critic *timed; /* the first that discounts by time; NULL: none does */

  int sets_count, optims_count, critics_count, routines_count, verbs_count, gauges_count, gauges_capacity;
  prl_params **sets;      /* the learner's */
  prl_params **published; /* (sets_count): copies that act reads; NULL where it does not */
  prl_optim **optims;
  prl_live live;
  prl_critic *critics;
  bool normalise;
  prl_normaliser normaliser;

  prl_experience *experience;
  prl_batch batch;
  float *observation; /* (2 × batch, O) normalised: what programs read */
  float *advantage;   /* (batch): the weighted sum */
  double *discount;   /* (batch): scratch of the critic that is estimated */
  int32_t *order;     /* (batch): the permutation of the minibatches */
  double *lengths;    /* (streams): steps of the running episode that were learned from */

  prl_routine *routines;
  int act, values; /* routines; values −1: none */
  prl_tensor *act_observation, *act_noise, *act_sample;
  const prl_tensor *act_action, *act_log_prob, *values_value;
  prl_tensor *values_observation;
  int64_t noise_steps; /* of a chunk */
  float *noise_chunks; /* (streams, noise_steps × noise): drawn ahead */
  prl_noise_tag *noise_tags;
  float *log_prob; /* (max(streams, act_rows)) of one call */

  prl_verb *verbs;
  int64_t *positions; /* (verbs) of the loops: epochs made; first row of the minibatch */
  bool filled;        /* the inputs of the run at the cursor are in place */
  bool failed;
  prl_error failure;

  prl_agent *next; /* of a swap: waits for the end of the update; NULL: none */
  prl_agent_counts n;
  prl_watch watch; /* of evaluations and drives */
  prl_drive drive;
  prl_gauge *gauges;
  char **gauge_names;
  prl_metric *metrics;
  int gauge_length, gauge_advantage_mean, gauge_advantage_std, gauge_responses, gauge_norms, gauge_counters;
  int64_t *optim_steps; /* (optims): as last looked at */
  prl_blocks blocks;
};

/* agent.c. values NULL: parameters start as zeros, to be loaded. */
prl_status prl_agent_build(prl_runtime *runtime, const prl_value *document, const prl_plan *values,
                           prl_agent **out, prl_error *error);
/* set, or −1 */
int prl_agent_set_find(const prl_agent *agent, const char *name, size_t length);

/* critics.c */
prl_status prl_critics_build(prl_agent *agent, prl_error *error);
void prl_critics_free(prl_agent *agent);
prl_status prl_critics_blocks(prl_agent *agent, prl_error *error);

/* routines.c: programs bound to the agent's buffers. */
prl_status prl_routines_build(prl_agent *agent, prl_error *error);
void prl_routines_free(prl_agent *agent);
int prl_routine_find(const prl_agent *agent, const char *name); /* −1: none */
/* Copies rows order[first …] (NULL: first …) of the frozen batch into the program's inputs. */
void prl_routine_fill(prl_routine *routine, const int32_t *order, int64_t first, int64_t rows);
void prl_routines_fill_live(prl_agent *agent); /* the frozen live options into every program */
void prl_routine_report(prl_agent *agent, const prl_routine *routine);

/* gauges.c: metrics. */
prl_status prl_gauge_add(prl_agent *agent, const char *prefix, const char *name, int *out, prl_error *error);
prl_status prl_gauges_build(prl_agent *agent, prl_error *error); /* those that every agent has */
void prl_gauges_free(prl_agent *agent);
static inline void prl_gauge_put(prl_agent *agent, int gauge, double value) {
  agent->gauges[gauge].sum += value;
  agent->gauges[gauge].count++;
}
void prl_gauges_clear(prl_agent *agent);   /* an update begins */
void prl_gauges_publish(prl_agent *agent); /* and ends */

/* schedule.c */
prl_status prl_schedule_build(prl_agent *agent, prl_error *error);
void prl_schedule_free(prl_agent *agent);
/* The number of closed steps that learning waits for; 0: it waits for none. */
int64_t prl_schedule_needs(const prl_agent *agent);

/* estimate.c. *done false: the deadline came first. */
prl_status prl_estimate_run(prl_agent *agent, const prl_verb *verb, int64_t deadline_ns, bool *done,
                            prl_error *error);
/* One part of the warm-up, from the closed steps. */
prl_status prl_estimate_warmup(prl_agent *agent, prl_error *error);

/* publish.c */
void prl_agent_publish_policy(prl_agent *agent);

/* swap.c: what waits takes over, if anything does. Call between two updates. */
void prl_agent_adopt(prl_agent *agent);

/* act.c */
typedef struct prl_draw_address { /* of the noise of unrecorded rows */
  const uint64_t *streams;
  const uint32_t *episode, *step;
} prl_draw_address;
prl_status prl_act_check(const prl_agent *agent, const float *observation, int64_t n, prl_error *error);
prl_status prl_act_rows(prl_agent *agent, const float *observation, int64_t n, prl_mode mode,
                        const prl_draw_address *address, float *action, prl_error *error);

/* drive.c: buffers for an environment of the agent's shape. Fails: PRL_ESHAPE, PRL_ENOMEM. */
prl_status prl_drive_make(const prl_agent *agent, const prl_vecenv *env, prl_drive *out, prl_error *error);
void prl_drive_free(prl_runtime *runtime, prl_drive *drive);

/* checkpoint.c */
prl_status prl_agent_register(prl_agent *agent, prl_error *error);

#endif
