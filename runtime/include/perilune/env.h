/* perilune/env.h: environments. An environment is a table of functions over fixed-size state. Each call steps
 * many instances, over buffers that the caller owns. An environment reports named responses, never a single
 * reward.
 *
 * A shared object that defines
 *     const prl_env_type *prl_env_entry(void);
 * is an environment that a recipe can load: env = {c = "./my_env.so"} (needs --trust). It needs only this
 * header and does not link against the library; examples/c_env is a template. */
#ifndef PERILUNE_ENV_H
#define PERILUNE_ENV_H

#include "perilune/core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PRL_ENV_ABI 3

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

/* One component of the observation. Bounds may be infinite. */
typedef struct prl_observation_spec {
  const char *name;
  const char *unit; /* "m", "rad/s", "" */
  float low, high;
  bool influenced; /* actions can move it, now or later: exploration looks for what is new in these alone */
} prl_observation_spec;

/* One dimension of the action. Discrete: one of the values 0 … choices − 1. Continuous: within [low, high].
 */
typedef struct prl_action_spec {
  const char *name;
  const char *unit;
  int32_t choices;
  float low, high;
} prl_action_spec;

typedef struct prl_response_spec {
  const char *name;
  const char *unit;    /* "s", "count", "h", "" */
  float missing;       /* its value for a step without feedback */
  prl_combine combine; /* how several reports for one step become one number */
  int64_t wait_us;     /* the earliest time after its action at which a step closes */
} prl_response_spec;

/* The shape of an environment with given options. */
typedef struct prl_env_spec {
  int32_t observations, actions, responses;
  prl_action_kind action_kind; /* discrete: one action dimension */
  const prl_observation_spec *observation;
  const prl_action_spec *action;
  const prl_response_spec *response;
  int64_t max_steps;   /* an episode is truncated after this many steps; 0: never */
  size_t state_size;   /* bytes of one instance's state, in the slab that the vector env owns and saves */
  size_t shared_size;  /* bytes shared by all instances of one vector env (a catalogue), filled by `open`; 0:
                          none */
  bool unsaved;        /* the state cannot be saved (a Lua environment without `save`) */
  bool clock;          /* steps report elapsed_us, so that evaluations can count simulated days */
  const char *session; /* the response that comes once a session, with the request that ends it: panels count
                        * sessions by it, however long an episode is. NULL: an episode is a session */
  bool by_instance; /* the slab is an array of structs, one for each instance, and holds the whole state: one
                     * instance can be cleared and given another stream while the others continue */
  bool divisible;   /* the instances may be divided between threads: a step changes nothing but the rows and
                     * the state of its batch, which may be a part of the vector env's (prl_vecenv_divide) */
  bool keyed;       /* no draw depends on an action: instances with the same stream meet the same chances, and
                     * with the same actions are the same in every byte; all that an instance is stands in its
                     * state (prl_vecenv_couple) */
} prl_env_spec;

/* An option that a recipe may set: env = {"pendulum", g = 9.81}. Options are numbers; a file that an
 * environment is made from is its `world` (below). */
typedef struct prl_env_option {
  const char *name;
  double value; /* the default */
  double low, high;
  const char *unit;
  const char *meaning;
} prl_env_option;

/* Words for the values 0, 1, … of an option: env = {"shortvideo", episode = "day"}. Its range is from 0 to
 * the last of them. */
typedef struct prl_env_words {
  const char *option;
  const char *const *words; /* ends with NULL */
} prl_env_words;

/* A named set of option values: env = {"shortvideo", preset = "weak"}. An option's value is the recipe's,
 * else the preset's, else the default. */
typedef struct prl_env_setting {
  const char *option;
  double value;
} prl_env_setting;

typedef struct prl_env_preset {
  const char *name;
  const char *meaning;
  const prl_env_setting *settings; /* ends with a NULL option */
} prl_env_preset;

/* A file that an environment is made from: fitted data, never code. Recipes call it `world`:
 * env = {"kuairand", world = "runs/kuairand/world.safetensors"}. */
typedef struct prl_env_file {
  const char *meaning;
  /* Reads and checks the whole file. *context becomes the type's `context`; it must be immutable, since
   * several threads may share it. digest: 32 hexadecimal digits that depend on the file's content alone. */
  prl_status (*open)(prl_runtime *runtime, const char *path, void **context, char digest[33],
                     prl_error *error);
  void (*close)(void *context);
} prl_env_file;

/* A call on all n instances of a vector env. */
typedef struct prl_env_batch prl_env_batch;
struct prl_env_batch {
  const void *shared;
  const double *options; /* in the order of the type's table */
  void *state; /* n × state_size bytes, 64-byte aligned, in a layout of the type's choice: an array of structs
                * or an array for each variable */
  int64_t n;
  uint64_t seed;
  const uint64_t *stream;  /* (n) the key of each instance's random draws */
  const uint32_t *episode; /* (n) number of the current episode, from 0 */
  const uint32_t *step;    /* (n) steps made in that episode before this one */
  const float *action;     /* (n, actions): a discrete choice as a whole number. Already checked: a choice is
                            * valid; a continuous value is finite but may lie outside the bounds (clip it) */
  float *observation;      /* (n, observations), written by reset and step: the observation after the step */
  float *response;         /* (n, responses), written by step; holds `missing` on entry */
  uint8_t *terminated;     /* (n), set to 1 by step where the episode terminated; holds 0 on entry */
  int64_t *elapsed_us; /* (n), written by step if the environment has a clock: 0 to 2^53; holds 0 on entry */
  const char *kernels; /* "baseline", "avx2" or "avx512": the kernel table of the runtime */
  /* `count` random numbers in (0, 1) for instance i, which depend on (seed, stream, site, episode, step)
   * alone. site: a small number of your own for each use, so that one draw never changes another. A reset
   * and the first step have the same step number: give them different sites. */
  void (*uniform)(const prl_env_batch *batch, int64_t i, uint32_t site, int32_t count, double *out);
};

/* The functions return PRL_OK, or another status and one sentence in `error` (snprintf into error->message).
 */
struct prl_env_type {
  int32_t abi; /* PRL_ENV_ABI */
  const char *name;
  const char *summary;           /* one line, for `perilune describe env` */
  const prl_env_option *options; /* ends with a NULL name; NULL: none */
  const prl_env_words *words;    /* ends with a NULL option; NULL: every option is a number */
  void *context;                 /* for the type's own use */
  /* Fills *spec, which is zeroed on entry, for these option values; its arrays and strings must live as long
   * as the type. May refuse the values. */
  prl_status (*spec)(const prl_env_type *type, const double *options, prl_env_spec *spec, prl_error *error);
  /* open fills `shared` (shared_size bytes, zeroed, 64-byte aligned); close releases what it holds. Either
   * may be NULL. close is called only after an open that succeeded. */
  prl_status (*open)(const prl_env_type *type, const double *options, uint64_t seed, void *shared,
                     prl_error *error);
  void (*close)(void *shared);
  /* Starts episode `episode[i]` of each instance i whose mask[i] is not 0 (NULL: all) and writes its state
   * and observation. The state is zeroed before the first reset and kept between episodes: a user may outlive
   * a session. */
  prl_status (*reset)(const prl_env_batch *batch, const uint8_t *mask, prl_error *error);
  /* Steps every instance. After a failure the vector env refuses to step until it is reset or loaded. */
  prl_status (*step)(const prl_env_batch *batch, prl_error *error);
  /* For state outside the slab; NULL: there is none. save with bytes NULL only writes *size; otherwise it
   * fills *size bytes, the size that it reported just before. */
  prl_status (*save)(const prl_env_batch *batch, void *bytes, int64_t *size, prl_error *error);
  prl_status (*load)(const prl_env_batch *batch, const void *bytes, int64_t size, prl_error *error);
  const prl_env_preset *presets; /* ends with a NULL name; NULL: none */
  const prl_env_file *file;      /* how it is made from a file; NULL: it needs none */
  const char *digest;            /* of the file that this type was made from; NULL: none */
  /* Options that came after the others; NULL ends them; NULL: none. A resolved recipe leaves out their
   * defaults, as those of options that have words, so that recipes from before they came keep their hashes.
   */
  const char *const *later;
  /* Whether the saved state of one instance (state_size bytes, 64-byte aligned) is one that steps can have
   * left; of a type without `load`. NULL: any bytes are. Called before bytes of a file become the state. */
  bool (*sound)(const void *shared, const void *state);
};

typedef const prl_env_type *(*prl_env_entry_fn)(void);

/* ---- Environments in a shared object ---- */

typedef struct prl_env_library prl_env_library;

/* Loads native code, which then runs in this process: the caller vouches for it. A path without a slash is in
 * the working folder. Fails: PRL_EIO (no such file, not a regular file, not a shared object, or it needs a
 * symbol that is not there), PRL_EFORMAT (no prl_env_entry, another ABI, a missing function), PRL_ENOMEM. */
PRL_API prl_status prl_env_library_open(prl_runtime *runtime, const char *path, prl_env_library **out,
                                        prl_error *error);
/* The library's type. Borrowed: valid until the library is closed. */
PRL_API const prl_env_type *prl_env_library_type(const prl_env_library *library);
/* Free every vector env of its type first. */
PRL_API void prl_env_library_close(prl_env_library *library);

/* ---- Environments made from a file ---- */

typedef struct prl_env_world prl_env_world;

/* Makes a copy of `type` (which must outlive it) with the file at `path` as its context; the file is read
 * once. Without a file such a type can describe its options and responses, but not run. Fails: PRL_EINVAL
 * (the type takes no file), PRL_ENOMEM, or as its file->open does (PRL_EIO, PRL_EFORMAT, PRL_ENOMEM). */
PRL_API prl_status prl_env_world_open(prl_runtime *runtime, const prl_env_type *type, const char *path,
                                      prl_env_world **out, prl_error *error);
/* The world's type. Several threads may use it. Borrowed: valid until the world is closed. */
PRL_API const prl_env_type *prl_env_world_type(const prl_env_world *world);
/* Free every vector env of its type, and end every panel, first. */
PRL_API void prl_env_world_close(prl_env_world *world);

/* ---- The vector env: n instances, auto-reset, final observations kept. ---- */

typedef struct prl_vecenv prl_vecenv;

/* The built-in environments: a constant table that ends with NULL. */
PRL_API const prl_env_type *const *prl_env_types(void);
/* The built-in environment of this name, a constant. Fails: PRL_ENAME (with the nearest name). */
PRL_API prl_status prl_env_find(const char *name, const prl_env_type **out, prl_error *error);

/* n instances with the streams first_stream, first_stream + 1, … They must be reset before their first step.
 * options: values in the order of the type's table, copied; NULL: the defaults. The type must outlive the
 * vector env. Fails: PRL_ENOMEM, PRL_ELIMIT (above the runtime's budget), PRL_EINVAL (n below 1 or above
 * 2^24; an option out of range: name, value, range; a type with an impossible spec, or of another ABI), or as
 * the type's spec and open do. */
PRL_API prl_status prl_vecenv_new(prl_runtime *runtime, const prl_env_type *type, const double *options,
                                  int64_t n, uint64_t seed, uint64_t first_stream, prl_vecenv **out,
                                  prl_error *error);
PRL_API void prl_vecenv_free(prl_vecenv *env);
/* Makes the last `twins` instances twins of the first ones: they get the same streams, and so meet the same
 * chances, until other actions lead them elsewhere. prl_agent_drive lets the control group act for them.
 * Fails: PRL_EINVAL (twins below 0 or above half of the instances), PRL_ESTATE (the vector env was reset
 * already). */
PRL_API prl_status prl_vecenv_pair(prl_vecenv *env, int64_t twins, prl_error *error);
PRL_API int64_t prl_vecenv_twins(const prl_vecenv *env);
/* Couples instances 2i and 2i + 1: they have the same stream, and begin each episode together in the same
 * state, that of instance 2i where its episode before ended. The one whose episode ends first waits for the
 * other: its rows of a step then mean nothing, and neither of its flags is set. Fails: PRL_EINVAL (n is odd;
 * the spec does not set keyed, or the state is not in the slab; twins), PRL_ESTATE (it was reset or divided
 * already), PRL_ENOMEM. */
PRL_API prl_status prl_vecenv_couple(prl_vecenv *env, prl_error *error);
/* (n): whether each instance waits for the other of its couple; NULL: it is not coupled. Borrowed: steps
 * change them. */
PRL_API const uint8_t *prl_vecenv_waits(const prl_vecenv *env);
/* Divides the instances into so many parts, one after the other, whose sizes differ by at most one. A part is
 * a vector env of its own, which another thread may step while others are stepped; the whole steps and resets
 * its parts in their order, with the same bytes as one that is not divided. Fails: PRL_EINVAL (parts below 1
 * or above n; the spec does not set divisible; twins), PRL_ESTATE (it was reset or divided already),
 * PRL_ENOMEM. */
PRL_API prl_status prl_vecenv_divide(prl_vecenv *env, int64_t parts, prl_error *error);
PRL_API int64_t prl_vecenv_parts(const prl_vecenv *env); /* 1 where it is not divided; 0 for NULL */
/* The part, from 0; NULL: there is none. Borrowed: valid until the whole is freed, which alone is freed. */
PRL_API prl_vecenv *prl_vecenv_part(prl_vecenv *env, int64_t part);
/* Borrowed: valid until the vector env is freed. spec is the spec with the options in force. */
PRL_API const prl_env_spec *prl_vecenv_spec(const prl_vecenv *env);
PRL_API const prl_env_type *prl_vecenv_type(const prl_vecenv *env);
PRL_API int64_t prl_vecenv_count(const prl_vecenv *env); /* n */
/* (n): the stream of each instance. Borrowed likewise; prl_vecenv_replace and prl_vecenv_load change it. */
PRL_API const uint64_t *prl_vecenv_streams(const prl_vecenv *env);
/* (n): the number of each instance's episode, and of its steps in it. Borrowed likewise; steps change them.
 */
PRL_API const uint32_t *prl_vecenv_episodes(const prl_vecenv *env);
PRL_API const uint32_t *prl_vecenv_steps(const prl_vecenv *env);
/* The option values in force, in the order of the type's table. Borrowed likewise. */
PRL_API const double *prl_vecenv_options(const prl_vecenv *env);

/* The buffers of one step: owned by the caller, contiguous, all required. Rows of final_observation are
 * written only where an episode ended; the row of observation then belongs to the next episode. An episode
 * that terminates in the very step that reaches max_steps has both flags, as in Gymnasium: `terminated` takes
 * precedence. */
typedef struct prl_step {
  const float *action;      /* (n, actions) */
  float *observation;       /* (n, observations) */
  float *response;          /* (n, responses) */
  uint8_t *terminated;      /* (n) */
  uint8_t *truncated;       /* (n) */
  float *final_observation; /* (n, observations) */
  int64_t *elapsed_us;      /* (n) */
} prl_step;

/* Starts the next episode of every instance (the first time: episode 0) and writes observation (n,
 * observations). Fails as the type's reset does; the vector env must then be reset again. */
PRL_API prl_status prl_vecenv_reset(prl_vecenv *env, float *observation, prl_error *error);
/* Steps all instances and starts the next episode of those that ended; allocates nothing. A finite continuous
 * action outside its bounds is no error: the environment clips it. Fails: PRL_EINVAL (an invalid choice or a
 * value that is not finite: instance, dimension and value; nothing moved), PRL_ESTATE (not reset, or an
 * earlier call failed), PRL_EINVAL (a clock that reported an impossible time), or as the type's step and
 * reset do; after the last two the buffers are undefined and the vector env must be reset. */
PRL_API prl_status prl_vecenv_step(prl_vecenv *env, const prl_step *step, prl_error *error);

/* Steps the parts whose mask (prl_vecenv_parts) is not 0, for instances whose clocks are to go together; rows
 * of the others stay as they are, in all buffers. Fails as prl_vecenv_step does. */
PRL_API prl_status prl_vecenv_step_parts(prl_vecenv *env, const uint8_t *mask, const prl_step *step,
                                         prl_error *error);

/* Clears the instances whose mask (n) is not 0 and starts the first episode of another stream (n) in each, as
 * a new vector env would. Writes their rows of observation (n, observations). mask and stream are copied.
 * Fails: PRL_ESTATE (not reset; the spec does not set by_instance), or as the type's reset does. */
PRL_API prl_status prl_vecenv_replace(prl_vecenv *env, const uint8_t *mask, const uint64_t *stream,
                                      float *observation, prl_error *error);

/* The whole state as one block, for checkpoints: states, numbers of episodes and steps, streams. load
 * restores it into a vector env of the same type, options, count and number of parts.
 *
 * state_size writes the size of the block; 0: the environment cannot be saved (some Lua ones). It may change
 * with the state where an environment has a `save` of its own, so call it just before save and give save
 * that size. Fails as such a `save` does.
 * save fills bytes (size). Fails: PRL_ESTATE (the environment cannot be saved, or size is not the present
 * one), or as the environment's own `save` does. load reads bytes (size), which it copies. Fails: PRL_ESTATE
 * (the environment cannot be loaded), PRL_EFORMAT (another environment or count, or a damaged block: both
 * values are given; the vector env is unchanged, but for the parts before a damaged one), PRL_ENOMEM, or as
 * the environment's own `load` and `open` do. */
PRL_API prl_status prl_vecenv_state_size(const prl_vecenv *env, int64_t *size, prl_error *error);
PRL_API prl_status prl_vecenv_save(const prl_vecenv *env, void *bytes, int64_t size, prl_error *error);
PRL_API prl_status prl_vecenv_load(prl_vecenv *env, const void *bytes, int64_t size, prl_error *error);

#ifdef __cplusplus
}
#endif
#endif
