/* Graphs as data, programs that are read back, and memory that fails. */
#include "support/check.h"
#include "support/failing_alloc.h"

#include "autograd/program.h"
#include "autograd/tape.h"
#include "core/memory.h"
#include "core/rng.h"
#include "tensor/tensor.h"

/* A small regression: two linear layers, one used twice, a step with Adam. */
typedef struct work {
  prl_tape *tape;
  prl_param *params[4];
  prl_params *set;
  prl_optim *optim;
  prl_graph *graph;
  prl_program *program;
} work;

static prl_status make_param(prl_runtime *runtime, work *w, int i, int64_t rows, int64_t columns,
                             prl_error *error) {
  static const char *const names[] = {"w1", "b1", "w2", "b2"};
  prl_tensor value;
  int64_t shape[2] = {rows, columns};
  prl_status status = prl_tensor_new(runtime, PRL_F32, rows ? 2 : 1, rows ? shape : shape + 1, &value, error);
  if (status) return status;
  prl_rng_normals(prl_rng_make(7, (uint64_t)i, PRL_SITE_INIT), 0, 0, prl_tensor_count(&value), value.data);
  status = prl_param_new(runtime, names[i], &value, false, &w->params[i], error);
  prl_tensor_release(&value);
  return status;
}

static prl_status linear(prl_tape *tape, int32_t x, int32_t w, int32_t b, int32_t *out, prl_error *error) {
  prl_attrs attrs = {.ints_count = 1, .ints = {PRL_TANH}};
  int32_t in[3] = {x, w, b};
  return prl_tape_op(tape, prl_op_find("linear"), &attrs, 3, in, out, error);
}

static prl_status record(work *w, prl_error *error) {
  float x[6] = {.1f, -.2f, .3f, .4f, .5f, -.6f}, y[2] = {1, -1};
  int64_t x_shape[2] = {2, 3}, y_shape[2] = {2, 1};
  prl_tensor tx, ty;
  prl_tensor_borrow(x, PRL_F32, 2, x_shape, &tx);
  prl_tensor_borrow(y, PRL_F32, 2, y_shape, &ty);
  int32_t ix, iy, p[4], h, out, sum, loss, half;
  prl_attrs none = {0};
  prl_status status = prl_tape_input(w->tape, "x", &tx, true, &ix, error);
  if (!status) status = prl_tape_input(w->tape, "y", &ty, true, &iy, error);
  for (int i = 0; i < 4 && !status; i++) status = prl_tape_param(w->tape, w->params[i], &p[i], error);
  if (!status) status = linear(w->tape, ix, p[0], p[1], &h, error);
  if (!status) status = linear(w->tape, h, p[2], p[3], &out, error);
  if (!status) status = prl_tape_number(w->tape, .5, &half, error);
  int32_t twice[2] = {out, out}, pair[2];
  if (!status) status = prl_tape_op(w->tape, prl_op_find("mul"), &none, 2, twice, &sum, error);
  pair[0] = sum;
  pair[1] = iy;
  if (!status) status = prl_tape_op(w->tape, prl_op_find("mse"), &none, 2, pair, &loss, error);
  if (!status) status = prl_tape_backward(w->tape, loss, error);
  if (!status) status = prl_tape_step(w->tape, w->optim, -1, -1, error);
  if (!status) status = prl_tape_output(w->tape, "loss", loss, error);
  return status;
}

static prl_status begin(prl_runtime *runtime, work *w, bool tracing, prl_error *error) {
  uint64_t scope;
  prl_optim_options options = prl_optim_defaults(PRL_ADAM);
  options.max_norm = .5f;
  prl_status status = prl_tape_new(runtime, &w->tape, error);
  if (!status) status = make_param(runtime, w, 0, 3, 5, error);
  if (!status) status = make_param(runtime, w, 1, 0, 5, error);
  if (!status) status = make_param(runtime, w, 2, 5, 1, error);
  if (!status) status = make_param(runtime, w, 3, 0, 1, error);
  if (!status) status = prl_params_new(runtime, "net", w->params, 4, &w->set, error);
  if (!status) status = prl_optim_new(w->set, &options, &w->optim, error);
  if (!status) status = prl_tape_begin(w->tape, tracing, &scope, error);
  if (!status) status = record(w, error);
  if (!status && tracing) {
    w->graph = prl_tape_take(w->tape, error);
    if (!w->graph) status = PRL_ENOMEM;
  }
  return status;
}

static void finish(work *w) {
  prl_program_free(w->program);
  prl_graph_free(w->graph);
  prl_tape_free(w->tape);
  prl_optim_free(w->optim);
  for (int i = 0; i < 4; i++)
    prl_param_release(w->params[i]); /* before their set, which then need not keep them */
  prl_params_release(w->set);
}

static prl_status make_program(prl_runtime *runtime, work *w, int64_t rows, prl_error *error) {
  prl_doc *doc;
  prl_graph *copy = NULL;
  prl_status status = prl_doc_new(runtime, &doc, error);
  if (status) return status;
  status = prl_graph_write(w->graph, doc, &doc->root, error);
  if (!status) status = prl_graph_read(runtime, &doc->root, &copy, error);
  prl_doc_free(doc);
  prl_bindings bindings = {&w->set, 1, &w->optim, 1};
  return status ? status : prl_program_new(copy, &bindings, rows, &w->program, error);
}

static prl_status whole_life(prl_runtime *runtime, void *context, prl_error *error) {
  (void)context;
  work w = {0};
  prl_status status = begin(runtime, &w, true, error);
  if (!status) status = make_program(runtime, &w, 2, error);
  if (!status) status = prl_program_run(w.program, 0, NULL, error);
  finish(&w);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  assert_true(fail_each_allocation(whole_life, NULL) > 30);
}

/* A program read from data, at another number of rows, does what the tape did. */
static void data_keeps_the_meaning(void **state) {
  (void)state;
  prl_error error;
  prl_runtime *runtime;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  work eager = {0}, traced = {0};
  CHECK_OK(begin(runtime, &eager, false, &error));
  CHECK_OK(begin(runtime, &traced, true, &error));
  assert_memory_not_equal(eager.set->value, traced.set->value, (size_t)eager.set->size * sizeof(float));
  CHECK_OK(make_program(runtime, &traced, 8, &error));
  CHECK_OK(prl_program_rows(traced.program, 2, &error));
  float x[6] = {.1f, -.2f, .3f, .4f, .5f, -.6f}, y[2] = {1, -1};
  memcpy(prl_program_input(traced.program, "x")->data, x, sizeof x);
  memcpy(prl_program_input(traced.program, "y")->data, y, sizeof y);
  CHECK_OK(prl_program_run(traced.program, 0, NULL, &error));
  assert_memory_equal(eager.set->value, traced.set->value, (size_t)eager.set->size * sizeof(float));
  CHECK_FAILS(prl_program_rows(traced.program, 9, &error), PRL_ELIMIT, "planned for at most 8");
  CHECK_FAILS(prl_program_rows(traced.program, 0, &error), PRL_EINVAL, "at least 1");
  finish(&eager);
  finish(&traced);
  prl_runtime_release(runtime);
}

/* Any JSON either is refused or makes a program that can be freed: values, nodes and instructions are changed
 * at random in their text. */
static void malformed_data_is_refused(void **state) {
  (void)state;
  prl_error error;
  prl_runtime *runtime;
  prl_doc *doc;
  char *text;
  size_t length;
  int refused = 0, rounds = 20000;
  CHECK_OK(prl_runtime_new(NULL, &runtime, &error));
  work w = {0};
  CHECK_OK(begin(runtime, &w, true, &error));
  CHECK_OK(prl_doc_new(runtime, &doc, &error));
  CHECK_OK(prl_graph_write(w.graph, doc, &doc->root, &error));
  CHECK_OK(prl_json_write(runtime, &doc->root, false, 0, &text, &length, &error));
  prl_doc_free(doc);
  char *mutant = malloc(length + 1);
  for (int round = 0; round < rounds; round++) {
    uint32_t words[4];
    memcpy(mutant, text, length + 1);
    prl_rng_block(prl_rng_make(1, 1, PRL_SITE_USER), 0, 0, 0, (uint32_t)round, words);
    for (int i = 0; i < 1 + (int)(words[3] % 2); i++)
      mutant[words[i] % length] = "0123456789-,e[]"[words[i] / 7 % 15];
    prl_graph *graph = NULL;
    doc = NULL;
    prl_status status = prl_json_parse(runtime, mutant, length, &doc, &error);
    if (!status) status = prl_graph_read(runtime, &doc->root, &graph, &error);
    prl_bindings bindings = {&w.set, 1, &w.optim, 1};
    prl_program *program = NULL;
    if (!status) status = prl_program_new(graph, &bindings, 2, &program, &error);
    if (!status) prl_program_run(program, 0, NULL, &error);
    refused += status != PRL_OK;
    prl_program_free(program);
    prl_doc_free(doc);
  }
  assert_true(refused > rounds / 3);
  free(mutant);
  prl_free(runtime, text);
  finish(&w);
  prl_runtime_release(runtime);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail),
                                     cmocka_unit_test(data_keeps_the_meaning),
                                     cmocka_unit_test(malformed_data_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
