/* Sequences: where the policy has a memory, the rows of a batch are learned from in stretches of rows that
 * follow each other in one episode. A gradient goes back to the stretch's first row, whose memory is that
 * with which it was acted. And the permutations of minibatches, of such stretches or of single rows. */
#include "agent/learner/parts.h"
#include "core/rng.h"

/* A stretch ends where the next row is no successor, and after so many rows. */
void prl_learner_cut(prl_learner *l) {
  const prl_batch *b = &l->batch;
  const int64_t most = l->shape->memory_stretch;
  int64_t length = 0;
  for (int64_t row = 0; most && row < b->rows; row++) {
    const bool goes_on = row && b->successor[row - 1] == row && length < most;
    length = goes_on ? length + 1 : 1;
    l->start[row] = !goes_on;
  }
}

/* The first rows of all stretches; how many there are. */
static int64_t list_stretches(prl_learner *l) {
  int64_t count = 0;
  for (int64_t row = 0; row < l->batch.rows; row++)
    if (l->start[row] != 0) l->stretches[count++] = (int32_t)row;
  return count;
}

/* By Fisher and Yates; Lemire's multiply-shift bounds a draw (its bias is below rows/2³²). */
static void permute(prl_learner *l, int32_t *items, int64_t count) {
  prl_rng rng = prl_rng_make(l->shape->seed, (uint64_t)l->n.updates, PRL_SITE_SHUFFLE);
  uint32_t words[4] = {0}, epoch = (uint32_t)l->n.shuffles++;
  for (int64_t i = count - 1, draw = 0; i > 0; i--, draw++) {
    if (draw % 4 == 0) prl_rng_block(rng, 0, epoch, 0, (uint32_t)(draw / 4), words);
    int64_t j = (int64_t)(((uint64_t)words[draw % 4] * (uint64_t)(i + 1)) >> 32);
    int32_t moved = items[i];
    items[i] = items[j];
    items[j] = moved;
  }
}

void prl_learner_shuffle(prl_learner *l) {
  const int64_t rows = l->batch.rows;
  if (!l->shape->memory_stretch) {
    for (int64_t i = 0; i < rows; i++) l->order[i] = (int32_t)i;
    permute(l, l->order, rows);
    return;
  }
  const int64_t count = list_stretches(l);
  int64_t at = 0;
  permute(l, l->stretches, count);
  for (int64_t i = 0; i < count; i++) {
    int64_t row = l->stretches[i];
    do l->order[at++] = (int32_t)row;
    while (++row < rows && l->start[row] == 0);
  }
}

int64_t prl_learner_part(const prl_learner *l, int64_t first, int64_t size) {
  const int64_t left = l->batch.rows - first;
  if (left <= size) return left;
  int64_t rows = size;
  while (l->shape->memory_stretch && rows > 0 && l->start[l->order[first + rows]] == 0) rows--;
  return rows ? rows : size; /* no stretch is longer */
}
