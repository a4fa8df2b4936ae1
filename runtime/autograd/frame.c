/* Executes one instruction: the same code for a tape and a program. */
#include "autograd/frame.h"

#include <string.h>

#include "autograd/ops_internal.h"

void prl_exec_forward(const prl_step_call *step) { step->op->forward(&step->call); }

static void touch_rows(prl_param *param, const prl_tensor *indices) {
  int64_t count = prl_tensor_count(indices);
  for (int64_t i = 0; i < count; i++) {
    int64_t row = index_at(indices, i, param->value.shape[0]);
    if (row >= 0) prl_param_touch(param, row); /* an id outside gave NaN forward */
  }
}

void prl_exec_backward(const prl_step_call *step) {
  const prl_call *call = &step->call;
  if (step->sparse) touch_rows(step->sparse, call->in[1]);
  for (int i = 0; step->clear >> i; i++)
    if (step->clear >> i & 1)
      memset(call->gin[i]->data, 0, (size_t)prl_tensor_count(call->gin[i]) * sizeof(float));
  step->op->backward(call);
  for (int i = 0; step->add >> i; i++)
    if (step->add >> i & 1)
      call->k->axpy(prl_tensor_count(step->sum[i]), 1, step->part[i].data, step->sum[i]->data);
}
