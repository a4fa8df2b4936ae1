/* The shares of a ramp: how a policy that was swapped in comes to serve all. Groups whose bucket lies below
 * the share in force are its own; the others are left to the policy before (agent/ramp.h). The next share
 * comes when all guards on responses hold and enough users of the new policy have counted. */
#ifndef PRL_AGENT_CONTROL_SHARES_H
#define PRL_AGENT_CONTROL_SHARES_H

#include "core/pieces.h"
#include "core/value.h"
#include "rl/blocks.h"

enum { PRL_SHARES_MOST = 16 };

typedef struct prl_shares {
  int count; /* 0: the plan has no ramp */
  double share[PRL_SHARES_MOST];
  double after; /* users of the new policy who count, before the next share comes */
  int64_t *at;  /* (1) how many shares have come into force; 0: nothing is ramped */
} prl_shares;

/* `ramp` of the plan's document, which may be absent: {shares = [ascending, the last one 1], after}. Fails:
 * PRL_EFORMAT. */
prl_status prl_shares_read(prl_shares *shares, const prl_value *root, prl_error *error);
enum { PRL_SHARES_PIECES = 1 };
int prl_shares_list(prl_shares *shares, prl_piece pieces[PRL_SHARES_PIECES]);
prl_status prl_shares_blocks(prl_shares *shares, prl_blocks *blocks, prl_error *error);
bool prl_shares_restore(const prl_shares *shares);

/* The share in force; 1 where nothing is ramped. */
double prl_shares_now(const prl_shares *shares);
static inline bool prl_shares_begun(const prl_shares *shares) { return shares->count && *shares->at > 0; }
/* Whether a share below 1 is in force. */
static inline bool prl_shares_under_way(const prl_shares *shares) {
  return prl_shares_begun(shares) && *shares->at < shares->count;
}
/* Whether the group is left to the policy before. */
bool prl_shares_leave(const prl_shares *shares, uint64_t group);

#endif
