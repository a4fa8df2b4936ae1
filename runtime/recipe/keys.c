/* The sentences about unknown keys (recipe/keys.h). */
#include "recipe/keys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/nearest.h"

enum { FEW = 24, SHOWN = 64 };

static void add_names(luaL_Buffer *text, const prl_keys *known) {
  luaL_addstring(text, known->count == 1 ? "; there is only " : "; there are ");
  for (int i = 0; i < known->count; i++) {
    if (i) luaL_addstring(text, ", ");
    luaL_addstring(text, known->names[i]);
  }
}

void prl_push_no_name(lua_State *L, const char *name, const prl_keys *known) {
  char shown[SHOWN + 4];
  luaL_Buffer text;
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < known->count; i++) prl_nearest_offer(&nearest, known->names[i]);
  snprintf(shown, sizeof shown, strlen(name) > SHOWN ? "%.*s…" : "%.*s", SHOWN, name);
  const char *begin = lua_pushfstring(L, "%s has no %s \"%s\"%s", known->about, known->noun, shown,
                                      nearest.best ? prl_nearest_hint(&nearest) : "");
  luaL_buffinit(L, &text);
  luaL_addstring(&text, begin);
  if (!nearest.best && known->count > 0 && known->count <= FEW) add_names(&text, known);
  luaL_pushresult(&text);
  lua_remove(L, -2);
}

static bool is_name(const char *key, const prl_keys *known) {
  for (int i = 0; i < known->count; i++)
    if (strcmp(key, known->names[i]) == 0) return true;
  return false;
}

static bool is_position(double place, const prl_keys *known) {
  return place >= 1 && place <= (double)known->positions && place == floor(place);
}

bool prl_push_unknown_key(lua_State *L, int index, const prl_keys *known) {
  const char *name = NULL;
  double place = NAN;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      const char *key = lua_tostring(L, -2); /* the table keeps it */
      if (!is_name(key, known) && (!name || strcmp(key, name) < 0)) name = key;
    } else if (lua_type(L, -2) == LUA_TNUMBER) {
      double key = lua_tonumber(L, -2);
      if (!is_position(key, known) && !(key >= place)) place = key;
    } else {
      lua_pushfstring(L, "%s: a key is a %s; names are needed", known->about, luaL_typename(L, -2));
      lua_replace(L, -3);
      lua_pop(L, 1);
      return true;
    }
  }
  if (isnan(place) && !name) return false;
  if (isnan(place))
    prl_push_no_name(L, name, known);
  else
    lua_pushfstring(L, "%s takes nothing without a name at position %f", known->about, place);
  return true;
}
