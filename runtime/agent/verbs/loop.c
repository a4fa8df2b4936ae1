/* Loops: epochs and minibatches over the frozen rows, updates by rows that were remembered, every k-th time.
 */
#include <inttypes.h>
#include <math.h>

#include "agent/verbs/verb.h"
#include "core/read.h"

static const int64_t most = INT64_C(1) << 40;

/* Cursor: turns that were made, or the first row of the minibatch; of `updates` and `every` also how many
 * there are this time, and what is left over for the next. */
enum { POSITION, TURNS, REST };
static const double whole = 4294967296; /* REST of `updates`: a part of a turn, in 2⁻³² */

typedef struct epochs {
  int64_t count;
} epochs;

typedef struct minibatches {
  int64_t size;
} minibatches;

typedef struct updates {
  prl_ref ratio;
  int64_t start;
} updates;

typedef struct every {
  int64_t count;
} every;

static bool is_minibatches(const prl_verb *verb) { return verb->type == &prl_verb_minibatches; }

/* What a turn adds to the position of the loop, and where the loop ends. */
static int64_t stride(const prl_schedule *s, const prl_verb *loop) {
  if (!is_minibatches(loop)) return 1;
  return prl_learner_part(s->learner, loop->cursor[POSITION], ((const minibatches *)loop->fields)->size);
}

static int64_t bound(const prl_schedule *s, const prl_verb *loop) {
  if (is_minibatches(loop)) return s->learner->batch.rows;
  return loop->type == &prl_verb_epochs ? ((const epochs *)loop->fields)->count : loop->cursor[TURNS];
}

prl_minibatch prl_minibatch_of(const prl_schedule *s, const prl_verb *verb) {
  const prl_learner *l = s->learner;
  if (verb->minibatches < 0) return (prl_minibatch){.rows = l->batch.rows};
  const prl_verb *loop = &s->verbs[verb->minibatches];
  return (prl_minibatch){.order = l->order, .first = loop->cursor[POSITION], .rows = stride(s, loop)};
}

/* ratio turns for each row that came with this update; none before there are `start` rows. */
static void count_updates(const prl_schedule *s, prl_verb *loop) {
  const updates *u = loop->fields;
  const prl_replay_counts *n = &s->learner->memory->n;
  const double fresh = (double)n->fresh, ratio = prl_ref_value(s->learner->live, u->ratio);
  loop->cursor[TURNS] = 0;
  if (n->added < u->start || !n->rows) return;
  const double due = fmin(fmax(fresh * ratio, 0), (double)most) + (double)loop->cursor[REST] / whole;
  loop->cursor[TURNS] = (int64_t)due;
  loop->cursor[REST] = (int64_t)((due - floor(due)) * whole);
}

/* One turn at every count-th time. */
static void count_times(prl_verb *loop) {
  const every *e = loop->fields;
  loop->cursor[REST] = (loop->cursor[REST] + 1) % e->count;
  loop->cursor[TURNS] = loop->cursor[REST] == 0;
}

static prl_status begin(prl_schedule *s, prl_verb *loop, prl_turn *turn, prl_error *error) {
  if (loop->type == &prl_verb_updates) count_updates(s, loop);
  if (loop->type == &prl_verb_every) count_times(loop);
  bool any = bound(s, loop) > 0;
  loop->cursor[POSITION] = 0;
  if (any && is_minibatches(loop)) prl_learner_shuffle(s->learner);
  if (!any) turn->next = loop->end + 1;
  return PRL_OK;
}

static prl_status end_turn(prl_schedule *s, prl_verb *end, prl_turn *turn, prl_error *error) {
  prl_verb *loop = &s->verbs[end->loop];
  loop->cursor[POSITION] += stride(s, loop);
  if (loop->cursor[POSITION] < bound(s, loop)) turn->next = loop->index + 1;
  return PRL_OK;
}

static bool within(const prl_schedule *s, const prl_verb *loop) {
  bool inside = s->at > loop->index && s->at <= loop->end, good = true;
  for (int i = 0; i < loop->type->cursor; i++) good = good && prl_count_holds(loop->cursor[i]);
  return good && (!inside || loop->cursor[POSITION] < bound(s, loop));
}

static bool updates_within(const prl_schedule *s, const prl_verb *loop) {
  return within(s, loop) && (double)loop->cursor[REST] < whole;
}

static bool every_within(const prl_schedule *s, const prl_verb *loop) {
  return within(s, loop) && loop->cursor[REST] < ((const every *)loop->fields)->count &&
         loop->cursor[TURNS] <= 1;
}

static prl_status read_epochs(prl_verb_reader *r, void *fields, prl_error *error) {
  return prl_read_int(r->map, r->where, "count", true, 0, most, &((epochs *)fields)->count, error);
}

static prl_status read_minibatches(prl_verb_reader *r, void *fields, prl_error *error) {
  if (r->verb->minibatches >= 0)
    return prl_fail(error, PRL_EFORMAT, "plan: schedule: minibatches inside minibatches");
  int64_t *size = &((minibatches *)fields)->size;
  const int64_t stretch = r->learner->shape->memory_stretch;
  prl_status status = prl_read_int(r->map, r->where, "size", true, 1, most, size, error);
  if (!status && *size < stretch)
    status = prl_fail(error, PRL_EFORMAT,
                      "plan: schedule.minibatches.size is %" PRId64 ", less than the %" PRId64
                      " rows of a stretch (memory.stretch)",
                      *size, stretch);
  return status;
}

static prl_status read_updates(prl_verb_reader *r, void *fields, prl_error *error) {
  updates *u = fields;
  prl_status status = prl_read_int(r->map, r->where, "start", false, 0, most, &u->start, error);
  return status ? status : prl_live_ref(r->learner->live, r->map, r->where, "ratio", 1, &u->ratio, error);
}

static prl_status read_every(prl_verb_reader *r, void *fields, prl_error *error) {
  return prl_read_int(r->map, r->where, "count", true, 1, most, &((every *)fields)->count, error);
}

const prl_verb_type prl_verb_updates = {
    .name = "updates",
    .keys = (const char *const[]){"ratio", "start", "body", NULL},
    .fields_text = "ratio (reference), start (0), body = [verb, …]",
    .text = "repeats the body `ratio` times for each row that this update remembered, a part of a turn being "
            "kept for the next; not before `start` rows were remembered",
    .fields_size = sizeof(updates),
    .cursor = 3,
    .flags = PRL_VERB_LOOP,
    .needs = PRL_MADE_MEMORY,
    .read = read_updates,
    .execute = begin,
    .holds = updates_within,
};

const prl_verb_type prl_verb_every = {
    .name = "every",
    .keys = (const char *const[]){"count", "body", NULL},
    .fields_text = "count, body = [verb, …]",
    .text = "the body once at every count-th time",
    .fields_size = sizeof(every),
    .cursor = 3,
    .flags = PRL_VERB_LOOP,
    .read = read_every,
    .execute = begin,
    .holds = every_within,
};

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
            "`size` rows, the remainder last. Where the policy has a memory, a permutation of stretches, of "
            "which as many come together as `size` rows hold",
    .fields_size = sizeof(minibatches),
    .cursor = 1,
    .flags = PRL_VERB_LOOP,
    .needs = PRL_MADE_ROWS,
    .read = read_minibatches,
    .execute = begin,
    .holds = within,
};

const prl_verb_type prl_verb_end = {.name = "end", .execute = end_turn};
