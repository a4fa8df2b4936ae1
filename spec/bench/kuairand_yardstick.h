/* A plain C loop for kuairand_env: what the environment is timed against. It draws, predicts, ranks, watches,
 * leaves, comes back and observes as the README of runtime/env/kuairand says, over the same world, and
 * computes the same bytes (spec/env/kuairand_yardstick_test.c); what happens once a session is the product's
 * own. No vector env, no table of functions, no vector types: loops over candidates and over eight users, for
 * the compiler to vectorise. */
#ifndef SPEC_BENCH_KUAIRAND_YARDSTICK_H
#define SPEC_BENCH_KUAIRAND_YARDSTICK_H

#include "perilune/env.h"

typedef struct kuairand_yardstick kuairand_yardstick;

/* n users, a multiple of 8, of a world with 16 factors (`type` is made from it and stays alive), with the
 * default options and streams 0 … n − 1. NULL without memory. */
kuairand_yardstick *kuairand_yardstick_new(const prl_env_type *type, int64_t n, uint64_t seed);
void kuairand_yardstick_free(kuairand_yardstick *yardstick);
void kuairand_yardstick_reset(kuairand_yardstick *yardstick, float *observation);
void kuairand_yardstick_step(kuairand_yardstick *yardstick, const prl_step *step);

#endif
