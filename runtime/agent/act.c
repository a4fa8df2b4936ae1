/* Acting for a host's streams. Where there is a control group, the rows of a call are split between the two
 * policies: gathered, those of the policy that learns first, and scattered to their places. */
#include <string.h>

#include "agent/ramp.h"
#include "core/arguments.h"

/* ---- one side ---- */

prl_side prl_agent_own(const prl_agent *a, prl_mode mode) {
  if (prl_learner_warmup_needs(a->learner)) mode = PRL_MEAN;
  return (prl_side){a->policy, a->experience, mode, a->ramp};
}

prl_side prl_agent_other(const prl_agent *a) {
  return (prl_side){prl_control_policy(a->control), prl_control_experience(a->control), PRL_MEAN, NULL};
}

/* After prl_experience_enter, where decisions are recorded. */
static prl_status act_entered(const prl_side *side, const uint64_t *streams, const uint64_t *groups,
                              const float *observation, int64_t n, bool recorded, float *action,
                              prl_error *error) {
  if (recorded) prl_policy_assign(side->policy, side->experience, streams, groups, n);
  const prl_draw_address address = {.streams = streams};
  prl_status status = side->ramp
                          ? prl_ramp_act(side, streams, groups, observation, n, recorded, action, error)
                          : prl_policy_act(side->policy, side->experience, observation, n, side->mode,
                                           recorded ? NULL : &address, action, error);
  if (!status) prl_policy_answered(side->policy);
  return status;
}

static void record(const prl_side *side, const float *observation, const float *action, int64_t n,
                   uint64_t *decisions) {
  const prl_decided decided = {.observation = observation,
                               .action = action,
                               .log_prob = prl_policy_log_prob(side->policy),
                               .lasting = prl_policy_lasting(side->policy),
                               .memory = prl_policy_memory(side->policy),
                               .version = (uint64_t)prl_policy_version(side->policy)};
  prl_experience_record(side->experience, &decided, n, decisions);
}

prl_status prl_side_act(const prl_side *side, const uint64_t *streams, const uint64_t *groups,
                        const float *observation, int64_t n, float *action, uint64_t *decisions,
                        prl_error *error) {
  prl_status status = decisions ? prl_experience_enter(side->experience, streams, n, error) : PRL_OK;
  if (!status) status = act_entered(side, streams, groups, observation, n, decisions != NULL, action, error);
  if (!status && decisions) record(side, observation, action, n, decisions);
  return status;
}

/* ---- both sides ---- */

enum { PIECES = 7 };

static void list_pieces(prl_split *s, const prl_shape *shape, prl_piece pieces[PIECES]) {
  const int64_t streams = shape->experience.streams, word = sizeof(float);
  s->room = streams > shape->act_rows ? streams : shape->act_rows;
  const prl_piece all[PIECES] = {{&s->row, s->room, sizeof *s->row, true},
                                 {&s->stream, s->room, sizeof *s->stream, true},
                                 {&s->group, s->room, sizeof *s->group, true},
                                 {&s->decision, s->room, sizeof *s->decision, true},
                                 {&s->observation, s->room, shape->spec.observations * word, true},
                                 {&s->action, s->room, shape->spec.actions * word, true},
                                 {&s->log_prob, s->room, word, true}};
  memcpy(pieces, all, sizeof all);
}

int64_t prl_split_bytes(const prl_value *root, const prl_shape *shape) {
  prl_split sized = {0};
  prl_piece pieces[PIECES];
  list_pieces(&sized, shape, pieces);
  return prl_get(root, "control") ? prl_pieces_bytes(pieces, PIECES) : 0;
}

prl_status prl_split_init(prl_agent *a, prl_error *error) {
  prl_piece pieces[PIECES];
  a->split.acted = -1;
  if (!a->control) return PRL_OK;
  list_pieces(&a->split, a->shape, pieces);
  return prl_pieces_new(a->runtime, pieces, PIECES, error);
}

void prl_split_deinit(prl_agent *a) {
  prl_piece pieces[PIECES];
  if (!a->split.room) return;
  list_pieces(&a->split, a->shape, pieces);
  prl_pieces_free(a->runtime, pieces, PIECES);
}

/* Gathers n rows; returns how many of them the policy that learns serves, which come first. */
static int64_t gather(prl_agent *a, const uint64_t *streams, const uint64_t *groups, const float *observation,
                      int64_t n) {
  prl_split *s = &a->split;
  const int64_t width = a->shape->spec.observations;
  int64_t own = 0, other = n;
  for (int64_t i = 0; i < n; i++) {
    const uint64_t group = groups ? groups[i] : streams[i];
    s->row[prl_control_serves(a->control, a->experience, streams[i], group) ? --other : own++] = i;
  }
  for (int64_t i = own, k = n - 1; i < k; i++, k--) { /* they were put there from behind */
    const int64_t row = s->row[i];
    s->row[i] = s->row[k];
    s->row[k] = row;
  }
  for (int64_t i = 0; i < n; i++) {
    s->stream[i] = streams[s->row[i]];
    s->group[i] = groups ? groups[s->row[i]] : s->stream[i];
    memcpy(s->observation + i * width, observation + s->row[i] * width, (size_t)width * sizeof(float));
  }
  return own;
}

/* Rows `first` on of the gathered ones, back to their places. */
static void scatter(const prl_agent *a, int64_t first, int64_t n, const float *log_prob, float *action,
                    uint64_t *decisions) {
  const prl_split *s = &a->split;
  const int64_t width = a->shape->spec.actions;
  for (int64_t i = first; i < first + n; i++) {
    memcpy(action + s->row[i] * width, s->action + i * width, (size_t)width * sizeof(float));
    if (decisions) decisions[s->row[i]] = s->decision[i];
    if (!s->acted) s->log_prob[s->row[i]] = log_prob[i - first];
  }
}

/* At most split.room rows. Both sides act before either records: after a failure nothing is recorded. */
static prl_status act_both(prl_agent *a, const uint64_t *streams, const uint64_t *groups,
                           const float *observation, int64_t n, prl_mode mode, float *action,
                           uint64_t *decisions, prl_error *error) {
  prl_split *s = &a->split;
  const prl_side sides[2] = {prl_agent_own(a, mode), prl_agent_other(a)};
  const int64_t own = gather(a, streams, groups, observation, n);
  const int64_t first[2] = {0, own}, count[2] = {own, n - own};
  const int64_t o = a->shape->spec.observations, w = a->shape->spec.actions;
  prl_status status = PRL_OK;
  for (int k = 0; !status && decisions && k < 2; k++)
    status = prl_experience_enter(sides[k].experience, s->stream + first[k], count[k], error);
  for (int k = 0; !status && k < 2; k++)
    status = act_entered(&sides[k], s->stream + first[k], s->group + first[k], s->observation + first[k] * o,
                         count[k], decisions != NULL, s->action + first[k] * w, error);
  if (status) return status;
  for (int k = 0; k < 2; k++) {
    if (decisions)
      record(&sides[k], s->observation + first[k] * o, s->action + first[k] * w, count[k],
             s->decision + first[k]);
    scatter(a, first[k], count[k], prl_policy_log_prob(sides[k].policy), action, decisions);
  }
  return PRL_OK;
}

/* In parts that have room. The first part's log-densities are kept. */
static prl_status act_split(prl_agent *a, const uint64_t *streams, const uint64_t *groups,
                            const float *observation, int64_t n, prl_mode mode, float *action,
                            uint64_t *decisions, prl_error *error) {
  const int64_t o = a->shape->spec.observations, w = a->shape->spec.actions, room = a->split.room;
  prl_status status = PRL_OK;
  prl_control_pair(a->control, false);
  a->split.acted = 0;
  for (int64_t first = 0; !status && first < n; first += room) {
    const int64_t count = n - first < room ? n - first : room;
    status = act_both(a, streams + first, groups ? groups + first : NULL, observation + first * o, count,
                      mode, action + first * w, decisions ? decisions + first : NULL, error);
    if (!status && !first) a->split.acted = count;
  }
  return status;
}

/* ---- the host's call ---- */

static prl_status check(const prl_agent *a, const uint64_t *streams, const float *observation, int64_t n,
                        prl_mode mode, const float *action, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent", a);
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "streams observation action", streams, observation, action);
  if (!status) status = PRL_WITHIN(error, "mode", (int)mode, PRL_SAMPLE, PRL_MEAN);
  return status ? status : prl_policy_check(a->policy, observation, n, error);
}

prl_status prl_agent_act(prl_agent *a, const uint64_t *streams, const uint64_t *groups,
                         const float *observation, int64_t n, prl_mode mode, float *action,
                         uint64_t *decisions, prl_error *error) {
  prl_status status = check(a, streams, observation, n, mode, action, error);
  if (status) return status;
  if (a->shape->experience.paired && decisions) { /* a user has no twin: nothing can be learned from it */
    memset(decisions, 0, (size_t)n * sizeof *decisions);
    decisions = NULL;
  }
  if (a->control) {
    status = act_split(a, streams, groups, observation, n, mode, action, decisions, error);
  } else {
    const prl_side own = prl_agent_own(a, mode);
    status = prl_side_act(&own, streams, groups, observation, n, action, decisions, error);
  }
  if (!status) prl_policy_cut(a->policy, n, action);
  return status;
}

const float *prl_agent_act_log_prob(const prl_agent *a, int64_t *n) {
  const bool split = a && a->split.acted >= 0; /* not after a drive, whose sides are apart */
  if (n) *n = !a ? 0 : split ? a->split.acted : prl_policy_acted(a->policy);
  if (!a || !n) return NULL;
  return split ? a->split.log_prob : prl_policy_log_prob(a->policy);
}
