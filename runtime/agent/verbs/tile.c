/* Verbs that take a batch tile by tile, a tile a turn. */
#include "agent/verbs/verb.h"

prl_status prl_verb_tile(prl_schedule *s, prl_verb *verb, int64_t all, prl_tile *tile, prl_turn *turn,
                         prl_error *error) {
  int64_t *at = &verb->cursor[PRL_TILE_ROWS], left = all - *at;
  const int64_t most = s->learner->shape->tile_rows, rows = left < most ? left : most;
  prl_status status = rows > 0 ? tile(s->learner, *at, rows, error) : PRL_OK;
  if (status) return status;
  *at += rows;
  if (*at < all)
    turn->next = verb->index;
  else
    *at = 0;
  return PRL_OK;
}

bool prl_verb_tile_holds(const prl_schedule *s, const prl_verb *verb) {
  return verb->cursor[PRL_TILE_ROWS] >= 0 && verb->cursor[PRL_TILE_ROWS] <= s->learner->batch.rows;
}
