/* Plans made by hand for the agent's tests: a Gaussian policy with one hidden layer, one critic network with
 * a column for each critic, and one PPO-like update program, traced in C. Include after support/check.h. */
#ifndef SPEC_AGENT_TOY_PLAN_H
#define SPEC_AGENT_TOY_PLAN_H

#include <math.h>
#include <stdio.h>

#include "agent/plan/plan.h"
#include "autograd/ops.h"
#include "autograd/tape.h"
#include "core/memory.h"
#include "perilune/env.h"

enum { TOY_HIDDEN = 8 };

/* From closed rows to what an on-policy loss reads; lambda as in the document. */
#define TOY_ESTIMATE(lambda)                                                                                 \
  "{\"verb\":\"freeze\"},{\"verb\":\"rewards\"},{\"verb\":\"values\"},{\"verb\":\"advantages\","             \
  "\"lambda\":" #lambda "},{\"verb\":\"weigh\",\"normalise\":true},"
#define TOY_PLAIN_ESTIMATE                                                                                   \
  "{\"verb\":\"freeze\"},{\"verb\":\"rewards\"},{\"verb\":\"values\"},{\"verb\":\"advantages\"},{\"verb\":"  \
  "\"weigh\"},"

typedef struct toy_options {
  int observations, actions, responses, critics; /* the reward of critic i is response i, or the first one */
  const char *capacity, *schedule, *live, *normaliser, *scale; /* JSON; NULL: the defaults below */
  const char *per; /* of every critic's discount; NULL: the plan does not say */
  int warmup;
  int memory; /* the width of the policy's, at most as many as observations; 0: none */
  int hidden; /* units of the hidden layers; 0: TOY_HIDDEN */
  bool popart;
  bool density;            /* the plan has a program "density" */
  bool poison;             /* the loss divides by the entropy weight: 0 makes it infinite */
  bool asynchronous;       /* several workers may learn by it */
  const char *value_optim; /* kind of the value set's optimizer; NULL: adam */
  const char *refit;       /* JSON; NULL: none */
  const char *novelty;     /* JSON; NULL: none. It has a program "novelty", of all observations */
  bool continuation;       /* the plan has a program "continuation", of the first observation and response */
} toy_options;

#define TOY_NOVELTY_ESTIMATE                                                                                 \
  "{\"verb\":\"freeze\"},{\"verb\":\"rewards\"},{\"verb\":\"novelty\"},{\"verb\":\"values\"},{\"verb\":"     \
  "\"advantages\"},{\"verb\":\"weigh\"},"

static inline int toy_hidden(const toy_options *o) { return o->hidden ? o->hidden : TOY_HIDDEN; }

/* The last critic is that of novelty. */
static inline toy_options toy_with_novelty(toy_options o) {
  o.critics = 2;
  o.novelty = "{\"critic\":\"c1\",\"observes\":[\"o2\",\"o0\",\"o1\"],\"clip\":4}";
  o.schedule =
      "[{\"verb\":\"collect\",\"rows\":8}," TOY_NOVELTY_ESTIMATE "{\"verb\":\"minibatches\",\"size\":4,"
      "\"body\":[{\"verb\":\"run\",\"program\":\"update\"}]},{\"verb\":\"publish\"}]";
  return o;
}

/* Advantages without the luck of who went on. */
static inline toy_options toy_with_continuation(toy_options o) {
  o.continuation = true;
  o.schedule =
      "[{\"verb\":\"collect\",\"rows\":8},{\"verb\":\"freeze\"},{\"verb\":\"rewards\"},{\"verb\":\"values\"},"
      "{\"verb\":\"continuation\"},{\"verb\":\"advantages\"},{\"verb\":\"weigh\"},{\"verb\":\"minibatches\","
      "\"size\":4,"
      "\"body\":[{\"verb\":\"run\",\"program\":\"update\"}]},{\"verb\":\"publish\"}]";
  return o;
}

/* The same with few rows and short updates, for work that is repeated for each of its allocations. */
static inline toy_options toy_small(toy_options small) {
  small.capacity = "{\"streams\":4,\"rows\":16}";
  small.warmup = 4;
  small.schedule =
      "[{\"verb\":\"collect\",\"rows\":8}," TOY_PLAIN_ESTIMATE "{\"verb\":\"minibatches\",\"size\":4,"
      "\"body\":[{\"verb\":\"run\",\"program\":\"update\"}]},{\"verb\":\"publish\"}]";
  return small;
}

typedef struct toy_plan {
  prl_doc *document;
  prl_plan_tensor tensors[9];
} toy_plan;

typedef struct toy_net {
  prl_runtime *runtime;
  prl_tape *tape;
  prl_params *policy, *value;
  prl_optim *policy_optim, *value_optim;
} toy_net;

static int32_t toy_op(toy_net *t, const char *name, int ints_count, const int64_t *ints, int count,
                      const int32_t *in) {
  prl_error error = {PRL_OK, ""};
  prl_attrs attrs = {.ints_count = ints_count};
  int32_t out;
  for (int i = 0; i < ints_count; i++) attrs.ints[i] = ints[i];
  CHECK_OK(prl_tape_op(t->tape, prl_op_find(name), &attrs, count, in, &out, &error));
  return out;
}

#define TOY(name, ...)                                                                                       \
  toy_op(t, name, 0, NULL, (int)(sizeof((int32_t[]){__VA_ARGS__}) / 4), (int32_t[]){__VA_ARGS__})

static int32_t toy_input(toy_net *t, const char *name, int ndim, int64_t width, bool batch) {
  prl_error error = {PRL_OK, ""};
  float some[64];
  prl_tensor value;
  int32_t id;
  for (int i = 0; i < 64; i++) some[i] = 0.5f;
  prl_tensor_borrow(some, PRL_F32, ndim, (int64_t[]){2, width}, &value);
  CHECK_OK(prl_tape_input(t->tape, name, &value, batch, &id, &error));
  return id;
}

static int32_t toy_number(toy_net *t, float number) {
  prl_error error = {PRL_OK, ""};
  prl_tensor value;
  int32_t id;
  prl_tensor_borrow(&number, PRL_F32, 0, NULL, &value);
  CHECK_OK(prl_tape_constant(t->tape, &value, &id, &error));
  return id;
}

static int32_t toy_param(toy_net *t, prl_params *set, const char *name) {
  prl_error error = {PRL_OK, ""};
  int32_t id;
  CHECK_OK(prl_tape_param(t->tape, prl_params_find(set, name), &id, &error));
  return id;
}

static int32_t toy_mlp(toy_net *t, prl_params *set, int32_t x) {
  int64_t tanh_layer = PRL_TANH;
  int32_t layer[] = {x, toy_param(t, set, "0.weight"), toy_param(t, set, "0.bias")};
  return TOY("linear", toy_op(t, "linear", 1, &tanh_layer, 3, layer), toy_param(t, set, "1.weight"),
             toy_param(t, set, "1.bias"));
}

static void toy_output(toy_net *t, const char *name, int32_t id) {
  prl_error error = {PRL_OK, ""};
  CHECK_OK(prl_tape_output(t->tape, name, id, &error));
}

/* Numbers of a row's observations, with the state of a memory behind them. */
static int toy_width(const toy_options *o) { return o->observations + o->memory; }

/* tanh(state + the first observations) */
static void toy_memory(toy_net *t, const toy_options *o, int32_t obs) {
  const int64_t seen[] = {1, 0, o->memory}, kept[] = {1, o->observations, toy_width(o)};
  const int32_t sum = TOY("add", toy_op(t, "slice", 3, kept, 1, &obs), toy_op(t, "slice", 3, seen, 1, &obs));
  toy_output(t, "memory", TOY("tanh", sum));
}

static void toy_act(toy_net *t, const toy_options *o) {
  int32_t obs = toy_input(t, "obs", 2, toy_width(o), true),
          noise = toy_input(t, "noise", 2, o->actions, true);
  int32_t sample = toy_input(t, "sample", 0, 1, false);
  int32_t mean = toy_mlp(t, t->policy, obs), log_std = toy_param(t, t->policy, "log_std");
  int32_t action = TOY("add", mean, TOY("mul", TOY("mul", noise, TOY("exp", log_std)), sample));
  toy_output(t, "action", action);
  toy_output(t, "log_prob", TOY("normal_log_prob", action, mean, log_std));
  if (o->memory) toy_memory(t, o, obs);
}

static int32_t toy_policy_loss(toy_net *t, const toy_options *o, int32_t obs) {
  int32_t action = toy_input(t, "action", 2, o->actions, true), old = toy_input(t, "log_prob", 1, 0, true);
  int32_t advantage = toy_input(t, "advantage", 1, 0, true),
          entropy = toy_input(t, "algorithm.entropy", 0, 1, false);
  int32_t log_std = toy_param(t, t->policy, "log_std");
  int32_t log_ratio = TOY("sub", TOY("normal_log_prob", action, toy_mlp(t, t->policy, obs), log_std), old);
  int32_t ratio = TOY("exp", log_ratio);
  int32_t loss = TOY("neg", TOY("mean", TOY("mul", ratio, advantage)));
  loss = TOY("sub", loss, TOY("mul", entropy, TOY("sum", log_std)));
  if (o->poison) loss = TOY("div", loss, entropy);
  toy_output(t, "policy_loss", loss);
  toy_output(t, "approx_kl", TOY("mean", TOY("sub", TOY("sub", ratio, toy_number(t, 1)), log_ratio)));
  return loss;
}

static int32_t toy_value_loss(toy_net *t, int32_t values, int critic) {
  int64_t column[1] = {-1}, take[3] = {1, critic, critic + 1};
  char name[32];
  snprintf(name, sizeof name, "returns/c%d", critic);
  int32_t returns = toy_input(t, name, 1, 0, true);
  int32_t value = toy_op(t, "slice", 3, take, 1, &values);
  int32_t loss = TOY("mse", toy_op(t, "reshape", 1, column, 1, &value), returns);
  snprintf(name, sizeof name, "value_loss/c%d", critic);
  toy_output(t, name, loss);
  return loss;
}

static void toy_update(toy_net *t, const toy_options *o) {
  prl_error error = {PRL_OK, ""};
  int32_t obs = toy_input(t, "obs", 2, toy_width(o), true), lr = toy_input(t, "algorithm.lr", 0, 1, false);
  int32_t loss = toy_policy_loss(t, o, obs), values = toy_mlp(t, t->value, obs);
  for (int i = 0; i < o->critics; i++) loss = TOY("add", loss, toy_value_loss(t, values, i));
  CHECK_OK(prl_tape_backward(t->tape, loss, &error));
  CHECK_OK(prl_tape_step(t->tape, t->policy_optim, lr, -1, &error));
  CHECK_OK(prl_tape_step(t->tape, t->value_optim, lr, -1, &error));
}

static void toy_values(toy_net *t, const toy_options *o) {
  toy_output(t, "value", toy_mlp(t, t->value, toy_input(t, "obs", 2, toy_width(o), true)));
}

static void toy_density(toy_net *t, const toy_options *o) {
  int32_t obs = toy_input(t, "obs", 2, toy_width(o), true),
          action = toy_input(t, "action", 2, o->actions, true);
  toy_output(t, "log_prob",
             TOY("normal_log_prob", action, toy_mlp(t, t->policy, obs), toy_param(t, t->policy, "log_std")));
}

/* The square of what the critics' network says of an arrival. */
static void toy_novelty(toy_net *t, const toy_options *o) {
  int64_t column[1] = {-1}, take[3] = {1, 0, 1};
  int32_t value = toy_mlp(t, t->value, toy_input(t, "arrival", 2, o->observations, true));
  value = toy_op(t, "slice", 3, take, 1, &value);
  value = toy_op(t, "reshape", 1, column, 1, &value);
  toy_output(t, "novelty", TOY("mul", value, value));
}

/* σ(observation 0 + response 0) */
static void toy_continuation(toy_net *t, const toy_options *o) {
  int64_t column[1] = {-1}, take[3] = {1, 0, 1};
  int32_t obs = toy_input(t, "obs", 2, toy_width(o), true),
          response = toy_input(t, "response", 2, o->responses, true);
  int32_t sum = TOY("add", toy_op(t, "slice", 3, take, 1, &obs), toy_op(t, "slice", 3, take, 1, &response));
  toy_output(t, "continuation", TOY("sigmoid", toy_op(t, "reshape", 1, column, 1, &sum)));
}

static void toy_program(toy_net *t, const toy_options *o, void (*trace)(toy_net *, const toy_options *),
                        const char *name, prl_doc *document) {
  prl_error error = {PRL_OK, ""};
  uint64_t scope;
  CHECK_OK(prl_tape_begin(t->tape, true, &scope, &error));
  trace(t, o);
  prl_graph *graph = prl_tape_take(t->tape, &error);
  assert_non_null(graph);
  prl_value *programs = (prl_value *)prl_get(&document->root, "programs");
  CHECK_OK(prl_graph_write(graph, document, prl_put(document, programs, name), &error));
  prl_graph_free(graph);
}

/* ---- parameters ---- */

static prl_param *toy_new_param(prl_runtime *runtime, const char *name, int ndim, int64_t rows, int64_t width,
                                float size) {
  prl_error error = {PRL_OK, ""};
  prl_param *param;
  prl_tensor value;
  static uint32_t word;
  word = (uint32_t)(name[0] + 7 * rows + 3 * width); /* the same values in each run */
  CHECK_OK(prl_tensor_new(runtime, PRL_F32, ndim, (int64_t[]){rows, width}, &value, &error));
  for (int64_t i = 0; i < prl_tensor_count(&value); i++) {
    word = word * 1664525u + 1013904223u;
    ((float *)value.data)[i] = size * ((float)(word >> 8) / 8388608.0f - 1);
  }
  CHECK_OK(prl_param_new(runtime, name, &value, false, &param, &error));
  prl_tensor_release(&value);
  return param;
}

static prl_params *toy_set(prl_runtime *runtime, const char *name, int64_t in, int64_t hidden, int64_t out,
                           bool log_std) {
  prl_error error = {PRL_OK, ""};
  prl_params *set;
  prl_param *items[] = {toy_new_param(runtime, "0.weight", 2, in, hidden, 0.7f),
                        toy_new_param(runtime, "0.bias", 1, hidden, 0, 0.1f),
                        toy_new_param(runtime, "1.weight", 2, hidden, out, 0.3f),
                        toy_new_param(runtime, "1.bias", 1, out, 0, 0.1f), NULL};
  if (log_std) items[4] = toy_new_param(runtime, "log_std", 1, out, 0, 0.1f);
  CHECK_OK(prl_params_new(runtime, name, items, log_std ? 5 : 4, &set, &error));
  for (int i = 0; i < 5; i++) prl_param_release(items[i]);
  return set;
}

/* ---- the document ---- */

static int toy_set_text(char *to, size_t size, const char *name, int in, int hidden, int out, bool log_std) {
  return snprintf(to, size,
                  "{\"name\":\"%s\",\"params\":[{\"name\":\"0.weight\",\"shape\":[%d,%d]},{\"name\":\"0."
                  "bias\",\"shape\":[%d]},"
                  "{\"name\":\"1.weight\",\"shape\":[%d,%d]},{\"name\":\"1.bias\",\"shape\":[%d]}%s%.0d%s]}",
                  name, in, hidden, hidden, hidden, out, out,
                  log_std ? ",{\"name\":\"log_std\",\"shape\":[" : "", log_std ? out : 0,
                  log_std ? "]}" : "");
}

static prl_doc *toy_document(prl_runtime *runtime, const toy_options *o) {
  prl_error error = {PRL_OK, ""};
  static char text[16384];
  size_t size = sizeof text, at = 0;
#define ADD(...) at += (size_t)snprintf(text + at, size - at, __VA_ARGS__)
  ADD("{\"format\":2,\"hash\":\"0123456789abcdef0123456789abcdef\",\"recipe\":{\"train\":{\"steps\":1000}},"
      "\"seed\":7,");
  ADD("\"observation\":{\"names\":[");
  for (int i = 0; i < o->observations; i++) ADD("%s\"o%d\"", i ? "," : "", i);
  ADD("]},\"action\":{\"kind\":\"continuous\",\"names\":[");
  for (int i = 0; i < o->actions; i++) ADD("%s\"a%d\"", i ? "," : "", i);
  ADD("]},\"responses\":[");
  for (int i = 0; i < o->responses; i++)
    ADD("%s{\"name\":\"r%d\",\"unit\":\"\",\"missing\":0,\"combine\":\"sum\",\"wait_us\":0}", i ? "," : "",
        i);
  ADD("],\"capacity\":%s,\"warmup\":%d,\"normaliser\":%s,\"noise\":%d,", o->capacity ? o->capacity : "{}",
      o->warmup, o->normaliser ? o->normaliser : "null", o->actions);
  if (o->novelty) ADD("\"novelty\":%s,", o->novelty);
  if (o->refit) ADD("\"refit\":%s,", o->refit);
  if (o->memory) ADD("\"memory\":{\"width\":%d,\"stretch\":3},", o->memory);
  ADD("\"sets\":[");
  at += (size_t)toy_set_text(text + at, size - at, "policy", toy_width(o), toy_hidden(o), o->actions, true);
  ADD(",");
  at += (size_t)toy_set_text(text + at, size - at, "value", toy_width(o), toy_hidden(o), o->critics, false);
  ADD("],\"optims\":[{\"set\":\"policy\",\"kind\":\"adam\",\"max_norm\":0.5},{\"set\":\"value\",\"kind\":"
      "\"%s\"}],\"asynchronous\":%s,",
      o->value_optim ? o->value_optim : "adam", o->asynchronous ? "true" : "false");
  ADD("\"live\":%s,\"critics\":[", o->live ? o->live
                                           : "{\"algorithm.lr\":{\"value\":{\"kind\":\"linear\",\"from\":0."
                                             "003,\"to\":0,\"over\":100000},\"low\":0},"
                                             "\"algorithm.entropy\":0.01,\"gamma\":0.9}");
  for (int i = 0; i < o->critics; i++) {
    ADD("%s{\"name\":\"c%d\",\"gamma\":\"gamma\",\"weight\":%d,\"scale\":%s,\"reward\":[\"r\",%d],\"value_"
        "set\":\"value\"",
        i ? "," : "", i, i + 1, o->scale ? o->scale : "1", i < o->responses ? i : 0);
    if (o->per) ADD(",\"per\":\"%s\"", o->per);
    if (o->popart)
      ADD(",\"popart\":{\"weight\":\"1.weight\",\"bias\":\"1.bias\",\"column\":%d,\"decay\":0.2}", i);
    ADD("}");
  }
  ADD("],\"programs\":{},\"schedule\":%s}",
      o->schedule ? o->schedule
                  : "[{\"verb\":\"collect\",\"rows\":64}," TOY_ESTIMATE(
                        0.9) ""
                             "{\"verb\":\"epochs\",\"count\":2,\"body\":[{\"verb\":\"minibatches\",\"size\":"
                             "24,\"body\":["
                             "{\"verb\":\"run\",\"program\":\"update\"}]}]},{\"verb\":\"publish\"}]");
#undef ADD
  assert_true(at < size);
  prl_doc *document;
  CHECK_OK(prl_json_parse(runtime, text, at, &document, &error));
  return document;
}

/* The document with its programs, and the starting values. Freed by toy_free. */
static toy_plan toy_new(prl_runtime *runtime, const toy_options *o) {
  prl_error error = {PRL_OK, ""};
  static const char *const names[] = {"policy:0.weight", "policy:0.bias",  "policy:1.weight",
                                      "policy:1.bias",   "policy:log_std", "value:0.weight",
                                      "value:0.bias",    "value:1.weight", "value:1.bias"};
  toy_plan plan = {.document = toy_document(runtime, o)};
  prl_optim_options adam = prl_optim_defaults(PRL_ADAM);
  toy_net t = {.runtime = runtime,
               .policy = toy_set(runtime, "policy", toy_width(o), toy_hidden(o), o->actions, true),
               .value = toy_set(runtime, "value", toy_width(o), toy_hidden(o), o->critics, false)};
  CHECK_OK(prl_optim_new(t.policy, &adam, &t.policy_optim, &error));
  CHECK_OK(prl_optim_new(t.value, &adam, &t.value_optim, &error));
  CHECK_OK(prl_tape_new(runtime, &t.tape, &error));
  toy_program(&t, o, toy_act, "act", plan.document);
  toy_program(&t, o, toy_values, "values", plan.document);
  if (o->density) toy_program(&t, o, toy_density, "density", plan.document);
  if (o->novelty) toy_program(&t, o, toy_novelty, "novelty", plan.document);
  if (o->continuation) toy_program(&t, o, toy_continuation, "continuation", plan.document);
  toy_program(&t, o, toy_update, "update", plan.document);
  for (int i = 0; i < 9; i++) {
    const prl_tensor *from = i < 5 ? &t.policy->items[i]->value : &t.value->items[i - 5]->value;
    plan.tensors[i].name = names[i];
    CHECK_OK(prl_tensor_new(runtime, PRL_F32, from->ndim, from->shape, &plan.tensors[i].value, &error));
    memcpy(plan.tensors[i].value.data, from->data, (size_t)prl_tensor_count(from) * sizeof(float));
  }
  prl_tape_free(t.tape);
  prl_optim_free(t.policy_optim);
  prl_optim_free(t.value_optim);
  prl_params_release(t.policy);
  prl_params_release(t.value);
  return plan;
}

static void toy_free(toy_plan *plan) {
  for (int i = 0; i < 9; i++) prl_tensor_release(&plan->tensors[i].value);
  prl_doc_free(plan->document);
}

/* A plan of a copy of the document: prl_plan_new_from takes its own. */
static inline prl_status toy_plan_of(prl_runtime *runtime, const toy_plan *toy, prl_plan **out,
                                     prl_error *error) {
  prl_doc *copy;
  prl_status status = prl_doc_new(runtime, &copy, error);
  if (status) return status;
  status = prl_value_copy(copy, &copy->root, &toy->document->root)
               ? prl_plan_new_from(runtime, &copy, toy->tensors, 9, out, error)
               : prl_fail_memory(error, 0);
  prl_doc_free(copy);
  return status;
}

static inline prl_plan *toy_made(prl_runtime *runtime, const toy_options *o) {
  prl_error error = {PRL_OK, ""};
  toy_plan toy = toy_new(runtime, o);
  prl_plan *plan;
  CHECK_OK(toy_plan_of(runtime, &toy, &plan, &error));
  toy_free(&toy);
  return plan;
}

static inline prl_agent *toy_agent(prl_runtime *runtime, const toy_options *o) {
  prl_error error = {PRL_OK, ""};
  prl_plan *plan = toy_made(runtime, o);
  prl_agent *agent;
  CHECK_OK(prl_agent_new(plan, &agent, &error));
  prl_plan_free(plan);
  return agent;
}

/* The environment that these plans fit: n instances, of one worker. */
static inline prl_status toy_pendulum_of(prl_runtime *runtime, int64_t n, uint64_t seed, prl_vecenv **out,
                                         prl_error *error) {
  const prl_env_type *type = NULL;
  prl_status status = prl_env_find("pendulum", &type, error);
  return status ? status : prl_vecenv_new(runtime, type, NULL, n, seed, 100, out, error);
}

static inline prl_vecenv *toy_pendulum(prl_runtime *runtime, int64_t n, uint64_t seed) {
  prl_error error = {PRL_OK, ""};
  prl_vecenv *env;
  CHECK_OK(toy_pendulum_of(runtime, n, seed, &env, &error));
  return env;
}

#endif
