/* The binder: programs of the plan, their inputs filled by name. Every program is bound here, the one that
 * acts too; an input that has neither a source nor a live option of its name is refused. */
#ifndef PRL_AGENT_PLAN_BINDER_H
#define PRL_AGENT_PLAN_BINDER_H

#include "agent/plan/live.h"
#include "autograd/program.h"
#include "rl/experience.h"

/* What the schedule has made when a program runs: an input needs what it is made of. */
enum {
  PRL_MADE_ROWS = 1,           /* a batch of rows: observations, actions, log-densities, ends */
  PRL_MADE_REWARDS = 2,        /* of each critic, scaled */
  PRL_MADE_VALUES = 4,         /* of each critic, at rows and bootstraps */
  PRL_MADE_ADVANTAGES = 8,     /* of each critic, and its returns */
  PRL_MADE_WEIGHTED = 16,      /* the weighted sum of advantages */
  PRL_MADE_MEMORY = 32,        /* rows in the replay memory */
  PRL_MADE_DRAW = 64,          /* a batch drawn from it */
  PRL_MADE_FROZEN = 128,       /* the batch is that of the frozen rows */
  PRL_MADE_RATIOS = 256,       /* of densities of its actions, now and when they were acted */
  PRL_MADE_NOVELTY = 512,      /* where its rows arrived, and the reward of the critic of novelty */
  PRL_MADE_CONTINUATION = 1024 /* of each row: how likely its episode went on */
};

/* Where an input "name" or "name/of" comes from. One of `from`, `ends` and `direct` is given. */
typedef struct prl_source {
  const char *name, *of; /* of: NULL, or the critic */
  int64_t width;         /* numbers of a row; 0: one scalar */
  const float *from;  /* (…, width): row i of a batch is from[i], or from[via[i]]; zeros where via[i] < 0 */
  const int32_t *via; /* NULL: the row itself */
  const int32_t *ends; /* (rows) PRL_END_…: 1 where it is `end`, else 0 */
  int32_t end;
  prl_tensor **direct; /* the caller fills the input itself: where it finds it; NULL there: not an input */
  bool required;
  unsigned needs; /* PRL_MADE_… */
} prl_source;

typedef struct prl_fill {
  const prl_source *source;
  prl_dtype dtype;
  void *to;
} prl_fill;

typedef struct prl_live_input {
  float *to;
  int option;
} prl_live_input;

/* A program bound to its sources. */
typedef struct prl_routine {
  prl_runtime *runtime;
  const char *name;
  int64_t rows; /* planned */
  prl_program *program;
  prl_fill *fills;
  prl_live_input *inputs;
  int fills_count, inputs_count;
  unsigned needs; /* of all its inputs: PRL_MADE_… */
} prl_routine;

/* The program of a graph, planned for `rows` rows; takes the graph over, also on failure. Names and sources
 * must outlive the routine. Inputs that the graph calls lent are read in `from`, whose first rows are those
 * of each run. Fails: PRL_EFORMAT (an unknown input, with the nearest name; one of another shape; a required
 * one that is not there), or as prl_program_new. */
prl_status prl_routine_init(prl_routine *routine, prl_runtime *runtime, const char *name, prl_graph *graph,
                            const prl_bindings *bindings, int64_t rows, const prl_source *sources,
                            int sources_count, const prl_live *live, prl_error *error);
void prl_routine_deinit(prl_routine *routine);
/* Copies rows order[first …] (NULL: first …) of the sources into the inputs. */
void prl_routine_fill(prl_routine *routine, const int32_t *order, int64_t first, int64_t rows);
/* Runs the program once over rows first … first + rows − 1 of the sources. Fails: as prl_program_rows and
 * prl_program_run. */
prl_status prl_routine_run(prl_routine *routine, int64_t first, int64_t rows, prl_error *error);
/* Live options into the inputs of their names; values: of all options, in their order. */
void prl_routine_fill_live(prl_routine *routine, const double *values);
/* The output as planned rows × width of float32 (or, where `whole`, an index type too); (rows) too where
 * width is 1. Fails: PRL_EFORMAT. */
prl_status prl_routine_output(const prl_routine *routine, const char *name, int64_t width, bool whole,
                              const prl_tensor **out, prl_error *error);

#endif
