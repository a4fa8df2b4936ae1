/* Hidden values that are not stored. What the layers of a stretch leave for one another is read again only by
 * the stretch that goes back through them. Where such values would fill memory, they have buffers of one
 * tile: each tile on its way back first makes its own again, by the same instructions from what stands before
 * the stretch. A row's bytes do not depend on the rows beside it, so every byte is the same. */
#include "autograd/program_internal.h"

/* A value of few inputs is made again in the time that storing and fetching it takes, so that those of a
 * program are stored only where they may still be in the last cache on the way back. Others cost arithmetic,
 * and are stored up to where memory ends on a usual machine. Bytes, in both. */
enum { FEW_INPUTS = 128 };
static const int64_t most_of_few = INT64_C(64) << 20, most_of_many = INT64_C(1) << 30;

/* The stretches that a value lives in; back −1: none. */
typedef struct passage {
  int32_t there, back;
} passage;

static bool touches(const prl_program *p, int32_t index, int32_t root) {
  int32_t roots[PRL_MAX_INPUTS + 1];
  int count = prl_program_touched(p, index, roots);
  for (int i = 0; i < count; i++)
    if (roots[i] == root) return true;
  return false;
}

static bool is_output(const prl_program *p, int32_t root) {
  for (int32_t i = 0; i < p->graph->outputs_count; i++)
    if (p->cells[p->graph->outputs[i].value].root == root) return true;
  return false;
}

/* Whether parameters change between the two. */
static bool changes_between(const prl_program *p, int32_t there, int32_t back) {
  for (int32_t i = there; i < back; i++)
    if (p->graph->instrs[i].kind == PRL_I_STEP || p->graph->instrs[i].kind == PRL_I_COPY) return true;
  return false;
}

/* Whether instructions of one stretch forward, and of one that comes back if any, are all that touches the
 * value. */
static bool passes(const prl_program *p, int32_t value, passage *out) {
  *out = (passage){-1, -1};
  if (p->graph->values[value].kind != PRL_V_TEMP || p->cells[value].root != value || is_output(p, value) ||
      prl_tensor_count(&p->cells[value].value) == 1) /* of all rows, not of each */
    return false;
  for (int32_t i = 0, begin = -1; i < p->graph->instrs_count; i++) {
    if (p->stretch_end[i]) begin = i;
    if (!touches(p, i, value)) continue;
    if (begin < 0 || i >= p->stretch_end[begin]) return false;
    int32_t *stretch = p->graph->instrs[i].kind == PRL_I_FORWARD ? &out->there : &out->back;
    if (*stretch >= 0 && *stretch != begin) return false;
    *stretch = begin;
  }
  if (out->back == out->there) out->back = -1; /* it goes there and back in one */
  if (out->there < 0 || out->back < 0) return out->there >= 0;
  return out->back > out->there && !changes_between(p, out->there, out->back);
}

/* How many inputs each number of the value has. */
static int64_t inputs_of(const prl_program *p, int32_t value) {
  int32_t maker = 0;
  while (maker < p->graph->nodes_count - 1 && p->graph->nodes[maker].out != value) maker++;
  const prl_tensor *in = &p->cells[p->graph->nodes[maker].in[0]].value;
  return in->ndim ? in->shape[in->ndim - 1] : 1;
}

static void keep_tile(prl_program *p, int32_t value, passage of) {
  int64_t there = prl_program_tile(p, of.there), back = of.back < 0 ? 0 : prl_program_tile(p, of.back);
  prl_program_cell *cell = &p->cells[value];
  cell->value_tile = there > back ? there : back;
  cell->back = of.back;
  if (of.back >= 0 && of.there < p->again_from) p->again_from = of.there;
}

/* The bytes of values of at most so many inputs that are read on the way back; with `again` these keep a
 * tile. Those of which nothing is read there keep one in any case. */
static int64_t find(prl_program *p, int64_t inputs, bool again) {
  int64_t bytes = 0;
  for (int32_t value = 0; value < p->graph->values_count; value++) {
    passage of;
    const prl_program_cell *cell = &p->cells[value];
    if (cell->value_tile || !passes(p, value, &of)) continue;
    bool few = inputs_of(p, value) <= inputs;
    if (of.back >= 0 && few) bytes += prl_tensor_count(&cell->value) * (int64_t)sizeof(float);
    if (of.back < 0 || (again && few)) keep_tile(p, value, of);
  }
  return bytes;
}

void prl_program_find_again(prl_program *p) {
  p->again_from = INT32_MAX;
  if (find(p, FEW_INPUTS, false) > most_of_few) find(p, FEW_INPUTS, true);
  if (find(p, INT64_MAX, false) > most_of_many) find(p, INT64_MAX, true);
}

bool prl_program_is_again(const prl_program *p, int32_t index, int32_t back) {
  const prl_instr *instr = &p->graph->instrs[index];
  if (instr->kind != PRL_I_FORWARD) return false;
  const prl_program_cell *out = &p->cells[p->graph->nodes[instr->a].out];
  return out->value_tile && out->back == back;
}

void prl_program_make_again(prl_program *p, int32_t back, int64_t first, int64_t rows) {
  for (int32_t i = p->again_from; i < back; i++)
    if (prl_program_is_again(p, i, back)) prl_program_run_rows(p, i, first, rows);
}
