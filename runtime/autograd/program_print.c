/* What `print(program)` shows: one line an instruction. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "autograd/program_internal.h"
#include "core/clock.h"
#include "core/number.h"

typedef struct text {
  prl_runtime *runtime;
  char *bytes;
  size_t used, size;
  bool failed;
} text;

PRL_PRINTF(2, 3) static void append(text *t, const char *format, ...) {
  char line[512];
  va_list list;
  va_start(list, format);
  int length = prl_vformat(line, sizeof line, format, list);
  va_end(list);
  if (length < 0 || t->failed) return;
  size_t more = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
  if (t->used + more + 1 > t->size) {
    char *moved = prl_realloc(t->runtime, t->bytes, 2 * (t->used + more + 1));
    if (!moved) {
      t->failed = true;
      return;
    }
    t->bytes = moved;
    t->size = 2 * (t->used + more + 1);
  }
  memcpy(t->bytes + t->used, line, more + 1);
  t->used += more;
}

static void describe_value(const prl_program *p, int32_t id, char *out, size_t size) {
  char shape[96];
  const prl_gvalue *value = &p->graph->values[id];
  prl_shape_text(&p->cells[id].value, shape, sizeof shape);
  if (value->name)
    snprintf(out, size, "%s%s", value->name, shape);
  else
    snprintf(out, size, "%%%d%s", id, shape);
}

static void print_node(text *t, const prl_program *p, const prl_instr *instr) {
  const prl_node *node = &p->graph->nodes[instr->a];
  char value[192];
  describe_value(p, node->out, value, sizeof value);
  append(t, "%-9s %-18s %-22s <-", instr->kind == PRL_I_FORWARD ? "forward" : "backward", node->op->name,
         value);
  for (int i = 0; i < node->inputs; i++) {
    describe_value(p, node->in[i], value, sizeof value);
    append(t, " %s%s", value, instr->add >> i & 1 ? "+" : "");
  }
  if (instr->kind == PRL_I_BACKWARD && p->steps[instr - p->graph->instrs].call.gin_slope)
    append(t, " · slope of %s", prl_unary_name(p->steps[instr - p->graph->instrs].call.gin_slope));
  if (instr->kind == PRL_I_FORWARD && p->cells[node->out].value_tile && p->cells[node->out].back >= 0)
    append(t, " · again before %d", p->cells[node->out].back + 1);
  if (p->graph->values[p->cells[node->out].root].kind == PRL_V_TEMP)
    append(t, "  @%zu", p->cells[node->out].offset);
}

static void print_instr(text *t, const prl_program *p, int32_t index) {
  const prl_instr *instr = &p->graph->instrs[index];
  append(t, "%4d  ", index + 1);
  switch (instr->kind) {
  case PRL_I_FORWARD:
  case PRL_I_BACKWARD:
    print_node(t, p, instr);
    break;
  case PRL_I_SEED:
    append(t, "seed      %%%d", instr->a);
    break;
  case PRL_I_ZERO:
    append(t, "zero      %s", p->graph->values[instr->a].name);
    break;
  case PRL_I_STEP:
    append(t, "step      %s", instr->name);
    break;
  case PRL_I_COPY:
    append(t, "copy      %s <- %s", instr->name, instr->name2);
    break;
  }
}

prl_status prl_program_print(prl_program *p, bool timed, char **out, prl_error *error) {
  text t = {.runtime = p->runtime};
  append(&t, "program: %d ops, %d instructions, %lld rows of %lld, %zu bytes of buffers\n",
         p->graph->nodes_count, p->graph->instrs_count, (long long)p->rows, (long long)p->rows_max,
         p->block_size);
  for (int32_t i = 0; i < p->graph->instrs_count; i++) {
    print_instr(&t, p, i);
    int64_t tile = prl_program_tile(p, i);
    if (tile) append(&t, "  · to %d in tiles of %lld rows", p->stretch_end[i], (long long)tile);
    if (timed && p->nanoseconds) append(&t, "  %.2f us", (double)p->nanoseconds[i] * 1e-3);
    append(&t, "\n");
  }
  for (int32_t i = 0; i < p->graph->outputs_count; i++) {
    char value[192];
    describe_value(p, p->graph->outputs[i].value, value, sizeof value);
    append(&t, "output  %s = %s\n", p->graph->outputs[i].name, value);
  }
  if (t.failed) {
    prl_free(p->runtime, t.bytes);
    return prl_fail_memory(error, t.size);
  }
  *out = t.bytes;
  return PRL_OK;
}
