/* Values that a program makes again instead of storing them: the bytes of the tape, the memory of a tile. */
#include "support/runtime.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/program.h"
#include "autograd/tape.h"
#include "core/clock.h"
#include "core/memory.h"
#include "core/rng.h"
#include "tensor/tensor.h"

/* Two networks of three layers over the same rows, both in one loss. ROWS: so many that their hidden values
 * would take more than a program stores. */
enum { INPUTS = 16, HIDDEN = 32, OUTPUTS = 8, NETS = 2, PARAMS = 12, ROWS = 180001, FEWER = 80011 };

typedef struct work {
  prl_unary act;
  int64_t hidden;
  bool forward; /* no gradients, no step */
  bool shows;   /* the first network's first hidden values are an output as well */
  bool through; /* tiles pass through the losses there and back, and nothing is made again */
  int32_t loss;
  prl_tape *tape;
  prl_param *params[PARAMS];
  prl_params *set;
  prl_optim *optim;
  prl_graph *graph;
  prl_program *program;
} work;

static prl_error error;
static float *inputs, *targets; /* (ROWS, …) */

static void make_param(work *w, int i) {
  static const char *const names[PARAMS] = {"a1", "c1", "a2", "c2", "a3", "c3",
                                            "b1", "d1", "b2", "d2", "b3", "d3"};
  const int64_t widths[4] = {INPUTS, w->hidden, w->hidden, OUTPUTS};
  int layer = i % 6 / 2;
  int64_t shape[2] = {widths[layer], widths[layer + 1]};
  prl_tensor value;
  CHECK_OK(prl_tensor_new(runtime, PRL_F32, i % 2 ? 1 : 2, i % 2 ? shape + 1 : shape, &value, &error));
  float *x = value.data;
  prl_rng_normals(prl_rng_make(7, (uint64_t)i, PRL_SITE_INIT), 0, 0, prl_tensor_count(&value), x);
  for (int64_t k = 0; k < prl_tensor_count(&value); k++) x[k] *= 1 / sqrtf((float)shape[0]);
  CHECK_OK(prl_param_new(runtime, names[i], &value, false, &w->params[i], &error));
  prl_tensor_release(&value);
}

static int32_t op(work *w, const char *name, int count, const int32_t *in, prl_unary act) {
  const prl_attrs attrs = {.ints_count = act != PRL_IDENTITY, .ints = {act}};
  int32_t out;
  CHECK_OK(prl_tape_op(w->tape, prl_op_find(name), &attrs, count, in, &out, &error));
  return out;
}

static int32_t loss_of(work *w, int net, int32_t x, int32_t y) {
  for (int layer = 0; layer < 3; layer++) {
    int32_t in[3] = {x};
    for (int i = 0; i < 2; i++)
      CHECK_OK(prl_tape_param(w->tape, w->params[6 * net + 2 * layer + i], &in[1 + i], &error));
    x = op(w, "linear", 3, in, layer < 2 ? w->act : PRL_IDENTITY);
    if (w->shows && !net && !layer) CHECK_OK(prl_tape_output(w->tape, "hidden", x, &error));
  }
  return op(w, w->through ? "mse" : "bce_with_logits", 2, (int32_t[]){x, y}, PRL_IDENTITY);
}

static void borrow(float *from, int64_t rows, int64_t columns, prl_tensor *out) {
  prl_tensor_borrow(from, PRL_F32, 2, (int64_t[]){rows, columns}, out);
}

static void record(work *w, int64_t rows) {
  prl_tensor x, y;
  int32_t ix, iy, losses[NETS];
  borrow(inputs, rows, INPUTS, &x);
  borrow(targets, rows, OUTPUTS, &y);
  CHECK_OK(prl_tape_input(w->tape, "x", &x, true, &ix, &error));
  CHECK_OK(prl_tape_input(w->tape, "y", &y, true, &iy, &error));
  for (int net = 0; net < NETS; net++) losses[net] = loss_of(w, net, ix, iy);
  int32_t loss = op(w, "add", 2, losses, PRL_IDENTITY);
  w->loss = loss;
  if (!w->forward) {
    CHECK_OK(prl_tape_backward(w->tape, loss, &error));
    CHECK_OK(prl_tape_step(w->tape, w->optim, -1, -1, &error));
  }
  CHECK_OK(prl_tape_output(w->tape, "loss", loss, &error));
}

/* Over so many rows on a tape, or traced. */
static void begin(work *w, int64_t rows, bool tracing) {
  uint64_t scope;
  prl_optim_options options = prl_optim_defaults(PRL_ADAM);
  if (!w->hidden) w->hidden = HIDDEN;
  CHECK_OK(prl_tape_new(runtime, &w->tape, &error));
  for (int i = 0; i < PARAMS; i++) make_param(w, i);
  CHECK_OK(prl_params_new(runtime, "net", w->params, PARAMS, &w->set, &error));
  CHECK_OK(prl_optim_new(w->set, &options, &w->optim, &error));
  CHECK_OK(prl_tape_begin(w->tape, tracing, &scope, &error));
  record(w, rows);
  if (tracing) assert_non_null(w->graph = prl_tape_take(w->tape, &error));
}

static void finish(work *w) {
  prl_program_free(w->program);
  prl_graph_free(w->graph);
  prl_tape_free(w->tape);
  prl_optim_free(w->optim);
  for (int i = 0; i < PARAMS; i++) prl_param_release(w->params[i]);
  prl_params_release(w->set);
}

static void make_program(work *w, int64_t rows, bool lent) {
  const prl_bindings bindings = {.sets = &w->set, .sets_count = 1, .optims = &w->optim, .optims_count = 1};
  int64_t measured;
  begin(w, 4, true);
  for (int32_t i = 0; i < w->graph->values_count; i++)
    w->graph->values[i].lent = lent && w->graph->values[i].kind == PRL_V_INPUT;
  CHECK_OK(prl_program_measure(w->graph, rows, &measured, &error));
  CHECK_OK(prl_program_new(w->graph, &bindings, rows, &w->program, &error));
  w->graph = NULL;
  assert_int_equal(prl_program_bytes(w->program), measured);
}

static void give(work *w, int64_t rows) {
  CHECK_OK(prl_program_rows(w->program, rows, &error));
  memcpy(prl_program_input(w->program, "x")->data, inputs, (size_t)rows * INPUTS * sizeof(float));
  memcpy(prl_program_input(w->program, "y")->data, targets, (size_t)rows * OUTPUTS * sizeof(float));
}

static int again(const work *w) {
  char *text;
  int count = 0;
  CHECK_OK(prl_program_print(w->program, false, &text, &error));
  for (const char *at = text; (at = strstr(at, " · again before ")); at++) count++;
  prl_free(runtime, text);
  return count;
}

static void same_parameters(const work *a, const work *b) {
  assert_memory_equal(a->set->value, b->set->value, (size_t)a->set->size * sizeof(float));
}

/* ---- bytes ---- */

/* Those of a tape, where all of them are stored. */
static void compare_with_tape(prl_unary act) {
  work eager = {.act = act}, traced = eager;
  begin(&eager, ROWS, false);
  make_program(&traced, ROWS, false);
  assert_int_equal(again(&traced), 2 * NETS);
  give(&traced, ROWS);
  CHECK_OK(prl_program_run(traced.program, 0, NULL, &error));
  same_parameters(&eager, &traced);
  finish(&eager);
  finish(&traced);
}

/* With each activation that has a gradient everywhere. */
static void bytes_are_those_of_stored_values(void **state) {
  (void)state;
  for (int act = 0; act < PRL_UNARY_COUNT; act++)
    if (act != PRL_LOG && act != PRL_LOG1P && act != PRL_SQRT && act != PRL_EXP)
      compare_with_tape((prl_unary)act);
}

/* With one whose slope reads the result, and one whose slope reads what was before it. */
static void under_each_table(void **state) {
  (void)state;
  static const char *const tables[] = {"baseline", "avx2", "avx512"};
  prl_runtime *kept = runtime;
  for (int i = 0; i < 3; i++) {
    if (!prl_kernels_find(tables[i])) continue;
    const prl_runtime_options options = {.kernels = tables[i]};
    CHECK_OK(prl_runtime_new(&options, &runtime, &error));
    compare_with_tape(PRL_TANH);
    compare_with_tape(PRL_GELU);
    assert_int_equal(prl_runtime_memory(runtime).live_bytes, 0);
    prl_runtime_release(runtime);
  }
  runtime = kept;
}

static void fewer_rows(bool through) {
  work eager = {.act = PRL_GELU, .through = through}, traced = eager, timed = eager;
  begin(&eager, FEWER, false);
  make_program(&traced, ROWS, false);
  give(&traced, FEWER);
  for (bool done = false; !done;)
    CHECK_OK(prl_program_run(traced.program, prl_clock_ns() + 50000, &done, &error));
  same_parameters(&eager, &traced);
  make_program(&timed, ROWS, false);
  give(&timed, FEWER);
  CHECK_OK(prl_program_run_timed(timed.program, &error));
  same_parameters(&eager, &timed);
  finish(&eager);
  finish(&traced);
  finish(&timed);
}

static void fewer_rows_and_stops_between_tiles(void **state) {
  (void)state;
  fewer_rows(false);
  fewer_rows(true);
}

/* An output is stored; what is made from it is made again. */
static void what_is_seen_elsewhere_is_stored(void **state) {
  (void)state;
  work eager = {.act = PRL_TANH, .shows = true}, traced = eager;
  begin(&eager, ROWS, false);
  make_program(&traced, ROWS, false);
  assert_int_equal(again(&traced), 2 * NETS - 1);
  give(&traced, ROWS);
  CHECK_OK(prl_program_run(traced.program, 0, NULL, &error));
  same_parameters(&eager, &traced);
  const prl_tensor *hidden = prl_program_output(traced.program, "hidden");
  assert_true(prl_kernels_of(runtime)->finite(prl_tensor_count(hidden), hidden->data));
  finish(&eager);
  finish(&traced);
}

/* A layer of which a far row is not finite is named, as where its values are stored. */
static void name_the_culprit(bool through) {
  work w = {.act = PRL_RELU, .through = through};
  make_program(&w, ROWS, false);
  for (int i = 1; i < PARAMS; i += 2)
    memset(w.params[i]->value.data, 0, (size_t)prl_tensor_count(&w.params[i]->value) * sizeof(float));
  float *weight = w.params[2]->value.data;
  for (int64_t i = 0; i < (int64_t)HIDDEN * HIDDEN; i++) weight[i] = 3e37f;
  give(&w, ROWS);
  float *x = prl_program_input(w.program, "x")->data;
  memset(x, 0, (size_t)ROWS * INPUTS * sizeof(float));
  x[(ROWS - 5) * INPUTS] = 1e6f;
  CHECK_FAILS(prl_program_run(w.program, 0, NULL, &error), PRL_ENUMERIC, "the result of op linear (op 2");
  finish(&w);
}

static void the_culprit_is_named(void **state) {
  (void)state;
  name_the_culprit(false);
  name_the_culprit(true);
}

/* ---- what else is not stored ---- */

static void lent_inputs_are_read_where_they_stand(void **state) {
  (void)state;
  work copied = {.act = PRL_TANH}, lent = copied;
  make_program(&copied, FEWER, false);
  give(&copied, FEWER);
  CHECK_OK(prl_program_run(copied.program, 0, NULL, &error));
  make_program(&lent, FEWER, true);
  prl_program_lend(lent.program, "x", inputs);
  prl_program_lend(lent.program, "y", targets);
  assert_ptr_equal(prl_program_input(lent.program, "x")->data, inputs);
  CHECK_OK(prl_program_run(lent.program, 0, NULL, &error));
  same_parameters(&copied, &lent);
  int64_t saved = prl_program_bytes(copied.program) - prl_program_bytes(lent.program);
  assert_true(saved >= (int64_t)FEWER * (INPUTS + OUTPUTS) * (int64_t)sizeof(float));
  finish(&copied);
  finish(&lent);
}

/* Of hidden values that nothing goes back through there is a tile. */
static void forward_alone_takes_a_tile(void **state) {
  (void)state;
  work w = {.act = PRL_TANH, .forward = true};
  make_program(&w, FEWER, false);
  give(&w, FEWER);
  CHECK_OK(prl_program_run(w.program, 0, NULL, &error));
  float loss = *(const float *)prl_program_output(w.program, "loss")->data;
  assert_int_equal(again(&w), 0);
  assert_true(prl_program_bytes(w.program) < (int64_t)4 * (FEWER + 4000) * (INPUTS + 3 * OUTPUTS));
  work eager = w;
  begin(&eager, FEWER, false);
  assert_true(loss == *(const float *)prl_tape_value(eager.tape, eager.loss)->data);
  eager.program = NULL;
  finish(&eager);
  finish(&w);
}

/* ---- the rule ---- */

/* Bytes that each further row takes. */
static double slope(const work *w, int64_t rows) {
  int64_t one, two;
  CHECK_OK(prl_program_measure(w->graph, rows, &one, &error));
  CHECK_OK(prl_program_measure(w->graph, rows + 48000, &two, &error));
  return (double)(two - one) / 48000;
}

/* Values of few inputs are stored up to 64 MiB in all, others up to 1 GiB; what remains is inputs, outputs
 * and losses. Where tiles pass through the losses, nothing is stored. */
static void values_are_stored_where_they_take_little(void **state) {
  (void)state;
  const double rest = 4. * (INPUTS + OUTPUTS + 3 * NETS * OUTPUTS);
  work narrow = {.act = PRL_TANH}, wide = {.act = PRL_TANH, .hidden = 160};
  begin(&narrow, 4, true);
  begin(&wide, 4, true);
  int64_t fit = (INT64_C(64) << 20) / (2 * NETS * HIDDEN * 4);
  int64_t below, above;
  CHECK_OK(prl_program_measure(narrow.graph, fit, &below, &error));
  CHECK_OK(prl_program_measure(narrow.graph, fit + 1, &above, &error));
  assert_true(below - above > (INT64_C(60) << 20));
  assert_true(slope(&narrow, fit + 1) < rest);
  double first = 4. * NETS * wide.hidden;
  assert_true(slope(&wide, 60000) > first && slope(&wide, 60000) < first + rest); /* the second layers' */
  assert_true(slope(&wide, 900000) < rest);
  work through = {.act = PRL_TANH, .through = true}; /* of any number of rows: the batch alone */
  begin(&through, 4, true);
  const double batch = 4. * (INPUTS + OUTPUTS);
  assert_true(slope(&through, 3000) == batch && slope(&through, 900000) == batch);
  finish(&through);
  finish(&narrow);
  finish(&wide);
}

static int setup(void **state) {
  (void)state;
  inputs = malloc((size_t)ROWS * INPUTS * sizeof(float));
  targets = malloc((size_t)ROWS * OUTPUTS * sizeof(float));
  prl_rng_normals(prl_rng_make(8, 0, PRL_SITE_USER), 0, 0, (int64_t)ROWS * INPUTS, inputs);
  prl_rng_normals(prl_rng_make(8, 1, PRL_SITE_USER), 0, 0, (int64_t)ROWS * OUTPUTS, targets);
  return open_runtime(state);
}

static int teardown(void **state) {
  free(inputs);
  free(targets);
  return close_runtime(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_are_those_of_stored_values),
      cmocka_unit_test(under_each_table),
      cmocka_unit_test(fewer_rows_and_stops_between_tiles),
      cmocka_unit_test(what_is_seen_elsewhere_is_stored),
      cmocka_unit_test(the_culprit_is_named),
      cmocka_unit_test(lent_inputs_are_read_where_they_stand),
      cmocka_unit_test(forward_alone_takes_a_tile),
      cmocka_unit_test(values_are_stored_where_they_take_little),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
