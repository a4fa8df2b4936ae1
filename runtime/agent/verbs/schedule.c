/* The schedule: compiled to a flat list, and executed from its cursor. */
#include <stdio.h>
#include <string.h>

#include "agent/verbs/verb.h"
#include "core/nearest.h"
#include "core/read.h"

/* ---- compiling ---- */

enum { MAX_NESTING = 8 };

typedef struct compiler {
  prl_schedule *schedule;
  prl_error *error;
  int outermost, minibatches; /* loops that are open; −1: none */
  int nesting;
  unsigned made;     /* PRL_MADE_… of the verbs so far */
  unsigned replaced; /* what they had made and is no more */
} compiler;

static int64_t count_verbs(const prl_value *body, int nesting) {
  int64_t count = 0;
  for (int64_t i = 0; nesting < MAX_NESTING && i < prl_count(body); i++) {
    const prl_value *inner = prl_get(prl_item(body, i), "body");
    count += inner ? 2 + count_verbs(inner, nesting + 1) : 1;
  }
  return count;
}

static prl_status unknown_verb(const char *name, prl_error *error) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (const prl_verb_type *const *type = prl_verb_types; *type; type++)
    prl_nearest_offer(&nearest, (*type)->name);
  return prl_fail(error, PRL_EFORMAT, "plan: schedule: there is no verb \"%s\"%s", name,
                  prl_nearest_hint(&nearest));
}

/* The verb that makes what is lacking, and least beside it. */
static const char *maker_of(unsigned lacking) {
  const prl_verb_type *maker = NULL;
  for (const prl_verb_type *const *type = prl_verb_types; *type; type++)
    if ((*type)->makes & lacking &&
        (!maker || __builtin_popcount((*type)->makes) < __builtin_popcount(maker->makes)))
      maker = *type;
  return maker ? maker->name : "?";
}

static prl_status check_order(const compiler *c, const prl_verb *verb, unsigned needs) {
  const prl_verb_type *type = verb->type;
  const prl_schedule *s = c->schedule;
  if (type->flags & PRL_VERB_TOP && c->nesting)
    return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: %s is outside a loop", type->name);
  for (int i = 0; type->flags & PRL_VERB_ONCE && i < verb->index; i++)
    if (s->verbs[i].type == type)
      return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: %s comes once", type->name);
  if (type->makes & (c->made | c->replaced) & PRL_MADE_FROZEN)
    return prl_fail(c->error, PRL_EFORMAT,
                    "plan: schedule: rows are frozen once, by freeze or by remember; %s is the second",
                    type->name);
  unsigned lacking = needs & ~c->made;
  if (!lacking) return PRL_OK;
  if (lacking & c->replaced)
    return prl_fail(c->error, PRL_EFORMAT,
                    "plan: schedule: %s needs what %s makes, which a verb before it has replaced by a draw",
                    type->name, maker_of(lacking & c->replaced));
  return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: %s needs %s before it", type->name,
                  maker_of(lacking));
}

/* What the verbs of a body replace, those of inner bodies too. */
static unsigned replaced_in(const prl_value *body, int nesting) {
  unsigned all = 0;
  for (int64_t i = 0; nesting < MAX_NESTING && i < prl_count(body); i++) {
    const prl_value *map = prl_item(body, i);
    const prl_verb_type *type = prl_verb_type_find(prl_get_string(map, "verb", ""));
    all |= (type ? type->replaces : 0) | replaced_in(prl_get(map, "body"), nesting + 1);
  }
  return all;
}

static void replace(compiler *c, unsigned what) {
  c->replaced |= c->made & what;
  c->made &= ~what;
}

/* An entry of the list with room for what its type keeps. */
static prl_verb *add(compiler *c, const prl_verb_type *type) {
  prl_schedule *s = c->schedule;
  int index = s->count++;
  prl_verb *verb = &s->verbs[index];
  *verb = (prl_verb){.type = type,
                     .index = index,
                     .end = -1,
                     .loop = -1,
                     .outermost = c->outermost,
                     .minibatches = c->minibatches};
  verb->fields = prl_calloc(s->runtime, 1, type->fields_size + 1);
  verb->cursor = prl_calloc(s->runtime, (size_t)type->cursor + 1, sizeof *verb->cursor);
  return verb->fields && verb->cursor ? verb : NULL;
}

static prl_status check_keys(const prl_verb_type *type, const prl_value *map, prl_error *error) {
  for (int64_t i = 0; i < prl_count(map); i++) {
    const char *key;
    const prl_value *value;
    prl_pair(map, i, &key, &value);
    bool known = !strcmp(key, "verb");
    prl_nearest nearest = prl_nearest_begin(key);
    for (const char *const *name = type->keys; name && *name; name++) {
      known = known || !strcmp(key, *name);
      prl_nearest_offer(&nearest, *name);
    }
    if (!known)
      return prl_fail(error, PRL_EFORMAT, "plan: schedule.%s has no field \"%s\"%s", type->name, key,
                      prl_nearest_hint(&nearest));
  }
  return PRL_OK;
}

static prl_status compile_verb(compiler *c, const prl_value *map, prl_verb **out) {
  const char *name;
  char where[64];
  prl_status status = prl_read_string(map, "schedule", "verb", &name, c->error);
  if (status) return status;
  const prl_verb_type *type = prl_verb_type_find(name);
  if (!type) return unknown_verb(name, c->error);
  status = check_keys(type, map, c->error);
  if (status) return status;
  prl_verb *verb = *out = add(c, type);
  if (!verb) return prl_fail_memory(c->error, type->fields_size);
  snprintf(where, sizeof where, "schedule.%s", name);
  prl_verb_reader reader = {.learner = c->schedule->learner, .map = map, .verb = verb, .where = where};
  if (type->read) status = type->read(&reader, verb->fields, c->error);
  if (!status) status = check_order(c, verb, type->needs | reader.needs);
  replace(c, type->replaces);
  c->made |= type->makes;
  return status;
}

static prl_status compile(compiler *c, const prl_value *body);

static prl_status compile_loop(compiler *c, prl_verb *loop, const prl_value *body) {
  if (c->nesting == MAX_NESTING - 1)
    return prl_fail(c->error, PRL_EFORMAT, "plan: schedule: loops nested too deeply");
  replace(c, replaced_in(body, 0)); /* the next turn begins where this one ends */
  compiler inner = *c;
  inner.nesting++;
  if (inner.outermost < 0) inner.outermost = loop->index;
  if (loop->type == &prl_verb_minibatches) inner.minibatches = loop->index;
  prl_status status = compile(&inner, body);
  if (status) return status;
  prl_verb *end = add(c, &prl_verb_end);
  if (!end) return prl_fail_memory(c->error, sizeof *end);
  end->loop = loop->index;
  loop->end = end->index;
  return PRL_OK;
}

static prl_status compile(compiler *c, const prl_value *body) {
  if (!body || body->kind != PRL_ARRAY) return prl_read_fail("schedule", "body", "a list of verbs", c->error);
  for (int64_t i = 0; i < prl_count(body); i++) {
    const prl_value *map = prl_item(body, i);
    prl_verb *verb = NULL;
    prl_status status = compile_verb(c, map, &verb);
    if (!status && verb->type->flags & PRL_VERB_LOOP) status = compile_loop(c, verb, prl_get(map, "body"));
    if (status) return status;
  }
  return PRL_OK;
}

static prl_status build(prl_schedule *s, const prl_value *root, prl_error *error) {
  const prl_value *body;
  prl_status status = prl_read_value(root, "", "schedule", PRL_ARRAY, &body, error);
  if (status) return status;
  size_t count = (size_t)count_verbs(body, 0);
  s->verbs = prl_calloc(s->runtime, count + 1, sizeof *s->verbs);
  if (!s->verbs) return prl_fail_memory(error, count * sizeof *s->verbs);
  compiler c = {.schedule = s, .error = error, .outermost = -1, .minibatches = -1};
  status = compile(&c, body);
  if (status) return status;
  if (s->count < 2 || s->verbs[0].type != &prl_verb_collect ||
      s->verbs[s->count - 1].type != &prl_verb_publish)
    return prl_fail(error, PRL_EFORMAT, "plan: a schedule begins with collect and ends with publish");
  if (!(c.made & PRL_MADE_ROWS))
    return prl_fail(error, PRL_EFORMAT,
                    "plan: a schedule has freeze or remember between collect and publish");
  return PRL_OK;
}

prl_status prl_schedule_new(prl_runtime *runtime, const prl_value *root, prl_learner *learner,
                            prl_schedule **out, prl_error *error) {
  prl_schedule *s = prl_calloc(runtime, 1, sizeof *s);
  if (!s) return prl_fail_memory(error, sizeof *s);
  s->runtime = runtime;
  s->learner = learner;
  prl_status status = build(s, root, error);
  if (status) {
    prl_schedule_free(s);
    return status;
  }
  *out = s;
  return PRL_OK;
}

void prl_schedule_free(prl_schedule *s) {
  if (!s) return;
  for (int i = 0; i < s->count; i++) {
    prl_free(s->runtime, s->verbs[i].fields);
    prl_free(s->runtime, s->verbs[i].cursor);
  }
  prl_free(s->runtime, s->verbs);
  prl_free(s->runtime, s);
}

/* ---- saving ---- */

prl_status prl_schedule_blocks(prl_schedule *s, prl_blocks *blocks, prl_error *error) {
  const int first = blocks->count;
  prl_status status = prl_blocks_add(blocks, "schedule.at", PRL_I64, 1, &s->at, error);
  for (int i = 0; !status && i < s->count; i++) {
    prl_verb *verb = &s->verbs[i];
    char name[PRL_BLOCK_NAME];
    snprintf(name, sizeof name, "schedule.%d.%s", i, verb->type->name);
    if (verb->type->cursor)
      status = prl_blocks_add(blocks, name, PRL_I64, verb->type->cursor, verb->cursor, error);
  }
  prl_blocks_learned(blocks, first);
  return status;
}

bool prl_schedule_restore(prl_schedule *s, const char *name) {
  bool good = s->at >= 0 && s->at < s->count && !strcmp(s->verbs[s->at].type->name, name);
  for (int i = 0; good && i < s->count; i++)
    good = !s->verbs[i].type->holds || s->verbs[i].type->holds(s, &s->verbs[i]);
  return good;
}

const char *prl_schedule_verb(const prl_schedule *s) {
  return s->at >= 0 && s->at < s->count ? s->verbs[s->at].type->name : "";
}

/* ---- executing ---- */

prl_status prl_schedule_step(prl_schedule *s, prl_turn *turn, prl_error *error) {
  prl_verb *verb = &s->verbs[s->at];
  turn->next = verb->index + 1;
  turn->waiting = turn->updated = false;
  prl_status status = verb->type->execute(s, verb, turn, error);
  if (!status) s->at = turn->next;
  return status;
}

int64_t prl_schedule_needs(const prl_schedule *s) {
  const prl_verb *verb = &s->verbs[s->at];
  return verb->type->waits ? verb->type->waits(s, verb) : 0;
}

prl_status prl_schedule_relieve(prl_schedule *s, prl_error *error) {
  return prl_schedule_between(s) ? prl_update_relieve(s->learner, error) : PRL_OK;
}

bool prl_schedule_between(const prl_schedule *s) { return s->at == 0; }

const char *prl_schedule_own(const prl_schedule *s) {
  for (int i = 0; i < s->count; i++)
    if (s->verbs[i].type->flags & PRL_VERB_OWN) return s->verbs[i].type->name;
  return NULL;
}
