/* A frame: the tensors behind a graph's values while it runs. A tape's frame grows as ops come; a program's
 * is planned. The code that executes an instruction is one and the same for both. */
#ifndef PRL_AUTOGRAD_FRAME_H
#define PRL_AUTOGRAD_FRAME_H

#include "autograd/graph.h"
#include "optim/optim.h"

/* One op's call with the room for gradients that must be added to what is there. */
typedef struct prl_step_call {
  prl_call call;
  const prl_op *op;
  uint32_t add;                    /* which gin[i] go to `part` first and are then added to `sum` */
  uint32_t clear;                  /* which gin[i] an op that adds rows needs zeroed first */
  prl_tensor part[PRL_MAX_INPUTS]; /* borrowed scratch */
  prl_tensor *sum[PRL_MAX_INPUTS];
  prl_param *sparse; /* in[0]'s row-sparse parameter, whose touched rows are to be marked */
} prl_step_call;

void prl_exec_forward(const prl_step_call *step);
void prl_exec_backward(const prl_step_call *step);

#endif
