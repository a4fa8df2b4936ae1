/* The rows: each times its cases and prints them. */
#ifndef SPEC_BENCH_ROWS_H
#define SPEC_BENCH_ROWS_H

#include <stdbool.h>

#include "tensor/kernels.h"

typedef struct bench_row {
  const char *name;
  bool (*run)(void); /* false where something could not be made */
} bench_row;

extern const bench_row bench_rows[]; /* ends with a NULL name */

bool bench_env_cartpole(void);
bool bench_env_pendulum(void);
bool bench_shortvideo_env(void);
bool bench_kuairand_env(void);
bool bench_memory(void);
bool bench_act(void);
bool bench_act_apart(void);
bool bench_swap(void);
bool bench_control_group(void);
bool bench_checkpoint(void);

#endif
