#include "bench/product.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

enum { LAYERS = PRODUCT_LAYERS };

static prl_status new_param(product_net *net, int i, prl_error *error) {
  static const char *const names[] = {"0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"};
  int64_t in = net->sizes[i / 2], out = net->sizes[i / 2 + 1], shape[2] = {in, out};
  prl_tensor value;
  bool bias = i % 2;
  prl_status status =
      prl_tensor_new(net->runtime, PRL_F32, bias ? 1 : 2, bias ? shape + 1 : shape, &value, error);
  if (status) return status;
  if (!bias) {
    float *w = value.data;
    prl_rng_normals(prl_rng_make(1, (uint64_t)i, PRL_SITE_INIT), 0, 0, in * out, w);
    for (int64_t j = 0; j < in * out; j++) w[j] /= sqrtf((float)in);
  }
  status = prl_param_new(net->runtime, names[i], &value, false, &net->params[i], error);
  prl_tensor_release(&value);
  return status;
}

static prl_status new_batch(product_net *net, int64_t width, uint64_t stream, prl_tensor *out,
                            prl_error *error) {
  int64_t shape[2] = {net->batch, width};
  prl_status status = prl_tensor_new(net->runtime, PRL_F32, 2, shape, out, error);
  if (!status) prl_rng_normals(prl_rng_make(2, stream, PRL_SITE_USER), 0, 0, net->batch * width, out->data);
  return status;
}

static prl_status record_forward(product_net *net, const prl_op *linear, int32_t *y, prl_error *error) {
  prl_status status = prl_tape_input(net->tape, "x", &net->x, true, y, error);
  for (int l = 0; l < LAYERS && !status; l++) {
    prl_attrs act = {.ints_count = 1, .ints = {l < LAYERS - 1 ? PRL_TANH : PRL_IDENTITY}};
    int32_t in[3] = {*y, 0, 0};
    status = prl_tape_param(net->tape, net->params[2 * l], &in[1], error);
    if (!status) status = prl_tape_param(net->tape, net->params[2 * l + 1], &in[2], error);
    if (!status) status = prl_tape_op(net->tape, linear, &act, 3, in, y, error);
  }
  return status;
}

static prl_status record_training(product_net *net, const prl_op *linear, const prl_op *mse,
                                  prl_error *error) {
  int32_t pair[2], loss;
  prl_attrs none = {0};
  prl_status status = record_forward(net, linear, &pair[0], error);
  if (!status) status = prl_tape_input(net->tape, "target", &net->target, true, &pair[1], error);
  if (!status) status = prl_tape_op(net->tape, mse, &none, 2, pair, &loss, error);
  if (!status) status = prl_tape_backward(net->tape, loss, error);
  if (!status) status = prl_tape_step(net->tape, net->optim, -1, -1, error);
  if (!status) status = prl_tape_output(net->tape, "loss", loss, error);
  return status;
}

static prl_status trace(product_net *net, bool trains, prl_error *error) {
  uint64_t scope;
  int32_t y;
  const prl_op *linear = prl_op_find("linear"), *mse = prl_op_find("mse");
  prl_status status = prl_tape_begin(net->tape, true, &scope, error);
  if (!status && trains) status = record_training(net, linear, mse, error);
  if (!status && !trains) {
    status = record_forward(net, linear, &y, error);
    if (!status) status = prl_tape_output(net->tape, "y", y, error);
  }
  if (status) return status;
  prl_graph *graph = prl_tape_take(net->tape, error);
  if (!graph) return PRL_ENOMEM;
  prl_bindings bindings = {&net->set, 1, &net->optim, 1};
  status = prl_program_new(graph, &bindings, net->batch, &net->program, error);
  if (!status) status = prl_program_rows(net->program, net->batch, error);
  return status;
}

static prl_status build(product_net *net, bool trains, prl_error *error) {
  prl_optim_options options = prl_optim_defaults(PRL_ADAM);
  prl_status status = prl_runtime_new(NULL, &net->runtime, error);
  if (!status) status = prl_tape_new(net->runtime, &net->tape, error);
  for (int i = 0; i < 2 * LAYERS && !status; i++) status = new_param(net, i, error);
  if (!status) status = prl_params_new(net->runtime, "net", net->params, 2 * LAYERS, &net->set, error);
  if (!status) status = prl_optim_new(net->set, &options, &net->optim, error);
  if (!status) status = new_batch(net, net->sizes[0], 0, &net->x, error);
  if (!status) status = new_batch(net, net->sizes[LAYERS], 1, &net->target, error);
  if (!status) status = trace(net, trains, error);
  return status;
}

static void fill_input(product_net *net, const char *name, const prl_tensor *from) {
  prl_tensor *to = prl_program_input(net->program, name);
  if (to) memcpy(to->data, from->data, (size_t)prl_tensor_count(from) * sizeof(float));
}

product_net *product_net_new(int64_t batch, const int64_t sizes[LAYERS + 1], bool trains) {
  prl_error error = {0};
  product_net *net = calloc(1, sizeof *net);
  if (!net) return NULL;
  net->batch = batch;
  for (int l = 0; l <= LAYERS; l++) net->sizes[l] = sizes[l];
  if (build(net, trains, &error)) {
    fprintf(stderr, "perilune_bench: %s\n", error.message);
    product_net_free(net);
    return NULL;
  }
  fill_input(net, "x", &net->x), fill_input(net, "target", &net->target);
  return net;
}

void product_net_free(product_net *net) {
  if (!net) return;
  prl_program_free(net->program);
  prl_optim_free(net->optim);
  if (net->tape) prl_tape_free(net->tape);
  for (int i = 0; i < 2 * LAYERS; i++) {
    if (net->params[i]) prl_param_release(net->params[i]);
  }
  if (net->set) prl_params_release(net->set);
  prl_tensor_release(&net->x), prl_tensor_release(&net->target);
  prl_runtime_release(net->runtime);
  free(net);
}

void product_run(void *context) {
  product_net *net = context;
  net->failed = prl_program_run(net->program, 0, NULL, NULL) != PRL_OK || net->failed;
}

void product_eager(void *context) {
  product_net *net = context;
  uint64_t scope;
  prl_status status = prl_tape_begin(net->tape, false, &scope, NULL);
  if (!status) status = record_training(net, prl_op_find("linear"), prl_op_find("mse"), NULL);
  prl_tape_end(net->tape);
  net->failed = status != PRL_OK || net->failed;
}
