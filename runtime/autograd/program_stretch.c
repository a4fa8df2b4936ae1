/* Stretches: instructions one after the other that work row by row, such as the layers of a network forward
 * or backward. Where a batch does not fit the cache, some rows pass through the whole stretch before the next
 * ones come, so that what one instruction leaves is in the cache for the next. Sums over rows (the gradients
 * of weights) go on from tile to tile in ascending order, so the bytes are those of whole instructions. */
#include "autograd/ops_internal.h"
#include "autograd/program_internal.h"
#include "core/clock.h"

enum {
  FEWEST = 96, /* rows: fewer, and the gradients of weights pass by too often */
  STEP = 48
};

static const prl_node *node_of(const prl_program *p, int32_t index) {
  return &p->graph->nodes[p->graph->instrs[index].a];
}

static const prl_row_op *row_op_of(const prl_op *op) {
  static const prl_row_op *const all[] = {&prl_row_op_linear};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i]->op == op) return all[i];
  return NULL;
}

/* Rows of an instruction's call; the floats of one of them, read and written, forward or backward. */
static int64_t rows_of(const prl_program *p, int32_t index) {
  const prl_tensor *out = &p->cells[node_of(p, index)->out].value;
  return span_of(out, 0, out->ndim - 1);
}
static int64_t width_of(const prl_program *p, int32_t index) {
  const prl_node *node = node_of(p, index);
  const prl_tensor *x = &p->cells[node->in[0]].value, *y = &p->cells[node->out].value;
  int64_t floats = x->shape[x->ndim - 1] + y->shape[y->ndim - 1];
  return p->graph->instrs[index].kind == PRL_I_FORWARD ? floats : 2 * floats;
}

/* Row by row, with nothing but in[0] that another instruction of the stretch could make or wait for. */
static bool goes_by_rows(const prl_program *p, int32_t index) {
  const prl_instr *instr = &p->graph->instrs[index];
  if (instr->kind != PRL_I_FORWARD && instr->kind != PRL_I_BACKWARD) return false;
  const prl_node *node = node_of(p, index);
  if (!row_op_of(node->op)) return false;
  for (int i = 1; i < node->inputs; i++)
    if (p->graph->values[p->cells[node->in[i]].root].kind == PRL_V_TEMP) return false;
  return p->cells[node->out].value.ndim > 0 && !instr->add && !(instr->kind == PRL_I_BACKWARD && instr->b);
}

static int64_t tile_of(const prl_program *p, int32_t begin, int32_t end) {
  int64_t width = 0;
  for (int32_t i = begin; i < end; i++) width += width_of(p, i);
  int64_t rows = PRL_STRETCH_FLOATS / (width ? width : 1) / STEP * STEP;
  return rows < FEWEST ? 0 : rows;
}

static bool same_rows(const prl_program *p, int32_t begin, int32_t end) {
  for (int32_t i = begin + 1; i < end; i++)
    if (rows_of(p, i) != rows_of(p, begin)) return false;
  return true;
}

void prl_program_find_stretches(prl_program *p) {
  for (int32_t begin = 0, end; begin < p->graph->instrs_count; begin = end) {
    end = begin + 1;
    if (!goes_by_rows(p, begin)) continue;
    prl_instr_kind kind = p->graph->instrs[begin].kind;
    while (end < p->graph->instrs_count && p->graph->instrs[end].kind == kind && goes_by_rows(p, end) &&
           rows_of(p, end) == rows_of(p, begin) && tile_of(p, begin, end + 1))
      end++;
    int64_t tile = tile_of(p, begin, end);
    if (end > begin + 1 && tile && rows_of(p, begin) >= 2 * tile) p->stretch_end[begin] = end;
  }
}

/* Numbers of rows are equal for every number of rows of the program if they are for two. */
void prl_program_forget_stretches(prl_program *p, bool all) {
  for (int32_t begin = 0; begin < p->graph->instrs_count; begin++)
    if (all || (p->stretch_end[begin] && !same_rows(p, begin, p->stretch_end[begin])))
      p->stretch_end[begin] = 0;
}

int64_t prl_program_tile(const prl_program *p, int32_t begin) {
  int32_t end = p->stretch_end[begin];
  return end ? tile_of(p, begin, end) : 0;
}

/* A gradient that is born and dies within a stretch lies in the cache and never leaves it. */
void prl_program_find_tiles(prl_program *p, const prl_buffer *grads) {
  for (int32_t begin = 0; begin < p->graph->instrs_count; begin++) {
    int32_t end = p->stretch_end[begin];
    if (!end || p->graph->instrs[begin].kind != PRL_I_BACKWARD) continue;
    for (int32_t i = begin; i < end; i++) {
      int32_t root = p->cells[node_of(p, i)->out].root;
      const prl_buffer *grad = &grads[root];
      if (grad->born >= begin && grad->born < i && grad->dies < end)
        p->cells[root].grad_tile = tile_of(p, begin, end);
    }
  }
}

static bool finite_rows(const prl_program *p, const prl_tensor *tensor, int64_t first, int64_t rows) {
  prl_tensor part = *tensor;
  int64_t width = tensor->shape[tensor->ndim - 1];
  part.data = (float *)tensor->data + first * width;
  part.ndim = 2, part.shape[0] = rows, part.shape[1] = width;
  return prl_program_finite(p, &part);
}

static bool finite_tile(const prl_program *p, int32_t index, int64_t first, int64_t rows) {
  const prl_call *call = &p->steps[index].call;
  if (p->graph->instrs[index].kind == PRL_I_FORWARD)
    return finite_rows(p, call->out, call->out_tile ? 0 : first, rows);
  bool finite = !call->gin[0] || finite_rows(p, call->gin[0], call->gin_tile ? 0 : first, rows);
  for (int i = 1; i < call->inputs; i++)
    finite = finite && (!call->gin[i] || prl_program_finite(p, call->gin[i]));
  return finite;
}

void prl_program_run_rows(prl_program *p, int32_t index, int64_t first, int64_t rows) {
  const prl_step_call *step = &p->steps[index];
  const prl_row_op *op = row_op_of(step->op);
  int64_t start = p->timing ? prl_clock_ns() : 0;
  (p->graph->instrs[index].kind == PRL_I_FORWARD ? op->forward : op->backward)(&step->call, first, rows);
  if (p->timing) p->nanoseconds[index] += prl_clock_ns() - start;
  if (p->checking && index < p->culprit && !finite_tile(p, index, first, rows)) p->culprit = index;
}

void prl_program_run_tile(prl_program *p) {
  int32_t begin = p->cursor, end = p->stretch_end[begin];
  int64_t all = rows_of(p, begin), left = all - p->row, tile = prl_program_tile(p, begin);
  int64_t rows = tile < left ? tile : left;
  prl_program_make_again(p, begin, p->row, rows);
  for (int32_t i = begin; i < end; i++) prl_program_run_rows(p, i, p->row, rows);
  p->row += tile;
  if (p->row < all) return;
  p->row = 0;
  p->cursor = end;
}
