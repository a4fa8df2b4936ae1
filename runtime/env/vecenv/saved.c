/* A vector env saved as one block, and read back. */
#include "env/vecenv/parts.h"

#include <string.h>

/* What a saved block begins with; stream, episode, step and state follow, each as it is in memory. */
typedef struct block_head {
  char magic[8];
  int64_t n, state_size, own_size; /* own_size: bytes of the type's own save, or of the slab */
  uint64_t seed;
  int32_t observations, actions, stage, begun;
} block_head;

static const char block_magic[8] = "prlvec1";

/* Of couples who waits, and what is kept; such blocks have it behind the counters. */
static int64_t couples_size(const prl_vecenv *env) {
  return env->waits ? env->n + env->n / 2 * (int64_t)prl_couples_size(env) : 0;
}

static int64_t counters_size(const prl_vecenv *env) {
  return (int64_t)sizeof(block_head) +
         env->n * (int64_t)(sizeof *env->stream + sizeof *env->episode + sizeof *env->step) +
         couples_size(env);
}

static prl_status own_size(const prl_vecenv *env, int64_t *size, prl_error *error) {
  *size = env->n * (int64_t)env->spec.state_size;
  if (!env->type->save) return PRL_OK;
  prl_env_batch batch = prl_vecenv_batch(env);
  *size = 0;
  error->message[0] = '\0';
  return prl_env_told(env->type, "save", env->type->save(&batch, NULL, size, error), error);
}

prl_status prl_vecenv_state_size(const prl_vecenv *env, int64_t *size, prl_error *error) {
  prl_error unused;
  int64_t own = 0;
  prl_status status = PRL_GIVEN(error, "env size", env, size);
  if (status) return status;
  if (env->parts) return prl_parts_size(env, size, error);
  status = env->spec.unsaved ? PRL_OK : own_size(env, &own, error ? error : &unused);
  if (!status) *size = env->spec.unsaved ? 0 : counters_size(env) + own;
  return status;
}

static unsigned char *put(unsigned char *to, const void *from, size_t size) {
  memcpy(to, from, size);
  return to + size;
}

prl_status prl_vecenv_save(const prl_vecenv *env, void *bytes, int64_t size, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env bytes", env, bytes);
  if (status) return status;
  if (env->spec.unsaved)
    return prl_fail(error, PRL_ESTATE, "the environment '%s' has no save function", env->type->name);
  if (env->parts) return prl_parts_save(env, bytes, size, error);
  block_head head = {.n = env->n,
                     .state_size = (int64_t)env->spec.state_size,
                     .seed = env->seed,
                     .observations = env->spec.observations,
                     .actions = env->spec.actions,
                     .stage = env->stage,
                     .begun = env->begun};
  memcpy(head.magic, block_magic, sizeof head.magic);
  status = own_size(env, &head.own_size, error);
  if (!status && size != counters_size(env) + head.own_size)
    status = prl_fail(error, PRL_ESTATE, "the state of the environment '%s' has %lld bytes, not %lld",
                      env->type->name, (long long)(counters_size(env) + head.own_size), (long long)size);
  if (status) return status;
  size_t n = (size_t)env->n;
  unsigned char *to = put(bytes, &head, sizeof head);
  to = put(to, env->stream, n * sizeof *env->stream);
  to = put(to, env->episode, n * sizeof *env->episode);
  to = put(to, env->step, n * sizeof *env->step);
  if (env->waits) {
    to = put(to, env->waits, n);
    to = put(to, env->kept, n / 2 * prl_couples_size(env));
  }
  if (!env->type->save) {
    put(to, env->state, n * env->spec.state_size);
    return PRL_OK;
  }
  prl_env_batch batch = prl_vecenv_batch(env);
  error->message[0] = '\0';
  return prl_env_told(env->type, "save", env->type->save(&batch, to, &head.own_size, error), error);
}

static prl_status check_head(const prl_vecenv *env, const block_head *head, int64_t size, prl_error *error) {
  const char *name = env->type->name;
  if (head->n != env->n)
    return prl_fail(error, PRL_EFORMAT, "the saved environment has %lld instances; this one has %lld",
                    (long long)head->n, (long long)env->n);
  if (head->observations != env->spec.observations || head->actions != env->spec.actions ||
      head->state_size != (int64_t)env->spec.state_size)
    return prl_fail(error, PRL_EFORMAT,
                    "the saved environment has %d observations, %d actions and %lld bytes of state; "
                    "'%s' has %d, %d and %lld",
                    head->observations, head->actions, (long long)head->state_size, name,
                    env->spec.observations, env->spec.actions, (long long)env->spec.state_size);
  int64_t own = size - counters_size(env);
  if (own < 0 || head->own_size != own || (!env->type->save && own != env->n * (int64_t)env->spec.state_size))
    return prl_fail(error, PRL_EFORMAT,
                    "the saved state of the environment '%s' has %lld bytes; %lld are needed", name,
                    (long long)size, (long long)(size - own + head->own_size));
  if (head->stage < STAGE_NEW || head->stage > STAGE_FAILED)
    return prl_fail(error, PRL_EFORMAT, "the saved state of the environment '%s' is damaged: stage %d", name,
                    head->stage);
  return PRL_OK;
}

static const unsigned char *take(void *to, const unsigned char *from, size_t size) {
  memcpy(to, from, size);
  return from + size;
}

/* What the instances share may follow from the seed (a catalogue): made anew for the seed of the saved block.
 */
static prl_status reopen(prl_vecenv *env, uint64_t seed, prl_error *error) {
  const prl_env_type *type = env->type;
  if (seed == env->seed || !type->open || type->load || !env->spec.shared_size) return PRL_OK;
  if (env->divided) /* the parts share what the whole has opened */
    return prl_fail(error, PRL_EFORMAT, "the saved environment has the seed %llu, and this one %llu",
                    (unsigned long long)seed, (unsigned long long)env->seed);
  void *shared = prl_calloc(env->runtime, 1, env->spec.shared_size);
  if (!shared) return prl_fail_memory(error, env->spec.shared_size);
  error->message[0] = '\0';
  prl_status status = type->open(type, env->options, seed, shared, error);
  if (prl_env_told(type, "open", status, error)) {
    prl_free(env->runtime, shared);
    return status;
  }
  if (type->close) type->close(env->shared);
  prl_free(env->runtime, env->shared);
  env->shared = shared;
  return PRL_OK;
}

/* Whether the type takes the saved states (n × state_size bytes) for sound. */
static prl_status check_states(const prl_vecenv *env, const unsigned char *states, prl_error *error) {
  const size_t size = env->spec.state_size;
  if (!env->type->sound || env->type->load) return PRL_OK;
  void *state = prl_alloc(env->runtime, size); /* aligned */
  if (!state) return prl_fail_memory(error, size);
  prl_status status = PRL_OK;
  for (int64_t i = 0; !status && i < env->n; i++) {
    memcpy(state, states + (size_t)i * size, size);
    if (!env->type->sound(env->shared, state))
      status = prl_fail(error, PRL_EFORMAT, "the saved state of '%s' is damaged at instance %lld",
                        env->type->name, (long long)i);
  }
  prl_free(env->runtime, state);
  return status;
}

/* Flags, and states that may go on. */
static prl_status check_couples(const prl_vecenv *env, const unsigned char *from, prl_error *error) {
  if (!env->waits) return PRL_OK;
  const size_t size = env->spec.state_size;
  void *state = prl_alloc(env->runtime, size);
  if (!state) return prl_fail_memory(error, size);
  bool good = true;
  const unsigned char *kept = from + env->n;
  for (int64_t i = 0; good && i < env->n; i += 2, kept += prl_couples_size(env)) {
    good = from[i] <= 1 && from[i + 1] <= 1 && from[i] + from[i + 1] < 2;
    memcpy(state, kept, size);
    if (good && from[i] && env->type->sound) good = env->type->sound(env->shared, state);
  }
  prl_free(env->runtime, state);
  return good ? PRL_OK
              : prl_fail(error, PRL_EFORMAT, "the saved couples of '%s' are damaged", env->type->name);
}

prl_status prl_vecenv_load(prl_vecenv *env, const void *bytes, int64_t size, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env bytes", env, bytes);
  if (status) return status;
  if (env->spec.unsaved)
    return prl_fail(error, PRL_ESTATE, "the environment '%s' has no load function", env->type->name);
  if (env->parts) return prl_parts_load(env, bytes, size, error);
  block_head head = {.n = 0};
  if (size >= (int64_t)sizeof head) memcpy(&head, bytes, sizeof head);
  if (memcmp(head.magic, block_magic, sizeof head.magic))
    return prl_fail(error, PRL_EFORMAT, "these %lld bytes are no saved environment", (long long)size);
  status = check_head(env, &head, size, error);
  const unsigned char *from = bytes;
  if (!status) status = check_states(env, from + counters_size(env), error);
  if (!status) status = check_couples(env, from + counters_size(env) - couples_size(env), error);
  if (!status) status = reopen(env, head.seed, error);
  if (status) return status;
  if (env->type->load) {
    prl_env_batch batch = prl_vecenv_batch(env);
    error->message[0] = '\0';
    status = env->type->load(&batch, from + counters_size(env), head.own_size, error);
    status = prl_env_told(env->type, "load", status, error);
    if (status) return status;
  }
  size_t n = (size_t)env->n;
  from += sizeof head;
  from = take(env->stream, from, n * sizeof *env->stream);
  from = take(env->episode, from, n * sizeof *env->episode);
  from = take(env->step, from, n * sizeof *env->step);
  if (env->waits) {
    from = take(env->waits, from, n);
    from = take(env->kept, from, n / 2 * prl_couples_size(env));
  }
  if (!env->type->load) take(env->state, from, n * env->spec.state_size);
  env->seed = head.seed;
  env->stage = (vecenv_stage)head.stage;
  env->begun = head.begun != 0;
  return PRL_OK;
}
