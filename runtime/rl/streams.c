/* Finds the slot of a stream by its key, forgets streams, and keeps the open ones in order of time. */
#include "rl/parts.h"

#include <string.h>

#include "core/rng.h"

/* A stream's slot is found by open addressing with linear probing; deletion shifts the following entries
 * back, so that there are no tombstones. */

static uint64_t hash(uint64_t key) {
  key ^= key >> 32;
  key *= 0x9e3779b97f4a7c15u;
  return key ^ (key >> 29);
}

static int64_t home(const prl_experience *e, uint64_t key) {
  return (int64_t)(hash(key) & (uint64_t)(e->table_size - 1));
}

static int64_t after(const prl_experience *e, int64_t place) { return (place + 1) & (e->table_size - 1); }

int32_t prl_streams_find(const prl_experience *e, uint64_t key) {
  for (int64_t place = home(e, key); e->table[place]; place = after(e, place)) {
    int32_t slot = e->table[place] - 1;
    if (e->streams[slot].key == key) return slot;
  }
  return -1;
}

static void table_add(prl_experience *e, uint64_t key, int32_t slot) {
  int64_t place = home(e, key);
  while (e->table[place]) place = after(e, place);
  e->table[place] = slot + 1;
}

bool prl_streams_rebuild(prl_experience *e) {
  memset(e->table, 0, (size_t)e->table_size * sizeof *e->table);
  for (int64_t slot = 0; slot < e->n.streams_used; slot++) {
    if (prl_streams_find(e, e->streams[slot].key) >= 0) return false;
    table_add(e, e->streams[slot].key, (int32_t)slot);
  }
  return true;
}

static void table_remove(prl_experience *e, uint64_t key) {
  int64_t place = home(e, key);
  while (e->streams[e->table[place] - 1].key != key) place = after(e, place);
  int64_t hole = place, mask = e->table_size - 1;
  for (int64_t at = after(e, hole); e->table[at]; at = after(e, at)) {
    int64_t wanted = home(e, e->streams[e->table[at] - 1].key);
    /* The entry may move into the hole unless its home lies behind the hole, in probing order. */
    if (((at - wanted) & mask) >= ((at - hole) & mask)) {
      e->table[hole] = e->table[at];
      hole = at;
    }
  }
  e->table[hole] = 0;
}

/* A stream between two episodes can be forgotten, first of all one whose rows are all learned from. Rows that
 * are not stay in the list of the slot: each has its end there, so that what follows them may be another
 * stream's. The search goes round, so that its cost is spread over the calls. */
static int32_t forget_one(prl_experience *e) {
  for (int64_t tried = 0; tried < 2 * e->options.streams; tried++) {
    int32_t slot = (int32_t)e->n.hand;
    e->n.hand = (e->n.hand + 1) % e->options.streams;
    prl_stream *s = &e->streams[slot];
    bool learned = s->first < 0 || tried >= e->options.streams;
    if (s->open || !learned || s->call == (uint32_t)e->n.call) continue;
    table_remove(e, s->key);
    e->n.forgotten = e->n.forgotten + 1 > s->episode ? e->n.forgotten + 1 : s->episode;
    return slot;
  }
  return -1;
}

int32_t prl_streams_take(prl_experience *e, uint64_t key) {
  bool fresh = e->n.streams_used < e->options.streams;
  int32_t slot = fresh ? (int32_t)e->n.streams_used++ : forget_one(e);
  if (slot < 0) return -1;
  int32_t first = fresh ? -1 : e->streams[slot].first, last = fresh ? -1 : e->streams[slot].last;
  /* The second of a pair has the draws of the first, which the policy turns round. */
  const uint64_t drawn = e->options.paired ? key & ~PRL_SECOND : key;
  prl_rng rng = prl_rng_make(e->options.seed, drawn, PRL_SITE_ACTION);
  /* A stream that was forgotten and comes again must not draw the same noise again: its episodes are numbered
   * from a count that has grown since. */
  e->streams[slot] = (prl_stream){.key = key,
                                  .rng = {rng.key[0], rng.key[1]},
                                  .episode = (uint32_t)e->n.forgotten,
                                  .first = first,
                                  .last = last,
                                  .row = -1,
                                  .older = -1,
                                  .newer = -1,
                                  .used = 1};
  table_add(e, key, slot);
  return slot;
}

void prl_streams_untouch(prl_experience *e, int32_t slot) {
  if (!e->options.idle_us) return;
  prl_stream *s = &e->streams[slot];
  if (s->older >= 0)
    e->streams[s->older].newer = s->newer;
  else if (e->n.idle_head == slot)
    e->n.idle_head = s->newer;
  else
    return; /* was not in the list */
  if (s->newer >= 0)
    e->streams[s->newer].older = s->older;
  else
    e->n.idle_tail = s->older;
  s->older = s->newer = -1;
}

void prl_streams_touch(prl_experience *e, int32_t slot) {
  if (!e->options.idle_us || e->n.idle_tail == slot) return;
  prl_streams_untouch(e, slot);
  prl_stream *s = &e->streams[slot];
  s->older = (int32_t)e->n.idle_tail;
  s->newer = -1;
  if (s->older >= 0)
    e->streams[s->older].newer = slot;
  else
    e->n.idle_head = slot;
  e->n.idle_tail = slot;
}
