/* The shares of a ramp, and whose turn it is. */
#include "agent/control/shares.h"

#include <math.h>

#include "core/read.h"
#include "perilune/core.h"

prl_status prl_shares_read(prl_shares *s, const prl_value *root, prl_error *error) {
  const prl_value *map = prl_get(root, "ramp"), *list;
  if (!map) return PRL_OK;
  prl_status status = prl_read_value(root, "", "ramp", PRL_MAP, &map, error);
  if (!status) status = prl_read_value(map, "ramp", "shares", PRL_ARRAY, &list, error);
  if (!status) status = prl_read_number(map, "ramp", "after", true, 1, 1e15, &s->after, error);
  if (status) return status;
  const int64_t count = prl_count(list);
  bool good = count >= 1 && count <= PRL_SHARES_MOST;
  double before = 0;
  for (int64_t i = 0; good && i < count; i++) {
    const prl_value *one = prl_item(list, i);
    good = one->kind == PRL_NUMBER && one->as.number > before && one->as.number <= 1;
    if (good) before = s->share[i] = one->as.number;
  }
  if (!good || before < 1)
    return prl_read_fail("ramp", "shares", "1 to 16 ascending shares above 0, the last one 1", error);
  s->count = (int)count;
  return PRL_OK;
}

int prl_shares_list(prl_shares *s, prl_piece pieces[PRL_SHARES_PIECES]) {
  pieces[0] = (prl_piece){&s->at, s->count > 0, sizeof *s->at, true};
  return PRL_SHARES_PIECES;
}

prl_status prl_shares_blocks(prl_shares *s, prl_blocks *blocks, prl_error *error) {
  return s->count ? prl_blocks_add(blocks, "shares.at", PRL_I64, 1, s->at, error) : PRL_OK;
}

bool prl_shares_restore(const prl_shares *s) { return !s->count || (*s->at >= 0 && *s->at <= s->count); }

double prl_shares_now(const prl_shares *s) { return prl_shares_begun(s) ? s->share[*s->at - 1] : 1; }

/* The salt is not that of the control group, nor that of several policies, of whom each share has its part.
 */
bool prl_shares_leave(const prl_shares *s, uint64_t group) {
  return prl_shares_under_way(s) &&
         prl_bucket(group, "ramp") >= (int32_t)lround(prl_shares_now(s) * PRL_BUCKETS);
}
