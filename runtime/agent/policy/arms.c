/* Several policies in one agent: which of them serves a stream. Program "act" is told the arm of each row. */
#include "agent/policy/parts.h"

prl_status prl_arms_build(prl_policy *p, const prl_value *root, prl_error *error) {
  const prl_value *list = prl_get(root, "arms");
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < p->shape->experience.arms; i++)
    status = prl_live_ref(p->live, prl_item(list, i), "arms", "share", 0, &p->share[i], error);
  return status;
}

double prl_arms_share(const prl_policy *p, int arm) {
  const prl_ref *ref = &p->share[arm];
  return ref->live < 0 ? ref->number : p->in_force[ref->live];
}

/* Shares as they are in force, relative to their sum; the first arm where all are 0. The salt is not that of
 * a control group, whose users would else be missing from one arm alone. */
uint8_t prl_policy_arm(const prl_policy *p, uint64_t group) {
  const int arms = p->shape->experience.arms;
  double share[PRL_ARMS_MOST], sum = 0;
  for (int i = 0; i < arms; i++) {
    const double given = prl_arms_share(p, i);
    sum += share[i] = given > 0 ? given : 0;
  }
  double at = (prl_bucket(group, "arms") + 0.5) / PRL_BUCKETS * sum;
  for (int i = 0; i < arms; i++) {
    if (at < share[i]) return (uint8_t)i;
    at -= share[i];
  }
  return 0;
}

void prl_policy_assign(const prl_policy *p, prl_experience *e, const uint64_t *streams,
                       const uint64_t *groups, int64_t n) {
  if (p->shape->experience.arms < 2) return;
  for (int64_t i = 0; i < n && i < e->options.streams; i++) {
    prl_stream *s = e->slot[i] < 0 ? NULL : &e->streams[e->slot[i]];
    if (s && !s->open) s->arm = prl_policy_arm(p, groups ? groups[i] : streams[i]);
  }
}

void prl_arms_fill(prl_policy *p, const prl_experience *e, int64_t first, int64_t n,
                   const prl_draw_address *address) {
  float *to = p->act.arm->data;
  for (int64_t i = 0, row = first; i < n; i++, row++) {
    const bool placed = !address && row < e->options.streams && e->slot[row] >= 0;
    to[i] = placed                    ? (float)e->streams[e->slot[row]].arm
            : address && address->arm ? (float)address->arm[row]
                                      : 0;
  }
}
