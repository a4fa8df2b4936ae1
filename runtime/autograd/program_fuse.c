/* What a program does in one pass where a tape takes two. Each pattern keeps every rounding, so that the
 * bytes are those of the tape. */
#include "autograd/ops_internal.h"
#include "autograd/program_internal.h"

/* How often instructions of the kind BACKWARD stand for this node; *at: the last of them. */
static int backwards_of(const prl_program *p, int32_t node, int32_t *at) {
  int count = 0;
  for (int32_t i = 0; i < p->graph->instrs_count; i++) {
    const prl_instr *instr = &p->graph->instrs[i];
    if (instr->kind == PRL_I_BACKWARD && instr->a == node) count++, *at = i;
  }
  return count;
}

/* The node whose output this is, −1 for an input or a parameter. */
static int32_t maker_of(const prl_graph *graph, int32_t value) {
  for (int32_t i = 0; i < graph->nodes_count; i++)
    if (graph->nodes[i].out == value) return i;
  return -1;
}

/* Whether the gradient of this value is whole with instruction `last`, which gives one part of it: none gives
 * another between that and `first`, which reads the gradient. */
static bool whole_with(const prl_program *p, int32_t value, int32_t last, int32_t first) {
  for (int32_t i = 0; i < p->graph->nodes_count; i++) {
    const prl_node *node = &p->graph->nodes[i];
    int uses = 0;
    for (int k = 0; k < node->inputs; k++) uses += p->cells[node->in[k]].root == value;
    if (!uses) continue;
    int32_t at = -1;
    if (backwards_of(p, i, &at) > 1 || (at == last && uses > 1) || (at > last && at < first)) return false;
  }
  return true;
}

unsigned prl_program_apart(const prl_program *p, int32_t index) {
  const prl_instr *instr = &p->graph->instrs[index];
  return p->graph->nodes[instr->a].op == &prl_op_linear ? instr->add & ~1u : instr->add;
}

/* linear(…, act) → linear: the gradient of the first one's output is multiplied by act′ while it is in
 * registers, by the last of those that give a part of it. */
static void fuse_slope(prl_program *p, int32_t second) {
  const prl_graph *graph = p->graph;
  const prl_node *node = &graph->nodes[graph->instrs[second].a];
  if (node->op != &prl_op_linear || !p->steps[second].call.gin[0]) return;
  int32_t value = node->in[0], maker = maker_of(graph, value), first = -1;
  if (maker < 0 || graph->nodes[maker].op != &prl_op_linear) return;
  const prl_attrs *attrs = &graph->nodes[maker].attrs;
  prl_unary act = attrs->ints_count ? (prl_unary)attrs->ints[0] : PRL_IDENTITY;
  if (act == PRL_IDENTITY || prl_unary_needs_input(act)) return;
  if (backwards_of(p, maker, &first) != 1 || !whole_with(p, value, second, first)) return;
  p->steps[second].call.gin_slope = act;
  p->steps[second].call.gin_of = &p->cells[value].value;
  p->steps[first].call.sloped = true;
}

void prl_program_fuse(prl_program *p) {
  for (int32_t i = 0; i < p->graph->instrs_count; i++)
    if (p->graph->instrs[i].kind == PRL_I_BACKWARD) fuse_slope(p, i);
}
