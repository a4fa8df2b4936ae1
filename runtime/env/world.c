/* Environments that are made from a file: a copy of the type, with the file's content as its context. */
#include "core/arguments.h"
#include "core/memory.h"
#include "env/types.h"

struct prl_env_world {
  prl_runtime *runtime;
  prl_env_type type;
  char digest[33];
};

prl_status prl_env_world_open(prl_runtime *runtime, const prl_env_type *type, const char *path,
                              prl_env_world **out, prl_error *error) {
  prl_error unused;
  if (!error) error = &unused; /* a type may write it without looking */
  prl_status status = PRL_GIVEN(error, "runtime type path out", runtime, type, path, out);
  if (!status) status = prl_env_check_type(type, PRL_EINVAL, "type", error);
  if (status) return status;
  if (!type->file)
    return prl_fail(error, PRL_EINVAL, "the environment '%s' is made from no file; leave out world = \"%s\"",
                    type->name, path);
  prl_env_world *world = prl_calloc(runtime, 1, sizeof *world);
  if (!world) return prl_fail_memory(error, sizeof *world);
  world->type = *type;
  status = type->file->open(runtime, path, &world->type.context, world->digest, error);
  if (status) {
    prl_free(runtime, world);
    return status;
  }
  world->runtime = prl_runtime_retain(runtime);
  world->type.digest = world->digest;
  *out = world;
  return PRL_OK;
}

const prl_env_type *prl_env_world_type(const prl_env_world *world) { return world ? &world->type : NULL; }

void prl_env_world_close(prl_env_world *world) {
  if (!world) return;
  prl_runtime *runtime = world->runtime;
  world->type.file->close(world->type.context);
  prl_free(runtime, world);
  prl_runtime_release(runtime);
}
