/* The policy before a swap, beside the one that was swapped in. */
#include "agent/ramp.h"

#include <stdio.h>
#include <string.h>

#include "agent/form.h"
#include "agent/needs.h"

/* ---- life ---- */

static bool copy_key(prl_doc *doc, const prl_value *root, const char *key) {
  const prl_value *value = prl_get(root, key);
  prl_value *copy = value ? prl_put(doc, &doc->root, key) : NULL;
  return !value || (copy && prl_value_copy(doc, copy, value));
}

/* It acts on the rows of calls as the new plan cuts them. */
static prl_status write(prl_ramp *r, const prl_agent *from, const prl_agent *to, prl_error *error) {
  prl_status status = prl_doc_new(r->runtime, &r->document, error);
  if (status) return status;
  prl_set_map(&r->document->root);
  return prl_form_write(r->document, &r->document->root, from->root, from->policy) &&
                 copy_key(r->document, to->root, "capacity") && copy_key(r->document, from->root, "live") &&
                 copy_key(r->document, from->root, "arms") && copy_key(r->document, from->root, "memory")
             ? PRL_OK
             : prl_fail_memory(error, 0);
}

/* That it acts on the same rows, which a file may say otherwise. */
static prl_status check_shape(const prl_ramp *r, const prl_agent *to, prl_error *error) {
  const prl_shape *x = r->shape, *y = to->shape;
  if (x->spec.observations == y->spec.observations && x->spec.actions == y->spec.actions &&
      x->spec.action_kind == y->spec.action_kind && x->experience.streams == y->experience.streams &&
      x->act_rows == y->act_rows && x->experience.memory == y->experience.memory &&
      x->experience.arms == y->experience.arms)
    return PRL_OK;
  return prl_fail(error, PRL_EFORMAT,
                  "the policy that a ramp leaves users to has another shape than the agent");
}

static prl_status build(prl_ramp *r, const prl_agent *to, prl_error *error) {
  const prl_value *root = &r->document->root;
  prl_status status = prl_shape_new(r->runtime, root, &r->shape, error);
  if (!status) status = check_shape(r, to, error);
  if (!status) status = prl_live_new(r->runtime, prl_get(root, "live"), &r->live, error);
  if (!status) status = prl_sets_new(r->runtime, root, NULL, &r->sets, error);
  if (!status) status = prl_policy_new(r->runtime, root, r->shape, r->sets, r->live, &r->policy, error);
  if (status) return status;
  const int64_t streams = to->shape->experience.streams, rows = to->shape->act_rows;
  r->control = to->control;
  r->room = streams > rows ? streams : rows;
  r->action = prl_calloc(r->runtime, (size_t)(r->room * to->shape->spec.actions), sizeof *r->action);
  r->left = prl_calloc(r->runtime, (size_t)r->room, sizeof *r->left);
  r->extent = prl_calloc(r->runtime, (size_t)r->sets->count + 1, sizeof *r->extent);
  if (!r->action || !r->left || !r->extent) return prl_fail_memory(error, (size_t)r->room * sizeof(float));
  for (int i = 0; i < r->sets->count; i++) r->extent[i] = PRL_TAKES_ALL;
  return PRL_OK;
}

static prl_status list_blocks(prl_ramp *r, prl_blocks *blocks, prl_error *error) {
  blocks->prefix = PRL_RAMP_PREFIX;
  blocks->fixed = true;
  const prl_status status = prl_policy_blocks(r->policy, blocks, error);
  blocks->prefix = NULL;
  blocks->fixed = false;
  return status;
}

/* What is there of it, of which `to` is the owner from now on. */
static prl_status finish(prl_ramp *r, prl_agent *to, prl_status status, prl_error *error) {
  to->ramp = r;
  if (!status) status = build(r, to, error);
  return status ? status : list_blocks(r, &to->blocks, error);
}

static prl_status check_budget(const prl_ramp *r, const prl_agent *from, prl_error *error) {
  int64_t values = 0;
  for (int i = 0; i < from->sets->count; i++) {
    const prl_params *set = prl_policy_published(from->policy, i);
    if (set) values += 2 * set->size;
  }
  const int64_t size = prl_bytes_add(values * (int64_t)sizeof(float), prl_policy_bytes(from->shape));
  char cause[96], bytes[16];
  snprintf(cause, sizeof cause, "the policy before a swap, for those whom a ramp leaves to it, takes %s",
           prl_bytes_text(size, bytes));
  return prl_budget_check(r->runtime, size, cause, error);
}

static prl_status check_possible(const prl_agent *from, const prl_agent *to, prl_error *error) {
  if (!prl_get(to->root, "ramp"))
    return prl_fail(error, PRL_EINVAL,
                    "ramp: the new recipe says no shares of the users for a ramp, as in agent.ramp = {shares "
                    "= {0.01, 0.1, 1}, after = 2000}");
  if (!to->control)
    return prl_fail(
        error, PRL_EINVAL,
        "ramp: there is no control group to compare with: agent.baseline = {policy = \"zero\"} makes one");
  if (!prl_control_can_ramp(to->control))
    return prl_fail(
        error, PRL_EINVAL,
        "ramp: the new recipe has no guard on a response, by which a share goes on to the next, as in "
        "agent.guards = {watch_time = {at_least = relative(-0.005)}}");
  if (to->shape->experience.paired)
    return prl_fail(error, PRL_EINVAL, "ramp: the recipe learns from pairs, which may not be parted");
  if (from->failed)
    return prl_fail(
        error, PRL_ESTATE,
        "ramp: learning has failed, and what it came to is nothing that a guard could go back to");
  return PRL_OK;
}

prl_status prl_ramp_new(const prl_agent *from, prl_agent *to, prl_error *error) {
  prl_status status = check_possible(from, to, error);
  if (status) return status;
  prl_ramp *r = prl_calloc(to->runtime, 1, sizeof *r);
  if (!r) return prl_fail_memory(error, sizeof *r);
  r->runtime = to->runtime;
  status = check_budget(r, from, error);
  if (!status) status = write(r, from, to, error);
  return finish(r, to, status, error);
}

prl_status prl_ramp_read(prl_agent *to, const prl_safetensors *file, const char *path, prl_error *error) {
  const char *text = prl_safetensors_text(file, PRL_RAMP_KEY);
  if (!text) return PRL_OK;
  if (!to->control || !prl_control_can_ramp(to->control))
    return prl_fail(error, PRL_EFORMAT, "%s: there is a ramp, and no ramp in its plan", path);
  prl_ramp *r = prl_calloc(to->runtime, 1, sizeof *r);
  if (!r) return prl_fail_memory(error, sizeof *r);
  r->runtime = to->runtime;
  prl_status status = prl_json_parse(r->runtime, text, strlen(text), &r->document, error);
  if (!status)
    status = prl_checkpoint_sets(&r->document->root, PRL_RAMP_PREFIX "published.", file, path, error);
  return finish(r, to, status, error);
}

bool prl_ramp_restore(const prl_agent *a) {
  const bool begun = a->control && prl_shares_begun(prl_control_shares(a->control));
  if (begun != (a->ramp != NULL)) return false;
  return a->ramp ? prl_policy_restore(a->ramp->policy) : !prl_experience_left(a->experience);
}

void prl_ramp_free(prl_ramp *r) {
  if (!r) return;
  prl_policy_free(r->policy);
  prl_sets_free(r->sets);
  prl_live_free(r->live);
  prl_shape_free(r->shape);
  prl_doc_free(r->document);
  prl_free(r->runtime, r->action);
  prl_free(r->runtime, r->left);
  prl_free(r->runtime, r->extent);
  prl_free(r->runtime, r);
}

/* ---- from swap to swap ---- */

void prl_ramp_begin(prl_agent *to, const prl_agent *from) {
  prl_ramp *r = to->ramp;
  for (int i = 0; i < r->live->count; i++) r->live->frozen[i] = prl_policy_live(from->policy, i);
  (void)prl_policy_take(r->policy, from->policy, r->extent, NULL, NULL);
  prl_policy_continue(r->policy, from->policy, true);
  prl_experience_leave_all(to->experience);
  prl_control_ramp(to->control, true);
}

void prl_ramp_end(prl_agent *a) {
  prl_experience_take_back(a->experience);
  if (a->control) prl_control_ramp(a->control, false);
}

const char *prl_ramp_bound(const prl_agent *a) {
  if (!a->ramp ||
      (!prl_shares_under_way(prl_control_shares(a->control)) && !prl_experience_left(a->experience)))
    return NULL;
  return "a ramp is under way, in which a stream's policy changes between two of its episodes, as the agent "
         "alone "
         "knows them: it acts by prl_agent_act";
}

/* ---- acting ---- */

/* Whether the stream's next decision is left; slot −1: it has no place. */
static bool leaves(const prl_ramp *r, const prl_experience *e, int32_t slot, uint64_t group) {
  if (slot >= 0 && e->streams[slot].open) return e->streams[slot].left;
  return prl_shares_leave(prl_control_shares(r->control), group);
}

/* An episode that begins is left or not until it ends. */
static void assign(const prl_ramp *r, prl_stream *s, bool left, uint64_t group) {
  if (s->open) return;
  s->left = left;
  if (left && r->shape->experience.arms > 1) s->arm = prl_policy_arm(r->policy, group);
}

/* Of at most `room` rows; returns how many are left. */
static int64_t choose(prl_ramp *r, prl_experience *e, const uint64_t *streams, const uint64_t *groups,
                      int64_t n, bool recorded) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint64_t group = groups ? groups[i] : streams[i];
    const bool placed = recorded && i < e->options.streams;
    const int32_t slot = placed ? e->slot[i] : recorded ? -1 : prl_streams_find(e, streams[i]);
    r->left[i] = leaves(r, e, slot, group);
    if (placed && slot >= 0) assign(r, &e->streams[slot], r->left[i], group);
    count += r->left[i];
  }
  return count;
}

prl_status prl_ramp_act(const prl_side *side, const uint64_t *streams, const uint64_t *groups,
                        const float *observation, int64_t n, bool recorded, float *action, prl_error *error) {
  prl_ramp *r = side->ramp;
  const int64_t looked = n < r->room ? n : r->room, width = r->shape->spec.actions;
  const int64_t left = choose(r, side->experience, streams, groups, looked, recorded);
  const prl_draw_address from = {.streams = streams}, *address = recorded ? NULL : &from;
  prl_status status = PRL_OK;
  if (left)
    status = prl_policy_act(r->policy, side->experience, observation, looked, side->mode, address, r->action,
                            error);
  if (!status && left < n)
    status =
        prl_policy_act(side->policy, side->experience, observation, n, side->mode, address, action, error);
  if (status) return status;
  if (left) prl_policy_replace(side->policy, r->policy, r->left, looked);
  for (int64_t i = 0; left && i < looked; i++)
    if (r->left[i]) memcpy(action + i * width, r->action + i * width, (size_t)width * sizeof *action);
  prl_policy_answered(r->policy);
  return PRL_OK;
}
