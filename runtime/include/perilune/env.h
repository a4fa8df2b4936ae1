/* perilune/env.h: environments. An environment is a table of functions over fixed-size state, stepped many
 * instances at a time over buffers that its caller owns. It reports named responses, never one reward.
 *
 * A shared object that defines
 *     const prl_env_type *prl_env_entry(void);
 * is an environment that a recipe can load: env = {c = "./my_env.so"} (needs --trust). It needs this header
 * alone and links against nothing of the library; examples/c_env is a template. */
#ifndef PERILUNE_ENV_H
#define PERILUNE_ENV_H

#include "perilune/core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PRL_ENV_ABI 2

typedef struct prl_env_type prl_env_type;

typedef enum prl_action_kind {
  PRL_ACTION_DISCRETE,
  PRL_ACTION_MULTI_DISCRETE,
  PRL_ACTION_CONTINUOUS
} prl_action_kind;
typedef enum prl_combine {
  PRL_COMBINE_SUM,
  PRL_COMBINE_LAST,
  PRL_COMBINE_FIRST,
  PRL_COMBINE_MAX
} prl_combine;

/* One number of the observation. Bounds may be infinite. */
typedef struct prl_observation_spec {
  const char *name;
  const char *unit; /* "m", "rad/s", "" */
  float low, high;
} prl_observation_spec;

/* One dimension of the action. Discrete: `choices` values 0 … choices − 1. Continuous: within [low, high]. */
typedef struct prl_action_spec {
  const char *name;
  const char *unit;
  int32_t choices;
  float low, high;
} prl_action_spec;

typedef struct prl_response_spec {
  const char *name;
  const char *unit;    /* "s", "count", "h", "" */
  float missing;       /* its value where no feedback came */
  prl_combine combine; /* how parts of one step's feedback become one number */
  int64_t wait_us;     /* a step closes this long after its action, at the earliest */
} prl_response_spec;

/* What an environment is made of, after its options are known. */
typedef struct prl_env_spec {
  int32_t observations, actions, responses;
  prl_action_kind action_kind; /* discrete: one action dimension */
  const prl_observation_spec *observation;
  const prl_action_spec *action;
  const prl_response_spec *response;
  int64_t max_steps;  /* an episode is truncated after as many steps; 0: never */
  size_t state_size;  /* bytes of one instance's state, in the slab that the vector env owns and saves */
  size_t shared_size; /* bytes shared by all instances of one vector env (a catalogue), made by `open`; 0:
                         none */
  bool unsaved;       /* its state cannot be saved (a Lua environment without `save`) */
  bool clock;         /* its steps report elapsed_us: evaluations can count simulated days */
  bool by_instance;   /* the slab is a struct for each instance, and all there is of it: one instance can be
                       * cleared, to begin another stream, beside others that go on */
} prl_env_spec;

/* An option that a recipe may give: env = {"pendulum", g = 9.81}. Strings are not options;
 * a file from which an environment is made is its `world` (below). */
typedef struct prl_env_option {
  const char *name;
  double value; /* the default in the type; the value in force in an instance */
  double low, high;
  const char *unit;
  const char *meaning;
} prl_env_option;

/* A named set of option values: env = {"shortvideo", preset = "weak"}. It gives values to the options that it
 * names; what the recipe itself gives stands above it, what neither gives is the default. */
typedef struct prl_env_setting {
  const char *option;
  double value;
} prl_env_setting;

typedef struct prl_env_preset {
  const char *name;
  const char *meaning;
  const prl_env_setting *settings; /* ends with a NULL option */
} prl_env_preset;

/* A file from which an environment is made: data that somebody fitted, never code. Recipes call it `world`:
 * env = {"kuairand", world = "runs/kuairand/world.safetensors"}. */
typedef struct prl_env_file {
  const char *meaning;
  /* Reads and checks the whole file; *context is what the functions of the type then find as its `context`,
   * immutable, so that several threads may share it. digest: 32 hexadecimal digits that follow from the
   * file's content. */
  prl_status (*open)(prl_runtime *runtime, const char *path, void **context, char digest[33],
                     prl_error *error);
  void (*close)(void *context);
} prl_env_file;

/* A call on all n instances of a vector env. */
typedef struct prl_env_batch prl_env_batch;
struct prl_env_batch {
  const void *shared;
  const double *options; /* in the order of the type's table */
  void *state; /* n × state_size bytes, 64-byte aligned, in whatever layout the type likes: a struct for each
                * instance, or an array for each variable */
  int64_t n;
  uint64_t seed;
  const uint64_t *stream;  /* (n) the key of each instance's random draws */
  const uint32_t *episode; /* (n) number of the episode that runs, from 0 */
  const uint32_t *step;    /* (n) steps made in that episode, before this one */
  const float *action; /* (n, actions): a discrete choice as a whole number. Checked: a choice is one of the
                        * choices; a continuous value is finite but may lie outside the bounds (clip it) */
  float *observation;  /* (n, observations), written by reset and step: the observation after the step */
  float *response;     /* (n, responses), written by step; holds `missing` on entry */
  uint8_t *terminated; /* (n), written by step where the episode ended of itself: 1; holds 0 on entry */
  int64_t *elapsed_us; /* (n), written by step if the environment has a clock: 0 to 2^53; 0 on entry */
  const char *kernels; /* "baseline", "avx2" or "avx512": what the runtime's own vector code uses */
  /* `count` random numbers in (0, 1) for instance i: the same ones for the same (seed, stream, site, episode,
   * step). site: a small number of your own that says what the draw is for, so that one draw never moves
   * another. A reset and the first step have the same step number: give them different sites. */
  void (*uniform)(const prl_env_batch *batch, int64_t i, uint32_t site, int32_t count, double *out);
};

/* The functions return PRL_OK, or another status with one sentence in `error` (snprintf into error->message).
 */
struct prl_env_type {
  int32_t abi; /* PRL_ENV_ABI */
  const char *name;
  const char *summary;           /* one line, for `perilune describe env` */
  const prl_env_option *options; /* ends with a NULL name; NULL: none */
  void *context;                 /* whatever the maker of the type likes */
  /* The spec for these option values; its arrays and strings live as long as the type. May refuse them. *spec
   * comes zeroed. */
  prl_status (*spec)(const prl_env_type *type, const double *options, prl_env_spec *spec, prl_error *error);
  /* Fills `shared` (shared_size bytes, zeroed, 64-byte aligned), and releases what it holds. Either may be
   * NULL. close is called only after an open that succeeded. */
  prl_status (*open)(const prl_env_type *type, const double *options, uint64_t seed, void *shared,
                     prl_error *error);
  void (*close)(void *shared);
  /* Starts episode `episode[i]` of each instance i whose mask[i] is not 0 (NULL: all), writing state and
   * observation. State holds zeros before the first reset and is kept between episodes: a user may live
   * longer than a session. */
  prl_status (*reset)(const prl_env_batch *batch, const uint8_t *mask, prl_error *error);
  /* Moves every instance. After a failure the vector env refuses to step until it is reset or loaded. */
  prl_status (*step)(const prl_env_batch *batch, prl_error *error);
  /* For state that does not live in the slab; NULL: the slab is all. save with bytes NULL only writes *size;
   * otherwise it fills *size bytes, as many as it said just before. */
  prl_status (*save)(const prl_env_batch *batch, void *bytes, int64_t *size, prl_error *error);
  prl_status (*load)(const prl_env_batch *batch, const void *bytes, int64_t size, prl_error *error);
  const prl_env_preset *presets; /* ends with a NULL name; NULL: none */
  const prl_env_file *file;      /* of an environment that is made from a file; NULL: it needs none */
  const char *digest;            /* of the file from which this type was made; NULL: of none */
};

typedef const prl_env_type *(*prl_env_entry_fn)(void);

/* ---- Environments in a shared object ---- */

typedef struct prl_env_library prl_env_library;

/* Loads native code: the caller vouches for it. A path without a slash is taken in the working folder. Fails:
 * PRL_EIO (no such file, no shared object, or a symbol that it lacks), PRL_EFORMAT (no prl_env_entry, another
 * ABI, a function that is missing). */
PRL_API prl_status prl_env_library_open(prl_runtime *runtime, const char *path, prl_env_library **out,
                                        prl_error *error);
/* Lives as long as the library is open; so must every vector env made of it. */
PRL_API const prl_env_type *prl_env_library_type(const prl_env_library *library);
PRL_API void prl_env_library_close(prl_env_library *library);

/* ---- Environments made from a file ---- */

typedef struct prl_env_world prl_env_world;

/* Makes a type like `type` from the file at `path`. Without it such a type tells its options and responses,
 * but runs nothing. Fails: PRL_EINVAL (a type that takes no file), or as its file->open does (PRL_EIO,
 * PRL_EFORMAT, PRL_ENOMEM). */
PRL_API prl_status prl_env_world_open(prl_runtime *runtime, const prl_env_type *type, const char *path,
                                      prl_env_world **out, prl_error *error);
/* Lives as long as the world is open; so must every vector env made of it, and every panel. Several threads
 * may use it. */
PRL_API const prl_env_type *prl_env_world_type(const prl_env_world *world);
PRL_API void prl_env_world_close(prl_env_world *world); /* NULL is allowed */

/* ---- The vector env: n instances, auto-reset, final observations kept. ---- */

typedef struct prl_vecenv prl_vecenv;

/* The built-in environments, in a constant table that ends with NULL. */
PRL_API const prl_env_type *const *prl_env_types(void);
/* Fails: PRL_ENAME, with the nearest name. */
PRL_API prl_status prl_env_find(const char *name, const prl_env_type **out, prl_error *error);

/* options: values in the order of the type's table, NULL for the defaults. streams: key of each instance,
 * NULL for first_stream … Fails: PRL_ENOMEM, PRL_ELIMIT (above the runtime's budget), PRL_EINVAL (n < 1, an
 * option out of range: name, value, range).
 */
PRL_API prl_status prl_vecenv_new(prl_runtime *runtime, const prl_env_type *type, const double *options,
                                  int64_t n, uint64_t seed, uint64_t first_stream, prl_vecenv **out,
                                  prl_error *error);
PRL_API void prl_vecenv_free(prl_vecenv *env);
PRL_API const prl_env_spec *prl_vecenv_spec(const prl_vecenv *env);
PRL_API const prl_env_type *prl_vecenv_type(const prl_vecenv *env);
PRL_API int64_t prl_vecenv_count(const prl_vecenv *env);
PRL_API const uint64_t *prl_vecenv_streams(const prl_vecenv *env); /* (n): the key of each instance */
/* The option values in force, in the order of the type's table. */
PRL_API const double *prl_vecenv_options(const prl_vecenv *env);

/* Buffers of one step, owned by the caller, dense, all needed. final_observation rows are written where an
 * episode ended; the observation row then already belongs to the next episode. An episode that ends of itself
 * in the very step that reaches max_steps has both flags, as in Gymnasium: `terminated` decides. */
typedef struct prl_step {
  const float *action;      /* (n, actions) */
  float *observation;       /* (n, observations) */
  float *response;          /* (n, responses) */
  uint8_t *terminated;      /* (n) */
  uint8_t *truncated;       /* (n) */
  float *final_observation; /* (n, observations) */
  int64_t *elapsed_us;      /* (n) */
} prl_step;

/* Starts every instance anew at its next episode; writes observation (n, observations). */
PRL_API prl_status prl_vecenv_reset(prl_vecenv *env, float *observation, prl_error *error);
/* One step of all instances: one call, no allocation. Fails: PRL_EINVAL (a choice that is none of the
 * choices, a value that is not finite: the instance, dimension and value; nothing moved), PRL_ESTATE (not
 * reset), or what a Lua environment raised. A finite continuous action outside its bounds is no error: the
 * environment clips it. */
PRL_API prl_status prl_vecenv_step(prl_vecenv *env, const prl_step *step, prl_error *error);

/* Clears the instances whose mask (n) is not 0 and starts the first episode of another stream in each, as a
 * new vector env would: stream (n). Their rows of observation (n, observations) are written. Fails:
 * PRL_ESTATE (not reset; an environment whose spec does not say by_instance). */
PRL_API prl_status prl_vecenv_replace(prl_vecenv *env, const uint8_t *mask, const uint64_t *stream,
                                      float *observation, prl_error *error);

/* The whole state as one block, for checkpoints: states, episode and step numbers, keys. Restored by copying
 * back into a vector env of the same type, options and count. An environment without save and load (some Lua
 * ones) has size 0: a resumed run says that it restarts its episodes. The size may change with the state
 * where an environment has a `save` of its own: ask just before saving, and give save the size that was told.
 * Both fail with what such a `save` raises. load fails with PRL_EFORMAT (another environment, count, or a
 * damaged block: both printed); nothing changed then. */
PRL_API prl_status prl_vecenv_state_size(const prl_vecenv *env, int64_t *size, prl_error *error);
PRL_API prl_status prl_vecenv_save(const prl_vecenv *env, void *bytes, int64_t size, prl_error *error);
PRL_API prl_status prl_vecenv_load(prl_vecenv *env, const void *bytes, int64_t size, prl_error *error);

#ifdef __cplusplus
}
#endif
#endif
