/* A version of the policy as bytes, so that another policy of the same networks acts by it. */
#include <string.h>

#include "agent/policy/parts.h"

/* Where the bytes are read and written; NULL: they are counted alone. */
typedef struct cursor {
  char *to;
  const char *from;
  int64_t size;
} cursor;

static void pass(cursor *c, void *data, int64_t bytes) {
  if (c->to) memcpy(c->to + c->size, data, (size_t)bytes);
  if (c->from) memcpy(data, c->from + c->size, (size_t)bytes);
  c->size += bytes;
}

/* All that changes with a version, in one order for both ways. */
static int64_t pass_all(prl_policy *p, cursor c) {
  const int64_t word = sizeof(float);
  for (int i = 0; i < p->sets->count; i++)
    if (p->published[i]) pass(&c, p->published[i]->value, p->published[i]->size * word);
  if (p->normalise) {
    pass(&c, p->normaliser.shift, p->normaliser.width * word);
    pass(&c, p->normaliser.scale, p->normaliser.width * word);
  }
  for (int i = 0; i < p->act.routine.inputs_count; i++) pass(&c, p->act.routine.inputs[i].to, word);
  for (int i = 0; i < p->shape->experience.arms; i++) {
    double share = prl_arms_share(p, i);
    pass(&c, &share, sizeof share);
    if (c.from) p->share[i] = (prl_ref){.live = -1, .number = share};
  }
  return c.size;
}

int64_t prl_policy_version_bytes(const prl_policy *p) { return pass_all((prl_policy *)p, (cursor){0}); }

void prl_policy_write_version(const prl_policy *p, void *to) {
  (void)pass_all((prl_policy *)p, (cursor){.to = to});
}

void prl_policy_read_version(prl_policy *p, const void *from) { (void)pass_all(p, (cursor){.from = from}); }

bool prl_policy_reads(const prl_policy *p, int option) {
  bool found = false;
  for (int i = 0; !found && i < p->act.routine.inputs_count; i++)
    found = p->act.routine.inputs[i].option == option;
  return found;
}

const char *prl_policy_bound(const prl_policy *p) {
  const prl_shape *s = p->shape;
  if (s->experience.memory)
    return "the policy has a memory (policy.memory): it acts where its streams' states are, by prl_agent_act";
  if (s->noise_theta > 0)
    return "the policy's noise is a process by stream: it acts where the processes stand, by prl_agent_act";
  if (s->experience.lasting)
    return "a part of the policy's noise lasts and is kept with each decision (lasting_noise): it acts by "
           "prl_agent_act";
  return NULL;
}
