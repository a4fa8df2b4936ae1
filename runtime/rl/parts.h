/* What the files of an experience call of each other. */
#ifndef PRL_RL_PARTS_H
#define PRL_RL_PARTS_H

#include "rl/experience.h"

#define EVERY(index, count) for (int64_t index = 0; index < (count); index++)

enum { PRL_AHEAD = 12 }; /* places that are asked for before they are taken */

static inline float *prl_row_observation(prl_experience *e, int32_t row) {
  return e->observation + (int64_t)row * e->options.observations;
}

/* What a host gives of an observation, without the state of the policy's memory. */
static inline size_t prl_observed_bytes(const prl_experience *e) {
  return (size_t)(e->options.observations - e->options.memory) * sizeof(float);
}

/* The decision of the row at this place of the pool; of a ghost the one that may take its place. */
static inline uint64_t prl_row_decision(const prl_experience *e, int64_t row) {
  return (uint64_t)e->rows[row].generation << 32 | e->options.mark | (uint32_t)(row + 1);
}

/* The place of the pool in an id; not one of its places where the id is another experience's, or none. */
static inline int64_t prl_decision_place(const prl_experience *e, uint64_t decision) {
  return (int64_t)((uint32_t)decision ^ e->options.mark) - 1;
}

/* What follows it in its list; −1: nothing. */
static inline int32_t prl_event_next(const prl_experience *e, int64_t event) {
  const prl_event *at = &e->events[event];
  if (at->id || at->next) return at->next;
  return event + 1 < e->options.events ? (int32_t)event + 1 : -1;
}

/* What follows the row happens now. */
static inline void prl_row_lasts_until_now(const prl_experience *e, int32_t row) {
  prl_row *r = &e->rows[row];
  if (!r->told) r->elapsed = (float)((double)(e->n.now - r->time) * 1e-6);
}

/* Whether the stream's list ends with an observation that may become its next row. */
static inline bool prl_stream_observed(const prl_experience *e, const prl_stream *s) {
  return s->last >= 0 && e->rows[s->last].kind == PRL_ROW_GHOST && e->rows[s->last].end == PRL_END_NONE;
}

static inline bool prl_row_is_closed(const prl_experience *e, int32_t row) {
  return row >= 0 && e->rows[row].kind == PRL_ROW_REAL && e->rows[row].state & PRL_ROW_CLOSED;
}

/* Whether the row's final observation stands behind it. */
static inline bool prl_row_has_final(const prl_experience *e, int32_t row) {
  const prl_row *r = &e->rows[row];
  if (r->end != PRL_END_TERMINATED) return r->end == PRL_END_TRUNCATED || r->end == PRL_END_CUT;
  return r->next >= 0 && e->rows[r->next].kind == PRL_ROW_GHOST && e->rows[r->next].end == PRL_END_TERMINATED;
}

/* streams.c */
int32_t prl_streams_take(prl_experience *experience, uint64_t key); /* −1: no room */
void prl_streams_touch(prl_experience *experience, int32_t slot);   /* newest among open streams */
void prl_streams_untouch(prl_experience *experience, int32_t slot); /* no longer open */
/* record.c */
void prl_row_release(prl_experience *experience, int32_t row); /* its place is free again */
/* Closes the stream's episode of that number with its partner's, if both are through. */
void prl_pair_settle(prl_experience *experience, int32_t slot, uint32_t episode);
void prl_row_settle(prl_experience *experience, int32_t row); /* closes it if it is time */
/* Closed rows at the head of the stream that reach no batch. */
void prl_row_drop_left(prl_experience *experience, prl_stream *stream);
/* The closed row at the head of its stream is not learned from. */
void prl_row_stale(prl_experience *experience, prl_stream *stream, int32_t row);
/* Takes a closed row off the head of its stream, its final observation too. */
void prl_row_behead(prl_experience *experience, prl_stream *stream, int32_t row);
/* An observation at a place of the pool, with the state of the policy's memory before it. */
void prl_row_observe(prl_experience *experience, int32_t row, int32_t slot, const float *observation);
/* Adds an observation without a decision to the end of the stream's list. */
int32_t prl_row_ghost(prl_experience *experience, int32_t slot, const float *observation, uint8_t end);
void prl_row_succeed(prl_experience *experience, int32_t row); /* what follows the row is known now */

/* episodes.c: ends the run of rows with a final observation (NULL: the last one), which is what an episode
 * that is truncated, or goes on unrecorded, bootstraps from. */
void prl_stream_cut(prl_experience *experience, int32_t slot, const float *observation, uint8_t end);

/* check.c. In debug builds each function of experience.h that changes something begins with PRL_CHECKED: on
 * its way out a broken invariant ends the process, with a line on stderr. What a look costs is spread: one at
 * a thousand rows comes once in about sixteen changes. */
#ifdef NDEBUG
#define PRL_CHECKED(experience) (void)0
#else
typedef struct prl_checked {
  prl_experience *experience;
  const char *function;
} prl_checked;
void prl_experience_assert(prl_experience *experience, const char *after);
static inline void prl_checked_end(prl_checked *c) { prl_experience_assert(c->experience, c->function); }
#define PRL_CHECKED(experience)                                                                              \
  __attribute__((cleanup(prl_checked_end), unused)) prl_checked checked_ = {experience, __func__}
#endif

#endif
