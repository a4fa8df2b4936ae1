/* The whole op table through the tape and through programs: for every example of every op, the tape, the
 * program that is traced from it and read back from its data, and the op's own functions give the same bytes,
 * forward and backward; with inputs straight from parameters, and through views of them with the op used
 * twice. */
#include "support/check.h"

#include <stdio.h>

#include "autograd/gradcheck.h"
#include "autograd/program.h"
#include "autograd/tape.h"
#include "core/memory.h"
#include "core/rng.h"
#include "support/failing_alloc.h"
#include "tensor/tensor.h"

static prl_error error;

typedef struct example {
  prl_runtime *runtime;
  const prl_op *op;
  prl_attrs attrs;
  int inputs;
  prl_tensor in[PRL_MAX_INPUTS];
  prl_tensor out, aux, projection, grad[PRL_MAX_INPUTS]; /* what the op's own functions give */
  prl_param *params[PRL_MAX_INPUTS];                     /* of the inputs that have a gradient */
  prl_params *set;
  prl_tape *tape;
} example;

static bool differentiable(const example *e, int i) {
  bool draws = (e->op->flags & PRL_OP_RANDOM) && i == e->inputs - 1;
  return e->in[i].dtype == PRL_F32 && !draws;
}

static bool has_grad(const example *e) { return !(e->op->flags & PRL_OP_NO_GRAD); }
static size_t bytes_of(const prl_tensor *t) { return (size_t)prl_tensor_count(t) * prl_dtype_size(t->dtype); }

/* ---- By hand ---- */

static void run_alone(example *e) {
  prl_inferred inferred = {0};
  prl_call call = {.k = prl_kernels_of(e->runtime), .attrs = &e->attrs, .inputs = e->inputs, .out = &e->out};
  for (int i = 0; i < e->inputs; i++) call.in[i] = &e->in[i];
  CHECK_OK(e->op->infer(&e->attrs, e->inputs, call.in, &inferred, &error));
  prl_tensor *out = &inferred.out, *aux = &inferred.aux;
  CHECK_OK(prl_tensor_new(e->runtime, out->dtype, out->ndim, out->shape, &e->out, &error));
  CHECK_OK(prl_tensor_new(e->runtime, PRL_F32, out->ndim, out->shape, &e->projection, &error));
  prl_rng_normals(prl_rng_make(9, 9, PRL_SITE_USER), 0, 0, prl_tensor_count(&e->projection),
                  e->projection.data);
  if (aux->ndim >= 0) {
    CHECK_OK(prl_tensor_new(e->runtime, PRL_F32, aux->ndim, aux->shape, &e->aux, &error));
    call.aux = &e->aux;
  }
  call.scratch = prl_alloc(e->runtime, ((size_t)inferred.scratch + 1) * sizeof(float));
  if (e->op->forward)
    e->op->forward(&call);
  else
    memcpy(e->out.data, e->in[0].data, bytes_of(&e->out));
  call.gout = &e->projection;
  for (int i = 0; i < e->inputs && has_grad(e); i++) {
    if (!differentiable(e, i)) continue;
    CHECK_OK(prl_tensor_new(e->runtime, PRL_F32, e->in[i].ndim, e->in[i].shape, &e->grad[i], &error));
    call.gin[i] = &e->grad[i];
  }
  if (e->op->backward)
    e->op->backward(&call);
  else if (has_grad(e))
    memcpy(e->grad[0].data, e->projection.data, bytes_of(&e->projection)); /* a view */
  prl_free(e->runtime, call.scratch);
}

static bool begin(example *e, prl_runtime *runtime, const prl_op *op, int index, bool sparse) {
  static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  float low[PRL_MAX_INPUTS], high[PRL_MAX_INPUTS];
  *e = (example){.runtime = runtime, .op = op};
  if (!op->example(index, &e->attrs, &e->inputs, e->in, low, high)) return false;
  CHECK_OK(prl_example_inputs(runtime, op, index, 3, &e->attrs, &e->inputs, e->in, &error));
  run_alone(e);
  prl_param *items[PRL_MAX_INPUTS];
  int count = 0;
  for (int i = 0; i < e->inputs; i++) {
    if (!differentiable(e, i)) continue;
    bool rows = i == 0 && (op->flags & PRL_OP_ROW_SPARSE);
    CHECK_OK(prl_param_new(runtime, names[i], &e->in[i], rows && sparse, &e->params[i], &error));
    items[count++] = e->params[i];
  }
  CHECK_OK(prl_params_new(runtime, "set", items, count, &e->set, &error));
  CHECK_OK(prl_tape_new(runtime, &e->tape, &error));
  return true;
}

static void end(example *e) {
  prl_tape_free(e->tape);
  for (int i = 0; i < e->inputs; i++) {
    prl_tensor_release(&e->in[i]);
    prl_tensor_release(&e->grad[i]);
    if (e->params[i]) prl_param_release(e->params[i]);
  }
  prl_params_release(e->set);
  prl_tensor_release(&e->out);
  prl_tensor_release(&e->aux);
  prl_tensor_release(&e->projection);
}

/* ---- On the tape ---- */

static int32_t op_on(example *e, const char *name, const prl_attrs *attrs, int inputs, const int32_t *in) {
  int32_t out = -1;
  CHECK_OK(prl_tape_op(e->tape, prl_op_find(name), attrs, inputs, in, &out, &error));
  return out;
}

/* The value through two reshapes: its gradient must come back through both. */
static int32_t through_views(example *e, int32_t value, const prl_tensor *shape) {
  prl_attrs flat = {.ints_count = 1, .ints = {-1}}, back = {.ints_count = shape->ndim};
  for (int d = 0; d < shape->ndim; d++) back.ints[d] = shape->shape[d];
  value = op_on(e, "reshape", &flat, 1, &value);
  return op_on(e, "reshape", &back, 1, &value);
}

/* A constant that lies with gaps in a larger tensor. */
static int32_t strided_constant(example *e, const prl_tensor *t) {
  int32_t id = -1;
  prl_tensor wide, view = *t;
  int64_t shape[PRL_MAX_DIMS] = {1};
  for (int d = 0; d < t->ndim; d++) shape[d] = t->shape[d];
  if (t->ndim > 0) shape[t->ndim - 1] *= 2;
  CHECK_OK(prl_tensor_new(e->runtime, t->dtype, t->ndim, shape, &wide, &error));
  if (t->ndim > 0)
    CHECK_OK(prl_tensor_slice(&wide, t->ndim - 1, 0, shape[t->ndim - 1], 2, &view, &error));
  else
    view = wide;
  prl_tensor_copy(&view, t);
  CHECK_OK(prl_tape_constant(e->tape, &view, &id, &error));
  prl_tensor_release(&wide);
  return id;
}

/* L = Σ projection · out; twice, where `twice`. Returns out. */
static int32_t record(example *e, bool views, bool twice) {
  int32_t in[PRL_MAX_INPUTS], pair[2], out;
  const prl_attrs none = {0};
  for (int i = 0; i < e->inputs; i++) {
    if (differentiable(e, i))
      CHECK_OK(prl_tape_param(e->tape, e->params[i], &in[i], &error));
    else
      in[i] = strided_constant(e, &e->in[i]);
    if (views && differentiable(e, i)) in[i] = through_views(e, in[i], &e->in[i]);
  }
  out = op_on(e, e->op->name, &e->attrs, e->inputs, in);
  if (!has_grad(e)) return out;
  CHECK_OK(prl_tape_constant(e->tape, &e->projection, &pair[1], &error));
  pair[0] = out;
  int32_t product = op_on(e, "mul", &none, 2, pair), loss = op_on(e, "sum", &none, 1, &product);
  if (twice) {
    pair[0] = op_on(e, e->op->name, &e->attrs, e->inputs, in);
    int32_t second = op_on(e, "mul", &none, 2, pair);
    int32_t both[2] = {loss, op_on(e, "sum", &none, 1, &second)};
    loss = op_on(e, "add", &none, 2, both);
  }
  CHECK_OK(prl_tape_backward(e->tape, loss, &error));
  return out;
}

static void check_gradients(example *e, const char *where, int index, float times) {
  for (int i = 0; i < e->inputs && has_grad(e); i++) {
    if (!e->params[i]) continue;
    const float *found = e->params[i]->grad.data, *wanted = e->grad[i].data;
    for (int64_t j = 0; j < prl_tensor_count(&e->grad[i]); j++)
      if (!(found[j] == times * wanted[j]))
        fail_msg("%s, example %d, %s: gradient of input %d, element %d is %.9g, not %.9g", e->op->name, index,
                 where, i, (int)j, (double)found[j], (double)(times * wanted[j]));
  }
}

static void check_out(example *e, const char *where, int index, const prl_tensor *out) {
  assert_true(out->dtype == e->out.dtype && prl_tensor_same_shape(out, &e->out));
  if (memcmp(out->data, e->out.data, bytes_of(out)) != 0)
    fail_msg("%s, example %d, %s: other bytes", e->op->name, index, where);
}

/* Wrong gradients, so that a program that computes none is seen. */
static void spoil_gradients(example *e) {
  for (int i = 0; i < e->inputs; i++) {
    if (!e->params[i]) continue;
    if (e->params[i]->row_sparse)
      prl_param_clear_touched(e->params[i]);
    else
      prl_tensor_fill(&e->params[i]->grad, 77);
  }
}

static prl_program *program_of(example *e) {
  prl_graph *graph = prl_tape_take(e->tape, &error), *copy = NULL;
  assert_non_null(graph);
  prl_doc *doc;
  prl_program *program = NULL;
  CHECK_OK(prl_doc_new(e->runtime, &doc, &error));
  CHECK_OK(prl_graph_write(graph, doc, &doc->root, &error));
  CHECK_OK(prl_graph_read(e->runtime, &doc->root, &copy, &error));
  prl_doc_free(doc);
  prl_graph_free(graph);
  prl_bindings bindings = {.sets = &e->set, .sets_count = 1};
  CHECK_OK(prl_program_new(copy, &bindings, 1, &program, &error));
  return program;
}

static void check_example(example *e, int index, bool views, bool twice) {
  uint64_t scope;
  float times = twice ? 2 : 1;
  CHECK_OK(prl_tape_begin(e->tape, true, &scope, &error));
  int32_t out = record(e, views, twice);
  check_out(e, "tape", index, prl_tape_value(e->tape, out));
  check_gradients(e, "tape", index, times);
  CHECK_OK(prl_tape_output(e->tape, "out", out, &error));
  prl_program *program = program_of(e);
  for (int run = 0; run < 2; run++) {
    bool done = false;
    spoil_gradients(e);
    CHECK_OK(prl_program_run(program, 0, &done, &error));
    assert_true(done);
    check_out(e, "program", index, prl_program_output(program, "out"));
    check_gradients(e, "program", index, times);
  }
  prl_program_free(program);
  spoil_gradients(e);
}

/* Backward once more, with the values that it does not read spoilt: for all gradients, and for each alone. */
static void check_reads(example *e, int index) {
  prl_inferred inferred = {0};
  prl_call call = {.k = prl_kernels_of(e->runtime), .attrs = &e->attrs, .inputs = e->inputs};
  for (int i = 0; i < e->inputs; i++) call.in[i] = &e->in[i];
  CHECK_OK(e->op->infer(&e->attrs, e->inputs, call.in, &inferred, &error));
  call.scratch = prl_alloc(e->runtime, ((size_t)inferred.scratch + 1) * sizeof(float));
  call.gout = &e->projection, call.aux = e->aux.data ? &e->aux : NULL;
  for (int alone = -1; alone < e->inputs; alone++) {
    prl_tensor copies[PRL_MAX_INPUTS + 1], grads[PRL_MAX_INPUTS] = {0};
    unsigned wanted = 0;
    for (int i = 0; i < e->inputs; i++)
      if (differentiable(e, i) && (alone < 0 || alone == i)) wanted |= 1u << i;
    unsigned reads = prl_op_reads(e->op, &e->attrs, wanted);
    for (int i = 0; i <= e->inputs; i++) {
      const prl_tensor *from = i < e->inputs ? &e->in[i] : &e->out;
      CHECK_OK(prl_tensor_new(e->runtime, from->dtype, from->ndim, from->shape, &copies[i], &error));
      prl_tensor_copy(&copies[i], from);
      if (!(reads & (i < e->inputs ? 1u << i : PRL_READS_OUT))) memset(copies[i].data, 0xff, bytes_of(from));
      if (i < e->inputs) call.in[i] = &copies[i];
    }
    call.out = &copies[e->inputs];
    for (int i = 0; i < e->inputs; i++) {
      call.gin[i] = wanted >> i & 1 ? &grads[i] : NULL;
      if (call.gin[i])
        CHECK_OK(prl_tensor_new(e->runtime, PRL_F32, e->in[i].ndim, e->in[i].shape, &grads[i], &error));
    }
    if (wanted) e->op->backward(&call);
    for (int i = 0; i < e->inputs; i++)
      if (call.gin[i] && memcmp(grads[i].data, e->grad[i].data, bytes_of(&grads[i])) != 0)
        fail_msg("%s, example %d: the gradient of input %d reads what prl_op_reads leaves out", e->op->name,
                 index, i);
    for (int i = 0; i <= e->inputs; i++) prl_tensor_release(&copies[i]);
    for (int i = 0; i < e->inputs; i++) prl_tensor_release(&grads[i]);
  }
  prl_free(e->runtime, call.scratch);
}

static void backward_reads_what_it_says(void **state) {
  (void)state;
  prl_runtime *runtime = NULL;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  example e;
  for (int i = 0; i < prl_ops_count; i++)
    for (int index = 0; begin(&e, runtime, prl_ops[i], index, false); index++) {
      if (prl_ops[i]->backward) check_reads(&e, index);
      end(&e);
    }
  prl_runtime_release(runtime);
}

static void check_table(const char *kernels) {
  if (!prl_kernels_find(kernels)) skip();
  prl_runtime *runtime = NULL;
  prl_runtime_options options = {.kernels = kernels};
  CHECK_OK(prl_runtime_new(&options, &runtime, &error));
  int64_t live = prl_runtime_memory(runtime).live_bytes;
  example e;
  for (int i = 0; i < prl_ops_count; i++) {
    bool rows = prl_ops[i]->flags & PRL_OP_ROW_SPARSE;
    for (int index = 0; begin(&e, runtime, prl_ops[i], index, true); index++) {
      check_example(&e, index, false, false);
      /* Repeated rows of two look-ups add in another order than twice one, and a sparse table has no views.
       */
      if (!rows) check_example(&e, index, true, true);
      end(&e);
    }
    for (int index = 0; rows && begin(&e, runtime, prl_ops[i], index, false); index++) {
      check_example(&e, index, false, false); /* a table whose gradient is dense */
      check_example(&e, index, true, false);
      end(&e);
    }
  }
  assert_int_equal(prl_runtime_memory(runtime).live_bytes, live);
  prl_runtime_release(runtime);
}

static void as_by_hand_baseline(void **state) { check_table("baseline"); }
static void as_by_hand_avx2(void **state) { check_table("avx2"); }
static void as_by_hand_avx512(void **state) { check_table("avx512"); }

/* ---- Memory ---- */

static prl_status one_check(prl_runtime *runtime, void *context, prl_error *e) {
  prl_gradcheck_result result;
  return prl_gradcheck_example(runtime, prl_op_find("layer_norm"), 0, 1, &result, e);
}

static void a_check_survives_lack_of_memory(void **state) {
  assert_true(fail_each_allocation(one_check, NULL) > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_by_hand_baseline),
      cmocka_unit_test(as_by_hand_avx2),
      cmocka_unit_test(as_by_hand_avx512),
      cmocka_unit_test(backward_reads_what_it_says),
      cmocka_unit_test(a_check_survives_lack_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
