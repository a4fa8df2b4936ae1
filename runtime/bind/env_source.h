/* Where an environment comes from, for prl.env and prl.env_spec: "cartpole" or {name = "cartpole"}, {c =
 * "./mine.so"}, {lua = "./mine.lua"}. Files run as code: whoever calls vouches for them (a recipe's loader
 * asks for --trust). */
#ifndef PRL_BIND_ENV_SOURCE_H
#define PRL_BIND_ENV_SOURCE_H

#include "bind/bind.h"

/* A type that is made from a file takes its path from options.world, where `options` is the place of a table
 * on the stack, and insists on options.digest where that is given; without the path the type tells what it
 * is, but runs nothing.
 *
 * Pushes a userdata that keeps the type alive, and gives the type. Raises where the value at `index` is no
 * reference. On failure pushes nothing. Fails: PRL_ENAME, PRL_EIO, PRL_EFORMAT (also: another
 * digest), PRL_EINVAL (a file for a type that takes none), PRL_ENOMEM. */
prl_status prl_push_env_source(lua_State *L, int index, int options, const prl_env_type **type,
                               prl_error *error);
/* One more owner of the source at `index`, whose lifetime no longer hangs on the collector's order; NULL
 * where the type needs no keeping. */
struct prl_env_source *prl_env_source_retain(lua_State *L, int index);
void prl_env_source_release(struct prl_env_source *source); /* NULL is allowed */

void prl_open_env_source(lua_State *L);

#endif
