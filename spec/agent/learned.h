/* What an agent has learned, to be compared after a rollback. Include after support/check.h. */
#ifndef SPEC_AGENT_LEARNED_H
#define SPEC_AGENT_LEARNED_H

#include "agent/kept.h"

/* A copy of every learned block. */
static inline prl_kept *learned_of(prl_agent *a) {
  prl_error error;
  prl_kept *kept = NULL;
  CHECK_OK(prl_kept_new(a, &kept, &error));
  prl_doc *document = a->document;
  prl_kept_fill(kept, a);
  a->document = document;
  kept->document = NULL;
  return kept;
}

static inline void check_learned(const prl_kept *before, prl_agent *a) {
  prl_kept *now = learned_of(a);
  assert_int_equal(before->blocks.count, now->blocks.count);
  for (int i = 0; i < now->blocks.count; i++) {
    const prl_block *x = &before->blocks.items[i], *y = &now->blocks.items[i];
    assert_string_equal(x->name, y->name);
    if (memcmp(x->data, y->data, (size_t)x->count * prl_dtype_size(x->dtype)))
      fail_msg("%s differs", x->name);
  }
  prl_kept_free(now);
}

#endif
