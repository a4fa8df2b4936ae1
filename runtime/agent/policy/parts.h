/* The fields of a policy, for the files of this folder alone. */
#ifndef PRL_AGENT_POLICY_PARTS_H
#define PRL_AGENT_POLICY_PARTS_H

#include "agent/plan/binder.h"
#include "agent/policy/policy.h"
#include "rl/normaliser.h"
#include "tensor/kernels.h"

/* Which draws a stream's chunk of noise holds, or at which step its process stands. */
typedef struct prl_noise_tag {
  uint32_t key[2];
  uint32_t episode, index;
} prl_noise_tag;

/* The draws of recorded rows, made ahead, and the processes that they drive (noise.c). */
typedef struct prl_noise {
  int64_t width; /* of a row, but for those that last where others do not; 0: none */
  int64_t draws; /* of a chunk, `width` each */
  float *chunks; /* (streams, draws × width) */
  prl_noise_tag *tags;
  double *process; /* (streams, width), where there is one. Saved, with where it stands */
  prl_noise_tag *stands;
} prl_noise;

/* A program over observations, with inputs that its caller fills. */
typedef struct prl_act_program {
  prl_routine routine;
  prl_tensor *observation, *noise, *sample, *arm;
  const prl_tensor *action, *log_prob; /* log_prob NULL: what acts has no density */
  const prl_tensor *memory;            /* what its state comes to; NULL: the policy has none */
} prl_act_program;

/* Log-densities of given actions, or (without `action`) of all choices. */
typedef struct prl_density_program {
  prl_routine routine;
  prl_tensor *observation, *action, *arm;
  const prl_tensor *log_prob;
} prl_density_program;

/* The integers of the policy: saved as they are. */
typedef struct prl_policy_counts {
  int64_t version;
  int64_t calls; /* answered */
} prl_policy_counts;

struct prl_policy {
  prl_runtime *runtime;
  const prl_kernels *kernels;
  const prl_shape *shape;
  const prl_sets *sets;
  const prl_live *live;
  double *in_force;       /* (live options) as of the last publish: what acts reads */
  prl_params **published; /* (sets); NULL where nothing that acts reads the set */
  prl_act_program act;
  bool publishes;                         /* a schedule learns, and brings new versions into force */
  prl_act_program trial;                  /* act by the learner's own parameters */
  const prl_value *programs;              /* of the document */
  prl_density_program density, densities; /* made when they are first asked for */
  bool normalise, gathers;                /* observations are normalised; by statistics that go on */
  prl_normaliser normaliser;
  prl_noise noise;
  prl_ref share[PRL_ARMS_MOST]; /* of streams, of several policies (arms.c) */
  float *log_prob;              /* (room) of the last call that acted */
  float *lasting;               /* (room, experience.lasting) likewise */
  float *memory;                /* (room, memory) what the states of its rows came to */
  int64_t room;                 /* max(streams, act_rows) */
  int64_t acted;                /* rows of the last call that are in log_prob and memory */
  prl_policy_counts n;
};

/* policy.c: a program of the plan over the published sets, which are those that act reads. Fails: PRL_EFORMAT
 * (it reads another), or as prl_routine_init. */
prl_status prl_policy_routine(prl_policy *policy, const prl_value *text, const char *name,
                              const prl_source *sources, int count, prl_routine *out, prl_error *error);

/* policy.c: the graph of `act` bound for so many rows; takes the graph over. Fails as prl_routine_init. */
prl_status prl_act_bind(prl_policy *policy, prl_act_program *act, prl_graph *graph,
                        const prl_bindings *bindings, int64_t rows, prl_error *error);

/* trial.c. observation: the normalised rows of the last batch. Fails: PRL_ENUMERIC (an action or a
 * log-density that is not finite: its row). */
prl_status prl_trial_build(prl_policy *policy, const prl_value *text, prl_error *error);
prl_status prl_trial_run(prl_policy *policy, const float *observation, int64_t rows, prl_error *error);

/* Blocks that grow with capacities. */
enum { PRL_POLICY_PIECES = 7 };

/* noise.c: fills the noise of rows first … first + n − 1 of a call. */
int64_t prl_noise_width(const prl_shape *shape);
int64_t prl_noise_draws(int64_t width); /* of a chunk */
void prl_noise_build(prl_policy *policy);
prl_status prl_noise_blocks(prl_policy *policy, prl_blocks *blocks, prl_error *error);
bool prl_noise_restore(const prl_policy *policy);
/* Processes go on where another policy's stand, whose streams are the same. */
void prl_noise_continue(prl_policy *to, const prl_policy *from);
void prl_noise_draw(prl_policy *policy, const prl_experience *experience, int64_t first, int64_t n,
                    prl_mode mode, const prl_draw_address *address);

/* memory.c: rows first … first + n − 1 of a call as `act` reads them, normalised and with the states of their
 * memories; and what those came to, after it ran. Fails: PRL_ENUMERIC (a state that is not finite). */
void prl_memory_fill(prl_policy *policy, const prl_experience *experience, const float *observation,
                     int64_t first, int64_t n, const prl_draw_address *address);
prl_status prl_memory_keep(prl_policy *policy, int64_t first, int64_t n, const prl_draw_address *address,
                           prl_error *error);

/* arms.c: `arms` of the document, and the arm of each row of a call into program "act". */
prl_status prl_arms_build(prl_policy *policy, const prl_value *root, prl_error *error);
double prl_arms_share(const prl_policy *policy, int arm); /* in force */
void prl_arms_fill(prl_policy *policy, const prl_experience *experience, int64_t first, int64_t n,
                   const prl_draw_address *address);

#endif
