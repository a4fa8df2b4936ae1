/* Graphs: made, extended, compared, cleared and freed. */
#include "autograd/graph.h"

#include <string.h>

#include "tensor/tensor.h"

prl_status prl_graph_new(prl_runtime *runtime, prl_graph **out, prl_error *error) {
  prl_graph *graph = prl_calloc(runtime, 1, sizeof *graph);
  if (!graph) return prl_fail_memory(error, sizeof *graph);
  graph->runtime = prl_runtime_retain(runtime);
  *out = graph;
  return PRL_OK;
}

void prl_graph_clear(prl_graph *graph) {
  for (int32_t i = 0; i < graph->values_count; i++) {
    prl_free(graph->runtime, graph->values[i].name);
    prl_free(graph->runtime, graph->values[i].bytes);
    prl_param_release(graph->values[i].param);
  }
  for (int32_t i = 0; i < graph->instrs_count; i++) {
    prl_free(graph->runtime, graph->instrs[i].name);
    prl_free(graph->runtime, graph->instrs[i].name2);
  }
  for (int32_t i = 0; i < graph->outputs_count; i++) prl_free(graph->runtime, graph->outputs[i].name);
  graph->values_count = graph->nodes_count = graph->instrs_count = graph->outputs_count = 0;
}

void prl_graph_free(prl_graph *graph) {
  if (!graph) return;
  prl_runtime *runtime = graph->runtime;
  prl_graph_clear(graph);
  prl_free(runtime, graph->values);
  prl_free(runtime, graph->nodes);
  prl_free(runtime, graph->instrs);
  prl_free(runtime, graph->outputs);
  prl_free(runtime, graph);
  prl_runtime_release(runtime);
}

/* Room for one more item of a growing array; returns its zeroed place or NULL. */
static void *grow(prl_runtime *runtime, void **items, int32_t *count, int32_t *capacity, size_t size) {
  if (*count == *capacity) {
    int32_t larger = *capacity ? 2 * *capacity : 32;
    void *moved = prl_realloc(runtime, *items, (size_t)larger * size);
    if (!moved) return NULL;
    *items = moved;
    *capacity = larger;
  }
  void *place = (char *)*items + (size_t)(*count)++ * size;
  return memset(place, 0, size);
}

#define GROW(graph, list)                                                                                    \
  grow((graph)->runtime, (void **)&(graph)->list, &(graph)->list##_count, &(graph)->list##_capacity,         \
       sizeof *(graph)->list)

prl_gvalue *prl_graph_add_value(prl_graph *graph) { return GROW(graph, values); }
prl_node *prl_graph_add_node(prl_graph *graph) { return GROW(graph, nodes); }
prl_instr *prl_graph_add_instr(prl_graph *graph) { return GROW(graph, instrs); }
prl_goutput *prl_graph_add_output(prl_graph *graph) { return GROW(graph, outputs); }

void prl_gvalue_tensor(const prl_gvalue *value, void *data, prl_tensor *out) {
  prl_tensor_borrow(data, value->dtype, value->ndim, value->shape, out);
}

size_t prl_gvalue_size(const prl_gvalue *value) {
  prl_tensor tensor;
  prl_gvalue_tensor(value, NULL, &tensor);
  return (size_t)prl_tensor_count(&tensor) * prl_dtype_size(value->dtype);
}

bool prl_graph_equal(const prl_graph *a, const prl_graph *b, int32_t *line) {
  *line = 0;
  for (int32_t i = 0; i < a->nodes_count && i < b->nodes_count; i++) {
    const prl_node *x = &a->nodes[i], *y = &b->nodes[i];
    *line = y->line;
    if (x->op != y->op || x->inputs != y->inputs || memcmp(&x->attrs, &y->attrs, sizeof x->attrs) != 0)
      return false;
    if (memcmp(x->in, y->in, sizeof *x->in * (size_t)x->inputs) != 0 || x->out != y->out) return false;
  }
  if (a->nodes_count != b->nodes_count || a->instrs_count != b->instrs_count ||
      a->values_count != b->values_count)
    return false;
  for (int32_t i = 0; i < a->values_count; i++) {
    const prl_gvalue *x = &a->values[i], *y = &b->values[i];
    if (x->kind != y->kind || x->ndim != y->ndim) return false;
    if (x->kind == PRL_V_CONST &&
        (prl_gvalue_size(x) != prl_gvalue_size(y) || memcmp(x->bytes, y->bytes, prl_gvalue_size(x)) != 0)) {
      for (int32_t n = 0; n < b->nodes_count; n++) /* the line of the constant's first reader */
        for (int k = 0; k < b->nodes[n].inputs; k++)
          if (b->nodes[n].in[k] == i) {
            *line = b->nodes[n].line;
            return false;
          }
      return false;
    }
  }
  return true;
}
