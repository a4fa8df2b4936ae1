/* A program's inside, shared by its planning, running and printing. */
#ifndef PRL_AUTOGRAD_PROGRAM_INTERNAL_H
#define PRL_AUTOGRAD_PROGRAM_INTERNAL_H

#include "autograd/frame.h"
#include "autograd/plan_buffers.h"
#include "autograd/program.h"

typedef struct prl_program_cell {
  prl_tensor value;
  prl_tensor grad; /* over the root's gradient bytes, in this value's own shape */
  int32_t root;
  size_t offset; /* of the value in the block */
} prl_program_cell;

typedef struct prl_commit {
  prl_optim *optim;
  prl_params *to, *from;
} prl_commit;

struct prl_program {
  prl_runtime *runtime;
  prl_graph *graph;
  prl_program_cell *cells; /* parallel to values */
  prl_param **params;      /* parallel to values */
  prl_tensor *aux;         /* parallel to nodes */
  prl_step_call *steps;    /* parallel to instrs */
  prl_commit *commits;     /* parallel to instrs */
  char *block;
  size_t block_size, parts_at, scratch_at, scratch_size;
  int64_t rows_max, rows;
  int32_t cursor;
  int32_t commit_at; /* the first step or copy: from there a run goes to its end. INT32_MAX: none */
  bool learns, timing;
  int64_t *run_number; /* the input "run" of a program that draws; NULL otherwise */
  int64_t runs;
  int64_t *nanoseconds; /* of each instruction in the last timed run; NULL before one */
};

/* program_fuse.c: joins steps that are prepared, where one pass gives the bytes of two. */
void prl_program_fuse(prl_program *program);

#endif
