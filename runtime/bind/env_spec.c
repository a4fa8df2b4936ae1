/* What environments are made of, for Lua: prl.env_names() and prl.env_spec(reference, options). The recipe's
 * checks and `perilune describe env` read it. */
#include "bind/bind.h"
#include "bind/env_source.h"

#include <string.h>

#include "core/nearest.h"
#include "env/types.h"
#include "recipe/keys.h"

void prl_push_env_value(lua_State *L, const prl_env_type *type, const char *option, double value) {
  const char *const *words = prl_env_words_of(type, option);
  if (words)
    lua_pushstring(L, words[(int)value]);
  else
    lua_pushnumber(L, value);
}

static void push_words(lua_State *L, const char *const *words) {
  lua_newtable(L);
  for (int i = 0; words[i]; i++) {
    lua_pushstring(L, words[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

static void push_options(lua_State *L, const prl_env_type *type) {
  lua_newtable(L);
  for (int i = 0; type->options && type->options[i].name; i++) {
    const prl_env_option *option = &type->options[i];
    lua_newtable(L);
    prl_field_text(L, "name", option->name);
    prl_push_env_value(L, type, option->name, option->value);
    lua_setfield(L, -2, "value");
    if (prl_env_words_of(type, option->name)) {
      push_words(L, prl_env_words_of(type, option->name));
      lua_setfield(L, -2, "words");
    }
    lua_pushboolean(L, prl_env_is_later(type, option->name));
    lua_setfield(L, -2, "later");
    prl_field_number(L, "low", option->low);
    prl_field_number(L, "high", option->high);
    prl_field_text(L, "unit", option->unit);
    prl_field_text(L, "meaning", option->meaning);
    lua_rawseti(L, -2, i + 1);
  }
}

static void push_presets(lua_State *L, const prl_env_type *type) {
  lua_newtable(L);
  for (int i = 0; type->presets && type->presets[i].name; i++) {
    const prl_env_preset *preset = &type->presets[i];
    lua_newtable(L);
    prl_field_text(L, "name", preset->name);
    prl_field_text(L, "meaning", preset->meaning);
    lua_newtable(L);
    for (const prl_env_setting *s = preset->settings; s && s->option; s++) {
      prl_push_env_value(L, type, s->option, s->value);
      lua_setfield(L, -2, s->option);
    }
    lua_setfield(L, -2, "settings");
    lua_rawseti(L, -2, i + 1);
  }
}

/* An array of `count` values under `key`, each pushed by the macro's expression of i. */
#define SET_ARRAY(L, key, count, push)                                                                       \
  do {                                                                                                       \
    lua_newtable(L);                                                                                         \
    for (int i = 0; i < (count); i++) {                                                                      \
      push;                                                                                                  \
      lua_rawseti(L, -2, i + 1);                                                                             \
    }                                                                                                        \
    lua_setfield(L, -2, key);                                                                                \
  } while (0)

static void push_observation(lua_State *L, const prl_env_spec *spec) {
  lua_newtable(L);
  SET_ARRAY(L, "names", spec->observations, lua_pushstring(L, spec->observation[i].name));
  SET_ARRAY(L, "units", spec->observations, lua_pushstring(L, spec->observation[i].unit));
  SET_ARRAY(L, "low", spec->observations, lua_pushnumber(L, spec->observation[i].low));
  SET_ARRAY(L, "high", spec->observations, lua_pushnumber(L, spec->observation[i].high));
  lua_newtable(L);
  for (int i = 0, count = 0; i < spec->observations; i++) {
    if (!spec->observation[i].influenced) continue;
    lua_pushstring(L, spec->observation[i].name);
    lua_rawseti(L, -2, ++count);
  }
  lua_setfield(L, -2, "influenced");
}

static void push_action(lua_State *L, const prl_env_spec *spec) {
  static const char *const kinds[] = {"discrete", "multi_discrete", "continuous"};
  lua_newtable(L);
  prl_field_text(L, "kind", kinds[spec->action_kind]);
  SET_ARRAY(L, "names", spec->actions, lua_pushstring(L, spec->action[i].name));
  SET_ARRAY(L, "units", spec->actions, lua_pushstring(L, spec->action[i].unit));
  if (spec->action_kind == PRL_ACTION_CONTINUOUS) {
    SET_ARRAY(L, "low", spec->actions, lua_pushnumber(L, spec->action[i].low));
    SET_ARRAY(L, "high", spec->actions, lua_pushnumber(L, spec->action[i].high));
  } else {
    SET_ARRAY(L, "choices", spec->actions, lua_pushinteger(L, spec->action[i].choices));
  }
}

static void push_responses(lua_State *L, const prl_env_spec *spec) {
  static const char *const combines[] = {"sum", "last", "first", "max"};
  lua_newtable(L);
  for (int i = 0; i < spec->responses; i++) {
    const prl_response_spec *response = &spec->response[i];
    lua_newtable(L);
    prl_field_text(L, "name", response->name);
    prl_field_text(L, "unit", response->unit);
    prl_field_number(L, "missing", response->missing);
    prl_field_text(L, "combine", combines[response->combine]);
    prl_field_number(L, "wait_us", (double)response->wait_us);
    lua_rawseti(L, -2, i + 1);
  }
}

void prl_push_shape(lua_State *L, const prl_env_spec *spec) {
  lua_newtable(L);
  push_observation(L, spec);
  lua_setfield(L, -2, "observation");
  push_action(L, spec);
  lua_setfield(L, -2, "action");
  push_responses(L, spec);
  lua_setfield(L, -2, "responses");
}

void prl_push_env_spec(lua_State *L, const prl_env_type *type, const prl_env_spec *spec) {
  prl_push_shape(L, spec);
  prl_field_text(L, "name", type->name);
  prl_field_text(L, "summary", type->summary);
  prl_field_number(L, "max_steps", (double)spec->max_steps);
  lua_pushboolean(L, spec->clock);
  lua_setfield(L, -2, "clock");
  if (spec->session) prl_field_text(L, "session", spec->session);
  lua_pushboolean(L, spec->keyed);
  lua_setfield(L, -2, "keyed");
  if (type->file) prl_field_text(L, "world", type->file->meaning);
  if (type->digest) prl_field_text(L, "digest", type->digest);
  push_options(L, type);
  lua_setfield(L, -2, "options");
  push_presets(L, type);
  lua_setfield(L, -2, "presets");
}

static const prl_env_preset *find_preset(lua_State *L, const prl_env_type *type, const char *name) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (const prl_env_preset *p = type->presets; p && p->name; p++) {
    if (strcmp(p->name, name) == 0) return p;
    prl_nearest_offer(&nearest, p->name);
  }
  luaL_error(L, "preset: %s has no preset \"%s\"%s", type->name, name, prl_nearest_hint(&nearest));
  return NULL;
}

static int option_place(const prl_env_type *type, const char *name) {
  for (int i = 0; type->options && type->options[i].name; i++)
    if (strcmp(type->options[i].name, name) == 0) return i;
  return -1;
}

static void read_preset(lua_State *L, int index, const prl_env_type *type, double *values) {
  const char *name = prl_option_text(L, index, "preset");
  const prl_env_setting *s = name ? find_preset(L, type, name)->settings : NULL;
  for (; s && s->option; s++) values[option_place(type, s->option)] = s->value;
  lua_pop(L, 1);
}

/* Refuses what is none of the type's options, those of every environment, and `more`. */
static void check_options(lua_State *L, int index, const prl_env_type *type, const char *const *more,
                          int more_count, int own) {
  prl_keys known = {.about = type->name, .noun = "option"};
  const char **names = lua_newuserdata(L, ((size_t)own + (size_t)more_count + 3) * sizeof *names);
  for (int i = 0; i < more_count; i++) names[known.count++] = more[i];
  names[known.count++] = "preset";
  if (type->file) names[known.count++] = "world", names[known.count++] = "digest";
  for (int i = 0; i < own; i++) names[known.count++] = type->options[i].name;
  known.names = names;
  if (prl_push_unknown_key(L, index, &known)) prl_raise(L);
  lua_pop(L, 1);
}

static double read_option(lua_State *L, int index, const prl_env_type *type, const char *name, double value) {
  const char *const *words = prl_env_words_of(type, name);
  if (!words) return prl_option_number(L, index, name, value);
  lua_getfield(L, index, name);
  value = prl_check_word(L, lua_gettop(L), name, (int)value, words);
  lua_pop(L, 1);
  return value;
}

double *prl_push_env_options(lua_State *L, int index, const prl_env_type *type, const char *const *more,
                             int more_count) {
  int count = 0;
  while (type->options && type->options[count].name) count++;
  double *values = lua_newuserdata(L, ((size_t)count + 1) * sizeof *values);
  for (int i = 0; i < count; i++) values[i] = type->options[i].value;
  if (lua_isnoneornil(L, index)) return values;
  if (!lua_istable(L, index)) {
    lua_pushfstring(L, "%s takes its options as a table, not a %s", type->name, luaL_typename(L, index));
    prl_raise(L);
  }
  check_options(L, index, type, more, more_count, count);
  read_preset(L, index, type, values);
  for (int i = 0; i < count; i++) values[i] = read_option(L, index, type, type->options[i].name, values[i]);
  return values;
}

/* env_spec(environment (bind/env_source.h), {option = number or word, preset, world = file, digest} or nil) →
 * what it is made of; or nil, message, code. */
static int env_spec(lua_State *L) {
  prl_error error;
  const prl_env_type *type;
  prl_env_spec spec = {0};
  lua_settop(L, 2);
  if (prl_push_env_source(L, 1, 2, &type, &error)) return prl_push_failure(L, &error);
  const double *values = prl_push_env_options(L, 2, type, NULL, 0);
  if (prl_env_make_spec(type, values, &spec, &error)) return prl_push_failure(L, &error);
  prl_push_env_spec(L, type, &spec);
  return 1;
}

/* env_names() → the built-in environments. */
static int env_names(lua_State *L) {
  const prl_env_type *const *types = prl_env_types();
  lua_newtable(L);
  for (int i = 0; types[i]; i++) {
    lua_pushstring(L, types[i]->name);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

void prl_open_env_spec(lua_State *L) {
  static const luaL_Reg functions[] = {{"env_spec", env_spec}, {"env_names", env_names}, {NULL, NULL}};
  prl_register(L, functions);
}
