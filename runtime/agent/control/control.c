/* The control group's life, and which streams are of it. */
#include "agent/control/parts.h"

#include <math.h>
#include <string.h>

#include "core/read.h"

/* ---- what it takes ---- */

enum { PIECES = 3 + PRL_SIDES * PRL_UNITS_PIECES + PRL_GUARDS_PIECES + PRL_SHARES_PIECES };

static int list_pieces(prl_control *c, prl_piece pieces[PIECES]) {
  const int64_t number = sizeof(double);
  int count = 0;
  pieces[count++] = (prl_piece){&c->reward, c->shape->batch_rows, sizeof(float), true};
  pieces[count++] = (prl_piece){&c->sums, PRL_SIDES * PRL_CLUSTERS, (1 + c->responses) * number, true};
  pieces[count++] = (prl_piece){&c->weight, 1, number, true};
  for (int side = 0; side < PRL_SIDES; side++) count += prl_units_list(&c->units[side], pieces + count);
  count += prl_guards_list(&c->guards, pieces + count);
  return count + prl_shares_list(&c->shares, pieces + count);
}

static prl_status read(prl_control *c, const prl_value *root, const prl_shape *own, prl_error *error) {
  const prl_value *map = prl_get(root, "control");
  double traffic = 0;
  prl_per per = PRL_PER_STEP;
  prl_status status = prl_read_value(map, "control", "plan", PRL_MAP, &c->plan, error);
  if (!status) status = prl_read_number(map, "control", "traffic", true, 0, 1, &traffic, error);
  if (!status) status = prl_read_string(map, "control", "salt", &c->salt, error);
  if (!status) status = prl_read_number(map, "control", "window", true, 1, 1e15, &c->window, error);
  if (!status) status = prl_per_read(map, "control", &per, error);
  if (!status) status = prl_shares_read(&c->shares, root, error);
  if (!status) status = prl_shape_new(own->runtime, c->plan, &c->shape, error);
  if (status) return status;
  const prl_env_spec *a = &own->spec, *b = &c->shape->spec;
  if (a->observations != b->observations || a->actions != b->actions || a->responses != b->responses ||
      a->action_kind != b->action_kind)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: control: its plan has other observations, actions or responses than the agent");
  c->buckets = (int32_t)lround(traffic * PRL_BUCKETS);
  c->responses = b->responses;
  c->shape->experience.mark = PRL_MARK_CONTROL;
  c->shape->experience.dated = own->experience.dated;
  for (int side = 0; side < PRL_SIDES; side++) {
    const prl_shape *of = side == PRL_SIDE_OWN ? own : c->shape;
    c->units[side] = (prl_units){.per = per, .streams = of->experience.streams, .width = c->responses};
  }
  const int64_t streams[PRL_SIDES] = {own->experience.streams, c->shape->experience.streams};
  return prl_guards_read(&c->guards, c->runtime, root, streams, own, error);
}

prl_status prl_control_bytes(const prl_value *root, const prl_shape *own, int64_t *out, prl_error *error) {
  prl_control c = {.runtime = own->runtime};
  prl_piece pieces[PIECES];
  *out = 0;
  if (!prl_get(root, "control")) return PRL_OK;
  const prl_status status = read(&c, root, own, error);
  if (!status) {
    int64_t sum = prl_pieces_bytes(pieces, list_pieces(&c, pieces));
    sum = prl_bytes_add(sum, prl_policy_bytes(c.shape));
    sum = prl_bytes_add(sum, prl_experience_bytes(&c.shape->experience));
    *out = prl_bytes_add(sum, prl_batch_bytes(c.shape->batch_rows, &c.shape->experience));
  }
  prl_free(c.runtime, c.guards.forms);
  prl_shape_free(c.shape);
  return status;
}

/* ---- life ---- */

static prl_status build(prl_control *c, const prl_value *root, const prl_shape *own, const prl_plan *values,
                        prl_error *error) {
  prl_piece pieces[PIECES];
  prl_status status = read(c, root, own, error);
  if (!status) status = prl_pieces_new(c->runtime, pieces, list_pieces(c, pieces), error);
  if (status) return status;
  *c->weight = 1;
  status = prl_live_new(c->runtime, prl_get(c->plan, "live"), &c->live, error);
  if (!status) status = prl_experience_new(c->runtime, &c->shape->experience, &c->experience, error);
  if (!status)
    status = prl_batch_init(&c->batch, c->runtime, c->shape->batch_rows, &c->shape->experience, error);
  if (!status) status = prl_sets_new(c->runtime, c->plan, values, &c->sets, error);
  if (!status) status = prl_policy_new(c->runtime, c->plan, c->shape, c->sets, c->live, &c->policy, error);
  return status;
}

prl_status prl_control_new(prl_runtime *runtime, const prl_value *root, const prl_shape *own,
                           const prl_plan *values, prl_control **out, prl_error *error) {
  const prl_value *map = prl_get(root, "control");
  *out = NULL;
  if (!map) return PRL_OK;
  if (map->kind != PRL_MAP) return prl_read_fail("", "control", "a map", error);
  prl_control *c = prl_calloc(runtime, 1, sizeof *c);
  if (!c) return prl_fail_memory(error, sizeof *c);
  c->runtime = runtime;
  prl_status status = build(c, root, own, values, error);
  if (status) {
    prl_control_free(c);
    return status;
  }
  *out = c;
  return PRL_OK;
}

void prl_control_free(prl_control *c) {
  if (!c) return;
  prl_policy_free(c->policy);
  prl_sets_free(c->sets);
  prl_batch_deinit(&c->batch, c->runtime);
  prl_experience_free(c->experience);
  prl_live_free(c->live);
  if (c->shape) {
    prl_piece pieces[PIECES];
    prl_pieces_free(c->runtime, pieces, list_pieces(c, pieces));
  }
  prl_shape_free(c->shape);
  prl_free(c->runtime, c->guards.forms);
  prl_free(c->runtime, c);
}

/* The learning side's blocks are named apart from those of the experience that the control group has. */
prl_status prl_control_blocks(prl_control *c, prl_blocks *blocks, prl_error *error) {
  static const char *const sides[PRL_SIDES] = {"units.own.", "units.control."};
  const int64_t sums = PRL_SIDES * PRL_CLUSTERS * (int64_t)(1 + c->responses);
  blocks->prefix = "control.";
  blocks->fixed = true;
  prl_status status = prl_sets_blocks(c->sets, blocks, error);
  if (!status) status = prl_policy_blocks(c->policy, blocks, error);
  if (!status) status = prl_experience_blocks(c->experience, blocks, error);
  if (!status) status = prl_blocks_add(blocks, "sums", PRL_F64, sums, c->sums, error);
  if (!status) status = prl_blocks_add(blocks, "weight", PRL_F64, 1, c->weight, error);
  for (int side = 0; !status && side < PRL_SIDES; side++)
    status = prl_units_blocks(&c->units[side], sides[side], blocks, error);
  if (!status) status = prl_guards_blocks(&c->guards, blocks, error);
  if (!status) status = prl_shares_blocks(&c->shares, blocks, error);
  blocks->prefix = NULL;
  blocks->fixed = false;
  return status;
}

/* Guards of a ramp have a sequence at each share. */
static void judge_ramp(prl_control *c) {
  c->guards.ramped = prl_shares_begun(&c->shares);
  c->guards.looks = c->guards.ramped ? c->shares.count : 1;
}

prl_status prl_control_restore(prl_control *c, prl_error *error) {
  prl_status status = prl_experience_restore(c->experience, error);
  if (status) return status;
  bool good = prl_policy_restore(c->policy) && *c->weight >= 1 && isfinite(*c->weight);
  for (int64_t i = 0; good && i < PRL_SIDES * PRL_CLUSTERS * (1 + c->responses); i++)
    good = isfinite(c->sums[i]);
  good = good && prl_guards_restore(&c->guards) && prl_shares_restore(&c->shares);
  judge_ramp(c);
  return good ? PRL_OK : prl_fail(error, PRL_EFORMAT, "what was counted of the control group is damaged");
}

prl_experience *prl_control_experience(const prl_control *c) { return c->experience; }
prl_policy *prl_control_policy(const prl_control *c) { return c->policy; }

/* ---- who is of it ---- */

static bool runs_in(const prl_experience *e, uint64_t stream) {
  const int32_t slot = prl_streams_find(e, stream);
  return slot >= 0 && e->streams[slot].open;
}

bool prl_control_runs(const prl_control *c, uint64_t stream) { return runs_in(c->experience, stream); }

void prl_control_pair(prl_control *c, bool paired) { c->paired = paired; }
bool prl_control_paired(const prl_control *c) { return c->paired; }

bool prl_control_compares(const prl_control *c, const prl_experience *own, int32_t slot) {
  return !c->paired || prl_streams_find(c->experience, own->streams[slot].key) >= 0;
}

bool prl_control_serves(const prl_control *c, const prl_experience *own, uint64_t stream, uint64_t group) {
  if (runs_in(c->experience, stream)) return true;
  return prl_bucket(group, c->salt) < c->buckets && !runs_in(own, stream);
}

/* ---- guards ---- */

void prl_control_guard(prl_control *c, const prl_experience *own, bool swapped) {
  const prl_experience *const both[PRL_SIDES] = {own, c->experience};
  if (swapped)
    prl_guards_begin(&c->guards, both);
  else
    prl_guards_end(&c->guards);
}

void prl_control_enter_own(prl_control *c, const prl_batch *own, const prl_experience *experience) {
  if (!c->guards.count) return;
  for (int64_t row = 0; row < own->rows; row++)
    prl_guards_row(&c->guards, PRL_SIDE_OWN, experience, own, row,
                   prl_control_counts(c, own, experience, row), c->paired);
}

void prl_control_enter(prl_control *c, const prl_batch *own, const prl_experience *experience) {
  prl_control_enter_own(c, own, experience);
  for (int64_t row = 0; c->guards.count && row < c->batch.rows; row++)
    prl_guards_row(&c->guards, PRL_SIDE_CONTROL, c->experience, &c->batch, row, true, c->paired);
  if (c->paired) return;
  prl_guards_pass(&c->guards, PRL_SIDE_OWN, experience);
  prl_guards_pass(&c->guards, PRL_SIDE_CONTROL, c->experience);
}

/* ---- a ramp ---- */

bool prl_control_can_ramp(const prl_control *c) { return c->shares.count && c->guards.measured; }

void prl_control_ramp(prl_control *c, bool begins) {
  if (c->shares.count) *c->shares.at = begins;
  judge_ramp(c);
}

bool prl_control_advance(prl_control *c, const prl_experience *own) {
  if (!prl_shares_under_way(&c->shares) || !prl_guards_pass_on(&c->guards, c->shares.after)) return false;
  ++*c->shares.at;
  prl_control_guard(c, own, true);
  return true;
}

const prl_shares *prl_control_shares(const prl_control *c) { return &c->shares; }

int prl_control_guards(const prl_control *c) { return c->guards.count; }
int prl_control_measured(const prl_control *c) { return c->guards.measured; }

bool prl_control_judge(prl_control *c, double kl, int *fired) {
  if (!prl_guards_judge(&c->guards, kl)) return false;
  *fired = (int)c->guards.state->fired;
  return true;
}

void prl_control_guard_of(const prl_control *c, int guard, prl_guard *out) {
  const prl_guards *g = &c->guards;
  const prl_guard_form *form = &g->forms[guard];
  prl_interval now = {NAN, NAN, NAN};
  *out = (prl_guard){.name = form->name, .at_least = form->sign > 0, .bound = form->bound};
  out->state = g->state->stage == PRL_GUARDS_IDLE ? PRL_GUARD_IDLE : PRL_GUARD_WAITING;
  if (g->state->stage == PRL_GUARDS_COUNTING && g->state->held >> guard & 1) out->state = PRL_GUARD_HELD;
  if (g->state->stage == PRL_GUARDS_FIRED && g->state->fired == guard) out->state = PRL_GUARD_FIRED;
  if (form->response >= 0) {
    (void)prl_guards_interval(g, guard, &now);
    out->users = (int64_t)g->moments[guard].n;
    out->control_users = (int64_t)g->moments[g->measured + guard].n;
  }
  out->value = now.lift;
  out->low = now.low;
  out->high = now.high;
}
