/* Stretches: instructions one after the other that work row by row, such as the layers of a network, a loss
 * and the way back. Where a batch does not fit the cache, some rows pass through the whole stretch before the
 * next ones come, so that what one instruction leaves is in the cache for the next. Sums over rows (the
 * gradients of weights, a mean) go on from tile to tile in ascending order, so the bytes are those of whole
 * instructions. What lies between and is made of single numbers, such as the sum of two losses, runs once. */
#include "autograd/ops_internal.h"
#include "autograd/program_internal.h"
#include "core/clock.h"
#include "tensor/tensor.h"

enum {
  FEWEST = 96, /* rows: fewer, and the gradients of weights pass by too often; twice as many there and back */
  STEP = 48,
  SUM_STEP = 2 * STEP /* rows of any width that a sum can stop after (PRL_SUM_STEP) */
};
_Static_assert(SUM_STEP % PRL_SUM_STEP == 0, "a sum goes on from whole steps");

static const prl_node *node_of(const prl_program *p, int32_t index) {
  return &p->graph->nodes[p->graph->instrs[index].a];
}
static bool is_node(const prl_program *p, int32_t index) {
  prl_instr_kind kind = p->graph->instrs[index].kind;
  return kind == PRL_I_FORWARD || kind == PRL_I_BACKWARD;
}
static const prl_tensor *value_of(const prl_program *p, int32_t id) { return &p->cells[id].value; }
static prl_program_cell *root_of(const prl_program *p, int32_t id) { return &p->cells[p->cells[id].root]; }

static const prl_row_op *row_op_of(const prl_op *op) {
  static const prl_row_op *const all[] = {&prl_row_op_linear, &prl_row_op_mse, &prl_row_op_huber,
                                          &prl_row_op_mean};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i]->op == op) return all[i];
  return NULL;
}

/* ---- How instructions take part ---- */

/* The inputs that go by rows; 0: the op does not work so. */
static unsigned rows_mask(const prl_program *p, const prl_node *node) {
  const prl_row_op *op = row_op_of(node->op);
  const prl_tensor *out = value_of(p, node->out), *x = value_of(p, node->in[0]);
  if (op == &prl_row_op_linear && x->ndim < 2) return 0;
  if (op == &prl_row_op_mean && count_of(out) != 1) return 0;
  if (op) return op->rows;
  if (node->op->flags & PRL_OP_VIEW) return prl_rows_of(x) == prl_rows_of(out);
  unsigned mask = 0;
  for (int i = 0; node->op->flags & PRL_OP_ELEMENTS && i < node->inputs; i++)
    mask |= (unsigned)same_shape(value_of(p, node->in[i]), out) << i;
  return mask;
}

/* An input that all rows read: no gradient of it is summed over rows but by an op that can (prl_row_op), and
 * nothing within the stretch makes it but what runs before the first rows. */
static bool serves_rows(const prl_program *p, const prl_node *node, int i) {
  const prl_gvalue *value = &p->graph->values[node->in[i]];
  if (node->op->flags & PRL_OP_ELEMENTS)
    return count_of(value_of(p, node->in[i])) == 1 && value->dtype == PRL_F32 && !value->needs_grad;
  return p->graph->values[p->cells[node->in[i]].root].kind != PRL_V_TEMP;
}

/* Whether the instruction goes by rows, all inputs by as many; fills part. */
static bool goes_by_rows(const prl_program *p, int32_t index, prl_part *part) {
  const prl_instr *instr = &p->graph->instrs[index];
  if (!is_node(p, index)) return false;
  if (instr->kind == PRL_I_BACKWARD && (instr->b || prl_program_apart(p, index))) return false;
  const prl_node *node = node_of(p, index);
  const prl_tensor *out = value_of(p, node->out);
  *part = (prl_part){.turn = PRL_TURN_ROWS, .rows = rows_mask(p, node)};
  int64_t rows = 0;
  for (int i = 0; i < node->inputs; i++) {
    const prl_tensor *in = value_of(p, node->in[i]);
    if (!(part->rows >> i & 1)) {
      if (!serves_rows(p, node, i)) return false;
    } else if (in->dtype != PRL_F32 || (rows && prl_rows_of(in) != rows)) {
      return false;
    } else {
      rows = prl_rows_of(in);
    }
  }
  part->sums = count_of(out) == 1;
  return rows > 1 && out->dtype == PRL_F32 && (part->sums || prl_rows_of(out) == rows);
}

static bool is_single(const prl_program *p, const prl_node *node) {
  bool single = count_of(value_of(p, node->out)) == 1;
  for (int i = 0; i < node->inputs; i++) single = single && count_of(value_of(p, node->in[i])) == 1;
  return single;
}

/* Whether the instruction reads what is known only after the last rows. */
static bool waits(const prl_program *p, int32_t index) {
  const prl_instr *instr = &p->graph->instrs[index];
  const prl_node *node = node_of(p, index);
  int32_t roots[PRL_MAX_INPUTS + 1];
  int count = prl_program_touched(p, index, roots);
  bool late = instr->kind == PRL_I_BACKWARD && root_of(p, node->out)->late_grad;
  for (int i = 0; i < count; i++) late = late || p->cells[roots[i]].late;
  for (int i = 0; i < node->inputs; i++)
    late = late || (instr->add >> i & 1 && root_of(p, node->in[i])->late_grad);
  return late;
}

static void mark_late(prl_program *p, int32_t index) {
  const prl_node *node = node_of(p, index);
  if (p->graph->instrs[index].kind == PRL_I_FORWARD) {
    root_of(p, node->out)->late = true;
    return;
  }
  for (int i = 0; i < node->inputs; i++)
    if (p->graph->values[node->in[i]].needs_grad) root_of(p, node->in[i])->late_grad = true;
}

static int64_t rows_of(const prl_program *p, int32_t index) {
  const prl_node *node = node_of(p, index);
  return prl_rows_of(value_of(p, node->in[__builtin_ctz(p->parts[index].rows)]));
}

/* The turn of an instruction in a stretch of so many rows (0: it is the first). */
static prl_turn take_turn(prl_program *p, int32_t index, int64_t rows) {
  prl_part *part = &p->parts[index];
  prl_instr_kind kind = p->graph->instrs[index].kind;
  *part = (prl_part){.turn = PRL_TURN_NONE};
  if (kind == PRL_I_SEED && rows) part->turn = PRL_TURN_FIRST;
  if (!is_node(p, index)) return part->turn;
  const bool late = waits(p, index);
  prl_part found;
  if (goes_by_rows(p, index, &found)) {
    *part = found;
    if (late || (rows && rows_of(p, index) != rows)) part->turn = PRL_TURN_NONE;
    if (part->turn && part->sums && kind == PRL_I_FORWARD) mark_late(p, index);
  } else if (rows && is_single(p, node_of(p, index))) {
    part->turn = late ? PRL_TURN_LAST : PRL_TURN_FIRST;
    if (late) mark_late(p, index);
  }
  return part->turn;
}

/* ---- Stretches ---- */

/* The floats of one row that an instruction reads and writes, forward or backward. */
static int64_t width_of(const prl_program *p, int32_t index) {
  const prl_node *node = node_of(p, index);
  const prl_part *part = &p->parts[index];
  int64_t floats = part->sums ? 0 : prl_row_width(value_of(p, node->out));
  for (int i = 0; i < node->inputs; i++)
    if (part->rows >> i & 1) floats += prl_row_width(value_of(p, node->in[i]));
  return p->graph->instrs[index].kind == PRL_I_FORWARD ? floats : 2 * floats;
}

/* What passes by in a stretch. */
typedef struct flow {
  int64_t forward, backward; /* floats a row */
  int64_t step;              /* rows of a tile are a multiple of this */
} flow;

static void flow_on(flow *f, const prl_program *p, int32_t index) {
  if (p->parts[index].turn != PRL_TURN_ROWS) return;
  *(p->graph->instrs[index].kind == PRL_I_FORWARD ? &f->forward : &f->backward) += width_of(p, index);
  if (node_of(p, index)->op == &prl_op_mean) f->step = SUM_STEP;
}

/* What passes by forward passes back as well, so that the wider of the two counts. */
static int64_t tile_of_flow(const flow *f) {
  const int64_t width = f->forward > f->backward ? f->forward : f->backward;
  const int64_t rows = PRL_STRETCH_FLOATS / (width ? width : 1) / f->step * f->step;
  return rows < (f->forward && f->backward ? 2 * FEWEST : FEWEST) ? 0 : rows;
}

static int64_t tile_of(const prl_program *p, int32_t begin, int32_t end) {
  flow f = {.step = STEP};
  for (int32_t i = begin; i < end; i++) flow_on(&f, p, i);
  return tile_of_flow(&f);
}

static bool same_rows(const prl_program *p, int32_t begin, int32_t end) {
  for (int32_t i = begin + 1; i < end; i++)
    if (p->parts[i].turn == PRL_TURN_ROWS && rows_of(p, i) != rows_of(p, begin)) return false;
  return true;
}

/* The end of the longest stretch that begins here, after its last instruction by rows; how many of those. */
static int32_t end_of(prl_program *p, int32_t begin, int *count) {
  int32_t end = begin;
  flow f = {.step = STEP};
  for (int32_t i = 0; i < p->graph->values_count; i++) p->cells[i].late = p->cells[i].late_grad = false;
  *count = 0;
  for (int32_t i = begin; i < p->graph->instrs_count; i++) {
    const prl_turn turn = take_turn(p, i, i > begin ? rows_of(p, begin) : 0);
    if (turn) flow_on(&f, p, i);
    if (!turn || !tile_of_flow(&f)) break;
    if (turn == PRL_TURN_ROWS) end = i + 1, (*count)++;
  }
  return end;
}

void prl_program_find_stretches(prl_program *p) {
  for (int32_t begin = 0, end; begin < p->graph->instrs_count; begin = end) {
    int count;
    end = end_of(p, begin, &count);
    const int64_t tile = tile_of(p, begin, end);
    if (count > 1 && tile && rows_of(p, begin) >= 2 * tile) p->stretch_end[begin] = end;
    if (end == begin) end++;
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
    for (int32_t i = begin; i < end; i++) {
      const prl_part *part = &p->parts[i];
      if (p->graph->instrs[i].kind != PRL_I_BACKWARD || part->turn != PRL_TURN_ROWS || part->sums) continue;
      int32_t root = p->cells[node_of(p, i)->out].root;
      const prl_buffer *grad = &grads[root];
      if (grad->born >= begin && grad->born < i && grad->dies < end)
        p->cells[root].grad_tile = tile_of(p, begin, end);
    }
  }
}

/* ---- Running ---- */

static bool finite_rows(const prl_program *p, const prl_tensor *tensor, bool tile, int64_t first,
                        int64_t rows) {
  prl_tensor part;
  prl_tensor_borrow(rows_at(tensor, tile, first), PRL_F32, 2, (int64_t[]){rows, prl_row_width(tensor)},
                    &part);
  return prl_program_finite(p, &part);
}

static bool finite_tile(const prl_program *p, int32_t index, int64_t first, int64_t rows) {
  const prl_call *call = &p->steps[index].call;
  const prl_part *part = &p->parts[index];
  if (p->graph->instrs[index].kind == PRL_I_FORWARD)
    return part->sums ? prl_program_finite(p, call->out)
                      : finite_rows(p, call->out, call->out_tile, first, rows);
  bool finite = true;
  for (int i = 0; i < call->inputs && finite; i++)
    if (call->gin[i])
      finite = part->rows >> i & 1 ? finite_rows(p, call->gin[i], call->gin_tiles >> i & 1, first, rows)
                                   : prl_program_finite(p, call->gin[i]);
  return finite;
}

static prl_tensor rows_in(const prl_tensor *tensor, bool tile, int64_t first, int64_t rows) {
  prl_tensor part;
  prl_tensor_borrow(rows_at(tensor, tile, first), PRL_F32, tensor->ndim < 2 ? 1 : 2,
                    (int64_t[]){rows, prl_row_width(tensor)}, &part);
  return part;
}

/* An op of elements needs no functions for rows: its call is cut to them. */
static void run_elements(const prl_program *p, int32_t index, int64_t first, int64_t rows) {
  const prl_step_call *step = &p->steps[index];
  const prl_call *whole = &step->call;
  prl_tensor in[PRL_MAX_INPUTS], gin[PRL_MAX_INPUTS], out, gout;
  prl_call call = *whole;
  for (int i = 0; i < whole->inputs; i++) {
    if (!(p->parts[index].rows >> i & 1)) continue;
    in[i] = rows_in(whole->in[i], whole->in_tiles >> i & 1, first, rows);
    call.in[i] = &in[i];
    if (!whole->gin[i]) continue;
    gin[i] = rows_in(whole->gin[i], whole->gin_tiles >> i & 1, first, rows);
    call.gin[i] = &gin[i];
  }
  out = rows_in(whole->out, whole->out_tile, first, rows);
  call.out = &out;
  if (p->graph->instrs[index].kind == PRL_I_FORWARD) {
    step->op->forward(&call);
    return;
  }
  gout = rows_in(whole->gout, whole->gout_tile, first, rows);
  call.gout = &gout;
  step->op->backward(&call);
}

void prl_program_run_rows(prl_program *p, int32_t index, int64_t first, int64_t rows) {
  const prl_step_call *step = &p->steps[index];
  const prl_row_op *op = row_op_of(step->op);
  int64_t start = p->timing ? prl_clock_ns() : 0;
  if (op)
    (p->graph->instrs[index].kind == PRL_I_FORWARD ? op->forward : op->backward)(&step->call, first, rows);
  else if (!(step->op->flags & PRL_OP_VIEW))
    run_elements(p, index, first, rows);
  if (p->timing) p->nanoseconds[index] += prl_clock_ns() - start;
  if (p->checking && index < p->culprit && !finite_tile(p, index, first, rows)) p->culprit = index;
}

static void run_once(prl_program *p, int32_t index) {
  int64_t start = p->timing ? prl_clock_ns() : 0;
  if (!p->checking)
    prl_program_run_instr(p, index);
  else if (!prl_program_run_checked(p, index) && index < p->culprit)
    p->culprit = index;
  if (p->timing) p->nanoseconds[index] += prl_clock_ns() - start;
}

void prl_program_run_tile(prl_program *p) {
  int32_t begin = p->cursor, end = p->stretch_end[begin];
  int64_t all = rows_of(p, begin), left = all - p->row, tile = prl_program_tile(p, begin);
  int64_t rows = tile < left ? tile : left;
  prl_program_make_again(p, begin, p->row, rows);
  for (int32_t i = begin; i < end; i++) {
    const prl_turn turn = p->parts[i].turn;
    if (turn == PRL_TURN_ROWS) {
      prl_program_run_rows(p, i, p->row, rows);
    } else if (turn == PRL_TURN_FIRST ? p->row == 0 : rows == left) {
      run_once(p, i);
    }
  }
  p->row += tile;
  if (p->row < all) return;
  p->row = 0;
  p->cursor = end;
}
