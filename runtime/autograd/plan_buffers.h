/* Places buffers with known lives into one block, so that those which are never alive together share bytes.
 */
#ifndef PRL_AUTOGRAD_PLAN_BUFFERS_H
#define PRL_AUTOGRAD_PLAN_BUFFERS_H

#include "core/memory.h"

typedef struct prl_buffer {
  size_t size;        /* bytes; 0: not placed */
  int32_t born, dies; /* first and last instruction that touches it, both inclusive */
  size_t offset;      /* out: a multiple of 64 */
} prl_buffer;

/* First fit in order of birth. *total: bytes of the block. Fails: PRL_ENOMEM. */
prl_status prl_plan_buffers(prl_runtime *runtime, prl_buffer *buffers, int32_t count, size_t *total,
                            prl_error *error);

#endif
