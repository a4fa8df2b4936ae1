/* The schedule: verbs in a flat list, executed from a cursor. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/read.h"
#include "core/clock.h"
#include "core/nearest.h"
#include "core/rng.h"

/* ---- compiling ---- */

enum { MAX_NESTING = 8 };

typedef struct compiler {
  prl_agent *agent;
  prl_error *error;
  int loops[MAX_NESTING];
  int nesting;
  int minibatches; /* the loop of minibatches that is open; −1 */
} compiler;

static int64_t count_verbs(const prl_value *body, int nesting) {
  int64_t count = 0;
  for (int64_t i = 0; nesting < MAX_NESTING && i < prl_count(body); i++) {
    const prl_value *inner = prl_get(prl_item(body, i), "body");
    count += inner ? 2 + count_verbs(inner, nesting + 1) : 1;
  }
  return count;
}

static prl_status find_routine(compiler *c, const char *name, int64_t *out) {
  int found = prl_routine_find(c->agent, name);
  if (found >= 0) {
    *out = found;
    return PRL_OK;
  }
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < c->agent->routines_count; i++) prl_nearest_offer(&nearest, c->agent->routines[i].name);
  return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: there is no program \"%s\"%s", name,
                  prl_nearest_hint(&nearest));
}

static prl_status find_set(compiler *c, const prl_value *map, const char *key, int64_t *out) {
  const char *name;
  prl_status status = prl_read_string(map, "schedule.copy", key, &name, c->error);
  if (status) return status;
  *out = prl_agent_set_find(c->agent, name, strlen(name));
  return *out >= 0 ? PRL_OK : prl_fail(c->error, PRL_EFORMAT, "plan: schedule: there is no set \"%s\"", name);
}

static prl_status read_copy(compiler *c, const prl_value *map, prl_verb *verb) {
  prl_status status = find_set(c, map, "to", &verb->number);
  if (!status) status = find_set(c, map, "from", &verb->second);
  if (!status) status = prl_live_ref(&c->agent->live, map, "schedule.copy", "tau", 1, &verb->ref, c->error);
  if (status || c->agent->sets[verb->number]->size == c->agent->sets[verb->second]->size) return status;
  return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: copy between sets of different shapes");
}

static prl_status read_run(compiler *c, const prl_value *map, prl_verb *verb) {
  const char *name;
  prl_status status = prl_read_string(map, "schedule.run", "program", &name, c->error);
  if (!status) status = find_routine(c, name, &verb->number);
  if (!status && (verb->number == c->agent->act || verb->number == c->agent->values))
    status = prl_fail(c->error, PRL_EFORMAT, "plan: schedule: \"%s\" is not a program to learn with", name);
  return status;
}

static prl_status read_stop(compiler *c, const prl_value *map, prl_verb *verb) {
  const char *name;
  prl_status status = prl_read_string(map, "schedule.stop", "metric", &name, c->error);
  if (!status)
    status = prl_live_ref(&c->agent->live, map, "schedule.stop", "above", INFINITY, &verb->ref, c->error);
  if (status) return status;
  verb->second = c->nesting ? c->loops[0] : -1;
  for (int r = 0; r < c->agent->routines_count; r++)
    for (int i = 0; i < c->agent->routines[r].outputs_count; i++) {
      int gauge = c->agent->routines[r].outputs[i].gauge;
      verb->number = gauge;
      if (!strcmp(c->agent->gauge_names[gauge], name)) return PRL_OK;
    }
  return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: stop: no program reports \"%s\"", name);
}

static prl_status read_verb(compiler *c, const prl_value *map, prl_verb *verb) {
  static const char *const names[] = {"collect", "estimate", "epochs", "minibatches",
                                      "run",     "copy",     "stop",   "publish"};
  const char *name;
  const int64_t most = INT64_C(1) << 40;
  prl_status status = prl_read_string(map, "schedule", "verb", &name, c->error);
  if (status) return status;
  int kind = -1;
  for (int i = 0; i < 8; i++)
    if (!strcmp(names[i], name)) kind = i;
  if (kind < 0) return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: there is no verb \"%s\"", name);
  *verb = (prl_verb){.kind = (prl_verb_kind)kind, .minibatches = c->minibatches, .ref = {.live = -1}};
  switch (verb->kind) {
  case PRL_VERB_COLLECT:
    return prl_read_int(map, "schedule.collect", "rows", true, 1, c->agent->experience->options.rows,
                        &verb->number, c->error);
  case PRL_VERB_ESTIMATE:
    verb->second = prl_get_bool(map, "normalise", false);
    return prl_live_ref(&c->agent->live, map, "schedule.estimate", "lambda", 0.95, &verb->ref, c->error);
  case PRL_VERB_EPOCHS:
    return prl_read_int(map, "schedule.epochs", "count", true, 0, most, &verb->number, c->error);
  case PRL_VERB_MINIBATCHES:
    if (c->minibatches >= 0)
      return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: minibatches inside minibatches");
    return prl_read_int(map, "schedule.minibatches", "size", true, 1, most, &verb->number, c->error);
  case PRL_VERB_RUN:
    return read_run(c, map, verb);
  case PRL_VERB_COPY:
    return read_copy(c, map, verb);
  case PRL_VERB_STOP:
    return read_stop(c, map, verb);
  default:
    return PRL_OK;
  }
}

static prl_status compile(compiler *c, const prl_value *body) {
  if (!body || body->kind != PRL_ARRAY) return prl_read_fail("schedule", "body", "a list of verbs", c->error);
  for (int64_t i = 0; i < prl_count(body); i++) {
    int index = c->agent->verbs_count++, open = c->minibatches;
    prl_verb *verb = &c->agent->verbs[index];
    prl_status status = read_verb(c, prl_item(body, i), verb);
    if (status) return status;
    bool top_only =
        verb->kind == PRL_VERB_COLLECT || verb->kind == PRL_VERB_ESTIMATE || verb->kind == PRL_VERB_PUBLISH;
    if (top_only && c->nesting)
      return prl_fail(c->error, PRL_EFORMAT,
                      "plan: schedule: collect, estimate and publish stand outside of loops");
    if (verb->kind != PRL_VERB_EPOCHS && verb->kind != PRL_VERB_MINIBATCHES) continue;
    if (c->nesting == MAX_NESTING - 1)
      return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: loops nested too deeply");
    c->loops[c->nesting++] = index;
    if (verb->kind == PRL_VERB_MINIBATCHES) c->minibatches = index;
    status = compile(c, prl_get(prl_item(body, i), "body"));
    if (status) return status;
    c->nesting--;
    c->minibatches = open;
    verb->partner = c->agent->verbs_count++;
    c->agent->verbs[verb->partner] =
        (prl_verb){.kind = PRL_VERB_NEXT, .partner = index, .minibatches = open, .ref = {.live = -1}};
  }
  return PRL_OK;
}

prl_status prl_schedule_build(prl_agent *a, prl_error *error) {
  const prl_value *body;
  prl_status status = prl_read_value(a->root, "", "schedule", PRL_ARRAY, &body, error);
  if (status) return status;
  size_t count = (size_t)count_verbs(body, 0);
  a->verbs = prl_calloc(a->runtime, count + 1, sizeof *a->verbs);
  a->positions = prl_calloc(a->runtime, count + 1, sizeof *a->positions);
  if (!a->verbs || !a->positions) return prl_fail_memory(error, count * sizeof *a->verbs);
  compiler c = {.agent = a, .error = error, .minibatches = -1};
  status = compile(&c, body);
  if (status) return status;
  int last = a->verbs_count - 1;
  if (last < 2 || a->verbs[0].kind != PRL_VERB_COLLECT || a->verbs[1].kind != PRL_VERB_ESTIMATE ||
      a->verbs[last].kind != PRL_VERB_PUBLISH)
    return prl_fail(error, PRL_EFORMAT,
                    "plan: a schedule begins with collect, estimate and ends with publish");
  for (int i = 2; i < last; i++)
    if (a->verbs[i].kind <= PRL_VERB_ESTIMATE || a->verbs[i].kind == PRL_VERB_PUBLISH)
      return prl_fail(error, PRL_EFORMAT, "plan: a schedule has one collect, one estimate and one publish");
  return PRL_OK;
}

void prl_schedule_free(prl_agent *a) {
  prl_free(a->runtime, a->verbs);
  prl_free(a->runtime, a->positions);
}

/* ---- executing ---- */

int64_t prl_schedule_needs(const prl_agent *a) {
  if (a->failed) return 0;
  if (!a->n.warmed) {
    int64_t left = a->warmup - a->n.warm;
    return left < a->batch_rows ? left : a->batch_rows;
  }
  const prl_verb *verb = &a->verbs[a->n.verb];
  return verb->kind == PRL_VERB_COLLECT ? verb->number : 0;
}

/* A fresh permutation by Fisher and Yates; Lemire's multiply-shift bounds a draw (its bias is below
 * rows/2³²). */
static void shuffle(prl_agent *a) {
  prl_rng rng = prl_rng_make(a->seed, (uint64_t)a->n.updates, PRL_SITE_SHUFFLE);
  uint32_t words[4] = {0}, epoch = (uint32_t)a->n.shuffles++;
  for (int64_t i = 0; i < a->batch.rows; i++) a->order[i] = (int32_t)i;
  for (int64_t i = a->batch.rows - 1, draw = 0; i > 0; i--, draw++) {
    if (draw % 4 == 0) prl_rng_block(rng, 0, epoch, 0, (uint32_t)(draw / 4), words);
    int64_t j = (int64_t)(((uint64_t)words[draw % 4] * (uint64_t)(i + 1)) >> 32);
    int32_t moved = a->order[i];
    a->order[i] = a->order[j];
    a->order[j] = moved;
  }
}

static void begin_loop(prl_agent *a, const prl_verb *verb) {
  int64_t turns = verb->kind == PRL_VERB_EPOCHS ? verb->number : a->batch.rows;
  a->positions[a->n.verb] = 0;
  if (verb->kind == PRL_VERB_MINIBATCHES && turns > 0) shuffle(a);
  a->n.verb = turns > 0 ? a->n.verb + 1 : verb->partner + 1;
}

static void end_turn(prl_agent *a, const prl_verb *verb) {
  const prl_verb *loop = &a->verbs[verb->partner];
  bool epochs = loop->kind == PRL_VERB_EPOCHS;
  int64_t *position = &a->positions[verb->partner];
  *position += epochs ? 1 : loop->number;
  a->n.verb = *position < (epochs ? loop->number : a->batch.rows) ? verb->partner + 1 : a->n.verb + 1;
}

/* Fills the inputs once, then runs the program, over several calls where the deadline comes first. */
static prl_status run(prl_agent *a, const prl_verb *verb, int64_t deadline_ns, bool *done, prl_error *error) {
  prl_routine *r = &a->routines[verb->number];
  int64_t first = 0, rows = a->batch.rows;
  if (verb->minibatches >= 0) {
    int64_t size = a->verbs[verb->minibatches].number;
    first = a->positions[verb->minibatches];
    rows = a->batch.rows - first < size ? a->batch.rows - first : size;
  }
  if (!a->filled) {
    prl_status status = rows > 0 ? prl_program_rows(r->program, rows, error) : PRL_OK;
    if (status) return status;
    prl_routine_fill(r, verb->minibatches >= 0 ? a->order : NULL, first, rows);
    a->filled = true;
  }
  *done = true;
  if (rows > 0) {
    prl_status status = prl_program_run(r->program, deadline_ns, done, error);
    if (status || !*done) return status;
    prl_routine_report(a, r);
  }
  a->filled = false;
  a->n.verb++;
  return PRL_OK;
}

static void stop(prl_agent *a, const prl_verb *verb) {
  bool above = a->gauges[verb->number].last > prl_ref_value(&a->live, verb->ref);
  a->n.verb = above && verb->second >= 0 ? a->verbs[verb->second].partner + 1 : a->n.verb + 1;
}

static void publish(prl_agent *a) {
  for (int i = 0; i < a->critics_count; i++) {
    prl_critic *c = &a->critics[i];
    if (c->normalise)
      (void)prl_popart_publish(c->popart, c->layer_rows, c->layer_stride, c->layer_weight, c->layer_bias);
  }
  a->n.updates++;
  a->batch.rows = a->batch.bootstraps = a->batch.observed = 0;
  a->n.verb = 0;
  prl_gauges_publish(a);
  prl_agent_publish_policy(a);
  prl_agent_adopt(a);
}

/* One verb, or as much of it as the deadline lets. *waiting: the gate is shut. */
static prl_status execute(prl_agent *a, int64_t deadline_ns, bool *waiting, bool *done, prl_error *error) {
  const prl_verb *verb = &a->verbs[a->n.verb];
  *done = true;
  switch (verb->kind) {
  case PRL_VERB_COLLECT:
    *waiting = a->experience->n.closed < verb->number;
    if (!*waiting) a->n.verb++;
    return PRL_OK;
  case PRL_VERB_ESTIMATE:
    return prl_estimate_run(a, verb, deadline_ns, done, error);
  case PRL_VERB_EPOCHS:
  case PRL_VERB_MINIBATCHES:
    begin_loop(a, verb);
    return PRL_OK;
  case PRL_VERB_RUN:
    return run(a, verb, deadline_ns, done, error);
  case PRL_VERB_COPY:
    prl_params_blend(a->sets[verb->number], a->sets[verb->second], (float)prl_ref_value(&a->live, verb->ref));
    a->n.verb++;
    return PRL_OK;
  case PRL_VERB_STOP:
    stop(a, verb);
    return PRL_OK;
  case PRL_VERB_NEXT:
    end_turn(a, verb);
    return PRL_OK;
  case PRL_VERB_PUBLISH:
    publish(a);
    return PRL_OK;
  }
  return PRL_OK;
}

static prl_status learn(prl_agent *a, int64_t deadline_ns, bool *waiting, prl_error *error) {
  prl_status status = PRL_OK;
  bool done = true;
  *waiting = false;
  while (!status && done && !*waiting) {
    if (!a->n.warmed) {
      *waiting = a->experience->n.closed < prl_schedule_needs(a);
      if (!*waiting) status = prl_estimate_warmup(a, error);
    } else {
      status = execute(a, deadline_ns, waiting, &done, error);
    }
    if (deadline_ns && !*waiting && prl_clock_ns() >= deadline_ns) break;
  }
  return status;
}

static void refuse_from_now_on(prl_agent *a, prl_status status, const prl_error *error) {
  a->failed = true;
  a->failure = *error;
  a->failure.status = status;
}

prl_status prl_agent_learn(prl_agent *a, int64_t budget_us, prl_progress *progress, prl_error *error) {
  if (a->failed) return prl_fail(error, a->failure.status, "%s", a->failure.message);
  if (budget_us < 0)
    return prl_fail(error, PRL_EINVAL, "a budget of %" PRId64 " µs; it must not be negative", budget_us);
  prl_error own = {PRL_OK, ""};
  bool waiting;
  int64_t deadline = budget_us ? prl_clock_ns() + budget_us * 1000 : 0;
  prl_status status = learn(a, deadline, &waiting, &own);
  if (status) {
    if (status == PRL_ENUMERIC) refuse_from_now_on(a, status, &own);
    return prl_fail(error, status, "%s", own.message);
  }
  if (progress)
    *progress = (prl_progress){.waiting = waiting,
                               .updates = a->n.updates,
                               .steps = a->experience->n.decisions,
                               .version = (uint64_t)a->n.version};
  return PRL_OK;
}
