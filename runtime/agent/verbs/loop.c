/* Loops over the frozen rows: epochs and minibatches. */
#include "agent/verbs/verb.h"
#include "core/read.h"
#include "core/rng.h"

static const int64_t most = INT64_C(1) << 40;

enum { POSITION }; /* cursor: epochs that were made; the first row of the minibatch */

typedef struct epochs {
  int64_t count;
} epochs;

typedef struct minibatches {
  int64_t size;
} minibatches;

static bool is_minibatches(const prl_verb *verb) { return verb->type == &prl_verb_minibatches; }

/* What a turn adds to the position of the loop, and where the loop ends. */
static int64_t stride(const prl_verb *loop) {
  return is_minibatches(loop) ? ((const minibatches *)loop->fields)->size : 1;
}

static int64_t bound(const prl_schedule *s, const prl_verb *loop) {
  return is_minibatches(loop) ? s->learner->batch.rows : ((const epochs *)loop->fields)->count;
}

prl_minibatch prl_minibatch_of(const prl_schedule *s, const prl_verb *verb) {
  const prl_learner *l = s->learner;
  if (verb->minibatches < 0) return (prl_minibatch){.rows = l->batch.rows};
  const prl_verb *loop = &s->verbs[verb->minibatches];
  int64_t first = loop->cursor[POSITION], left = l->batch.rows - first, size = stride(loop);
  return (prl_minibatch){.order = l->order, .first = first, .rows = left < size ? left : size};
}

/* A fresh permutation by Fisher and Yates; Lemire's multiply-shift bounds a draw (its bias is below
 * rows/2³²). */
static void shuffle(prl_learner *l) {
  prl_rng rng = prl_rng_make(l->shape->seed, (uint64_t)l->n.updates, PRL_SITE_SHUFFLE);
  uint32_t words[4] = {0}, epoch = (uint32_t)l->n.shuffles++;
  for (int64_t i = 0; i < l->batch.rows; i++) l->order[i] = (int32_t)i;
  for (int64_t i = l->batch.rows - 1, draw = 0; i > 0; i--, draw++) {
    if (draw % 4 == 0) prl_rng_block(rng, 0, epoch, 0, (uint32_t)(draw / 4), words);
    int64_t j = (int64_t)(((uint64_t)words[draw % 4] * (uint64_t)(i + 1)) >> 32);
    int32_t moved = l->order[i];
    l->order[i] = l->order[j];
    l->order[j] = moved;
  }
}

static prl_status begin(prl_schedule *s, prl_verb *loop, prl_turn *turn, prl_error *error) {
  bool any = bound(s, loop) > 0;
  loop->cursor[POSITION] = 0;
  if (any && is_minibatches(loop)) shuffle(s->learner);
  if (!any) turn->next = loop->end + 1;
  return PRL_OK;
}

static prl_status end_turn(prl_schedule *s, prl_verb *end, prl_turn *turn, prl_error *error) {
  prl_verb *loop = &s->verbs[end->loop];
  loop->cursor[POSITION] += stride(loop);
  if (loop->cursor[POSITION] < bound(s, loop)) turn->next = loop->index + 1;
  return PRL_OK;
}

static bool within(const prl_schedule *s, const prl_verb *loop) {
  bool inside = s->at > loop->index && s->at <= loop->end;
  return prl_count_holds(loop->cursor[POSITION]) && (!inside || loop->cursor[POSITION] < bound(s, loop));
}

static prl_status read_epochs(prl_verb_reader *r, void *fields, prl_error *error) {
  return prl_read_int(r->map, r->where, "count", true, 0, most, &((epochs *)fields)->count, error);
}

static prl_status read_minibatches(prl_verb_reader *r, void *fields, prl_error *error) {
  if (r->verb->minibatches >= 0)
    return prl_fail(error, PRL_EFORMAT, "plan: schedule: minibatches inside minibatches");
  return prl_read_int(r->map, r->where, "size", true, 1, most, &((minibatches *)fields)->size, error);
}

const prl_verb_type prl_verb_epochs = {
    .name = "epochs",
    .keys = (const char *const[]){"count", "body", NULL},
    .fields_text = "count, body = [verb, …]",
    .text = "repeats the body",
    .fields_size = sizeof(epochs),
    .cursor = 1,
    .flags = PRL_VERB_LOOP,
    .needs = PRL_MADE_ROWS,
    .read = read_epochs,
    .execute = begin,
    .holds = within,
};

const prl_verb_type prl_verb_minibatches = {
    .name = "minibatches",
    .keys = (const char *const[]){"size", "body", NULL},
    .fields_text = "size, body = [verb, …]",
    .text = "a fresh permutation of the frozen rows, keyed by (seed, update, epoch); the body once for each "
            "`size` rows, the remainder last",
    .fields_size = sizeof(minibatches),
    .cursor = 1,
    .flags = PRL_VERB_LOOP,
    .needs = PRL_MADE_ROWS,
    .read = read_minibatches,
    .execute = begin,
    .holds = within,
};

const prl_verb_type prl_verb_end = {.name = "end", .execute = end_turn};
