/* Noise of actions that is not fresh in each step: draws that last, and the Ornstein–Uhlenbeck process. The
 * policy's action is its noise, so that what is acted can be compared with draws of the addresses. */
#include "support/runtime.h"
#include "support/scratch.h"

#include <math.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/toy_plan.h"
#include "core/rng.h"
#include "tensor/kernels.h"

enum { WIDTH = 3, SEED = 7, CHUNK = 32 / WIDTH };

static prl_error error;

/* ---- agents whose action is their noise ---- */

static void trace_act(toy_net *t, const toy_options *o) {
  int32_t obs = toy_input(t, "obs", 2, 1, true), noise = toy_input(t, "noise", 2, o->actions, true);
  toy_output(t, "action", TOY("add", noise, TOY("mul", obs, toy_number(t, 0))));
}

/* verbs: of the schedule, between freeze and publish. */
static prl_status make(const char *noise, const char *capacity, const char *verbs, prl_agent **out) {
  static char text[2048];
  snprintf(
      text, sizeof text,
      "{\"format\":2,\"hash\":\"0123456789abcdef0123456789abcdef\",\"recipe\":{},\"seed\":%d,"
      "\"observation\":{\"names\":[\"o\"]},\"action\":{\"kind\":\"continuous\",\"names\":[\"a\",\"b\",\"c\"]}"
      ","
      "\"responses\":[],\"capacity\":%s,\"noise\":%s,\"sets\":[],\"optims\":[],\"live\":{},\"critics\":[],"
      "\"programs\":{},\"schedule\":[{\"verb\":\"collect\",\"rows\":64},{\"verb\":\"freeze\"},%s{\"verb\":"
      "\"publish\"}]}",
      SEED, capacity, noise, verbs);
  prl_doc *document;
  prl_plan *plan = NULL;
  toy_net t = {.runtime = runtime};
  CHECK_OK(prl_json_parse(runtime, text, strlen(text), &document, &error));
  CHECK_OK(prl_tape_new(runtime, &t.tape, &error));
  toy_program(&t, &(toy_options){.actions = WIDTH}, trace_act, "act", document);
  prl_tape_free(t.tape);
  CHECK_OK(prl_plan_new_from(runtime, &document, NULL, 0, &plan, &error));
  error.message[0] = 0;
  const prl_status status = prl_agent_new(plan, out, &error);
  prl_plan_free(plan);
  return status;
}

static prl_agent *agent_of(const char *noise) {
  prl_agent *agent;
  CHECK_OK(make(noise, "{\"streams\":4,\"rows\":4096}", "", &agent));
  return agent;
}

static void act(prl_agent *agent, uint64_t stream, prl_mode mode, float action[WIDTH]) {
  uint64_t decision;
  const float observation = 0.5f;
  CHECK_OK(prl_agent_act(agent, &stream, NULL, &observation, 1, mode, action, &decision, &error));
  assert_int_not_equal(decision, 0);
}

static void end(prl_agent *agent, uint64_t stream) {
  CHECK_OK(prl_agent_finish(agent, stream, PRL_TERMINATED, NULL, &error));
}

/* Draw number `draw` of a stream's episode, at its address. */
static void draw_at(uint64_t stream, uint32_t episode, uint32_t draw, float to[WIDTH]) {
  float chunk[CHUNK * WIDTH];
  const prl_rng rng = prl_rng_make(SEED, stream, PRL_SITE_ACTION);
  prl_kernels_of(runtime)->normals(rng.key, 0, episode, draw / CHUNK, CHUNK * WIDTH, chunk);
  memcpy(to, chunk + draw % CHUNK * WIDTH, WIDTH * sizeof(float));
}

/* ---- draws that last ---- */

static void check_lasting(const char *noise, uint32_t every) {
  prl_agent *agent = agent_of(noise);
  for (uint32_t episode = 0; episode < 2; episode++) {
    for (uint32_t step = 0; step < 100; step++)
      for (uint64_t stream = 5; stream < 8; stream++) { /* their steps alternate */
        float action[WIDTH], wanted[WIDTH];
        act(agent, stream, PRL_SAMPLE, action);
        draw_at(stream, episode, every ? step / every : 0, wanted);
        assert_memory_equal(action, wanted, sizeof action);
      }
    for (uint64_t stream = 5; stream < 8; stream++) end(agent, stream);
  }
  prl_agent_free(agent);
}

static void draws_last(void **state) {
  (void)state;
  check_lasting("3", 1);
  check_lasting("{\"width\":3}", 1);
  check_lasting("{\"width\":3,\"every\":7}", 7);
  check_lasting("{\"width\":3,\"every\":0}", 0);
}

/* ---- the process ---- */

static const double theta = 0.15, dt = 0.4;
#define PROCESS "{\"width\":3,\"theta\":0.15,\"dt\":0.4}"

/* Its value as the sum over all draws since step `first`, in float64. */
static void check_process(const float action[WIDTH], uint64_t stream, uint32_t episode, uint32_t first,
                          uint32_t step) {
  for (int k = 0; k < WIDTH; k++) {
    double sum = 0;
    for (uint32_t i = first; i <= step; i++) {
      float z[WIDTH];
      draw_at(stream, episode, i, z);
      sum += pow(1 - theta * dt, step - i) * sqrt(dt) * (double)z[k];
    }
    assert_true(fabs((double)action[k] - sum) < 1e-6);
  }
}

static void process_by_stream(void **state) {
  (void)state;
  float action[WIDTH];
  int64_t rows;
  prl_agent *agent = agent_of(PROCESS);
  for (uint32_t episode = 0; episode < 2; episode++) { /* begins at 0 with each */
    for (uint32_t step = 0; step < 120; step++)
      for (uint64_t stream = 5; stream < 8; stream++) {
        act(agent, stream, PRL_SAMPLE, action);
        check_process(action, stream, episode, 0, step);
      }
    for (uint64_t stream = 5; stream < 8; stream++) end(agent, stream);
  }
  assert_true(isnan(prl_agent_act_log_prob(agent, &rows)[0]));
  CHECK_FAILS(prl_agent_log_prob(agent, &(float){0}, action, 1, action, &error), PRL_EABSENT,
              "no program for densities");
  prl_agent_free(agent);
}

/* Where the step before was not driven by it, or the stream was forgotten, it begins anew. */
static void process_anew(void **state) {
  (void)state;
  float action[WIDTH];
  prl_agent *agent;
  CHECK_OK(make(PROCESS, "{\"streams\":1,\"rows\":4096}", "", &agent));
  for (uint32_t step = 0; step < 10; step++) act(agent, 5, step == 6 ? PRL_MEAN : PRL_SAMPLE, action);
  check_process(action, 5, 0, 7, 9);
  end(agent, 5);
  act(agent, 6, PRL_SAMPLE, action);
  check_process(action, 6, agent->experience->streams[0].episode, 0, 0);
  end(agent, 6);
  act(agent, 5, PRL_SAMPLE, action);
  check_process(action, 5, agent->experience->streams[0].episode, 0, 0);
  prl_agent_free(agent);
}

/* Rows that are not recorded have no state: they draw from the law that the process comes to, whose variance
 * v solves v = (1 − θ dt)² v + dt. */
static void process_without_state(void **state) {
  (void)state;
  const double variance = dt / (1 - pow(1 - theta * dt, 2));
  const float observation = 0.5f;
  const uint64_t stream = 5;
  float action[WIDTH], z[WIDTH];
  prl_agent *agent = agent_of(PROCESS);
  CHECK_OK(prl_agent_act(agent, &stream, NULL, &observation, 1, PRL_SAMPLE, action, NULL, &error));
  prl_kernels_of(runtime)->normals(prl_rng_make(SEED, stream, PRL_SITE_ACTION).key, 1, 0, 0, WIDTH, z);
  for (int k = 0; k < WIDTH; k++) assert_true(fabs((double)action[k] - sqrt(variance) * (double)z[k]) < 1e-6);
  prl_agent_free(agent);
}

static void process_is_saved(void **state) {
  (void)state;
  char path[64];
  scratch_path(path);
  float action[WIDTH], wanted[WIDTH];
  prl_agent *straight = agent_of(PROCESS), *agent = agent_of(PROCESS);
  for (int step = 0; step < 37; step++) {
    act(straight, 5, PRL_SAMPLE, wanted);
    act(agent, 5, PRL_SAMPLE, action);
    if (step % 5 != 3) continue;
    CHECK_OK(prl_agent_save(agent, NULL, path, &error));
    prl_agent_free(agent);
    CHECK_OK(prl_agent_load(runtime, path, &agent, &error));
  }
  assert_memory_equal(action, wanted, sizeof action);
  check_process(action, 5, 0, 0, 36);
  prl_agent_free(straight);
  prl_agent_free(agent);
}

/* ---- what is refused ---- */

static void check_refused(const char *noise, const char *text) {
  prl_agent *agent;
  CHECK_FAILS(make(noise, "{}", "", &agent), PRL_EFORMAT, text);
}

static void sentences(void **state) {
  (void)state;
  check_refused("{\"every\":2}", "noise.width");
  check_refused("{\"width\":3,\"every\":-1}", "noise.every");
  check_refused("{\"width\":3,\"theta\":0.15}", "noise.dt");
  check_refused("{\"width\":3,\"theta\":0,\"dt\":1}", "noise.theta");
  check_refused("{\"width\":3,\"theta\":2,\"dt\":1}", "noise.dt: expected at most 1 / theta");
  check_refused("{\"width\":3,\"every\":2,\"theta\":0.15,\"dt\":1}", "noise.every: expected 1 with theta");
}

/* The toy's act gives a density, and its update reads one. */
static prl_status try_toy(const char *noise, bool dense) {
  const toy_options options = {.observations = 1, .actions = 1, .responses = 1, .critics = 1};
  toy_plan toy = toy_new(runtime, &options);
  toy_net t = {.runtime = runtime};
  prl_doc *other;
  prl_plan *plan;
  prl_agent *agent = NULL;
  CHECK_OK(prl_json_parse(runtime, noise, strlen(noise), &other, &error));
  *(prl_value *)prl_get(&toy.document->root, "noise") = other->root;
  CHECK_OK(prl_tape_new(runtime, &t.tape, &error));
  if (!dense) {
    prl_value *act = (prl_value *)prl_path(&toy.document->root, "programs.act");
    toy_program(&t, &options, trace_act, "other", toy.document);
    *act = *prl_path(&toy.document->root, "programs.other");
    ((prl_value *)prl_get(&toy.document->root, "programs"))->count--; /* which it was the last of */
  }
  prl_tape_free(t.tape);
  CHECK_OK(toy_plan_of(runtime, &toy, &plan, &error));
  error.message[0] = 0;
  const prl_status status = prl_agent_new(plan, &agent, &error);
  prl_agent_free(agent);
  prl_plan_free(plan);
  prl_doc_free(other);
  toy_free(&toy);
  return status;
}

static void densities_are_refused(void **state) {
  (void)state;
  CHECK_OK(try_toy("1", true));
  CHECK_FAILS(try_toy("{\"width\":1,\"theta\":0.1,\"dt\":1}", true), PRL_EFORMAT,
              "program \"act\" gives log_prob, and its noise, a process (noise.theta), has no density");
  CHECK_FAILS(try_toy("{\"width\":1,\"theta\":0.1,\"dt\":1}", false), PRL_EFORMAT,
              "program \"update\" reads log_prob, and what acts has no density");
  prl_agent *agent;
  CHECK_FAILS(make(PROCESS, "{}", "{\"verb\":\"ratios\"},", &agent), PRL_EFORMAT,
              "ratios needs the densities of what acts, which has none");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(draws_last),           cmocka_unit_test(process_by_stream),
      cmocka_unit_test(process_anew),         cmocka_unit_test(process_without_state),
      cmocka_unit_test(process_is_saved),     cmocka_unit_test(sentences),
      cmocka_unit_test(densities_are_refused)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
