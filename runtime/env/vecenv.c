/* The vector env: n instances of one type over one slab of state. It checks actions, counts steps, truncates,
 * keeps the final observation, starts the next episode, and saves everything as one block. The dynamics are
 * the type's. */
#include "core/arguments.h"
#include "core/memory.h"
#include "core/pieces.h"
#include "core/rng.h"
#include "env/mask.h"
#include "env/types.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum vecenv_stage { STAGE_NEW, STAGE_RUNNING, STAGE_FAILED } vecenv_stage;

struct prl_vecenv {
  prl_runtime *runtime;
  const prl_env_type *type;
  prl_env_spec spec;
  int64_t n;
  uint64_t seed;
  vecenv_stage stage;
  bool begun;  /* a first episode has started: a further reset takes the next number */
  bool opened; /* shared holds what type->close releases */
  double *options;
  void *shared;
  unsigned char *state; /* (n, state_size) */
  uint64_t *stream;     /* (n) */
  uint32_t *episode;    /* (n) */
  uint32_t *step;       /* (n) */
  uint8_t *ended;       /* (n) scratch: instances that start anew */
};

/* What a saved block begins with; stream, episode, step and state follow, each as it is in memory. */
typedef struct block_head {
  char magic[8];
  int64_t n, state_size, own_size; /* own_size: bytes of the type's own save, or of the slab */
  uint64_t seed;
  int32_t observations, actions, stage, begun;
} block_head;

static const char block_magic[8] = "prlvec1";

static void draw_uniform(const prl_env_batch *batch, int64_t i, uint32_t site, int32_t count, double *out) {
  prl_rng rng = prl_rng_make(batch->seed, batch->stream[i], PRL_SITE_ENV + site);
  for (int32_t k = 0; k < count; k += 4) {
    uint32_t word[4];
    prl_rng_block(rng, 0, batch->episode[i], batch->step[i], (uint32_t)k / 4, word);
    for (int32_t j = 0; j < 4 && k + j < count; j++) out[k + j] = ((double)word[j] + 0.5) * 0x1p-32;
  }
}

static prl_env_batch whole_batch(const prl_vecenv *env) {
  return (prl_env_batch){.shared = env->shared,
                         .options = env->options,
                         .state = env->state,
                         .n = env->n,
                         .seed = env->seed,
                         .stream = env->stream,
                         .episode = env->episode,
                         .step = env->step,
                         .kernels = prl_runtime_kernels(env->runtime),
                         .uniform = draw_uniform};
}

/* ---- Making ---- */

static prl_status set_options(prl_vecenv *env, const double *options, prl_error *error) {
  for (int i = 0; i < prl_env_option_count(env->type); i++) {
    const prl_env_option *option = &env->type->options[i];
    double value = options ? options[i] : option->value;
    if (!(value >= option->low && value <= option->high))
      return prl_fail(error, PRL_EINVAL, "option %s of the environment '%s' is %g; %g to %g is accepted",
                      option->name, env->type->name, value, option->low, option->high);
    env->options[i] = value;
  }
  return PRL_OK;
}

/* What a foreign type may get wrong is refused once, here, so that a step need not look. */
static prl_status check_spec(const prl_env_type *type, const prl_env_spec *spec, prl_error *error) {
  const int32_t most = 1 << 20;
  if (spec->observations < 1 || spec->actions < 1 || spec->responses < 1)
    return prl_fail(error, PRL_EINVAL,
                    "the environment '%s' has %d observations, %d actions, %d responses; each is at "
                    "least 1",
                    type->name, (int)spec->observations, (int)spec->actions, (int)spec->responses);
  if (spec->observations > most || spec->actions > most || spec->responses > most)
    return prl_fail(error, PRL_EINVAL,
                    "the environment '%s' has %d observations, %d actions, %d responses; each is at "
                    "most %d",
                    type->name, (int)spec->observations, (int)spec->actions, (int)spec->responses, most);
  if (spec->state_size > (size_t)1 << 40 || spec->shared_size > (size_t)1 << 40)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' has %zu bytes of state and %zu shared ones",
                    type->name, spec->state_size, spec->shared_size);
  if (!spec->observation || !spec->action || !spec->response)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' does not describe its %s", type->name,
                    !spec->observation ? "observations"
                    : !spec->action    ? "actions"
                                       : "responses");
  if ((unsigned)spec->action_kind > PRL_ACTION_CONTINUOUS)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' has actions of the unknown kind %d", type->name,
                    (int)spec->action_kind);
  if (spec->action_kind == PRL_ACTION_DISCRETE && spec->actions != 1)
    return prl_fail(error, PRL_EINVAL,
                    "the environment '%s' has %d discrete actions; one, or kind multi_discrete", type->name,
                    (int)spec->actions);
  if (spec->max_steps < 0 || spec->max_steps > UINT32_MAX)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' has max_steps %lld; 0 to 4294967295 is accepted",
                    type->name, (long long)spec->max_steps);
  for (int a = 0; a < spec->actions; a++) {
    const prl_action_spec *action = &spec->action[a];
    bool fits = spec->action_kind == PRL_ACTION_CONTINUOUS
                    ? action->low < action->high
                    : action->choices > 0 && action->choices <= 1 << 24;
    if (!fits)
      return prl_fail(error, PRL_EINVAL,
                      "action '%s' of the environment '%s' has bounds %g … %g and %d choices: it "
                      "allows nothing",
                      action->name, type->name, action->low, action->high, (int)action->choices);
  }
  return PRL_OK;
}

static prl_status allocate(prl_vecenv *env, prl_error *error) {
  size_t n = (size_t)env->n;
  char cause[128], text[16];
  int64_t bytes = prl_bytes_add(prl_bytes_times(env->n, prl_bytes_add((int64_t)env->spec.state_size, 17)),
                                (int64_t)env->spec.shared_size);
  snprintf(cause, sizeof cause, "n = %lld instances of the environment '%.40s' take %s", (long long)env->n,
           env->type->name, prl_bytes_text(bytes, text));
  prl_status status = prl_budget_check(env->runtime, bytes, cause, error);
  if (status) return status;
  env->stream = prl_calloc(env->runtime, n, sizeof *env->stream);
  env->episode = prl_calloc(env->runtime, n, sizeof *env->episode);
  env->step = prl_calloc(env->runtime, n, sizeof *env->step);
  env->ended = prl_calloc(env->runtime, n, sizeof *env->ended);
  env->state = prl_calloc(env->runtime, n, env->spec.state_size);
  env->shared = prl_calloc(env->runtime, 1, env->spec.shared_size);
  if (env->stream && env->episode && env->step && env->ended && env->state && env->shared) return PRL_OK;
  return prl_fail_memory(error, (size_t)bytes);
}

static prl_status build(prl_vecenv *env, const double *options, uint64_t first_stream, prl_error *error) {
  size_t count = (size_t)prl_env_option_count(env->type);
  env->options = prl_calloc(env->runtime, count, sizeof *env->options);
  if (!env->options) return prl_fail_memory(error, count * sizeof *env->options);
  prl_status status = set_options(env, options, error);
  if (!status) status = prl_env_make_spec(env->type, env->options, &env->spec, error);
  if (!status) status = check_spec(env->type, &env->spec, error);
  if (!status) status = allocate(env, error);
  if (status) return status;
  for (int64_t i = 0; i < env->n; i++) env->stream[i] = first_stream + (uint64_t)i;
  error->message[0] = '\0';
  if (env->type->open) status = env->type->open(env->type, env->options, env->seed, env->shared, error);
  status = prl_env_told(env->type, "open", status, error);
  env->opened = !status;
  return status;
}

prl_status prl_vecenv_new(prl_runtime *runtime, const prl_env_type *type, const double *options, int64_t n,
                          uint64_t seed, uint64_t first_stream, prl_vecenv **out, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused; /* a type may write it without looking */
  prl_status status = PRL_GIVEN(error, "runtime type out", runtime, type, out);
  if (!status) status = prl_env_check_type(type, PRL_EINVAL, "type", error);
  if (status) return status;
  if (n < 1 || n > 1 << 24)
    return prl_fail(error, PRL_EINVAL, "n is %lld; 1 to %d instances are accepted", (long long)n, 1 << 24);
  prl_vecenv *env = prl_calloc(runtime, 1, sizeof *env);
  if (!env) return prl_fail_memory(error, sizeof *env);
  env->runtime = prl_runtime_retain(runtime);
  env->type = type;
  env->n = n;
  env->seed = seed;
  status = build(env, options, first_stream, error);
  if (status) {
    prl_vecenv_free(env);
    return status;
  }
  *out = env;
  return PRL_OK;
}

void prl_vecenv_free(prl_vecenv *env) {
  if (!env) return;
  prl_runtime *runtime = env->runtime;
  if (env->opened && env->type->close) env->type->close(env->shared);
  void *blocks[] = {env->options, env->shared, env->state, env->stream,
                    env->episode, env->step,   env->ended, env};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) prl_free(runtime, blocks[i]);
  prl_runtime_release(runtime);
}

const prl_env_spec *prl_vecenv_spec(const prl_vecenv *env) { return env ? &env->spec : NULL; }
const prl_env_type *prl_vecenv_type(const prl_vecenv *env) { return env ? env->type : NULL; }
const uint64_t *prl_vecenv_streams(const prl_vecenv *env) { return env ? env->stream : NULL; }
int64_t prl_vecenv_count(const prl_vecenv *env) { return env ? env->n : 0; }
const double *prl_vecenv_options(const prl_vecenv *env) { return env ? env->options : NULL; }

/* ---- Stepping ---- */

static prl_status begin(const prl_vecenv *env, const prl_env_batch *batch, const uint8_t *mask,
                        prl_error *error) {
  error->message[0] = '\0';
  return prl_env_told(env->type, "reset", env->type->reset(batch, mask, error), error);
}

prl_status prl_vecenv_reset(prl_vecenv *env, float *observation, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env observation", env, observation);
  if (status) return status;
  if (env->begun)
    for (int64_t i = 0; i < env->n; i++) env->episode[i]++;
  memset(env->step, 0, (size_t)env->n * sizeof *env->step);
  prl_env_batch batch = whole_batch(env);
  batch.observation = observation;
  status = begin(env, &batch, NULL, error);
  env->begun = true;
  env->stage = status ? STAGE_FAILED : STAGE_RUNNING;
  return status;
}

prl_status prl_vecenv_replace(prl_vecenv *env, const uint8_t *mask, const uint64_t *stream,
                              float *observation, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env mask stream observation", env, mask, stream, observation);
  if (status) return status;
  if (!env->spec.by_instance)
    return prl_fail(error, PRL_ESTATE, "the environment '%s' cannot clear one of its instances",
                    env->type->name);
  if (env->stage != STAGE_RUNNING)
    return prl_fail(error, PRL_ESTATE, "the environment must be reset before an instance is replaced");
  for (int64_t i = 0; i < env->n; i++) {
    if (!mask[i]) continue;
    memset(env->state + (size_t)i * env->spec.state_size, 0, env->spec.state_size);
    env->stream[i] = stream[i];
    env->episode[i] = env->step[i] = 0;
  }
  prl_env_batch batch = whole_batch(env);
  batch.observation = observation;
  status = begin(env, &batch, mask, error);
  if (status) env->stage = STAGE_FAILED;
  return status;
}

static bool choices_valid(const float *restrict value, int64_t count, float choices) {
  int bad = 0;
  for (int64_t i = 0; i < count; i++) {
    /* NaN and what is out of range become 0, which then differs. */
    float a = value[i], inside = ((a >= 0) & (a < choices)) ? a : 0;
    bad |= (float)(int32_t)inside != a;
  }
  return !bad;
}

static bool all_finite(const float *restrict value, int64_t count) {
  int bad = 0;
  for (int64_t i = 0; i < count; i++) bad |= !(fabsf(value[i]) < INFINITY);
  return !bad;
}

static bool row_value_valid(const prl_env_spec *spec, int a, float value) {
  if (spec->action_kind == PRL_ACTION_CONTINUOUS) return all_finite(&value, 1);
  return choices_valid(&value, 1, (float)spec->action[a].choices);
}

static bool actions_valid(const prl_vecenv *env, const float *action) {
  const prl_env_spec *spec = &env->spec;
  int64_t count = env->n * spec->actions;
  if (spec->action_kind == PRL_ACTION_CONTINUOUS) return all_finite(action, count);
  if (spec->actions == 1) return choices_valid(action, count, (float)spec->action->choices);
  for (int64_t i = 0; i < count; i++)
    if (!row_value_valid(spec, (int)(i % spec->actions), action[i])) return false;
  return true;
}

static prl_status fail_action(const prl_vecenv *env, const float *action, prl_error *error) {
  const prl_env_spec *spec = &env->spec;
  int64_t i = 0;
  while (row_value_valid(spec, (int)(i % spec->actions), action[i])) i++;
  const prl_action_spec *dimension = &spec->action[i % spec->actions];
  long long instance = (long long)(i / spec->actions);
  if (spec->action_kind == PRL_ACTION_CONTINUOUS)
    return prl_fail(error, PRL_EINVAL,
                    "action '%s' of instance %lld is %g; a finite number is needed (bounds %g … %g)",
                    dimension->name, instance, action[i], dimension->low, dimension->high);
  return prl_fail(error, PRL_EINVAL,
                  "action '%s' of instance %lld is %g; a whole number from 0 to %d is needed",
                  dimension->name, instance, action[i], (int)dimension->choices - 1);
}

static prl_status check_step(const prl_vecenv *env, const prl_step *step, prl_error *error) {
  if (env->stage == STAGE_NEW)
    return prl_fail(error, PRL_ESTATE, "the environment must be reset before its first step");
  if (env->stage == STAGE_FAILED)
    return prl_fail(error, PRL_ESTATE,
                    "the environment failed in an earlier call; reset it before the next step");
  prl_status status = PRL_GIVEN(error,
                                "step.action step.observation step.response step.terminated step.truncated "
                                "step.final_observation step.elapsed_us",
                                step->action, step->observation, step->response, step->terminated,
                                step->truncated, step->final_observation, step->elapsed_us);
  if (status) return status;
  if (!actions_valid(env, step->action)) return fail_action(env, step->action, error);
  return PRL_OK;
}

/* What a clock of an environment may tell: sums of it are counted on without a look. */
static const int64_t longest_step_us = INT64_C(1) << 53;

static prl_status check_elapsed(const prl_vecenv *env, const int64_t *elapsed_us, prl_error *error) {
  for (int64_t i = 0; i < env->n; i++)
    if (elapsed_us[i] < 0 || elapsed_us[i] > longest_step_us)
      return prl_fail(error, PRL_EINVAL,
                      "the environment '%s' says that a step of instance %lld took %lld µs; 0 to %lld are "
                      "accepted",
                      env->type->name, (long long)i, (long long)elapsed_us[i], (long long)longest_step_us);
  return PRL_OK;
}

static void fill(float *restrict value, int64_t n, float with) {
  for (int64_t i = 0; i < n; i++) value[i] = with;
}

static void fill_missing(const prl_env_spec *spec, int64_t n, float *response) {
  const int64_t width = spec->responses;
  if (width == 1) {
    fill(response, n, spec->response->missing);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t r = 0; r < width; r++) response[i * width + r] = spec->response[r].missing;
}

/* Counts the step and writes truncated and ended. True where any episode ended. */
static bool count_steps(prl_vecenv *env, const prl_step *out) {
  uint32_t limit = env->spec.max_steps ? (uint32_t)env->spec.max_steps : UINT32_MAX;
  uint32_t *restrict step = env->step;
  uint8_t *restrict truncated = out->truncated, *restrict ended = env->ended;
  const uint8_t *restrict terminated = out->terminated;
  const int64_t n = env->n;
  uint8_t any = 0;
  for (int64_t i = 0; i < n; i++) step[i]++;
  for (int64_t i = 0; i < n; i++) truncated[i] = step[i] >= limit;
  for (int64_t i = 0; i < n; i++) any |= ended[i] = truncated[i] | terminated[i];
  return any != 0;
}

/* Keeps the final observations and starts the next episode of each instance that ended. */
static prl_status begin_episodes(prl_vecenv *env, const prl_step *out, const prl_env_batch *batch,
                                 prl_error *error) {
  const int64_t width = env->spec.observations, n = env->n;
  for (int64_t i = next_masked(env->ended, 0, n); i < n; i = next_masked(env->ended, i + 1, n)) {
    const float *row = out->observation + i * width;
    for (int64_t k = 0; k < width; k++) out->final_observation[i * width + k] = row[k];
    env->episode[i]++;
    env->step[i] = 0;
  }
  return begin(env, batch, env->ended, error);
}

prl_status prl_vecenv_step(prl_vecenv *env, const prl_step *step, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env step", env, step);
  if (!status) status = check_step(env, step, error);
  if (status) return status;
  prl_env_batch batch = whole_batch(env);
  batch.action = step->action;
  batch.observation = step->observation;
  batch.response = step->response;
  batch.terminated = step->terminated;
  batch.elapsed_us = step->elapsed_us;
  fill_missing(&env->spec, env->n, step->response);
  memset(step->terminated, 0, (size_t)env->n);
  memset(step->elapsed_us, 0, (size_t)env->n * sizeof *step->elapsed_us);
  error->message[0] = '\0';
  status = prl_env_told(env->type, "step", env->type->step(&batch, error), error);
  if (!status && env->spec.clock) status = check_elapsed(env, step->elapsed_us, error);
  if (!status && count_steps(env, step)) status = begin_episodes(env, step, &batch, error);
  if (status) env->stage = STAGE_FAILED;
  return status;
}

/* ---- Saving ---- */

static int64_t counters_size(const prl_vecenv *env) {
  return (int64_t)sizeof(block_head) +
         env->n * (int64_t)(sizeof *env->stream + sizeof *env->episode + sizeof *env->step);
}

static prl_status own_size(const prl_vecenv *env, int64_t *size, prl_error *error) {
  *size = env->n * (int64_t)env->spec.state_size;
  if (!env->type->save) return PRL_OK;
  prl_env_batch batch = whole_batch(env);
  *size = 0;
  error->message[0] = '\0';
  return prl_env_told(env->type, "save", env->type->save(&batch, NULL, size, error), error);
}

prl_status prl_vecenv_state_size(const prl_vecenv *env, int64_t *size, prl_error *error) {
  prl_error unused;
  int64_t own = 0;
  prl_status status = PRL_GIVEN(error, "env size", env, size);
  if (status) return status;
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
  if (!env->type->save) {
    put(to, env->state, n * env->spec.state_size);
    return PRL_OK;
  }
  prl_env_batch batch = whole_batch(env);
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

prl_status prl_vecenv_load(prl_vecenv *env, const void *bytes, int64_t size, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused;
  prl_status status = PRL_GIVEN(error, "env bytes", env, bytes);
  if (status) return status;
  if (env->spec.unsaved)
    return prl_fail(error, PRL_ESTATE, "the environment '%s' has no load function", env->type->name);
  block_head head = {.n = 0};
  if (size >= (int64_t)sizeof head) memcpy(&head, bytes, sizeof head);
  if (memcmp(head.magic, block_magic, sizeof head.magic))
    return prl_fail(error, PRL_EFORMAT, "these %lld bytes are no saved environment", (long long)size);
  status = check_head(env, &head, size, error);
  if (!status) status = reopen(env, head.seed, error);
  if (status) return status;
  const unsigned char *from = bytes;
  if (env->type->load) {
    prl_env_batch batch = whole_batch(env);
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
  if (!env->type->load) take(env->state, from, n * env->spec.state_size);
  env->seed = head.seed;
  env->stage = (vecenv_stage)head.stage;
  env->begun = head.begun != 0;
  return PRL_OK;
}
