/* An actor: the policies of a snapshot's form, made for one thread, and the version that they act by. Each is
 * a policy as an agent has one, without streams: draws are by address alone. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/snapshot.h"
#include "core/arguments.h"

typedef struct actor_side {
  prl_shape *shape;
  prl_live *live;
  prl_sets *sets;
  prl_policy *policy;
} actor_side;

/* The policies of one form. */
typedef struct actor_form {
  prl_doc *document; /* a copy: names and programs */
  char hash[33];
  actor_side side[PRL_FORM_SIDES];
  int sides;
  int32_t buckets; /* of groups that the control group serves */
  const char *salt;
  int64_t room; /* rows of one part of a call */
  uint32_t *episode, *step;
  uint64_t *stream;
  uint8_t *arm;
} actor_form;

struct prl_actor {
  prl_runtime *runtime;
  prl_snapshot *held; /* whose version stands in the policies; NULL: none yet */
  actor_form form;
};

/* ---- life ---- */

static void free_form(prl_runtime *runtime, actor_form *f) {
  for (int k = 0; k < PRL_FORM_SIDES; k++) {
    prl_policy_free(f->side[k].policy);
    prl_sets_free(f->side[k].sets);
    prl_live_free(f->side[k].live);
    prl_shape_free(f->side[k].shape);
  }
  prl_free(runtime, f->episode);
  prl_free(runtime, f->step);
  prl_free(runtime, f->stream);
  prl_free(runtime, f->arm);
  prl_doc_free(f->document);
  *f = (actor_form){0};
}

static prl_status make_side(prl_runtime *runtime, const prl_value *root, actor_side *s, prl_error *error) {
  prl_status status = prl_shape_new(runtime, root, &s->shape, error);
  if (!status) status = prl_live_new(runtime, prl_get(root, "live"), &s->live, error);
  if (!status) status = prl_sets_new(runtime, root, NULL, &s->sets, error);
  return status ? status : prl_policy_new(runtime, root, s->shape, s->sets, s->live, &s->policy, error);
}

static prl_status make_room(prl_runtime *runtime, actor_form *f, prl_error *error) {
  for (int k = 0; k < f->sides; k++)
    if (!f->room || f->side[k].shape->act_rows < f->room) f->room = f->side[k].shape->act_rows;
  const size_t room = (size_t)f->room;
  f->episode = prl_calloc(runtime, room, sizeof *f->episode);
  f->step = prl_calloc(runtime, room, sizeof *f->step);
  f->stream = prl_calloc(runtime, room, sizeof *f->stream);
  f->arm = prl_calloc(runtime, room, sizeof *f->arm);
  return f->episode && f->step && f->stream && f->arm ? PRL_OK
                                                      : prl_fail_memory(error, room * sizeof *f->stream);
}

static prl_status make_form(prl_runtime *runtime, const prl_form *from, actor_form *f, prl_error *error) {
  static const char *const keys[PRL_FORM_SIDES] = {"own", "control"};
  prl_status status = prl_doc_new(runtime, &f->document, error);
  if (!status && !prl_value_copy(f->document, &f->document->root, &from->document->root))
    status = prl_fail_memory(error, 0);
  if (status) return status;
  const prl_value *root = &f->document->root;
  memcpy(f->hash, from->hash, sizeof f->hash);
  f->buckets = (int32_t)prl_get_number(root, "buckets", 0);
  f->salt = prl_get_string(root, "salt", "");
  for (int k = 0; !status && k < PRL_FORM_SIDES && prl_get(root, keys[k]); k++) {
    status = make_side(runtime, prl_get(root, keys[k]), &f->side[k], error);
    f->sides = k + 1;
  }
  return status ? status : make_room(runtime, f, error);
}

prl_status prl_actor_new(prl_runtime *runtime, prl_snapshot *snapshot, prl_actor **out, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "runtime snapshot out", runtime, snapshot, out);
  if (status) return status;
  prl_actor *actor = prl_calloc(runtime, 1, sizeof *actor);
  if (!actor) return prl_fail_memory(error, sizeof *actor);
  actor->runtime = prl_runtime_retain(runtime);
  status = make_form(runtime, snapshot->form, &actor->form, error);
  if (status)
    prl_actor_free(actor);
  else
    *out = actor;
  return status;
}

void prl_actor_free(prl_actor *actor) {
  if (!actor) return;
  prl_runtime *runtime = actor->runtime;
  prl_snapshot_release(actor->held);
  free_form(runtime, &actor->form);
  prl_free(runtime, actor);
  prl_runtime_release(runtime);
}

/* ---- versions ---- */

/* The actor holds the snapshot that stands in its policies, so that no other version comes to stand there. */
static prl_status meet(prl_actor *actor, prl_snapshot *snapshot, prl_error *error) {
  if (actor->held == snapshot) return PRL_OK;
  if (memcmp(actor->form.hash, snapshot->form->hash, sizeof actor->form.hash)) {
    actor_form made = {0};
    prl_status status = make_form(actor->runtime, snapshot->form, &made, error);
    if (status) {
      free_form(actor->runtime, &made);
      return status;
    }
    free_form(actor->runtime, &actor->form);
    actor->form = made;
  }
  for (int k = 0; k < actor->form.sides; k++)
    prl_policy_read_version(actor->form.side[k].policy, snapshot->bytes + (k ? snapshot->own : 0));
  prl_snapshot_release(actor->held);
  actor->held = prl_snapshot_retain(snapshot);
  return PRL_OK;
}

/* ---- acting ---- */

static uint64_t group_of(const prl_decisions *d, int64_t row) {
  return d->groups ? d->groups[row] : d->streams[row];
}

/* Which of the form's policies serves a row. */
static int side_of(const actor_form *f, const prl_decisions *d, int64_t row) {
  return f->sides > 1 && prl_bucket(group_of(d, row), f->salt) < f->buckets;
}

/* Rows from `first` on of one policy: how many, and their addresses. */
static int64_t address(actor_form *f, const prl_decisions *d, int64_t first, int side) {
  const prl_policy *policy = f->side[side].policy;
  int64_t n = 0;
  for (int64_t row = first; row < d->n && n < f->room && side_of(f, d, row) == side; row++, n++) {
    const uint64_t number = d->numbers ? d->numbers[row] : 0;
    f->stream[n] = d->streams[row];
    f->episode[n] = (uint32_t)(number >> 32);
    f->step[n] = (uint32_t)number;
    f->arm[n] = side ? PRL_ARM_BASELINE : prl_policy_arm(policy, group_of(d, row));
  }
  return n;
}

static void answer(prl_actor *actor, const prl_decisions *d, int64_t first, int64_t n, int side) {
  const actor_form *f = &actor->form;
  const actor_side *s = &f->side[side];
  const int64_t width = s->shape->spec.actions;
  memcpy(d->action + first * width, d->drawn + first * width, (size_t)(n * width) * sizeof(float));
  prl_policy_cut(s->policy, n, d->action + first * width);
  memcpy(d->log_prob + first, prl_policy_log_prob(s->policy), (size_t)n * sizeof(float));
  if (d->arms) memcpy(d->arms + first, f->arm, (size_t)n);
  for (int64_t i = 0; d->versions && i < n; i++) d->versions[first + i] = actor->held->version;
}

static prl_status act(prl_actor *actor, const prl_decisions *d, prl_mode mode, prl_error *error) {
  actor_form *f = &actor->form;
  prl_status status = PRL_OK;
  for (int64_t first = 0, n; !status && first < d->n; first += n) {
    const int side = side_of(f, d, first);
    const actor_side *s = &f->side[side];
    const bool mean = side || actor->held->mean;
    n = address(f, d, first, side);
    const prl_draw_address from = {.streams = f->stream,
                                   .episode = f->episode,
                                   .step = f->step,
                                   .recorded = true,
                                   .arm = side ? NULL : f->arm};
    status = prl_policy_act(s->policy, NULL, d->observation + first * s->shape->spec.observations, n,
                            mean ? PRL_MEAN : mode, &from, d->drawn + first * s->shape->spec.actions, error);
    if (!status) answer(actor, d, first, n, side);
  }
  return status;
}

prl_status prl_decisions_check(const prl_decisions *d, prl_error *error) {
  for (int64_t i = 0; d->numbers && i < d->n; i++)
    if (d->numbers[i] >> 63)
      return prl_fail(error, PRL_EINVAL,
                      "the number of row %" PRId64 " is of episode %" PRIu64 "; it must be below 2^31", i + 1,
                      d->numbers[i] >> 32);
  return PRL_OK;
}

static prl_status check(const prl_decisions *d, prl_error *error) {
  prl_status status = PRL_WITHIN(error, "made.n", d->n, 0, PRL_ROWS_MOST);
  if (!status && d->n)
    status = PRL_GIVEN(error, "made.streams made.observation made.action made.drawn made.log_prob",
                       d->streams, d->observation, d->action, d->drawn, d->log_prob);
  return status ? status : prl_decisions_check(d, error);
}

prl_status prl_actor_act(prl_actor *actor, prl_snapshot *snapshot, const prl_decisions *made, prl_mode mode,
                         prl_error *error) {
  prl_status status = PRL_GIVEN(error, "actor snapshot made", actor, snapshot, made);
  if (!status) status = PRL_WITHIN(error, "mode", (int)mode, PRL_SAMPLE, PRL_MEAN);
  if (!status) status = check(made, error);
  if (!status) status = meet(actor, snapshot, error);
  if (!status) status = prl_policy_check(actor->form.side[0].policy, made->observation, made->n, error);
  return status ? status : act(actor, made, mode, error);
}
