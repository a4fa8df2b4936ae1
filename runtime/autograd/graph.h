/* A graph: the flat text of a computation. A tape writes one while it runs eagerly; a program is one with
 * planned buffers. It is plain data (prl_graph_write, prl_graph_read), so that a plan can be saved and run
 * without Lua. */
#ifndef PRL_AUTOGRAD_GRAPH_H
#define PRL_AUTOGRAD_GRAPH_H

#include "autograd/op.h"
#include "optim/params.h"
#include "core/value.h"

typedef enum prl_vkind {
  PRL_V_INPUT, /* filled by the caller before a run; `name`. batch: its first dimension is the number of rows
                */
  PRL_V_PARAM, /* a parameter: `name` is "set:param" */
  PRL_V_CONST, /* fixed bytes */
  PRL_V_TEMP   /* the output of a node */
} prl_vkind;

typedef struct prl_gvalue {
  prl_vkind kind;
  bool batch;
  bool needs_grad;
  bool lent; /* an input that a program has no room for: it stands where prl_program_lend says. Not in data */
  prl_dtype dtype;
  int32_t ndim;
  int64_t shape[PRL_MAX_DIMS];
  char *name;       /* input or param; NULL otherwise */
  void *bytes;      /* const */
  prl_param *param; /* retained while the graph was traced from live parameters; NULL after reading */
} prl_gvalue;

typedef struct prl_node {
  const prl_op *op;
  prl_attrs attrs;
  int inputs;
  int32_t in[PRL_MAX_INPUTS]; /* value ids */
  int32_t out;                /* value id; aux and scratch belong to the node */
  int32_t line;               /* of the Lua source that made it, 0 unknown */
} prl_node;

typedef enum prl_instr_kind {
  PRL_I_FORWARD,  /* a: node */
  PRL_I_SEED,     /* gradient of value a (a scalar) = 1 */
  PRL_I_BACKWARD, /* a: node; add: bit i set where gin[i] adds to what is there */
  PRL_I_ZERO,     /* gradient of parameter value a = 0 */
  PRL_I_STEP,     /* optimizer of set `name`; a: value id of the step size, b: of the greatest norm; −1: its
                     option */
  PRL_I_COPY /* parameters of set `name` ← a·source + (1 − a)·own; source in `name2`; a: value id of τ, −1: 1
              */
} prl_instr_kind;

typedef struct prl_instr {
  prl_instr_kind kind;
  int32_t a, b;
  uint32_t add;
  char *name, *name2;
  /* What a live trace stepped or copied, where a program's bindings do not say; borrowed, NULL after reading.
   */
  struct prl_optim *optim;
  prl_params *to, *from;
} prl_instr;

typedef struct prl_goutput {
  char *name;
  int32_t value;
} prl_goutput;

typedef struct prl_graph {
  prl_runtime *runtime;
  prl_gvalue *values;
  prl_node *nodes;
  prl_instr *instrs;
  prl_goutput *outputs; /* values that a run leaves readable: results and metrics */
  int32_t values_count, nodes_count, instrs_count, outputs_count;
  int32_t values_capacity, nodes_capacity, instrs_capacity, outputs_capacity;
} prl_graph;

prl_status prl_graph_new(prl_runtime *runtime, prl_graph **out, prl_error *error);
void prl_graph_free(prl_graph *graph);
void prl_graph_clear(prl_graph *graph); /* forgets everything, keeps the memory */
/* A zeroed new item at the end of its list, or NULL when out of memory. */
prl_gvalue *prl_graph_add_value(prl_graph *graph);
prl_node *prl_graph_add_node(prl_graph *graph);
prl_instr *prl_graph_add_instr(prl_graph *graph);
prl_goutput *prl_graph_add_output(prl_graph *graph);
/* The value's dtype and shape over these bytes. */
void prl_gvalue_tensor(const prl_gvalue *value, void *data, prl_tensor *out);
size_t prl_gvalue_size(const prl_gvalue *value); /* bytes */
/* Whether two traces of one function say the same; *line: where the second first says something else (0
 * unknown). */
bool prl_graph_equal(const prl_graph *a, const prl_graph *b, int32_t *line);
prl_status prl_graph_write(const prl_graph *graph, prl_doc *doc, prl_value *to, prl_error *error);
/* Checks everything (ids, ops, attributes, shapes by infer): malformed data is PRL_EFORMAT, never a crash. */
prl_status prl_graph_read(prl_runtime *runtime, const prl_value *from, prl_graph **out, prl_error *error);

#endif
