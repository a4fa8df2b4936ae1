/* The plan as data: its document (runtime/agent/README.md) and the starting values of its parameters. */
#ifndef PRL_AGENT_PLAN_PLAN_H
#define PRL_AGENT_PLAN_PLAN_H

#include "core/value.h"
#include "perilune/agent.h"
#include "perilune/tensor.h"

typedef struct prl_plan_tensor {
  const char *name; /* "set:param" */
  prl_tensor value; /* float32 */
} prl_plan_tensor;

struct prl_plan {
  prl_runtime *runtime;
  prl_doc *document;
  int count;
  prl_plan_tensor *tensors;
  char hash[33];
  prl_schedules schedules; /* what they do in a swap */
};

/* Takes the document, which becomes NULL, unless it fails; tensors are copied. Everything is checked when an
 * agent is made of it; here the hash and that each parameter has its values, of the declared shape. Fails:
 * PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_plan_new_from(prl_runtime *runtime, prl_doc **document, const prl_plan_tensor *tensors,
                             int count, prl_plan **out, prl_error *error);
const prl_value *prl_plan_document(const prl_plan *plan);
/* NULL: none of that name. */
const prl_tensor *prl_plan_tensor_find(const prl_plan *plan, const char *set, const char *param);

#endif
