/* Plain C loops for env_cartpole and env_pendulum: what the vector env is timed against. They compute the
 * same bytes: dynamics, draws, resets, flags and final observations (spec/env/yardstick_test.c), with nothing
 * around them: no check of the actions, no table of functions, no options, no saved state. */
#ifndef SPEC_BENCH_ENV_YARDSTICK_H
#define SPEC_BENCH_ENV_YARDSTICK_H

#include "perilune/env.h"

typedef struct env_yardstick env_yardstick;

/* name: "cartpole" or "pendulum", with streams 0 … n − 1. NULL for another name, or without memory. */
env_yardstick *env_yardstick_new(const char *name, int64_t n, uint64_t seed);
void env_yardstick_free(env_yardstick *yardstick);
void env_yardstick_reset(env_yardstick *yardstick, float *observation);
void env_yardstick_step(env_yardstick *yardstick, const prl_step *step);

#endif
