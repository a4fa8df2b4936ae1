/* A small made-up world, opened, for the tests of kuairand. */
#ifndef SPEC_ENV_KUAIRAND_SUPPORT_H
#define SPEC_ENV_KUAIRAND_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "env/kuairand/kuairand.h"
#include "env/types.h"
#include "support/kuairand_world.h"
#include "support/scratch.h"
#include "tensor/kernels.h"

/* 10 factors: padded to 16. */
static const made_world small_world = {.users = 150,
                                       .videos = 600,
                                       .factors = 10,
                                       .features = 4,
                                       .days = 6,
                                       .pool = 300,
                                       .seed = 1,
                                       .ranker_error = 0.5f};

typedef struct opened {
  prl_runtime *runtime;
  prl_env_world *file;
  const prl_env_type *type;
  const kr_world *world;
  char path[64];
} opened;

static inline opened open_path(const char *path) {
  opened o = {.runtime = NULL};
  prl_error error;
  snprintf(o.path, sizeof o.path, "%s", path);
  assert_int_equal(prl_runtime_new(NULL, &o.runtime, NULL), PRL_OK);
  if (prl_env_world_open(o.runtime, &prl_env_kuairand, path, &o.file, &error)) fail_msg("%s", error.message);
  o.type = prl_env_world_type(o.file);
  o.world = o.type->context;
  return o;
}

/* Writes the world and opens it. */
static inline opened open_made(const made_world *made) {
  char path[64];
  prl_runtime *runtime;
  prl_error error;
  scratch_path(path);
  assert_int_equal(prl_runtime_new(NULL, &runtime, NULL), PRL_OK);
  if (made_world_write(runtime, made, path, &error)) fail_msg("%s", error.message);
  prl_runtime_release(runtime);
  return open_path(path);
}

static inline void close_made(opened *o) {
  prl_env_world_close(o->file);
  prl_runtime_release(o->runtime);
}

typedef kr_shared feed_shared;
typedef kr_user feed_user;
#include "env/feed_support.h"

#endif
