/* A program: a graph with every buffer planned. A run does no allocation and calls no Lua. */
#ifndef PRL_AUTOGRAD_PROGRAM_H
#define PRL_AUTOGRAD_PROGRAM_H

#include "autograd/graph.h"
#include "optim/optim.h"

typedef struct prl_program prl_program;

/* Where a program finds its parameters and optimizers: by set name. Borrowed, must outlive the program. */
typedef struct prl_bindings {
  prl_params *const *sets;
  int sets_count;
  prl_optim *const *optims; /* each knows its set */
  int optims_count;
} prl_bindings;

/* Plans buffers for at most `rows` rows (the first dimension of batch inputs); takes the graph over, also on
 * failure. Fails: PRL_ENOMEM, PRL_ELIMIT (above the budget), PRL_ENAME (a set or parameter that the bindings
 * lack), PRL_ESHAPE. */
prl_status prl_program_new(prl_graph *graph, const prl_bindings *bindings, int64_t rows, prl_program **out,
                           prl_error *error);
/* The bytes of its buffers for so many rows, of which none is made. Fails: PRL_ENOMEM, PRL_ESHAPE. */
prl_status prl_program_measure(prl_graph *graph, int64_t rows, int64_t *bytes, prl_error *error);
void prl_program_free(prl_program *program);
/* The tensor of an input or output, NULL when there is none of that name. Pointers stay for the program's
 * life; the shape's first dimension follows prl_program_rows. Outputs are valid after a whole run until the
 * next begins. */
prl_tensor *prl_program_input(prl_program *program, const char *name);
const prl_tensor *prl_program_output(const prl_program *program, const char *name);
/* Where the rows of an input stand that its graph calls lent, before the first run: (planned rows, …), which
 * must outlive the program and stay as they are while it runs. */
void prl_program_lend(prl_program *program, const char *name, const void *rows);
int prl_program_outputs(const prl_program *program);
const char *prl_program_output_name(const prl_program *program, int index);
/* The number of rows of the next run. Fails: PRL_ELIMIT (more than planned), PRL_EINVAL (< 1), PRL_ESTATE
 * (half run). */
prl_status prl_program_rows(prl_program *program, int64_t rows, prl_error *error);
/* Runs from the cursor until the end or, where deadline_ns is not 0, until the clock passes it (looked at
 * between ops; from the first clip or step on, a run goes to its end). *done tells whether the end was
 * reached; the next call then starts anew. Fails: PRL_ENUMERIC (a loss or a gradient that is not finite:
 * names the first op whose result is not finite and an output that is not; parameters are as before the run).
 */
prl_status prl_program_run(prl_program *program, int64_t deadline_ns, bool *done, prl_error *error);
void prl_program_restart(prl_program *program); /* forget a half run */
int64_t prl_program_bytes(const prl_program *program);
const prl_graph *prl_program_graph(const prl_program *program);
/* One whole run that times each instruction for prl_program_print. */
prl_status prl_program_run_timed(prl_program *program, prl_error *error);
/* A listing: each op with shapes, place of its buffer and, when timed, its microseconds in the last timed run
 * (it is a real run: parameters step). Freed by prl_free. */
prl_status prl_program_print(prl_program *program, bool timed, char **text, prl_error *error);

#endif
