/* A plain C loop for shortvideo_env: what the environment is timed against. It draws, ranks, watches, leaves,
 * comes back and observes as the README of runtime/env/shortvideo says, over the same users, and computes the
 * same bytes (spec/env/shortvideo_yardstick_test.c); what happens once a session is the product's own. No
 * vector env, no table of functions, no vector types: loops over candidates and over eight users, for the
 * compiler to vectorise. */
#ifndef SPEC_BENCH_SHORTVIDEO_YARDSTICK_H
#define SPEC_BENCH_SHORTVIDEO_YARDSTICK_H

#include "perilune/env.h"

typedef struct shortvideo_yardstick shortvideo_yardstick;

/* n users, a multiple of 8, with the default options and streams 0 … n − 1. NULL without memory. */
shortvideo_yardstick *shortvideo_yardstick_new(int64_t n, uint64_t seed);
void shortvideo_yardstick_free(shortvideo_yardstick *yardstick);
void shortvideo_yardstick_reset(shortvideo_yardstick *yardstick, float *observation);
void shortvideo_yardstick_step(shortvideo_yardstick *yardstick, const prl_step *step);

#endif
