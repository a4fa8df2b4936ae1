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
  int64_t value_tile, grad_tile; /* rows that there are at a time, within a stretch; 0: all */
  int32_t back;  /* with value_tile: the stretch back that makes the value again; −1: none needs it */
  size_t offset; /* of the value in the block */
  bool late, late_grad; /* while a stretch is found: known after its last rows */
} prl_program_cell;

/* How an instruction takes part in a stretch: by rows, or once, where all it touches is single numbers:
 * before the first rows or, where it waits for a sum over rows, after the last. */
typedef enum prl_turn { PRL_TURN_NONE, PRL_TURN_ROWS, PRL_TURN_FIRST, PRL_TURN_LAST } prl_turn;

typedef struct prl_part {
  prl_turn turn;
  unsigned rows; /* bit i: in[i] goes by rows */
  bool sums;     /* out is one number of all rows */
} prl_part;

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
  int32_t *stretch_end;    /* parallel to instrs: where a stretch begins, the instruction after it; else 0 */
  prl_part *parts;         /* parallel to instrs: in the stretch that an instruction belongs to */
  char *block;
  size_t block_size, parts_at, scratch_at, scratch_size;
  int64_t rows_max, rows;
  int32_t cursor;
  int64_t row;        /* within the stretch at the cursor: rows that are done */
  bool checking;      /* look at what a tile gives: */
  int32_t culprit;    /* the first instruction of a stretch that gave what is not finite; INT32_MAX: none */
  int32_t commit_at;  /* the first step or copy: from there a run goes to its end. INT32_MAX: none */
  int32_t again_from; /* the first instruction whose value is made again; INT32_MAX: none */
  bool learns, timing;
  int64_t *run_number; /* the input "run" of a program that draws; NULL otherwise */
  int64_t runs;
  int64_t *nanoseconds; /* of each instruction in the last timed run; NULL before one */
};

/* program_stretch.c: finds the stretches, once shapes are known; forgets those (or all) whose numbers of rows
 * are no longer equal with another number of rows of the program; finds the gradients that only a tile needs,
 * from when they are born and die (by root) before buffers are placed; and runs the next tile of the stretch
 * at the cursor, which moves on when it was the last. */
void prl_program_find_stretches(prl_program *program);
void prl_program_forget_stretches(prl_program *program, bool all);
void prl_program_find_tiles(prl_program *program, const prl_buffer *grads);
void prl_program_run_tile(prl_program *program);
int64_t prl_program_tile(const prl_program *program, int32_t begin); /* rows; 0 where no stretch begins */
void prl_program_run_rows(prl_program *program, int32_t index, int64_t first, int64_t rows);

/* program_again.c: finds the values of which only a tile is kept, once stretches are known and before buffers
 * are placed; whether this instruction makes one again for the stretch back that begins there; and makes
 * those that rows of that stretch read. */
void prl_program_find_again(prl_program *program);
bool prl_program_is_again(const prl_program *program, int32_t index, int32_t back);
void prl_program_make_again(prl_program *program, int32_t back, int64_t first, int64_t rows);

/* The values (their roots) that an instruction reads or writes, gradients aside; how many. (program.c) */
int prl_program_touched(const prl_program *program, int32_t index, int32_t roots[PRL_MAX_INPUTS + 1]);
void prl_program_run_instr(prl_program *program, int32_t index); /* program.c: a whole instruction */

/* program_culprit.c: runs again what came before the first step, and names the first value that is not
 * finite; always fails. */
prl_status prl_program_name_culprit(prl_program *program, prl_error *error);
bool prl_program_run_checked(prl_program *program,
                             int32_t index); /* a whole instruction; it gave finite values */
bool prl_program_finite(const prl_program *program, const prl_tensor *tensor);

/* program_fuse.c: joins steps that are prepared, where one pass gives the bytes of two; and which of the
 * parts of gradients that a BACKWARD gives are made apart and added then. That of a layer's input is added
 * while it is in registers. */
void prl_program_fuse(prl_program *program);
unsigned prl_program_apart(const prl_program *program, int32_t index);

#endif
