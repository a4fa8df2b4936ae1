/* A graph as plain data and back. Reading trusts nothing: what it accepts, a program can run. */
#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "tensor/tensor.h"

static const char *const kinds[] = {"input", "param", "const", "temp"};
static const char *const instrs[] = {"forward", "seed", "backward", "zero", "step", "copy"};

/* ---- Writing ---- */

static bool put_number(prl_doc *doc, prl_value *map, const char *key, double number) {
  prl_value *value = prl_put(doc, map, key);
  if (value) prl_set_number(value, number);
  return value;
}

static bool put_string(prl_doc *doc, prl_value *map, const char *key, const char *text) {
  prl_value *value = prl_put(doc, map, key);
  return value && prl_set_string(doc, value, text, strlen(text));
}

static prl_value *put_list(prl_doc *doc, prl_value *map, const char *key) {
  prl_value *value = prl_put(doc, map, key);
  if (value) prl_set_array(value);
  return value;
}

static bool push_number(prl_doc *doc, prl_value *array, double number) {
  prl_value *value = prl_push(doc, array);
  if (value) prl_set_number(value, number);
  return value;
}

static prl_value *push_map(prl_doc *doc, prl_value *array) {
  prl_value *value = prl_push(doc, array);
  if (value) prl_set_map(value);
  return value;
}

static bool write_value(prl_doc *doc, prl_value *map, const prl_gvalue *value) {
  bool ok = put_string(doc, map, "kind", kinds[value->kind]);
  ok = ok && put_string(doc, map, "dtype", prl_dtype_name(value->dtype));
  if (ok && value->name) ok = put_string(doc, map, "name", value->name);
  if (ok && value->batch) ok = put_number(doc, map, "batch", 1);
  if (ok && value->needs_grad) ok = put_number(doc, map, "grad", 1);
  prl_value *shape = ok ? put_list(doc, map, "shape") : NULL;
  for (int d = 0; shape && d < value->ndim && ok; d++) ok = push_number(doc, shape, (double)value->shape[d]);
  if (!shape || !ok || value->kind != PRL_V_CONST) return shape && ok;
  prl_value *data = put_list(doc, map, "data");
  prl_tensor tensor;
  prl_gvalue_tensor(value, value->bytes, &tensor);
  for (int64_t i = 0; data && i < prl_tensor_count(&tensor) && ok; i++)
    ok = push_number(doc, data, prl_tensor_get(&tensor, i));
  return data && ok;
}

static bool write_node(prl_doc *doc, prl_value *map, const prl_node *node) {
  bool ok = put_string(doc, map, "op", node->op->name) && put_number(doc, map, "out", node->out) &&
            put_number(doc, map, "line", node->line);
  prl_value *list = ok ? put_list(doc, map, "in") : NULL;
  for (int i = 0; list && i < node->inputs && ok; i++) ok = push_number(doc, list, node->in[i]);
  if (list && ok) list = put_list(doc, map, "ints");
  for (int i = 0; list && i < node->attrs.ints_count && ok; i++)
    ok = push_number(doc, list, (double)node->attrs.ints[i]);
  if (list && ok) list = put_list(doc, map, "floats");
  for (int i = 0; list && i < node->attrs.floats_count && ok; i++)
    ok = push_number(doc, list, node->attrs.floats[i]);
  return list && ok;
}

static bool write_instr(prl_doc *doc, prl_value *map, const prl_instr *instr) {
  bool ok = put_string(doc, map, "do", instrs[instr->kind]) && put_number(doc, map, "a", instr->a);
  if (ok && instr->b) ok = put_number(doc, map, "b", instr->b);
  if (ok && instr->add) ok = put_number(doc, map, "add", instr->add);
  if (ok && instr->name) ok = put_string(doc, map, "name", instr->name);
  if (ok && instr->name2) ok = put_string(doc, map, "from", instr->name2);
  return ok;
}

prl_status prl_graph_write(const prl_graph *graph, prl_doc *doc, prl_value *to, prl_error *error) {
  prl_set_map(to);
  bool ok = true;
  prl_value *list = put_list(doc, to, "values"), *map = NULL;
  for (int32_t i = 0; list && ok && i < graph->values_count; i++)
    ok = (map = push_map(doc, list)) && write_value(doc, map, &graph->values[i]);
  if (list && ok) list = put_list(doc, to, "nodes");
  for (int32_t i = 0; list && ok && i < graph->nodes_count; i++)
    ok = (map = push_map(doc, list)) && write_node(doc, map, &graph->nodes[i]);
  if (list && ok) list = put_list(doc, to, "instrs");
  for (int32_t i = 0; list && ok && i < graph->instrs_count; i++)
    ok = (map = push_map(doc, list)) && write_instr(doc, map, &graph->instrs[i]);
  if (list && ok) list = put_list(doc, to, "outputs");
  for (int32_t i = 0; list && ok && i < graph->outputs_count; i++)
    ok = (map = push_map(doc, list)) && put_string(doc, map, "name", graph->outputs[i].name) &&
         put_number(doc, map, "value", graph->outputs[i].value);
  return list && ok ? PRL_OK : prl_fail_memory(error, 0);
}

/* ---- Reading ---- */

static int find_word(const char *const *words, int count, const char *word) {
  for (int i = 0; word && i < count; i++)
    if (strcmp(words[i], word) == 0) return i;
  return -1;
}

static prl_status bad(prl_error *error, const char *what, int64_t index) {
  return prl_fail(error, PRL_EFORMAT, "program: malformed %s %lld", what, (long long)index + 1);
}

static prl_status copy_name(prl_graph *graph, const char *text, char **out, prl_error *error) {
  if (!text) return PRL_OK;
  *out = prl_strdup(graph->runtime, text);
  return *out ? PRL_OK : prl_fail_memory(error, strlen(text) + 1);
}

static prl_status read_const(prl_graph *graph, const prl_value *from, prl_gvalue *value, int64_t index,
                             prl_error *error) {
  prl_tensor tensor;
  prl_gvalue_tensor(value, NULL, &tensor);
  const prl_value *data = prl_get(from, "data");
  if (prl_count(data) != prl_tensor_count(&tensor) || !data || data->kind != PRL_ARRAY)
    return bad(error, "constant", index);
  value->bytes = prl_alloc(graph->runtime, prl_gvalue_size(value));
  if (!value->bytes) return prl_fail_memory(error, prl_gvalue_size(value));
  tensor.data = value->bytes;
  for (int64_t i = 0; i < prl_count(data); i++) {
    if (prl_item(data, i)->kind != PRL_NUMBER) return bad(error, "constant", index);
    prl_tensor_set(&tensor, i, prl_item(data, i)->as.number);
  }
  return PRL_OK;
}

static prl_status read_value(prl_graph *graph, const prl_value *from, int64_t index, prl_error *error) {
  static const char *const dtypes[] = {"float32", "float64", "int32", "int64"};
  prl_gvalue *value = prl_graph_add_value(graph);
  if (!value) return prl_fail_memory(error, sizeof *value);
  int kind = find_word(kinds, 4, prl_get_string(from, "kind", NULL));
  int dtype = find_word(dtypes, 4, prl_get_string(from, "dtype", NULL));
  const prl_value *shape = prl_get(from, "shape");
  int64_t ndim = prl_count(shape), count = 1;
  if (kind < 0 || dtype < 0 || !shape || shape->kind != PRL_ARRAY || ndim > PRL_MAX_DIMS)
    return bad(error, "value", index);
  value->kind = (prl_vkind)kind;
  value->dtype = (prl_dtype)dtype;
  value->ndim = (int32_t)ndim;
  value->batch = prl_get_number(from, "batch", 0) != 0;
  value->needs_grad = prl_get_number(from, "grad", 0) != 0;
  for (int64_t d = 0; d < ndim; d++) {
    const prl_value *size = prl_item(shape, d);
    if (size->kind != PRL_NUMBER || !(size->as.number >= 0) || size->as.number > 1e9)
      return bad(error, "value", index);
    value->shape[d] = (int64_t)size->as.number;
    count *= value->shape[d];
    if (count > INT64_C(1) << 31) return bad(error, "value", index);
  }
  const char *name = prl_get_string(from, "name", NULL);
  if ((value->batch && ndim == 0) || (kind <= PRL_V_PARAM && !name)) return bad(error, "value", index);
  if (value->batch && kind != PRL_V_INPUT) return bad(error, "value", index);
  if (kind == PRL_V_PARAM && dtype != PRL_F32) return bad(error, "value", index);
  prl_status status = copy_name(graph, name, &value->name, error);
  if (!status && kind == PRL_V_CONST) status = read_const(graph, from, value, index, error);
  return status;
}

/* A whole number in [low, high]; false when it is something else. */
static bool read_int(const prl_value *value, int64_t low, int64_t high, int64_t *out) {
  if (!value || value->kind != PRL_NUMBER || value->as.number != floor(value->as.number)) return false;
  if (value->as.number < (double)low || value->as.number > (double)high) return false;
  *out = (int64_t)value->as.number;
  return true;
}

static bool read_attrs(const prl_value *from, prl_attrs *attrs) {
  const prl_value *ints = prl_get(from, "ints"), *floats = prl_get(from, "floats");
  if (prl_count(ints) > PRL_MAX_ATTR_INTS || prl_count(floats) > PRL_MAX_ATTR_FLOATS) return false;
  for (int64_t i = 0; i < prl_count(ints); i++)
    if (!read_int(prl_item(ints, i), -(INT64_C(1) << 53), INT64_C(1) << 53, &attrs->ints[i])) return false;
  for (int64_t i = 0; i < prl_count(floats); i++) {
    if (prl_item(floats, i)->kind != PRL_NUMBER) return false;
    attrs->floats[i] = prl_item(floats, i)->as.number;
  }
  attrs->ints_count = (int32_t)prl_count(ints);
  attrs->floats_count = (int32_t)prl_count(floats);
  return true;
}

/* Each temp is made by exactly one node, and before anything reads it. */
static prl_status read_node(prl_graph *graph, const prl_value *from, int64_t index, uint8_t *made,
                            prl_error *error) {
  prl_node *node = prl_graph_add_node(graph);
  if (!node) return prl_fail_memory(error, sizeof *node);
  const char *name = prl_get_string(from, "op", "");
  node->op = prl_op_find(name);
  if (!node->op) return prl_fail(error, PRL_EFORMAT, "program: op \"%s\" is unknown to this version", name);
  const prl_value *in = prl_get(from, "in");
  int64_t id, line = 0, count = prl_count(in);
  if (count < node->op->min_inputs || count > node->op->max_inputs || !read_attrs(from, &node->attrs))
    return bad(error, "node", index);
  for (int64_t i = 0; i < count; i++) {
    if (!read_int(prl_item(in, i), 0, graph->values_count - 1, &id)) return bad(error, "node", index);
    if (graph->values[id].kind == PRL_V_TEMP && !made[id]) return bad(error, "node", index);
    node->in[i] = (int32_t)id;
  }
  node->inputs = (int)count;
  if (!read_int(prl_get(from, "out"), 0, graph->values_count - 1, &id) ||
      graph->values[id].kind != PRL_V_TEMP || made[id])
    return bad(error, "node", index);
  made[id] = 1;
  node->out = (int32_t)id;
  read_int(prl_get(from, "line"), 0, INT32_MAX, &line);
  node->line = (int32_t)line;
  return PRL_OK;
}

static bool scalar_value(const prl_graph *graph, int64_t id) {
  if (id == -1) return true;
  prl_tensor tensor;
  prl_gvalue_tensor(&graph->values[id], NULL, &tensor);
  return tensor.dtype == PRL_F32 && prl_tensor_count(&tensor) == 1;
}

static prl_status read_instr(prl_graph *graph, const prl_value *from, int64_t index, prl_error *error) {
  prl_instr *instr = prl_graph_add_instr(graph);
  if (!instr) return prl_fail_memory(error, sizeof *instr);
  int kind = find_word(instrs, 6, prl_get_string(from, "do", NULL));
  int64_t a, b = 0, add = 0, values = graph->values_count - 1, nodes = graph->nodes_count - 1;
  if (kind < 0) return bad(error, "instruction", index);
  bool on_node = kind == PRL_I_FORWARD || kind == PRL_I_BACKWARD;
  bool commit = kind == PRL_I_STEP || kind == PRL_I_COPY;
  if (!read_int(prl_get(from, "a"), commit ? -1 : 0, on_node ? nodes : values, &a))
    return bad(error, "instruction", index);
  if (prl_get(from, "b") &&
      !read_int(prl_get(from, "b"), -1, kind == PRL_I_BACKWARD ? UINT8_MAX : values, &b))
    return bad(error, "instruction", index);
  if (prl_get(from, "add") && !read_int(prl_get(from, "add"), 0, UINT8_MAX, &add))
    return bad(error, "instruction", index);
  bool ok = true;
  if (on_node && (add | (kind == PRL_I_BACKWARD ? b : 0)) >> graph->nodes[a].inputs) ok = false;
  if (kind == PRL_I_BACKWARD &&
      (!graph->nodes[a].op->backward || !graph->values[graph->nodes[a].out].needs_grad))
    ok = false;
  if (kind == PRL_I_SEED) ok = scalar_value(graph, a) && graph->values[a].needs_grad;
  if (kind == PRL_I_ZERO) ok = graph->values[a].kind == PRL_V_PARAM;
  if (commit) ok = scalar_value(graph, a) && (kind == PRL_I_COPY || scalar_value(graph, b));
  if (!ok) return bad(error, "instruction", index);
  *instr = (prl_instr){.kind = (prl_instr_kind)kind, .a = (int32_t)a, .b = (int32_t)b, .add = (uint32_t)add};
  const char *name = prl_get_string(from, "name", NULL), *source = prl_get_string(from, "from", NULL);
  if ((commit && !name) || (kind == PRL_I_COPY && !source)) return bad(error, "instruction", index);
  prl_status status = copy_name(graph, name, &instr->name, error);
  return status ? status : copy_name(graph, source, &instr->name2, error);
}

static prl_status read_output(prl_graph *graph, const prl_value *from, int64_t index, prl_error *error) {
  prl_goutput *output = prl_graph_add_output(graph);
  if (!output) return prl_fail_memory(error, sizeof *output);
  int64_t id;
  if (!read_int(prl_get(from, "value"), 0, graph->values_count - 1, &id) ||
      !prl_get_string(from, "name", NULL))
    return bad(error, "output", index);
  output->value = (int32_t)id;
  return copy_name(graph, prl_get_string(from, "name", NULL), &output->name, error);
}

/* Shapes of nodes must be what their values say, so that a plan's buffers fit. */
static prl_status check_shapes(const prl_graph *graph, prl_error *error) {
  for (int32_t i = 0; i < graph->nodes_count; i++) {
    const prl_node *node = &graph->nodes[i];
    prl_tensor tensors[PRL_MAX_INPUTS], out;
    const prl_tensor *in[PRL_MAX_INPUTS];
    bool needs_grad = false;
    for (int k = 0; k < node->inputs; k++) {
      prl_gvalue_tensor(&graph->values[node->in[k]], NULL, &tensors[k]);
      in[k] = &tensors[k];
      needs_grad |= graph->values[node->in[k]].needs_grad;
    }
    prl_inferred inferred = {.aux = {.ndim = -1}};
    prl_status status = node->op->infer(&node->attrs, node->inputs, in, &inferred, error);
    if (status) return status;
    prl_gvalue_tensor(&graph->values[node->out], NULL, &out);
    if (!prl_tensor_same_shape(&out, &inferred.out) || out.dtype != inferred.out.dtype)
      return bad(error, "node", i);
    if (graph->values[node->out].needs_grad && !needs_grad) return bad(error, "node", i);
  }
  return PRL_OK;
}

typedef prl_status (*read_item)(prl_graph *graph, const prl_value *from, int64_t index, prl_error *error);

static prl_status read_list(prl_graph *graph, const prl_value *from, const char *key, read_item read,
                            prl_error *error) {
  const prl_value *list = prl_get(from, key);
  if (!list || list->kind != PRL_ARRAY || prl_count(list) > 100000)
    return prl_fail(error, PRL_EFORMAT, "program: no list of %s", key);
  prl_status status = PRL_OK;
  for (int64_t i = 0; i < prl_count(list) && !status; i++) status = read(graph, prl_item(list, i), i, error);
  return status;
}

static prl_status read_nodes(prl_graph *graph, const prl_value *from, prl_error *error) {
  uint8_t *made = prl_calloc(graph->runtime, (size_t)graph->values_count + 1, 1);
  if (!made) return prl_fail_memory(error, (size_t)graph->values_count + 1);
  const prl_value *list = prl_get(from, "nodes");
  prl_status status = list && list->kind == PRL_ARRAY && prl_count(list) <= 100000
                          ? PRL_OK
                          : prl_fail(error, PRL_EFORMAT, "program: no list of nodes");
  for (int64_t i = 0; !status && i < prl_count(list); i++)
    status = read_node(graph, prl_item(list, i), i, made, error);
  for (int32_t i = 0; !status && i < graph->values_count; i++)
    if (graph->values[i].kind == PRL_V_TEMP && !made[i]) status = bad(error, "value", i);
  prl_free(graph->runtime, made);
  return status;
}

prl_status prl_graph_read(prl_runtime *runtime, const prl_value *from, prl_graph **out, prl_error *error) {
  prl_graph *graph;
  prl_status status = prl_graph_new(runtime, &graph, error);
  if (status) return status;
  status = read_list(graph, from, "values", read_value, error);
  if (!status) status = read_nodes(graph, from, error);
  if (!status) status = read_list(graph, from, "instrs", read_instr, error);
  if (!status) status = read_list(graph, from, "outputs", read_output, error);
  if (!status) status = check_shapes(graph, error);
  if (status) {
    prl_graph_free(graph);
    return status;
  }
  *out = graph;
  return PRL_OK;
}
