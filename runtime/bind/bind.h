/* What the binding files share. One file for each Lua type; module.c only registers.
 *
 * A binding checks all its arguments first (it may raise then, since it owns nothing), pushes its userdata
 * empty, calls C into it, and turns a status into a Lua error through prl_check. Every function that bind.h
 * registers has the state as its first upvalue. */
#ifndef PRL_BIND_BIND_H
#define PRL_BIND_BIND_H

#include "autograd/tape.h"
#include "recipe/compat.h"
#include "perilune/agent.h"
#include "perilune/core.h"
#include "perilune/env.h"
#include "perilune/tensor.h"

/* One for each lua_State that loaded the module. */
typedef struct prl_state {
  prl_runtime *runtime;
  prl_tape *tape;
  const void *tensor_meta, *temp_meta, *param_meta; /* addresses of the metatables, for quick checks */
  uint64_t seed, draws; /* prl.seed, and how many random tensors were made since */
  bool rough_weights;   /* prl.rough_weights is at work */
  int64_t collect_at;   /* step the collector when live bytes pass this: it cannot see C's memory */
} prl_state;

prl_state *prl_state_get(lua_State *L); /* from the registry; slow */
void prl_state_store(lua_State *L);     /* module.c: makes the userdata on the top the state; pops it */
static inline prl_state *prl_state_of(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

/* Registers functions into the table on the top, each with the state as upvalue 1. */
void prl_register(lua_State *L, const luaL_Reg *functions);
/* Leaves a new metatable of that name on the stack with __index = itself and these functions. */
void prl_new_type(lua_State *L, const char *name, const luaL_Reg *methods);

/* Raises the error's sentence where status is not PRL_OK, as prl_raise does. */
void prl_check(lua_State *L, prl_status status, const prl_error *error);
/* Pushes a text of the runtime's memory and frees it, also where Lua has no memory for its copy. */
void prl_push_text(lua_State *L, prl_runtime *runtime, char *text);
/* Fields of the table on the top. text NULL: ""; a number that is none (NaN: not known) is left out. */
void prl_field_text(lua_State *L, const char *key, const char *text);
void prl_field_number(lua_State *L, const char *key, double number);
/* For I/O: pushes nil, message, code and returns 3. */
int prl_push_failure(lua_State *L, const prl_error *error);

/* ---- Tensors (tensor.c) ---- */

/* owned: a tensor with its storage. temp: a value of the open scope, with no __gc. param: a parameter. */
typedef struct prl_lua_tensor {
  prl_tensor tensor; /* owned; for a temp its value, borrowed from the scope */
  prl_param *param;
  uint64_t scope; /* of a temp; 0 otherwise */
  int32_t id;     /* of a temp, in the scope */
} prl_lua_tensor;

/* Pushes an owned, empty tensor for the caller to fill. */
prl_tensor *prl_push_tensor(lua_State *L);
/* The tensor at a stack index (owned, temp of the open scope, or a parameter's value); raises otherwise.
 * Valid while the userdata stays on the stack. */
const prl_tensor *prl_check_tensor(lua_State *L, int index);
/* The same, or NULL where it is not a tensor (nil, a table, …). */
const prl_tensor *prl_to_tensor(lua_State *L, int index);
/* A tensor that may be written in place: not a temp. */
prl_tensor *prl_check_writable(lua_State *L, int index);
prl_lua_tensor *prl_check_lua_tensor(lua_State *L, int index);
prl_lua_tensor *prl_to_lua_tensor(prl_state *state, lua_State *L, int index);
prl_param **prl_push_param(lua_State *L); /* an empty parameter, for the caller to fill */
/* A float32, contiguous tensor of these rows and columns at the index; raises otherwise, naming the argument.
 */
prl_tensor *prl_check_matrix(lua_State *L, int index, const char *argument, int64_t rows, int64_t columns);
/* The value id in the open scope of whatever is at the index: a temp, a parameter, an owned tensor or a
 * number. */
int32_t prl_check_value(lua_State *L, prl_state *state, int index);
/* Pushes value `id` of the open scope as a temp. */
void prl_push_temp(lua_State *L, prl_state *state, int32_t id);
/* Tells the tape the Lua line that is running, when it is tracing. */
void prl_mark_line(lua_State *L, prl_state *state);
struct prl_optim *prl_check_optim(lua_State *L, int index);

/* ---- Other types ---- */

prl_doc **prl_push_doc(lua_State *L);                /* recipe.c: an empty place, freed with the userdata */
prl_plan *prl_check_plan(lua_State *L, int index);   /* plan.c */
prl_agent *prl_check_agent(lua_State *L, int index); /* agent.c */
prl_vecenv *prl_check_env(lua_State *L, int index);  /* env.c */

/* ---- Methods of the agent that judge its critics (critics.c) ---- */

/* self → names of the critics, and how many numbers their networks consist of (nil: they give no values of
 * states) */
int prl_lua_agent_critics(lua_State *L);
/* self, observations (n, observations) → values (n, critics) */
int prl_lua_agent_values(lua_State *L);
/* self, responses (n, responses) → rewards (n, critics) */
int prl_lua_agent_rewards(lua_State *L);
/* self, env, steps, mode = "mean", watch → observations (steps, n, observations), responses (steps, n,
 * responses), ends (steps, n) int32: 1 terminated, 2 truncated, elapsed (steps, n) int64 µs */
int prl_lua_agent_rollout(lua_State *L);
/* guards.c */
int prl_lua_agent_guards(lua_State *L);
int prl_lua_agent_breach(lua_State *L);
int prl_lua_agent_ramp(lua_State *L);
/* swap.c */
int prl_lua_agent_swap(lua_State *L);
int prl_lua_agent_check_swap(lua_State *L);
int prl_lua_agent_refit(lua_State *L);
int prl_lua_agent_confirm(lua_State *L);
int prl_lua_agent_shadow(lua_State *L);
int prl_lua_agent_rollback(lua_State *L);
int prl_lua_agent_previous(lua_State *L);

/* ---- Small readers of arguments ---- */

prl_dtype prl_check_dtype(lua_State *L, int index,
                          prl_dtype fallback); /* a name such as "int64", or nothing */
/* Sizes as numbers from `first` on, or as one table there; *next is the index behind them. Returns how many.
 */
int prl_check_shape(lua_State *L, int first, int64_t *shape, int *next);
/* Pushes an owned, cleared tensor. */
prl_tensor *prl_push_new(lua_State *L, prl_dtype dtype, int ndim, const int64_t *shape);

/* Numbers: a text that looks like one is refused. check and opt name the argument by its position, need by
 * name. */
double prl_check_number(lua_State *L, int index);
double prl_opt_number(lua_State *L, int index, double fallback); /* nil or nothing: the fallback */
double prl_need_number(lua_State *L, int index, const char *argument);
int64_t prl_need_int(lua_State *L, int index, const char *argument);
int64_t prl_need_size(lua_State *L, int index, int place); /* a tensor's size of that place, from 1 */
int64_t prl_check_int(lua_State *L, int index);
/* A budget in µs; 0, also where there is none: no bound. */
int64_t prl_check_budget(lua_State *L, int index);
int64_t prl_opt_int(lua_State *L, int index, int64_t fallback); /* nil or nothing: the fallback */
/* options[name] from a table at `index` (or nothing there). */
double prl_option_number(lua_State *L, int index, const char *name, double fallback);
/* A whole number from low to high, both within ±2^53. */
int64_t prl_option_int(lua_State *L, int index, const char *name, int64_t fallback, int64_t low,
                       int64_t high);
/* A text, which stays on the stack; NULL: absent. */
const char *prl_option_text(lua_State *L, int index, const char *name);
bool prl_option_bool(lua_State *L, int index, const char *name, bool fallback);

/* ---- What a caller spelled wrongly (keys.c) ---- */

/* Raises the text on the top at the line of the nearest caller outside of the library; never returns. */
int prl_raise(lua_State *L);
/* The library's own Lua file of a chunk ("optim.lua"); NULL: another file. */
const char *prl_own_file(const char *source);
/* Refuses what is neither nothing nor a table of these options; the names end with NULL. */
void prl_check_keys(lua_State *L, int index, const char *about, const char *const *names);
/* Refuses a table that holds more than a list. */
void prl_check_list(lua_State *L, int index, const char *about);
/* The place of one of these words, which NULL ends; fallback for nothing, below 0: it must be given. */
int prl_check_word(lua_State *L, int index, const char *argument, int fallback, const char *const *words);
/* true or false, or nothing. */
bool prl_check_flag(lua_State *L, int index, const char *argument, bool fallback);
/* Raises that there is no such name beside those of the table `names`. Returns 0 where the key is none that
 * somebody writes: a number, or one that begins with two underscores. */
int prl_refuse_name(lua_State *L, const char *about, const char *noun, int names, int key);
/* Lets the table on the top refuse to be asked for a name that it does not have. */
void prl_make_strict(lua_State *L, const char *about, const char *noun);
/* A watch (perilune/core.h) that is the Lua function at an absolute index, or none: it is called with done
 * and total, and false stops. An error of its is at the top of the stack after the call that it ended:
 * `raised`. */
typedef struct prl_lua_watch {
  lua_State *L;
  int index;
  bool raised;
} prl_lua_watch;
prl_watch prl_check_watch(lua_State *L, int index, prl_lua_watch *context);

/* ---- Environments (env_spec.c) ---- */

/* Pushes {observation, action, responses}: names, units, bounds and choices. */
void prl_push_shape(lua_State *L, const prl_env_spec *spec);
/* Pushes what an environment is made of: name, summary, options, presets, observation, action, responses. */
void prl_push_env_spec(lua_State *L, const prl_env_type *type, const prl_env_spec *spec);
/* Pushes an option's value as a recipe says it: a number, or its word. */
void prl_push_env_value(lua_State *L, const prl_env_type *type, const char *option, double value);
/* Pushes the type's option values, in its order: defaults, then the preset, then what the table at `index`
 * (or nothing there) gives. Another key is refused, unless it is one of `more`, which the caller reads
 * itself. */
double *prl_push_env_options(lua_State *L, int index, const prl_env_type *type, const char *const *more,
                             int more_count);

/* ---- Openers: each leaves the module's table on the top as it found it, with its functions added ---- */

void prl_open_keys(lua_State *L);       /* sentences about unknown keys */
void prl_open_tensor(lua_State *L);     /* tensors and their methods */
void prl_open_tensor_new(lua_State *L); /* what makes tensors */
void prl_open_ops(lua_State *L);        /* every op as function and method */
void prl_open_scope(lua_State *L);      /* scopes, backward */
void prl_open_program(lua_State *L);
void prl_open_optim(lua_State *L);
void prl_open_nn(lua_State *L);       /* parameters, sets, initialisers */
void prl_open_env_spec(lua_State *L); /* what environments are made of */
void prl_open_io(lua_State *L);       /* prl.io: files, safetensors, event files, CSV */
void prl_open_csv(lua_State *L);      /* by prl_open_io, with the io table on top of the module's */
void prl_open_ranker(lua_State *L);   /* saved rankers */
void prl_open_recipe(lua_State *L);   /* recipes in their sandbox; plain data, its hash and JSON */
void prl_open_env(lua_State *L);      /* vector environments */
void prl_open_plan(lua_State *L);     /* graphs and plans */
void prl_open_agent(lua_State *L);
void prl_open_panel(lua_State *L);      /* evaluation by user and simulated day */
void prl_open_search(lua_State *L);     /* Gaussian processes */
void prl_open_confidence(lua_State *L); /* confidence sequences */

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int luaopen_perilune(lua_State *L);
int prl_open_module(lua_State *L, prl_runtime *runtime); /* the same, on a runtime that the host has */

#endif
