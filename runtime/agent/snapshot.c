/* The board of an agent: snapshots are written by one thread, and taken and released by any. */
#include "agent/ramp.h"
#include "agent/snapshot.h"

#include <string.h>

#include "core/arguments.h"

/* ---- any thread ---- */

static void board_release(prl_board *b) {
  if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1) return;
  for (prl_snapshot *s = b->list, *next; s; s = next) {
    next = s->next;
    if (s->form && --s->form->users == 0 && s->form != b->form) prl_form_free(s->form);
    prl_free(b->runtime, s->bytes);
    prl_free(b->runtime, s);
  }
  prl_form_free(b->form);
  prl_runtime *runtime = b->runtime;
  prl_free(runtime, b);
  prl_runtime_release(runtime);
}

/* False: nobody holds it, or it is being written. */
static bool hold(prl_snapshot *s) {
  int64_t refs = atomic_load_explicit(&s->refs, memory_order_relaxed);
  while (refs > 0)
    if (atomic_compare_exchange_weak_explicit(&s->refs, &refs, refs + 1, memory_order_acquire,
                                              memory_order_relaxed))
      return true;
  return false;
}

static prl_status take(prl_board *b, prl_snapshot **out, prl_error *error) {
  for (;;) {
    prl_snapshot *s = atomic_load_explicit(&b->newest, memory_order_acquire);
    if (s && hold(s)) {
      *out = s;
      return PRL_OK;
    }
    const char *bound = s ? NULL : atomic_load_explicit(&b->bound, memory_order_acquire);
    if (bound) return prl_fail(error, PRL_EABSENT, "there is no snapshot: %s", bound);
  }
}

prl_snapshot *prl_snapshot_retain(prl_snapshot *s) {
  if (s) atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
  return s;
}

void prl_snapshot_release(prl_snapshot *s) {
  if (!s) return;
  prl_board *board = s->board; /* the snapshot is another's once its refs are 0 */
  if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) board_release(board);
}

uint64_t prl_snapshot_version(const prl_snapshot *s) { return s ? s->version : 0; }
const char *prl_snapshot_hash(const prl_snapshot *s) { return s ? s->hash : NULL; }

/* ---- the thread that uses the agent ---- */

/* One that nobody holds, or a new one; the caller alone has it. */
static prl_snapshot *claim(prl_board *b) {
  for (prl_snapshot *s = b->list; s; s = s->next) {
    int64_t nobody = 0;
    if (atomic_compare_exchange_strong_explicit(&s->refs, &nobody, PRL_SNAPSHOT_WRITING, memory_order_acquire,
                                                memory_order_relaxed))
      return s;
  }
  prl_snapshot *s = prl_calloc(b->runtime, 1, sizeof *s);
  if (!s) return NULL;
  atomic_init(&s->refs, PRL_SNAPSHOT_WRITING);
  s->board = b;
  s->next = b->list;
  b->list = s;
  return s;
}

static bool make_room(prl_snapshot *s, int64_t bytes) {
  if (s->room >= bytes) return true;
  char *block = prl_alloc(s->board->runtime, (size_t)bytes);
  if (!block) return false;
  prl_free(s->board->runtime, s->bytes);
  s->bytes = block;
  s->room = bytes;
  return true;
}

static void set_form(prl_snapshot *s, prl_form *form) {
  prl_form *old = s->form;
  form->users++;
  s->form = form;
  if (old && --old->users == 0 && old != s->board->form) prl_form_free(old);
}

/* The form of the plan in force: that of the plan before, where it is the same. */
static prl_status renew_form(prl_board *b, const prl_agent *a, prl_error *error) {
  prl_form *form = NULL;
  if (b->document == a->document) return PRL_OK;
  b->document = NULL; /* another document may come to stand where that one stood */
  prl_status status = prl_form_new(a, &form, error);
  if (status) return status;
  b->document = a->document;
  if (b->form && !strcmp(b->form->hash, form->hash)) {
    prl_form_free(form);
    return PRL_OK;
  }
  if (b->form && !b->form->users) prl_form_free(b->form);
  b->form = form;
  return PRL_OK;
}

static void write(prl_snapshot *s, const prl_agent *a, int64_t own) {
  s->own = own;
  s->version = (uint64_t)prl_policy_version(a->policy);
  s->mean = prl_learner_warmup_needs(a->learner) != 0;
  memcpy(s->hash, a->hash, sizeof s->hash);
  prl_policy_write_version(a->policy, s->bytes);
  if (a->control) prl_policy_write_version(prl_control_policy(a->control), s->bytes + own);
}

/* The board's own reference goes from the one before to s; NULL: to none. */
static void put(prl_board *b, prl_snapshot *s, const char *bound) {
  if (s) {
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&s->refs, 1, memory_order_release);
  }
  prl_snapshot *old = atomic_load_explicit(&b->newest, memory_order_relaxed);
  if (!s) atomic_store_explicit(&b->bound, bound, memory_order_release); /* one of the two is always there */
  atomic_store_explicit(&b->newest, s, memory_order_release);
  if (s) atomic_store_explicit(&b->bound, NULL, memory_order_release);
  prl_snapshot_release(old);
}

static const char *bound_of(const prl_agent *a) {
  const char *bound = prl_ramp_bound(a);
  if (!bound) bound = prl_policy_bound(a->policy);
  return bound || !a->control ? bound : prl_policy_bound(prl_control_policy(a->control));
}

static prl_status post(prl_board *b, const prl_agent *a, prl_error *error) {
  const char *bound = bound_of(a);
  if (bound) {
    b->document = NULL;
    put(b, NULL, bound);
    return PRL_OK;
  }
  prl_status status = renew_form(b, a, error);
  prl_snapshot *s = status ? NULL : claim(b);
  if (status) return status;
  const int64_t own = prl_policy_version_bytes(a->policy),
                other = a->control ? prl_policy_version_bytes(prl_control_policy(a->control)) : 0;
  if (!s || !make_room(s, own + other)) {
    if (s) atomic_store_explicit(&s->refs, 0, memory_order_release);
    return prl_fail_memory(error, (size_t)(own + other));
  }
  set_form(s, b->form);
  write(s, a, own);
  put(b, s, NULL);
  return PRL_OK;
}

void prl_agent_post(prl_agent *a) {
  if (a->board) a->board->late = post(a->board, a, NULL) != PRL_OK;
}

void prl_board_close(prl_board *b) {
  if (!b) return;
  put(b, NULL, NULL);
  board_release(b);
}

/* Room for the version that comes while nobody holds one. */
static prl_status spare(prl_board *b, prl_error *error) {
  const prl_snapshot *newest = atomic_load_explicit(&b->newest, memory_order_relaxed);
  if (!newest) return PRL_OK;
  prl_snapshot *s = claim(b);
  const bool made = s && make_room(s, newest->room);
  if (s) atomic_store_explicit(&s->refs, 0, memory_order_release);
  return made ? PRL_OK : prl_fail_memory(error, (size_t)newest->room);
}

static prl_status open(prl_agent *a, prl_error *error) {
  prl_board *b = prl_calloc(a->runtime, 1, sizeof *b);
  if (!b) return prl_fail_memory(error, sizeof *b);
  b->runtime = prl_runtime_retain(a->runtime);
  atomic_init(&b->refs, 1);
  prl_status status = post(b, a, error);
  if (!status) status = spare(b, error);
  if (status)
    prl_board_close(b);
  else
    a->board = b;
  return status;
}

prl_status prl_agent_snapshot(prl_agent *a, prl_snapshot **out, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "agent out", a, out);
  if (!status && !a->board) status = open(a, error);
  return status ? status : take(a->board, out, error);
}
