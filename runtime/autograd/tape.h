/* A tape: runs ops as they come and writes them down as a graph, for gradients and for tracing programs. A
 * scope is the life of its values: from prl_tape_begin to prl_tape_end; ids of an ended scope mean nothing.
 * The memory stays for the next scope. */
#ifndef PRL_AUTOGRAD_TAPE_H
#define PRL_AUTOGRAD_TAPE_H

#include "autograd/graph.h"
#include "optim/optim.h"

typedef struct prl_tape prl_tape;

prl_status prl_tape_new(prl_runtime *runtime, prl_tape **out, prl_error *error);
void prl_tape_free(prl_tape *tape);

/* Opens a scope; returns its number (never 0). tracing: the graph is to become a program. Fails: PRL_ESTATE
 * (one is open already). */
prl_status prl_tape_begin(prl_tape *tape, bool tracing, uint64_t *scope, prl_error *error);
void prl_tape_end(prl_tape *tape);
uint64_t prl_tape_scope(const prl_tape *tape); /* 0 when none is open */
bool prl_tape_tracing(const prl_tape *tape);
void prl_tape_line(prl_tape *tape, int32_t line); /* the source line of what comes next */

/* Leaves. Input values are copied; constants are copied when tracing, else borrowed (retained until the scope
 * ends). */
prl_status prl_tape_input(prl_tape *tape, const char *name, const prl_tensor *value, bool batch, int32_t *id,
                          prl_error *error);
prl_status prl_tape_constant(prl_tape *tape, const prl_tensor *value, int32_t *id, prl_error *error);
prl_status prl_tape_number(prl_tape *tape, double number, int32_t *id,
                           prl_error *error); /* a constant scalar */
/* The number of the run (one int64) for draws: in a program the input "run", which counts its runs from 1;
 * eagerly the same count of the draws made by this tape. */
prl_status prl_tape_run_number(prl_tape *tape, int32_t *id, prl_error *error);
prl_status prl_tape_param(prl_tape *tape, prl_param *param, int32_t *id, prl_error *error);

/* Runs one op. Fails as the op's infer does; PRL_ENOMEM. */
prl_status prl_tape_op(prl_tape *tape, const prl_op *op, const prl_attrs *attrs, int inputs,
                       const int32_t *in, int32_t *out, prl_error *error);
/* Gradients of a scalar, added to the parameters' gradients of this scope (the first to come overwrites what
 * an earlier scope left). Fails: PRL_ESHAPE (not a scalar), PRL_EINVAL (depends on no parameter). */
prl_status prl_tape_backward(prl_tape *tape, int32_t loss, prl_error *error);
/* Steps and copies are written down but not made while tracing, so that a trace changes nothing.
 * One step of an optimizer from the gradients of this scope; parameters of the set without one count as zero.
 * lr, max_norm: value ids of scalars, or −1 for the optimizer's own. Fails: PRL_ENUMERIC (nothing stepped).
 */
prl_status prl_tape_step(prl_tape *tape, prl_optim *optim, int32_t lr, int32_t max_norm, prl_error *error);
/* to ← τ from + (1 − τ) to; tau −1 for 1. Sets of the same shapes. */
prl_status prl_tape_copy(prl_tape *tape, prl_params *to, prl_params *from, int32_t tau, prl_error *error);
/* Names a value as a result of the program. */
prl_status prl_tape_output(prl_tape *tape, const char *name, int32_t id, prl_error *error);

const prl_tensor *prl_tape_value(const prl_tape *tape, int32_t id);
const prl_tensor *prl_tape_grad(const prl_tape *tape, int32_t id); /* NULL where there is none */
/* Ends a tracing scope and hands its graph over. */
prl_graph *prl_tape_take(prl_tape *tape, prl_error *error);

#endif
