/* The op table. One operation = shape check + forward + backward + name, in one place. The same functions run
 * eagerly on a tape and replayed in a program, so both give the same bytes. A public gradient check runs over
 * the whole table in the specs: an operation without a checked gradient cannot exist.
 *
 * What an op may count on: its inputs are contiguous (the tape copies what is not) and do not alias its
 * output. What it must keep: no allocation, no state, no reading of the clock; results depend on inputs and
 * attributes only; the per-row rule of tensor/kernels.h. */
#ifndef PRL_AUTOGRAD_OP_H
#define PRL_AUTOGRAD_OP_H

#include "perilune/tensor.h"
#include "tensor/kernels.h"

#define PRL_MAX_INPUTS 8
#define PRL_MAX_ATTR_INTS 10
#define PRL_MAX_ATTR_FLOATS 4

/* An op's constants: fixed at the time of the trace, part of a program's text. Their meaning stands beside
 * the op. */
typedef struct prl_attrs {
  int32_t ints_count, floats_count;
  int64_t ints[PRL_MAX_ATTR_INTS];
  double floats[PRL_MAX_ATTR_FLOATS];
} prl_attrs;

typedef struct prl_op prl_op;

/* One call. Forward reads in, writes out and aux. Backward reads in, out, aux, gout and overwrites each
 * gin[i] that is not NULL (the tape adds where a value has several uses); gin[i] has the shape of in[i]. The
 * one exception is gin[0] of a PRL_OP_ROW_SPARSE op, which is added to, row by row in the order of the batch:
 * the caller has zeroed the rows that are looked up. Neither can fail: what has no answer, such as an index
 * out of range, is NaN. */
typedef struct prl_call {
  const prl_kernels *k;
  const prl_attrs *attrs;
  int inputs;
  const prl_tensor *in[PRL_MAX_INPUTS];
  prl_tensor *out;
  prl_tensor *aux; /* saved by forward for backward; NULL when infer asked for none */
  const prl_tensor *gout;
  prl_tensor *gin[PRL_MAX_INPUTS];
  float *scratch; /* as many floats as infer asked for; contents undefined */
  /* A program's fusion of the backward of several `linear` (program_fuse.c): gin[0] is added to; then it is
   * multiplied by the slope of gin_slope, whose output is gin_of; gout has been multiplied by the slope of
   * the own activation already. */
  bool gin_adds;
  prl_unary gin_slope;
  const prl_tensor *gin_of;
  bool sloped;
  /* In a program's stretch (program_stretch.c): what holds the rows of the present tile alone. Bit i: in[i],
   * with in[0] gin_of; gin[i]. */
  unsigned in_tiles, gin_tiles;
  bool out_tile, gout_tile; /* out and aux; gout */
} prl_call;

/* What infer decides. out and aux: dtype, ndim and shape only; aux.ndim < 0 for none. */
typedef struct prl_inferred {
  prl_tensor out, aux;
  int64_t scratch; /* floats, for forward or backward, whichever needs more */
} prl_inferred;

enum {
  PRL_OP_NO_GRAD = 1,    /* has no gradient: its output never requires one (argmax, comparisons, sampling) */
  PRL_OP_VIEW = 2,       /* the output is in[0] with another shape (reshape): no forward, gradient aliased */
  PRL_OP_ROW_SPARSE = 4, /* gradient of in[0] touches only rows named by in[1] (embedding) */
  PRL_OP_RANDOM = 8,     /* reads in[inputs − 1] as its draws (dropout, sampling): the draws are an input */
  PRL_OP_ELEMENTS = 16   /* a number of out, and of a gradient, comes from those at its place alone */
};

struct prl_op {
  const char *name;
  int min_inputs, max_inputs;
  unsigned flags;
  /* Checks dtypes and shapes (message: op name, both shapes) and attributes, and gives the output's. Called
   * again for each new number of rows of a program, so it may not depend on data. */
  prl_status (*infer)(const prl_attrs *attrs, int inputs, const prl_tensor *const *in, prl_inferred *inferred,
                      prl_error *error);
  void (*forward)(const prl_call *call);
  void (*backward)(const prl_call *call); /* NULL with PRL_OP_NO_GRAD and PRL_OP_VIEW */
  /* A ready example for the gradient check: fills shapes and attributes of case `index` (odd sizes,
   * broadcasting); returns false when there is no such case. Ranges of values for inputs that need one (log:
   * > 0) go in low, high. */
  bool (*example)(int index, prl_attrs *attrs, int *inputs, prl_tensor *in, float *low, float *high);
};

/* An op that works row by row of some inputs with the rest of them whole: its functions for some of the rows
 * (all but the last dimension; the numbers of a vector), in ascending order from 0; the bytes are those of
 * all at once. out has as many rows, or is one number that all of them make: the last call leaves it. */
typedef struct prl_row_op {
  const prl_op *op;
  unsigned rows; /* bit i: in[i] goes by rows */
  void (*forward)(const prl_call *call, int64_t first, int64_t rows);
  void (*backward)(const prl_call *call, int64_t first, int64_t rows);
} prl_row_op;

/* Which values the backward of an op reads: bit i for in[i], PRL_READS_OUT for out. Of the others it knows
 * the shape alone, their bytes may be gone. wanted: bit i where gin[i] is wanted. (ops_reads.c) */
enum { PRL_READS_OUT = 1 << PRL_MAX_INPUTS };
unsigned prl_op_reads(const prl_op *op, const prl_attrs *attrs, unsigned wanted);

/* The whole table. */
PRL_API extern const prl_op *const prl_ops[];
PRL_API extern const int prl_ops_count;
extern const char *const prl_ops_arguments[]; /* of each, as Lua calls it (ops.h) */
const prl_op *prl_op_find(const char *name);

/* Shapes of broadcasting (NumPy's rules). Fails: PRL_ESHAPE, both shapes printed. */
prl_status prl_broadcast(const char *op, const prl_tensor *a, const prl_tensor *b, prl_tensor *out,
                         prl_error *error);

#endif
