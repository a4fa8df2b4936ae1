/* What a run that was not finite is told: the first value that was not, by name. */
#include <stdio.h>

#include "autograd/program_internal.h"

bool prl_program_finite(const prl_program *p, const prl_tensor *tensor) {
  return tensor->dtype != PRL_F32 ||
         prl_kernels_of(p->runtime)->finite(prl_tensor_count(tensor), tensor->data);
}

/* Names the first output that is not finite, as a clause; empty where there is none, or none with a name
 * (those that a function just returns are numbered). */
static void bad_output(const prl_program *p, char *text, size_t size) {
  text[0] = 0;
  for (int32_t i = 0; i < p->graph->outputs_count && !text[0]; i++) {
    const char *name = p->graph->outputs[i].name;
    bool numbered = name[0] >= '0' && name[0] <= '9';
    if (!numbered && !prl_program_finite(p, &p->cells[p->graph->outputs[i].value].value))
      snprintf(text, size, ", nor is the output \"%.60s\"", name);
  }
}

bool prl_program_run_checked(prl_program *p, int32_t index) {
  const prl_call *call = &p->steps[index].call;
  prl_instr_kind kind = p->graph->instrs[index].kind;
  prl_program_run_instr(p, index);
  if (kind == PRL_I_FORWARD) return prl_program_finite(p, call->out);
  if (kind != PRL_I_BACKWARD) return true;
  for (int k = 0; k < call->inputs; k++)
    if (call->gin[k] && !prl_program_finite(p, call->gin[k])) return false;
  return true;
}

/* Runs a stretch; the first of its instructions that gave what is not finite. */
static int32_t first_bad(prl_program *p, int32_t begin) {
  p->cursor = begin, p->row = 0;
  p->checking = true, p->culprit = INT32_MAX;
  while (p->cursor == begin) prl_program_run_tile(p);
  p->checking = false, p->cursor = 0;
  return p->culprit;
}

/* Nothing was committed yet: run again, looking at each result, to name the first that is not finite. */
prl_status prl_program_name_culprit(prl_program *p, prl_error *error) {
  const prl_graph *graph = p->graph;
  char output[96];
  bad_output(p, output, sizeof output);
  for (int32_t i = 0; i < graph->values_count; i++)
    if (graph->values[i].kind != PRL_V_TEMP && !prl_program_finite(p, &p->cells[i].value))
      return prl_fail(error, PRL_ENUMERIC, "%s \"%s\" is not finite; nothing was stepped",
                      graph->values[i].kind == PRL_V_PARAM ? "parameter" : "input",
                      graph->values[i].name ? graph->values[i].name : "constant");
  for (int32_t i = 0; i < graph->instrs_count && i < p->commit_at; i++) {
    int32_t bad = p->stretch_end[i] ? first_bad(p, i) : prl_program_run_checked(p, i) ? INT32_MAX : i;
    if (p->stretch_end[i]) i = p->stretch_end[i] - 1;
    if (bad == INT32_MAX) continue;
    const prl_instr *instr = &graph->instrs[bad];
    char place[32] = ""; /* a network's own ops stand in no line of the user's */
    int32_t line = graph->nodes[instr->a].line;
    if (line > 0) snprintf(place, sizeof place, ", line %d", (int)line);
    return prl_fail(error, PRL_ENUMERIC, "the %s of op %s (op %d%s) is not finite%s; nothing was stepped",
                    instr->kind == PRL_I_FORWARD ? "result" : "gradient", p->steps[bad].op->name,
                    instr->a + 1, place, output);
  }
  return prl_fail(error, PRL_ENUMERIC, "a loss or gradient was not finite; nothing was stepped");
}
